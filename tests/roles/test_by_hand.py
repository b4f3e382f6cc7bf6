# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What somebody adds by hand to objects of ours is seen in check mode and goes in a run; what controllers write stays. Against a real API server."""

from __future__ import annotations

import json
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / ".collections")]

import bare_api  # noqa: E402

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Refused  # noqa: E402
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube import apply_set, helm_release  # noqa: E402
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube import helm as helm_drift  # noqa: E402
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeApi, KubeError  # noqa: E402
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.apply import Change, apply, normalise, plan  # noqa: E402

LABELS = {"meshgate.io/cluster": "sandbox", "app.kubernetes.io/part-of": "till"}
MANAGER = "meshgate"
KINDS = [{"api_version": "apps/v1", "kind": "Deployment"}, {"api_version": "v1", "kind": "Service"}]


class Cluster:
    def __init__(self, kubeconfig: Path, api: KubeApi, space: str) -> None:
        self.kubeconfig, self.api, self.space = kubeconfig, api, space

    def kubectl(self, *arguments: str, text: str = "") -> str:
        return bare_api.kubectl(self.kubeconfig, "-n", self.space, *arguments, text=text).stdout

    def wanted(self) -> list[dict[str, t.Any]]:
        container = {"name": "till", "image": "till:1", "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 80}]}
        template = {"metadata": {"labels": {"app": "till"}}, "spec": {"containers": [container]}}
        rules = [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "till", "port": {"number": 80}}}}]}}]
        notes = {"alb.ingress.kubernetes.io/scheme": "internal"}
        return [
            self.item("apps/v1", "Deployment", {"selector": {"matchLabels": {"app": "till"}}, "template": template}),
            self.item("v1", "Service", {"selector": {"app": "till"}, "ports": [{"port": 80}]}),
            self.item("networking.k8s.io/v1", "Ingress", {"ingressClassName": "alb", "rules": rules}, annotations=notes),
        ]

    def item(self, api_version: str, kind: str, spec: dict[str, t.Any], **metadata: t.Any) -> dict[str, t.Any]:
        metadata = {"name": "till", "namespace": self.space, "labels": dict(LABELS), **metadata}
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}

    def live(self, kind: str) -> dict[str, t.Any]:
        return json.loads(self.kubectl("get", kind, "till", "-o", "json"))

    def plan(self) -> dict[str, Change]:
        return {change.kind: change for change in plan(self.api, self.wanted(), MANAGER)}

    def differing(self) -> set[str]:
        return {kind for kind, change in self.plan().items() if change.action != "unchanged"}

    def mended(self, kind: str) -> dict[str, t.Any]:
        """The live object after a run, which must be what check mode said, and be left alone afterwards."""
        planned = self.plan()[kind]
        apply(self.api, self.wanted(), MANAGER)
        live = self.live(kind)
        assert normalise(live) == planned.after
        assert self.differing() == set()
        return live


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if bare_api.missing():
        pytest.skip(f"the toolchain has not made {', '.join(bare_api.missing())} yet")
    with bare_api.running(tmp_path_factory.mktemp("api")) as found:
        yield found


@pytest.fixture(scope="module")
def api(kubeconfig: Path) -> Iterator[KubeApi]:
    with KubeApi(bare_api.program("kubectl", "kubectl"), str(kubeconfig)) as opened:
        yield opened


@pytest.fixture
def cluster(kubeconfig: Path, api: KubeApi, request: pytest.FixtureRequest) -> Cluster:
    space = f"t{abs(hash(request.node.name)) % 10**8}"
    bare_api.kubectl(kubeconfig, "create", "namespace", space)
    return Cluster(kubeconfig, api, space)


@pytest.fixture
def ours(cluster: Cluster) -> Cluster:
    apply(cluster.api, cluster.wanted(), MANAGER)
    assert cluster.differing() == set()
    return cluster


