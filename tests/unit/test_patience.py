# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How long is waited where AWS bills, and where a laptop stands in for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

REPOSITORY = Path(__file__).resolve().parents[2]
TASKS = yaml.safe_load((REPOSITORY / "playbooks/tasks/ask.yml").read_text())
ASKED = {module: task[module]["wait_timeout"] for task in TASKS for module in task if module.startswith("meshgate.eks_istio.")}


def default(role: str, variable: str) -> object:
    return yaml.safe_load((REPOSITORY / f"roles/{role}/defaults/main.yml").read_text())[variable]


def templated(value: object, **variables: object) -> int:
    text = trust_as_template(value) if isinstance(value, str) else value
    return int(Templar(DataLoader(), variables=variables).template(text))


@pytest.mark.parametrize(
    ("value", "here", "on_aws"),
    [
        (default("istio", "istio_readiness_timeout"), 300, 900),
        (default("alb_controller", "alb_controller_timeout"), 180, 900),
        (default("rust_services", "rust_services_timeout"), 180, 900),
        (default("eks_cluster", "eks_cluster_wait_timeout"), 3600, 3600),
        (ASKED["meshgate.eks_istio.alb_hostname_info"], 120, 300),
        (ASKED["meshgate.eks_istio.http_answer_info"], 30, 300),
    ],
)
def test_patience(value: object, here: int, on_aws: int) -> None:
    assert templated(value) == templated(value, platform_billed=False) == here
    assert templated(value, platform_billed=True) == on_aws
