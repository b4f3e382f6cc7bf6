# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The IstioOperator document, and how `istioctl install` changes the objects rendered from it."""

from __future__ import annotations

import copy
import re
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..kube.api import KubeApi
from ..kube.apply import Ignore
from ..kube.objects import Manifest, identity, labels_of

FIELD_MANAGER = "istio-operator"
COMPONENT = "operator.istio.io/component"
MANAGED = "operator.istio.io/managed"
VERSION = "operator.istio.io/version"
REVISION = "istio.io/rev"
OWNER_NAME = "install.operator.istio.io/owning-resource"
OWNER_NAMESPACE = "install.operator.istio.io/owning-resource-namespace"
NOT_PRUNED = "install.operator.istio.io/owning-resource-not-pruned"
DEFAULT_TAG_WEBHOOK = "istio-revision-tag-default"
DEFAULT_TAG_SERVICE = "istiod-revision-tag-default"
DEACTIVATED = "istio.io/deactivated"

# What install prunes and uninstall removes, in istioctl's order.
NAMESPACED_KINDS = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "DaemonSet"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("policy/v1", "PodDisruptionBudget"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("networking.istio.io/v1alpha3", "EnvoyFilter"),
)
CLUSTER_KINDS = (
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
)
CRD = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
PROFILES = ("default", "minimal", "demo", "empty", "preview", "remote", "stable", "ambient", "openshift", "openshift-ambient")


def _deactivated(live: Manifest, _wanted: Manifest) -> bool:
    """Once the default revision tag has its own webhook, install disables the injector's."""
    return any(DEACTIVATED in ((w.get("namespaceSelector") or {}).get("matchLabels") or {}) for w in live.get("webhooks") or [])


def _of_all_revisions(_live: Manifest, wanted: Manifest) -> bool:
    return (wanted["metadata"].get("labels") or {}).get(COMPONENT) == "Base"


# Objects of all revisions, such as CRDs, carry the label of the one that was installed last.
SHARED = (Ignore(("metadata", "labels", REVISION), when=_of_all_revisions),)
# Differences that every converged cluster shows: istiod writes the certificate and the policy, install the selectors.
NOISE = (
    *SHARED,
    Ignore(("metadata", "labels", COMPONENT)),  # for some objects, only install itself knows it
    Ignore(("webhooks", "*", "clientConfig", "caBundle"), kind="*WebhookConfiguration"),
    Ignore(("webhooks", "*", "failurePolicy"), kind="ValidatingWebhookConfiguration"),
    Ignore(("webhooks", "*", "namespaceSelector"), kind="MutatingWebhookConfiguration", when=_deactivated),
    Ignore(("webhooks", "*", "objectSelector"), kind="MutatingWebhookConfiguration", when=_deactivated),
)


@dataclass(frozen=True)
class Owner:
    """The owner of objects, in istioctl's labels."""

    name: str
    namespace: str
    revision: str
    version: str

    def labels(self) -> dict[str, str]:
        return {MANAGED: "Reconcile", VERSION: self.version, OWNER_NAME: self.name, OWNER_NAMESPACE: self.namespace, REVISION: self.revision}

    def selector(self) -> str:
        """Its objects of any version: istioctl itself misses those that an older version has left."""
        wanted = {k: v for k, v in self.labels().items() if k != VERSION}
        return ",".join([*(f"{k}={v}" for k, v in wanted.items()), COMPONENT])


def deep_merge(base: t.Any, over: t.Any) -> t.Any:
    """Mappings are merged, anything else is replaced."""
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return copy.deepcopy(over)
    merged = {key: copy.deepcopy(value) for key, value in base.items()}
    for key, value in over.items():
        merged[key] = deep_merge(merged[key], value) if key in merged else copy.deepcopy(value)
    return merged


def document(spec: Mapping[str, t.Any], values: Mapping[str, t.Any], revision: str, name: str, namespace: str) -> Manifest:
    """The IstioOperator for istioctl."""
    merged = deep_merge(spec, {"values": values} if values else {})
    if revision:
        merged["revision"] = revision
    if namespace != "istio-system":
        merged = deep_merge(merged, {"values": {"global": {"istioNamespace": namespace}}})
    return {"apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator", "metadata": {"name": name, "namespace": namespace}, "spec": merged}


def problems(spec: Mapping[str, t.Any], revision: str) -> list[str]:
    """Problems of a specification that can be found before istioctl reads it."""
    found = []
    profile = spec.get("profile")
    if profile is not None and profile not in PROFILES:
        found.append(f"spec.profile is {profile!r}; accepted: {', '.join(PROFILES)}")
    if revision and not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", revision):
        found.append(f"revision is {revision!r}; accepted: up to 63 lower-case letters, digits and hyphens, such as 1-31-1")
    inside = spec.get("revision")
    if revision and inside and inside != revision:
        found.append(f"revision is {revision!r} and spec.revision {inside!r}: they must match")
    return found


def own(rendered: Iterable[Manifest], owner: Owner) -> list[Manifest]:
    """The rendered objects with the labels that install adds before it applies them."""
    return [_owned(manifest, owner) for manifest in rendered]


def _owned(manifest: Manifest, owner: Owner) -> Manifest:
    metadata = manifest["metadata"]
    labels = metadata["labels"] = {**(metadata.get("labels") or {}), **owner.labels()}
    labels[COMPONENT] = component(manifest)
    return manifest


def component(manifest: Manifest) -> str:
    """The component of a rendered object. Not every chart labels it; unlabelled objects of the base chart are recognised by name."""
    metadata = manifest["metadata"]
    base = manifest["kind"] == CRD[1] or metadata["name"] in ("istio-reader-service-account", "istiod-default-validator")
    return (metadata.get("labels") or {}).get(COMPONENT) or ("Base" if base else "Pilot")


def superfluous(api: KubeApi, rendered: Iterable[Manifest], owner: Owner) -> list[Manifest]:
    """Live objects of the owner that are no longer in the specification."""
    wanted = {identity(manifest) for manifest in rendered}
    live = find(api, owner.selector(), NAMESPACED_KINDS + CLUSTER_KINDS)
    return [item for item in live if identity(item) not in wanted and labels_of(item).get(NOT_PRUNED) != "true"]


def find(api: KubeApi, selector: str, kinds: Iterable[tuple[str, str]]) -> list[Manifest]:
    found = api.map(lambda kind: api.find(*kind, labels=selector), kinds)
    return [item for items in found for item in items]


def injection_problems(rendered: Iterable[Manifest], namespaces: Mapping[str, Mapping[str, str]], revision: str) -> list[str]:
    """Namespaces whose labels prevent the injection of a gateway that needs it.

    `namespaces` has the labels of existing ones.
    """
    found = []
    for manifest in rendered:
        template = ((manifest.get("spec") or {}).get("template") or {}).get("metadata") or {}
        if "inject.istio.io/templates" not in (template.get("annotations") or {}):
            continue
        namespace = manifest["metadata"].get("namespace") or ""
        labels = namespaces.get(namespace) or {}
        what = f"namespace {namespace} has label"
        if labels.get("istio-injection") == "disabled":
            found.append(f"{what} istio-injection=disabled: {manifest['kind']} {manifest['metadata']['name']} would never get its proxy")
        rev = labels.get(REVISION)
        if rev and rev != revision and labels.get("istio-injection") != "enabled" and revision != "default":
            found.append(f"{what} {REVISION}={rev}, but {manifest['kind']} {manifest['metadata']['name']} is of revision {revision}")
    return list(dict.fromkeys(found))
