# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Requests and limits are refused before a pod is, for what the API server would refuse."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.container_resources import problems


@pytest.mark.parametrize(
    "resources",
    [
        {},
        {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        {"requests": {"cpu": 1, "nvidia.com/gpu": 1}, "limits": {"cpu": "1000m", "nvidia.com/gpu": "1"}},
        {"limits": {"ephemeral-storage": "1Gi", "hugepages-2Mi": "64Mi"}},
        {"requests": None, "limits": {"memory": "0.1Gi"}},
        {"limits": {"cpu": None}},
    ],
)
def test_what_the_api_server_takes_is_right(resources: dict[str, Any]) -> None:
    assert list(problems("x", resources)) == []


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        ({"requests": {"cpu": "10mm"}}, "x.requests.cpu is '10mm'; accepted: cores, such as 100m or 0.5"),
        ({"limits": {"memory": "64MB"}}, "x.limits.memory is '64MB'; accepted: bytes, such as 64Mi or 1Gi"),
        ({"limits": {"memory": "100m"}}, "x.limits.memory is '100m'; accepted: bytes, such as 64Mi or 1Gi"),
        ({"requests": {"nvidia.com/gpu": "many"}}, "x.requests.nvidia.com/gpu is 'many'; accepted: a quantity, such as 1"),
        ({"requests": {"ram": "1Gi"}}, "x.requests.ram is not known; accepted: cpu, memory, ephemeral-storage, or a device's resource, such as nvidia.com/gpu"),
        ({"request": {"cpu": "1"}}, "x.request is not known; accepted: requests, limits"),
        ({"limits": "1Gi"}, "x.limits is '1Gi'; accepted: quantities by resource, such as {cpu: 100m, memory: 64Mi}"),
        ({"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}, "x.requests.memory is '2Gi'; accepted: at most the limit, 1Gi"),
        ({"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}}, "x.requests.cpu is 2; accepted: at most the limit, 1500m"),
    ],
)
def test_what_it_refuses_is_said_with_its_place(resources: dict[str, Any], said: str) -> None:
    assert list(problems("x", resources)) == [said]


def test_all_of_it_at_once() -> None:
    assert len(list(problems("x", {"requests": {"cpu": "a", "memory": "b"}, "limits": {"cpu": "c"}, "claim": 1}))) == 4
