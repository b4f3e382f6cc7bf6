"""The load balancer controller with a second Ingress beside the platform's: HTTPS, its identity, a restart, and an upgrade of its chart."""

from __future__ import annotations

import json
import socket
import ssl
import time
import urllib.request

import pytest
from cryptography import x509
from harness import ALB, AWS_API, Asking, ask, until
from older_chart import ACTION, FIELD, OLDER, older_chart

CONVERGE = "molecule/alb_controller/converge.yml"
NAME = "molecule-web"
CONTROLLER = "aws-load-balancer-controller"
ROLE = f"assumed-role/sandbox-us-west-2-{CONTROLLER}/"
PATH, FIELDS = "/?name=A+Field", b'{"key_one":"(A Field)Field 1","key_two":"(A Field)Field 2"}'
TLS = ("127.0.0.1", 8443)


@pytest.fixture(scope="module")
def hostname(cluster) -> str:
    return cluster.get("Ingress", "web", NAME)["status"]["loadBalancer"]["ingress"][0]["hostname"]


@pytest.fixture(scope="module")
def platform(cluster) -> str:
    return cluster.get("Ingress", "ingress", "istio-ingress")["status"]["loadBalancer"]["ingress"][0]["hostname"]


def requests(since: int) -> dict:
    with urllib.request.urlopen(f"{AWS_API}/_meshgate/requests?since={since}", timeout=30) as answer:
        return json.load(answer)


def balancers(aws) -> dict[str, str]:
    return {item["LoadBalancerName"]: item["LoadBalancerArn"] for item in aws("elbv2").describe_load_balancers()["LoadBalancers"]}


def secure(host: str, path: str) -> tuple[str, str]:
    """One request by TLS for the host name: the certificate's name, and the answer."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(TLS, timeout=10) as plain, context.wrap_socket(plain, server_hostname=host) as tls:
        certificate = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))
        tls.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        said = b"".join(iter(lambda: tls.recv(65536), b"")).decode()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    return names[0], said


def test_the_second_ingress_has_a_load_balancer_of_its_own(aws, hostname, platform):
    assert hostname != platform
    assert {NAME, "sandbox-alb"} <= set(balancers(aws))
    until("the platform's own answer", lambda: ask(platform, PATH).body == FIELDS, 60)


def test_https_answers_with_the_certificate_that_was_issued():
    name, said = secure("web.example.com", "/health")
    assert name == "web.example.com"
    assert said.startswith("HTTP/1.1 200") and said.endswith('{"status":"Healthy"}')


def test_plain_http_is_redirected(hostname):
    with socket.create_connection(ALB.split(":"), timeout=10) as plain:
        plain.sendall(f"GET /health HTTP/1.1\r\nHost: {hostname}\r\nConnection: close\r\n\r\n".encode())
        said = b"".join(iter(lambda: plain.recv(65536), b"")).decode()
    assert said.startswith("HTTP/1.1 301") and f"location: https://{hostname}:443/health" in said.lower()


def test_every_call_for_it_was_made_by_the_service_accounts_role(aws):
    """Nobody else made the second load balancer: not the node, not this machine."""
    made = [entry for entry in requests(0)["requests"] if entry["action"] == "CreateLoadBalancer"]
    assert made and ROLE in made[-1]["principal"]


def test_a_restart_reads_and_changes_nothing(cluster):
    since = requests(0)["next"]
    cluster.kubectl("-n", "kube-system", "rollout", "restart", f"deployment/{CONTROLLER}")
    cluster.kubectl("-n", "kube-system", "rollout", "status", f"deployment/{CONTROLLER}", "--timeout=170s")
    new = cluster.find("Pod", "kube-system", f"app.kubernetes.io/name={CONTROLLER}")
    names = {pod["metadata"]["name"] for pod in new if not pod["metadata"].get("deletionTimestamp")}
    until("the new pod leads", lambda: cluster.get("Lease", f"{CONTROLLER}-leader", "kube-system")["spec"]["holderIdentity"].split("_")[0] in names, 120)

    def theirs() -> list[dict]:
        return [entry for entry in requests(since)["requests"] if ROLE in entry["principal"]]

    def looked() -> bool:
        """At both load balancers' rules: that is where a reconciliation ends."""
        return sum(entry["action"] == "DescribeRules" for entry in theirs()) >= 3

    until("it has looked at what it made", looked, 120)
    time.sleep(5)  # what it would still change
    assert [f"{entry['service']}:{entry['action']}" for entry in theirs() if entry["mutating"]] == []


def test_an_upgrade_from_an_older_chart_keeps_the_load_balancers(play, cluster, aws, platform, tmp_path):
    """Older releases are nowhere to be had offline: see older_chart.py for what this one is."""
    chart, policy = older_chart(tmp_path)
    before = balancers(aws)
    given = {"alb_controller_version": OLDER, "alb_controller_chart": str(chart), "alb_controller_iam_policy": str(policy)}
    play(CONVERGE, "-e", json.dumps(given))
    assert label(cluster) == f"{CONTROLLER}-{OLDER}" and not has_field(cluster)
    since = requests(0)["next"]
    would = play(CONVERGE, "--check", "--diff")
    said = "\n".join(would.changes())
    for word in ("ingressclassparams.elbv2.k8s.aws", FIELD, ACTION, "3.2.2"):
        assert word in said, f"check mode does not mention {word}"
    assert label(cluster) == f"{CONTROLLER}-{OLDER}"
    with Asking(platform, PATH, FIELDS) as asking:
        play(CONVERGE)
    assert label(cluster) == f"{CONTROLLER}-3.2.2" and has_field(cluster)
    assert asking.failed == {} and asking.answers["ok"] > 20, asking.answers
    changed = [entry["action"] for entry in requests(since)["requests"] if entry["mutating"] and ROLE in entry["principal"]]
    assert (balancers(aws), changed) == (before, [])
    assert play(CONVERGE, "--check").changes() == []


def label(cluster) -> str:
    return cluster.get("Deployment", CONTROLLER, "kube-system")["metadata"]["labels"]["helm.sh/chart"]


def has_field(cluster) -> bool:
    return FIELD in str(cluster.get("CustomResourceDefinition", "ingressclassparams.elbv2.k8s.aws"))
