# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The running versions, in the account and in the cluster, as needed for an upgrade plan. Read-only."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from ..aws.client import Aws, Unreachable
from ..common.ownership import Owner
from ..eks import cluster as eks_cluster
from ..eks import nodegroup as eks_nodegroup
from ..istio import install as istio_install
from ..istio.pods import PROXY
from ..kube import gateway_crds
from ..kube.access import Access, look
from ..kube.api import KubeApi, KubeError
from .compatibility import minor, numbers

State = dict[str, Any]
CONTROLLER = "aws-load-balancer-controller"
# Pods that Istio's injector has changed carry it, also those of gateways.
IN_THE_MESH = "service.istio.io/canonical-name"
RESTARTABLE = ("Deployment", "StatefulSet", "DaemonSet")
DEPRECATED = re.compile(r"^apiserver_requested_deprecated_apis\{([^}]*)\} 1", re.MULTILINE)


# The account


def read_account(aws: Aws, name: str, wanted: str) -> State:
    """Cluster, node groups, add-ons, insights, and what EKS offers up to the requested version."""
    aws.prepare("eks")
    live = eks_cluster.describe(aws, name)
    if live is None:
        return {"cluster": {}}
    here, owner = {"clusterName": name}, Owner(name, aws.client("eks").meta.region_name)

    def ours(thing: State) -> bool:
        return owner.owns(thing.get("tags") or {})

    groups, addons, insights, offered = aws.run_parallel(
        lambda: aws.pages("eks", "list_nodegroups", "nodegroups", **here),
        lambda: aws.pages("eks", "list_addons", "addons", **here),
        lambda: aws.pages("eks", "list_insights", "insights", **here, filter={"categories": ["UPGRADE_READINESS"]}),
        lambda: aws.pages("eks", "describe_cluster_versions", "clusterVersions"),
    )
    last = max(minor(live["version"]), minor(wanted))
    minors = [f"1.{number}" for number in range(minor(live["version"]), last + 1)]
    found = [entry for entry in insights if entry["insightStatus"]["status"] != "PASSING"]
    calls = {
        **{("group", group): partial(eks_nodegroup.describe, aws, name, group) for group in groups},
        **{("addon", addon): partial(aws.find, "eks", "describe_addon", "addon", **here, addonName=addon) for addon in addons},
        **{("insight", entry["id"]): partial(aws.find, "eks", "describe_insight", "insight", **here, id=entry["id"]) for entry in found},
        **{(version, addon): partial(_addon_versions, aws, addon, version) for version in minors for addon in addons},
    }
    answers = dict(zip(calls, aws.run_parallel(*calls.values()), strict=True))

    def all_of(kind: str) -> dict[str, Any]:
        return {key[1]: answer for key, answer in answers.items() if key[0] == kind and answer}

    return {
        "cluster": {"name": name, "version": live["version"], "status": live["status"], "issues": _issues(live), "ours": ours(live)},
        "node_groups": {group: {**_node_group(answer), "ours": ours(answer)} for group, answer in all_of("group").items()},
        "addons": {
            addon: {"version": answer["addonVersion"], "status": answer["status"], "issues": _issues(answer), "ours": ours(answer)}
            for addon, answer in all_of("addon").items()
        },
        "addon_versions": {version: {addon: answers[version, addon] for addon in addons} for version in minors},
        "insights": [_insight(answer) for answer in all_of("insight").values()],
        "offered": sorted((entry["clusterVersion"] for entry in offered), key=numbers),
    }


def _issues(live: State) -> list[str]:
    return [f"{issue.get('code')}: {issue.get('message')}" for issue in (live.get("health") or {}).get("issues") or []]


def _node_group(live: State) -> State:
    return {
        "version": live["version"],
        "release_version": live.get("releaseVersion") or "",
        "status": live["status"],
        "issues": _issues(live),
        "custom": live.get("amiType") == "CUSTOM",
    }


def _addon_versions(aws: Aws, name: str, version: str) -> list[State]:
    """An add-on's versions for a Kubernetes minor, newest first, and AWS's default."""
    listed = aws.pages("eks", "describe_addon_versions", "addons", addonName=name, kubernetesVersion=version)
    found = []
    for entry in (entry for addon in listed for entry in addon["addonVersions"]):
        fits = [one for one in entry.get("compatibilities") or [] if one.get("clusterVersion") == version]
        if fits:
            found.append({"version": entry["addonVersion"], "default": any(one.get("defaultVersion") for one in fits)})
    return sorted(found, key=lambda entry: numbers(entry["version"]), reverse=True)


def _insight(live: State) -> State:
    return {
        "name": live["name"],
        "status": live["insightStatus"]["status"],
        "reason": live["insightStatus"].get("reason") or "no reason given",
        "kubernetes_version": live.get("kubernetesVersion") or "",
        "recommendation": live.get("recommendation") or "",
        "deprecated": (live.get("categorySpecificSummary") or {}).get("deprecationDetails") or [],
    }


# The cluster


def read_cluster(access: Access, wanted: State, moves: bool) -> State:
    """C(kubernetes) with its contents, or C(unreachable) with the reason. C(moves): its version will change."""
    found = look(access)
    if not found["reachable"]:
        return {"unreachable": found["reason"]}
    try:
        with KubeApi(access.kubectl, access.kubeconfig, access.context) as api:
            return {"kubernetes": {"server_version": found["server_version"], **_inside(api, wanted, moves)}}
    except KubeError as error:
        return {"unreachable": str(error)}


