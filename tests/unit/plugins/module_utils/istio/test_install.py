"""istioctl_install: what is measured, refused, done and said."""

from __future__ import annotations

import copy
import json

import pytest
import yaml
from fake_kube import FakeKube

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.command import Answer, Runner
from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.ownership import OWNER_LABEL
from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio import install as istio_install
from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio import operator as istio_operator
from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio import uninstall as istio_uninstall
from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio.istioctl import Istioctl, IstioError, parse_messages, release, skew_problem, stream
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.objects import identity
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.ready import NotReady

OWNER = istio_operator.Owner("installed-state", "istio-system", "default", "1.31.1")


def deployment(name, namespace, image="pilot:1.31.1", **annotations):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app": name, istio_operator.COMPONENT: "Pilot" if name == "istiod" else "IngressGateways"},
        },
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}, "annotations": annotations}, "spec": {"containers": [{"name": "c", "image": image}]}},
        },
    }


def service(name="gateway", namespace="istio-ingress"):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": {istio_operator.COMPONENT: "IngressGateways"}},
        "spec": {"type": "ClusterIP", "selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]},
    }


def injector():
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "istio-sidecar-injector", "labels": {"app": "sidecar-injector", istio_operator.COMPONENT: "Pilot"}},
        "webhooks": [{"name": "i", "clientConfig": {"service": {"name": "istiod", "namespace": "istio-system"}}, "namespaceSelector": {}}],
    }


