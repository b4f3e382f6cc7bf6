# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What EKS offers: versions, AMI types, add-ons, access policies."""

from __future__ import annotations

from typing import Any

# "Understand the Kubernetes version lifecycle on EKS" of the EKS user guide: 14 months of standard and 12 of extended support.
# Dates of versions that the guide does not list yet follow from that rule.
VERSIONS: dict[str, dict[str, str]] = {
    "1.31": {"patch": "1.31.13", "platform": "eks.45", "release": "2024-09-26", "standard": "2025-11-26", "extended": "2026-11-26"},
    "1.32": {"patch": "1.32.9", "platform": "eks.38", "release": "2025-01-23", "standard": "2026-03-23", "extended": "2027-03-23"},
    "1.33": {"patch": "1.33.5", "platform": "eks.31", "release": "2025-05-29", "standard": "2026-07-29", "extended": "2027-07-29"},
    "1.34": {"patch": "1.34.2", "platform": "eks.20", "release": "2025-10-02", "standard": "2026-12-02", "extended": "2027-12-02"},
    "1.35": {"patch": "1.35.1", "platform": "eks.9", "release": "2026-01-27", "standard": "2027-03-27", "extended": "2028-03-27"},
    "1.36": {"patch": "1.36.3", "platform": "eks.3", "release": "2026-06-02", "standard": "2027-08-02", "extended": "2028-08-02"},
}
DEFAULT_VERSION = "1.36"
AMI_RELEASE_DATE = "20261105"
KUBELET_MAX_SKEW = 3


def minor(version: str) -> int:
    return int(version.split(".")[1])


def release_version(version: str, ami_type: str) -> str:
    patch = VERSIONS[version]["patch"]
    return f"1.{minor(version)}-bottlerocket" if ami_type.startswith("BOTTLEROCKET") else f"{patch}-{AMI_RELEASE_DATE}"


def ami_architecture(ami_type: str) -> str:
    return "arm64" if "ARM_64" in ami_type else "x86_64"


# Versions are derived from the Kubernetes minor, as AWS's are for kube-proxy; what matters is that there are many and that one is the default,
# which is not always the newest ("addon-compat" of the EKS user guide). Those with replicas are Deployments and need a node.
ADDONS: dict[str, dict[str, Any]] = {
    "vpc-cni": {
        "type": "networking",
        "versions": ["v1.20.4-eksbuild.2", "v1.21.1-eksbuild.1", "v1.21.1-eksbuild.3"],
        "default": "v1.21.1-eksbuild.1",
        "iam": True,
    },
    "coredns": {"type": "networking", "versions": ["v1.12.4-eksbuild.1", "v1.13.1-eksbuild.1"], "iam": False, "replicas": True},
    "kube-proxy": {"type": "networking", "versions": [], "iam": False},
    "eks-pod-identity-agent": {"type": "security", "versions": ["v1.3.9-eksbuild.3", "v1.3.10-eksbuild.2"], "iam": False},
    "aws-ebs-csi-driver": {"type": "storage", "versions": ["v1.52.1-eksbuild.1", "v1.53.0-eksbuild.1"], "iam": True},
    "amazon-cloudwatch-observability": {"type": "observability", "versions": ["v6.1.0-eksbuild.1", "v6.2.0-eksbuild.1"], "iam": True, "replicas": True},
    # "AWS add-ons" and "Community add-ons" of the user guide.
    "metrics-server": {"type": "observability", "versions": ["v0.8.0-eksbuild.3", "v0.8.0-eksbuild.5"], "iam": False, "replicas": True},
}
ADDON_NAMESPACE = "kube-system"


def addon_versions(name: str, kubernetes: str) -> list[str]:
    """Versions of an add-on that fit a Kubernetes minor, newest first."""
    if name == "kube-proxy":
        patch = VERSIONS[kubernetes]["patch"]
        return [f"v{patch}-eksbuild.2", f"v{patch}-eksbuild.1"]
    return list(reversed(ADDONS[name]["versions"]))


def default_addon_version(name: str, kubernetes: str) -> str:
    return str(ADDONS[name].get("default") or addon_versions(name, kubernetes)[0])


# Those that users can associate: awsdocs/amazon-eks-user-guide#1003 names others that are for service-linked roles only.
ACCESS_POLICIES = [
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSAutoNodePolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSViewPolicy",
]
