# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import pytest
import yaml
from fake_api import FakeApi

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube import helm as helm_drift
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube import helm_release
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeError

OURS = {"meshgate.io/cluster": "sandbox"}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "targetgroupbindings.elbv2.k8s.aws", "labels": OURS},
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
        "admission_probes": [],
        "wait": True,
        "timeout": 1,
        "finalizers": ["ingress.k8s.aws"],
        "finalizer_kinds": [{"api_version": "networking.k8s.io/v1", "kind": "Ingress"}],
        "remove_crds": False,
        "delete_after_uninstall": [],
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
        return [{**{key: value for key, value in CRD.items() if key != "status"}, "metadata": {"name": CRD["metadata"]["name"]}}]

    def install(self, take_ownership=False):
        self.ran.append("upgrade --take-ownership" if take_ownership else "upgrade")
        for item in self.rendered:
            self.api.put(item)
        self.record = helm_drift.Release((self.record.revision if self.record else 0) + 1, "deployed", "3.2.2", "v3.2.2", self.render("", []))
        return helm_drift.Answer(0, "deployed")

    def records(self, api):
        return [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sh.helm.release.v1.lbc.v1", "namespace": "kube-system"}}]

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
    with pytest.raises(Refused, match=r"not installed by this collection.*meshgate\.io/cluster=other"):
        helm_release.present(api, helm, theirs, check_mode=True)
    assert not helm_release.absent(api, helm, theirs, check_mode=False)["changed"]
    assert helm.ran == []
    assert not helm_release.present(api, helm, {**theirs, "adopt": True}, check_mode=True)["changed"]


def test_who_does_not_wait_is_told_whether_it_is_ready():
    api = FakeApi(CRD)
    helm = FakeHelm(api, {**deployment(), "status": {"replicas": 1, "readyReplicas": 0}})
    begun = helm_release.present(api, helm, params(wait=False), check_mode=False)
    assert (begun["changed"], begun["ready"], helm.ran) == (True, False, ["upgrade"])
    api.put(deployment())
    assert helm_release.present(api, helm, params(wait=False), check_mode=False)["ready"] is True


def test_a_controller_that_does_not_come_up_fails_with_its_cause():
    api = FakeApi(CRD)
    helm = FakeHelm(api, {**deployment(), "status": {}, "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "lbc"}}}})
    with pytest.raises(helm_release.kube_ready.NotReady) as failure:
        helm_release.present(api, helm, params(timeout=0), check_mode=False)
    assert failure.value.causes == ["Deployment lbc has no pods"]


class FailingHelm(FakeHelm):
    """Helm waits for hooks, and for what an uninstall deletes; then it says that it waited."""

    def install(self, take_ownership=False):
        super().install(take_ownership)
        self.record.status, self.record.waiting_jobs = "failed", ["lbc-migrate"]
        raise self.timed_out("upgrade")

    def uninstall(self):
        raise self.timed_out("uninstall")

    def timed_out(self, what):
        return helm_drift.HelmError(f"helm {what} failed: timed out waiting for the condition", ["helm", what], helm_drift.Answer(1))


def test_what_helm_waited_for_in_vain_is_named():
    api = FakeApi(CRD)
    helm = FailingHelm(api, {**deployment(), "status": {}, "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "lbc"}}}})
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    pod = {"kind": "Pod", "metadata": {"name": "lbc-migrate-1", "namespace": "kube-system", "labels": {"job-name": "lbc-migrate"}}}
    api.put({**pod, "status": {"phase": "Pending", "containerStatuses": [{"name": "migrate", "ready": False, "state": waiting}]}})
    done = {**pod["metadata"], "name": "lbc-migrate-0"}
    api.put({**pod, "metadata": done, "status": {"phase": "Succeeded", "containerStatuses": [{"name": "migrate", "ready": False}]}})
    with pytest.raises(helm_drift.HelmError, match="timed out waiting") as failure:
        helm_release.present(api, helm, params(), check_mode=False)
    assert failure.value.details["causes"] == ["pod lbc-migrate-1, migrate: waiting ImagePullBackOff no such image", "Deployment lbc has no pods"]


def test_what_was_never_made_is_no_cause():
    api = FakeApi(CRD)
    helm = FailingHelm(api, deployment())
    helm.install = lambda take_ownership=False: (_ for _ in ()).throw(helm.timed_out("upgrade"))
    with pytest.raises(helm_drift.HelmError) as failure:
        helm_release.present(api, helm, params(), check_mode=False)
    assert failure.value.details["causes"] == []


def test_what_does_not_go_is_named_with_what_holds_it():
    api, _helm = installed()
    helm = FailingHelm(api, deployment(), record=helm_drift.Release(1, "deployed", "3.2.2", "v3.2.2", [deployment()]))
    held = deployment()
    held["metadata"]["finalizers"] = ["example.com/last-words"]
    api.put(held)
    with pytest.raises(helm_drift.HelmError, match="timed out waiting") as failure:
        helm_release.absent(api, helm, params(), check_mode=False)
    assert failure.value.details["causes"] == ["Deployment kube-system/lbc is still there, held by example.com/last-words"]


def test_it_stays_while_something_needs_it_for_its_deletion():
    api, helm = installed(INGRESS)
    with pytest.raises(Refused, match="Ingress default/shop"):
        helm_release.absent(api, helm, params(), check_mode=False)
    assert "Ingress default/shop" in str(helm_release.absent(api, helm, params(), check_mode=True)["reasons"])
    assert helm.ran == []


def test_removed_once_with_what_it_made_and_then_nothing_to_do():
    api, helm = installed({"kind": "Lease", "metadata": {"name": "leader", "namespace": "kube-system"}})
    leftovers = [{"api_version": "coordination.k8s.io/v1", "kind": "Lease", "name": "leader"}]
    assert helm_release.absent(api, helm, params(delete_after_uninstall=leftovers), check_mode=True)["changed"]
    assert helm.ran == []
    assert helm_release.absent(api, helm, params(delete_after_uninstall=leftovers), check_mode=False)["changed"]
    assert api.find("coordination.k8s.io/v1", "Lease") == []
    assert api.find("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    assert not helm_release.absent(api, helm, params(), check_mode=False)["changed"]


def test_crds_go_when_asked_unless_objects_of_them_are_left():
    binding = {"apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding", "metadata": {"name": "b", "namespace": "default"}}
    api, helm = installed(binding)
    with pytest.raises(Refused, match="TargetGroupBinding default/b"):
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


# -- what others made ---------------------------------------------------------------------------------------------------

SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lbc-settings", "namespace": "kube-system"}, "data": {"a": "1"}}


@pytest.mark.parametrize("check", [True, False])
def test_what_helm_cannot_import_is_refused_before_it_runs_with_its_cause(check):
    """The words are those of existingResourceConflict and checkOwnership in helm's pkg/action/validate.go."""
    api = FakeApi(CRD, SETTINGS)
    helm = FakeHelm(api, deployment(), SETTINGS)
    with pytest.raises(Refused) as refused:
        helm_release.present(api, helm, params(), check)
    said = str(refused.value)
    assert "exist and cannot be imported into the current release: ConfigMap kube-system/lbc-settings" in said
    assert "label app.kubernetes.io/managed-by must be Helm but is missing; annotation meta.helm.sh/release-name must be lbc but is missing" in said
    assert helm.ran == []
    assert helm_release.present(api, helm, params(adopt=True), check)["changed"]
    assert helm.ran == ([] if check else ["upgrade --take-ownership"])


def test_what_another_release_made_is_refused_and_what_this_one_left_is_taken_up_again():
    marks = {"labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": {"meta.helm.sh/release-namespace": "kube-system"}}

    def of(release):
        return {**SETTINGS, "metadata": {**SETTINGS["metadata"], **marks, "annotations": {**marks["annotations"], "meta.helm.sh/release-name": release}}}

    with pytest.raises(Refused, match="release-name must be lbc but is other"):
        helm_release.present(FakeApi(CRD, of("other")), FakeHelm(FakeApi(), deployment(), SETTINGS), params(), check_mode=True)
    assert helm_release.present(FakeApi(CRD, of("lbc")), FakeHelm(FakeApi(), deployment(), SETTINGS), params(), check_mode=True)["changed"]


def test_an_uninstalled_release_has_nothing_left_to_delete_but_its_records():
    """`helm uninstall --keep-history`; a Deployment of that name is somebody else's by now."""
    api, helm = installed(status="uninstalled")
    planned = helm_release.absent(api, helm, params(), check_mode=True)
    assert [(item["kind"], item["name"]) for item in planned["resources"]] == [("Secret", "sh.helm.release.v1.lbc.v1")]
    assert helm_release.absent(api, helm, params(), check_mode=False)["resources"] == planned["resources"]


def test_a_removal_names_what_is_there_and_what_goes_with_it():
    api, helm = installed({"kind": "Lease", "metadata": {"name": "leader", "namespace": "kube-system"}})
    helm.record.manifests.append(SETTINGS)  # deleted by hand since
    leftovers = [{"api_version": "coordination.k8s.io/v1", "kind": "Lease", "name": "leader"}]
    planned = helm_release.absent(api, helm, params(delete_after_uninstall=leftovers), check_mode=True)
    assert [(item["kind"], item["name"]) for item in planned["resources"]] == [("Deployment", "lbc"), ("Lease", "leader")]


def test_the_crds_of_others_stay():
    theirs = {**CRD, "metadata": {"name": CRD["metadata"]["name"], "managedFields": [{"manager": "kubectl-create"}, {"manager": "meshgate"}]}}
    api = FakeApi(theirs)
    assert not helm_release.absent(api, FakeHelm(api), params(remove_crds=True), check_mode=False)["changed"]
    assert api.find("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    helm_release.present(api, FakeHelm(api, deployment()), params(), check_mode=False)
    assert "labels" not in api.find("apiextensions.k8s.io/v1", "CustomResourceDefinition")[0]["metadata"]


def test_crds_that_we_alone_have_written_are_ours_and_are_labelled():
    bare = {
        **CRD,
        "metadata": {"name": CRD["metadata"]["name"], "managedFields": [{"manager": "meshgate"}, {"manager": "kube-apiserver", "subresource": "status"}]},
    }
    api = FakeApi(bare, deployment())
    helm = FakeHelm(api, deployment(), record=helm_drift.Release(1, "deployed", "3.2.2", "v3.2.2", [deployment()]))
    assert helm_release.present(api, helm, params(), check_mode=False)["changed"]
    assert api.find("apiextensions.k8s.io/v1", "CustomResourceDefinition")[0]["metadata"]["labels"] == OURS
    assert not helm_release.present(api, helm, params(), check_mode=True)["changed"]
    assert helm_release.absent(api, helm, params(remove_crds=True), check_mode=False)["changed"]
