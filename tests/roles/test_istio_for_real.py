# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""istioctl_install with the real istioctl and a real API server, on which no pod runs: ReplicaSets are said to be ready as soon as they are there."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / ".collections")]

import bare_api  # noqa: E402

from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis import mesh as report_mesh
from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio import install as istio_install  # noqa: E402
from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio import uninstall as istio_uninstall
from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio.istioctl import Istioctl, IstioError  # noqa: E402
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeApi, KubeError  # noqa: E402

LABELS = {"meshgate.io/cluster": "sandbox"}
PLAIN = "--grpcAddr=127.0.0.1:15010"
SPEC = {
    "profile": "minimal",
    "hub": "registry.example/istio",
    "values": {"pilot": {"autoscaleEnabled": False}},
    "unvalidatedValues": {"pilot": {"extraContainerArgs": [PLAIN]}},  # as the role's
}
GATEWAY = {"name": "east", "namespace": "istio-ingress", "enabled": True}
GATEWAYS = {"profile": "empty", "hub": "registry.example/istio", "components": {"ingressGateways": [GATEWAY]}}
TAG = "istio-revision-tag-default"
HELD = "held"
GATE = "target-health.elbv2.k8s.aws/k8s-held"


class Mesh:
    def __init__(self, kubeconfig: Path, api: KubeApi) -> None:
        self.kubeconfig, self.api = kubeconfig, api
        self.istioctl = Istioctl(bare_api.program("istioctl", "istioctl"), str(kubeconfig))

    def kubectl(self, *arguments: str, text: str = "") -> str:
        return bare_api.kubectl(self.kubeconfig, *arguments, text=text).stdout

    def tag(self, *arguments: str) -> None:
        argv = self.istioctl.command("tag", *arguments, "--skip-confirmation")
        subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120)

    def install(self, check: bool = False, **request: t.Any) -> dict[tuple[str, str], str]:
        given = {"spec": SPEC, "labels": LABELS, "readiness_timeout": 120, **request}
        result = istio_install.Install(istio_install.Request(**given), self.istioctl, self.api).run(check)
        return {(one["kind"], one["name"]): one["action"] for one in result.resources() if one["action"] != "unchanged"}

    def remove(self, check: bool = False, **removal: t.Any) -> dict[tuple[str, str], str]:
        given = {"labels": LABELS, "timeout": 120, **removal}
        result = istio_uninstall.run(istio_uninstall.Removal(**given), self.istioctl, self.api, check)
        return {(change.kind, change.name): change.action for change in result.changes}

    def revision(self, kind: str, name: str) -> str:
        item = json.loads(self.kubectl("get", kind, name, "-n", "istio-system", "-o", "json"))
        return item["metadata"]["labels"]["istio.io/rev"]

    def unheard(self) -> list[str]:
        return [finding.what for finding in report_mesh.sidecars(self.api).findings if finding.symptom == "injector"]


def say_ready(api: KubeApi, stop: threading.Event) -> None:
    """What a ReplicaSet's controller would write once its pods run. Those of HELD never do."""
    while not stop.wait(0.5):
        for item in api.find("apps/v1", "ReplicaSet"):
            if item["metadata"]["name"].startswith(f"{HELD}-"):
                continue
            metadata, count, said = item["metadata"], item["spec"].get("replicas", 0), item.get("status") or {}
            if (said.get("observedGeneration"), said.get("readyReplicas", 0)) == (metadata["generation"], count):
                continue
            numbers = dict.fromkeys(("replicas", "readyReplicas", "fullyLabeledReplicas", "availableReplicas"), count)
            path = f"/apis/apps/v1/namespaces/{metadata['namespace']}/replicasets/{metadata['name']}/status"
            with contextlib.suppress(KubeError):  # deleted in between
                status = {"status": {"observedGeneration": metadata["generation"], **numbers}}
                api.request("PATCH", path, {"fieldManager": "kube-controller-manager"}, status, "application/merge-patch+json")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    missing = bare_api.missing() + ([] if bare_api.program("istioctl", "istioctl") else ["istioctl"])
    if missing:
        pytest.skip(f"the toolchain has not made {', '.join(missing)} yet")
    stop = threading.Event()
    controllers = ("deployment-controller", "garbage-collector-controller", "namespace-controller")
    kubectl = bare_api.program("kubectl", "kubectl")
    with bare_api.running(tmp_path_factory.mktemp("api"), *controllers) as kubeconfig, KubeApi(kubectl, str(kubeconfig)) as api:
        for name, labels in (("istio-system", LABELS), ("istio-ingress", {}), ("shop", {"istio-injection": "enabled"})):
            space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
            bare_api.kubectl(kubeconfig, "apply", "--server-side", "-f", "-", text=json.dumps(space))
        thread = threading.Thread(target=say_ready, args=(api, stop), daemon=True)
        thread.start()
        try:
            yield Mesh(kubeconfig, api)
        finally:
            stop.set()
            thread.join()


