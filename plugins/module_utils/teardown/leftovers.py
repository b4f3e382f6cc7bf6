# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the modules aws_leftovers_info and aws_leftovers do: report what is left of a cluster, and remove it."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws, AwsError, Unreachable
from ..aws.module import Task
from ..common.failure import Refused
from . import data, guard, iam
from . import remove as removal
from . import search as searching
from .found import Found, Look
from .iam import Place

PASSES = 3
NOBODY: dict[str, Any] = {"reachable": False, "account_id": "", "partition": "", "foreign": [], "kept": []}
NOTHING_LEFT: dict[str, Any] = {**NOBODY, "leftovers": [], "strangers": [], "in_the_way": [], "cluster": {}}
NOTHING_REMOVED: dict[str, Any] = {**NOBODY, "removed": []}


def look(module: Task, aws: Aws) -> dict[str, Any]:
    params = module.params
    name, caller = params["cluster_name"], aws.call("sts", "get_caller_identity")

    def stays(entry: Found) -> bool:
        return data.stays(entry, params)

    if params["wait_timeout"]:
        found = searching.search_until_none(aws, name, params["wait_timeout"], params["wait_delay"], Place.of(params), stays=stays)
    else:
        found = searching.search(aws, name, Place.of(params))
    others = guard.strangers(aws, name, found)
    for note in found.notes:
        module.warn(note)
    return {
        **who(caller),
        "leftovers": [entry.result() for entry in found.ours if not stays(entry)],
        "kept": [entry.result() for entry in found.ours if stays(entry)],
        "foreign": [entry.result() for entry in found.foreign],
        "strangers": [entry.result() for entry in others],
        "in_the_way": guard.in_the_way(found, others, params),
        "cluster": cluster_of(found.ours),
    }


def remove(module: Task, aws: Aws) -> dict[str, Any]:
    params = module.params
    name = params["cluster_name"]
    try:
        caller = aws.call("sts", "get_caller_identity")
    except Unreachable:
        # Only before the first response: an API that stops answering in the middle of a removal is not an empty account.
        if not params["unreachable_is_empty"]:
            raise
        return NOTHING_REMOVED
    found = searching.search(aws, name, Place.of(params))
    refuse(aws, params, found)
    kept = [entry for entry in found.ours if data.stays(entry, params)]
    chosen = removal.removable(found, params)
    # Even if we cannot remove any of it: leftovers are a failure in every run, not only in the first one.
    if not module.check_mode and len(kept) < len(found.ours):
        chosen = remove_all(aws, params, found, chosen)
    for note in found.notes:
        module.warn(note)
    return {
        **who(caller),
        "changed": bool(chosen),
        "removed": [entry.result() for entry in chosen],
        "kept": [entry.result() for entry in kept],
        "foreign": [entry.result() for entry in found.foreign],
        "diff": {"before": [str(entry) for entry in chosen], "after": []},
    }


def who(caller: dict[str, Any]) -> dict[str, Any]:
    return {"reachable": True, "account_id": caller["Account"], "partition": caller["Arn"].split(":")[1]}


def cluster_of(found: list[Found]) -> dict[str, Any]:
    cluster = next((entry.raw for entry in found if entry.type == "EKS cluster"), None)
    if cluster is None:
        return {}
    return {"status": cluster["status"], "endpoint": cluster.get("endpoint", ""), "vpc_id": (cluster.get("resourcesVpcConfig") or {}).get("vpcId", "")}


def refuse(aws: Aws, params: dict[str, Any], found: Look) -> None:
    """Nothing is removed while something blocks it."""
    name = params["cluster_name"]
    reasons = guard.in_the_way(found, guard.strangers(aws, name, found), params)
    if reasons:
        raise Refused("nothing was removed, because of: " + "; ".join(reasons))
    if any(entry.type == "EKS cluster" for entry in found.ours) and not params["include_cluster"]:
        raise Refused(f"EKS cluster {name} still exists; delete it first, or set include_cluster")


def remove_all(aws: Aws, params: dict[str, Any], look: Look, chosen: list[Found]) -> list[Found]:
    """Until a search finds nothing: EKS writes a last log line, or releases a security group, after it has reported completion."""
    name, waits, removed, place = params["cluster_name"], (params["wait_timeout"], params["wait_delay"]), list(chosen), Place.of(params)
    removal.mark(aws, name, look)
    iam.mark(aws, searching.owner_of(aws, name), look.ours)
    left: list[Found] = []
    for _pass in range(PASSES):
        removal.remove(aws, name, look, chosen, *waits)
        look = searching.search(aws, name, place, look.proof)
        left = [entry for entry in look.ours if not data.stays(entry, params)]
        chosen = removal.removable(look, params)
        known = {(entry.type, entry.id) for entry in removed}
        removed += [entry for entry in chosen if (entry.type, entry.id) not in known]
        if not chosen:
            break
    if left:
        # What we cannot remove disappears by itself, or needs attention.
        patience = (min(waits[0], 300), waits[1])
        look = searching.search_until_none(aws, name, *patience, place, look.proof, lambda entry: data.stays(entry, params))
        left = [entry for entry in look.ours if not data.stays(entry, params)]
    if left:
        raise AwsError(f"left of {name}: " + ", ".join(f"{entry} ({entry.reason})" for entry in left), "Left")
    return removed
