# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Installing and removing a Helm release, with what Helm does not handle: CRDs, readiness, finalizers."""

from __future__ import annotations

import os
import tempfile
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..common.failure import Refused
from ..common.progress import report
from . import crds as definitions
from . import ready as kube_ready
from .access import Access
from .api import KubeApi, KubeError
from .apply import Change, apply, changed, delete, plan, plan_delete
from .diff import diffs
from .helm import Helm, HelmError, Release, carries, dropped, reasons, same_record, unimportable, with_namespace
from .objects import Manifest, identity, labels_of, title
from .reading import live_objects

with suppress(ImportError):  # see safe_yaml
    import yaml

CRD_MANAGER = "meshgate"


def look(api: KubeApi, helm: Helm, labels: dict[str, str]) -> tuple[Release | None, list[Manifest], list[Manifest], list[Change], list[Change]]:
    """Helm's record, the chart's CRDs, its other objects, and what applying both would change."""
    version = api.request("GET", "/version")["gitVersion"]
    groups = api.request("GET", "/apis")["groups"]
    api_versions = ["v1", *(v["groupVersion"] for group in groups for v in group["versions"])]
    questions: list[t.Callable[[], t.Any]] = [lambda: helm.release(api), helm.crds, lambda: helm.render(version, api_versions)]
    release, crds, rendered = api.map(lambda question: question(), questions)
    rendered = with_namespace(api, rendered, helm.namespace)
    recorded = with_namespace(api, release.manifests, helm.namespace) if release and not release.gone else []
    left = live_ones(api, [item for item in recorded if identity(item) not in {identity(one) for one in rendered}])
    changes = plan(api, rendered, "helm") + dropped(left, rendered)
    live = definitions.live_crds(api, [crd["metadata"]["name"] for crd in crds])
    crds = definitions.labelled(crds, live, labels, CRD_MANAGER)
    return release, crds, rendered, definitions.plan_crds(api, crds, CRD_MANAGER, live), changes


@contextmanager
def explained(why: t.Callable[[], list[str]]) -> Iterator[None]:
    """Helm waits for hooks and deletions, and reports only a timeout."""
    try:
        yield
    except HelmError as error:
        error.details["causes"] = kube_ready.told(why)
        raise


def install_causes(api: KubeApi, helm: Helm, rendered: list[Manifest]) -> list[str]:
    release = helm.release(api)
    jobs = kube_ready.job_causes(api, helm.namespace, release.waiting_jobs) if release else []
    # What was never created does not run either, which explains nothing.
    return jobs + kube_ready.causes(api, live_ones(api, rendered))


def with_live_metadata(api: KubeApi, items: list[Manifest]) -> list[Manifest]:
    """The existing ones of these objects, with their live metadata."""
    return [{**item, "metadata": live["metadata"]} for item, live in zip(items, live_objects(api, items), strict=True) if live]


def live_ones(api: KubeApi, recorded: list[Manifest]) -> list[Manifest]:
    """Recorded objects that still exist."""
    return [item for item, live in zip(recorded, live_objects(api, recorded), strict=True) if live]


def refuse_unimportable(api: KubeApi, helm: Helm, release: Release | None, rendered: list[Manifest]) -> None:
    """Objects with the chart's names that no release created: Helm refuses them in the middle of its run, after it has recorded a failed release."""
    recorded = {identity(item) for item in with_namespace(api, release.manifests, helm.namespace)} if release else set()
    new = [item for item in rendered if identity(item) not in recorded]
    wrong = unimportable(with_live_metadata(api, new), helm.name, helm.namespace)
    if wrong:
        raise Refused(
            f"release {helm.name}: resources of someone else exist and cannot be imported into the current release: {', '.join(wrong)}; "
            "delete it, or take it over with adopt"
        )


def readiness(api: KubeApi, rendered: list[Manifest], accepted: list[Manifest]) -> list[tuple[str, t.Callable[[], str]]]:
    services = kube_ready.webhook_services(rendered)
    return [
        ("workloads", lambda: kube_ready.workloads_state(api, rendered)),
        ("webhooks", lambda: kube_ready.endpoints_state(api, services)),
        ("admission", lambda: kube_ready.accepted_state(api, accepted)),
    ]


