# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The kubeconfig of an EKS cluster."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

with suppress(ImportError):  # on the control node, since Ansible itself needs it
    import yaml

from ..common.failure import Refused
from ..kube.access import same_endpoint
from .input_names import Names, variable


def content(cluster: dict[str, Any], region: str, context: str, profile: str = "", role_arn: str = "") -> str:
    """A kubeconfig with one context, whose tokens come from `aws eks get-token`; it contains no secrets."""
    arguments = ["--region", region, "eks", "get-token", "--cluster-name", cluster["name"], "--output", "json"]
    command: dict[str, Any] = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": [*arguments, "--role-arn", role_arn] if role_arn else arguments,
        "interactiveMode": "IfAvailable",
    }
    if profile:
        command["env"] = [{"name": "AWS_PROFILE", "value": profile}]
    user = {"exec": command}
    server = {"server": cluster["endpoint"], "certificate-authority-data": (cluster.get("certificateAuthority") or {}).get("data", "")}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster["arn"], "cluster": server}],
        "users": [{"name": cluster["arn"], "user": user}],
        "contexts": [{"name": context, "context": {"cluster": cluster["arn"], "user": cluster["arn"]}}],
        "current-context": context,
    }
    return yaml.safe_dump(document, sort_keys=False)


def read(path: str) -> str | None:
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"the kubeconfig {path} cannot be read: {error.strerror}") from error


def server_of(text: str, context: str) -> str:
    """The API server of a kubeconfig's context; empty if there is none."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return ""
    if not isinstance(document, dict):
        return ""
    contexts = {entry.get("name"): entry.get("context") or {} for entry in document.get("contexts") or []}
    chosen = contexts.get(context or document.get("current-context"), {})
    for entry in document.get("clusters") or []:
        if entry.get("name") == chosen.get("cluster"):
            return str((entry.get("cluster") or {}).get("server") or "")
    return ""


def view(text: str, context: str) -> dict[str, str]:
    """Our kubeconfig in readable form."""
    try:
        users = (yaml.safe_load(text) or {}).get("users") or []
        command = (users[0].get("user") or {}).get("exec") or {}
    except (yaml.YAMLError, AttributeError, IndexError):
        command = {}
    arguments = command.get("args") or []
    role_arn = arguments[arguments.index("--role-arn") + 1] if "--role-arn" in arguments[:-1] else ""
    profile = next((entry.get("value", "") for entry in command.get("env") or [] if entry.get("name") == "AWS_PROFILE"), "")
    return {"server": server_of(text, context), "context": context, "profile": profile, "role_arn": role_arn}


def refuse_another_cluster(path: str, text: str, context: str, endpoint: str, name: str, names: Names = variable) -> None:
    server = server_of(text, context)
    if not server:
        raise Refused(
            f"{names('kubeconfig')} is {path!r} and has no context {context!r} with a server; accepted: a kubeconfig of EKS cluster {name} at {endpoint}"
        )
    if not same_endpoint(server, endpoint):
        raise Refused(
            f"{names('kubeconfig')} is {path!r}, whose context {context!r} points to another cluster at {server};"
            f" accepted: a kubeconfig of EKS cluster {name} at {endpoint}"
        )


def refuse_to_overwrite(path: str, text: str, name: str, region: str, names: Names = variable) -> None:
    """We never overwrite a file that contains other clusters."""
    try:
        document = yaml.safe_load(text) or {}
        clusters = [str(entry.get("name")) for entry in document.get("clusters") or []]
    except (yaml.YAMLError, AttributeError):
        clusters = ["something other than a kubeconfig"]
    others = [cluster for cluster in clusters if not (f":eks:{region}:" in cluster and cluster.endswith(f":cluster/{name}"))]
    if others:
        raise Refused(
            f"{names('kubeconfig')} is {path!r}, which holds {', '.join(others)} and would be overwritten; accepted: a path of its own for EKS cluster {name},"
            f" or {names('kubeconfig_manage')}: false"
        )
