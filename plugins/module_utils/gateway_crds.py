# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The Gateway API's CRDs: which bundle is there, which one is wanted, and whether the way between is safe."""

from __future__ import annotations

import os
import re
import typing as t
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from ansible_collections.meshgate.eks_istio.plugins.module_utils.crds import API as CRD_API
from ansible_collections.meshgate.eks_istio.plugins.module_utils.crds import KIND as CRD
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi
from ansible_collections.meshgate.eks_istio.plugins.module_utils.safe_yaml import Loader
from ansible_collections.meshgate.eks_istio.plugins.module_utils.server_side_apply import Manifest, documents

with suppress(ImportError):  # as safe_yaml says
    import yaml

VERSION = "gateway.networking.k8s.io/bundle-version"
CHANNEL = "gateway.networking.k8s.io/channel"
GROUPS = ("gateway.networking.k8s.io", "gateway.networking.x-k8s.io")
ADMISSION_API = "admissionregistration.k8s.io/v1"
BINDING = "ValidatingAdmissionPolicyBinding"
POLICY = "ValidatingAdmissionPolicy"
SAFE_UPGRADES = "safe-upgrades.gateway.networking.k8s.io"


class Unsafe(Exception):
    """The wanted bundle must not go over the one that is there."""


@dataclass
class Bundle:
    """A set of CRDs (and, since v1.5, the admission policy that guards them), of one version and channel."""

    version: str = ""
    channel: str = ""
    crds: dict[str, Manifest] = field(default_factory=dict)
    guards: list[Manifest] = field(default_factory=list)


def read_source(text: str) -> list[Manifest]:
    return documents(yaml.load_all(text, Loader=Loader))  # a safe loader, the C one where there is one


def read_folder(folder: str) -> list[Manifest]:
    """The manifests of a folder; a kustomization is none."""
    manifests: list[Manifest] = []
    for name in sorted(os.listdir(folder)):
        if name.endswith((".yaml", ".yml")) and not name.startswith("kustomization"):
            with open(os.path.join(folder, name), encoding="utf-8") as stream:
                manifests += read_source(stream.read())
    return manifests


def bundle_of(manifests: t.Iterable[Manifest]) -> Bundle:
    """Version and channel are what most CRDs say: a single one that says otherwise was edited by hand."""
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
    said = Counter(filter(None, ((crd["metadata"].get("annotations") or {}).get(annotation) for crd in crds)))
    return max(said, key=lambda value: (said[value], version_key(value))) if said else ""


def live_bundle(api: KubeApi) -> Bundle:
    crds = [crd for crd in api.find(CRD_API, CRD) if crd["spec"]["group"] in GROUPS]
    guards = [guard for kind in (BINDING, POLICY) if (guard := api.get(ADMISSION_API, kind, SAFE_UPGRADES))]
    bundle = bundle_of(crds)
    bundle.guards = guards
    return bundle


def version_key(version: str) -> tuple[int, ...]:
    """Sorts versions; a release comes after its candidates.

    >>> version_key("v1.6.0-rc.1") < version_key("v1.6.0") < version_key("v1.10.0")
    True
    """
    match = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(?:-[a-z]+\.?(\d+))?.*", version)
    if not match:
        return (0,)
    major, minor, patch, candidate = match.groups()
    return int(major), int(minor), int(patch), int(candidate) if candidate is not None else 1_000_000


def refuse_unsafe(live: Bundle, wanted: Bundle, allow_downgrade: bool = False, allow_channel_change: bool = False) -> None:
    """Never down, never to the other channel unasked, never over stored objects that the wanted bundle cannot read."""
    if live.crds and version_key(live.version) > version_key(wanted.version) and not allow_downgrade:
        raise Unsafe(
            f"the cluster has the Gateway API CRDs {live.version}, but {wanted.version}, which is older, is wanted; "
            f"accepted are {live.version} or newer, or allow_downgrade"
        )
    if live.channel and live.channel != wanted.channel and not allow_channel_change:
        raise Unsafe(
            f"the cluster has the Gateway API CRDs of channel {live.channel}, but channel {wanted.channel} is wanted; "
            f"accepted is {live.channel}, or allow_channel_change"
        )
    for name, crd in wanted.crds.items():
        stored = ((live.crds.get(name) or {}).get("status") or {}).get("storedVersions") or []
        known = [version["name"] for version in crd["spec"]["versions"]]
        lost = [version for version in stored if version not in known]
        if lost:
            raise Unsafe(
                f"objects of {name} are stored as {', '.join(lost)}, which {wanted.version} ({wanted.channel}) does not have ({', '.join(known)}); "
                "rewrite them, and take the version out of the CRD's status.storedVersions"
            )


def guard_denies(live: Bundle, wanted: Bundle) -> bool:
    """Whether the admission policy that is there would refuse the wanted bundle, which was asked for all the same."""
    if not live.guards:
        return False
    return version_key(wanted.version) < version_key(live.version) or (wanted.channel == "experimental" and live.channel == "standard")


def manifests(wanted: Bundle, live: Bundle, labels: dict[str, str]) -> list[Manifest]:
    """What to apply, CRDs first. Only what is new or already ours is labelled as ours."""
    known = {(CRD, name): crd for name, crd in live.crds.items()} | {(g["kind"], g["metadata"]["name"]): g for g in live.guards}
    result = []
    for manifest in [*wanted.crds.values(), *wanted.guards]:
        there = known.get((manifest["kind"], manifest["metadata"]["name"]))
        if there is None or is_ours(there, labels):
            metadata = {**manifest["metadata"], "labels": {**(manifest["metadata"].get("labels") or {}), **labels}}
            manifest = {**manifest, "metadata": metadata}
        result.append({key: value for key, value in manifest.items() if key != "status"})
    return result


def is_ours(live: Manifest, labels: dict[str, str]) -> bool:
    return bool(labels) and labels.items() <= (live["metadata"].get("labels") or {}).items()
