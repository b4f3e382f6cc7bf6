# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Role mesh_apps where AWS bills: what role toolchain built for apps is pushed to the account's registry once, and named so in the pods."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cloud import Cloud

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

import image_rig as rig  # noqa: E402

NAME = "123456789012.dkr.ecr.us-west-2.amazonaws.com/shop_1/demo:0123abcd"
OWN = "registry.example.com/own:1"


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    """Two apps of the demonstrations' image, one of them in versions, and one of the user's own."""
    archives = {arch: rig.docker_archive(tmp_path / f"demo-{arch}.tar", arch, f"demo {arch}".encode()) for arch in ("amd64", "arm64")}
    local = "meshgate.local/demo:0123abcd"
    app = {"namespace": "shop", "port": 80}
    return {
        "platform_billed": True,
        "mesh_apps_registry": "ecr",
        "mesh_set": "shop",
        "toolchain_facts": {"images": {"demo": {"name": local, "archives": archives}, "node": {"name": "kindest/node:v1", "archives": {}}}},
        "eks_cluster_facts": {"name": "Shop_1", "region": "us-west-2", "account_id": "123456789012", "node_architectures": ["arm64"], "endpoint": "x"},
        "mesh_apps": [
            {**app, "name": "front", "image": local},
            {**app, "name": "back", "versions": [{"name": "v1", "image": local}, {"name": "v2", "image": OWN}]},
        ],
    }


def test_the_image_is_pushed_once_and_named_in_the_pods(aws: Cloud, given: dict[str, Any], tmp_path: Path) -> None:
    mark = aws.mark()
    assert aws.role("mesh_apps", "images", check=True, **given).changed and aws.mutations(mark) == []
    assert aws.role("mesh_apps", "images", **given).changed
    (pushed,) = aws.client("ecr").batch_get_image(repositoryName="shop_1/demo", imageIds=[{"imageTag": "0123abcd"}])["images"]
    assert len(json.loads(pushed["imageManifest"])["manifests"]) == 2
    (repository,) = aws.client("ecr").describe_repositories()["repositories"]
    tags = aws.client("ecr").list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
    assert {"Key": "meshgate.io/cluster", "Value": "Shop_1"} in tags
    mark = aws.mark()
    assert not aws.role("mesh_apps", "images", **given).changed and aws.mutations(mark) == []

    aws.role("mesh_apps", "render", mesh_apps_render_to=str(tmp_path), **given)
    images = [line.split("image: ")[1] for line in (tmp_path / "shop-apps.yml").read_text(encoding="utf-8").splitlines() if " image: " in line]
    assert sorted(images) == sorted([NAME, NAME, OWN])


def test_nothing_is_pushed_unless_it_is_asked_for(aws: Cloud, given: dict[str, Any]) -> None:
    assert not aws.role("mesh_apps", "images", **{**given, "mesh_apps_registry": "none"}).changed
    assert aws.faults.mutations() == []


def test_an_image_of_this_machine_that_cannot_be_pushed_is_refused(aws: Cloud, given: dict[str, Any]) -> None:
    refused = aws.role("mesh_apps", "preflight", ok=False, **{**given, "mesh_apps_registry": "none"})
    assert "mesh_apps is {'front': 'meshgate.local/demo:0123abcd', 'back-v1': 'meshgate.local/demo:0123abcd'}" in str(refused.failures())
    assert "mesh_apps_registry: ecr" in str(refused.failures())
    refused = aws.role("mesh_apps", "preflight", ok=False, **{**given, "toolchain_facts": {}})
    assert "meshgate.local exists on this machine only" in str(refused.failures())
    refused = aws.role("mesh_apps", "preflight", ok=False, mesh_apps_ecr_prefix="Shop/", **given)
    assert "mesh_apps_ecr_prefix is 'Shop/'" in str(refused.failures())
    aws.role("mesh_apps", "preflight", **given)