def test_installed_labelled_and_then_unchanged(mesh: Mesh) -> None:
    planned = mesh.install(check=True)
    assert (
        planned[("Deployment", "istiod")] == planned[("MutatingWebhookConfiguration", TAG)] == planned[("Service", "istiod-revision-tag-default")] == "create"
    )
    assert mesh.install() == planned
    assert mesh.install(check=True) == {}
    labels = json.loads(mesh.kubectl("get", "deployment", "istiod", "-n", "istio-system", "-o", "json"))["metadata"]["labels"]
    assert labels["meshgate.io/cluster"] == "sandbox"
    assert mesh.unheard() == []


def test_istioctl_takes_the_roles_own_specification(tmp_path: Path) -> None:
    """What istioctl says against it, it says only when it reads it."""
    if not bare_api.program("istioctl", "istioctl"):
        pytest.skip("the toolchain has not made istioctl yet")
    files = [str(HERE.parents[1] / "roles/istio" / part / "main.yml") for part in ("defaults", "vars")]
    document = "{{ {'apiVersion': 'install.istio.io/v1alpha1', 'kind': 'IstioOperator', 'metadata': {'name': 'x'}, 'spec': _istio_spec} | to_json }}"
    copy = {"name": "Write it", "ansible.builtin.copy": {"dest": str(tmp_path / "operator.yaml"), "content": document, "mode": "0600"}}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars_files": files, "tasks": [copy]}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    environment = {**os.environ, "ANSIBLE_PYTHON_INTERPRETER": sys.executable, "ANSIBLE_CONFIG": str(HERE.parents[1] / "ansible.cfg")}
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", str(tmp_path / "play.yml")]
    subprocess.run(argv, cwd=HERE.parents[1], env=environment, check=True, capture_output=True, timeout=120)
    argv = [bare_api.program("istioctl", "istioctl"), "manifest", "generate", f"--filename={tmp_path / 'operator.yaml'}"]
    made = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert made.returncode == 0, made.stderr
    assert PLAIN in made.stdout


def test_what_was_added_by_hand_is_seen_and_goes(mesh: Mesh) -> None:
    mesh.kubectl("-n", "istio-system", "set", "env", "deployment/istiod", "PILOT_ADDED_BY_HAND=1")
    mesh.kubectl("-n", "istio-system", "patch", "service", "istiod", "-p", '{"spec":{"ports":[{"name":"mine","port":9999}]}}')
    wanted = {("Deployment", "istiod"): "update", ("Service", "istiod"): "update"}
    assert mesh.install(check=True) == wanted
    assert mesh.install() == wanted
    assert "PILOT_ADDED_BY_HAND" not in mesh.kubectl("get", "deployment", "istiod", "-n", "istio-system", "-o", "json")
    assert "9999" not in mesh.kubectl("get", "service", "istiod", "-n", "istio-system", "-o", "json")
    assert mesh.install(check=True) == {}


def test_an_operator_of_gateways_alone_touches_no_webhook(mesh: Mesh) -> None:
    kinds = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
    before = [json.loads(mesh.kubectl("get", kind, "-o", "json"))["items"] for kind in kinds]
    asked = {"name": "gateways", "spec": GATEWAYS}
    made = mesh.install(**asked)
    assert made[("Deployment", "east")] == "create" and not [kind for kind, _name in made if kind.endswith("WebhookConfiguration")]
    assert [json.loads(mesh.kubectl("get", kind, "-o", "json"))["items"] for kind in kinds] == before
    assert mesh.install(check=True, **asked) == {} and mesh.install(check=True) == {}
    planned = mesh.remove(check=True, name="gateways")
    assert {name for _kind, name in planned} == {name for _kind, name in made}
    assert mesh.remove(name="gateways") == planned
    assert mesh.install(check=True) == {}


