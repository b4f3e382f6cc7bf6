# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import pytest
from fake_api import FakeApi

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube import gateway_crds as gw
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.apply import apply, changed
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.crds import brief, live_crds, plan_crds, same

OURS = {"meshgate.io/cluster": "sandbox"}


def crd(name: str, version: str = "v1.6.3", channel: str = "standard", versions: tuple[str, ...] = ("v1",), **extra) -> dict:
    spec = {"group": "gateway.networking.k8s.io", "names": {"kind": "Thing"}, "versions": [{"name": v, "served": True, "schema": {"big": 1}} for v in versions]}
    annotations = {gw.VERSION: version, gw.CHANNEL: channel}
    metadata = {"name": f"{name}.gateway.networking.k8s.io", "annotations": annotations}
    return {"apiVersion": gw.CRD_API, "kind": gw.CRD, "metadata": metadata, "spec": spec, **extra}


def guard(kind: str = gw.POLICY) -> dict:
    return {"apiVersion": gw.ADMISSION_API, "kind": kind, "metadata": {"name": gw.SAFE_UPGRADES}, "spec": {}}


def bundle(version: str = "v1.6.3", channel: str = "standard", *more: dict) -> gw.Bundle:
    return gw.bundle_of([crd("gateways", version, channel), crd("httproutes", version, channel), *more])


def test_a_bundle_tells_its_version_and_channel():
    found = bundle("v1.6.3", "experimental", guard())
    assert (found.version, found.channel, len(found.crds), len(found.guards)) == ("v1.6.3", "experimental", 2, 1)
    assert bundle_is_empty(gw.bundle_of([]))


def bundle_is_empty(found: gw.Bundle) -> bool:
    return (found.version, found.channel, found.crds) == ("", "", {})


def test_one_edited_annotation_is_not_another_version():
    assert gw.bundle_of([crd("a"), crd("b"), crd("c", "v1.9.9")]).version == "v1.6.3"


def test_foreign_crds_are_left_out():
    other = crd("x")
    other["spec"]["group"] = "example.com"
    assert bundle_is_empty(gw.bundle_of([other]))


def test_a_folder_without_its_kustomization(tmp_path):
    (tmp_path / "a.yaml").write_text("kind: CustomResourceDefinition\nmetadata: {name: a}\n")
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]\n")
    assert [manifest["metadata"]["name"] for manifest in gw.read_folder(str(tmp_path))] == ["a"]


ORDERED = ["rubbish", "0.8.1", "v1.6.0-rc.1", "v1.6.0-rc.2", "v1.6.0", "v1.9.9", "v1.10.0"]


@pytest.mark.parametrize("versions", list(zip(ORDERED, ORDERED[1:], strict=False)))
def test_versions_are_ordered(versions):
    assert gw.version_key(versions[0]) < gw.version_key(versions[1])


def test_a_downgrade_is_refused_unless_allowed():
    with pytest.raises(Refused, match=r"v1\.6\.3.*v1\.5\.1"):
        gw.refuse_unsafe(bundle("v1.6.3"), bundle("v1.5.1"))
    gw.refuse_unsafe(bundle("v1.6.3"), bundle("v1.5.1"), allow_downgrade=True)
    gw.refuse_unsafe(bundle("v1.5.1"), bundle("v1.6.3"))
    gw.refuse_unsafe(gw.Bundle(), bundle())


@pytest.mark.parametrize(("live", "wanted"), [("standard", "experimental"), ("experimental", "standard")])
def test_the_channel_is_not_changed_unasked(live, wanted):
    with pytest.raises(Refused, match=f"channel {live}, but channel {wanted}"):
        gw.refuse_unsafe(bundle(channel=live), bundle(channel=wanted))
    gw.refuse_unsafe(bundle(channel=live), bundle(channel=wanted), allow_channel_change=True)


def test_stored_versions_that_would_be_lost_are_refused_whatever_is_allowed():
    live = gw.bundle_of([crd("tcproutes", versions=("v1alpha2", "v1"), status={"storedVersions": ["v1alpha2", "v1"]})])
    wanted = gw.bundle_of([crd("tcproutes")])
    with pytest.raises(Refused, match=r"tcproutes\.gateway\.networking\.k8s\.io are stored as v1alpha2"):
        gw.refuse_unsafe(live, wanted, True, True)


def test_the_guard_denies_downgrades_and_experimental_over_standard():
    guarded = bundle("v1.6.3", "standard", guard())
    assert gw.guard_denies(guarded, bundle("v1.4.1"))
    assert gw.guard_denies(guarded, bundle("v1.6.3", "experimental"))
    assert not gw.guard_denies(guarded, bundle("v1.7.0"))
    assert not gw.guard_denies(bundle("v1.6.3"), bundle("v1.4.1"))


def test_only_what_is_new_or_ours_is_labelled():
    live = gw.bundle_of([crd("gateways"), {**crd("httproutes"), "metadata": {**crd("httproutes")["metadata"], "labels": OURS}}])
    wanted = bundle("v1.7.0", "standard", crd("grpcroutes", "v1.7.0"), guard())
    labels = {m["metadata"]["name"].split(".")[0]: m["metadata"].get("labels", {}) for m in gw.manifests(wanted, live, OURS)}
    assert labels == {"gateways": {}, "httproutes": OURS, "grpcroutes": OURS, "safe-upgrades": OURS}


def test_applied_once_then_the_same_without_asking_and_drift_is_seen():
    api = FakeApi()
    wanted = gw.manifests(bundle("v1.6.3", "standard", guard(), guard(gw.BINDING)), gw.Bundle(), OURS)
    first = plan_crds(api, wanted, "meshgate", gw.live_bundle(api).crds)
    assert {change.action for change in first} == {"create"}
    assert "schema" not in str(first[0].after)
    apply(api, wanted, "meshgate")
    live = gw.live_bundle(api)
    assert len(live.guards) == 2
    assert not changed(plan_crds(api, wanted, "meshgate", live.crds))

    api.objects[(gw.CRD, "", "gateways.gateway.networking.k8s.io")]["metadata"]["annotations"][gw.VERSION] = "v1.6.0"
    drift = [change for change in plan_crds(api, wanted, "meshgate", gw.live_bundle(api).crds) if change.action != "unchanged"]
    assert [change.id for change in drift] == ["CustomResourceDefinition gateways.gateway.networking.k8s.io"]
    assert drift[0].before["metadata"]["annotations"][gw.VERSION] == "v1.6.0"


def test_what_the_server_adds_to_a_crd_is_no_difference():
    live = crd("gateways", status={"storedVersions": ["v1"]})
    live["spec"] = {**live["spec"], "conversion": {"strategy": "None"}}
    live["metadata"]["labels"] = {"somebody": "else"}
    assert same(live, crd("gateways"))
    assert not same(live, crd("gateways", versions=("v1", "v2")))
    assert not same(crd("gateways"), live)


def test_live_crds_leave_out_what_is_missing():
    api = FakeApi(crd("gateways"))
    assert list(live_crds(api, ["gateways.gateway.networking.k8s.io", "none"])) == ["gateways.gateway.networking.k8s.io"]


def test_an_update_is_told_in_full():
    api = FakeApi(crd("gateways"))
    change = plan_crds(api, [crd("gateways", versions=("v2",))], "meshgate", {})[0]
    assert "schema" in str(brief(change).after)
