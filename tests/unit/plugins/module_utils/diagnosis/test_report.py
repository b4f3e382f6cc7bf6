# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The report as a whole: its order, its words, that it never fails, and its areas but pods."""

from __future__ import annotations

import base64
import datetime
import json
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fake_kube import FakeKube

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.client import AwsError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.command import Answer
from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.ownership import OWNER_LABEL
from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis import account as report_account
from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis import certificates as report_certificates
from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis import cluster as report_cluster
from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis import ingress as report_ingress
from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis import machine as report_machine
from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis import mesh as report_mesh
from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis import platform as platform_report
from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis.report import Section, ranked, render
from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis.symptoms import SYMPTOMS
from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio.istioctl import Istioctl
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.access import Access
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeError

NOW = datetime.datetime(2026, 11, 21, 12, 0, 0, tzinfo=datetime.UTC)
TROUBLESHOOTING = Path(__file__).resolve().parents[5] / "docs/troubleshooting.md"


def said(section: Section) -> list[tuple[str, str]]:
    return [(finding.symptom, finding.what) for finding in section.findings]


# The document


def test_the_document_has_a_section_for_each_symptom_in_the_same_order() -> None:
    headings = [line.removeprefix("## ") for line in TROUBLESHOOTING.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
    titles = [symptom.title for symptom in SYMPTOMS.values()]
    assert [heading for heading in headings if heading in titles] == titles


def test_an_anchor_is_as_github_makes_it() -> None:
    assert SYMPTOMS["node_container"].where == "docs/troubleshooting.md#a-nodes-container-does-not-run"


# The whole


def test_causes_come_before_consequences_and_before_what_was_seen() -> None:
    one, other = Section("answers", ["GET /: 503"]), Section("nodes", ["n: not ready"])
    one.wrong("answer", "503")
    other.wrong("node", "n is not ready", "kubelet stopped")
    other.noted("certificate", "soon")
    text = render("sandbox", [one, other])
    assert text.startswith("sandbox: 2 things are wrong, causes first\n\n1. A node is not ready: n is not ready\n     | kubelet stopped\n")
    assert text.index("2. The load balancer answers") < text.index("To know:") < text.index("== answers: wrong")


def test_what_could_not_be_seen_is_not_called_fine() -> None:
    assert render("sandbox", [Section("AWS", unknown="no answer")]).startswith("sandbox: nothing is wrong, as far as could be seen")
    assert "== AWS: not known\n   no answer" in render("sandbox", [Section("AWS", unknown="no answer")])


def test_a_look_that_breaks_is_a_line_of_the_report() -> None:
    section = platform_report.guarded("nodes", lambda: t.cast(Section, {}["nothing"]))
    assert section.state == "not known" and "could not be checked" in section.unknown


def test_an_echo_is_not_one_more_thing_and_yet_not_fine() -> None:
    machine, server = Section("this machine"), Section("API server")
    machine.wrong("node_container", "paused")
    server.wrong("api", "timeout")
    assert [finding.symptom for finding in ranked(platform_report.hush([machine, server]), notes=False)] == ["node_container"]
    assert server.state == "wrong"


def test_neither_a_kubeconfig_nor_a_cluster_is_no_platform() -> None:
    account, server = Section("AWS"), Section("API server")
    account.wrong("account", "EKS has no cluster sandbox")
    server.wrong("kubeconfig", "there is none")
    assert [finding.symptom for finding in ranked(platform_report.hush([account, server]), notes=False)] == ["nothing"]


def test_a_kubeconfig_of_another_cluster_is_told() -> None:
    looked = platform_report.PlatformReport(platform_report.Wanted("sandbox", Access("/k"), Istioctl()))
    looked.kube_endpoint, looked.eks_endpoint = "https://127.0.0.1:6443", "https://1.eks.amazonaws.com"
    looked._compare()
    assert said(looked.reached) == [("kubeconfig", "/k points at https://127.0.0.1:6443, but EKS reports the cluster at https://1.eks.amazonaws.com")]


@pytest.mark.parametrize(
    ("endpoint", "reason", "symptom"),
    [
        ("", "kubectl: no such program", "tool"),
        ("https://x", "Unable to connect to the server: getting credentials: exec: executable aws not found", "tool"),
        ("", "there is no kubeconfig /k", "kubeconfig"),
        ("https://x", "error: You must be logged in to the server (Unauthorized)", "refused"),
        ("https://x", "Unable to connect to the server: getting credentials: exec: executable aws failed with exit code 255", "refused"),
        ("https://x", "no answer within 7 s", "api"),
    ],
)
def test_what_kubectl_says_is_put_where_it_belongs(endpoint: str, reason: str, symptom: str) -> None:
    assert platform_report.unreached(endpoint, reason) == symptom


# This machine


class FakeDocker:
    def __init__(self, *containers: tuple[str, str, str], server: bool = True, program: str | None = "docker") -> None:
        self.program, self._server = program, {"ServerVersion": "28.0", "MemTotal": 2**34, "NCPU": 2} if server else None
        self._all = [{"Name": f"/{name}", "label": label, "State": {"Status": status, "ExitCode": 1}} for name, label, status in containers]

    def server(self) -> dict[str, t.Any] | None:
        return self._server

    def containers(self, wanted: str) -> list[dict[str, t.Any]]:
        return [one for one in self._all if wanted.startswith(f"label={one['label']}=")]

    def logs(self, _name: str, _lines: int) -> str:
        return "no such table"


NODE = ("sandbox-control-plane", report_machine.NODES, "running")
API, ALB = ("meshgate-aws", OWNER_LABEL, "running"), ("meshgate-alb", OWNER_LABEL, "running")


@pytest.mark.parametrize(
    ("docker", "found"),
    [
        (FakeDocker(NODE, API, ALB), []),
        (FakeDocker(server=False, program=None), [("docker", "the docker command is not on the PATH")]),
        (FakeDocker(), [("nothing", "there is no container of cluster sandbox")]),
        (FakeDocker((*NODE[:2], "paused"), API, ALB), [("node_container", "sandbox-control-plane is paused")]),
        (FakeDocker(NODE, (*API[:2], "exited"), ALB), [("emulator", "meshgate-aws is exited with exit code 1")]),
        (FakeDocker(NODE, API), [("balancer_container", "there is no container meshgate-alb")]),
        (FakeDocker(API, ALB), [("node_container", "the kind cluster has no container")]),
    ],
)
def test_containers(docker: t.Any, found: list[tuple[str, str]]) -> None:
    assert said(report_machine.look(docker, "sandbox")) == found


# AWS


@pytest.mark.parametrize(
    ("code", "symptom"),
    [("ExpiredToken", "credentials"), ("NoCredentials", "credentials"), ("Unreachable", "aws"), ("AnswerLost", "aws")],
)
def test_an_error_of_aws_is_put_where_it_belongs(code: str, symptom: str) -> None:
    section = Section("AWS")
    report_account.refuses(section, AwsError("sts: it says no", code))
    assert said(section) == [(symptom, "sts: it says no")]


def test_what_aws_does_not_let_us_read_is_not_known() -> None:
    section = Section("AWS")
    report_account.refuses(section, AwsError("eks:ListAddons: not allowed", "AccessDeniedException"))
    assert section.unknown == "eks:ListAddons: not allowed"


class Account:
    """What EKS says."""

    def __init__(self, nodegroup: dict[str, t.Any] | None = None, cluster: dict[str, t.Any] | None = None) -> None:
        self.cluster = {"status": "ACTIVE", "version": "1.36", "endpoint": "https://x"} if cluster is None else cluster
        self.nodegroup = nodegroup or {"status": "ACTIVE"}

    def call(self, *_what: str) -> dict[str, str]:
        return {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/me"}

    def find(self, _service: str, operation: str, _key: str, **_arguments: str) -> t.Any:
        return {"describe_cluster": self.cluster or None, "describe_nodegroup": self.nodegroup, "describe_addon": {"status": "ACTIVE"}}[operation]

    def pages(self, _service: str, operation: str, _key: str, **_arguments: str) -> list[str]:
        return ["mng"] if operation == "list_nodegroups" else ["coredns"]


def test_eks_own_words_are_passed_on() -> None:
    sick = {"status": "DEGRADED", "health": {"issues": [{"code": "AccessDenied", "message": "the role is gone"}]}}
    section, endpoint = report_account.look_at_cluster(t.cast(t.Any, Account(sick)), "sandbox")
    assert said(section) == [("eks", "node group mng is DEGRADED; AccessDenied: the role is gone")] and endpoint == "https://x"
    assert said(report_account.look_at_cluster(t.cast(t.Any, Account()), "sandbox")[0]) == []
    gone = report_account.look_at_cluster(t.cast(t.Any, Account(cluster={})), "sandbox")[0]
    assert said(gone) == [("account", "EKS has no cluster sandbox in account 123456789012")]


BALANCER: dict[str, t.Any] = {
    "name": "alb",
    "scheme": "internal",
    "state": "active",
    "state_reason": "",
    "hostname": "h",
    "listeners": [{}],
    "target_groups": [],
}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"state": "provisioning"}, [("balancer", "alb is provisioning")]),
        ({"listeners": []}, [("balancer", "alb has no listener")]),
        ({"target_groups": [{"name": "g", "targets": []}]}, [("target", "target group g of alb has no target")]),
        (
            {
                "target_groups": [
                    {"name": "g", "targets": [{"id": "10.0.0.1", "port": 8080, "state": "unhealthy", "reason": "Target.Timeout", "description": ""}]}
                ]
            },
            [("target", "10.0.0.1:8080 of g is unhealthy: Target.Timeout")],
        ),
        ({"target_groups": [{"name": "g", "targets": [{"id": "10.0.0.1", "port": 8080, "state": "healthy", "reason": "", "description": ""}]}]}, []),
    ],
)
def test_load_balancers(change: dict[str, t.Any], found: list[tuple[str, str]]) -> None:
    section = Section("balancers")
    report_account._judge_balancer(section, {**BALANCER, **change})
    assert said(section) == found


