"""The platform as its users see it: what answers, which way the request takes, and what happens when AWS is at fault."""

from __future__ import annotations

import json
import re
import subprocess
from urllib.error import URLError

import pytest
from harness import ALB, CLUSTER, REPO, ask, until

HEALTH = b'{"status":"Healthy"}'
FIELDS = b'{"key_one":"(A Field)Field 1","key_two":"(A Field)Field 2"}'


@pytest.fixture(scope="module")
def hostname(cluster) -> str:
    return cluster.get("Ingress", "ingress", "istio-ingress")["status"]["loadBalancer"]["ingress"][0]["hostname"]


@pytest.fixture(scope="module")
def balancer(aws, hostname) -> dict:
    return next(item for item in aws("elbv2").describe_load_balancers()["LoadBalancers"] if item["DNSName"] == hostname)


def gateway_pods(cluster) -> list[dict]:
    pods = cluster.find("Pod", "istio-ingress", "istio=ingressgateway")
    return [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]


def seed_answers(host: str) -> bool:
    return ask(host, "/health").body == HEALTH and ask(host, "/?name=A+Field").body == FIELDS


def refused(host: str) -> bool:
    try:
        ask(host, "/health")
    except (URLError, ConnectionError):
        return True
    return False


@pytest.mark.parametrize(("path", "body", "length"), [("/health", HEALTH, "20"), ("/?name=A+Field", FIELDS, "59")])
def test_the_seeds_request_gets_the_seeds_answer(hostname, path, body, length):
    answer = ask(hostname, path)
    assert (answer.status, answer.body, answer.headers["server"], answer.headers["content-length"]) == (200, body, "istio-envoy", length)


