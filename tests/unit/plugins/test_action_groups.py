# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""`module_defaults` say a cluster once, for kubernetes.core's modules and for ours."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.options import BESIDE_AWS, CONNECTION

REPO = Path(__file__).resolve().parents[3]
GROUPS = yaml.safe_load((REPO / "meta/runtime.yml").read_text(encoding="utf-8"))["action_groups"]
TOKEN = "open-sesame"
RESOURCES = {"kind": "APIResourceList", "groupVersion": "v1", "resources": [{"name": "namespaces", "kind": "Namespace", "namespaced": False, "verbs": ["get"]}]}
ANSWERS: dict[str, Any] = {
    "/version": {"major": "1", "minor": "36", "gitVersion": "v1.36.4"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": RESOURCES,
    "/api/v1/namespaces/default": {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "default"}},
}
# As much of kubectl as kube_access_info asks: the server that its kubeconfig names, with the token in it.
KUBECTL = """#!{python}
import json, sys, urllib.request
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv) + "\\n")
kubeconfig = json.load(open(next(word.partition("=")[2] for word in sys.argv if word.startswith("--kubeconfig="))))
server, user = kubeconfig["clusters"][0]["cluster"]["server"], kubeconfig["users"][0]["user"]
if "view" in sys.argv:
    print(server)
else:
    request = urllib.request.Request(server + "/version", headers={{"Authorization": "Bearer " + user["token"]}})
    print(urllib.request.urlopen(request).read().decode())
"""
PLAYBOOK = """
- hosts: all
  gather_facts: false
  module_defaults:
    group/meshgate.eks_istio.k8s: {host: "http://127.0.0.1:PORT", api_key: "{{ token }}"}
    meshgate.eks_istio.kube_access_info: {kubectl: "KUBECTL"}
  vars: {token: TOKEN}
  tasks:
    - name: theirs
      kubernetes.core.k8s_info: {kind: Namespace, name: default}
    - name: ours
      meshgate.eks_istio.kube_access_info:
"""


class ApiServer(BaseHTTPRequestHandler):
    asked: list[tuple[str, str]] = []

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append((path, self.headers.get("Authorization", "")))
        text = json.dumps(ANSWERS.get(path, {"kind": "Status", "code": 404})).encode()
        self.send_response(200 if path in ANSWERS else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *given: Any) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    ApiServer.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), ApiServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_defaults_that_are_said_once_reach_a_module_of_each(tmp_path: Path, port: int) -> None:
    log, kubectl, playbook = tmp_path / "argv", tmp_path / "kubectl", tmp_path / "play.yml"
    kubectl.write_text(KUBECTL.format(python=sys.executable, log=str(log)))
    kubectl.chmod(0o755)
    playbook.write_text(PLAYBOOK.replace("PORT", str(port)).replace("KUBECTL", str(kubectl)).replace("TOKEN", TOKEN))
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "here,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPO / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    done = subprocess.run([*argv, str(playbook)], cwd=REPO, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said, _end = json.JSONDecoder().raw_decode(done.stdout[done.stdout.index("{\n") :])
    theirs, ours = (task["hosts"]["here"] for task in said["plays"][0]["tasks"])
    assert theirs["resources"][0]["metadata"]["name"] == "default"
    assert (ours["reachable"], ours["endpoint"], ours["server_version"]) == (True, f"http://127.0.0.1:{port}", "v1.36.4")
    assert {authorization for _path, authorization in ApiServer.asked} == {f"Bearer {TOKEN}"}
    assert ("/api/v1/namespaces/default", f"Bearer {TOKEN}") in ApiServer.asked
    assert TOKEN not in log.read_text() + json.dumps(ours["invocation"])


def members(group: str) -> list[str]:
    return [name for name in GROUPS[group] if isinstance(name, str)]


def spec_of(name: str) -> str:
    return (REPO / "plugins/modules" / f"{name}.py").read_text(encoding="utf-8")


def test_every_module_of_the_group_takes_what_the_group_may_say() -> None:
    theirs = importlib.import_module("ansible_collections.kubernetes.core.plugins.module_utils.args_common").AUTH_ARG_SPEC
    assert set(theirs) - set(CONNECTION) == {"proxy_headers", "persist_config"}, "neither offered nor known to be impossible"
    assert {name: CONNECTION[name].get("aliases") for name in set(theirs) & set(CONNECTION)} == {
        name: spec.get("aliases") for name, spec in theirs.items() if name in CONNECTION
    }
    for name in members("k8s"):
        assert "CONNECTION" in spec_of(name) or "kube_module(" in spec_of(name), name
    for name in set(members("kubectl")) - set(members("k8s")):
        assert "BESIDE_AWS" in spec_of(name), name
    assert set(CONNECTION) - set(BESIDE_AWS) == {"validate_certs"}


def test_whoever_takes_the_connection_is_in_a_group() -> None:
    taking = {path.stem for path in (REPO / "plugins/modules").glob("*.py") if re.search(r"\b(CONNECTION|BESIDE_AWS|kube_module)\b", path.read_text())}
    assert taking == set(members("kubectl"))
    assert set(members("k8s")) == taking - set(members("aws"))
