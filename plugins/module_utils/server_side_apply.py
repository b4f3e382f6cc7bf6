# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a list of manifests would change in a cluster, by the API server's own dry run; and the change itself.

>>> with KubeApi(kubeconfig=path) as api:
...     changes = plan(api, manifests, "helm", ignore=[Ignore(("data", "tls.crt"), kind="Secret")])
...     module.exit_json(changed=changed(changes), diff=diff(changes))
"""

from __future__ import annotations

import copy
import fnmatch
import itertools
import json
import re
import typing as t
from contextlib import suppress
from dataclasses import dataclass, field

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi, KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.safe_yaml import Dumper

with suppress(ImportError):  # as safe_yaml says
    import yaml

Manifest = dict[str, t.Any]
HIDDEN = "hidden"


def _represent_text(dumper: t.Any, text: str) -> t.Any:
    if "\n" not in text:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text)
    # YAML has no block for tabs and trailing spaces: they are shown by a sign.
    shown = re.sub(r" +(?=\n|$)", lambda spaces: "\u00b7" * len(spaces[0]), text.replace("\t", "\u2192"))
    return dumper.represent_scalar("tag:yaml.org,2002:str", shown, style="|")


class _Dumper(Dumper):
    """Writes text of several lines as such, since a diff of folded strings cannot be read."""

    yaml_representers = {**getattr(Dumper, "yaml_representers", {}), str: _represent_text}


# The server's own bookkeeping: never part of anybody's intent.
_BOOKKEEPING = (
    ("status",),
    ("metadata", "managedFields"),
    ("metadata", "resourceVersion"),
    ("metadata", "uid"),
    ("metadata", "creationTimestamp"),
    ("metadata", "generation"),
    ("metadata", "selfLink"),
    ("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"),
    ("metadata", "annotations", "deployment.kubernetes.io/revision"),
)
# Kinds on which others of the same list depend, in the order in which they must exist.
_FIRST = (
    "Namespace",
    "CustomResourceDefinition",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
)


@dataclass(frozen=True)
class Ignore:
    """A difference that is not one: the live value at `path` is taken for the wanted one.

    `path` steps into dicts by key and into lists with "*". `kind` and `name` are shell patterns. `when(live, wanted)` may
    narrow it further.
    """

    path: tuple[str, ...]
    kind: str = "*"
    name: str = "*"
    when: t.Callable[[Manifest, Manifest], bool] | None = None

    def matches(self, live: Manifest, wanted: Manifest) -> bool:
        return (
            fnmatch.fnmatchcase(live["kind"], self.kind)
            and fnmatch.fnmatchcase(live["metadata"]["name"], self.name)
            and (self.when is None or self.when(live, wanted))
        )


@dataclass
class Change:
    """One object: what it is and what happens to it. before and after are normalised, secrets masked."""

    api_version: str
    kind: str
    name: str
    namespace: str
    action: str  # create, update, delete, restart, unchanged
    before: Manifest = field(default_factory=dict)
    after: Manifest = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"

    def summary(self) -> dict[str, str]:
        return {"api_version": self.api_version, "kind": self.kind, "namespace": self.namespace, "name": self.name, "action": self.action}


class ApplyError(KubeError):
    """The API server refused an object; the message names it."""


def plan(
    api: KubeApi,
    manifests: t.Iterable[Manifest],
    field_manager: str,
    force_conflicts: bool = True,
    ignore: t.Sequence[Ignore] = (),
    live: t.Sequence[Manifest | None] | None = None,
) -> list[Change]:
    """What apply() would do, in the manifests' order. Nothing is written.

    An object whose namespace or kind does not exist yet is a create. `live` has what is there, one for each manifest, where the caller knows it already.
    """
    wanted = documents(manifests)
    _discover(api, wanted)
    known = live if live is not None else api.map(lambda manifest: live_object(api, manifest), wanted)
    pairs = zip(wanted, known, strict=True)
    return api.map(lambda pair: _plan_one(api, *pair, field_manager, force_conflicts, ignore), pairs)


def apply(api: KubeApi, manifests: t.Iterable[Manifest], field_manager: str, force_conflicts: bool = True) -> None:
    """Apply them for real: what others need first, the rest side by side."""
    for _rank_of_these, group in itertools.groupby(sorted(documents(manifests), key=_rank), key=_rank):
        these = list(group)
        _discover(api, these)
        api.map(lambda manifest: _patch(api, manifest, field_manager, force_conflicts, dry_run=False), these)
        if these[0]["kind"] == "CustomResourceDefinition":
            api.forget_kinds()


def live_object(api: KubeApi, manifest: Manifest) -> Manifest | None:
    """What is there of a manifest; without a namespace of its own, in `default`."""
    metadata = manifest["metadata"]
    return api.get(manifest["apiVersion"], manifest["kind"], metadata["name"], _namespace(api, manifest))


def plan_delete(objects: t.Iterable[Manifest]) -> list[Change]:
    """What delete() would do to live objects."""
    return [_of(item, "delete", before=mask(normalise(item))) for item in objects]


def delete(api: KubeApi, objects: t.Iterable[Manifest], propagation: str = "Background") -> list[Change]:
    """Delete live objects; those already gone are left out of the answer."""
    changes = []
    for item in objects:
        metadata = item["metadata"]
        if api.delete(item["apiVersion"], item["kind"], metadata["name"], metadata.get("namespace"), propagation):
            changes.append(_of(item, "delete", before=mask(normalise(item))))
    return changes


def keep_ignored(live: Manifest, wanted: Manifest, ignore: t.Iterable[Ignore]) -> None:
    """Take over into `wanted` what is no difference."""
    for rule in ignore:
        if rule.matches(live, wanted):
            _keep_live(live, wanted, rule.path)


def changed(changes: t.Iterable[Change]) -> bool:
    return any(change.action != "unchanged" for change in changes)


def diff(changes: t.Iterable[Change]) -> dict[str, str]:
    """Ansible's diff of what differs, one YAML document an object."""
    differing = [change for change in changes if change.action != "unchanged"]
    return {"before": _documents_text(differing, "before"), "after": _documents_text(differing, "after")}


