# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Clusters for the tests of EKS's modules, made by plain boto3: what is tested does not make its own ground."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from aws_harness import Account

FAST = {"wait_delay": 0.1, "wait_timeout": 20}


def until(look: Callable[[], Any], wanted: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while (seen := look()) != wanted:
        assert time.monotonic() < end, f"still {seen!r} instead of {wanted!r}"
        time.sleep(0.05)


class Parts:
    """Roles and subnets that several clusters share."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.eks = account.client("eks")
        self.role_arn = account.role("control-plane", "eks.amazonaws.com")
        self.node_role = account.role("nodes", "ec2.amazonaws.com")
        self.pod_role = account.role("pods", "pods.eks.amazonaws.com")
        self.vpc_id = account.vpc()
        self.subnet_ids = account.subnets(self.vpc_id)

    def cluster(self, name: str, **more: Any) -> str:
        access = {"authenticationMode": "API_AND_CONFIG_MAP"}
        if name in self.eks.list_clusters()["clusters"]:
            # ansible-test runs every test in a fork, and so makes what a module's tests share for each of them.
            name = f"{name}-{os.getpid()}"
        self.eks.create_cluster(name=name, roleArn=self.role_arn, resourcesVpcConfig={"subnetIds": self.subnet_ids}, **{"accessConfig": access, **more})
        until(lambda: self.eks.describe_cluster(name=name)["cluster"]["status"], "ACTIVE")
        return name

    def nodes(self, cluster: str, name: str = "n", **more: Any) -> None:
        request = {"clusterName": cluster, "nodegroupName": name, "subnets": self.subnet_ids, "nodeRole": self.node_role, **more}
        self.eks.create_nodegroup(**request)
        until(lambda: self.eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]["status"], "ACTIVE")

    def addon(self, cluster: str, name: str) -> dict[str, Any]:
        addon: dict[str, Any] = self.eks.describe_addon(clusterName=cluster, addonName=name)["addon"]
        return addon
