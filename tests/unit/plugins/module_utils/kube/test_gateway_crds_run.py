# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import functools
import hashlib
import http.server
import threading

import pytest
import yaml
from fake_api import FakeApi

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.fetch import NotFetched
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube import gateway_crds as gw
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeError

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
        return {"source": str(source), "checksum": "", "version": version, "channel": channel, "labels": OURS, "timeout": 5, **allowed, **changes}

    return make


@pytest.fixture
def published(params, tmp_path):
    """The addresses of a bundle and of a login page that is no page by its type."""
    params()
    (tmp_path / "login").write_text("<html><title>Sign in: please</title></html>")
    (tmp_path / "login.html").write_text("<html><title>Sign in: please</title></html>")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_bundle_by_its_address_has_the_sum_that_was_asked_for(published, params, tmp_path):
    address = f"{published}/standard-v1.6.3.yaml"
    given = params()
    expected = hashlib.sha256((tmp_path / "standard-v1.6.3.yaml").read_bytes()).hexdigest()
    assert gw.present(Api(), {**given, "source": address, "checksum": expected}, check_mode=True)["changed"]
    with pytest.raises(NotFetched, match=f"{address} is not what was expected: its SHA-256 is {expected}, not 0000"):
        gw.present(Api(), {**given, "source": address, "checksum": "0" * 64}, check_mode=True)


def test_a_login_page_is_named_as_one(published, params):
    with pytest.raises(NotFetched, match=r"/login\.html returned a web page \(text/html\)"):
        gw.present(Api(), {**params(), "source": f"{published}/login.html"}, check_mode=True)


def test_plain_http_is_refused(params):
    with pytest.raises(NotFetched, match=r"http://example\.test/x is plain HTTP.*accepted: an https URL"):
        gw.present(Api(), {**params(), "source": "http://example.test/x"}, check_mode=True)


def test_installed_once_and_then_unchanged(params):
    api = Api()
    planned = gw.present(api, params(), check_mode=True)
    assert (planned["changed"], planned["version_before"], planned["version"], api.objects) == (True, "", "v1.6.3", {})
    assert gw.present(api, params(), check_mode=False)["changed"]
    assert api.get("", gw.CRD, NAME)["metadata"]["labels"] == OURS
    assert not gw.present(api, params(), check_mode=False)["changed"]


def test_one_edited_annotation_is_named_and_repaired(params):
    api = Api()
    gw.present(api, params(), check_mode=False)
    api.objects[(gw.CRD, "", NAME)]["metadata"]["annotations"][gw.CHANNEL] = "mine"
    api.put({**manifests()[0], "metadata": {"name": "httproutes.gateway.networking.k8s.io", "annotations": {gw.VERSION: "v1.6.3", gw.CHANNEL: "standard"}}})
    api.put({**manifests()[0], "metadata": {"name": "grpcroutes.gateway.networking.k8s.io", "annotations": {gw.VERSION: "v1.6.3", gw.CHANNEL: "standard"}}})
    named = gw.present(api, params(), check_mode=True)
    assert [item["name"] for item in named["resources"]] == [NAME]
    assert NAME in named["diff"][0]["before_header"]
    gw.present(api, params(), check_mode=False)
    assert api.get("", gw.CRD, NAME)["metadata"]["annotations"][gw.CHANNEL] == "standard"


def test_an_upgrade_tells_where_from(params):
    api = Api(*manifests("v1.5.1"))
    found = gw.present(api, params(), check_mode=False)
    assert (found["version_before"], found["version"]) == ("v1.5.1", "v1.6.3")
    assert "labels" not in api.get("", gw.CRD, NAME)["metadata"]  # it was there before us


def test_a_change_of_channel_that_is_allowed_takes_the_guard_away_and_waits_for_it(params):
    api = Api()
    gw.present(api, params(), check_mode=False)
    with pytest.raises(Refused, match="allow_channel_change"):
        gw.present(api, params(channel="experimental"), check_mode=False)
    api.denials = 1
    found = gw.present(api, params(channel="experimental", allow_channel_change=True), check_mode=False)
    assert (found["channel_before"], found["channel"]) == ("standard", "experimental")
    assert api.get("", gw.POLICY, gw.SAFE_UPGRADES)
    assert not gw.present(api, params(channel="experimental"), check_mode=True)["changed"]


def test_a_refusal_for_another_reason_is_not_waited_for(params):
    api = Api()
    api.denials = 1
    with pytest.raises(KubeError, match="denied"):
        gw.present(api, params(), check_mode=False)


@pytest.mark.parametrize(("asked", "words"), [({"version": "v1.7.0"}, "v1.6.3, but v1.7.0"), ({"channel": "experimental"}, "standard, but experimental")])
def test_a_source_that_is_something_else_is_refused(params, asked, words):
    with pytest.raises(Refused, match=words):
        gw.present(Api(), {**params(), **asked}, check_mode=True)


def test_only_ours_are_removed_and_only_when_nothing_uses_them(params):
    api = Api()
    gw.present(api, params(), check_mode=False)
    gateway = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "edge", "namespace": "shop"}}
    api.put(gateway)
    with pytest.raises(Refused, match="Gateway shop/edge"):
        gw.absent(api, params(), check_mode=False)
    api.delete("", "Gateway", "edge", "shop")
    assert not gw.absent(api, params(labels={"meshgate.io/cluster": "other"}), check_mode=False)["changed"]
    assert gw.absent(api, params(), check_mode=False)["changed"]
    assert api.objects == {}
    assert not gw.absent(api, params(), check_mode=False)["changed"]
