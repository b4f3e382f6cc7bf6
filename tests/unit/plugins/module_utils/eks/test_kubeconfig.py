# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The kubeconfig asks `aws eks get-token` as whom it was told to, and what is in a file is read back for people."""

from __future__ import annotations

import yaml

from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import kubeconfig as eks_kubeconfig

CLUSTER = {"name": "sandbox", "arn": "arn:aws:eks:us-west-2:123456789012:cluster/sandbox", "endpoint": "https://a.eks.amazonaws.com"}


def command(text: str) -> dict:
    return yaml.safe_load(text)["users"][0]["user"]["exec"]


def test_without_profile_and_role_it_is_whoever_uses_it() -> None:
    plain = command(eks_kubeconfig.content(CLUSTER, "us-west-2", "sandbox"))
    assert plain["args"] == ["--region", "us-west-2", "eks", "get-token", "--cluster-name", "sandbox", "--output", "json"] and "env" not in plain


def test_a_profile_and_a_role_are_in_the_command() -> None:
    """https://docs.aws.amazon.com/eks/latest/userguide/create-kubeconfig.html: --role-arn, and AWS_PROFILE in the environment."""
    role = "arn:aws:iam::123456789012:role/admin"
    text = eks_kubeconfig.content(CLUSTER, "us-west-2", "sandbox", profile="office", role_arn=role)
    assert command(text)["args"][-2:] == ["--role-arn", role]
    assert command(text)["env"] == [{"name": "AWS_PROFILE", "value": "office"}]
    assert eks_kubeconfig.view(text, "sandbox") == {"server": CLUSTER["endpoint"], "context": "sandbox", "profile": "office", "role_arn": role}
    assert eks_kubeconfig.view("[", "sandbox") == {"server": "", "context": "sandbox", "profile": "", "role_arn": ""}
