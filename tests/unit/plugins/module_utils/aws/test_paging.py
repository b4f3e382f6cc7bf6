# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""No list of AWS is read in part: whatever botocore knows to come in pages is asked for in pages, and these go on as the service says."""

from __future__ import annotations

import re
from pathlib import Path

import botocore.session
import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.client import paging_of

PLUGINS = Path(__file__).resolve().parents[5] / "plugins"
CALLED = re.compile(r'\.(call|find|pages|find_all)\(?,?\s*"([a-z0-9-]+)",\s*"([a-z0-9_]+)"')
# Asked for by name or id, or for one thing of which there are few; what has more than one page would be an answer to another question.
BY_NAME = {
    "ec2:describe_launch_template_versions",  # $Latest of one template
    "ec2:describe_security_groups",  # by ids, or through a paginator
    "ec2:describe_subnets",  # by ids, or one block of one VPC
    "ecr:describe_repositories",
    "elbv2:describe_load_balancers",
    "route53:list_hosted_zones",  # route53_records goes on by itself
    "route53:list_resource_record_sets",
    "iam:list_entities_for_policy",  # three lists in one page: aws_references goes on by itself
    "iam:list_policy_tags",  # 50 tags at most, 100 to a page
    "iam:list_open_id_connect_provider_tags",
}


def calls() -> set[tuple[str, str, str]]:
    return {found.groups() for path in sorted(PLUGINS.rglob("*.py")) for found in CALLED.finditer(path.read_text())}  # type: ignore[misc]


@pytest.fixture(scope="module")
def session() -> botocore.session.Session:
    return botocore.session.get_session()


def paginator(session: botocore.session.Session, service: str, operation: str) -> dict | None:
    name = "".join(part.capitalize() for part in operation.split("_"))
    known = {key.lower(): value for key, value in session.get_paginator_model(service)._paginator_config.items()}
    return known.get(name.lower())


def test_what_comes_in_pages_is_asked_for_in_pages(session: botocore.session.Session) -> None:
    found = calls()
    assert len(found) > 60
    once = {f"{service}:{operation}" for how, service, operation in found if how in ("call", "find") and paginator(session, service, operation)}
    assert once == BY_NAME


def test_pages_go_on_as_the_service_says(session: botocore.session.Session) -> None:
    wrong = []
    for how, service, operation in sorted(calls()):
        said = paginator(session, service, operation)
        if how not in ("pages", "find_all") or said is None:
            continue
        tokens = said["input_token"], said["output_token"]
        if paging_of(service) != tokens:
            wrong.append((service, operation, tokens))
    assert wrong == []
