# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The IAM role of a Kubernetes service account through EKS Pod Identity: what differs, and which calls make it so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError, Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_calls import eventually, gone, with_young_role
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_options import Change, given

PARAMETERS = {"role_arn": "roleArn", "target_role_arn": "targetRoleArn", "disable_session_tags": "disableSessionTags"}


@dataclass
class Plan(Change):
    request: dict[str, Any] = field(default_factory=dict)


def title(namespace: str, service_account: str) -> str:
    return f"Pod Identity association {namespace}/{service_account}"


def view(live: dict[str, Any]) -> dict[str, Any]:
    """What DescribePodIdentityAssociation says, in the words of the module's options."""
    return {
        "role_arn": live.get("roleArn"),
        "target_role_arn": live.get("targetRoleArn") or "",
        "disable_session_tags": bool(live.get("disableSessionTags")),
        "tags": dict(live.get("tags") or {}),
    }


def plan_association(live: dict[str, Any] | None, options: dict[str, Any], purge_tags: bool = True) -> Plan:
    """Compare. Options that were not given (None) are left as they are."""
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
    return aws.find("eks", "describe_pod_identity_association", "association", clusterName=cluster, associationId=found[0]["associationId"])


def apply(aws: Aws, cluster: str, namespace: str, service_account: str, live: dict[str, Any] | None, plan: Plan) -> dict[str, Any]:
    roles = plan.request.get("roleArn")
    where: dict[str, Any] = {"clusterName": cluster}
    if live is None:
        where |= {"namespace": namespace, "serviceAccount": service_account}
        try:
            live = with_young_role(aws, roles, lambda: aws.call("eks", "create_pod_identity_association", **where, **plan.request))["association"]
        except AwsError as error:
            # A create whose answer was lost is found done.
            found = find(aws, cluster, namespace, service_account) if error.code == "ResourceInUseException" else None
            if found is None:
                raise
            live = found
    else:
        plan.apply_tags(aws, live["associationArn"])
        if plan.request:
            where["associationId"] = live["associationId"]
            with_young_role(aws, roles, lambda: aws.call("eks", "update_pod_identity_association", **where, **plan.request))
    where = {"clusterName": cluster, "associationId": live["associationId"]}
    return eventually(aws, lambda: aws.call("eks", "describe_pod_identity_association", **where))["association"]


def remove(aws: Aws, cluster: str, live: dict[str, Any]) -> None:
    if live.get("ownerArn"):
        raise Refused(f"{title(live['namespace'], live['serviceAccount'])} belongs to {live['ownerArn']}; change it there")
    gone(lambda: aws.call("eks", "delete_pod_identity_association", clusterName=cluster, associationId=live["associationId"]))