PORT = '[{"op":"add","path":"/spec/ports/0/name","value":"a"},{"op":"add","path":"/spec/ports/-","value":{"port":81,"protocol":"UDP","name":"b"}}]'
SELECTOR = '{"spec":{"template":{"spec":{"nodeSelector":{"disk":"ssd"}}}}}'
ADDED = {
    "an env variable": ("Deployment", ["set", "env", "deployment/till", "B=2"]),
    "a node selector": ("Deployment", ["patch", "deployment", "till", "-p", SELECTOR]),
    "a label": ("Deployment", ["label", "deployment", "till", "team=a"]),
    "a Service port": ("Service", ["patch", "service", "till", "--type=json", "-p", PORT]),
    "an Ingress annotation": ("Ingress", ["annotate", "ingress", "till", "alb.ingress.kubernetes.io/inbound-cidrs=0.0.0.0/0"]),
}


@pytest.mark.parametrize("what", ADDED)
def test_what_is_added_by_hand_is_seen_and_goes(ours: Cluster, what: str) -> None:
    kind, command = ADDED[what]
    before = ours.live(kind)
    ours.kubectl(*command)
    assert ours.differing() == {kind}
    after = ours.mended(kind)
    assert after["spec"] == before["spec"] and after["metadata"].get("annotations") == before["metadata"].get("annotations")
    assert after["metadata"]["labels"] == before["metadata"]["labels"]


class Counting(KubeApi):
    """Knows what it was asked to write, or to try."""

    def __init__(self, *given: t.Any) -> None:
        super().__init__(*given)
        self.written: list[str] = []

    def request(self, method: str, *rest: t.Any, **named: t.Any) -> t.Any:
        self.written += [method] if method != "GET" else []
        return super().request(method, *rest, **named)


def test_what_is_as_it_was_applied_is_not_tried_again(ours: Cluster) -> None:
    """The server's own record of who owns which fields tells: as_applied reads what a real one writes."""
    with Counting(bare_api.program("kubectl", "kubectl"), str(ours.kubeconfig)) as api:
        assert {change.action for change in plan(api, ours.wanted(), MANAGER)} == {"unchanged"}
        assert api.written == []
        ours.kubectl("set", "env", "deployment/till", "A=2")
        assert [change.kind for change in plan(api, ours.wanted(), MANAGER) if change.action == "update"] == ["Deployment"]
        assert api.written


class Busy(KubeApi):
    """Of an object that it writes with its resourceVersion, a controller always has another status to tell just before."""

    left = 0

    def request(self, method: str, path: str, query: dict[str, str] | None = None, body: t.Any = None, content_type: str = "application/json") -> t.Any:
        if self.left and isinstance(body, dict) and body.get("metadata", {}).get("resourceVersion"):
            self.left -= 1
            status = {"status": {"observedGeneration": 100 + self.left}}
            super().request("PATCH", f"{path}/status", {"fieldManager": "kube-controller-manager"}, status, "application/merge-patch+json")
        return super().request(method, path, query, body, content_type)


@pytest.fixture
def busy(ours: Cluster) -> Iterator[Cluster]:
    with Busy(bare_api.program("kubectl", "kubectl"), str(ours.kubeconfig)) as opened:
        yield Cluster(ours.kubeconfig, opened, ours.space)


@pytest.mark.parametrize("what", ["an env variable", "a node selector"])
def test_a_controller_that_writes_in_between_fails_nothing(busy: Cluster, what: str) -> None:
    busy.kubectl(*ADDED[what][1])
    busy.api.left = 4
    planned = busy.plan()["Deployment"]
    assert planned.action == "update" and busy.api.left == 0
    busy.api.left = 4
    apply(busy.api, busy.wanted(), MANAGER)
    assert busy.api.left == 0 and normalise(busy.live("Deployment")) == planned.after and busy.differing() == set()


def test_a_conflict_without_end_is_reported(busy: Cluster) -> None:
    busy.kubectl(*ADDED["an env variable"][1])
    busy.api.left = 1000
    with pytest.raises(KubeError, match="the object has been modified"):
        busy.plan()


def test_planning_writes_nothing(ours: Cluster) -> None:
    ours.kubectl(*ADDED["an env variable"][1])
    before = ours.live("Deployment")
    assert ours.differing() == {"Deployment"}
    assert ours.live("Deployment") == before


