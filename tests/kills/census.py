# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Count heads: everything in the emulated account by its name, listed by plain boto3, and what runs in the cluster, by the kubernetes client."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from cluster import Cluster
from harness import CLUSTER

NAMESPACES = ["istio-ingress", "istio-system", "rust-services"]
ALIVE = ["pending", "available", "deleting", "failed"]
RUNNING = ["pending", "running", "shutting-down", "stopping", "stopped"]


def _pages(client: Any, operation: str, key: str, **arguments: Any) -> list[Any]:
    pages = client.get_paginator(operation).paginate(**arguments) if client.can_paginate(operation) else [getattr(client, operation)(**arguments)]
    return [item for page in pages for item in page[key]]


def _called(item: dict[str, Any]) -> str:
    """Its tag `Name`; what has none is of AWS's own making."""
    return next((tag["Value"] for tag in item.get("Tags") or item.get("TagSet") or [] if tag["Key"] == "Name"), "unnamed")


def _ec2(ec2: Any) -> dict[str, list[str]]:
    instances = [
        instance
        for reservation in ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": RUNNING}])["Reservations"]
        for instance in reservation["Instances"]
    ]
    return {
        "vpcs": [_called(item) for item in _pages(ec2, "describe_vpcs", "Vpcs")],
        "subnets": [_called(item) for item in _pages(ec2, "describe_subnets", "Subnets")],
        "route tables": [_called(item) for item in _pages(ec2, "describe_route_tables", "RouteTables")],
        "internet gateways": [_called(item) for item in _pages(ec2, "describe_internet_gateways", "InternetGateways")],
        "NAT gateways": [_called(item) for item in _pages(ec2, "describe_nat_gateways", "NatGateways", Filter=[{"Name": "state", "Values": ALIVE}])],
        "addresses": [_called(item) for item in ec2.describe_addresses()["Addresses"]],
        # EKS ends the name of its own one with a number that it draws.
        "security groups": [re.sub(r"-[0-9]+$", "", item["GroupName"]) for item in _pages(ec2, "describe_security_groups", "SecurityGroups")],
        "network interfaces": [_called(item) for item in _pages(ec2, "describe_network_interfaces", "NetworkInterfaces")],
        "volumes": [_called(item) for item in _pages(ec2, "describe_volumes", "Volumes")],
        "launch templates": [item["LaunchTemplateName"] for item in _pages(ec2, "describe_launch_templates", "LaunchTemplates")],
        "instances": [_called(item) for item in instances],
    }


def _elb(elb: Any) -> dict[str, list[str]]:
    balancers = _pages(elb, "describe_load_balancers", "LoadBalancers")
    return {
        "load balancers": [item["LoadBalancerName"] for item in balancers],
        "listeners": [
            f"{balancer['LoadBalancerName']}:{listener['Port']}"
            for balancer in balancers
            for listener in _pages(elb, "describe_listeners", "Listeners", LoadBalancerArn=balancer["LoadBalancerArn"])
        ],
        # Their names are the controller's own, with a hash.
        "target groups": [f"port {item['Port']}" for item in _pages(elb, "describe_target_groups", "TargetGroups")],
    }


def _iam(iam: Any) -> dict[str, list[str]]:
    policies = _pages(iam, "list_policies", "Policies", Scope="Local")
    return {
        "roles": [item["RoleName"] for item in _pages(iam, "list_roles", "Roles") if not item["Path"].startswith("/aws-service-role/")],
        "policies": [item["PolicyName"] for item in policies],
        "policy versions": [
            f"{item['PolicyName']} {version['VersionId']}"
            for item in policies
            for version in _pages(iam, "list_policy_versions", "Versions", PolicyArn=item["Arn"])
        ],
        "instance profiles": [item["InstanceProfileName"] for item in _pages(iam, "list_instance_profiles", "InstanceProfiles")],
        "OIDC providers": ["provider" for _item in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]],
    }


def _eks(eks: Any) -> dict[str, list[str]]:
    clusters = _pages(eks, "list_clusters", "clusters")

    def within(operation: str, key: str) -> list[Any]:
        return [item for cluster in clusters for item in _pages(eks, operation, key, clusterName=cluster)]

    return {
        "clusters": clusters,
        "node groups": within("list_nodegroups", "nodegroups"),
        "add-ons": within("list_addons", "addons"),
        "access entries": [arn.rpartition("/")[2] for arn in within("list_access_entries", "accessEntries")],
        "Pod Identity associations": [item["serviceAccount"] for item in within("list_pod_identity_associations", "associations")],
    }


