# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.objects import carries, group_of, identity, title

PLUGINS = Path(__file__).resolve().parents[5] / "plugins"


def of(api_version: str, namespace: str = "", **labels: str) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": "Gateway", "metadata": {"name": "front", "namespace": namespace, "labels": labels}}


def test_the_groups_version_is_not_part_of_the_identity() -> None:
    assert identity(of("networking.istio.io/v1", "shop")) == identity(of("networking.istio.io/v1beta1", "shop"))
    assert identity(of("networking.istio.io/v1", "shop")) != identity(of("gateway.networking.k8s.io/v1", "shop"))
    assert identity(of("v1")) == ("", "Gateway", "", "front")


@pytest.mark.parametrize(("api_version", "group"), [("v1", ""), ("apps/v1", "apps")])
def test_groups(api_version: str, group: str) -> None:
    assert group_of(api_version) == group


def test_titles() -> None:
    assert (title(of("v1", "shop")), title(of("v1"))) == ("Gateway shop/front", "Gateway front")


def test_nothing_carries_no_labels() -> None:
    assert carries(of("v1", a="1", b="2"), {"a": "1"})
    assert not carries(of("v1", a="1"), {"a": "1", "b": "2"})
    assert not carries(of("v1", a="1"), {})


def test_identity_and_title_are_made_in_one_place() -> None:
    """Four files had an identity of their own, which did not agree on the core group."""
    others = [path for path in PLUGINS.rglob("*.py") if path.name != "objects.py" and 'rpartition("/")[0], item["kind"]' in path.read_text(encoding="utf-8")]
    named = [path for path in PLUGINS.rglob("*.py") if path.name != "objects.py" and "def identity(" in path.read_text(encoding="utf-8")]
    assert (others, named) == ([], [])