def namespace(name, **labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def ingress(**labels):
    backend = {"service": {"name": "gateway", "port": {"number": 80}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "ingress", "namespace": "istio-ingress", "labels": labels},
        "spec": {"ingressClassName": "alb", "rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]},
    }


RENDERED = [injector(), deployment("istiod", "istio-system"), deployment("gateway", "istio-ingress", **{"inject.istio.io/templates": "gateway"}), service()]


class Cluster(FakeKube):
    """Deployments are ready as soon as they are applied."""

    def get(self, api_version, kind, name, namespace=None):
        found = super().get(api_version, kind, name, namespace)
        if found and kind == "Deployment":
            found.setdefault("status", {"readyReplicas": 1, "updatedReplicas": 1, "replicas": 1})
        return found


class FakeIstioctl:
    """Answers as istioctl does; `install` applies what is rendered to the fake cluster."""

    def __init__(self, api, rendered=None, version="1.31.1", precheck="[]", install_rc=0):
        self.api, self.rendered, self.version, self.precheck, self.install_rc = api, rendered or RENDERED, version, precheck, install_rc
        self.commands: list[list[str]] = []
        self.unanswered: list[str] = []

    def __call__(self, command, timeout=0):
        self.commands.append(command)
        if command[1] == "version":
            return Answer(0, json.dumps({"clientVersion": {"version": self.version}}))
        if command[1:3] == ["manifest", "generate"]:
            return Answer(0, yaml.safe_dump_all(copy.deepcopy(self.rendered)))
        if command[1:3] == ["x", "precheck"]:
            return Answer(0, self.precheck)
        raise AssertionError(command)

    def installed(self) -> int:
        return sum(1 for command in self.commands if command[1] == "install")

    def stream(self, command, each, env=None):
        """What istioctl does that takes long."""
        self.commands.append(command)
        if command[1] == "install":
            if self.unanswered:
                return Answer(1, "", f'Error: failed to install manifests: Patch "https://127.0.0.1:6443/apis": {self.unanswered.pop(0)}')
            if self.install_rc:
                return Answer(self.install_rc, "", "Error: failed to install manifests: resources not ready after 1s")
            owner = istio_operator.Owner("installed-state", "istio-system", "default", self.version)
            for item in [namespace("istio-system"), *istio_operator.own(copy.deepcopy(self.rendered), owner)]:
                if item["kind"] != "Namespace" or identity(item)[3] not in [k[2] for k in self.api.objects if k[0] == "Namespace"]:
                    self.api._store(item)
            self.set_tag("default", "default")
            live = self.api.objects[("MutatingWebhookConfiguration", "", "istio-sidecar-injector")]["webhooks"][0]
            live["namespaceSelector"] = {"matchLabels": {istio_operator.DEACTIVATED: "never-match"}}
            live["clientConfig"]["caBundle"] = "written by istiod"
        if command[1:3] == ["tag", "set"]:
            self.set_tag(command[3], command[4].partition("=")[2])
        return Answer(0, "done")

    def set_tag(self, tag, revision):
        """What istioctl makes of a tag (istio's istioctl/pkg/tag/generate.go): a webhook and a Service, without the operator's labels."""
        labels = {"istio.io/tag": tag, istio_operator.REVISION: revision}
        webhook, behind = injector(), service(f"istiod-revision-tag-{tag}", "istio-system")
        webhook["metadata"] = {"name": f"istio-revision-tag-{tag}", "labels": {"app": "sidecar-injector", **labels}}
        behind["metadata"]["labels"] = labels
        self.api._store(webhook)
        self.api._store(behind)


@pytest.fixture
def cluster():
    return Cluster([namespace("default"), namespace("istio-ingress")])


@pytest.fixture
def fake(cluster):
    return FakeIstioctl(cluster)


def run(cluster, fake, check=False, **request):
    istioctl = Istioctl("istioctl", runner=fake)
    return istio_install.Install(istio_install.Request(**request), istioctl, cluster).run(check)


def actions(result):
    return {(r["kind"], r["name"]): r["action"] for r in result.resources() if r["action"] != "unchanged"}


def test_check_mode_on_an_empty_cluster_names_everything_and_writes_nothing(cluster, fake):
    result = run(cluster, fake, check=True)
    assert result.changed
    assert actions(result)[("Deployment", "istiod")] == "create"
    assert actions(result)[("Namespace", "istio-system")] == "create"
    assert actions(result)[("MutatingWebhookConfiguration", istio_operator.DEFAULT_TAG_WEBHOOK)] == "create"
    assert fake.installed() == 0
    assert not [request for request in cluster.requests if request[-1] != "dry"]


def test_install_and_then_nothing_differs_despite_what_istiod_writes(cluster, fake):
    first = run(cluster, fake)
    assert first.changed and fake.installed() == 1
    assert first.version_before == "" and first.version_after == "1.31.1"
    assert first.command[:3] == ["istioctl", "install", "--skip-confirmation"]
    second = run(cluster, fake)
    assert not second.changed and actions(second) == {}
    assert second.version_before == "1.31.1"
    assert fake.installed() == 1


def test_a_changed_value_is_seen_alone(cluster, fake):
    run(cluster, fake)
    cluster.objects[("Deployment", "istio-system", "istiod")]["spec"]["replicas"] = 3
    result = run(cluster, fake, check=True)
    assert actions(result) == {("Deployment", "istiod"): "update"}


def test_the_deleted_webhook_of_the_default_tag_is_drift(cluster, fake):
    run(cluster, fake)
    del cluster.objects[("MutatingWebhookConfiguration", "", istio_operator.DEFAULT_TAG_WEBHOOK)]
    assert actions(run(cluster, fake, check=True)) == {("MutatingWebhookConfiguration", istio_operator.DEFAULT_TAG_WEBHOOK): "create"}


def test_what_the_specification_no_longer_has_is_in_the_difference_and_goes(cluster, fake):
    run(cluster, fake)
    fake.rendered = RENDERED[:2]
    gone = {("Deployment", "gateway"): "delete", ("Service", "gateway"): "delete"}
    assert actions(run(cluster, fake, check=True)) == gone
    assert actions(run(cluster, fake)) == gone
    assert not run(cluster, fake).changed


def test_what_an_older_version_left_is_pruned_too(cluster, fake):
    fake.version = "1.30.5"
    run(cluster, fake)
    fake.version, fake.rendered = "1.31.1", RENDERED[:2]
    assert actions(run(cluster, fake))[("Service", "gateway")] == "delete"
    assert ("Service", "istio-ingress", "gateway") not in cluster.objects


def test_a_downgrade_is_refused_and_forced(cluster, fake):
    run(cluster, fake)
    fake.version = "1.30.0"
    with pytest.raises(IstioError, match="downgrade"):
        run(cluster, fake)
    assert run(cluster, fake, force=True).version_after == "1.30.0"


def test_a_binary_of_another_version_is_refused(cluster, fake):
    with pytest.raises(IstioError, match=r"istioctl has version 1\.31\.1, but 1\.32\.0 is requested"):
        run(cluster, fake, version="1.32.0")


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ("1.30.2", "1.31.1", False),
        ("1.31.1", "1.31.1", False),
        ("1.31.0", "1.31.1", False),
        ("1.29.4", "1.31.1", True),
        ("1.31.1", "1.31.0", True),
        ("", "1.31.1", False),
        ("latest", "1.31.1", False),
    ],
)
def test_version_skew(before, after, refused):
    assert bool(skew_problem(before, after, force=False)) is refused
    assert skew_problem(before, after, force=True) == ""


def test_release_reads_what_tags_look_like():
    assert release("v1.31.1-distroless") == (1, 31, 1)
    assert release("1.31") == (1, 31, 0)
    assert release("latest") is None


def test_precheck_errors_refuse_and_warnings_are_passed_on(cluster, fake):
    message = {"code": "IST0101", "level": "Error", "origin": "Namespace x", "message": "bad"}
    fake.precheck = json.dumps([message, {**message, "level": "Warning", "message": "hm"}])
    with pytest.raises(IstioError, match="bad"):
        run(cluster, fake)
    assert any("hm" in warning for warning in run(cluster, fake, force=True).warnings)


