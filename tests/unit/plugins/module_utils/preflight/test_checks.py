# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the preflight concludes from answers; asking is tested against the emulated AWS (tests/aws/test_preflight.py)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.client import AwsError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.preflight.checks import Preflight, Wanted
from ansible_collections.meshgate.eks_istio.plugins.module_utils.preflight.offers import cli_check, version_check
from ansible_collections.meshgate.eks_istio.plugins.module_utils.preflight.permissions import context_of, in_words, principal, why
from ansible_collections.meshgate.eks_istio.plugins.module_utils.preflight.quotas import FIXED, Usage, check, concerned, family_of

OFFERS = [
    {"clusterVersion": "1.36", "versionStatus": "STANDARD_SUPPORT", "endOfStandardSupportDate": datetime(2027, 8, 2, tzinfo=UTC)},
    {"clusterVersion": "1.9", "versionStatus": "STANDARD_SUPPORT", "endOfStandardSupportDate": datetime(2026, 12, 2, tzinfo=UTC)},
    {"clusterVersion": "1.8", "versionStatus": "EXTENDED_SUPPORT", "endOfExtendedSupportDate": datetime(2027, 3, 1, tzinfo=UTC)},
    {"clusterVersion": "1.7", "versionStatus": "UNSUPPORTED"},
]


@pytest.mark.parametrize(
    ("version", "live", "ok", "warns", "said"),
    [
        ("1.36", "", True, False, "in standard support until 2027-08-02"),
        ("1.9", "", True, True, "leaves standard support on 2026-12-02; EKS then upgrades the cluster automatically"),
        ("1.8", "", True, True, "in extended support until 2027-03-01: the control plane costs 0.60 instead of 0.10 USD an hour"),
        ("1.7", "", False, False, "eks_cluster_version is '1.7'; accepted in us-west-2: one of 1.8, 1.9, 1.36"),
        ("1.7", "1.7", True, True, "eks_cluster_version is '1.7'"),
    ],
)
def test_versions(version: str, live: str, ok: bool, warns: bool, said: str) -> None:
    given = {"version": version, "region": "us-west-2", "support_type": "STANDARD"}
    entry, _offer = version_check(given, OFFERS, live, datetime(2026, 11, 21, tzinfo=UTC))
    assert (entry[1], len(entry) > 5 and entry[5]) == (ok, warns)
    assert said in entry[4]


@pytest.mark.parametrize(
    ("said", "ok"),
    [
        ("aws-cli/2.12.3 Python/3.11", True),
        ("aws-cli/2.12.2 Python/3.11", False),
        ("aws-cli/1.27.160 Python/3.9", True),
        ("aws-cli/1.27.159 Python/3.9", False),
        ("aws-cli/3.0.0 Python/3.14", True),
        ("bash: aws: broken", False),
        ("", False),
    ],
)
def test_the_aws_cli(said: str, ok: bool) -> None:
    assert cli_check(said)[1] is ok


@pytest.mark.parametrize(
    ("instance_type", "family"),
    [
        ("m6g.large", "standard"),
        ("t4g.medium", "standard"),
        ("is4gen.large", "standard"),
        ("im4gn.large", "standard"),
        ("g5.xlarge", "G and VT"),
        ("vt1.3xlarge", "G and VT"),
        ("inf2.xlarge", "Inf"),
        ("p5.48xlarge", "P"),
        ("x2gd.large", "X"),
        ("f2.6xlarge", "F"),
        ("u-12tb1.112xlarge", ""),
    ],
)
def test_the_family_that_a_quota_counts(instance_type: str, family: str) -> None:
    assert family_of(instance_type) == family


def test_only_the_quotas_of_the_node_groups_are_asked_for() -> None:
    groups = [{"instance_types": ["m6g.large"]}, {"instance_types": ["g5.xlarge"], "capacity_type": "SPOT"}]
    assert [quota.code for quota in concerned({"node_groups": groups}) if quota.family] == ["L-1216C47A", "L-3819A6DF"]


@pytest.mark.parametrize(
    ("used", "needed", "growth", "ok", "warns"), [(4, 1, 0, True, False), (5, 1, 0, False, False), (9, 0, 0, True, False), (3, 1, 2, True, True)]
)
def test_a_quota_of_five(used: float, needed: float, growth: float, ok: bool, warns: bool) -> None:
    entry = check(FIXED[0], Usage("", used, needed, growth), 5, "us-west-2")
    assert (entry[1], len(entry) > 5) == (ok, warns)
    assert f"VPCs in us-west-2: {used} of 5 are in use, and this run needs {needed} more" in entry[4]


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        ("arn:aws:iam::123456789012:root", "the account's root user"),
        ("arn:aws:sts::123456789012:federated-user/jane", "the simulator knows users and roles"),
    ],
)
def test_who_cannot_be_simulated(arn: str, said: str) -> None:
    source, reason = principal(None, arn)  # type: ignore[arg-type]  # nobody is asked
    assert source == ""
    assert said in reason


def test_why_an_action_is_denied() -> None:
    assert why({"EvalDecision": "implicitDeny"}) == "no policy allows it"
    assert why({"EvalDecision": "explicitDeny"}) == "a policy denies it"
    assert why({"EvalDecision": "implicitDeny", "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False}}).startswith(
        "the permissions boundary"
    )
    assert why({"EvalDecision": "explicitDeny", "OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}).startswith("the organization")


def test_denied_actions_in_one_line() -> None:
    many = {f"ec2:Action{number:02}": "no policy allows it" for number in range(20)}
    said = in_words({**many, "eks:CreateCluster": "a policy denies it"})
    assert "ec2:Action14 and 5 more (no policy allows it); eks:CreateCluster (a policy denies it)" in said


def test_a_conditions_context_is_what_a_call_would_be_about() -> None:
    statement = {"Condition": {"StringEquals": {"iam:PassedToService": ["eks.amazonaws.com", "ec2.amazonaws.com"]}}}
    assert context_of(statement) == [{"ContextKeyName": "iam:PassedToService", "ContextKeyValues": ["eks.amazonaws.com"], "ContextKeyType": "string"}]


def test_what_aws_does_not_tell_is_a_warning() -> None:
    preflight = Preflight(None, Wanted({"name": "sandbox", "region": "us-west-2"}, {"Statement": []}, [], ""))  # type: ignore[arg-type]  # nobody is asked
    preflight.answers = {"versions": AwsError("eks:DescribeClusterVersions: not authorized (AccessDeniedException)"), "types": []}
    unknown = preflight._unknown("EKS version", "versions", "types")
    assert unknown is not None
    assert (unknown.ok, unknown.warning) == (True, True)
    assert unknown.message == "EKS version could not be checked: eks:DescribeClusterVersions: not authorized (AccessDeniedException)"
    assert preflight._unknown("instance types", "types") is None
