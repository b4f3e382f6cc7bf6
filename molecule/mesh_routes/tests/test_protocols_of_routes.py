# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""gRPC, HTTP/2 and WebSocket through one load balancer, from its HTTPS listener to real pods."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cluster import Cluster
from demo_app import deploy
from harness import Play, until
from zone import zone

VARIABLES = "molecule/mesh_routes/vars/scenario.yml"
SET, NAMESPACE, PLATFORM = "molecule-protocols", "molecule-protocols", "mesh.example.com"
PROTOCOLS = ("grpc", "http2", "websocket")
IMAGE = "{{ toolchain_facts.images.demo.name | default('') }}"
CHECK = "/grpc.health.v1.Health/Check"


def app(protocol: str) -> dict[str, Any]:
    return {
        "name": protocol,
        "namespace": NAMESPACE,
        "port": 8080,
        "protocol": protocol,
        "replicas": 1,
        "image": IMAGE,
        "health": {"path": "/health"},
        "env": {"ROLE": "echo", "BIND_ADDRESS": "0.0.0.0:8080"},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "callers": [{"gateway": True}],
    }


def host(protocol: str) -> str:
    return f"{protocol}.example.com"


APPS = [app(protocol) for protocol in PROTOCOLS]
ROUTES = [{"name": name, "namespace": NAMESPACE, "hosts": [host(name)], "rules": [{"to": [{"app": name}]}]} for name in PROTOCOLS]


@pytest.fixture(scope="module")
def apply(play: Play) -> Callable[..., Any]:
    def run(apps: list[dict[str, Any]], routes: list[dict[str, Any]], *options: str, **more: Any) -> Any:
        return deploy(play, VARIABLES, {"mesh_set": SET, "mesh_apps": apps, "mesh_routes": routes}, *options, **more)

    return run


@pytest.fixture(scope="module", autouse=True)
def as_it_was(play: Play, apply: Callable[..., Any], aws: Callable[[str], Any]) -> Iterator[None]:
    """With a zone for the platform's name, whose certificate is validated there."""
    with zone(aws("route53"), "example.com"):
        yield
        apply(APPS, ROUTES, "-e", "mesh_state=absent")
        play("playbooks/site.yml")


def curl(name: str, *options: str, path: str = "/") -> tuple[str, str]:
    """Status and, where it has one, code of gRPC; and the body as text."""
    argv = ["curl", "--silent", "--insecure", "--max-time", "10", "--resolve", f"{name}:8443:127.0.0.1", "--include", *options, f"https://{name}:8443{path}"]
    shown = subprocess.run(argv, capture_output=True, check=False).stdout.decode(errors="replace")
    code = re.search(r"^grpc-status: (\d+)", shown, re.MULTILINE)
    return (shown.split()[1] if shown else "") + (f" {code[1]}" if code else ""), shown.partition("\r\n\r\n")[2]


def grpc(name: str, path: str = CHECK) -> tuple[str, str]:
    """A call with an empty message."""
    message = subprocess.run(["printf", r"\0\0\0\0\0"], capture_output=True, check=True).stdout
    argv = ["curl", "--silent", "--insecure", "--http2", "--max-time", "10", "--resolve", f"{name}:8443:127.0.0.1", "--dump-header", "-", "--output", "-"]
    argv += ["--header", "content-type: application/grpc", "--header", "te: trailers", "--data-binary", "@-", f"https://{name}:8443{path}"]
    shown = subprocess.run(argv, input=message, capture_output=True, check=False).stdout.decode("latin-1")
    code = re.search(r"grpc-status: (\d+)", shown)
    return (shown.split()[1] if shown else "") + (f" {code[1]}" if code else ""), shown


