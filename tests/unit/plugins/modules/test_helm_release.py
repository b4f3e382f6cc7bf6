# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))
from fake_api import FakeApi  # noqa: E402

from ansible_collections.meshgate.eks_istio.plugins.module_utils import helm_drift  # noqa: E402
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeError  # noqa: E402
from ansible_collections.meshgate.eks_istio.plugins.modules import helm_release  # noqa: E402

OURS = {"meshgate.io/cluster": "sandbox"}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "targetgroupbindings.elbv2.k8s.aws"},
    "spec": {"group": "elbv2.k8s.aws", "names": {"kind": "TargetGroupBinding"}, "versions": [{"name": "v1beta1", "served": True}]},
    "status": {"conditions": [{"type": "Established", "status": "True"}]},
}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls", "namespace": "kube-system"}, "data": {"tls.key": "c2VjcmV0"}}
INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "shop", "namespace": "default", "finalizers": ["ingress.k8s.aws/resources"]},
}


def deployment(**spec) -> dict:
    metadata = {"name": "lbc", "namespace": "kube-system", "labels": OURS}
    ready = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"replicas": 1, "image": "one", **spec}, "status": ready}


def params(**changes) -> dict:
    defaults = {
        "labels": OURS,
        "adopt": False,
        "accepted": [],
        "timeout": 1,
        "finalizers": ["ingress.k8s.aws"],
        "finalizer_kinds": [{"api_version": "networking.k8s.io/v1", "kind": "Ingress"}],
        "remove_crds": False,
        "leftovers": [],
    }
    return {**defaults, **changes}


class FakeHelm(helm_drift.Helm):
    """Helm as it treats the cluster: installs what the chart renders, and keeps a record of it."""

    def __init__(self, api: FakeApi, *rendered: dict, record: helm_drift.Release | None = None) -> None:
        super().__init__(name="lbc", namespace="kube-system", chart="chart")
        self.api, self.rendered, self.record, self.ran = api, list(rendered), record, []

    def release(self, api):
        return self.record

    def render(self, kube_version, api_versions):
        return yaml.safe_load(yaml.safe_dump(self.rendered))

    def crds(self):
        return [{key: value for key, value in CRD.items() if key != "status"}]

    def install(self):
        self.ran.append("upgrade")
        for item in self.rendered:
            self.api.put(item)
        self.record = helm_drift.Release((self.record.revision if self.record else 0) + 1, "deployed", "3.2.2", "v3.2.2", self.render("", []))
        return helm_drift.Answer(0, "deployed")

    def uninstall(self):
        self.ran.append("uninstall")
        self.record = None
        return helm_drift.Answer(0, "uninstalled")


def installed(*more: dict, status: str = "deployed") -> tuple[FakeApi, FakeHelm]:
    api = FakeApi(CRD, deployment(), *more)
    return api, FakeHelm(api, deployment(), record=helm_drift.Release(1, status, "3.2.2", "v3.2.2", [deployment()]))


def test_installed_once_and_then_left_alone():
    api = FakeApi(CRD)
    helm = FakeHelm(api, deployment())
    first = helm_release.present(api, helm, params(), check_mode=False)
    assert (first["changed"], first["revision"], first["ready"]) == (True, 1, True)
    second = helm_release.present(api, helm, params(), check_mode=False)
    assert (second["changed"], second["reasons"], helm.ran) == (False, [], ["upgrade"])


def test_check_mode_installs_nothing():
    api = FakeApi()
    helm = FakeHelm(api, deployment(), SECRET)
    found = helm_release.present(api, helm, params(), check_mode=True)
    assert found["changed"]
    assert not found["ready"]
    assert {item["name"]: item["action"] for item in found["resources"]} == {"targetgroupbindings.elbv2.k8s.aws": "create", "lbc": "create", "tls": "create"}
    assert "c2VjcmV0" not in str(found["diff"])
    assert (helm.ran, api.objects) == ([], {})


