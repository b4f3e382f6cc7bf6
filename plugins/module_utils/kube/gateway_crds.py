# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The Gateway API's CRDs: the installed bundle, the requested one, and whether the change is safe."""

from __future__ import annotations

import os
import re
import typing as t
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from ..common.command import masked
from ..common.failure import Refused
from ..common.fetch import fetch_document
from ..common.progress import report
from ..common.safe_yaml import Loader
from .api import KubeApi, KubeError
from .apply import Change, apply, changed, delete, documents, plan_delete
from .crds import API as CRD_API
from .crds import KIND as CRD
from .crds import brief, objects_of, plan_crds
from .diff import diffs
from .objects import Manifest, annotations_of, carries, labels_of, title
from .ready import await_true, established_state

with suppress(ImportError):  # see safe_yaml
    import yaml

MANAGER = "meshgate"
VERSION = "gateway.networking.k8s.io/bundle-version"
CHANNEL = "gateway.networking.k8s.io/channel"
GROUPS = ("gateway.networking.k8s.io", "gateway.networking.x-k8s.io")
ADMISSION_API = "admissionregistration.k8s.io/v1"
BINDING = "ValidatingAdmissionPolicyBinding"
POLICY = "ValidatingAdmissionPolicy"
SAFE_UPGRADES = "safe-upgrades.gateway.networking.k8s.io"


@dataclass
class Bundle:
    """A set of CRDs (and, since v1.5, the admission policy that protects them), of one version and channel."""

    version: str = ""
    channel: str = ""
    crds: dict[str, Manifest] = field(default_factory=dict)
    guards: list[Manifest] = field(default_factory=list)


def read_source(text: str) -> list[Manifest]:
    return documents(yaml.load_all(text, Loader=Loader))  # a safe loader, the C one where there is one


def read_folder(folder: str) -> list[Manifest]:
    """The manifests of a directory, except a kustomization."""
    manifests: list[Manifest] = []
    for name in sorted(os.listdir(folder)):
        if name.endswith((".yaml", ".yml")) and not name.startswith("kustomization"):
            with open(os.path.join(folder, name), encoding="utf-8") as stream:
                manifests += read_source(stream.read())
    return manifests


def bundle_of(manifests: t.Iterable[Manifest]) -> Bundle:
    """Version and channel are those of most CRDs: a single one that differs was edited by hand."""
    bundle = Bundle()
    for manifest in manifests:
        if manifest.get("kind") == CRD and manifest["spec"]["group"] in GROUPS:
            bundle.crds[manifest["metadata"]["name"]] = manifest
        elif manifest.get("kind") in (BINDING, POLICY):
            bundle.guards.append(manifest)
    bundle.version = _most(bundle.crds.values(), VERSION)
    bundle.channel = _most(bundle.crds.values(), CHANNEL)
    return bundle


def _most(crds: t.Iterable[Manifest], annotation: str) -> str:
    said = Counter(filter(None, (annotations_of(crd).get(annotation) for crd in crds)))
    return max(said, key=lambda value: (said[value], version_key(value))) if said else ""


def live_bundle(api: KubeApi) -> Bundle:
    crds = [crd for crd in api.find(CRD_API, CRD) if crd["spec"]["group"] in GROUPS]
    guards = [guard for kind in (BINDING, POLICY) if (guard := api.get(ADMISSION_API, kind, SAFE_UPGRADES))]
    bundle = bundle_of(crds)
    bundle.guards = guards
    return bundle


def version_key(version: str) -> tuple[int, ...]:
    """Sort key of versions; a release comes after its candidates.

    >>> version_key("v1.6.0-rc.1") < version_key("v1.6.0") < version_key("v1.10.0")
    True
    """
    match = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(?:-[a-z]+\.?(\d+))?.*", version)
    if not match:
        return (0,)
    major, minor, patch, candidate = match.groups()
    return int(major), int(minor), int(patch), int(candidate) if candidate is not None else 1_000_000


def refuse_unsafe(live: Bundle, wanted: Bundle, allow_downgrade: bool = False, allow_channel_change: bool = False) -> None:
    """No downgrade, no change of channel without permission, never if the requested bundle cannot read stored objects."""
    if live.crds and version_key(live.version) > version_key(wanted.version) and not allow_downgrade:
        raise Refused(
            f"the cluster has Gateway API CRDs {live.version}, but {wanted.version} is requested, which is older; "
            f"accepted: {live.version} or newer, or allow_downgrade"
        )
    if live.channel and live.channel != wanted.channel and not allow_channel_change:
        raise Refused(
            f"the cluster has Gateway API CRDs of channel {live.channel}, but channel {wanted.channel} is requested; "
            f"accepted: {live.channel}, or allow_channel_change"
        )
    for name, crd in wanted.crds.items():
        stored = ((live.crds.get(name) or {}).get("status") or {}).get("storedVersions") or []
        known = [version["name"] for version in crd["spec"]["versions"]]
        lost = [version for version in stored if version not in known]
        if lost:
            raise Refused(
                f"objects of {name} are stored as {', '.join(lost)}, which {wanted.version} ({wanted.channel}) does not have ({', '.join(known)}); "
                "rewrite them, and remove the version from the CRD's status.storedVersions"
            )


