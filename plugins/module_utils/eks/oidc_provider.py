# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""IAM's OIDC identity provider of a cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ..aws.client import Aws, tag_list, tags_of
from ..aws.module import Task
from ..common.failure import Refused
from ..common.ownership import OWNER_TAG, REGION_TAG, Owner, with_marks
from .options import Change

URL = re.compile(r"https://[A-Za-z0-9.-]+(/[A-Za-z0-9._~/-]*)?")
THUMBPRINT = re.compile(r"[0-9a-fA-F]{40}")


@dataclass
class Plan(Change):
    clients_to_add: list[str] = field(default_factory=list)
    clients_to_remove: list[str] = field(default_factory=list)
    thumbprints: list[str] | None = None


def path_of(url: str) -> str:
    """The URL as IAM stores it, also the prefix of a trust policy's condition keys: without scheme."""
    return url.removeprefix("https://").rstrip("/")


def problems(url: str, thumbprints: list[str] | None) -> list[str]:
    """What IAM would refuse, each as one sentence."""
    found = []
    if not URL.fullmatch(url) or len(url) > 255:
        said = "an OIDC issuer URL such as https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE, without port and query, of at most 255 characters"
        found.append(f"url is {url!r}; accepted: {said}")
    for thumbprint in thumbprints or []:
        if not THUMBPRINT.fullmatch(thumbprint):
            found.append(f"thumbprints has {thumbprint!r}; accepted: the 40 hexadecimal digits of a certificate's SHA-1")
    if len(thumbprints or []) > 5:
        found.append(f"thumbprints has {len(thumbprints or [])}; accepted: at most 5")
    return found


def find(aws: Aws, url: str) -> dict[str, Any] | None:
    """The provider of this issuer, in terms of the module's options."""
    for provider in aws.call("iam", "list_open_id_connect_providers")["OpenIDConnectProviderList"]:
        if provider["Arn"].partition(":oidc-provider/")[2] == path_of(url):
            return read(aws, provider["Arn"])
    return None


def refuse_anothers(now: dict[str, Any] | None, tags: dict[str, str] | None) -> None:
    """A provider with another cluster's tags is not reassigned to the cluster of these tags."""
    if not now or not tags or OWNER_TAG not in tags:
        return
    owner = Owner(tags[OWNER_TAG], tags.get(REGION_TAG) or now["tags"].get(REGION_TAG, ""))
    if whose := owner.whose(now["tags"]):
        raise Refused(f"OIDC provider {now['arn']} belongs to {whose}, by its tags; remove the tags if that cluster is gone")


def read(aws: Aws, arn: str) -> dict[str, Any]:
    live = aws.call("iam", "get_open_id_connect_provider", OpenIDConnectProviderArn=arn)
    return {
        "arn": arn,
        "url": "https://" + arn.partition(":oidc-provider/")[2],
        "client_ids": sorted(live.get("ClientIDList") or []),
        "thumbprints": sorted(live.get("ThumbprintList") or []),
        "tags": tags_of(live.get("Tags")),
    }


def plan_provider(now: dict[str, Any], client_ids: list[str], thumbprints: list[str] | None, tags: dict[str, str] | None, purge_tags: bool) -> Plan:
    plan = Plan()
    plan.clients_to_add = sorted(set(client_ids) - set(now["client_ids"]))
    plan.clients_to_remove = sorted(set(now["client_ids"]) - set(client_ids))
    if plan.clients_to_add or plan.clients_to_remove:
        plan.before["client_ids"], plan.after["client_ids"] = now["client_ids"], sorted(set(client_ids))
    # IAM trusts EKS's issuers through its own trust store, so thumbprints are compared only if set.
    if thumbprints is not None and sorted(thumbprints) != now["thumbprints"]:
        plan.thumbprints = sorted(thumbprints)
        plan.before["thumbprints"], plan.after["thumbprints"] = now["thumbprints"], plan.thumbprints
    plan.compare_tags(tags, now["tags"], purge_tags)
    return plan


def create(aws: Aws, url: str, client_ids: list[str], thumbprints: list[str] | None, tags: dict[str, str] | None) -> str:
    request: dict[str, Any] = {"Url": url.rstrip("/"), "ClientIDList": client_ids}
    if thumbprints:
        request["ThumbprintList"] = thumbprints
    if tags:
        request["Tags"] = tag_list(tags)

    def found() -> dict[str, Any] | None:
        """Created by a call whose response was lost, if it is exactly what we requested."""
        live = find(aws, url)
        ours = live is not None and live["client_ids"] == sorted(client_ids) and (tags or {}).items() <= live["tags"].items()
        return {"OpenIDConnectProviderArn": live["arn"]} if live is not None and ours else None

    return str(aws.call("iam", "create_open_id_connect_provider", found=found, **request)["OpenIDConnectProviderArn"])


def apply(aws: Aws, arn: str, plan: Plan, wanted_tags: dict[str, str]) -> None:
    # First: an operator may change only what carries the tag.
    if plan.tags_to_set:
        aws.call("iam", "tag_open_id_connect_provider", OpenIDConnectProviderArn=arn, Tags=tag_list(with_marks(plan.tags_to_set, wanted_tags)))
    for client in plan.clients_to_add:
        aws.call("iam", "add_client_id_to_open_id_connect_provider", OpenIDConnectProviderArn=arn, ClientID=client)
    for client in plan.clients_to_remove:
        aws.call("iam", "remove_client_id_from_open_id_connect_provider", OpenIDConnectProviderArn=arn, ClientID=client)
    if plan.thumbprints is not None:
        aws.call("iam", "update_open_id_connect_provider_thumbprint", OpenIDConnectProviderArn=arn, ThumbprintList=plan.thumbprints)
    if plan.tags_to_remove:
        aws.call("iam", "untag_open_id_connect_provider", OpenIDConnectProviderArn=arn, TagKeys=plan.tags_to_remove)


def delete(aws: Aws, arn: str) -> None:
    aws.call("iam", "delete_open_id_connect_provider", OpenIDConnectProviderArn=arn)


# What the module iam_oidc_provider does


def present(module: Task, aws: Aws) -> dict[str, Any]:
    params = module.params
    now = find(aws, params["url"])
    refuse_anothers(now, params["tags"])
    if now is None:
        diff = {"before": {}, "after": {key: params[key] for key in ("url", "client_ids", "thumbprints", "tags") if params[key] is not None}}
        if module.check_mode:
            return {"changed": True, "diff": diff, "arn": "", "provider": {}}
        arn = create(aws, params["url"], params["client_ids"], params["thumbprints"], params["tags"])
        return {"changed": True, "diff": diff, "arn": arn, "provider": read(aws, arn)}
    plan = plan_provider(now, params["client_ids"], params["thumbprints"], params["tags"], params["purge_tags"])
    if plan.changed and not module.check_mode:
        apply(aws, now["arn"], plan, params["tags"] or {})
        now = read(aws, now["arn"])
    return {"changed": plan.changed, "diff": plan.as_diff(), "arn": now["arn"], "provider": now}


def absent(module: Task, aws: Aws) -> dict[str, Any]:
    now = find(aws, module.params["url"])
    if now is None:
        return {"changed": False, "diff": {"before": {}, "after": {}}, "arn": "", "provider": {}}
    if not module.check_mode:
        delete(aws, now["arn"])
    return {"changed": True, "diff": {"before": now, "after": {}}, "arn": "", "provider": {}}
