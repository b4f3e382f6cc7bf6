"""Role gateway_crds on CRDs that are a release older, in a cluster where Istio uses them: forward goes, and everything else is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from harness import CACHE, pinned, until

CONVERGE = "molecule/gateway_crds/converge.yml"
CLEANUP = "molecule/gateway_crds/cleanup.yml"  # the role with its own defaults: the pinned release
GROUP = "gateway.networking.k8s.io"
ROUTES = f"httproutes.{GROUP}"
PINNED = pinned("gateway_api")


def bundle(cluster) -> dict[str, tuple[str, str, str]]:
    """Version, channel and resourceVersion of each CRD."""
    found = {}
    for crd in cluster.find("CustomResourceDefinition"):
        if crd["spec"]["group"].endswith((GROUP, "gateway.networking.x-k8s.io")):
            said = crd["metadata"]["annotations"]
            found[crd["metadata"]["name"]] = (said[f"{GROUP}/bundle-version"], said[f"{GROUP}/channel"], crd["metadata"]["resourceVersion"])
    return found


def versions(cluster) -> set[tuple[str, str]]:
    return {(version, channel) for version, channel, _unused in bundle(cluster).values()}


@pytest.fixture
def refused(play, cluster):
    """Run the role with what it must refuse: what it said. The CRDs are those of before."""

    def run(playbook: str, **variables) -> str:
        before = bundle(cluster)
        done = play(playbook, "-e", json.dumps(variables), ok=False)
        assert done.code != 0
        assert bundle(cluster) == before, "it was refused, and done all the same"
        return done.failures()

    return run


def test_the_older_release_is_there_and_istio_takes_it(cluster):
    assert versions(cluster) == {("v1.5.1", "standard")}
    until("Istio's GatewayClass", lambda: cluster.has("GatewayClass", "istio"), 120)


def test_an_upgrade_says_what_it_would_do_and_does_it(play, cluster):
    would = play(CLEANUP, "--check", "--diff").result("Apply the Gateway API's CRDs")
    assert (would["changed"], would["version_before"], would["version"]) == (True, "v1.5.1", f"v{PINNED}")
    assert ROUTES in {item["name"] for item in would["resources"]}
    assert versions(cluster) == {("v1.5.1", "standard")}
    play(CLEANUP)
    assert versions(cluster) == {(f"v{PINNED}", "standard")}
    assert play(CLEANUP).changed == 0


def test_a_downgrade_is_refused(refused):
    said = refused(CONVERGE)
    assert f"the cluster has Gateway API CRDs v{PINNED}, but v1.5.1 is requested, which is older" in said
    assert "allow_downgrade" in said


def test_the_experimental_channel_over_the_standard_one_is_refused(refused):
    said = refused(CONVERGE, gateway_crds_channel="experimental", gateway_crds_version=PINNED, gateway_crds_source=assets("experimental"))
    assert "the cluster has Gateway API CRDs of channel standard, but channel experimental is requested" in said
    assert "allow_channel_change" in said


def assets(channel: str) -> str:
    """The pinned release's, as role toolchain laid them ready."""
    return str(max(CACHE.glob(f"gateway_api/*/{channel}"), key=lambda folder: folder.stat().st_mtime))


def test_objects_stored_in_a_version_that_the_bundle_lacks_are_refused(refused, cluster, tmp_path):
    """A later release will drop v1beta1, in which an old cluster may have stored routes."""
    later = Path(shutil.copytree(assets("standard"), tmp_path / "standard"))
    for file in later.glob("*_httproutes.yaml"):
        crd = yaml.safe_load(file.read_text(encoding="utf-8"))
        crd["spec"]["versions"] = [version for version in crd["spec"]["versions"] if version["name"] != "v1beta1"]
        file.write_text(yaml.safe_dump(crd), encoding="utf-8")
    stored(cluster, "v1", "v1beta1")
    try:
        said = refused(CONVERGE, gateway_crds_version=PINNED, gateway_crds_source=str(later))
    finally:
        stored(cluster, "v1")
    assert f"objects of {ROUTES} are stored as v1beta1, which v{PINNED} (standard) does not have (v1)" in said


def stored(cluster, *names: str) -> None:
    cluster.kubectl("patch", "crd", ROUTES, "--subresource=status", "--type=merge", "-p", json.dumps({"status": {"storedVersions": names}}))


def test_the_platform_routes_by_the_gateway_api_afterwards(play):
    """Istio has noticed that the CRDs went and came."""
    play("playbooks/site.yml", "-e", "rust_services_routing_api=gateway_api")
    play("playbooks/site.yml")
    assert play("playbooks/site.yml", "--check").changes() == []