def test_a_hand_edited_deployment_is_named_and_repaired():
    api, helm = installed()
    api.put(deployment(image="edited"))
    named = helm_release.present(api, helm, params(), check_mode=True)
    assert named["reasons"] == ["Deployment kube-system/lbc: update"]
    assert "image: edited" in named["diff"][0]["before"]
    assert helm_release.present(api, helm, params(), check_mode=False)["changed"]
    assert api.get("apps/v1", "Deployment", "lbc", "kube-system")["spec"]["image"] == "one"
    assert not helm_release.present(api, helm, params(), check_mode=True)["changed"]


def test_a_crd_alone_is_repaired_without_helm():
    api, helm = installed()
    api.put({**CRD, "spec": {**CRD["spec"], "versions": [{"name": "v1alpha1", "served": True}]}})
    assert helm_release.present(api, helm, params(), check_mode=False)["changed"]
    assert helm.ran == []


def test_what_a_killed_helm_left_is_taken_up():
    api, helm = installed(status="pending-upgrade")
    api.put({"kind": "Secret", "metadata": {"name": "sh.helm.release.v1.lbc.v1", "namespace": "kube-system"}})
    assert helm_release.present(api, helm, params(), check_mode=False)["reasons"] == ["the release is pending-upgrade"]
    assert api.get("v1", "Secret", "sh.helm.release.v1.lbc.v1", "kube-system") is None


def test_somebody_else_s_release_is_neither_changed_nor_removed():
    api, helm = installed()
    theirs = params(labels={"meshgate.io/cluster": "other"})
    with pytest.raises(helm_release.Refused, match=r"not installed by us.*meshgate\.io/cluster=other"):
        helm_release.present(api, helm, theirs, check_mode=True)
    assert not helm_release.absent(api, helm, theirs, check_mode=False)["changed"]
    assert helm.ran == []
    assert not helm_release.present(api, helm, {**theirs, "adopt": True}, check_mode=True)["changed"]


def test_a_controller_that_does_not_come_up_fails_with_its_cause():
    api = FakeApi(CRD)
    helm = FakeHelm(api, {**deployment(), "status": {}, "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "lbc"}}}})
    with pytest.raises(helm_release.kube_ready.NotReady) as failure:
        helm_release.present(api, helm, params(timeout=0), check_mode=False)
    assert failure.value.causes == ["Deployment lbc has no pods"]


def test_it_stays_while_something_needs_it_for_its_deletion():
    api, helm = installed(INGRESS)
    with pytest.raises(helm_release.Refused, match="Ingress default/shop"):
        helm_release.absent(api, helm, params(), check_mode=False)
    assert "Ingress default/shop" in str(helm_release.absent(api, helm, params(), check_mode=True)["reasons"])
    assert helm.ran == []


def test_removed_once_with_what_it_made_and_then_nothing_to_do():
    api, helm = installed({"kind": "Lease", "metadata": {"name": "leader", "namespace": "kube-system"}})
    leftovers = [{"api_version": "coordination.k8s.io/v1", "kind": "Lease", "name": "leader"}]
    assert helm_release.absent(api, helm, params(leftovers=leftovers), check_mode=True)["changed"]
    assert helm.ran == []
    assert helm_release.absent(api, helm, params(leftovers=leftovers), check_mode=False)["changed"]
    assert api.find("coordination.k8s.io/v1", "Lease") == []
    assert api.find("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    assert not helm_release.absent(api, helm, params(), check_mode=False)["changed"]


def test_crds_go_when_asked_unless_objects_of_them_are_left():
    binding = {"apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding", "metadata": {"name": "b", "namespace": "default"}}
    api, helm = installed(binding)
    with pytest.raises(helm_release.Refused, match="TargetGroupBinding default/b"):
        helm_release.absent(api, helm, params(remove_crds=True), check_mode=False)
    api.delete("", "TargetGroupBinding", "b", "default")
    helm_release.absent(api, helm, params(remove_crds=True), check_mode=False)
    assert api.find("apiextensions.k8s.io/v1", "CustomResourceDefinition") == []
    assert not helm_release.absent(api, helm, params(remove_crds=True), check_mode=False)["changed"]


def test_a_cluster_that_does_not_answer_would_get_it():
    would = helm_release.unreachable({"state": "present", "name": "lbc"}, KubeError("refused"))
    assert would["changed"]
    assert "release lbc would be installed" in would["msg"]
    assert not helm_release.unreachable({"state": "absent", "name": "lbc"}, KubeError("refused"))["changed"]