LEFT = {
    "a scaled Deployment": ["scale", "deployment/till", "--replicas=3"],
    "a restart": ["rollout", "restart", "deployment/till"],
    "a replica count that an autoscaler could hold": ["patch", "deployment", "till", "-p", '{"spec":{"replicas":4}}'],
    "Helm's note": ["annotate", "deployment", "till", "meta.helm.sh/release-name=till"],
    "a finalizer": ["patch", "ingress", "till", "--type=merge", "-p", '{"metadata":{"finalizers":["ingress.k8s.aws/resources"]}}'],
    "what the controller notes": ["patch", "ingress", "till", "--field-manager=controller", "--type=merge", "-p", '{"metadata":{"annotations":{"a":"b"}}}'],
    "what rollouts note": ["patch", "service", "till", "--field-manager=rollouts-controller", "--type=merge", "-p", '{"metadata":{"annotations":{"a":"b"}}}'],
    "what istiod notes": ["patch", "service", "till", "--field-manager=pilot-discovery", "--type=merge", "-p", '{"metadata":{"annotations":{"a":"b"}}}'],
}


@pytest.mark.parametrize("what", LEFT)
def test_what_controllers_and_operations_write_stays(ours: Cluster, what: str) -> None:
    ours.kubectl(*LEFT[what])
    before = {kind: ours.live(kind)["spec"] for kind in ("Deployment", "Service", "Ingress")}
    assert ours.differing() == set()
    ours.kubectl("set", "env", "deployment/till", "B=2")  # beside something that is mended
    ours.mended("Deployment")
    before["Deployment"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "1"}]
    assert {kind: ours.live(kind)["spec"] for kind in before} == before
    assert what != "a finalizer" or ours.live("Ingress")["metadata"]["finalizers"] == ["ingress.k8s.aws/resources"]


def test_labels_on_a_namespace_are_everybodys(cluster: Cluster) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster.space, "labels": LABELS}}
    apply(cluster.api, [space], MANAGER)
    cluster.kubectl("label", "namespace", cluster.space, "team=a")
    assert [change.action for change in plan(cluster.api, [space], MANAGER)] == ["unchanged"]


def strangers(cluster: Cluster) -> list[dict[str, t.Any]]:
    """Of the same names, with `kubectl apply`: a pod that finds no node, and a port that ours cannot stand beside."""
    found = json.loads(json.dumps(cluster.wanted()[:2]))
    for item in found:
        del item["metadata"]["labels"]
    found[0]["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    found[1]["spec"]["ports"] = [{"port": 80, "protocol": "UDP"}]
    return found


def params(cluster: Cluster, **changes: t.Any) -> dict[str, t.Any]:
    labels = {**LABELS, "app.kubernetes.io/part-of": cluster.space}  # the other tests' objects are not of this set
    given = {"labels": labels, "manifests": cluster.wanted()[:2], "prune_kinds": KINDS, "namespaces": [], "sidecar": "", "replace_pods": False}
    given |= {"adopt": False, "wait": False, "timeout": 5}
    return {**given, **changes}


def test_what_is_adopted_becomes_what_the_manifests_say(cluster: Cluster) -> None:
    cluster.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": strangers(cluster)}))
    with pytest.raises(Refused, match="created by someone else"):
        apply_set.present(cluster.api, params(cluster), check_mode=False)
    planned = apply_set.present(cluster.api, params(cluster, adopt=True), check_mode=True)
    assert {(item["kind"], item["action"]) for item in planned["resources"]} == {("Deployment", "update"), ("Service", "update")}
    assert apply_set.present(cluster.api, params(cluster, adopt=True), check_mode=False)["resources"] == planned["resources"]
    assert "nodeSelector" not in cluster.live("Deployment")["spec"]["template"]["spec"]
    assert [(one["port"], one["protocol"]) for one in cluster.live("Service")["spec"]["ports"]] == [(80, "TCP")]
    assert not apply_set.present(cluster.api, params(cluster), check_mode=True)["changed"]


def test_a_run_that_ends_between_taking_over_and_applying_is_gone_on_with(ours: Cluster) -> None:
    from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.apply import take_over

    ours.kubectl("set", "env", "deployment/till", "B=2")
    take_over(ours.api, ours.wanted(), MANAGER)
    assert ours.differing() == {"Deployment"}
    ours.mended("Deployment")


# -- with the real Helm ---------------------------------------------------------------------------------------------------

TEMPLATES = """
apiVersion: v1
kind: Service
metadata: {name: till, labels: {meshgate.io/cluster: sandbox}}
spec: {selector: {app: till}, ports: [{name: a, port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {meshgate.io/cluster: sandbox}}
data: {a: "1"}
"""
CHART = {"Chart.yaml": "apiVersion: v2\nname: till\nversion: 1.0.0\n", "templates/till.yaml": TEMPLATES}


@pytest.fixture
def helm(cluster: Cluster, tmp_path: Path) -> helm_drift.Helm:
    for name, text in CHART.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "values.yaml").write_text("{}\n")
    paths = {"chart": str(tmp_path), "values_file": str(tmp_path / "values.yaml"), "kubeconfig": str(cluster.kubeconfig)}
    return helm_drift.Helm(name="till", namespace=cluster.space, binary=bare_api.program("helm", "helm"), **paths)


