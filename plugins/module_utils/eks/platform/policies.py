# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The managed policies of a platform's IAM roles."""

from __future__ import annotations

# What EKS needs.
CLUSTER_POLICIES = ("AmazonEKSClusterPolicy",)
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")
# How their ARNs end, in every partition.
NEEDED_POLICIES = tuple(f"/{name}" for name in (*CLUSTER_POLICIES, *NODE_POLICIES))
# What the SSM agent of EKS's images needs, so that Session Manager opens a shell without SSH and without an open port.
SSM_POLICY = "AmazonSSMManagedInstanceCore"
