# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One Datadog trace spans both services: the real binaries, and Datadog's own test agent, which checks what it is sent."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

import pytest

SERVICES = Path(__file__).resolve().parents[2] / "services"
CHECKS = ("trace_count_header", "trace_content_length", "meta_tracer_version_header")
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url: str, headers: dict[str, str] | None = None) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=5) as answer:
        return answer.read().decode()


def wait_for(what: t.Callable[[], t.Any], seconds: float = 20) -> t.Any:
    end = time.monotonic() + seconds
    while True:
        try:
            found = what()
        except (OSError, urllib.error.URLError):
            found = None
        if found:
            return found
        assert time.monotonic() < end, f"nothing within {seconds} s"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def binaries() -> Path:
    subprocess.run(["cargo", "build", "--quiet", "--locked"], cwd=SERVICES, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR") or SERVICES / "target") / "debug"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[int]:
    port = free_port()
    # Its other receivers have fixed ports, which may be taken.
    others = ["--otlp-http-port", str(free_port()), "--otlp-grpc-port", str(free_port())]
    log = tmp_path_factory.mktemp("agent") / "log"
    with log.open("w") as out:
        argv = [str(Path(sys.executable).parent / "ddapm-test-agent"), "--port", str(port), *others]
        process = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "ENABLED_CHECKS": ",".join(CHECKS)})
    try:
        wait_for(lambda: process.poll() is not None or fetch(f"http://127.0.0.1:{port}/info"))
        assert process.poll() is None, log.read_text()
        yield port
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def service_b(binaries: Path, agent: int) -> t.Iterator[str]:
    a, b = free_port(), free_port()
    common = {**os.environ, "DD_TRACING_ENABLED": "true", "AGENT_ADDRESS": f"127.0.0.1:{agent}"}
    processes = [
        subprocess.Popen([binaries / "service-a"], env={**common, "BIND_ADDRESS": f"127.0.0.1:{a}"}, stdout=subprocess.DEVNULL),
        subprocess.Popen(
            [binaries / "service-b"],
            env={**common, "BIND_ADDRESS": f"127.0.0.1:{b}", "SERVICE_A_URL": f"http://127.0.0.1:{a}"},
            stdout=subprocess.DEVNULL,
        ),
    ]
    try:
        for port in (a, b):
            wait_for(lambda port=port: fetch(f"http://127.0.0.1:{port}/health"))
        yield f"http://127.0.0.1:{b}"
    finally:
        for process in processes:
            process.terminate()
        assert [process.wait(15) for process in processes] == [0, 0]


def spans_of(agent: int, trace_id: int, count: int) -> list[dict[str, t.Any]]:
    def found() -> list[dict[str, t.Any]] | None:
        traces = json.loads(fetch(f"http://127.0.0.1:{agent}/test/traces"))
        spans = [span for trace in traces for span in trace if span["trace_id"] == trace_id]
        return spans if len(spans) >= count else None

    return wait_for(found)


def test_one_trace_spans_both_services(agent: int, service_b: str) -> None:
    body = fetch(f"{service_b}/?name=A+Field", {"traceparent": PARENT})
    assert body == '{"key_one":"(A Field)Field 1","key_two":"(A Field)Field 2"}'

    spans = spans_of(agent, 0xA3CE929D0E0E4736, 3)
    by_kind = {(span["service"], span["meta"]["span.kind"]): span for span in spans}
    assert set(by_kind) == {("service-b", "server"), ("service-b", "client"), ("service-a", "server")} and len(spans) == 3
    server, client, leaf = by_kind["service-b", "server"], by_kind["service-b", "client"], by_kind["service-a", "server"]
    assert server["parent_id"] == 0x00F067AA0BA902B7
    assert client["parent_id"] == server["span_id"]
    assert leaf["parent_id"] == client["span_id"]
    assert {span["meta"]["_dd.p.tid"] for span in spans} == {"4bf92f3577b34da6"}
    assert server["start"] <= client["start"] <= leaf["start"]


def test_the_agent_has_nothing_to_complain_of(agent: int, service_b: str) -> None:
    fetch(f"{service_b}/", {"traceparent": PARENT.replace("a3ce929d", "a3ce929e")})
    spans_of(agent, 0xA3CE929E0E0E4736, 3)
    summary = json.loads(fetch(f"http://127.0.0.1:{agent}/test/trace_check/summary?return_all=true"))
    assert all(summary[check]["Passed_Checks"] > 0 and summary[check]["Failed_Checks"] == 0 for check in CHECKS), summary
