# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Role mesh_apps and the IAM roles of apps: associations of its own that come and go, those of others that stay, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from cloud import Cloud
from harness import Run

CLUSTER = "sandbox"
AGENT = "eks-pod-identity-agent"
ARN = "arn:aws:iam::123456789012:role"


def app(name: str, **said: Any) -> dict[str, Any]:
    return {"name": name, "namespace": "shop", "port": 80, "image": f"registry.example.com/{name}:1", **said}


def roles(aws: Cloud, *apps: dict[str, Any], check: bool = False, ok: bool = True, tasks_from: str = "aws_roles", **more: Any) -> Run:
    given = {"mesh_apps_cluster_name": CLUSTER, "mesh_apps_region": "us-west-2", "mesh_set": "shop", "_mesh_apps_association_seconds": 1}
    return aws.role("mesh_apps", tasks_from, check, ok, mesh_apps=list(apps), **given, **more)


def associations(aws: Cloud) -> dict[str, str]:
    """The role of each service account."""
    eks = aws.client("eks")
    found = eks.list_pod_identity_associations(clusterName=CLUSTER)["associations"]
    described = [eks.describe_pod_identity_association(clusterName=CLUSTER, associationId=one["associationId"])["association"] for one in found]
    return {f"{one['namespace']}/{one['serviceAccount']}": one["roleArn"] for one in described}


def make_cluster(aws: Cloud, agent: bool = True) -> None:
    eks = aws.client("eks")
    eks.create_cluster(name=CLUSTER, roleArn=aws.role_for("eks.amazonaws.com", "cluster"), resourcesVpcConfig={"subnetIds": aws.subnets(aws.vpc())})
    eks.get_waiter("cluster_active").wait(name=CLUSTER, WaiterConfig={"Delay": 1})
    if agent:
        eks.create_addon(clusterName=CLUSTER, addonName=AGENT)


@pytest.mark.slow
def test_apps_get_their_roles_and_lose_them_and_those_of_others_stay(aws: Cloud) -> None:
    make_cluster(aws)
    reader, writer, theirs = (aws.role_for("pods.eks.amazonaws.com", name) for name in ("reader", "writer", "theirs"))
    other = {"namespace": "shop", "serviceAccount": "theirs"}
    aws.client("eks").create_pod_identity_association(clusterName=CLUSTER, roleArn=theirs, **other, tags={"team": "b"})
    both = [app("front", aws_role="reader"), app("back", aws_role=writer), app("plain")]

    mark = aws.mark()
    assert roles(aws, *both, check=True).changed and aws.mutations(mark) == []
    assert roles(aws, *both).changed
    assert associations(aws) == {"shop/front": reader, "shop/back": writer, "shop/theirs": theirs}
    mark = aws.mark()
    assert not roles(aws, *both).changed and aws.mutations(mark) == []

    # Another set of the same cluster takes nothing away.
    assert not roles(aws, app("plain"), mesh_apps_set="another").changed
    assert roles(aws, app("front", aws_role=writer), app("back")).changed
    assert associations(aws) == {"shop/front": writer, "shop/theirs": theirs}

    refused = roles(aws, app("theirs", aws_role="reader"), app("front", aws_role=writer), ok=False)
    assert "Pod Identity association shop/theirs of cluster sandbox does not carry the tag" in str(refused.failures())
    roles(aws)
    assert associations(aws) == {"shop/theirs": theirs}


def test_what_gives_no_role_to_pods_is_refused_by_name(aws: Cloud) -> None:
    refused = roles(aws, app("front", aws_role="reader"), ok=False)
    assert "app front: aws_role is 'reader'; accepted: none, since EKS has no cluster sandbox" in str(refused.failures())
    make_cluster(aws, agent=False)
    refused = roles(aws, app("front", aws_role="reader"), ok=False)
    assert f"app front: aws_role is 'reader'; accepted: none while cluster sandbox lacks the add-on {AGENT}" in str(refused.failures())
    assert associations(aws) == {}


def test_without_credentials_the_role_says_what_it_leaves_out(aws: Cloud, tmp_path: Any) -> None:
    run = roles(aws, app("front", aws_role=f"{ARN}/reader"), app("plain"), tasks_from="main", mesh_apps_render_to=str(tmp_path))
    assert "the Pod Identity associations of front (aws_role)" in str(run.tasks)
    assert aws.faults.calls == []
    assert f"meshgate.io/aws-role: {ARN}/reader" in (tmp_path / "shop-apps.yml").read_text(encoding="utf-8")
