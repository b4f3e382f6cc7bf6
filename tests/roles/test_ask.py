# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""playbooks/tasks/ask.yml against a gateway that serves some hosts only, as Istio's does: 404 for all others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import typing as t
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BALANCER = "sandbox-alb-1.us-west-2.elb.amazonaws.com"
SAID = {"/health": '{"status":"Healthy"}', "/?name=A+Field": '{"key_one":"(A Field)Field 1","key_two":"(A Field)Field 2"}'}


class Gateway(ThreadingHTTPServer):
    serves: t.ClassVar[set[str]] = set()


class Asked(BaseHTTPRequestHandler):
    def version_string(self) -> str:
        return "istio-envoy"

    def do_GET(self) -> None:
        served = self.headers["Host"].partition(":")[0] in Gateway.serves
        self.send_response(200 if served else 404)
        self.end_headers()
        self.wfile.write(SAID[self.path].encode() if served else b"")

    def log_message(self, *_given: t.Any) -> None:
        pass


@pytest.fixture
def gateway() -> Iterator[int]:
    with Gateway(("127.0.0.1", 0), Asked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def ask(folder: Path, variables: dict[str, t.Any]) -> tuple[int, str]:
    show = {"name": "Show", "ansible.builtin.debug": {"msg": "{{ lookup('ansible.builtin.template', summary).splitlines() }}"}}
    show["vars"] = {"summary": str(REPOSITORY / "playbooks/templates/summary.txt.j2")}
    tasks = [{"name": "Ask", "ansible.builtin.include_tasks": str(REPOSITORY / "playbooks/tasks/ask.yml")}, show]
    known = {"eks_cluster_region": "us-west-2", "platform_kubeconfig": "/kubeconfig", "platform_context": "", "ask_answer_timeout": 1}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {**known, **variables}, "tasks": tasks}
    (folder / "play.yml").write_text(json.dumps([play]))
    environment = {**os.environ, "ANSIBLE_PYTHON_INTERPRETER": sys.executable, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg")}
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", str(folder / "play.yml")]
    done = subprocess.run(argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("hosts", "asked"),
    [(None, BALANCER), (["shop.example.com"], "shop.example.com"), (["*.example.com"], "meshgate.example.com")],
    ids=["every host", "one host", "a domain"],
)
def test_the_platform_is_asked_by_a_host_that_it_serves(tmp_path: Path, gateway: int, hosts: list[str] | None, asked: str) -> None:
    Gateway.serves = {asked}
    facts = {"hostname": BALANCER, "url": f"http://{BALANCER}"}
    given = {"istio_ingress_facts": facts, "verify_connect_to": f"127.0.0.1:{gateway}", **({"rust_services_hosts": hosts} if hosts else {})}
    code, said = ask(tmp_path, given)
    assert code == 0, said
    assert f"GET http://{asked}/health" in said
    assert f'curl -s -H "Host: {asked}" http://127.0.0.1:{gateway}/health' in said
    assert f"load balancer  {BALANCER}" in said


def test_without_a_stand_in_the_load_balancers_address_is_asked_by_that_name(tmp_path: Path, gateway: int) -> None:
    Gateway.serves = {"shop.example.com"}
    facts = {"hostname": "localhost", "url": f"http://localhost:{gateway}"}
    code, said = ask(tmp_path, {"istio_ingress_facts": facts, "rust_services_hosts": ["shop.example.com"]})
    assert code == 0, said
    assert f"curl -s --connect-to ::localhost:{gateway} http://shop.example.com:{gateway}/health" in said
