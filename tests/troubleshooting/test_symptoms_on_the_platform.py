# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Symptoms produced beside the platform's own parts on the running one: most at once, in namespaces of their own, in one report."""

from __future__ import annotations

import datetime
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aws_harness import emulator
from cluster import Cluster
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from harness import CLUSTER, Play, the_cluster, until
from looking import ON_THE_PLATFORM, Report, by_module, by_playbook, first, seen

SPACE, STRICT, LATE, UNHEARD = "trouble", "trouble-strict", "trouble-late", "trouble-unheard"
NODE = f"{CLUSTER}-control-plane"
CONTAINERS = ["meshgate-aws", "meshgate-alb", NODE]


def pod(name: str, image: str, namespace: str = SPACE, spec: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    """A pod of service-a, but for what is said."""
    one = {"name": "app", "image": image, "imagePullPolicy": "IfNotPresent", **container}
    body = {"terminationGracePeriodSeconds": 0, "containers": [one], **(spec or {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": body}


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def certificate(days: int) -> tuple[str, str]:
    """A certificate of its own key that runs out soon, and the key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "trouble.example")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    signed = made.not_valid_before(now - datetime.timedelta(days=9)).not_valid_after(now + datetime.timedelta(days=days, hours=1)).sign(key, hashes.SHA256())
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return signed.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def troubles(image: str) -> list[dict[str, Any]]:
    public, private = certificate(3)
    webhook = {
        "name": "guard.trouble.example",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {"service": {"namespace": SPACE, "name": "nobody", "path": "/"}},
        # Nothing is asked of it: a webhook like this one would else stop more than this test.
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "no-such-namespace"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
    }
    template = {
        "metadata": {"labels": {"app": "forbidden"}},
        "spec": {"containers": [{"name": "app", "image": image, "securityContext": {"privileged": True}}]},
    }
    backend = {"service": {"name": "nobody", "port": {"number": 80}}}
    return [
        pod("no-image", "127.0.0.1:9/nobody/nothing:1"),
        pod("crash", image, env=[{"name": "BIND_ADDRESS", "value": "nowhere"}]),
        pod("no-config", image, envFrom=[{"configMapRef": {"name": "forgotten"}}]),
        pod("no-node", image, spec={"nodeSelector": {"eks.amazonaws.com/nodegroup": "elsewhere"}}),
        pod("no-volume", image, spec={"volumes": [{"name": "v", "secret": {"secretName": "forgotten"}}]}, volumeMounts=[{"name": "v", "mountPath": "/v"}]),
        pod("no-answer", image, readinessProbe={"httpGet": {"port": 9, "path": "/health"}, "periodSeconds": 1}),
        pod("no-sidecar", image, namespace=LATE),
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "forbidden", "namespace": STRICT},
            "spec": {"selector": {"matchLabels": {"app": "forbidden"}}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": "soon", "namespace": SPACE},
            "stringData": {"tls.crt": public, "tls.key": private},
        },
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "trouble"}, "webhooks": [webhook]},
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": "lost", "namespace": SPACE},
            "spec": {"hosts": ["lost.example"], "gateways": ["no-such-gateway"], "http": [{"route": [{"destination": {"host": "nobody"}}]}]},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "lost", "namespace": SPACE, "annotations": {"alb.ingress.kubernetes.io/scheme": "nowhere"}},
            "spec": {"ingressClassName": "alb", "defaultBackend": backend},
        },
    ]


def docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60, check=True)


def waiting_reason(cluster: Cluster, name: str) -> str:
    status = cluster.get("Pod", name, SPACE).get("status") or {}
    states = [one.get("state") or {} for one in status.get("containerStatuses") or []]
    return " ".join(f"{kind} {detail.get('reason', '')}" for state in states for kind, detail in state.items())


def settled(cluster: Cluster) -> bool:
    """Whether all that takes a moment has come about."""
    events = cluster.find("Event", SPACE)
    reasons = {(one["involvedObject"]["name"], one["reason"]) for one in events}
    return (
        "Pull" in waiting_reason(cluster, "no-image")
        and "Config" in waiting_reason(cluster, "no-config")
        and ("running" in waiting_reason(cluster, "no-answer"))
        and any(word in waiting_reason(cluster, "crash") for word in ("terminated", "CrashLoopBackOff"))
        and {("no-volume", "FailedMount"), ("no-answer", "Unhealthy")} <= reasons
        and any(name == "lost" and reason.startswith("Failed") for name, reason in reasons)
    )


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return the_cluster()


@pytest.fixture(scope="module")
def report(cluster: Cluster) -> Report:
    """One report of many troubles, by the playbook."""
    service = cluster.get("Deployment", "service-a", "rust-services")
    image = next(one["image"] for one in service["spec"]["template"]["spec"]["containers"] if one["name"] != "istio-proxy")
    spaces = [namespace(SPACE), namespace(STRICT, **{"pod-security.kubernetes.io/enforce": "restricted"}), namespace(LATE)]
    spaces.append(namespace(UNHEARD, **{"istio.io/rev": "nowhere"}))
    try:
        for items in (spaces, troubles(image)):
            cluster.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        cluster.kubectl("label", "namespace", LATE, "istio-injection=enabled")
        until("the troubles", lambda: settled(cluster), 90)
        cluster.kubectl("cordon", NODE)
        return by_playbook(Play())
    finally:
        cluster.kubectl("uncordon", NODE)
        cluster.kubectl("delete", "validatingwebhookconfiguration", "trouble", "--ignore-not-found")
        cluster.kubectl("-n", SPACE, "delete", "ingress", "lost", "--ignore-not-found", "--timeout=60s")
        cluster.kubectl("delete", "namespace", SPACE, STRICT, LATE, UNHEARD, "--ignore-not-found", "--wait=false")


def test_a_pod_cannot_get_its_image(report: Report) -> None:
    seen(report, "image", f"{SPACE}/no-image, container app", "127.0.0.1:9/nobody/nothing:1")


def test_a_container_ends_and_its_last_words_are_shown(report: Report) -> None:
    found = seen(report, "crash", f"{SPACE}/crash, container app", "exit code 1", "BIND_ADDRESS")
    assert "an IP address and a port, such as 0.0.0.0:3000" in report["report"]
    assert found["severity"] == "wrong"


def test_a_container_lacks_its_config_map(report: Report) -> None:
    seen(report, "config", f"{SPACE}/no-config", 'configmap "forgotten" not found')


def test_a_pod_finds_no_node(report: Report) -> None:
    seen(report, "scheduling", f"{SPACE}/no-node", "Unschedulable")


def test_a_pod_waits_for_its_volume(report: Report) -> None:
    seen(report, "starting", f"{SPACE}/no-volume", "ContainerCreating", 'secret "forgotten" not found')


def test_a_pod_is_not_ready(report: Report) -> None:
    seen(report, "unready", f"{SPACE}/no-answer", "its readiness probe fails", "Unhealthy")


def test_a_workload_gets_no_pods(report: Report) -> None:
    seen(report, "no_pods", f"{STRICT}/forbidden", "violates PodSecurity")


def test_no_injector_is_active_for_a_namespace(report: Report) -> None:
    seen(report, "injector", f"no injector is active for the label istio.io/rev=nowhere of {UNHEARD}")


def test_network_policies_that_nobody_enforces_are_noted(report: Report) -> None:
    seen(report, "unenforced", "istio-ingress/istio-ingressgateway")


def test_a_pod_has_no_sidecar(report: Report) -> None:
    seen(report, "sidecar", f"{LATE}/no-sidecar runs without one")


def test_a_certificate_runs_out(report: Report) -> None:
    found = seen(report, "certificate", f"Secret {SPACE}/soon: runs out in 3 days")
    assert found["severity"] == "note" and "PRIVATE KEY" not in json.dumps(report)


def test_a_webhook_has_nobody_behind_it(report: Report) -> None:
    seen(report, "webhook", f"trouble asks Service {SPACE}/nobody", "the requests that it handles are rejected")


def test_a_route_to_a_gateway_that_does_not_exist(report: Report) -> None:
    seen(report, "analyze", "IST0101", f"VirtualService {SPACE}/lost", "no-such-gateway")


def test_an_ingress_gets_no_load_balancer(report: Report) -> None:
    seen(report, "ingress", f"Ingress {SPACE}/lost has no hostname", "nowhere")


def test_a_cordoned_node_is_noted(report: Report) -> None:
    assert seen(report, "node", f"{NODE} is cordoned")["severity"] == "note"


def test_the_platform_itself_is_fine_in_that_report(report: Report) -> None:
    """What is wrong is all of these troubles; of the platform's own there is nothing."""
    own = [one for one in report["findings"] if one["severity"] == "wrong" and "trouble" not in json.dumps([one["what"], one["details"]])]
    assert own == []


def test_paused_containers_are_named_and_what_follows_from_them_is_not(cluster: Cluster) -> None:
    docker("pause", *CONTAINERS)
    try:
        # Longer than this, and the controllers in the node would lose their leases.
        found = by_module(**ON_THE_PLATFORM, timeout=2)
    finally:
        docker("unpause", *CONTAINERS)
    seen(found, "node_container", f"{NODE} is paused")
    seen(found, "emulator", "meshgate-aws is paused")
    seen(found, "balancer_container", "meshgate-alb is paused")
    assert {one["symptom"] for one in found["findings"]} == {"node_container", "emulator", "balancer_container"}
    until("the API server", lambda: cluster.kubectl("get", "--raw", "/readyz", ok=False).returncode == 0, 60)


def test_a_token_that_is_not_accepted(cluster: Cluster, tmp_path: Path) -> None:
    view = json.loads(cluster.kubectl("config", "view", "--raw", "-o", "json").stdout)
    view["users"] = [{"name": one["name"], "user": {"token": "nobody"}} for one in view["users"]]
    (tmp_path / "kubeconfig").write_text(json.dumps(view))
    seen(by_module(**{**ON_THE_PLATFORM, "kubeconfig": str(tmp_path / "kubeconfig")}), "refused", "logged in")


def test_another_account_does_not_know_the_load_balancer_and_a_part_is_missing() -> None:
    with emulator() as endpoint:
        found = by_module(**{**ON_THE_PLATFORM, "endpoint_url": endpoint, "expected": ["elsewhere/service-a"]})
    seen(found, "account", "EKS has no cluster sandbox")
    seen(found, "balancer", "the Ingress has the hostname", "which ELBv2 does not have")
    seen(found, "missing", "there is no Deployment elsewhere/service-a")
    assert first(found) == "account"


def test_then_nothing_is_wrong(cluster: Cluster) -> None:
    """The last one: what the tests before have broken is whole again."""
    found: Report = {}

    def whole() -> bool:
        found.update(by_module(**ON_THE_PLATFORM))
        return not [one for one in found["findings"] if one["severity"] == "wrong"]

    try:
        until("a report without anything wrong", whole, 90, 2)
    except AssertionError:
        raise AssertionError(found["report"]) from None
    assert f"{CLUSTER}, us-west-2: nothing is wrong" in found["report"]
