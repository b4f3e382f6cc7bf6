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
GROUP = "alb.ingress.kubernetes.io/group.name"
PROTECTION = "deletion_protection.enabled"
ATTRIBUTES = ("alb.ingress.kubernetes.io/load-balancer-attributes", "service.beta.kubernetes.io/aws-load-balancer-attributes")
PATIENCE = 5  # seconds for a controller that is just being restarted
NO_CONTROLLER = (
    "{} cannot go: the AWS Load Balancer Controller, which removes its load balancer and then its finalizer, does not run. Bring it back (role "
    "alb_controller installs it) and run this again, or set force to delete the load balancers through ELBv2 and remove the finalizers"
)
FINALIZERS = ("elbv2.k8s.aws", "ingress.k8s.aws", "service.k8s.aws", "gateway.k8s.aws")


class Stuck(Exception):
    """It does not go by itself; the message says why and what can be done."""


@dataclass
class Frontends:
    """What stands for load balancers in a cluster: ours by label, and everybody else's."""

    ours: list[Manifest] = field(default_factory=list)
    foreign: list[Manifest] = field(default_factory=list)
    bindings: list[Manifest] = field(default_factory=list)


def find(api: KubeApi, cluster: str, namespaces: list[str] | None = None) -> Frontends:
    """With namespaces, what is in others counts as somebody else's: it stays, and so do its load balancers."""
    kinds = (alb_kubernetes.INGRESS, GATEWAY, SERVICE)
    items = [item for found in api.map(lambda kind: api.find(*kind), kinds) for item in found]
    held = [item for item in items if _holds_load_balancer(item)]
    ours = [item for item in items if _label(item) == cluster and (item["kind"] != "Service" or _holds_load_balancer(item))]
    ours = [item for item in ours if namespaces is None or item["metadata"]["namespace"] in namespaces]
    known = {_uid(item) for item in ours}
    return Frontends(ours, [item for item in held if _uid(item) not in known], api.find(*alb_kubernetes.BINDING))


def name_of(item: Manifest) -> str:
    return f"{item['kind']} {item['metadata'].get('namespace')}/{item['metadata']['name']}"


@dataclass
class Told:
    """What a removal may do besides asking the controller."""

    force: bool = False
    disable_deletion_protection: bool = False
    timeout: float = 300
    interval: float = 0.5


def stacks(items: list[Manifest]) -> set[str]:
    """As the controller tags what it makes for them: with the Ingress group's name, or namespace/name."""
    groups = {group for item in items if (group := (item["metadata"].get("annotations") or {}).get(GROUP))}
    return groups | {f"{item['metadata'].get('namespace')}/{item['metadata']['name']}" for item in items}


def protected(elbv2: t.Any, cluster: str, frontends: Frontends | None = None) -> list[dict[str, t.Any]]:
    """Load balancers of ours with deletion protection. The controller would delete one that was protected by hand without a word."""
    return [lb for lb in _balancers(elbv2, cluster, frontends) if alb_elbv2.is_protected(elbv2, lb["LoadBalancerArn"])]


def _balancers(elbv2: t.Any, cluster: str, frontends: Frontends | None) -> list[dict[str, t.Any]]:
    """All of the cluster's, or where somebody else's Ingress keeps some, those that were made for ours."""
    if frontends is None or not frontends.foreign:
        return alb_elbv2.by_tags(elbv2, cluster)
    return [lb for stack in sorted(stacks(frontends.ours)) for lb in alb_elbv2.by_tags(elbv2, cluster, stack)]


def refuse(api: KubeApi, elbv2: t.Any, cluster: str, frontends: Frontends, told: Told) -> None:
    """What would end half-way is refused before it begins."""
    kept = [] if told.disable_deletion_protection else protected(elbv2, cluster, frontends)
    if kept:
        names = ", ".join(lb["LoadBalancerName"] for lb in kept)
        raise Stuck(f"load balancer {names} has deletion protection: nothing was deleted. Set disable_deletion_protection to remove it all the same")
    held = [item for item in frontends.ours if _finalizers(item)]
    if held and not told.force and not _controller_runs(api):
        raise Stuck(NO_CONTROLLER.format(", ".join(map(name_of, held))))


