# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is searched, and what stands in the way of its removal."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  cluster_name:
    description: The cluster.
    type: str
    required: true
  disable_deletion_protection:
    description: Whether load balancers and an EKS cluster with deletion protection may be removed, too. Else they are in the way.
    type: bool
    default: false
  volumes:
    description:
      - What becomes of EBS volumes and snapshots of the cluster. They hold data, so that without an answer here they are in the way.
      - V(keep) leaves them where they are, V(delete) deletes them. The disks of nodes go with their instances in any case.
    type: str
    choices: [refuse, keep, delete]
    default: refuse
  iam_path:
    description: The IAM path that the cluster's roles, policies and instance profiles have, if it is one of their own.
    type: str
    default: /
  unreachable_is_empty:
    description:
      - Whether an API endpoint at which nothing answers counts as an empty account.
      - For an emulator that keeps its state in memory that is the truth once it is gone. For AWS it never is.
    type: bool
    default: false
"""
