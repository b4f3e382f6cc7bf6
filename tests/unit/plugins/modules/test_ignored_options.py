# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An option that would be ignored, so that more goes than was asked for, is refused."""

from __future__ import annotations

from typing import Any

import pytest
from aws_harness import run

from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio.run import contradicts
from ansible_collections.meshgate.eks_istio.plugins.modules import alb_drain, ecr_image

NOWHERE = "http://127.0.0.1:9"
REMOVAL = {"state": "absent", "purge": False, "remove_crds": False, "name": "installed-state", "revision": "", "tags_to": "", "remove_used": False}


@pytest.mark.parametrize(
    ("module", "options", "said"),
    [
        (alb_drain, {"cluster_name": "sandbox", "without_cluster": True, "namespaces": ["shop"]}, "without_cluster deletes all load balancers"),
        (ecr_image, {"name": "shop", "cluster_name": "sandbox", "state": "absent", "tag": "1"}, "which deletes the repository with all of its images"),
    ],
    ids=["alb_drain", "ecr_image"],
)
def test_what_would_delete_more_than_is_named(module: Any, options: dict[str, Any], said: str) -> None:
    refused = run(module, NOWHERE, False, **options)
    assert refused["failed"] and said in refused["msg"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"purge": True, "name": "gateways"}, "purge is true, which removes all of Istio, and name names a part of it"),
        ({"purge": True, "revision": "canary"}, "and revision names a part of it"),
        ({"purge": True, "tags_to": "default"}, "and tags_to names a part of it"),
        ({"remove_crds": True}, "remove_crds is true and purge is false"),
        ({"state": "present", "purge": True}, "purge is for removal; accepted only with state: absent"),
        ({"state": "present", "remove_used": True}, "remove_used is for removal"),
        ({"purge": True, "remove_crds": True}, ""),
        ({"revision": "canary", "tags_to": "default"}, ""),
        ({"name": "gateways"}, ""),
    ],
)
def test_what_contradicts_itself(given: dict[str, Any], said: str) -> None:
    told = contradicts({**REMOVAL, **given})
    assert said in told and bool(told) == bool(said)