def is_ready(api: KubeApi, rendered: list[Manifest], params: dict[str, t.Any]) -> bool:
    return not any(state() for _what, state in readiness(api, rendered, params["admission_probes"]))


def present(api: KubeApi, helm: Helm, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    release, crds, rendered, crd_changes, changes = look(api, helm, params["labels"])
    if release and not params["adopt"] and release.manifests and not carries(release.manifests, params["labels"]):
        wanted = ", ".join(f"{k}={v}" for k, v in params["labels"].items())
        raise Refused(
            f"release {helm.name} in {helm.namespace} was not installed by this collection: its workloads lack the label {wanted}; "
            "remove it, or take it over with adopt"
        )
    if not params["adopt"]:
        refuse_unimportable(api, helm, release, rendered)
    recorded_same = release is not None and same_record(release.manifests, rendered)
    why = reasons(release, recorded_same, changes)
    all_changes = crd_changes + changes
    differing = [change.summary() for change in all_changes if change.action != "unchanged"]
    result: dict[str, t.Any] = {
        "changed": bool(why) or changed(crd_changes),
        "reasons": [f"{c.id}: {c.action}" for c in crd_changes if c.action != "unchanged"] + why,
        "resources": differing,
        "diff": diffs(all_changes),
        "revision": release.revision if release else 0,
        "chart_version": release.chart_version if release else "",
        "app_version": release.app_version if release else "",
        "waited": 0.0,
    }
    if check_mode:
        return {**result, "ready": bool(release) and is_ready(api, rendered, params)}

    if changed(crd_changes):
        report(f"{helm.name}: applying {len(crds)} CRDs")
        apply(api, crds, CRD_MANAGER)
    if crds:
        kube_ready.await_true("CRDs", lambda: kube_ready.established_state(api, crds), params["timeout"])
    if why:
        report(f"{helm.name}: helm upgrade --install")
        if release and release.interrupted:
            helm.forget(api, release)
        with explained(lambda: install_causes(api, helm, rendered)):
            answer = helm.install(params["adopt"])
        result.update(stdout=answer.stdout, stderr=answer.stderr, command=[helm.binary, "upgrade", helm.name, helm.chart])
        # Rendered again, since generated values (certificates) are now those that Helm wrote.
        release, _crds, rendered, _crd_changes, changes = look(api, helm, params["labels"])
        # Helm does not repair custom resources that were edited, if the chart did not change.
        left = {change.id for change in changes if change.action in ("create", "update")}
        apply(api, [m for m in rendered if title(m) in left], "helm")
        if release:
            result.update(revision=release.revision, chart_version=release.chart_version, app_version=release.app_version)
    if not params["wait"]:
        return {**result, "ready": is_ready(api, rendered, params)}
    for what, state in readiness(api, rendered, params["admission_probes"]):
        result["waited"] += kube_ready.await_true(f"{helm.name}, {what}", state, params["timeout"], why=lambda: kube_ready.causes(api, rendered))
    return {**result, "ready": True}


def absent(api: KubeApi, helm: Helm, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    release = helm.release(api)
    ours = release is not None and carries(release.manifests, params["labels"])
    held = holders(api, params["finalizers"], params["finalizer_kinds"])
    crds = list(definitions.live_crds(api, [crd["metadata"]["name"] for crd in helm.crds()]).values()) if params["remove_crds"] else []
    crds = [crd for crd in crds if definitions.is_ours(crd, params["labels"], CRD_MANAGER)] if ours or not release else []
    left = [item for crd in crds for item in objects_of(api, crd)]
    obstacles = []
    if held and (ours or crds):
        obstacles.append(f"{helm.name} still has to clean up {', '.join(held)}; delete them first, they cannot be deleted without it")
    if left:
        obstacles.append(f"the CRDs of {helm.name} cannot be removed while objects of them exist: {', '.join(left)}")
    if obstacles and not check_mode:  # what was to delete them before did so in check mode, too
        raise Refused("; ".join(obstacles))
    leaving = going_with(api, helm, release) if release and ours else []
    going = [*leaving, *left_over(api, helm, params["delete_after_uninstall"])] if release and ours else []
    gone = [definitions.brief(change) for change in plan_delete([*going, *crds])]
    result: dict[str, t.Any] = {
        "changed": bool(gone),
        "reasons": ([f"the release is {release.status}"] if release and ours else []) + obstacles,
        "resources": [change.summary() for change in gone],
        "diff": diffs(gone),
        "revision": release.revision if release else 0,
        "chart_version": release.chart_version if release else "",
        "app_version": release.app_version if release else "",
        "ready": True,
    }
    if check_mode:
        return result
    if release and ours:
        report(f"{helm.name}: helm uninstall")
        with explained(lambda: kube_ready.held_causes(with_live_metadata(api, leaving))):
            answer = helm.uninstall()
        result.update(stdout=answer.stdout, stderr=answer.stderr, command=[helm.binary, "uninstall", helm.name])
        for item in params["delete_after_uninstall"]:
            api.delete(item["api_version"], item["kind"], item["name"], helm.namespace)
    delete(api, crds)
    return result


def going_with(api: KubeApi, helm: Helm, release: Release) -> list[Manifest]:
    """What `helm uninstall` deletes: the release's existing objects, or only the records of an uninstalled one."""
    if release.gone:
        return helm.records(api)
    return live_ones(api, with_namespace(api, release.manifests, helm.namespace)) or helm.records(api)


def left_over(api: KubeApi, helm: Helm, leftovers: list[dict[str, str]]) -> list[Manifest]:
    found = [(item, api.get(item["api_version"], item["kind"], item["name"], helm.namespace)) for item in leftovers]
    return [{"apiVersion": item["api_version"], "kind": item["kind"], **live} for item, live in found if live]


def holders(api: KubeApi, finalizers: list[str], kinds: list[dict[str, str]]) -> list[str]:
    found = []
    for kind in kinds if finalizers else []:
        for item in api.find(kind["api_version"], kind["kind"]):
            metadata = item["metadata"]
            if any(part in finalizer for part in finalizers for finalizer in metadata.get("finalizers") or []):
                found.append(title(item))
    return found


def objects_of(api: KubeApi, crd: Manifest) -> list[str]:
    """The chart's own parameters object is deleted with the release."""
    managed_by = "app.kubernetes.io/managed-by"
    return [title(item) for item in definitions.objects_of(api, crd) if labels_of(item).get(managed_by) != "Helm"]


def unreachable(params: dict[str, t.Any], error: KubeError) -> dict[str, t.Any]:
    present_wanted = params["state"] == "present"
    return {
        "changed": present_wanted,
        "msg": f"release {params['name']} would be installed; the cluster does not answer yet: {error}" if present_wanted else "there is no cluster",
        "reasons": ["the cluster does not answer yet"] if present_wanted else [],
        "resources": [],
        "revision": 0,
        "chart_version": "",
        "app_version": "",
        "ready": not present_wanted,
        "waited": 0.0,
    }


def act(api: KubeApi, access: Access, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    with _file_of(params["values"]) as path:
        helm = Helm(
            values_file=path,
            binary=params["helm"],
            kubeconfig=access.kubeconfig,
            context=access.context,
            **{name: params[name] for name in ("name", "namespace", "chart", "repository", "version", "timeout")},
        )
        return (present if params["state"] == "present" else absent)(api, helm, params, check_mode)


@contextmanager
def _file_of(values: dict[str, t.Any]) -> Iterator[str]:
    """0600 and removed afterwards: values may contain secrets."""
    handle, path = tempfile.mkstemp(prefix="meshgate-values-", suffix=".yaml")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            yaml.safe_dump(values, stream)
        yield path
    finally:
        os.unlink(path)