def test_precheck_without_findings_says_nothing():
    assert parse_messages("") == ([], [])
    assert parse_messages("no json") is None


def test_a_namespace_that_forbids_injection_is_refused_before_anything_is_written(cluster, fake):
    cluster.objects[("Namespace", "", "istio-ingress")]["metadata"]["labels"] = {"istio-injection": "disabled"}
    with pytest.raises(IstioError, match="namespace istio-ingress has label istio-injection=disabled"):
        run(cluster, fake)
    assert fake.installed() == 0


def test_a_failed_install_names_what_is_not_ready_and_why(cluster, fake):
    fake.install_rc = 1
    cluster._store(namespace("istio-system"))
    cluster.objects[("Deployment", "istio-system", "istiod")] = deployment("istiod", "istio-system") | {"status": {"readyReplicas": 0, "updatedReplicas": 1}}
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    pod = {
        "metadata": {"name": "istiod-1", "namespace": "istio-system", "labels": {"app": "istiod"}},
        "spec": {},
        "status": {"containerStatuses": [{"name": "discovery", "ready": False, "state": waiting}]},
    }
    cluster._store({"apiVersion": "v1", "kind": "Pod", **pod})
    with pytest.raises(IstioError, match="ImagePullBackOff") as raised:
        run(cluster, fake)
    assert raised.value.details["stderr"].startswith("Error: failed to install")
    assert raised.value.details["command"][1] == "install"


def test_prerequisites_come_before_the_install_with_the_service_that_the_ingress_needs(cluster, fake):
    order = []
    cluster_request = cluster.request

    def noting(method, path, query=None, body=None, content_type=""):
        if "dryRun" not in (query or {}):
            order.append((body["kind"], query["fieldManager"]))
        return cluster_request(method, path, query, body, content_type)

    cluster.request = noting
    run(cluster, fake, prerequisites=[ingress(), namespace("istio-ingress", team="a")])
    assert order == [("Namespace", "meshgate"), ("Service", "istio-operator"), ("Ingress", "meshgate")]
    assert fake.installed() == 1
    assert not run(cluster, fake, prerequisites=[ingress(), namespace("istio-ingress", team="a")]).changed


def test_a_deleted_ingress_is_repaired_without_an_install(cluster, fake):
    prerequisites = [ingress()]
    run(cluster, fake, prerequisites=prerequisites)
    del cluster.objects[("Ingress", "istio-ingress", "ingress")]
    assert actions(run(cluster, fake, check=True, prerequisites=prerequisites)) == {("Ingress", "ingress"): "create"}
    run(cluster, fake, prerequisites=prerequisites)
    assert ("Ingress", "istio-ingress", "ingress") in cluster.objects
    assert fake.installed() == 1


def test_a_namespace_of_somebody_else_is_labelled_but_not_adopted(cluster, fake):
    wanted = namespace("istio-ingress", **{OWNER_LABEL: "sandbox", "gate": "on"})
    run(cluster, fake, prerequisites=[wanted])
    assert cluster.objects[("Namespace", "", "istio-ingress")]["metadata"]["labels"] == {"gate": "on"}
    assert not run(cluster, fake, prerequisites=[wanted]).changed


def bind(cluster, name="k8s-tgb", **labels):
    spec = {"serviceRef": {"name": "gateway", "port": 80}, "targetType": "ip", "targetGroupARN": f"arn:{name}"}
    metadata = {"name": name, "namespace": "istio-ingress", "labels": labels}
    cluster._store({"apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding", "metadata": metadata, "spec": spec})


