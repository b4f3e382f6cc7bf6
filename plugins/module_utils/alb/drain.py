# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Removing the objects for which the controller keeps load balancers, while it still runs and can delete these."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field

from ..aws import elbv2 as alb_elbv2
from ..aws.client import Aws
from ..aws.patience import is_held, patiently
from ..common.failure import Failure
from ..common.ownership import OWNER_LABEL, OWNER_TAG
from ..common.progress import Waiting, report
from ..kube.api import KubeApi
from ..kube.module import api_of
from ..kube.objects import Manifest, title
from . import ingress as alb_kubernetes

SERVICE = ("v1", "Service")
GATEWAY = ("gateway.networking.k8s.io/v1", "Gateway")
GROUP = "alb.ingress.kubernetes.io/group.name"
PROTECTION = "deletion_protection.enabled"
ATTRIBUTES = ("alb.ingress.kubernetes.io/load-balancer-attributes", "service.beta.kubernetes.io/aws-load-balancer-attributes")
PATIENCE = 5  # seconds for a controller that is just being restarted
NO_CONTROLLER = (
    "{} cannot be deleted: the AWS Load Balancer Controller, which deletes its load balancer and then its finalizer, is not running. Restore it (role "
    "alb_controller installs it) and run this again, or set force to delete the load balancers through ELBv2 and remove the finalizers"
)
FINALIZERS = ("elbv2.k8s.aws", "ingress.k8s.aws", "service.k8s.aws", "gateway.k8s.aws")


class Stuck(Failure):
    """The removal is blocked; the message says why and what can be done."""


@dataclass
class Frontends:
    """The objects that represent load balancers in a cluster: ours by label, and all others."""

    ours: list[Manifest] = field(default_factory=list)
    foreign: list[Manifest] = field(default_factory=list)
    bindings: list[Manifest] = field(default_factory=list)


def find(api: KubeApi, cluster: str, namespaces: list[str] | None = None) -> Frontends:
    """With namespaces, objects elsewhere count as not ours: they stay, and so do their load balancers."""
    kinds = (alb_kubernetes.INGRESS, GATEWAY, SERVICE)
    items = [item for found in api.map(lambda kind: api.find(*kind), kinds) for item in found]
    held = [item for item in items if _holds_load_balancer(item)]
    ours = [item for item in items if _label(item) == cluster and (item["kind"] != "Service" or _holds_load_balancer(item))]
    ours = [item for item in ours if namespaces is None or item["metadata"]["namespace"] in namespaces]
    known = {_uid(item) for item in ours}
    return Frontends(ours, [item for item in held if _uid(item) not in known], api.find(*alb_kubernetes.BINDING))


def homes(aws: Aws, cluster: str) -> set[str]:
    """Where the controller's tag, which contains only a cluster's name, is proof of ownership: in the VPC of the cluster, and in those that carry our tag."""
    live = aws.find("eks", "describe_cluster", "cluster", name=cluster) or {}
    marked = aws.pages("ec2", "describe_vpcs", "Vpcs", Filters=[{"Name": f"tag:{OWNER_TAG}", "Values": [cluster]}])
    home = str((live.get("resourcesVpcConfig") or {}).get("vpcId") or "")
    return {str(vpc["VpcId"]) for vpc in marked} | ({home} if home else set())


@dataclass
class Told:
    """What a removal may do besides using the controller."""

    force: bool = False
    disable_deletion_protection: bool = False
    timeout: float = 300
    interval: float = 0.5


def stacks(items: list[Manifest]) -> set[str]:
    """The controller's tag for their resources: the Ingress group's name, or namespace/name."""
    groups = {group for item in items if (group := (item["metadata"].get("annotations") or {}).get(GROUP))}
    return groups | {f"{item['metadata'].get('namespace')}/{item['metadata']['name']}" for item in items}


def protected(elbv2: t.Any, cluster: str, frontends: Frontends | None = None) -> list[dict[str, t.Any]]:
    """Load balancers of ours with deletion protection. The controller would silently delete one that was protected by hand."""
    return [lb for lb in _balancers(elbv2, cluster, frontends) if alb_elbv2.is_protected(elbv2, lb["LoadBalancerArn"])]


def _balancers(elbv2: t.Any, cluster: str, frontends: Frontends | None) -> list[dict[str, t.Any]]:
    """All of the cluster's, or, if an Ingress that is not ours keeps some, those that were created for ours."""
    if frontends is None or not frontends.foreign:
        return alb_elbv2.by_tags(elbv2, cluster)
    return [lb for stack in sorted(stacks(frontends.ours)) for lb in alb_elbv2.by_tags(elbv2, cluster, stack)]


def refuse(api: KubeApi, elbv2: t.Any, cluster: str, frontends: Frontends, told: Told) -> None:
    """A removal that could not finish is refused before it starts."""
    kept = [] if told.disable_deletion_protection else protected(elbv2, cluster, frontends)
    if kept:
        names = ", ".join(lb["LoadBalancerName"] for lb in kept)
        raise Stuck(f"load balancer {names} has deletion protection: nothing was deleted. Set disable_deletion_protection to remove it anyway")
    held = [item for item in frontends.ours if _finalizers(item)]
    if held and not told.force and not _controller_runs(api):
        raise Stuck(NO_CONTROLLER.format(", ".join(map(title, held))))


def unprotect(api: KubeApi, elbv2: t.Any, cluster: str, frontends: Frontends) -> None:
    """In the annotations first: the controller refuses to delete what they protect, and would protect it again."""
    for item in frontends.ours:
        annotations = item["metadata"].get("annotations") or {}
        said = {
            key: annotations[key].replace(PROTECTION + "=true", PROTECTION + "=false") for key in ATTRIBUTES if PROTECTION + "=true" in annotations.get(key, "")
        }
        if said:
            report(f"switching off deletion protection in the annotations of {title(item)}")
            metadata = item["metadata"]
            api.merge(item["apiVersion"], item["kind"], metadata["name"], metadata.get("namespace"), {"metadata": {"annotations": said}})
    for lb in protected(elbv2, cluster, frontends):
        _unprotect(elbv2, lb["LoadBalancerArn"])


