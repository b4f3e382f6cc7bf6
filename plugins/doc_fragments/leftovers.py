# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is searched, and what blocks its removal."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  cluster_name:
    description: The cluster.
    type: str
    required: true
  disable_deletion_protection:
    description: Whether load balancers and an EKS cluster with deletion protection may be removed, too. Otherwise they block the removal.
    type: bool
    default: false
  volumes:
    description:
      - What happens to EBS volumes and snapshots of the cluster. They hold data, so V(refuse) makes them block the removal.
      - V(keep) leaves them in place, V(delete) deletes them. The disks of nodes are always deleted with their instances.
    type: str
    choices: [refuse, keep, delete]
    default: refuse
  logs:
    description:
      - What happens to the log group of the control plane's logs, C(/aws/eks/NAME/cluster).
      - V(keep) leaves it in place, V(delete) deletes it, V(refuse) makes it block the removal.
    type: str
    choices: [refuse, keep, delete]
    default: keep
  images:
    description:
      - What happens to images in the cluster's ECR repositories. Those that M(meshgate.eks_istio.ecr_image) pushed can be built again; with V(refuse) they
        are deleted with their repository, and any other image in it blocks the removal.
      - V(keep) leaves the repositories with all of their images, V(delete) deletes both.
    type: str
    choices: [refuse, keep, delete]
    default: refuse
  iam_path:
    description:
      - The IAM path of the cluster's roles, policies and instance profiles, if it is not the default.
      - Resources with the cluster's tags are always found; paths and names count only if the permission to list by tag is missing, with a warning.
    type: str
    default: /
  iam_roles:
    description: Names of IAM roles that the inventory sets. Existing ones without the cluster's tag are reported.
    type: list
    elements: str
    default: []
  unreachable_is_empty:
    description:
      - Whether an API endpoint at which nothing answers counts as an empty account.
      - This is true for an emulator that keeps its state in memory, once it is gone, and never for AWS.
    type: bool
    default: false
"""
