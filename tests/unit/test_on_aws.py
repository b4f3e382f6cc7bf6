# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether nodes are on AWS: a rule asks it in Python, and a task of role istio in its own words."""

from __future__ import annotations

import pytest
import yaml
from ansible.template import Templar
from test_patience import REPOSITORY, DataLoader, trust_as_template

from ansible_collections.meshgate.eks_istio.plugins.module_utils.preflight.inputs.rules import Rules, on_aws

TEMPLATE = yaml.safe_load((REPOSITORY / "roles/istio/vars/main.yml").read_text(encoding="utf-8"))["_istio_on_aws"]
EKS, CHINA, KIND = "https://A1.gr7.us-west-2.eks.amazonaws.com", "https://A1.sk1.cn-north-1.eks.amazonaws.com.cn", "https://127.0.0.1:6443"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, False),
        ({"platform_billed": True}, True),
        ({"platform_billed": "yes"}, True),
        ({"platform_billed": "false"}, False),
        ({"eks_cluster_facts": {}}, False),
        ({"eks_cluster_facts": {"endpoint": None}}, False),
        ({"eks_cluster_facts": {"endpoint": EKS}}, True),
        ({"eks_cluster_facts": {"endpoint": CHINA}, "platform_billed": False}, True),
        ({"eks_cluster_facts": {"endpoint": KIND}}, False),
        ({"eks_cluster_facts": {"endpoint": KIND}, "platform_billed": True}, True),
    ],
)
def test_the_role_and_its_rules_agree(given: dict[str, object], expected: bool) -> None:
    assert on_aws(Rules(given)) is expected
    assert Templar(DataLoader(), variables=given).template(trust_as_template(TEMPLATE)) is expected