def _unprotect(elbv2: t.Any, arn: str) -> None:
    report(f"switching off deletion protection of {arn}")
    elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": PROTECTION, "Value": "false"}])


def remove(api: KubeApi, elbv2: t.Any, cluster: str, frontends: Frontends, told: Told) -> list[str]:
    """Delete ours, then wait for their finalizers and for ELBv2. Returns the objects whose finalizers we had to remove."""
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
        waiting.saw(f"{', '.join(map(title, pending)) or ', '.join(left)} still there")
        if pending and not _controller_runs(api) and waiting.elapsed > PATIENCE:
            if not told.force:
                raise Stuck(NO_CONTROLLER.format(", ".join(map(title, pending))))
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
        # A load balancer that is being deleted keeps its target groups in use for a moment.
        patiently(lambda: elbv2.delete_target_group(TargetGroupArn=arn), passes=lambda error: is_held(error, "target group"))

    return delete


def _without_controller(api: KubeApi, elbv2: t.Any, cluster: str, pending: list[Manifest], frontends: Frontends, told: Told) -> list[str]:
    """No controller runs that could remove the finalizers: do its work for it, its load balancers first."""
    only = stacks(frontends.ours) if frontends.foreign else None
    delete_in_elbv2(elbv2, cluster, only, told.disable_deletion_protection)
    bindings = [binding for binding in api.find(*alb_kubernetes.BINDING) if _label(binding) == cluster or _of(binding, pending)]
    stripped = []
    for item in [*pending, *bindings]:
        metadata = item["metadata"]
        keep = [finalizer for finalizer in metadata.get("finalizers") or [] if finalizer not in _finalizers(item)]
        api.delete(item["apiVersion"], item["kind"], metadata["name"], metadata["namespace"])
        if _live(api, item):
            said = f"{', '.join(_finalizers(item))} of {title(item)}"
            report(f"removing the controller's finalizer {said}")
            api.merge(item["apiVersion"], item["kind"], metadata["name"], metadata["namespace"], {"metadata": {"finalizers": keep}})
            stripped.append(said)
    return stripped


def _finalizers(item: Manifest) -> list[str]:
    return [finalizer for finalizer in item["metadata"].get("finalizers") or [] if any(part in finalizer for part in FINALIZERS)]


def _of(binding: Manifest, pending: list[Manifest]) -> bool:
    """A binding that the controller created for one of these."""
    metadata = [item["metadata"] for item in pending]
    groups = {(one.get("annotations") or {}).get(GROUP) for one in metadata}
    names = groups | {one["name"] for one in metadata}
    labels = binding["metadata"].get("labels") or {}
    return bool({labels.get("ingress.k8s.aws/stack-name"), labels.get("ingress.k8s.aws/stack"), labels.get("service.k8s.aws/stack-name")} & (names - {None}))


def _explain(api: KubeApi, pending: list[Manifest], left: list[str], timeout: float) -> str:
    lines = [f"{title(item)} still has {', '.join(item['metadata'].get('finalizers') or ['no finalizer'])}" for item in pending]
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
    return str((item["metadata"].get("labels") or {}).get(OWNER_LABEL, ""))


def _uid(item: Manifest) -> str:
    return str(item["metadata"].get("uid", ""))


# What the module alb_drain does


def manage(module: t.Any, aws: Aws) -> dict[str, t.Any]:
    elbv2 = alb_elbv2.InVpcs(aws.retrying_client("elbv2"), homes(aws, module.params["cluster_name"]))
    result = (without_cluster if module.params["without_cluster"] else drain)(module, elbv2)
    removed = result["removed"]
    return {"changed": bool(removed), "diff": {"before": "".join(f"{name}\n" for name in removed), "after": ""}, **result}


def drain(module: t.Any, elbv2: t.Any) -> dict[str, t.Any]:
    params = module.params
    cluster = params["cluster_name"]
    told = Told(params["force"], params["disable_deletion_protection"], params["wait_timeout"])
    with api_of(module) as api:
        frontends = find(api, cluster, params["namespaces"])
        refuse(api, elbv2, cluster, frontends, told)
        removed = [title(item) for item in frontends.ours]
        orphans = [] if frontends.ours or frontends.foreign else alb_elbv2.left_of_cluster(elbv2, cluster)
        stripped: list[str] = []
        if (removed or orphans) and not module.check_mode:
            if orphans and told.force:
                delete_in_elbv2(elbv2, cluster, unprotected=told.disable_deletion_protection)
            stripped = remove(api, elbv2, cluster, frontends, told)
        return {"removed": removed + orphans, "foreign": [title(item) for item in frontends.foreign], "finalizers_removed": stripped}


def without_cluster(module: t.Any, elbv2: t.Any) -> dict[str, t.Any]:
    params = module.params
    cluster, unprotected = params["cluster_name"], params["disable_deletion_protection"]
    kept = [] if unprotected else [lb["LoadBalancerName"] for lb in protected(elbv2, cluster)]
    if kept:
        raise Stuck(f"load balancer {', '.join(kept)} has deletion protection: nothing was deleted. Set disable_deletion_protection")
    removed = alb_elbv2.left_of_cluster(elbv2, cluster)
    if not module.check_mode:
        delete_in_elbv2(elbv2, cluster, unprotected=unprotected)
    return {"removed": removed, "foreign": [], "finalizers_removed": []}