def guard_denies(live: Bundle, wanted: Bundle) -> bool:
    """Whether the existing admission policy would refuse the explicitly requested bundle."""
    if not live.guards:
        return False
    return version_key(wanted.version) < version_key(live.version) or (wanted.channel == "experimental" and live.channel == "standard")


def manifests(wanted: Bundle, live: Bundle, labels: dict[str, str]) -> list[Manifest]:
    """What to apply, CRDs first. Only what is new or already ours is labelled as ours."""
    known = {(CRD, name): crd for name, crd in live.crds.items()} | {(g["kind"], g["metadata"]["name"]): g for g in live.guards}
    result = []
    for manifest in [*wanted.crds.values(), *wanted.guards]:
        there = known.get((manifest["kind"], manifest["metadata"]["name"]))
        if there is None or carries(there, labels):
            metadata = {**manifest["metadata"], "labels": {**labels_of(manifest), **labels}}
            manifest = {**manifest, "metadata": metadata}
        result.append({key: value for key, value in manifest.items() if key != "status"})
    return result


# -- the module's run -----------------------------------------------------------------------------------------------


def read(source: str, checksum: str) -> Bundle:
    """A bundle from a URL, a directory or a file."""
    try:
        return _read(source, checksum)
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise Refused(f"the bundle {masked(source)} cannot be read, it is not a list of manifests: {error}") from error


def _read(source: str, checksum: str) -> Bundle:
    if source.startswith(("http://", "https://")):
        return bundle_of(read_source(fetch_document(source, checksum)))
    if os.path.isdir(source):
        return bundle_of(read_folder(source))
    with open(source, encoding="utf-8") as stream:
        return bundle_of(read_source(stream.read()))


def result(live: Bundle, version: str, channel: str, changes: list[Change]) -> dict[str, t.Any]:
    return {
        "changed": changed(changes),
        "version_before": live.version,
        "channel_before": live.channel,
        "version": version,
        "channel": channel,
        "resources": [change.summary() for change in changes if change.action != "unchanged"],
        "diff": diffs(changes),
    }


def present(api: KubeApi, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    wanted = read(params["source"], params["checksum"])
    if not wanted.crds:
        raise Refused(f"{params['source']} contains no Gateway API CRDs")
    for what, is_there, asked in (("version", wanted.version, params["version"]), ("channel", wanted.channel, params["channel"])):
        if asked and asked.removeprefix("v") != is_there.removeprefix("v"):
            raise Refused(f"{params['source']} is of {what} {is_there}, but {asked} is requested")
    live = live_bundle(api)
    refuse_unsafe(live, wanted, params["allow_downgrade"], params["allow_channel_change"])
    objects = manifests(wanted, live, params["labels"])
    denied = guard_denies(live, wanted)
    if denied:
        # The policy would refuse the dry run, too; every object of the bundle is replaced.
        before, after = ({"bundle": f"{bundle.version} {bundle.channel}"} for bundle in (live, wanted))
        changes = [Change(m["apiVersion"], m["kind"], m["metadata"]["name"], "", "update", before, after) for m in objects]
    else:
        changes = plan_crds(api, objects, MANAGER, live.crds)
    found = result(live, wanted.version, wanted.channel, changes)
    if check_mode:
        return found
    if found["changed"]:
        report(f"Gateway API CRDs: {live.version or 'none'} -> {wanted.version} ({wanted.channel})")
        if denied:
            delete(api, live.guards)
        await_true("Gateway API CRDs", lambda: applied_state(api, objects, retry=denied), params["timeout"], interval=0.5)
        await_true("Gateway API CRDs", lambda: established_state(api, list(wanted.crds.values())), params["timeout"], interval=0.1)
    return found


def applied_state(api: KubeApi, manifests: list[Manifest], retry: bool) -> str:
    """Empty when applied. The API server keeps using a deleted policy for a moment."""
    try:
        apply(api, manifests, MANAGER)
    except KubeError as error:
        if not retry or SAFE_UPGRADES not in str(error):
            raise
        return str(error)
    return ""


def absent(api: KubeApi, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    live = live_bundle(api)
    ours = [crd for crd in live.crds.values() if carries(crd, params["labels"])]
    left = [title(item) for items in api.map(lambda crd: objects_of(api, crd), ours) for item in items]
    if left and not check_mode:  # what was to delete them before did so in check mode, too
        raise Refused(f"the Gateway API CRDs cannot be removed while objects of them exist: {', '.join(left)}")
    gone = [*(guard for guard in live.guards if carries(guard, params["labels"])), *ours]
    stays = len(ours) < len(live.crds)
    found = result(live, live.version if stays else "", live.channel if stays else "", [brief(change) for change in plan_delete(gone)])
    if not check_mode:
        delete(api, gone)
    return found


def act(api: KubeApi, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    return (present if params["state"] == "present" else absent)(api, params, check_mode)


def unreachable(params: dict[str, t.Any], error: KubeError) -> dict[str, t.Any]:
    """Check mode before the cluster exists."""
    if params["state"] == "absent":
        return {**result(Bundle(), "", "", []), "msg": "there is no cluster"}
    msg = f"the Gateway API CRDs {params['version']} would be applied; the cluster does not answer yet: {error}"
    return {**result(Bundle(), params["version"], params["channel"], []), "changed": True, "msg": msg}
