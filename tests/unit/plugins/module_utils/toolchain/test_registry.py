# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Images are asked for by their manifests, at a registry that behaves as Docker Hub does."""

from __future__ import annotations

import hub_rig as rig
import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.registry import ask, wanting


@pytest.fixture
def hub():
    with rig.docker_hub("kindest/node:v1.36.4", "istio/pilot:1.31.1") as hub:
        yield hub


def test_what_is_there_is_found_with_a_token_and_without_a_pull(hub):
    assert ask(f"{hub.address}/kindest/node:v1.36.4", 3).state == "there"
    assert ask(f"{hub.address}/kindest/node:v1.36.4@sha256:{'0' * 64}", 3).state == "there"
    assert hub.pulls_left == 1000
    assert [call for call in hub.asked if "/manifests/" in call and not call.startswith("HEAD ")] == []


def test_a_release_that_was_never_published_is_absent(hub):
    found = ask(f"{hub.address}/kindest/node:v1.36.3", 3)
    assert (found.state, found.why) == ("absent", f"{hub.address} has no kindest/node:v1.36.3")


@pytest.mark.parametrize(("where", "after"), [("tokens_limited", "60"), ("heads_limited", "21600")])
def test_a_limit_is_explained_with_its_end(hub, where, after):
    setattr(hub, where, True)
    (found,) = wanting([f"{hub.address}/istio/pilot:1.31.1"], 3)
    assert found.state == "limited"
    assert f"(Retry-After: {after})" in found.why
    assert "docker login" in found.why


def test_what_nobody_but_its_owner_may_see_is_left_to_docker(hub):
    assert ask(f"{hub.address}/private/node:v1", 3).state == "unknown"
    assert wanting([f"{hub.address}/private/node:v1", "127.0.0.1:9/kindest/node:v1", f"{hub.address}/kindest/node:v1.36.4"], 3) == []
