# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How modules that ask a cluster begin and end, against a kubectl that serves nothing but its version."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "modules"))
from module_arguments import patch_module_args  # noqa: E402

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Refused  # noqa: E402
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeError  # noqa: E402
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.module import kube_module, run  # noqa: E402
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.ready import NotReady  # noqa: E402

KUBECTL = """#!{python}
import http.server, json, socketserver, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv) + "\\n")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{{"gitVersion": "v1.36.4"}}')
    def log_message(self, *given):
        pass
    def address_string(self):
        return ""
class Server(socketserver.UnixStreamServer):
    pass
path = next(word.partition("=")[2] for word in sys.argv if word.startswith("--unix-socket="))
with Server(path, Handler) as server:
    print("Starting to serve on", path, flush=True)
    server.serve_forever()
"""
KUBECONFIG = {
    "current-context": "one",
    "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
    "clusters": [{"name": "one", "cluster": {"server": "https://one"}}],
    "users": [{"name": "one", "user": {"token": "open-sesame"}}],
}
Answer = dict[str, Any]


@pytest.fixture
def kubectl(tmp_path: Path) -> Path:
    program = tmp_path / "kubectl"
    program.write_text(KUBECTL.format(python=sys.executable, log=str(tmp_path / "argv")))
    program.chmod(0o755)
    return program


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    # Where other tests have imported ansible-core's controller, a module's warnings would go to its display: since 2.19.
    if internal := sys.modules.get("ansible.module_utils._internal"):
        monkeypatch.setattr(internal, "is_controller", False)

    def call(act: Any, unreached: Any = None, check: bool = False, what: str = "", **options: Any) -> Answer:
        with patch_module_args({"_ansible_check_mode": check, **options}), pytest.raises(SystemExit):
            run(kube_module({"name": {"type": "str"}}), act, unreached, what)
        return json.loads(capsys.readouterr().out)

    return call


def test_the_act_is_given_the_api_and_how_it_is_reached(kubectl: Path, answer: Callable[..., Answer]) -> None:
    def act(api: Any, access: Any) -> Answer:
        return {"changed": True, "version": api.request("GET", "/version")["gitVersion"], "context": access.context, "warnings": ["mind"]}

    said = answer(act, kubectl=str(kubectl), kubeconfig="/mine", context="shop")
    assert (said["changed"], said["version"], said["context"]) == (True, "v1.36.4", "shop")
    assert "mind" in json.dumps(said["warnings"])
    assert said["invocation"]["module_args"]["kubeconfig"] == "/mine", "a path is no secret"


@pytest.mark.parametrize("check", [False, True])
def test_a_cluster_that_is_not_there_yet_is_an_answer_in_check_mode_alone(answer: Callable[..., Answer], check: bool) -> None:
    said = answer(pytest.fail, lambda error: {"changed": True, "msg": f"not yet: {error}"}, check, "the set", kubectl="/nowhere/kubectl")
    assert bool(said.get("failed")) is not check
    assert said["msg"].startswith("not yet: /nowhere/kubectl" if check else "the set: /nowhere/kubectl cannot be run")


@pytest.mark.parametrize(
    ("failure", "said", "more"),
    [
        (Refused("no", stays=["a"]), "no", {"stays": ["a"]}),
        (NotReady("app: is late", ["pod a: waits", "pod a says: why\n  not"]), "app: is late; pod a: waits; pod a says: why; not", {}),
        (KubeError("is\nforbidden", 403), "the set: is; forbidden", {}),
    ],
    ids=["refused", "not ready", "api"],
)
def test_what_went_wrong_is_said_in_one_line(kubectl: Path, answer: Callable[..., Answer], failure: Exception, said: str, more: Answer) -> None:
    def act(_api: Any, _access: Any) -> Answer:
        raise failure

    found = answer(act, lambda error: {"changed": True}, True, "the set", kubectl=str(kubectl))
    assert found["failed"] and found["msg"] == said
    assert more.items() <= found.items()


@pytest.mark.parametrize("options", [{"kubeconfig": KUBECONFIG}, {"host": "https://one", "api_key": "open-sesame"}], ids=["a whole kubeconfig", "a token"])
def test_a_credential_is_in_no_answer_and_in_no_command_line(kubectl: Path, answer: Callable[..., Answer], options: Answer) -> None:
    def act(_api: Any, access: Any) -> Answer:
        assert "open-sesame" in Path(access.kubeconfig).read_text()
        return {"changed": False, "leaked": "the token is open-sesame", "kept": "of context one"}

    said = answer(act, kubectl=str(kubectl), **options)
    assert "open-sesame" not in json.dumps(said) + (kubectl.parent / "argv").read_text()
    assert said["kept"] == "of context one"


def test_the_environment_of_a_token_is_masked_too(kubectl: Path, answer: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_AUTH_HOST", "https://one")
    monkeypatch.setenv("K8S_AUTH_API_KEY", "open-sesame")
    assert "open-sesame" not in json.dumps(answer(lambda _api, _access: {"leaked": "open-sesame"}, kubectl=str(kubectl)))
