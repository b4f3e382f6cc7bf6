# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Validation of the variables of role alb_controller. Makes no requests."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from ...eks.options import NAME
from . import rules as r

READS = ("ansible_check_mode", "platform_billed", "toolchain_facts", "toolchain_components", "eks_cluster_facts", "eks_cluster_addons")
AGENT = "eks-pod-identity-agent"
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]+")
PARTITION = re.compile(r"aws(-[a-z]+)*")
IAM_PATH = re.compile(r"/([!-~]+/)?")
IMAGE = re.compile(r"[^ @]+:[A-Za-z0-9_][-A-Za-z0-9._]*(@sha256:[0-9a-f]{64})?")
VPC = re.compile(r"vpc-[0-9a-f]+")
ACCOUNT = re.compile(r"[0-9]{12}")
ISSUER = re.compile(r"https://.+")
PROVIDER = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/.+")


def problems(given: Mapping[str, Any]) -> list[str]:
    rules = r.Rules(given)
    rules.like("alb_controller_cluster_name", NAME, "letters, digits, hyphens and underscores, at most 100, beginning with a letter or digit")
    rules.like("alb_controller_version", r.RELEASE, f"a release of the controller without a leading v, such as {r.pinned('alb_controller')}")
    rules.like("alb_controller_region", REGION, "an AWS region, such as us-west-2")
    rules.like("alb_controller_partition", PARTITION, "an AWS partition, such as aws, aws-cn or aws-us-gov")
    _identity(rules)
    rules.need(rules.number("alb_controller_replicas") > 0, "alb_controller_replicas", "a number, at least 1")
    rules.need(rules.number("alb_controller_timeout") > 0, "alb_controller_timeout", "a number of seconds, at least 1")
    _image(rules)
    gates = rules.mapping("alb_controller_feature_gates")
    rules.need(all(isinstance(gate, bool) for gate in gates.values()), "alb_controller_feature_gates", "names of feature gates, each set to true or false")
    _files(rules)
    r.programs(rules, not r.cluster_exists(rules), alb_controller_kubectl="kubectl", alb_controller_helm="helm")
    r.check_tags(rules, "alb_controller_tags")
    by_association = rules.text("alb_controller_credentials") == "pod_identity"
    if by_association:
        _agent(rules)
    # In check mode on an empty machine, the cluster's data is not known yet.
    if r.cluster_exists(rules):
        _told_by_the_cluster(rules, by_association)
    return rules.found


def _identity(rules: r.Rules) -> None:
    path = rules.text("alb_controller_iam_path")
    right = bool(IAM_PATH.fullmatch(path)) and len(path) <= 512
    rules.need(right, "alb_controller_iam_path", "an IAM path, which begins and ends with a slash, of up to 512 characters")
    partition = rules.text("alb_controller_partition")
    policy = re.compile(rf"arn:{re.escape(partition)}:iam::([0-9]{{12}}|aws):policy/[!-~]+")
    rules.like("alb_controller_iam_permissions_boundary", policy, f"empty, or the ARN of an IAM policy in partition {partition}", empty=True)


def _image(rules: r.Rules) -> None:
    version = rules.text("alb_controller_version")
    tagged = f"empty, or an image with its tag, such as public.ecr.aws/eks/aws-load-balancer-controller:v{version}"
    rules.like("alb_controller_image", IMAGE, tagged, empty=True)
    reached = (
        "an image of a registry that nodes on AWS can reach, or empty for the chart's; meshgate.local exists on the nodes of a laptop only "
        "(on AWS leave alb_controller out of toolchain_components)"
    )
    rules.need(not r.on_aws(rules) or not rules.text("alb_controller_image").startswith(f"{r.LOCAL_IMAGES}/"), "alb_controller_image", reached)


def _files(rules: r.Rules) -> None:
    made = rules.fact("toolchain_facts", "assets", "alb_controller") or {}
    if rules.said("alb_controller_chart"):
        chart = rules.text("alb_controller_chart")
        right = not chart.startswith(("/", "~", ".")) or chart == made.get("chart") or os.path.exists(os.path.expanduser(chart))
        rules.need(right, "alb_controller_chart", "a local directory or file, or the name of a chart in alb_controller_chart_repository")
    if rules.said("alb_controller_chart_repository"):
        private = r.is_private(rules.text("alb_controller_chart_repository"))
        rules.need(private, "alb_controller_chart_repository", "an https or oci URL of a chart repository, or empty")
    if rules.said("alb_controller_iam_policy"):
        policy = rules.text("alb_controller_iam_policy")
        from_elsewhere = policy.startswith("https://") or bool(r.THIS_MACHINE.match(policy))
        right = from_elsewhere or policy == made.get("iam_policy") or os.path.isfile(os.path.expanduser(policy))
        rules.need(right, "alb_controller_iam_policy", "a local file, or an https URL")
    if rules.said("alb_controller_iam_policy_checksum"):
        rules.like("alb_controller_iam_policy_checksum", r.SHA256, "a SHA-256 of 64 hexadecimal digits, or empty", empty=True)


def _told_by_the_cluster(rules: r.Rules, by_association: bool) -> None:
    rules.like("alb_controller_vpc_id", VPC, "the id of the cluster's VPC, which role eks_cluster returns")
    rules.like("alb_controller_account_id", ACCOUNT, "an AWS account of 12 digits, which role eks_cluster returns")
    if not by_association:
        rules.like("alb_controller_oidc_issuer", ISSUER, "the https URL of the cluster's OIDC issuer, which role eks_cluster returns")
        rules.like("alb_controller_oidc_provider_arn", PROVIDER, "the ARN of an IAM OIDC provider, which role eks_cluster returns")


def _agent(rules: r.Rules) -> None:
    """The cluster's values, if it exists; before that, and in check mode, the requested ones."""
    live = rules.fact("eks_cluster_facts", "addons") if r.cluster_exists(rules) else None
    asked = rules.given.get("eks_cluster_addons")
    if live is None and asked is None:
        return
    addons = list(live or [])
    if live is None or r.truth(rules.given.get("ansible_check_mode")):
        addons += [addon.get("name") if isinstance(addon, Mapping) else addon for addon in asked or []]
    if AGENT not in addons:
        why = f"a list with {AGENT} while alb_controller_credentials is pod_identity, since that agent delivers the credentials to pods"
        rules.refuse("eks_cluster_addons", addons, why)
