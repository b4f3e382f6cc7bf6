# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The IAM role of a Kubernetes service account through EKS Pod Identity: what differs, and which calls change it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict

from ..aws.client import Aws, AwsError
from ..aws.module import Task
from ..aws.patience import gone, patiently, while_busy
from ..common.failure import Refused
from . import cluster as eks_cluster
from .calls import with_young_role
from .options import Change, given, refuse_foreign, wanted_tags

PARAMETERS = {"role_arn": "roleArn", "target_role_arn": "targetRoleArn", "disable_session_tags": "disableSessionTags"}


@dataclass
class Plan(Change):
    request: dict[str, Any] = field(default_factory=dict)


def title(namespace: str, service_account: str) -> str:
    return f"Pod Identity association {namespace}/{service_account}"


def view(live: dict[str, Any]) -> dict[str, Any]:
    """The result of DescribePodIdentityAssociation, in terms of the module's options."""
    return {
        "role_arn": live.get("roleArn"),
        "target_role_arn": live.get("targetRoleArn") or "",
        "disable_session_tags": bool(live.get("disableSessionTags")),
        "tags": dict(live.get("tags") or {}),
    }


def plan_association(live: dict[str, Any] | None, options: dict[str, Any], purge_tags: bool = True) -> Plan:
    """Compare. Unset options (None) are left as they are."""
    wanted = given({key: options.get(key) for key in (*PARAMETERS, "tags")})
    name = title(options["namespace"], options["service_account"])
    if live is None:
        if not wanted.get("role_arn"):
            raise Refused(f"{name} does not exist yet: role_arn must be given to create it")
        request = {PARAMETERS[key]: wanted[key] for key in PARAMETERS if wanted.get(key)}
        return Plan(after=wanted, request={**request, "tags": wanted["tags"]} if wanted.get("tags") else request)
    now, plan = view(live), Plan()
    for key, parameter in PARAMETERS.items():
        if key in wanted and plan.differs(key, now[key], wanted[key]):
            plan.request[parameter] = wanted[key]
    plan.compare_tags(wanted.get("tags"), now["tags"], purge_tags)
    if plan.changed and live.get("ownerArn"):
        raise Refused(f"{name} belongs to {live['ownerArn']}; change it there")
    return plan


def find(aws: Aws, cluster: str, namespace: str, service_account: str) -> dict[str, Any] | None:
    """The association of a service account, as EKS describes it."""
    try:
        found = aws.pages("eks", "list_pod_identity_associations", "associations", clusterName=cluster, namespace=namespace, serviceAccount=service_account)
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            return None
        raise
    if not found:
        return None
    described: dict[str, Any] | None = aws.find(
        "eks", "describe_pod_identity_association", "association", clusterName=cluster, associationId=found[0]["associationId"]
    )
    return described


def apply(aws: Aws, cluster: str, namespace: str, service_account: str, live: dict[str, Any] | None, plan: Plan) -> dict[str, Any]:
    roles = plan.request.get("roleArn")
    where: dict[str, Any] = {"clusterName": cluster}

    def change(operation: str) -> dict[str, Any]:
        call = partial(aws.call, "eks", operation, **where, **plan.request)
        return while_busy(title(namespace, service_account), lambda: with_young_role(aws, roles, call))

    if live is None:
        where |= {"namespace": namespace, "serviceAccount": service_account}
        try:
            live = change("create_pod_identity_association")["association"]
        except AwsError as error:
            # A create whose response was lost is found done.
            found = find(aws, cluster, namespace, service_account) if error.code == "ResourceInUseException" else None
            if found is None:
                raise
            live = found
    else:
        plan.apply_tags(aws, live["associationArn"])
        if plan.request:
            where["associationId"] = live["associationId"]
            change("update_pod_identity_association")
    where = {"clusterName": cluster, "associationId": live["associationId"]}
    applied: dict[str, Any] = patiently(lambda: aws.call("eks", "describe_pod_identity_association", **where), aws.sleep)["association"]
    return applied


def remove(aws: Aws, cluster: str, live: dict[str, Any]) -> None:
    if live.get("ownerArn"):
        raise Refused(f"{title(live['namespace'], live['serviceAccount'])} belongs to {live['ownerArn']}; change it there")
    call = partial(aws.call, "eks", "delete_pod_identity_association", clusterName=cluster, associationId=live["associationId"])
    while_busy(f"deletion of {title(live['namespace'], live['serviceAccount'])}", lambda: gone(call))


# What the module eks_pod_identity_association does

OPTIONS = {"role_arn": {"type": "str"}, "target_role_arn": {"type": "str"}, "disable_session_tags": {"type": "bool"}}


def result(live: dict[str, Any] | None) -> dict[str, Any]:
    return {"association": camel_dict_to_snake_dict(live, ignore_list=["tags"]) if live else {}}


def refuse_old_botocore(module: Task, aws: Aws) -> None:
    known = aws.client("eks").meta.service_model.operation_model("CreatePodIdentityAssociation").input_shape.members
    for option in ("target_role_arn", "disable_session_tags"):
        if module.params[option] is not None and PARAMETERS[option] not in known:
            raise Refused(f"{option} needs a newer botocore: the installed one does not know that EKS parameter")


def present(module: Task, aws: Aws) -> dict[str, Any]:
    params = module.params
    cluster, where = params["cluster_name"], (params["cluster_name"], params["namespace"], params["service_account"])
    refuse_old_botocore(module, aws)
    tags, purge_tags = wanted_tags(params)
    live = find(aws, *where)
    refuse_foreign(params, f"{title(*where[1:])} of cluster {cluster}", live)
    if live is None and not module.check_mode and eks_cluster.describe(aws, cluster) is None:
        raise Refused(f"EKS cluster {cluster} does not exist; create it before its {title(*where[1:])}")
    plan = plan_association(live, {**params, "tags": tags}, purge_tags)
    if plan.changed and not module.check_mode:
        live = apply(aws, *where, live, plan)
    return {"changed": plan.changed, "diff": plan.as_diff(), **result(live)}


def absent(module: Task, aws: Aws) -> dict[str, Any]:
    params = module.params
    live = find(aws, params["cluster_name"], params["namespace"], params["service_account"])
    if live is None:
        return {"changed": False, "diff": {"before": {}, "after": {}}, "association": {}}
    refuse_foreign(params, f"{title(params['namespace'], params['service_account'])} of cluster {params['cluster_name']}", live)
    diff = {"before": view(live), "after": {}}
    if module.check_mode:
        return {"changed": True, "diff": diff, **result(live)}
    remove(aws, params["cluster_name"], live)
    return {"changed": True, "diff": diff, "association": {}}