def unprotect(api: KubeApi, elbv2: t.Any, cluster: str, frontends: Frontends) -> None:
    """In the annotations first: the controller refuses to delete what they protect, and would protect it again."""
    for item in frontends.ours:
        annotations = item["metadata"].get("annotations") or {}
        said = {
            key: annotations[key].replace(PROTECTION + "=true", PROTECTION + "=false") for key in ATTRIBUTES if PROTECTION + "=true" in annotations.get(key, "")
        }
        if said:
            report(f"switching off deletion protection in the annotations of {name_of(item)}")
            metadata = item["metadata"]
            api.merge(item["apiVersion"], item["kind"], metadata["name"], metadata.get("namespace"), {"metadata": {"annotations": said}})
    for lb in protected(elbv2, cluster, frontends):
        _unprotect(elbv2, lb["LoadBalancerArn"])


def _unprotect(elbv2: t.Any, arn: str) -> None:
    report(f"switching off deletion protection of {arn}")
    elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": PROTECTION, "Value": "false"}])


def remove(api: KubeApi, elbv2: t.Any, cluster: str, frontends: Frontends, told: Told) -> list[str]:
    """Delete ours, then wait for their finalizers and for ELBv2. Returns whose finalizers had to be removed by us."""
    if told.disable_deletion_protection:
        unprotect(api, elbv2, cluster, frontends)
    for item in frontends.ours:
        api.delete(item["apiVersion"], item["kind"], item["metadata"]["name"], item["metadata"]["namespace"])
    waiting = Waiting(f"load balancers of {cluster}")
    pending, stripped = frontends.ours, list[str]()
    while True:
        pending = [live for live in (_live(api, item) for item in pending) if live]
        left = alb_elbv2.left_of_cluster(elbv2, cluster) if not pending else []
        if not pending and (not left or frontends.foreign):
            return stripped
        waiting.saw(f"{', '.join(map(name_of, pending)) or ', '.join(left)} still there")
        if pending and not _controller_runs(api) and waiting.elapsed > PATIENCE:
            if not told.force:
                raise Stuck(NO_CONTROLLER.format(", ".join(map(name_of, pending))))
            stripped += _without_controller(api, elbv2, cluster, pending, frontends, told)
        if waiting.elapsed > told.timeout:
            raise Stuck(_explain(api, pending, left, told.timeout))
        time.sleep(told.interval)


def delete_in_elbv2(elbv2: t.Any, cluster: str, only: set[str] | None = None, unprotected: bool = False) -> list[str]:
    """Load balancers, then target groups, by the controller's tags; of these stacks only, if any are given."""
    gone = []
    for kind, delete in (("loadbalancer", lambda arn: elbv2.delete_load_balancer(LoadBalancerArn=arn)), ("targetgroup", _group_deleter(elbv2))):
        for arn in alb_elbv2.left_of_cluster(elbv2, cluster, only):
            if f":{kind}/" in arn:
                if unprotected and kind == "loadbalancer" and alb_elbv2.is_protected(elbv2, arn):
                    _unprotect(elbv2, arn)
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


def _without_controller(api: KubeApi, elbv2: t.Any, cluster: str, pending: list[Manifest], frontends: Frontends, told: Told) -> list[str]:
    """Nobody is there to remove the finalizers: do the controller's work for it, its load balancers first."""
    only = stacks(frontends.ours) if frontends.foreign else None
    delete_in_elbv2(elbv2, cluster, only, told.disable_deletion_protection)
    bindings = [binding for binding in api.find(*alb_kubernetes.BINDING) if _label(binding) == cluster or _of(binding, pending)]
    stripped = []
    for item in [*pending, *bindings]:
        metadata = item["metadata"]
        keep = [finalizer for finalizer in metadata.get("finalizers") or [] if finalizer not in _finalizers(item)]
        api.delete(item["apiVersion"], item["kind"], metadata["name"], metadata["namespace"])
        if _live(api, item):
            said = f"{', '.join(_finalizers(item))} of {name_of(item)}"
            report(f"removing the controller's finalizer {said}")
            api.merge(item["apiVersion"], item["kind"], metadata["name"], metadata["namespace"], {"metadata": {"finalizers": keep}})
            stripped.append(said)
    return stripped


def _finalizers(item: Manifest) -> list[str]:
    return [finalizer for finalizer in item["metadata"].get("finalizers") or [] if any(part in finalizer for part in FINALIZERS)]


def _of(binding: Manifest, pending: list[Manifest]) -> bool:
    """A binding that the controller made for one of these."""
    metadata = [item["metadata"] for item in pending]
    groups = {(one.get("annotations") or {}).get(GROUP) for one in metadata}
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
    return bool(_finalizers(item))


def _label(item: Manifest) -> str:
    return (item["metadata"].get("labels") or {}).get(OWNERSHIP, "")


def _uid(item: Manifest) -> str:
    return item["metadata"].get("uid", "")
