# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Module ecr_image pushes to a registry of this machine that others wrote, and Docker, which did not push it, pulls it.

ECR's own API is the emulator's; O(registry_endpoint) leads the push to the registry.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in (".collections", "tests/unit", "tests/unit/plugins/modules")]

import image_rig as rig  # noqa: E402
from aws_harness import Account, emulator, run  # noqa: E402

from ansible_collections.meshgate.eks_istio.plugins.modules import ecr_image  # noqa: E402

pytestmark = pytest.mark.slow
NAME = "push/service"


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with emulator() as endpoint:
        yield Account(endpoint)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = tmp_path_factory.mktemp("registry") / "registry"
    subprocess.run(
        ["go", "build", "-mod=readonly", "-o", program, "."], cwd=ROOT / "tests/programs/registry", check=True, env={**os.environ, "CGO_ENABLED": "0"}
    )
    process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.terminate()
    process.wait()


@pytest.fixture
def archives(tmp_path: Path) -> list[str]:
    return [rig.docker_archive(tmp_path / f"{arch}.tar", arch, b"base", f"for {arch}".encode() * 100_000) for arch in ("amd64", "arm64")]


def push(account: Account, endpoint: str, tag: str, archives: list[str], **options: Any) -> dict[str, Any]:
    given = {"name": NAME, "cluster_name": "sandbox", "tag": tag, "archives": archives, "registry_endpoint": endpoint, **options}
    return run(ecr_image, account.endpoint, **given)


def content(registry: str, kind: str, reference: str) -> bytes:
    """What the registry has, which must be what its digest says."""
    request = urllib.request.Request(f"http://{registry}/v2/{NAME}/{kind}/{reference}", headers={"Accept": "*/*"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found = answer.read()
    assert not reference.startswith("sha256:") or rig.digest(found) == reference
    return found


def test_every_layer_arrives_as_its_image_has_it(account: Account, registry: str, archives: list[str]) -> None:
    pushed = push(account, f"http://{registry}", "1", archives)
    assert pushed["changed"] and len(pushed["uploaded"]) == 5, pushed  # two configurations, two layers of their own, one of both
    index = json.loads(content(registry, "manifests", "1"))
    assert "sha256:" + hashlib.sha256(content(registry, "manifests", "1")).hexdigest() == pushed["digest"]
    for entry in index["manifests"]:
        manifest = json.loads(content(registry, "manifests", entry["digest"]))
        config = json.loads(content(registry, "blobs", manifest["config"]["digest"]))
        assert config["architecture"] == entry["platform"]["architecture"]
        layers = [content(registry, "blobs", layer["digest"]) for layer in manifest["layers"]]
        assert [len(layer) for layer in layers] == [layer["size"] for layer in manifest["layers"]]
        assert [rig.digest(gzip.decompress(layer)) for layer in layers] == config["rootfs"]["diff_ids"]
    assert not push(account, f"http://{registry}", "1", archives)["changed"]


def test_a_push_that_broke_off_goes_on(account: Account, registry: str, archives: list[str]) -> None:
    with rig.proxy(f"http://{registry}") as way:
        way.faults.append(rig.Fault("PUT", "/manifests/2$", status=500, times=99))
        assert push(account, way.url, "2", archives, retries=0)["failed"]
        way.faults[:] = [rig.Fault("HEAD", "/blobs/", cut="before"), rig.Fault("GET", "/manifests/", status=503)]
        way.seen.clear()
        done = push(account, way.url, "2", archives)
        assert done["changed"] and done["uploaded"] == [] and way.count("POST", "uploads") == 0
    assert not push(account, f"http://{registry}", "2", archives)["changed"]


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_docker_pulls_each_architecture(account: Account, registry: str, archives: list[str], architecture: str) -> None:
    push(account, f"http://{registry}", "1", archives)
    image = f"{registry}/{NAME}:1"
    try:
        subprocess.run(["docker", "pull", "--quiet", "--platform", f"linux/{architecture}", image], check=True, capture_output=True, text=True)
        shown = subprocess.run(["docker", "image", "inspect", image], check=True, capture_output=True, text=True).stdout
        assert json.loads(shown)[0]["Architecture"] == architecture
    finally:
        subprocess.run(["docker", "image", "rm", "--force", image], capture_output=True, check=False)