def as_text(manifest: Manifest) -> str:
    """An object for a person to read; empty for none."""
    return yaml.dump(manifest, Dumper=_Dumper, sort_keys=True, default_flow_style=False, allow_unicode=True) if manifest else ""


def documents(manifests: t.Iterable[Manifest | None]) -> list[Manifest]:
    """Without empty documents, Lists flattened."""
    flat: list[Manifest] = []
    for manifest in manifests:
        if not manifest:
            continue
        if str(manifest.get("kind", "")).endswith("List") and isinstance(manifest.get("items"), list):
            flat += documents(manifest["items"])
        else:
            flat.append(manifest)
    return flat


def normalise(manifest: Manifest) -> Manifest:
    """Without what the server writes by itself."""
    result = copy.deepcopy(manifest)
    for path in _BOOKKEEPING:
        _drop(result, path)
    if not (result.get("metadata") or {}).get("annotations", True):
        del result["metadata"]["annotations"]
    return result


def mask(manifest: Manifest, other: Manifest | None = None) -> Manifest:
    """A Secret's values never leave; that they differ from `other`'s is said."""
    if manifest.get("kind") != "Secret":
        return manifest
    result = copy.deepcopy(manifest)
    for part in ("data", "stringData"):
        compared = (other or {}).get(part) or {}
        for key, value in (result.get(part) or {}).items():
            result[part][key] = HIDDEN if other is None or compared.get(key) == value else f"{HIDDEN}, differs"
    return result


# -- one object -----------------------------------------------------------------------------------------------------


def _plan_one(api: KubeApi, manifest: Manifest, live: Manifest | None, field_manager: str, force_conflicts: bool, ignore: t.Sequence[Ignore]) -> Change:
    try:
        after = _patch(api, manifest, field_manager, force_conflicts, dry_run=True)
    except ApplyError as error:
        if live is None and error.status == 404:  # neither its namespace nor its kind is there to judge it
            after = manifest
        else:
            raise
    return _change(manifest, live, after, ignore)


