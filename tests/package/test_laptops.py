# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""docs/laptops.md: behind a proxy, and with mirrors instead of publishers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from counting_proxy import PUBLISHER, CountingProxy, counting_proxy
from elsewhere import BIN, REPO

sys.path[:0] = [str(REPO / folder) for folder in (".collections", "tests/unit/plugins/modules")]

from aws_harness import emulator  # noqa: E402

VERSIONS = {name: str(version) for name, version in yaml.safe_load((REPO / "versions.yml").read_text(encoding="utf-8")).items()}
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
KUBECTL = f"release/v{VERSIONS['kubernetes']}/bin/linux/{ARCHITECTURE}/kubectl"
GATEWAY_API = f"kubernetes-sigs/gateway-api/releases/download/v{VERSIONS['gateway_api']}"
# Not what the publishers have, and so with sums of its own.
PROGRAM = b"#!/bin/sh\necho a kubectl of this test\n"
BUNDLE = b"kind: CustomResourceDefinition\n"
LOOK = """
- name: Ask the emulated AWS as the platform's plays do
  hosts: platform
  gather_facts: false
  environment: "{{ platform_environment }}"
  tasks:
    - name: Look for clusters
      meshgate.eks_istio.eks_cluster_info:
        region: us-west-2
"""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CountingProxy]:
    """It leads to a mirror that keeps the publishers' files by host."""
    folder = tmp_path_factory.mktemp("mirror")
    files = {
        f"k8s/{KUBECTL}": PROGRAM,
        f"github/{GATEWAY_API}/standard-install.yaml": BUNDLE,
        f"github/{GATEWAY_API}/experimental-install.yaml": BUNDLE,
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    with counting_proxy(folder) as proxy:
        yield proxy


def play(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """ansible-playbook in the checkout, with no proxy but the one that is given."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [str(BIN / "ansible-playbook"), *arguments]
    return subprocess.run(command, cwd=REPO, env={**kept, **environment}, capture_output=True, text=True, timeout=300, check=False)


def pull(cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {
        "toolchain_source": "pull",
        "toolchain_cache_dir": str(cache),
        "toolchain_components": ["kubectl", "gateway_api"],
        "toolchain_pull_checksums": {
            "kubectl": hashlib.sha256(PROGRAM).hexdigest(),
            "gateway_api_standard": hashlib.sha256(BUNDLE).hexdigest(),
            "gateway_api_experimental": hashlib.sha256(BUNDLE).hexdigest(),
        },
        "toolchain_mirrors": {"https://dl.k8s.io": f"{PUBLISHER}/k8s", "https://github.com": f"{PUBLISHER}/github"},
    }
    return play("playbooks/tools.yml", "-e", json.dumps(variables), **environment)


def test_publishers_are_pulled_from_their_mirrors_through_the_proxy(proxy: CountingProxy, tmp_path: Path) -> None:
    proxy.asked.clear()
    done = pull(tmp_path / "cache/meshgate", **proxy.environment())
    assert done.returncode == 0, done.stdout[-3000:]
    fetched = {line.removeprefix("GET ") for line in proxy.asked if line.startswith("GET ")}
    assert fetched == {
        f"{PUBLISHER}/k8s/{KUBECTL}",
        f"{PUBLISHER}/github/{GATEWAY_API}/standard-install.yaml",
        f"{PUBLISHER}/github/{GATEWAY_API}/experimental-install.yaml",
    }
    assert "a kubectl of this test" in subprocess.run([tmp_path / "cache/meshgate/bin/kubectl"], capture_output=True, text=True, check=True).stdout


def test_a_mirror_that_only_the_proxy_knows_is_named_without_it(tmp_path: Path) -> None:
    done = pull(tmp_path / "cache/meshgate")
    assert done.returncode != 0
    assert f"{PUBLISHER}/k8s/{KUBECTL}" in done.stdout + done.stderr
    assert not list((tmp_path / "cache").rglob("kubectl"))


def test_the_emulated_aws_is_never_asked_through_the_proxy(proxy: CountingProxy, tmp_path: Path) -> None:
    book = tmp_path / "look.yml"
    book.write_text(LOOK, encoding="utf-8")
    with emulator() as endpoint:
        port = f"aws_emulator_port={endpoint.rpartition(':')[2]}"
        proxy.asked.clear()
        done = play(str(book), "-e", port, **proxy.environment())
        assert done.returncode == 0, done.stdout[-3000:]
        assert proxy.asked == []
        # Without the exception the same call does go there: the proxy would have counted it.
        play(str(book), "-e", port, "-e", '{"platform_no_proxy": ""}', **proxy.environment())
        assert any(endpoint in line for line in proxy.asked)


def test_what_the_shell_excepts_is_excepted_still() -> None:
    done = subprocess.run(
        [str(BIN / "ansible"), "platform", "-m", "ansible.builtin.debug", "-a", "var=platform_environment.NO_PROXY"],
        cwd=REPO,
        env={**os.environ, "NO_PROXY": "internal.example.com, 10.0.0.0/8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "internal.example.com,10.0.0.0/8,127.0.0.1,localhost" in done.stdout
