# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""IAM roles of apps through EKS Pod Identity: which associations are wanted, which of ours are not any more, and what a cluster lacks for them."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator

from ..common.ownership import cluster_of
from .names import Entry
from .said import said

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: a name's characters; an ARN's may have a path.
AWS_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+|[A-Za-z0-9_+=,.@-]{1,64}")
AGENT = "eks-pod-identity-agent"


def aws_roles(apps: t.Sequence[Entry], cluster: Entry, owner: t.Mapping[str, str]) -> dict[str, t.Any]:
    """`cluster`: as EKS describes it, with add-ons and associations; empty where there is none. `owner`: the tags of the set's associations."""
    having = [app for app in apps if app.get("aws_role")]
    problems = list(_problems(having, cluster, owner))
    wanted = [] if problems else [_association(app, cluster) for app in having]
    return {"problems": problems, "wanted": wanted, "surplus": _surplus(wanted, cluster, owner)}


def _association(app: Entry, cluster: Entry) -> dict[str, str]:
    """A role without an account is of the cluster's, whose ARN begins with partition and account."""
    partition, account = (cluster["arn"].split(":")[place] for place in (1, 4))
    role = app["aws_role"] if ":" in app["aws_role"] else f"arn:{partition}:iam::{account}:role/{app['aws_role']}"
    return {"namespace": app["namespace"], "service_account": app["name"], "role_arn": role}


def _problems(having: t.Sequence[Entry], cluster: Entry, owner: t.Mapping[str, str]) -> Iterator[str]:
    agents = [addon for addon in cluster.get("addons") or [] if addon["addon_name"] == AGENT]
    for app in having:
        where = f"mesh_apps: app {app['name']}: aws_role"
        if not cluster:
            yield said(where, app["aws_role"], f"none, since EKS has no cluster {cluster_of(owner)}, whose Pod Identity would give the role to pods")
        elif not agents and not (cluster.get("compute_config") or {}).get("enabled"):  # nodes of Auto Mode have the agent built in
            yield said(where, app["aws_role"], f"none while cluster {cluster['name']} lacks the add-on {AGENT}, which gives the role to pods")


def _carries(tags: t.Mapping[str, str], owner: t.Mapping[str, str]) -> bool:
    return all(tags.get(key) == value for key, value in owner.items())


def _surplus(wanted: t.Sequence[Entry], cluster: Entry, owner: t.Mapping[str, str]) -> list[dict[str, str]]:
    kept = {(one["namespace"], one["service_account"]) for one in wanted}
    ours = [one for one in cluster.get("pod_identity_associations") or [] if _carries(one.get("tags") or {}, owner)]
    places = [{"namespace": one["namespace"], "service_account": one["service_account"]} for one in ours]
    return [place for place in places if (place["namespace"], place["service_account"]) not in kept]