def _inside(api: KubeApi, wanted: State, moves: bool) -> State:
    istio = wanted.get("istio") or {}
    reads: dict[str, Callable[[], object]] = {
        "nodes": lambda: [_node(node) for node in api.find("v1", "Node")],
        "disruption_budgets": lambda: [_budget(budget) for budget in api.find("policy/v1", "PodDisruptionBudget")],
        "controller": lambda: _controller(api),
        "gateway_crds": lambda: _bundle(api),
        "istio": lambda: _istio(api, istio.get("namespace") or "istio-system", istio.get("revision") or "default"),
        "proxies": lambda: [_proxy(pod) for pod in api.find("v1", "Pod", labels=IN_THE_MESH) if not pod["metadata"].get("deletionTimestamp")],
        "deprecated_apis": lambda: deprecated_apis(str(api.request("GET", "/metrics"))) if moves else [],
    }
    return dict(zip(reads, api.map(lambda read: read(), reads.values()), strict=True))


def _node(node: State) -> State:
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions") or [])
    labels = node["metadata"].get("labels") or {}
    return {
        "name": node["metadata"]["name"],
        "version": node["status"]["nodeInfo"]["kubeletVersion"],
        "ready": ready,
        "group": labels.get("eks.amazonaws.com/nodegroup", ""),
    }


def _budget(budget: State) -> State:
    status = budget.get("status") or {}
    return {
        "namespace": budget["metadata"]["namespace"],
        "name": budget["metadata"]["name"],
        "allowed": status.get("disruptionsAllowed", 0),
        "expected": status.get("expectedPods", 0),
        "healthy": status.get("currentHealthy", 0),
        "needed": status.get("desiredHealthy", 0),
    }


def _unready(deployment: State) -> str:
    wanted, status = (deployment.get("spec") or {}).get("replicas", 1), deployment.get("status") or {}
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0) and updated >= wanted and available >= wanted:
        return ""
    return f"{available} of {wanted} pods are available, {updated} of the new version"


def _controller(api: KubeApi) -> State:
    live = api.get("apps/v1", "Deployment", CONTROLLER, "kube-system")
    if live is None:
        return {}
    chart = (live["metadata"].get("labels") or {}).get("helm.sh/chart", "")
    return {"version": chart.removeprefix(f"{CONTROLLER}-"), "unready": _unready(live)}


def _bundle(api: KubeApi) -> State:
    live = gateway_crds.live_bundle(api)
    return {"version": live.version, "channel": live.channel} if live.crds else {}


def _istio(api: KubeApi, namespace: str, revision: str) -> State:
    version = istio_install.running_version(api, namespace, revision)
    if not version:
        return {}
    live = api.get("apps/v1", "Deployment", "istiod" if revision == "default" else f"istiod-{revision}", namespace)
    return {"version": release(version), "unready": _unready(live) if live else "istiod is gone"}


def release(version: str) -> str:
    """The release in an image's tag: 1.31.1 of 1.31.1-distroless. Empty if a tag contains none."""
    found = re.match(r"v?(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)", version)
    return found[1] if found else ""


def _proxy(pod: State) -> State:
    containers = [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]]
    image = next((container["image"] for container in containers if container["name"] == PROXY), "")
    return {
        "namespace": pod["metadata"]["namespace"],
        "pod": pod["metadata"]["name"],
        "version": release(image.partition("@")[0].rpartition(":")[2]),
        "owner": _owner(pod),
    }


def _owner(pod: State) -> str:
    """C(Deployment/NAME) and the like; empty for a pod that nothing would recreate."""
    metadata = pod["metadata"]
    for owner in metadata.get("ownerReferences") or []:
        pod_hash = (metadata.get("labels") or {}).get("pod-template-hash", "")
        if owner["kind"] == "ReplicaSet" and pod_hash and owner["name"].endswith(f"-{pod_hash}"):
            return f"Deployment/{owner['name'].removesuffix(f'-{pod_hash}')}"
        if owner["kind"] in RESTARTABLE:
            return f"{owner['kind']}/{owner['name']}"
    return ""


def deprecated_apis(metrics: str) -> list[State]:
    """The API server itself counts which deprecated APIs were requested since its start."""
    found = []
    for labels in DEPRECATED.findall(metrics):
        said = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        group_version = "/".join(part for part in (said.get("group"), said.get("version")) if part)
        found.append({"resource": said.get("resource", ""), "group_version": group_version, "removed_release": said.get("removed_release", "")})
    return found


def read(aws: Aws, access: Access | None, wanted: State, parts: tuple[str, ...]) -> State:
    """Both, as far as requested. An unreachable API counts as an account without a cluster."""
    cluster = wanted["cluster"]
    try:
        account = read_account(aws, cluster["name"], str(cluster["version"]))
    except Unreachable as error:
        account = {"cluster": {}, "unreachable_account": str(error)}
    if not account["cluster"] or access is None or "kubernetes" not in parts:
        return account
    return {**account, **read_cluster(access, wanted, moves=account["cluster"]["version"] != str(cluster["version"]))}
