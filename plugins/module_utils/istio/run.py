# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""From istioctl_install's options to an installation or a removal, and the module's result."""

from __future__ import annotations

import typing as t

from ..kube.access import Access
from ..kube.api import KubeApi, KubeError
from ..kube.diff import diffs
from . import install as istio_install
from . import operator as istio_operator
from . import uninstall as istio_uninstall
from .istioctl import Istioctl, IstioError


def act(api: KubeApi, access: Access, params: dict[str, t.Any], check_mode: bool, with_diff: bool) -> dict[str, t.Any]:
    istioctl = Istioctl(params["istioctl"], access.kubeconfig, access.context, params["istio_namespace"])
    return (present if params["state"] == "present" else absent)(istioctl, api, params, check_mode, with_diff)


def present(istioctl: Istioctl, api: KubeApi, params: dict[str, t.Any], check_mode: bool, with_diff: bool) -> dict[str, t.Any]:
    merged: dict[str, t.Any] = {}
    for spec in [*(document.get("spec") or {} for document in istio_install.operator_files(params["files"])), params["spec"]]:
        merged = istio_operator.deep_merge(merged, spec)
    wrong = istio_operator.problems(merged, params["revision"])
    if wrong:
        raise IstioError("; ".join(wrong))
    request = istio_install.Request(
        spec=params["spec"],
        values=params["values"],
        files=params["files"],
        name=params["name"],
        revision=params["revision"] or merged.get("revision") or "",
        version=params["version"],
        namespace=params["istio_namespace"],
        prerequisites=params["prerequisites"],
        readiness_gates=params["readiness_gates"],
        known_target_groups=params["known_target_groups"],
        readiness_timeout=params["readiness_timeout"],
        force=params["force"],
        labels=params["labels"],
        adopt=params["adopt"],
    )
    result = istio_install.Install(request, istioctl, api).run(check_mode)
    return {
        "changed": result.changed,
        "warnings": result.warnings,
        "resources": result.resources(),
        "version_before": result.version_before,
        "version_after": result.version_after,
        "components": result.components,
        "command": result.command,
        "stdout": result.stdout,
        "stderr": result.stderr,
        **({"diff": diffs(result.changes)} if with_diff else {}),
    }


def absent(istioctl: Istioctl, api: KubeApi, params: dict[str, t.Any], check_mode: bool, with_diff: bool) -> dict[str, t.Any]:
    removal = istio_uninstall.Removal(
        namespace=params["istio_namespace"],
        name=params["name"],
        revision=params["revision"],
        purge=params["purge"],
        remove_crds=params["remove_crds"],
        prerequisites=params["prerequisites"],
        grace=params["grace_period"],
        timeout=params["readiness_timeout"],
        force=params["force"],
        wait=params["wait"],
        labels=params["labels"],
        adopt=params["adopt"],
        tags_to=params["tags_to"],
        remove_used=params["remove_used"],
    )
    result = istio_uninstall.run(removal, istioctl, api, check_mode)
    return {
        "changed": result.changed,
        "warnings": result.warnings,
        "resources": [change.summary() for change in result.changes],
        "version_before": result.version_before,
        "version_after": "",
        "stays": result.stays,
        "command": (result.commands or [[]])[-1],
        "stdout": result.stdout,
        "stderr": result.stderr,
        **({"diff": diffs(result.changes)} if with_diff else {}),
    }


def contradicts(params: dict[str, t.Any]) -> str:
    """Options that would be ignored together with others."""
    if params["remove_crds"] and not params["purge"]:
        return "remove_crds is true and purge is false: all revisions share the CRDs, so only a purge removes them"
    if params["state"] == "present":
        wrong = [name for name in ("purge", "tags_to", "remove_used") if params[name]]
        return f"{', '.join(wrong)} is for removal; accepted only with state: absent" if wrong else ""
    wrong = [name for name, default in (("name", "installed-state"), ("revision", ""), ("tags_to", "")) if params[name] != default]
    return f"purge is true, which removes all of Istio, and {', '.join(wrong)} names a part of it; accepted: one of them" if params["purge"] and wrong else ""


def unreachable(params: dict[str, t.Any], error: KubeError) -> dict[str, t.Any]:
    """Check mode before there is a cluster."""
    nothing = {"resources": [], "version_before": "", "version_after": "", "command": [], "stdout": "", "stderr": ""}
    return {"changed": params["state"] == "present", "msg": f"would be installed once the cluster exists: {error}", **nothing}