def account(aws: Callable[[str], Any]) -> dict[str, list[str]]:
    """What is in the account, each thing by its name. What AWS keeps as history (terminated instances, deleted NAT gateways) is left out."""
    seen = {
        **_ec2(aws("ec2")),
        **_elb(aws("elbv2")),
        **_iam(aws("iam")),
        **_eks(aws("eks")),
        "repositories": [item["repositoryName"] for item in _pages(aws("ecr"), "describe_repositories", "repositories")],
        "certificates": [item["DomainName"] for item in _pages(aws("acm"), "list_certificates", "CertificateSummaryList")],
        "log groups": [item["logGroupName"] for item in _pages(aws("logs"), "describe_log_groups", "logGroups")],
    }
    return {kind: sorted(names) for kind, names in seen.items()}


def added(now: dict[str, list[str]], before: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is there now and was not before; a name that occurs twice is added twice."""
    more = {kind: sorted((Counter(names) - Counter(before.get(kind, []))).elements()) for kind, names in now.items()}
    return {kind: names for kind, names in more.items() if names}


def _name(item: dict[str, Any]) -> str:
    metadata = item["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"]


def _owner(item: dict[str, Any]) -> tuple[str, str]:
    return item["metadata"]["namespace"], next((owner["name"] for owner in item["metadata"].get("ownerReferences", [])), "")


def complaints(cluster: Cluster) -> list[str]:
    """What in the cluster occurs twice, half, or still on its way out."""
    of = {kind: cluster.find(kind) for kind in ("Deployment", "ReplicaSet", "Pod", "Ingress", "Service", "TargetGroupBinding")}
    items = [item for items_of_kind in of.values() for item in items_of_kind]
    found: list[str] = []
    found += [f"{item['kind']} {_name(item)} is being deleted" for item in items if item["metadata"].get("deletionTimestamp")]
    for deployment in of["Deployment"]:
        namespace, name, wanted = deployment["metadata"]["namespace"], deployment["metadata"]["name"], deployment["spec"]["replicas"]
        sets = [item for item in of["ReplicaSet"] if _owner(item) == (namespace, name) and item["spec"]["replicas"]]
        pods = [pod for item in sets for pod in of["Pod"] if _owner(pod) == (namespace, item["metadata"]["name"])]
        ready = [pod for pod in pods if any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))]
        if len(sets) != 1 or len(pods) != wanted or len(ready) != wanted:
            found.append(f"Deployment {_name(deployment)} wants {wanted} pods and has {len(ready)} ready ones of {len(pods)}, by {len(sets)} ReplicaSets")
    owned = {(item["metadata"]["namespace"], item["metadata"]["name"]) for item in of["ReplicaSet"]}
    found += [f"Pod {_name(pod)} is nobody's" for pod in of["Pod"] if pod["metadata"]["namespace"] in NAMESPACES and _owner(pod) not in owned]
    for kind, several in (("Ingress", ["istio-ingress/ingress"]), ("TargetGroupBinding", None)):
        names = [_name(item) for item in of[kind]]
        if len(names) != 1 or several not in (None, names):
            found.append(f"{kind}: {', '.join(names) or 'none'}")
    found += [f"Service {_name(item)} is a second load balancer" for item in of["Service"] if item["spec"]["type"] == "LoadBalancer"]
    releases = cluster.find("Secret", labels="owner=helm")
    told = Counter((item["metadata"]["namespace"], item["metadata"]["labels"]["name"], item["metadata"]["labels"]["status"]) for item in releases)
    if told != {("kube-system", "aws-load-balancer-controller", "deployed"): 1}:
        found.append(f"Helm releases: {dict(told)}")
    found += _namespaces(cluster)
    return found


def _namespaces(cluster: Cluster) -> list[str]:
    spaces = cluster.find("Namespace")
    ours = sorted(item["metadata"]["name"] for item in spaces if (item["metadata"].get("labels") or {}).get("meshgate.io/cluster") == CLUSTER)
    found = [] if ours == NAMESPACES else [f"namespaces of ours: {', '.join(ours)}"]
    return found + [f"namespace {item['metadata']['name']} is {item['status']['phase']}" for item in spaces if item["status"]["phase"] != "Active"]