def held_pod(api: KubeApi) -> None:
    """A gateway's pod as the kubelet and the load balancer's controller leave it while its target is not healthy."""
    metadata = {"name": f"{HELD}-1", "namespace": "istio-ingress", "labels": {"app": "istio-ingressgateway", "istio": "ingressgateway"}}
    container = {"name": "istio-proxy", "image": "registry.example/istio/proxyv2"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], "readinessGates": [{"conditionType": GATE}]}}
    path = "/api/v1/namespaces/istio-ingress/pods"
    api.request("POST", path, {}, pod)
    conditions = [
        {
            "type": "Ready",
            "status": "False",
            "reason": "ReadinessGatesNotReady",
            "message": f'the status of pod readiness gate "{GATE}" is not "True", but False',
        },
        {"type": GATE, "status": "False", "reason": "Target.FailedHealthChecks", "message": "Health checks failed"},
    ]
    running = {**container, "ready": True, "restartCount": 0, "imageID": "", "state": {"running": {}}}
    status = {"status": {"phase": "Running", "conditions": conditions, "containerStatuses": [running]}}
    api.request("PATCH", f"{path}/{HELD}-1/status", {}, status, "application/merge-patch+json")


def test_what_istioctl_waits_for_in_vain_is_explained_by_the_cluster(mesh: Mesh) -> None:
    """istioctl itself names the Deployment, and not why."""
    asked = {"name": "held", "spec": {**GATEWAYS, "components": {"ingressGateways": [{**GATEWAY, "name": HELD}]}}}
    held_pod(mesh.api)
    try:
        with pytest.raises(IstioError, match="istioctl install failed") as failed:
            mesh.install(readiness_timeout=5, **asked)
        assert "Health checks failed" not in failed.value.details["stderr"]
        assert f"pod {HELD}-1, {GATE}: Target.FailedHealthChecks Health checks failed" in failed.value.details["causes"]
    finally:
        mesh.kubectl("-n", "istio-ingress", "delete", "pod", f"{HELD}-1", "--force", "--grace-period=0")
        mesh.remove(name="held")
    assert mesh.install(check=True) == {}


def test_a_revision_that_holds_the_default_tag(mesh: Mesh) -> None:
    """The fault of the report: with the revision the tag's webhook went, the old injector stayed switched off, and pods came up without a sidecar."""
    mesh.install(revision="trial-131")
    mesh.tag("set", "default", "--revision", "trial-131", "--overwrite")
    mesh.tag("set", "prod", "--revision", "trial-131")
    for check in (True, False):
        with pytest.raises(IstioError, match=r"revision trial-131 is still used by tag default \(shop\); tag prod \(no namespace\)"):
            mesh.remove(check=check, revision="trial-131")
    planned = mesh.remove(check=True, revision="trial-131", tags_to="default")
    assert planned[("MutatingWebhookConfiguration", TAG)] == "update" and planned[("Deployment", "istiod-trial-131")] == "delete"
    assert mesh.remove(revision="trial-131", tags_to="default") == planned
    for tag in ("default", "prod"):
        assert mesh.revision("mutatingwebhookconfiguration", f"istio-revision-tag-{tag}") == "default"
        assert mesh.revision("service", f"istiod-revision-tag-{tag}") == "default"
    assert mesh.unheard() == []
    assert mesh.install(check=True) == {}


def test_a_used_revision_that_goes_all_the_same_leaves_no_name_taken(mesh: Mesh) -> None:
    mesh.install(revision="trial-131")
    mesh.tag("set", "prod", "--revision", "trial-131", "--overwrite")
    mesh.remove(revision="trial-131", remove_used=True)
    mesh.tag("set", "prod", "--revision", "default")  # without --overwrite: it is refused where a Service of the name is left
    assert mesh.revision("service", "istiod-revision-tag-prod") == "default"


def test_a_namespace_that_nobody_injects_is_reported_and_an_install_brings_the_injector_back(mesh: Mesh) -> None:
    mesh.kubectl("delete", "mutatingwebhookconfiguration", TAG)
    assert mesh.unheard() == ["no injector is active for the label istio-injection=enabled of shop: new pods there get no sidecar"]
    assert mesh.install()[("MutatingWebhookConfiguration", TAG)] == "create"
    assert mesh.unheard() == []


def test_the_purge_leaves_nothing_but_the_definitions(mesh: Mesh) -> None:
    mesh.remove(purge=True)
    left = mesh.kubectl("get", "mutatingwebhookconfigurations,validatingwebhookconfigurations,deployments,services", "-n", "istio-system", "-o", "name")
    assert "istio" not in left
    assert mesh.remove(check=True, purge=True) == {}