def test_without_an_https_listener_they_are_refused_by_name_before_anything_is_applied(apply: Callable[..., Any], cluster: Cluster) -> None:
    refused = apply(APPS, ROUTES, ok=False)
    assert refused.code != 0
    assert "route grpc, rule 1: to grpc, protocol is 'grpc'" in refused.output and "route http2" in refused.output
    assert not cluster.find("VirtualService", NAMESPACE, f"meshgate.io/set={SET}") and not cluster.find("HTTPRoute", NAMESPACE, f"meshgate.io/set={SET}")


def test_an_https_listener_and_the_routes_make_three_target_groups(apply: Callable[..., Any], play: Play, aws: Callable[[str], Any]) -> None:
    play("playbooks/site.yml", "-e", f"istio_ingress_host_name={PLATFORM}")
    apply(APPS, ROUTES)
    elb = aws("elbv2")

    def versions() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for group in elb.describe_target_groups()["TargetGroups"]:
            states = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
            found.setdefault(group["ProtocolVersion"], set()).update(one["TargetHealth"]["State"] for one in states)
        return found

    until("healthy targets of each version", lambda: versions() == {"HTTP1": {"healthy"}, "HTTP2": {"healthy"}, "GRPC": {"healthy"}}, 60)
    certificate = next(item["CertificateArn"] for item in aws("acm").list_certificates()["CertificateSummaryList"] if item["DomainName"] == PLATFORM)
    balancer = elb.describe_load_balancers(Names=["sandbox-alb"])["LoadBalancers"][0]["LoadBalancerArn"]
    listeners = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
    assert [item["Certificates"][0]["CertificateArn"] for item in listeners if item["Protocol"] == "HTTPS"] == [certificate]


def test_a_grpc_call_gets_its_message_and_its_code() -> None:
    until("gRPC", lambda: grpc(host("grpc"))[0] == "200 0")
    assert "\x00\x00\x00\x00\x02\x08\x01" in grpc(host("grpc"))[1]
    assert grpc(host("grpc"), "/AWS.ALB/healthcheck")[0] == "200 12"  # the gateway's own answer, on which the health checks are built


def test_http_2_goes_from_end_to_end() -> None:
    until("HTTP/2", lambda: json.loads(curl(host("http2"), "--http2")[1] or "{}") == {"protocol": "HTTP/2.0"})


def test_what_a_target_group_does_not_take_is_464_and_all_other_hosts_are_as_before() -> None:
    assert curl(host("grpc"), "--http1.1")[0] == "464"
    assert curl(host("http2"), "--http1.1")[0] == "464"
    assert grpc(PLATFORM)[0] == "464"
    assert curl(PLATFORM, "--http1.1", path="/health")[0] == "200"


def test_a_websocket_gets_back_what_it_sends() -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    name = host("websocket")
    asked = f"GET /websocket HTTP/1.1\r\nHost: {name}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    with socket.create_connection(("127.0.0.1", 8443), 10) as plain, context.wrap_socket(plain, server_hostname=name) as secure:
        secure.sendall(f"{asked}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
        with secure.makefile("rb") as answer:
            assert answer.readline().startswith(b"HTTP/1.1 101")
            while answer.readline().strip():
                pass
            secure.sendall(b"\x81\x82\0\0\0\0hi")  # a whole text, masked with zeros
            assert answer.read(4) == b"\x81\x02hi"


def test_target_groups_go_with_their_routes(apply: Callable[..., Any], cluster: Cluster, aws: Callable[[str], Any]) -> None:
    assert apply(APPS, ROUTES).changed == 0
    apply(APPS, [route for route in ROUTES if route["name"] == "websocket"])

    def made() -> list[tuple[str, str]]:
        return [(kind, item["metadata"]["name"]) for kind in ("Ingress", "Service") for item in cluster.find(kind, "istio-ingress", f"meshgate.io/set={SET}")]

    until("nothing of them, which the controller lets go when their listener rules are gone", lambda: not made(), 60)
    until("one target group", lambda: {group["ProtocolVersion"] for group in aws("elbv2").describe_target_groups()["TargetGroups"]} == {"HTTP1"}, 60)
