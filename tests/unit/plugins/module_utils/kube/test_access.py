# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.command import Answer, Runner
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.access import Access, WrongCluster, look, same_endpoint

SERVER = "https://127.0.0.1:6443"


def answers(view: Answer, version: Answer | None = None):
    asked: list[list[str]] = []

    def runner(command: list[str], timeout: float) -> Answer:
        asked.append(command)
        return view if "view" in command else version or Answer(1)

    runner.asked = asked  # type: ignore[attr-defined]
    return runner


def test_a_server_that_answers(tmp_path):
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("{}")
    runner = answers(Answer(0, SERVER), Answer(0, '{"gitVersion": "v1.36.3"}'))
    found = look(Access(kubeconfig=str(kubeconfig), context="kind-sandbox"), SERVER, runner)
    assert found == {"reachable": True, "endpoint": SERVER, "server_version": "v1.36.3", "reason": ""}
    assert runner.asked[0][:3] == ["kubectl", f"--kubeconfig={kubeconfig}", "--context=kind-sandbox"]


def test_no_kubeconfig_is_an_answer():
    found = look(Access(kubeconfig="/nowhere/kubeconfig"), SERVER, answers(Answer(0, SERVER)))
    assert not found["reachable"]
    assert "/nowhere/kubeconfig" in found["reason"]


def test_the_last_line_says_why_it_was_not_reached():
    refused = Answer(1, "", "E1121 retry\nE1121 retry\nThe connection to the server 127.0.0.1:6443 was refused\n")
    found = look(Access(), "", answers(Answer(0, SERVER), refused))
    assert found["reason"] == "The connection to the server 127.0.0.1:6443 was refused"
    assert found["endpoint"] == SERVER


def test_another_cluster_is_refused_by_both_names():
    with pytest.raises(WrongCluster, match=r"https://prod\.example:443.*https://127\.0\.0\.1:6443"):
        look(Access(context="prod"), SERVER, answers(Answer(0, "https://prod.example:443")))


def test_something_else_on_that_port():
    found = look(Access(), "", answers(Answer(0, SERVER), Answer(0, "<html>")))
    assert not found["reachable"]
    assert "does not answer as a Kubernetes API server" in found["reason"]


def test_a_missing_program_is_an_answer():
    assert Runner()(["/nowhere/kubectl"], 1).rc == 127
    assert not look(Access(kubectl="/nowhere/kubectl"))["reachable"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example", "https://a.example:443/", True),
        ("https://A.example", "a.example", True),
        ("https://a.example", "https://a.example:6443", False),
    ],
)
def test_endpoints(one, other, same):
    assert same_endpoint(one, other) is same


def kubectl_of(tmp_path, endpoint: str, plugin: str, seconds: float) -> str:
    """A kubectl that answers after so many seconds, as it does when a plugin for credentials takes them."""
    script = tmp_path / "kubectl"
    words = f"{endpoint}\\n{plugin}"
    script.write_text(f"""#!/bin/sh
case "$*" in
*"config view"*) printf '{words}';;
*) sleep {seconds}; echo '{{"gitVersion": "v1.36.4"}}';;
esac
""")
    script.chmod(0o755)
    return str(script)


@pytest.mark.parametrize(
    ("endpoint", "plugin"), [("https://0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com", ""), ("https://127.0.0.1:6443", "aws")], ids=["EKS", "plugin"]
)
def test_a_plugin_of_seconds_is_no_cluster_that_is_down(tmp_path, endpoint: str, plugin: str):
    found = look(Access(kubectl=kubectl_of(tmp_path, endpoint, plugin, 7.5)))
    assert found["reachable"], found["reason"]
    assert found["endpoint"] == endpoint


def test_a_far_server_is_asked_three_times():
    asked: list[float] = []
    eks = "https://0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com"

    def runner(command: list[str], timeout: float) -> Answer:
        if "view" in command:
            return Answer(0, eks)
        asked.append(timeout)
        return Answer(0, '{"gitVersion": "v1.36.4"}') if len(asked) == 3 else Answer(1, "", "net/http: TLS handshake timeout")

    assert look(Access(), "", runner, lambda _seconds: None)["reachable"]
    assert asked == [32.0, 32.0, 32.0]
    asked.clear()
    assert not look(Access(timeout=3), "", lambda *given: Answer(1) if "view" not in given[0] else runner(*given), lambda _seconds: None)["reachable"]
