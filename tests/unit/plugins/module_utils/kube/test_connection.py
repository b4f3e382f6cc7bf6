# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""kubernetes.core's connection options, and what kubectl is told of them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.command import Answer
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.connection import merged, reached
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.options import BESIDE_AWS, CONNECTION, Connection, connection

NOTHING = dict.fromkeys(CONNECTION)
KUBECONFIG = {
    "current-context": "one",
    "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "shop"}} for name in ("one", "two")],
    "clusters": [{"name": name, "cluster": {"server": f"https://{name}.example.com", "certificate-authority-data": "Q0E="}} for name in ("one", "two")],
    "users": [{"name": name, "user": {"token": f"token-of-{name}"}} for name in ("one", "two")],
}


def asked(environment: dict[str, str] | None = None, **options: Any) -> Connection:
    return connection({**NOTHING, **options}, environment or {})


def written(given: Connection, runner: Any = None) -> dict[str, Any]:
    with reached(given, runner=runner) as access:
        assert stat.S_IMODE(os.stat(access.kubeconfig).st_mode) == 0o600
        found = json.loads(Path(access.kubeconfig).read_text())
        assert access.context == found["current-context"]
    assert not os.path.exists(access.kubeconfig)
    assert len(found["clusters"]) == len(found["users"]) == 1
    return {"cluster": found["clusters"][0]["cluster"], "user": found["users"][0]["user"], "context": found["contexts"][0]["context"]}


def test_a_kubeconfig_and_a_context_are_handed_on_as_they_are() -> None:
    with reached(asked(kubeconfig="/one:/two", context="shop"), "/usr/bin/kubectl", 3) as access:
        assert (access.kubeconfig, access.context, access.kubectl, access.timeout) == ("/one:/two", "shop", "/usr/bin/kubectl", 3)


def test_paths_are_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert asked(kubeconfig="~/.kube/config:~/other").kubeconfig == "/home/me/.kube/config:/home/me/other"
    assert asked({"K8S_AUTH_SSL_CA_CERT": "~/ca.pem"}).more == {"ca_cert": "/home/me/ca.pem"}


@pytest.mark.parametrize("empty", [None, ""], ids=["not given", "empty"])
def test_the_environment_says_what_the_task_does_not(empty: str | None) -> None:
    found = asked({"K8S_AUTH_KUBECONFIG": "/theirs", "K8S_AUTH_CONTEXT": "prod"}, kubeconfig=empty, context=empty)
    assert (found.kubeconfig, found.context) == ("/theirs", "prod")


@pytest.mark.parametrize(
    ("variable", "said", "option", "value"),
    [
        ("K8S_AUTH_HOST", "https://api", "host", "https://api"),
        ("K8S_AUTH_API_KEY", "t", "api_key", "t"),
        ("K8S_AUTH_VERIFY_SSL", "no", "validate_certs", False),
        ("K8S_AUTH_VALIDATE_CERTS", "true", "validate_certs", True),
        ("K8S_AUTH_SSL_CA_CERT", "/ca", "ca_cert", "/ca"),
        ("K8S_AUTH_CA_CERT", "/ca", "ca_cert", "/ca"),
        ("K8S_AUTH_CERT_FILE", "/cert", "client_cert", "/cert"),
        ("K8S_AUTH_KEY_FILE", "/key", "client_key", "/key"),
        ("K8S_AUTH_PROXY", "http://proxy", "proxy", "http://proxy"),
        ("K8S_AUTH_IMPERSONATE_GROUPS", "a,b", "impersonate_groups", ["a", "b"]),
    ],
)
def test_variables_have_the_names_of_kubernetes_core(variable: str, said: str, option: str, value: Any) -> None:
    assert asked({variable: said}).more == {option: value}
    assert asked({variable: said}, **{option: value}).more == {option: value}


@pytest.mark.parametrize("option", ["kubeconfig", "host"])
def test_who_names_a_cluster_is_not_led_to_another_one_by_the_environment(option: str) -> None:
    elsewhere = {"K8S_AUTH_HOST": "https://prod", "K8S_AUTH_API_KEY": "t", "K8S_AUTH_CONTEXT": "prod", "K8S_AUTH_KUBECONFIG": "/prod"}
    found = asked(elsewhere, **{option: "/mine"})
    assert (found.kubeconfig or found.more["host"], found.context, "api_key" in found.more) == ("/mine", "", False)