def gateway_pod(cluster, *gates):
    owner = [{"kind": "ReplicaSet", "name": "gateway-1"}]
    metadata = {"name": "gateway-1-a", "namespace": "istio-ingress", "labels": {"app": "gateway"}, "ownerReferences": owner}
    spec = {"readinessGates": [{"conditionType": gate} for gate in gates]}
    cluster._store({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    above = {"name": "gateway-1", "namespace": "istio-ingress", "ownerReferences": [{"kind": "Deployment", "name": "gateway"}]}
    cluster._store({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": above})


def test_pods_that_carry_the_gate_are_left_alone(cluster, fake):
    bind(cluster)
    gateway_pod(cluster, "target-health.elbv2.k8s.aws/k8s-tgb")
    result = run(cluster, fake, prerequisites=[ingress()], readiness_gates=True)
    assert result.restarts == []


def test_pods_that_came_before_their_target_group_are_rolled_once(cluster, fake):
    run(cluster, fake, prerequisites=[ingress()])
    bind(cluster)
    gateway_pod(cluster)
    assert actions(run(cluster, fake, check=True, prerequisites=[ingress()], readiness_gates=True)) == {("Deployment", "gateway"): "restart"}
    merged = cluster.merge

    def restarting(api_version, kind, name, namespace_, patch):
        gateway_pod(cluster, "target-health.elbv2.k8s.aws/k8s-tgb")
        return merged(api_version, kind, name, namespace_, patch)

    cluster.merge = restarting
    result = run(cluster, fake, prerequisites=[ingress()], readiness_gates=True)
    assert result.changed and result.restarts == ["istio-ingress/gateway"]
    assert not run(cluster, fake, prerequisites=[ingress()], readiness_gates=True).changed


def test_a_binding_to_a_target_group_that_is_gone_makes_room_for_a_new_one(cluster, fake):
    asked = {"prerequisites": [ingress()], "known_target_groups": ["arn:new"]}
    run(cluster, fake, **asked)
    bind(cluster, "old", **{"ingress.k8s.aws/stack": "sandbox"})
    bind(cluster, "own")  # a user's, which no controller would make again
    assert actions(run(cluster, fake, check=True, **asked)) == {("TargetGroupBinding", "old"): "delete"}
    assert actions(run(cluster, fake, **asked)) == {("TargetGroupBinding", "old"): "delete"}
    assert [name for kind, _unused, name in cluster.objects if kind == "TargetGroupBinding"] == ["own"]
    assert "meshgate.io/nudged-at" in cluster.objects[("Ingress", "istio-ingress", "ingress")]["metadata"]["annotations"]
    assert not run(cluster, fake, **asked).changed
    assert fake.installed() == 1


def test_a_target_group_that_does_not_come_is_explained_by_the_ingress_and_the_controller(cluster, fake):
    event = {"involvedObject": {"name": "ingress"}, "type": "Warning", "reason": "FailedDeployModel", "message": "AccessDenied"}
    cluster._store({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "istio-ingress"}, **event})
    with pytest.raises(NotReady) as raised:
        run(cluster, fake, prerequisites=[ingress()], readiness_gates=True, readiness_timeout=0)
    assert raised.value.causes == [
        "Ingress istio-ingress/ingress: FailedDeployModel: AccessDenied",
        "the AWS Load Balancer Controller is not running in this cluster",
    ]


def test_what_istioctl_waited_for_in_vain_is_explained_by_the_pods_gate(cluster, fake):
    """istioctl itself says no more than that a Deployment is not ready."""
    gate = "target-health.elbv2.k8s.aws/k8s-tgb"
    run(cluster, fake, prerequisites=[ingress()])
    bind(cluster)
    gateway_pod(cluster, gate)
    conditions = [
        {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message": f'pod readiness gate "{gate}" is not "True"'},
        {"type": gate, "status": "False", "reason": "Target.FailedHealthChecks", "message": "Health checks failed"},
    ]
    pod = next(item for item in cluster.objects.values() if item["kind"] == "Pod")
    pod["status"] = {"containerStatuses": [{"name": "istio-proxy", "ready": True}], "conditions": conditions}
    cluster.objects[("Deployment", "istio-ingress", "gateway")]["status"] = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 0}
    cluster.objects[("Deployment", "istio-system", "istiod")]["spec"]["replicas"] = 3
    fake.install_rc = 1
    with pytest.raises(IstioError, match="istioctl install failed: failed to install manifests: resources not ready") as raised:
        run(cluster, fake, prerequisites=[ingress()])
    name = pod["metadata"]["name"]
    assert f"pod {name}, {gate}: Target.FailedHealthChecks Health checks failed" in raised.value.details["causes"]
    assert "Health checks failed" in str(raised.value)


TIMEOUT = "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"


@pytest.mark.parametrize("said", [TIMEOUT, "http2: client connection lost", "net/http: TLS handshake timeout", "dial tcp: connect: connection refused"])
def test_istioctl_runs_once_more_if_the_api_server_did_not_answer(cluster, fake, said):
    fake.unanswered = [said]
    assert run(cluster, fake).changed
    assert fake.installed() == 2


def test_an_api_server_that_does_not_answer_twice_is_an_error(cluster, fake):
    fake.unanswered = [TIMEOUT] * 3
    with pytest.raises(IstioError, match="Client.Timeout exceeded"):
        run(cluster, fake)
    assert fake.installed() == 2


def test_a_cluster_that_is_gone_does_not_hide_what_istioctl_said(cluster, fake, monkeypatch):
    fake.install_rc = 1

    def no_answer(*_unused):
        raise KubeError("connection refused")

    monkeypatch.setattr(istio_install.kube_ready, "workloads_state", no_answer)
    with pytest.raises(IstioError, match="resources not ready") as raised:
        run(cluster, fake)
    assert raised.value.details["causes"] == ["the cluster does not tell why: connection refused"]


def test_values_merge_into_the_specification_and_lists_replace():
    operator = istio_operator.document({"profile": "minimal", "values": {"a": {"b": 1, "c": [1, 2]}}}, {"a": {"c": [3]}}, "canary", "n", "mesh")
    assert operator["spec"] == {
        "profile": "minimal",
        "revision": "canary",
        "values": {"a": {"b": 1, "c": [3]}, "global": {"istioNamespace": "mesh"}},
    }
    assert operator["metadata"] == {"name": "n", "namespace": "mesh"}


@pytest.mark.parametrize(
    ("spec", "revision", "said"),
    [
        ({"profile": "prod"}, "", "spec.profile is 'prod'; accepted: default, minimal"),
        ({}, "1.31.1", "revision is '1.31.1'; accepted"),
        ({"revision": "a"}, "b", "must match"),
    ],
)
def test_a_wrong_specification_is_named(spec, revision, said):
    assert said in "; ".join(istio_operator.problems(spec, revision))


# -- removal ----------------------------------------------------------------------------------------------------------


def remove(cluster, fake, check=False, **removal):
    return istio_uninstall.run(istio_uninstall.Removal(**removal), Istioctl("istioctl", runner=fake), cluster, check)


def crd(name="virtualservices.networking.istio.io"):
    metadata = {"name": name, "labels": {istio_operator.COMPONENT: "Base"}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": metadata}


def test_a_cluster_that_goes_next_is_not_waited_for(cluster, fake):
    run(cluster, fake)
    cluster._store(crd())
    planned = remove(cluster, fake, check=True, purge=True, wait=False)
    assert planned.changed and ("Deployment", "istio-system", "istiod") in cluster.objects
    result = remove(cluster, fake, purge=True, wait=False)
    assert result.changed and result.commands == []
    assert [change.summary() for change in result.changes] == [change.summary() for change in planned.changes]
    assert {kind for kind, _unused, _unused in cluster.objects} & {"Deployment", "Service", "MutatingWebhookConfiguration"} == set()
    assert not remove(cluster, fake, purge=True, wait=False).changed


def test_a_purge_takes_everything_but_the_crds_and_says_what_stays(cluster, fake):
    run(cluster, fake)
    cluster._store(crd())
    result = remove(cluster, fake, purge=True)
    assert result.changed and result.version_before == "1.31.1"
    assert result.commands == [["istioctl", "uninstall", "--skip-confirmation", "--revision=default"]]
    kinds = {kind for kind, _unused, _unused in cluster.objects}
    assert kinds == {"Namespace", "CustomResourceDefinition"}
    assert result.stays == ["Namespace istio-system", "1 CustomResourceDefinitions of istio.io"]
    assert not remove(cluster, fake, purge=True).changed


def test_a_purge_takes_the_gateway_classes_that_istiod_made_and_no_others(cluster, fake):
    run(cluster, fake)
    for name, controller in (("istio", "istio.io/gateway-controller"), ("edge", "istio.io/gateway-controller"), ("istio-remote", "example.com/own")):
        metadata, spec = {"name": name, "uid": name}, {"controllerName": controller}
        cluster._store({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": metadata, "spec": spec})
    remove(cluster, fake, purge=True)
    assert sorted(name for kind, _unused, name in cluster.objects if kind == "GatewayClass") == ["edge", "istio-remote"]


def test_the_crds_may_carry_the_label_of_another_revision(cluster, fake):
    """They are shared; after a second revision was installed and removed they still say its name."""
    fake.rendered = [{**crd(), "spec": {"versions": []}}, *fake.rendered]
    run(cluster, fake)
    assert not run(cluster, fake, check=True).changed
    live = next(item for (kind, _unused, _unused), item in cluster.objects.items() if kind == "CustomResourceDefinition")
    live["metadata"]["labels"][istio_operator.REVISION] = "canary"
    assert not run(cluster, fake, check=True).changed
    live["metadata"]["labels"][istio_operator.VERSION] = "1.30.0"
    assert run(cluster, fake, check=True).changed


def test_the_crds_go_when_asked(cluster, fake):
    run(cluster, fake)
    cluster._store(crd())
    result = remove(cluster, fake, purge=True, remove_crds=True)
    assert result.commands[0][-1] == "--purge"
    assert result.stays == ["Namespace istio-system"]


def test_check_mode_of_a_removal_names_it_and_removes_nothing(cluster, fake):
    run(cluster, fake)
    result = remove(cluster, fake, check=True, purge=True)
    assert {change.name for change in result.changes} >= {"istiod", "gateway", istio_operator.DEFAULT_TAG_WEBHOOK}
    assert ("Deployment", "istio-system", "istiod") in cluster.objects


def test_only_namespaces_of_ours_go_with_it(cluster, fake):
    ours = {OWNER_LABEL: "sandbox"}
    prerequisites = [namespace("istio-system", **ours), namespace("istio-ingress", **ours)]
    run(cluster, fake, prerequisites=prerequisites)  # istio-ingress was there before
    result = remove(cluster, fake, purge=True, prerequisites=prerequisites)
    assert ("Namespace", "", "istio-system") not in cluster.objects
    assert ("Namespace", "", "istio-ingress") in cluster.objects
    assert result.stays == []


def test_a_revision_beside_another_one_leaves_it_its_namespaces(cluster, fake):
    ours = {OWNER_LABEL: "sandbox"}
    run(cluster, fake, prerequisites=[namespace("istio-system", **ours)])
    canary = deployment("canary-gateway", "canary-ingress")
    canary["metadata"]["labels"] |= {**OWNER.labels(), istio_operator.REVISION: "canary"}
    for item in (namespace("canary-ingress", **ours), canary):
        cluster._store(item)
    prerequisites = [namespace("istio-system", **ours), namespace("canary-ingress", **ours)]
    planned = remove(cluster, fake, check=True, revision="canary", prerequisites=prerequisites)
    assert [change.name for change in planned.changes if change.kind == "Namespace"] == ["canary-ingress"]
    alone = remove(cluster, fake, check=True, purge=True, prerequisites=prerequisites)
    assert {change.name for change in alone.changes if change.kind == "Namespace"} == {"istio-system", "canary-ingress"}


def test_what_istioctl_prints_comes_back_once_and_without_colours():
    answer = stream(["sh", "-c", "printf '\\033[32mdone\\033[0m\\nsame\\nsame\\n'; exit 3"], Runner())
    assert (answer.rc, answer.stdout) == (3, "done\nsame")
    assert stream(["no-such-program"], Runner()).rc == 127


# -- whose it is ------------------------------------------------------------------------------------------------------

SANDBOX = {OWNER_LABEL: "sandbox"}
FOREIGN = "Deployment istio-system/istiod (revision default, version 1.30.2)"


def istiod(revision="default", space="istio-system", operator="installed-state", **labels):
    found = deployment("istiod" if revision == "default" else f"istiod-{revision}", space)
    owner = istio_operator.Owner(operator, space, revision, "1.30.2").labels()
    found["metadata"]["labels"] |= {**owner, "app": "istiod", **labels}
    return found


def plant(cluster, *objects):
    for item in objects:
        cluster._store(item)


def test_an_istio_of_somebody_else_is_not_installed_over(cluster, fake):
    plant(cluster, namespace("istio-system"), istiod())
    for check in (True, False):
        with pytest.raises(IstioError) as refused:
            run(cluster, fake, check=check, labels=SANDBOX)
        assert FOREIGN in str(refused.value) and "meshgate.io/cluster=sandbox" in str(refused.value) and "adopt" in str(refused.value)
    assert fake.installed() == 0
    assert not [request for request in cluster.requests if request[-1] != "dry"]


def test_nor_beside_one_that_has_the_shared_objects(cluster, fake):
    plant(cluster, namespace("mesh"), istiod("green", "mesh"))
    with pytest.raises(IstioError, match=r"Deployment mesh/istiod-green \(revision green, version 1\.30\.2\)"):
        run(cluster, fake, labels=SANDBOX)


def test_what_is_adopted_is_ours_from_then_on(cluster, fake):
    plant(cluster, namespace("istio-system"), istiod())
    run(cluster, fake, labels=SANDBOX, adopt=True)
    assert SANDBOX.items() <= cluster.objects[("Deployment", "istio-system", "istiod")]["metadata"]["labels"].items()
    assert not run(cluster, fake, labels=SANDBOX).changed
    assert remove(cluster, fake, purge=True, labels=SANDBOX).changed


def test_ours_is_labelled_and_then_unchanged(cluster, fake):
    assert run(cluster, fake, labels=SANDBOX).changed
    assert not run(cluster, fake, labels=SANDBOX).changed
    assert "meshgate.io/installing" not in (cluster.objects[("Namespace", "", "istio-system")]["metadata"].get("annotations") or {})


def test_a_platform_of_before_is_known_by_its_namespaces_until_it_is_labelled(cluster, fake):
    run(cluster, fake, prerequisites=[namespace("istio-system", **SANDBOX)])
    cluster.objects[("Namespace", "", "istio-ingress")]["metadata"]["labels"] = SANDBOX
    assert actions(run(cluster, fake, labels=SANDBOX, check=True)) == {("Deployment", "istiod"): "update", ("Deployment", "gateway"): "update"}
    run(cluster, fake, labels=SANDBOX)
    plant(cluster, istiod("green"))
    with pytest.raises(IstioError, match="istiod-green"):
        run(cluster, fake, labels=SANDBOX)


def test_a_run_that_was_killed_before_it_labelled_knows_its_own_again(cluster, fake):
    plant(cluster, namespace("istio-system"))
    fake.install_rc = 1
    with pytest.raises(IstioError, match="istioctl install failed"):
        run(cluster, fake, labels=SANDBOX)
    plant(cluster, istiod())
    fake.install_rc = 0
    assert run(cluster, fake, labels=SANDBOX).changed
    assert not run(cluster, fake, labels=SANDBOX).changed


def test_an_ingress_of_somebody_else_is_refused(cluster, fake):
    plant(cluster, ingress())
    for check in (True, False):
        with pytest.raises(IstioError, match="Ingress istio-ingress/ingress: created by someone else"):
            run(cluster, fake, check=check, labels=SANDBOX, prerequisites=[ingress(**SANDBOX)])
    assert run(cluster, fake, labels=SANDBOX, adopt=True, prerequisites=[ingress(**SANDBOX)]).changed


@pytest.mark.parametrize("asked", [{"purge": True}, {"revision": "default"}])
@pytest.mark.parametrize("check", [True, False])
def test_an_istio_of_somebody_else_is_not_removed(cluster, fake, asked, check):
    plant(cluster, namespace("istio-system"), istiod())
    before = copy.deepcopy(cluster.objects)
    with pytest.raises(IstioError) as refused:
        remove(cluster, fake, check=check, labels=SANDBOX, **asked)
    assert FOREIGN in str(refused.value)
    assert cluster.objects == before and fake.commands == []
    assert remove(cluster, fake, check=check, labels=SANDBOX, adopt=True, **asked).changed


def test_a_purge_beside_somebody_elses_revision_is_refused(cluster, fake):
    run(cluster, fake, labels=SANDBOX)
    plant(cluster, istiod("green"))
    with pytest.raises(IstioError, match="istiod-green"):
        remove(cluster, fake, purge=True, labels=SANDBOX)
    assert ("Deployment", "istio-system", "istiod") in cluster.objects


def test_with_a_cluster_that_goes_next_others_are_named_and_left(cluster, fake):
    run(cluster, fake, labels=SANDBOX, prerequisites=[namespace("istio-system", **SANDBOX)])
    plant(cluster, istiod("green", "mesh"), crd())
    result = remove(cluster, fake, purge=True, wait=False, labels=SANDBOX, prerequisites=[namespace("istio-system", **SANDBOX)])
    assert {change.id for change in result.changes} >= {"Deployment istio-system/istiod", "Namespace istio-system"}
    assert ("Namespace", "", "istio-system") not in cluster.objects
    assert ("Deployment", "mesh", "istiod-green") in cluster.objects
    assert "Deployment mesh/istiod-green (revision green, version 1.30.2) of someone else" in result.stays


# -- one operator among several -----------------------------------------------------------------------------------------


def test_a_removal_takes_what_the_operator_of_that_name_owns(cluster, fake):
    run(cluster, fake)
    east = deployment("east-gateway", "istio-ingress")
    east["metadata"]["labels"] |= istio_operator.Owner("gateways", "istio-system", "default", "1.31.1").labels()
    plant(cluster, east)
    planned = remove(cluster, fake, check=True, name="gateways")
    assert [change.id for change in planned.changes] == ["Deployment istio-ingress/east-gateway"]
    result = remove(cluster, fake, name="gateways")
    assert result.commands[0][3] == "--revision=default" and result.commands[0][4].startswith("--filename=")
    assert ("Deployment", "istio-ingress", "east-gateway") not in cluster.objects
    assert ("Deployment", "istio-system", "istiod") in cluster.objects
    assert ("MutatingWebhookConfiguration", "", istio_operator.DEFAULT_TAG_WEBHOOK) in cluster.objects


def test_an_operator_of_gateways_alone_takes_no_webhook_over(cluster, fake, monkeypatch):
    """As istioctl decides it (operator/pkg/webhook/webhook.go): without operatorManageWebhooks it makes the default tag anew, as the gateways'."""
    given = []

    def reading(command, each, env=None):
        if command[1] == "install":
            path = next(part.partition("=")[2] for part in command if part.startswith("--filename="))
            given.append(yaml.safe_load(open(path)))  # noqa: SIM115
        return Answer(0, "done")

    run(cluster, fake)
    monkeypatch.setattr(fake, "stream", reading)
    fake.rendered = [service("east", "istio-ingress")]
    run(cluster, fake, name="gateways")
    assert given[0]["spec"]["values"]["global"]["operatorManageWebhooks"] is True


def test_a_tag_that_was_moved_is_named_where_an_install_brings_it_back(cluster, fake):
    run(cluster, fake)
    fake.set_tag("default", "trial")
    assert not run(cluster, fake, check=True).changed, "left alone while nothing else differs"
    cluster.objects[("Deployment", "istio-system", "istiod")]["spec"]["replicas"] = 3
    result = run(cluster, fake, check=True)
    assert actions(result) == {
        ("Deployment", "istiod"): "update",
        ("MutatingWebhookConfiguration", "istio-revision-tag-default"): "update",
        ("Service", "istiod-revision-tag-default"): "update",
    }
    assert any("points to revision trial" in warning for warning in result.warnings)


# -- who uses it --------------------------------------------------------------------------------------------------------


def mesh_pod(name, revision="default", space="shop", **labels):
    note = {"sidecar.istio.io/status": json.dumps({"revision": revision})}
    metadata = {"name": name, "namespace": space, "labels": labels, "annotations": note}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "istio-proxy"}]}, "status": {"phase": "Running"}}


@pytest.fixture
def trial(cluster, fake):
    """Revision trial beside the default one."""
    run(cluster, fake)
    injects = injector()
    injects["metadata"] = {"name": "istio-sidecar-injector-trial", "labels": istiod("trial")["metadata"]["labels"]}
    plant(cluster, istiod("trial"), injects, namespace("shop", **{"istio-injection": "enabled"}))
    return cluster


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("tag", ["default", "prod"])
def test_a_revision_that_a_tag_stands_for_is_not_removed(trial, fake, tag, check):
    fake.set_tag(tag, "trial")
    before = copy.deepcopy(trial.objects)
    with pytest.raises(IstioError) as refused:
        remove(trial, fake, check=check, revision="trial")
    assert f"revision trial is still used by tag {tag} ({'shop' if tag == 'default' else 'no namespace'})" in str(refused.value)
    assert "istioctl tag set" in str(refused.value)
    assert trial.objects == before


@pytest.mark.parametrize("check", [True, False])
def test_a_revision_with_proxies_attached_is_not_removed(trial, fake, check):
    plant(trial, mesh_pod("till-1", "trial"), mesh_pod("stock-1"))
    with pytest.raises(IstioError, match=r"revision trial is still used by 1 proxy: shop/till-1\."):
        remove(trial, fake, check=check, revision="trial")
    trial.objects[("Pod", "shop", "till-1")]["metadata"]["deletionTimestamp"] = "now"
    assert remove(trial, fake, check=check, revision="trial").changed


def test_a_revisions_own_gateway_does_not_hold_it(trial, fake):
    gate = deployment("trial-gateway", "istio-ingress")
    gate["metadata"]["labels"] |= istiod("trial")["metadata"]["labels"] | {istio_operator.COMPONENT: "IngressGateways", "app": "trial-gateway"}
    plant(trial, gate, mesh_pod("trial-gateway-1", "trial", "istio-ingress", app="trial-gateway"))
    assert remove(trial, fake, check=True, revision="trial").changed


def test_tags_are_led_to_the_revision_that_stays(trial, fake):
    fake.set_tag("default", "trial")
    fake.set_tag("prod", "trial")
    moved = {("MutatingWebhookConfiguration", f"istio-revision-tag-{tag}", "update") for tag in ("default", "prod")}
    planned = remove(trial, fake, check=True, revision="trial", tags_to="default")
    assert {(c.kind, c.name, c.action) for c in planned.changes} >= moved
    result = remove(trial, fake, revision="trial", tags_to="default")
    assert [command[1:4] for command in result.commands] == [
        ["tag", "set", "default"],
        ["tag", "set", "prod"],
        ["uninstall", "--skip-confirmation", "--revision=trial"],
    ]
    for tag in ("default", "prod"):
        assert trial.objects[("MutatingWebhookConfiguration", "", f"istio-revision-tag-{tag}")]["metadata"]["labels"][istio_operator.REVISION] == "default"
    assert ("Deployment", "istio-system", "istiod-trial") not in trial.objects


@pytest.mark.parametrize("target", ["trial", "nowhere"])
def test_tags_are_led_only_to_a_revision_that_stays(trial, fake, target):
    fake.set_tag("prod", "trial")
    with pytest.raises(IstioError, match=f"tags_to is {target}; accepted: a remaining revision .default"):
        remove(trial, fake, check=True, revision="trial", tags_to=target)


def test_a_used_revision_goes_with_all_of_its_tags_when_that_is_said(trial, fake):
    fake.set_tag("default", "trial")
    fake.set_tag("prod", "trial")
    result = remove(trial, fake, revision="trial", remove_used=True)
    assert not [name for kind, _unused, name in trial.objects if "tag" in name], "a Service that stays makes istioctl refuse the name"
    assert result.warnings == [
        "tag default (shop) is removed with revision trial: new pods there get no sidecar",
        "tag prod (no namespace) is removed with revision trial: new pods there get no sidecar",
    ]


def test_all_of_istio_is_not_removed_from_under_proxies(cluster, fake):
    run(cluster, fake)
    plant(cluster, mesh_pod("till-1"))
    for check in (True, False):
        with pytest.raises(IstioError, match="Istio is still used by 1 proxy: shop/till-1"):
            remove(cluster, fake, check=check, purge=True)
    assert remove(cluster, fake, purge=True, wait=False).changed, "a cluster that goes next"
