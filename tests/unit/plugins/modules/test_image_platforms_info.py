# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Module image_platforms_info: what registries say of images, and what is left open where they say nothing."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import image_rig as rig
import pytest
from aws_harness import Account, run

from ansible_collections.meshgate.eks_istio.plugins.module_utils.images.registry import Name, parse
from ansible_collections.meshgate.eks_istio.plugins.modules import ecr_image, image_platforms_info

OCI = "application/vnd.oci.image."


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("nginx", Name("docker.io", "library/nginx", "latest")),
        ("istio/pilot:1.31.1", Name("docker.io", "istio/pilot", "1.31.1")),
        ("localhost/a:1", Name("localhost", "a", "1")),
        ("registry:5000/a/b", Name("registry:5000", "a/b", "latest")),
        ("public.ecr.aws/eks/a:v1@sha256:" + "0" * 64, Name("public.ecr.aws", "eks/a", "sha256:" + "0" * 64)),
    ],
)
def test_names_are_read_as_containerd_reads_them(image, name):
    assert parse(image) == name


@dataclass
class Registry:
    """A registry that gives anybody a token who asks for one, as Docker Hub and public.ecr.aws do."""

    host: str = ""
    answers: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def registry() -> Iterator[Registry]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            url = urlsplit(self.path)
            if url.path == "/token":
                scope = parse_qs(url.query)["scope"][0]
                self.answer(200, "application/json", json.dumps({"token": f"for {scope}"}).encode())
            elif self.headers.get("Authorization") != "Bearer for repository:shop/a:pull":
                challenge = f'Bearer realm="http://{state.host}/token",service="a registry",scope="repository:x:pull"'
                self.answer(401, "application/json", b"{}", challenge)
            elif url.path in state.answers:
                self.answer(200, *state.answers[url.path])
            else:
                self.answer(404, "application/json", b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "none"}]}')

        def answer(self, status: int, kind: str, content: bytes, challenge: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            if challenge:
                self.send_header("WWW-Authenticate", challenge)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Registry(f"127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


def ask(account: Account, *images: str) -> dict[str, Any]:
    answer = run(image_platforms_info, account.endpoint, images=list(images), timeout=3)
    assert not answer.get("failed"), answer
    return answer["images"]


def test_an_index_names_the_platforms_without_its_attestations(account, registry):
    platforms = [
        {"os": "linux", "architecture": "arm64", "variant": "v8"},
        {"os": "linux", "architecture": "amd64"},
        {"os": "unknown", "architecture": "unknown"},
    ]
    index = {"mediaType": OCI + "index.v1+json", "manifests": [{"platform": platform} for platform in platforms]}
    registry.answers["/v2/shop/a/manifests/1"] = (OCI + "index.v1+json", json.dumps(index).encode())
    image = f"{registry.host}/shop/a:1"
    assert ask(account, image) == {image: {"known": True, "platforms": ["linux/amd64", "linux/arm64/v8"], "why": ""}}


def test_of_a_single_image_the_configuration_is_read(account, registry):
    config = rig.configuration("arm64", [])
    manifest = {"mediaType": OCI + "manifest.v1+json", "config": {"digest": rig.digest(config)}, "layers": []}
    registry.answers["/v2/shop/a/manifests/1"] = (OCI + "manifest.v1+json", json.dumps(manifest).encode())
    registry.answers[f"/v2/shop/a/blobs/{rig.digest(config)}"] = ("application/octet-stream", config)
    image = f"{registry.host}/shop/a:1"
    assert ask(account, image)[image]["platforms"] == ["linux/arm64"]


def test_what_nobody_could_say_is_left_open_with_the_reason(account, registry):
    absent, deaf = f"{registry.host}/shop/a:2", "127.0.0.1:9/shop/a:1"
    answers = ask(account, absent, deaf)
    assert answers[absent] == {"known": False, "platforms": [], "why": f"{registry.host} has no shop/a:2, or does not allow anonymous pulls"}
    assert not answers[deaf]["known"] and "refused" in answers[deaf]["why"]


def test_ecr_is_asked_with_the_tasks_credentials(account, tmp_path):
    archive = rig.docker_archive(tmp_path / "a.tar", "arm64", b"one")
    assert run(ecr_image, account.endpoint, name="platforms/a", cluster_name="sandbox", tag="1", archives=[archive])["changed"]
    there, elsewhere = (f"123456789012.dkr.ecr.{region}.amazonaws.com/platforms/a:1" for region in ("us-west-2", "eu-central-1"))
    answers = ask(account, there, elsewhere)
    assert answers[there] == {"known": True, "platforms": ["linux/arm64"], "why": ""}
    assert not answers[elsewhere]["known"] and "NAME_UNKNOWN" not in answers[there]["why"]