def test_a_context_is_of_a_kubeconfig() -> None:
    found = asked({"K8S_AUTH_HOST": "https://prod", "K8S_AUTH_KUBECONFIG": "/theirs"}, context="shop")
    assert (found.kubeconfig, found.context, found.more) == ("/theirs", "shop", {})


def test_beside_aws_the_check_of_certificates_is_about_aws() -> None:
    given = {**dict.fromkeys(BESIDE_AWS), "validate_certs": False, "aws_ca_bundle": None}
    assert connection(given, {"K8S_AUTH_VERIFY_SSL": "no"}).more == {}


def test_a_host_with_a_token_needs_no_kubeconfig() -> None:
    found = written(asked(host="https://api.example.com/", api_key="sesame", ca_cert="/ca.pem"), runner=pytest.fail)
    assert found["cluster"] == {"server": "https://api.example.com", "certificate-authority": "/ca.pem"}
    assert found["user"] == {"token": "sesame"}


def test_options_are_laid_over_the_context() -> None:
    commands: list[list[str]] = []

    def kubectl(command: list[str], timeout: float) -> Answer:
        commands.append(command)
        return Answer(0, json.dumps({part: KUBECONFIG[part][:1] for part in ("contexts", "clusters", "users")}))

    found = written(asked(kubeconfig="/mine", context="one", proxy="http://proxy:3128", impersonate_user="me", impersonate_groups=["ops"]), kubectl)
    assert found["cluster"] == {**KUBECONFIG["clusters"][0]["cluster"], "proxy-url": "http://proxy:3128"}
    assert found["user"] == {"token": "token-of-one", "as": "me", "as-groups": ["ops"]}
    assert found["context"]["namespace"] == "shop"
    assert commands == [["kubectl", "--kubeconfig=/mine", "--context=one", "config", "view", "--raw", "--flatten", "--minify", "-o", "json"]]


def test_a_kubeconfig_may_be_given_as_a_whole() -> None:
    given = asked(kubeconfig=KUBECONFIG, context="two")
    assert written(given, runner=pytest.fail)["user"] == {"token": "token-of-two"}
    assert given.secrets() == {"token-of-one", "token-of-two"}
    with pytest.raises(KubeError, match="has no context three"):
        written(asked(kubeconfig=KUBECONFIG, context="three"))


def test_a_credential_takes_the_place_of_the_kubeconfigs() -> None:
    base = {"clusters": [{"cluster": {"server": "https://one"}}], "users": [{"user": {"exec": {"command": "aws"}}}]}
    assert merged(base, {"api_key": "sesame"})["users"][0]["user"] == {"token": "sesame"}


def test_certificates_that_are_not_checked() -> None:
    """kubectl refuses a certificate authority beside it."""
    base = {"clusters": [KUBECONFIG["clusters"][0]]}
    assert merged(base, {"validate_certs": False})["clusters"][0]["cluster"] == {"server": "https://one.example.com", "insecure-skip-tls-verify": True}
    base = {"clusters": [{"cluster": {"server": "https://one", "insecure-skip-tls-verify": True}}]}
    assert merged(base, {"validate_certs": True})["clusters"][0]["cluster"] == {"server": "https://one"}


@pytest.mark.parametrize(
    ("host", "no_proxy", "proxied"),
    [
        ("https://api.example.com", "localhost,.example.com", False),
        ("https://api.example.com", "example.com", False),
        ("https://badexample.com", "example.com", True),
        ("https://10.1.2.3:6443", "10.0.0.0/8", False),
        ("https://10.1.2.3:6443", "192.168.0.0/16, 10.1.2.3", False),
        ("https://11.1.2.3:6443", "10.0.0.0/8", True),
        ("https://anything", "*", False),
    ],
)
def test_what_needs_no_proxy(host: str, no_proxy: str, proxied: bool) -> None:
    found = merged({}, {"host": host, "proxy": "http://proxy", "no_proxy": no_proxy})["clusters"][0]["cluster"]
    assert ("proxy-url" in found) is proxied


def test_a_kubeconfig_that_cannot_be_read_is_named() -> None:
    with pytest.raises(KubeError, match=r"the kubeconfig /mine cannot be read: error: context \"x\" does not exist"):
        written(asked(kubeconfig="/mine", api_key="t"), lambda *given: Answer(1, "", 'error: context "x" does not exist\n'))


def test_secrets_are_known() -> None:
    given = asked(host="https://api", username="me", password="sesame", proxy="http://me:open@proxy")
    assert given.secrets() == {"sesame", "open"}