def _patch(api: KubeApi, manifest: Manifest, field_manager: str, force_conflicts: bool, dry_run: bool) -> Manifest:
    metadata = manifest["metadata"]
    what = f"{manifest['kind']} {metadata.get('namespace', '')}{'/' if metadata.get('namespace') else ''}{metadata['name']}"
    path = api.path(manifest["apiVersion"], manifest["kind"], metadata["name"], _namespace(api, manifest))
    if path is None:
        raise ApplyError(f"{what}: the cluster does not know {manifest['kind']} of {manifest['apiVersion']}", 404, "NoKind")
    query = {"fieldManager": field_manager, "force": json.dumps(force_conflicts), **({"dryRun": "All"} if dry_run else {})}
    try:
        return api.request("PATCH", path, query, manifest, "application/apply-patch+yaml")
    except KubeError as error:
        raise ApplyError(f"{what}: {error}", error.status, error.reason) from error


def _namespace(api: KubeApi, manifest: Manifest) -> str | None:
    resource = api.resource(manifest["apiVersion"], manifest["kind"])
    return (manifest["metadata"].get("namespace") or "default") if resource and resource.namespaced else None


def _change(manifest: Manifest, live: Manifest | None, after: Manifest, ignore: t.Sequence[Ignore]) -> Change:
    wanted = normalise(after)
    if live is None:
        return _of(manifest, "create", after=mask(wanted))
    before = normalise({"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], **live})
    keep_ignored(before, wanted, ignore)
    if before == wanted:
        return _of(manifest, "unchanged")
    return _of(manifest, "update", before=mask(before, wanted), after=mask(wanted, before))


def _of(item: Manifest, action: str, before: Manifest | None = None, after: Manifest | None = None) -> Change:
    metadata = item["metadata"]
    return Change(item["apiVersion"], item["kind"], metadata["name"], metadata.get("namespace") or "", action, before or {}, after or {})


def _rank(manifest: Manifest) -> int:
    return _FIRST.index(manifest["kind"]) if manifest["kind"] in _FIRST else len(_FIRST)


def _discover(api: KubeApi, manifests: t.Iterable[Manifest]) -> None:
    """Each API group once, instead of by every thread at the same time."""
    kinds = {manifest["apiVersion"]: manifest["kind"] for manifest in manifests}
    api.map(lambda item: api.resource(*item), kinds.items())


# -- paths ----------------------------------------------------------------------------------------------------------


def _drop(node: t.Any, path: tuple[str, ...]) -> None:
    for step in path[:-1]:
        node = node.get(step) if isinstance(node, dict) else None
    if isinstance(node, dict):
        node.pop(path[-1], None)


def _keep_live(live: t.Any, wanted: t.Any, path: tuple[str, ...]) -> None:
    step, rest = path[0], path[1:]
    if step == "*":
        if isinstance(live, list) and isinstance(wanted, list):
            for one, other in zip(live, wanted, strict=False):
                _keep_live(one, other, rest)
    elif not (isinstance(live, dict) and isinstance(wanted, dict)):
        return
    elif rest:
        if step in live and step not in wanted:
            wanted[step] = {} if isinstance(live[step], dict) else []
        _keep_live(live.get(step), wanted.get(step), rest)
    elif step in live:
        wanted[step] = copy.deepcopy(live[step])
    else:
        wanted.pop(step, None)


def _documents_text(changes: t.Iterable[Change], side: str) -> str:
    parts = []
    for change in changes:
        body = _shortened(change, getattr(change, side))
        parts.append(f"# {change.id}\n" + as_text(body))
    return "---\n".join(parts)


def _shortened(change: Change, body: Manifest) -> Manifest:
    """A whole CRD that comes or goes is a hundred kilobytes that nobody reads; its versions say what it is."""
    if not body or change.kind != "CustomResourceDefinition" or change.action == "update":
        return body
    versions = [version.get("name") for version in (body.get("spec") or {}).get("versions") or []]
    return {**body, "spec": {"versions": versions}}
