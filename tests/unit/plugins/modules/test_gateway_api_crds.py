# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))
from fake_api import FakeApi  # noqa: E402

from ansible_collections.meshgate.eks_istio.plugins.module_utils import gateway_crds as gw  # noqa: E402
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeError  # noqa: E402
from ansible_collections.meshgate.eks_istio.plugins.modules import gateway_api_crds  # noqa: E402

OURS = {"meshgate.io/cluster": "sandbox"}
NAME = "gateways.gateway.networking.k8s.io"


class Api(FakeApi):
    """Establishes what it is given, and lets the admission policy refuse for as long as it is told to."""

    denials = 0

    def put(self, item):
        if item["kind"] == gw.CRD:
            item = {**item, "status": {"conditions": [{"type": "Established", "status": "True"}]}}
        super().put(item)

    def request(self, method, path, query=None, body=None, content_type="application/json"):
        if path.startswith(gw.CRD) and self.denials:
            self.denials -= 1
            raise KubeError(f"ValidatingAdmissionPolicy '{gw.SAFE_UPGRADES}' denied request", 422)
        return super().request(method, path, query, body, content_type)


def manifests(version: str = "v1.6.3", channel: str = "standard") -> list[dict]:
    annotations = {gw.VERSION: version, gw.CHANNEL: channel}
    spec = {"group": "gateway.networking.k8s.io", "names": {"kind": "Gateway"}, "versions": [{"name": "v1", "served": True}]}
    crd = {"apiVersion": gw.CRD_API, "kind": gw.CRD, "metadata": {"name": NAME, "annotations": annotations}, "spec": spec}
    return [crd, {"apiVersion": gw.ADMISSION_API, "kind": gw.POLICY, "metadata": {"name": gw.SAFE_UPGRADES, "annotations": annotations}}]


@pytest.fixture
def params(tmp_path):
    def make(version: str = "v1.6.3", channel: str = "standard", **changes) -> dict:
        source = tmp_path / f"{channel}-{version}.yaml"
        source.write_text(yaml.safe_dump_all(manifests(version, channel)))
        allowed = {"allow_downgrade": False, "allow_channel_change": False}
        return {"source": str(source), "version": version, "channel": channel, "labels": OURS, "timeout": 5, **allowed, **changes}

    return make


def test_installed_once_and_then_unchanged(params):
    api = Api()
    planned = gateway_api_crds.present(api, params(), check_mode=True)
    assert (planned["changed"], planned["version_before"], planned["version"], api.objects) == (True, "", "v1.6.3", {})
    assert gateway_api_crds.present(api, params(), check_mode=False)["changed"]
    assert api.get("", gw.CRD, NAME)["metadata"]["labels"] == OURS
    assert not gateway_api_crds.present(api, params(), check_mode=False)["changed"]


def test_one_edited_annotation_is_named_and_repaired(params):
    api = Api()
    gateway_api_crds.present(api, params(), check_mode=False)
    api.objects[(gw.CRD, "", NAME)]["metadata"]["annotations"][gw.CHANNEL] = "mine"
    api.put({**manifests()[0], "metadata": {"name": "httproutes.gateway.networking.k8s.io", "annotations": {gw.VERSION: "v1.6.3", gw.CHANNEL: "standard"}}})
    api.put({**manifests()[0], "metadata": {"name": "grpcroutes.gateway.networking.k8s.io", "annotations": {gw.VERSION: "v1.6.3", gw.CHANNEL: "standard"}}})
    named = gateway_api_crds.present(api, params(), check_mode=True)
    assert [item["name"] for item in named["resources"]] == [NAME]
    assert NAME in named["diff"][0]["before_header"]
    gateway_api_crds.present(api, params(), check_mode=False)
    assert api.get("", gw.CRD, NAME)["metadata"]["annotations"][gw.CHANNEL] == "standard"


def test_an_upgrade_tells_where_from(params):
    api = Api(*manifests("v1.5.1"))
    found = gateway_api_crds.present(api, params(), check_mode=False)
    assert (found["version_before"], found["version"]) == ("v1.5.1", "v1.6.3")
    assert "labels" not in api.get("", gw.CRD, NAME)["metadata"]  # it was there before us


def test_a_change_of_channel_that_is_allowed_takes_the_guard_away_and_waits_for_it(params):
    api = Api()
    gateway_api_crds.present(api, params(), check_mode=False)
    with pytest.raises(gw.Unsafe, match="allow_channel_change"):
        gateway_api_crds.present(api, params(channel="experimental"), check_mode=False)
    api.denials = 1
    found = gateway_api_crds.present(api, params(channel="experimental", allow_channel_change=True), check_mode=False)
    assert (found["channel_before"], found["channel"]) == ("standard", "experimental")
    assert api.get("", gw.POLICY, gw.SAFE_UPGRADES)
    assert not gateway_api_crds.present(api, params(channel="experimental"), check_mode=True)["changed"]


def test_a_refusal_for_another_reason_is_not_waited_for(params):
    api = Api()
    api.denials = 1
    with pytest.raises(KubeError, match="denied"):
        gateway_api_crds.present(api, params(), check_mode=False)


@pytest.mark.parametrize(("asked", "words"), [({"version": "v1.7.0"}, "v1.6.3, but v1.7.0"), ({"channel": "experimental"}, "standard, but experimental")])
def test_a_source_that_is_something_else_is_refused(params, asked, words):
    with pytest.raises(gw.Unsafe, match=words):
        gateway_api_crds.present(Api(), {**params(), **asked}, check_mode=True)


def test_only_ours_are_removed_and_only_when_nothing_uses_them(params):
    api = Api()
    gateway_api_crds.present(api, params(), check_mode=False)
    gateway = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "edge", "namespace": "shop"}}
    api.put(gateway)
    with pytest.raises(gw.Unsafe, match="Gateway shop/edge"):
        gateway_api_crds.absent(api, params(), check_mode=False)
    api.delete("", "Gateway", "edge", "shop")
    assert not gateway_api_crds.absent(api, params(labels={"meshgate.io/cluster": "other"}), check_mode=False)["changed"]
    assert gateway_api_crds.absent(api, params(), check_mode=False)["changed"]
    assert api.objects == {}
    assert not gateway_api_crds.absent(api, params(), check_mode=False)["changed"]
