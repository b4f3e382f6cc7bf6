# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the services' images are called, and where they run."""

from __future__ import annotations

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.images.services import own_images, planned_architectures, unfit_images

MADE = {"service_a": {"name": "meshgate.local/service-a:0a1b", "architectures": ["amd64"]}, "node": {"name": "node:1"}}
NONE = {"service-a": "", "service-b": ""}


@pytest.mark.parametrize(
    ("made", "where", "names"),
    [
        ({}, (), NONE),
        ({"service_a": None}, (), NONE),
        (MADE, (), {"service-a": "meshgate.local/service-a:0a1b", "service-b": ""}),
        (MADE, ("none", "123456789012", "us-west-2", "sandbox"), {"service-a": "meshgate.local/service-a:0a1b", "service-b": ""}),
        (MADE, ("ecr", "", "us-west-2", "sandbox"), NONE),
        (
            MADE,
            ("ecr", "123456789012", "us-west-2", "sandbox"),
            {"service-a": "123456789012.dkr.ecr.us-west-2.amazonaws.com/sandbox/service-a:0a1b", "service-b": ""},
        ),
        (
            MADE,
            ("ecr", "123456789012", "cn-north-1", "a/b"),
            {"service-a": "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a/b/service-a:0a1b", "service-b": ""},
        ),
    ],
)
def test_names(made: dict, where: tuple[str, ...], names: dict[str, str]) -> None:
    assert own_images(made, *where) == names


def test_architectures_of_node_groups() -> None:
    kinds = ["AL2023_ARM_64_STANDARD", "CUSTOM", "BOTTLEROCKET_x86_64", "BOTTLEROCKET_ARM_64", None]
    assert planned_architectures([*({"ami_type": kind} for kind in kinds), {"name": "one"}, "text"]) == ["arm64", "amd64"]
    assert planned_architectures([]) == []


def test_images_that_not_all_nodes_run() -> None:
    answers = {
        "a:1": {"known": True, "platforms": ["linux/amd64", "linux/arm64/v8"]},
        "b:1": {"known": True, "platforms": ["linux/amd64", "windows/arm64"]},
        "c:1": {"known": False, "platforms": []},
    }
    assert unfit_images(answers, ["arm64"], "rust_services_images") == [
        "rust_services_images has b:1, which is for linux/amd64, windows/arm64; accepted: an image for the nodes' architectures (arm64)"
    ]
    assert unfit_images(answers, ["amd64"]) == [] == unfit_images(answers, []) == unfit_images({}, ["arm64"])