def release(**changes: t.Any) -> dict[str, t.Any]:
    given = {"labels": {"meshgate.io/cluster": "sandbox"}, "adopt": False, "admission_probes": [], "timeout": 20, "wait": True, "remove_crds": False}
    return {**given, "finalizers": [], "finalizer_kinds": [], "delete_after_uninstall": [], **changes}


def test_a_port_that_was_added_to_a_release_goes(cluster: Cluster, helm: helm_drift.Helm) -> None:
    assert helm_release.present(cluster.api, helm, release(), check_mode=False)["changed"]
    assert helm_release.present(cluster.api, helm, release(), check_mode=True)["reasons"] == []
    cluster.kubectl("patch", "service", "till", "--type=json", "-p", '[{"op":"add","path":"/spec/ports/-","value":{"port":81,"name":"b"}}]')
    named = helm_release.present(cluster.api, helm, release(), check_mode=True)
    assert named["reasons"] == [f"Service {cluster.space}/till: update"]
    assert helm_release.present(cluster.api, helm, release(), check_mode=False)["resources"] == named["resources"]
    assert [one["port"] for one in cluster.live("Service")["spec"]["ports"]] == [80]
    assert helm_release.present(cluster.api, helm, release(), check_mode=True)["reasons"] == []


def test_helm_refuses_what_check_mode_refuses(cluster: Cluster, helm: helm_drift.Helm) -> None:
    cluster.kubectl("create", "configmap", "settings", "--from-literal=a=2")
    with pytest.raises(Refused) as ours_says:
        helm_release.present(cluster.api, helm, release(), check_mode=True)
    with pytest.raises(helm_drift.HelmError) as helm_says:
        helm.install()
    cause = "cannot be imported into the current release"
    assert cause in str(ours_says.value) and cause in str(helm_says.value)
    helm_release.present(cluster.api, helm, release(adopt=True), check_mode=False)
    assert json.loads(cluster.kubectl("get", "configmap", "settings", "-o", "json"))["data"] == {"a": "1"}


def test_a_release_that_was_uninstalled_is_forgotten_and_what_others_made_since_stays(cluster: Cluster, helm: helm_drift.Helm) -> None:
    helm_release.present(cluster.api, helm, release(), check_mode=False)
    helm._run("uninstall", "till", *helm._cluster(), "--keep-history")
    cluster.kubectl("create", "configmap", "settings", "--from-literal=a=2")
    planned = helm_release.absent(cluster.api, helm, release(), check_mode=True)
    assert [item["kind"] for item in planned["resources"]] == ["Secret"]
    helm_release.absent(cluster.api, helm, release(), check_mode=False)
    assert "settings" in cluster.kubectl("get", "configmaps", "-o", "name")
    assert not helm_release.absent(cluster.api, helm, release(), check_mode=True)["changed"]