def test_the_readmes_commands_answer_as_it_says():
    blocks = re.findall(r"```sh\n(.*?)```", (REPO / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    look_around = next(block for block in blocks if "curl" in block)
    done = subprocess.run(["bash", "-euc", look_around], cwd=REPO, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, (HEALTH + FIELDS).decode()), done.stderr


def test_a_missing_name_is_unknown(hostname):
    assert json.loads(ask(hostname, "/").body) == {"key_one": "(Unknown)Field 1", "key_two": "(Unknown)Field 2"}


def test_the_request_takes_the_load_balancers_way(hostname, cluster):
    ask(hostname, "/?name=way")
    addresses = {pod["status"]["podIP"] for pod in gateway_pods(cluster)}

    def logged():
        log = subprocess.run(["docker", "exec", "meshgate-alb", "cat", "/var/log/alb/access.log"], capture_output=True, text=True, check=True).stdout
        return [line for line in log.splitlines() if "name=way" in line]

    line = until("the access log's line", logged)[-1]
    fields = line.split()
    assert fields[0] == "http"
    assert fields[4].split(":")[0] in addresses
    assert fields[8:10] == ["200", "200"]


def test_there_is_exactly_one_load_balancer(aws):
    elb = aws("elbv2")
    arns = [item["LoadBalancerArn"] for item in elb.describe_load_balancers()["LoadBalancers"]]
    tagged = [
        described["ResourceArn"]
        for described in elb.describe_tags(ResourceArns=arns)["TagDescriptions"]
        if {"Key": "elbv2.k8s.aws/cluster", "Value": CLUSTER} in described["Tags"]
    ]
    assert len(tagged) == 1


def test_target_health_is_the_health_that_was_checked(aws, balancer, cluster):
    elb = aws("elbv2")
    groups = elb.describe_target_groups(LoadBalancerArn=balancer["LoadBalancerArn"])["TargetGroups"]
    assert [(group["TargetType"], group["HealthCheckPort"], group["HealthCheckPath"]) for group in groups] == [("ip", "15021", "/healthz/ready")]

    def healthy() -> set[str]:
        found = elb.describe_target_health(TargetGroupArn=groups[0]["TargetGroupArn"])["TargetHealthDescriptions"]
        return {item["Target"]["Id"] for item in found if item["TargetHealth"]["State"] == "healthy"}

    # Where drift's repair has just made the target group anew, its targets are initial for some seconds.
    until("the gateway's pods to be the healthy targets", lambda: healthy() == {pod["status"]["podIP"] for pod in gateway_pods(cluster)})


def test_the_gateways_pods_carry_the_readiness_gate(cluster):
    for pod in gateway_pods(cluster):
        gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates", [])]
        assert any(gate.startswith("target-health.elbv2.k8s.aws/") for gate in gates), pod["metadata"]["name"]


def test_the_gateways_pods_are_asked_every_second_until_they_are_ready(cluster):
    """The readiness probe that Istio gives them asks every 15 s."""
    for pod in gateway_pods(cluster):
        [proxy] = [container for container in pod["spec"]["containers"] if container["name"] == "istio-proxy"]
        assert (proxy["startupProbe"]["httpGet"]["path"], proxy["startupProbe"]["periodSeconds"]) == ("/healthz/ready", 1)


def test_every_service_pod_has_a_sidecar(cluster):
    pods = cluster.find("Pod", "rust-services")
    assert pods
    for pod in pods:
        containers = [item["name"] for item in pod["spec"]["containers"] + pod["spec"].get("initContainers", [])]
        assert "istio-proxy" in containers


def test_plain_http_from_outside_the_mesh_is_refused(cluster):
    pod = cluster.find("Pod", "rust-services", "app=service-a")[0]
    address = f"http://{pod['status']['podIP']}:3000/health"
    outside = ["docker", "exec", f"{CLUSTER}-control-plane", "curl", "--silent", "--show-error", "--max-time", "5", address]
    done = subprocess.run(outside, capture_output=True, text=True, check=False)
    assert done.returncode in (52, 56), done.stdout + done.stderr  # 52 empty reply, 56 connection reset: no HTTP answer


def test_service_a_gone_is_a_bad_gateway_not_a_hang(hostname, cluster):
    replicas = cluster.get("Deployment", "service-a", "rust-services")["spec"]["replicas"]
    cluster.kubectl("-n", "rust-services", "scale", "deployment/service-a", "--replicas=0")
    try:
        answer = until("a gateway error", lambda: (got := ask(hostname, "/?name=A+Field")).status in (502, 503, 504) and got)
        assert "error" in json.loads(answer.body)
    finally:
        cluster.kubectl("-n", "rust-services", "scale", "deployment/service-a", f"--replicas={replicas}")
    cluster.kubectl("-n", "rust-services", "rollout", "status", "deployment/service-a", "--timeout=90s")
    until("the seed's answers", lambda: seed_answers(hostname))


def test_without_its_targets_the_load_balancer_says_503(aws, balancer, hostname):
    elb = aws("elbv2")
    group = elb.describe_target_groups(LoadBalancerArn=balancer["LoadBalancerArn"])["TargetGroups"][0]["TargetGroupArn"]
    targets = [item["Target"] for item in elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]]
    elb.deregister_targets(TargetGroupArn=group, Targets=targets)
    try:
        until("503", lambda: ask(hostname, "/health").status == 503)
    finally:
        elb.register_targets(TargetGroupArn=group, Targets=targets)
    until("the seed's answers", lambda: seed_answers(hostname), 60)


def test_without_its_listener_nothing_answers(aws, balancer, hostname, cluster):
    elb = aws("elbv2")
    listener = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"][0]
    elb.delete_listener(ListenerArn=listener["ListenerArn"])
    try:
        until("no answer", lambda: refused(hostname))
    finally:
        # Any event on the Ingress makes the controller look again, and it makes the listener anew.
        cluster.kubectl("-n", "istio-ingress", "annotate", "ingress", "ingress", "meshgate.io/test=listener")
        until("a listener", lambda: elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"], 60)
        cluster.kubectl("-n", "istio-ingress", "annotate", "ingress", "ingress", "meshgate.io/test-")
    until("the seed's answers", lambda: not refused(hostname) and seed_answers(hostname), 60)


@pytest.mark.parametrize("api", ["gateway_api", "istio"])
def test_both_routing_apis_answer(play, cluster, hostname, api):
    play("playbooks/site.yml", "-e", f"rust_services_routing_api={api}")
    kinds = {"gateway_api": "HTTPRoute", "istio": "VirtualService"}
    for other, kind in kinds.items():
        assert bool(cluster.find(kind, "rust-services")) == (other == api)
    until("the seed's answers", lambda: seed_answers(hostname))


def test_the_platform_is_reached_on_loopback_only():
    ports = subprocess.run(["docker", "ps", "--format", "{{.Names}} {{.Ports}}"], capture_output=True, text=True, check=True).stdout
    ours = [line for line in ports.splitlines() if line.startswith(("meshgate-", f"{CLUSTER}-"))]
    assert any(ALB in line for line in ours)
    assert not [line for line in ours if "0.0.0.0:" in line or ":::" in line]


def from_the_node(command: str) -> str:
    """What bash on the node says: an address of the cluster, and not the load balancer's."""
    done = subprocess.run(["docker", "exec", f"{CLUSTER}-control-plane", "bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def sent(address: str, port: int, text: str, seconds: int = 30) -> str:
    return from_the_node(f"exec 3<>/dev/tcp/{address}/{port} && printf '{text}' >&3 && timeout {seconds} head -n 1 <&3")


def test_nobody_reaches_the_gateway_past_the_load_balancer(cluster):
    """Not even who says to be the load balancer's client."""
    for pod in gateway_pods(cluster):
        request = "GET /health HTTP/1.1\\r\\nHost: a.test\\r\\nX-Forwarded-For: 203.0.113.9\\r\\nConnection: close\\r\\n\\r\\n"
        assert "403 Forbidden" in sent(pod["status"]["podIP"], 8080, request)


def test_headers_that_do_not_end_are_not_waited_for(cluster):
    """request_headers_timeout, 10 s."""
    answer = sent(gateway_pods(cluster)[0]["status"]["podIP"], 8080, "GET /health HTTP/1.1\\r\\nHost: a.test\\r\\nX-Half", seconds=20)
    assert "408 Request Timeout" in answer


def test_a_gateway_takes_so_many_connections_and_no_more(cluster):
    argv = ["-n", "istio-ingress", "exec", gateway_pods(cluster)[0]["metadata"]["name"], "--", "pilot-agent", "request", "GET", "config_dump"]
    limits = re.findall(r'"max_active_downstream_connections": "?(\d+)', cluster.kubectl(*argv).stdout)
    assert limits and set(limits) == {"10000"}


def test_istiod_answers_proxies_and_nobody_in_plain_text(cluster):
    (pod,) = cluster.find("Pod", "istio-system", "app=istiod")
    address = pod["status"]["podIP"]
    assert "Connection refused" in from_the_node(f"exec 3<>/dev/tcp/{address}/15010")
    assert "Connection refused" not in from_the_node(f"exec 3<>/dev/tcp/{address}/15012")
    container = pod["spec"]["containers"][0]
    assert container["resources"]["limits"]["memory"] and container["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_every_proxy_has_limits(cluster):
    pods = [pod for space in ("istio-ingress", "rust-services") for pod in cluster.find("Pod", space)]
    proxies = [one for pod in pods for one in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])] if one["name"] == "istio-proxy"]
    assert len(proxies) == len(pods) and all({"cpu", "memory"} <= set(one["resources"].get("limits", {})) for one in proxies)