# The cluster


def test_nodes() -> None:
    def node(name: str, ready: str, **spec: bool) -> dict[str, t.Any]:
        status = {
            "conditions": [{"type": "Ready", "status": ready, "reason": "KubeletNotReady", "message": "no network"}],
            "nodeInfo": {"kubeletVersion": "v1.36.3"},
        }
        return {"kind": "Node", "metadata": {"name": name, "namespace": "default"}, "spec": spec, "status": status}

    section = report_cluster.nodes(FakeKube([node("a", "True"), node("b", "False"), node("c", "True", unschedulable=True)]))
    assert said(section) == [("node", "b is not ready: KubeletNotReady: no network"), ("node", "c is cordoned: no new pod goes there")]
    assert [finding.note for finding in section.findings] == [False, True]
    assert said(report_cluster.nodes(FakeKube())) == [("node", "the cluster has no node")]


def deployment(name: str, replicas: int = 1, made: int = 1) -> dict[str, t.Any]:
    status = {"updatedReplicas": made, "readyReplicas": made, "replicas": made, "observedGeneration": 1}
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "generation": 1, "uid": name},
        "spec": {"replicas": replicas},
        "status": status,
    }


def test_workloads() -> None:
    refused = {"kind": "Event", "metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "FailedCreate", "message": "violates PodSecurity"}
    refused["involvedObject"] = {"kind": "ReplicaSet", "name": "stuck-1"}
    replicas = {"kind": "ReplicaSet", "metadata": {"name": "stuck-1", "namespace": "shop", "ownerReferences": [{"uid": "stuck"}]}}
    api = FakeKube([deployment("a"), deployment("idle", 0, 0), deployment("stuck", 1, 0), replicas, refused])
    section = report_cluster.workloads(api, ["shop/a", "shop/gone", "shop/idle"])
    assert said(section) == [
        ("missing", "there is no Deployment shop/gone"),
        ("scaled", "shop/idle is scaled to 0"),
        ("no_pods", "shop/stuck: 0 of 1 pods are updated"),
    ]
    assert section.findings[2].details == ["FailedCreate: violates PodSecurity"]


@pytest.mark.parametrize(("policy", "ready", "found"), [("Fail", True, []), ("Fail", False, [False]), ("Ignore", False, [True])])
def test_webhooks(policy: str, ready: bool, found: list[bool]) -> None:
    webhook = {"failurePolicy": policy, "clientConfig": {"service": {"namespace": "x", "name": "guard"}}}
    ends = {"kind": "EndpointSlice", "metadata": {"name": "s", "namespace": "x", "labels": {"kubernetes.io/service-name": "guard"}}}
    ends["endpoints"] = [{"conditions": {"ready": ready}}]
    section = report_cluster.webhooks(FakeKube([{"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "v"}, "webhooks": [webhook]}, ends]))
    assert [finding.note for finding in section.findings] == found


def test_what_does_not_go_away_names_who_holds_it() -> None:
    held = {"kind": "Ingress", "metadata": {"name": "i", "namespace": "shop", "deletionTimestamp": "2026-11-21T11:50:00Z", "finalizers": ["elb"]}}
    assert said(report_cluster.terminating(FakeKube([held]), NOW)) == [("terminating", "Ingress shop/i is being deleted for 600 s: held by elb")]
    held["metadata"]["deletionTimestamp"] = "2026-11-21T11:59:50Z"
    assert said(report_cluster.terminating(FakeKube([held]), NOW)) == []


# Certificates


def certificate(until: datetime.datetime) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    signed = made.not_valid_before(until - datetime.timedelta(days=90)).not_valid_after(until).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def test_certificates() -> None:
    def secret(name: str, days: float) -> dict[str, t.Any]:
        pem = certificate(NOW + datetime.timedelta(days=days))
        return {"kind": "Secret", "metadata": {"name": name, "namespace": "shop"}, "data": {"tls.crt": base64.b64encode(pem.encode()).decode()}}

    found, unread = report_certificates.in_cluster(FakeKube([secret("good", 300), secret("soon", 5.5), secret("late", -1)]), "istio-system")
    section = Section("certificates")
    report_certificates.judge(section, found, NOW, 30)
    assert unread == [] and len(section.lines) == 3
    assert said(section) == [
        ("certificate", "Secret shop/late: expired on 2026-11-20 12:00 UTC"),
        ("certificate", "Secret shop/soon: runs out in 5 days, on 2026-11-27 00:00 UTC"),
    ]
    assert [finding.note for finding in section.findings] == [False, True]


def test_secrets_that_may_not_be_read_are_said() -> None:
    class Guarded(FakeKube):
        def find(self, api_version: str, kind: str, *rest: t.Any, **more: t.Any) -> list[dict[str, t.Any]]:
            if kind == "Secret":
                raise KubeError("secrets is forbidden", 403)
            return super().find(api_version, kind, *rest, **more)

    assert report_certificates.in_cluster(Guarded(), "istio-system")[1] == ["TLS Secrets cannot be read: secrets is forbidden"]


def test_of_a_chain_the_first_end_counts_and_nonsense_has_none() -> None:
    chain = certificate(NOW + datetime.timedelta(days=900)) + certificate(NOW + datetime.timedelta(days=2))
    assert [expiry.until for expiry in report_certificates.expiries("x", chain)] == [NOW + datetime.timedelta(days=2)]
    assert report_certificates.expiries("x", "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----") == []


# The mesh


def proxies(*named: tuple[str, str, str]) -> str:
    resources = [
        {
            "node": {"id": name},
            "genericXdsConfigs": [{"typeUrl": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "configStatus": state, "lastUpdated": when}],
        }
        for name, state, when in named
    ]
    return "".join(json.dumps({"resources": [resource]}) + "\n" for resource in resources)  # as of two istiods


def meshed(name: str, ready: bool = True) -> dict[str, t.Any]:
    spec = {"containers": [{"name": "app"}, {"name": "istio-proxy"}]}
    status = {"phase": "Running", "containerStatuses": [{"name": "istio-proxy", "ready": ready}]}
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "spec": spec, "status": status}


def test_proxies() -> None:
    told = proxies(("a.shop", "SYNCED", ""), ("b.shop", "STALE", "2026-11-21T11:59:00Z"), ("c.shop", "STALE", "2026-11-21T11:59:59.123456789Z"))
    istioctl = Istioctl(runner=lambda *_given: Answer(0, told))
    section = report_mesh.proxy_status(istioctl, FakeKube([meshed("a"), meshed("b"), meshed("c"), meshed("d"), meshed("starting", False)]), NOW)
    assert said(section) == [("proxy", "b.shop has not taken its newest Cluster"), ("proxy", "1 of 4 proxies are not connected to istiod")]
    assert section.findings[1].details == ["d.shop"]


def test_an_istiod_that_does_not_answer() -> None:
    section = report_mesh.proxy_status(Istioctl(runner=lambda *_given: Answer(1, "", "Error: no running Istio pods in istio-system")), FakeKube(), NOW)
    assert said(section) == [("proxy", "istiod does not say what its proxies have: no running Istio pods in istio-system")]


def test_analyze() -> None:
    told = [{"code": "IST0101", "origin": "VirtualService a", "message": "host not found", "level": "Error"}]
    told += [
        {"code": "IST0103", "origin": "Pod b", "message": "no proxy", "level": "Warning"},
        {"code": "IST0118", "origin": "c", "message": "port name", "level": "Info"},
    ]
    assert said(report_mesh.analyze(Istioctl(runner=lambda *_given: Answer(79, json.dumps(told))))) == [
        ("analyze", "IST0101 (VirtualService a): host not found")
    ]
    assert said(report_mesh.analyze(Istioctl(runner=lambda *_given: Answer(127, "", "istioctl: no such program")))) == [("tool", "istioctl: no such program")]
    assert report_mesh.analyze(Istioctl(runner=lambda *_given: Answer(1, "", "Error: refused"))).unknown == "istioctl analyze: refused"


def test_sidecars() -> None:
    def bare(name: str, **labels: str) -> dict[str, t.Any]:
        item = meshed(name)
        item["spec"]["containers"].pop()
        item["metadata"]["labels"] = labels
        return item

    space = {"kind": "Namespace", "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}
    api = FakeKube([space, injector(), meshed("a"), bare("b"), bare("c", **{"sidecar.istio.io/inject": "false"})])
    assert [what.partition(" ")[0] for _symptom, what in said(report_mesh.sidecars(api))] == ["shop/b"]
    space["metadata"]["labels"] = {}
    assert said(report_mesh.sidecars(FakeKube([space, bare("b")]))) == []


def injector(name: str = "istio-sidecar-injector", deactivated: bool = False, **selector: t.Any) -> dict[str, t.Any]:
    """As Istio's chart has it; and as istioctl leaves it (util.NeverMatch) once the tag default has a webhook of its own."""
    never = {"matchLabels": {"istio.io/deactivated": "never-match"}}
    namespaces = selector or {"matchExpressions": [{"key": "istio-injection", "operator": "In", "values": ["enabled"]}]}
    pods = {"matchExpressions": [{"key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"]}]}
    webhook = {"name": "namespace.sidecar-injector.istio.io", "namespaceSelector": never if deactivated else namespaces}
    webhook["objectSelector"] = never if deactivated else pods
    return {"kind": "MutatingWebhookConfiguration", "metadata": {"name": name, "labels": {"app": "sidecar-injector"}}, "webhooks": [webhook]}


def test_a_label_that_no_injector_listens_to_is_named_with_the_pods_that_got_none() -> None:
    shop = {"kind": "Namespace", "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}
    other = {"kind": "Namespace", "metadata": {"name": "other", "labels": {"istio.io/rev": "prod"}}}
    bare = meshed("b")
    bare["spec"]["containers"].pop()
    gone = report_mesh.sidecars(FakeKube([shop, other, injector(deactivated=True), bare]))
    assert said(gone) == [
        ("injector", "no injector is active for the label istio-injection=enabled of shop: new pods there get no sidecar"),
        ("injector", "no injector is active for the label istio.io/rev=prod of other: new pods there get no sidecar"),
    ]
    assert gone.findings[0].details == ["shop/b runs without a sidecar"]
    prod = injector("istio-revision-tag-prod", matchExpressions=[{"key": "istio.io/rev", "operator": "In", "values": ["prod"]}])
    back = report_mesh.sidecars(FakeKube([shop, other, injector(deactivated=True), injector("istio-revision-tag-default"), prod, bare]))
    assert said(back) == [("sidecar", "shop/b runs without one, in a namespace that is labelled for injection")]


# The way in


def test_ingresses() -> None:
    def ingress(name: str, host: str, kind: str = "alb") -> dict[str, t.Any]:
        status = {"loadBalancer": {"ingress": [{"hostname": host}] if host else []}}
        return {"kind": "Ingress", "metadata": {"name": name, "namespace": "in"}, "spec": {"ingressClassName": kind}, "status": status}

    event = {"kind": "Event", "metadata": {"name": "e", "namespace": "in"}, "type": "Warning", "reason": "FailedBuildModel", "message": "no subnet"}
    event["involvedObject"] = {"kind": "Ingress", "name": "lost"}
    section, hostname = report_ingress.look(FakeKube([ingress("main", "h.example"), ingress("lost", ""), ingress("other", "", "nginx"), event]), "in", "main")
    assert hostname == "h.example" and said(section) == [("ingress", "Ingress in/lost has no hostname")]
    assert section.findings[0].details == ["FailedBuildModel: no subnet"]
    assert said(report_ingress.look(FakeKube(), "in", "main")[0]) == [("missing", "there is no Ingress in/main")]


def test_answers() -> None:
    section = report_ingress.answers("h.example", ["/health"], "127.0.0.1:1", "http", True, 1)
    assert section.findings[0].symptom == "answer" and "does not answer" in section.findings[0].what


@pytest.mark.parametrize(("status", "found"), [(200, []), (302, []), (404, ["answer"]), (503, ["answer"])])
def test_an_answer_is_judged_by_its_status(status: int, found: list[str]) -> None:
    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"said")

        def log_message(self, *_given: t.Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        section = report_ingress.answers("h.example", ["/x"], f"127.0.0.1:{server.server_port}", "http", True, 5)
    assert [symptom for symptom, _what in said(section)] == found
    assert section.lines == [f"GET http://h.example/x: {status} said"]


def test_a_gateway_of_some_hosts_is_asked_by_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(report_ingress, "answers", lambda host, _paths, connect_to, *_more: asked.append((host, connect_to)))
    for stand_in in ("127.0.0.1:8080", ""):
        wanted = platform_report.Wanted("sandbox", Access("/k"), Istioctl(), served_hosts=["shop.example.com"], connect_to=stand_in)
        looked = platform_report.PlatformReport(wanted)
        looked.hostname = "alb.example"
        looked._answers("alb.example")
    assert asked == [("shop.example.com", "127.0.0.1:8080"), ("shop.example.com", "alb.example:80")]
