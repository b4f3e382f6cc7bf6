# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Removing what makes the controller keep load balancers, while the controller is still there to remove these."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field

from ansible_collections.meshgate.eks_istio.plugins.module_utils import alb_elbv2, alb_kubernetes
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi
from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import Waiting, report
from ansible_collections.meshgate.eks_istio.plugins.module_utils.server_side_apply import Manifest

OWNERSHIP = "meshgate.io/cluster"
SERVICE = ("v1", "Service")
GATEWAY = ("gateway.networking.k8s.io/v1", "Gateway")
FINALIZERS = ("elbv2.k8s.aws", "ingress.k8s.aws", "service.k8s.aws", "gateway.k8s.aws")


class Stuck(Exception):
    """It does not go by itself; the message says why and what can be done."""


@dataclass
class Frontends:
    """What stands for load balancers in a cluster: ours by label, and everybody else's."""

    ours: list[Manifest] = field(default_factory=list)
    foreign: list[Manifest] = field(default_factory=list)
    bindings: list[Manifest] = field(default_factory=list)


def find(api: KubeApi, cluster: str) -> Frontends:
    kinds = (alb_kubernetes.INGRESS, GATEWAY, SERVICE)
    items = [item for found in api.map(lambda kind: api.find(*kind), kinds) for item in found]
    held = [item for item in items if _holds_load_balancer(item)]
    ours = [item for item in items if _label(item) == cluster and (item["kind"] != "Service" or _holds_load_balancer(item))]
    known = {_uid(item) for item in ours}
    return Frontends(ours, [item for item in held if _uid(item) not in known], api.find(*alb_kubernetes.BINDING))


def name_of(item: Manifest) -> str:
    return f"{item['kind']} {item['metadata'].get('namespace')}/{item['metadata']['name']}"


def remove(api: KubeApi, elbv2: t.Any, cluster: str, frontends: Frontends, force: bool, timeout: float, interval: float = 0.5) -> None:
    """Delete ours, then wait for their finalizers and for ELBv2."""
    for item in frontends.ours:
        api.delete(item["apiVersion"], item["kind"], item["metadata"]["name"], item["metadata"]["namespace"])
    waiting = Waiting(f"load balancers of {cluster}")
    pending = frontends.ours
    while True:
        pending = [live for live in (_live(api, item) for item in pending) if live]
        left = alb_elbv2.left_of_cluster(elbv2, cluster) if not pending else []
        if not pending and (not left or frontends.foreign):
            return
        waiting.saw(f"{', '.join(map(name_of, pending)) or ', '.join(left)} still there")
        if pending and not _controller_runs(api) and waiting.elapsed > 5:
            pending = _without_controller(api, elbv2, cluster, pending, force)
        if waiting.elapsed > timeout:
            raise Stuck(_explain(api, pending, left, timeout))
        time.sleep(interval)


def delete_in_elbv2(elbv2: t.Any, cluster: str) -> list[str]:
    """Load balancers, then target groups, by the controller's tag."""
    gone = []
    for kind, delete in (("loadbalancer", lambda arn: elbv2.delete_load_balancer(LoadBalancerArn=arn)), ("targetgroup", _group_deleter(elbv2))):
        for arn in alb_elbv2.left_of_cluster(elbv2, cluster):
            if f":{kind}/" in arn:
                report(f"deleting {arn} through ELBv2")
                delete(arn)
                gone.append(arn)
    return gone


def _group_deleter(elbv2: t.Any) -> t.Callable[[str], None]:
    def delete(arn: str) -> None:
        deadline = time.monotonic() + 60
        while True:  # a load balancer that is being deleted keeps its target groups in use for a moment
            try:
                elbv2.delete_target_group(TargetGroupArn=arn)
                return
            except elbv2.exceptions.ResourceInUseException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(2)

    return delete


def _without_controller(api: KubeApi, elbv2: t.Any, cluster: str, pending: list[Manifest], force: bool) -> list[Manifest]:
    """Nobody is there to remove the finalizers: say so, or, when told, do the controller's work for it."""
    if not force:
        raise Stuck(
            f"{', '.join(map(name_of, pending))} cannot go: the AWS Load Balancer Controller, which removes its load balancer and then its finalizer, "
            "does not run. Bring the controller back and run this again, or set force to delete the load balancers through ELBv2 and "
            "remove the finalizers"
        )
    delete_in_elbv2(elbv2, cluster)
    bindings = [binding for binding in api.find(*alb_kubernetes.BINDING) if _label(binding) == cluster or _of(binding, pending)]
    for item in [*pending, *bindings]:
        metadata = item["metadata"]
        keep = [finalizer for finalizer in metadata.get("finalizers") or [] if not any(part in finalizer for part in FINALIZERS)]
        report(f"removing the controller's finalizer from {name_of(item)}")
        api.delete(item["apiVersion"], item["kind"], metadata["name"], metadata["namespace"])
        if _live(api, item):
            api.merge(item["apiVersion"], item["kind"], metadata["name"], metadata["namespace"], {"metadata": {"finalizers": keep}})
    return pending


def _of(binding: Manifest, pending: list[Manifest]) -> bool:
    """A binding that the controller made for one of these."""
    metadata = [item["metadata"] for item in pending]
    groups = {(one.get("annotations") or {}).get("alb.ingress.kubernetes.io/group.name") for one in metadata}
    names = groups | {one["name"] for one in metadata}
    labels = binding["metadata"].get("labels") or {}
    return bool({labels.get("ingress.k8s.aws/stack-name"), labels.get("ingress.k8s.aws/stack"), labels.get("service.k8s.aws/stack-name")} & (names - {None}))


def _explain(api: KubeApi, pending: list[Manifest], left: list[str], timeout: float) -> str:
    lines = [f"{name_of(item)} still has {', '.join(item['metadata'].get('finalizers') or ['no finalizer'])}" for item in pending]
    lines += [f"ELBv2 still has {arn}" for arn in left]
    for item in pending[:1]:
        lines += alb_kubernetes.causes(api, item["kind"], item["metadata"]["name"], item["metadata"]["namespace"])
    if not pending:
        lines += alb_kubernetes.controller_causes(api)
    return f"not gone after {timeout:.0f} s:" + "".join(f"\n  {line}" for line in lines)


def _controller_runs(api: KubeApi) -> bool:
    return any(not pod["metadata"].get("deletionTimestamp") for pod in api.find("v1", "Pod", None, labels=alb_kubernetes.CONTROLLER))


def _live(api: KubeApi, item: Manifest) -> Manifest | None:
    live = api.get(item["apiVersion"], item["kind"], item["metadata"]["name"], item["metadata"]["namespace"])
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], **live} if live and _uid(live) == _uid(item) else None


def _holds_load_balancer(item: Manifest) -> bool:
    if item["kind"] == "Service":
        return (item.get("spec") or {}).get("type") == "LoadBalancer"
    return any(any(part in finalizer for part in FINALIZERS) for finalizer in item["metadata"].get("finalizers") or [])


def _label(item: Manifest) -> str:
    return (item["metadata"].get("labels") or {}).get(OWNERSHIP, "")


def _uid(item: Manifest) -> str:
    return item["metadata"].get("uid", "")
