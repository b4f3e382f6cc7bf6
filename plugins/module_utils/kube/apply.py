# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a list of manifests would change in a cluster, by the API server's own dry run; and the change itself.

What is as it was applied last needs no dry run: see as_applied.

Manual additions to an object are part of the difference, and are removed: see managed_fields.

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

from ..common.safe_yaml import Dumper
from . import managed_fields
from .api import KubeApi, KubeError
from .as_applied import as_applied
from .objects import Identity, Manifest, identity, title, title_of
from .reading import live_object, live_objects, namespace_of

with suppress(ImportError):  # see safe_yaml
    import yaml

T = t.TypeVar("T")
HIDDEN = "hidden"
_CONFLICT_TRIES = 5  # as client-go's retry.DefaultRetry


def _represent_text(dumper: t.Any, text: str) -> t.Any:
    if "\n" not in text:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text)
    # YAML block scalars cannot contain tabs and trailing spaces: they are shown by a symbol.
    shown = re.sub(r" +(?=\n|$)", lambda spaces: "\u00b7" * len(spaces[0]), text.replace("\t", "\u2192"))
    return dumper.represent_scalar("tag:yaml.org,2002:str", shown, style="|")


class _Dumper(Dumper):
    """Writes multi-line text as block scalars, since a diff of folded strings is unreadable."""

    yaml_representers = {**getattr(Dumper, "yaml_representers", {}), str: _represent_text}


# The server's own bookkeeping: never intended by a user.
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
    """A difference to ignore: the live value at `path` replaces the desired one.

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
    """One object and its change. before and after are normalised, secrets masked."""

    api_version: str
    kind: str
    name: str
    namespace: str
    action: str  # create, update, delete, restart, unchanged
    before: Manifest = field(default_factory=dict)
    after: Manifest = field(default_factory=dict)

    @property
    def id(self) -> str:
        return title_of(self.kind, self.name, self.namespace)

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
    """What apply() would do, in the manifests' order. Writes nothing.

    An object whose namespace or kind does not exist yet is a create. `live` has the live objects, one for each manifest, if the caller already has them.
    """
    wanted = documents(manifests)
    _discover(api, wanted)
    known = live if live is not None else live_objects(api, wanted)
    coming = {item["metadata"]["name"] for item, there in zip(wanted, known, strict=True) if item["kind"] == "Namespace" and there is None}

    def change(pair: tuple[Manifest, Manifest | None]) -> Change:
        manifest, there = pair
        # The server would take its time to say that the namespace does not exist.
        if there is None and manifest["metadata"].get("namespace") in coming:
            return _change(manifest, None, manifest, ())
        return _plan_one(api, manifest, there, field_manager, force_conflicts, ignore)

    return api.map(change, zip(wanted, known, strict=True))


def apply(api: KubeApi, manifests: t.Iterable[Manifest], field_manager: str, force_conflicts: bool = True, new: t.Container[Identity] = ()) -> None:
    """Apply them: dependencies first, the rest in parallel. `new`: those that are to be created, to which nobody has added anything by hand."""
    for _rank_of_these, group in itertools.groupby(sorted(documents(manifests), key=_rank), key=_rank):
        these = list(group)
        _discover(api, these)
        take_over(api, [manifest for manifest in these if identity(manifest) not in new], field_manager)
        api.map(lambda manifest: _patch(api, manifest, field_manager, force_conflicts, dry_run=False), these)
        if these[0]["kind"] == "CustomResourceDefinition":
            api.forget_kinds()


def take_over(api: KubeApi, manifests: t.Iterable[Manifest], field_manager: str) -> None:
    """So that the next apply under this name drops what people added by hand."""
    api.map(lambda manifest: _take_over(api, manifest, field_manager), manifests)


def _take_over(api: KubeApi, manifest: Manifest, field_manager: str) -> None:
    _with_latest(api, manifest, live_object(api, manifest), lambda live: _take_over_from(api, manifest, live, field_manager))


def _take_over_from(api: KubeApi, manifest: Manifest, live: Manifest | None, field_manager: str) -> None:
    fields = managed_fields.taken_over(_typed(manifest, live), field_manager) if live else []
    if not live or not fields:
        return
    metadata = manifest["metadata"]
    patch = {"metadata": {"managedFields": fields, "resourceVersion": live["metadata"].get("resourceVersion")}}
    api.merge(manifest["apiVersion"], manifest["kind"], metadata["name"], namespace_of(api, manifest), patch)


def _with_latest(api: KubeApi, manifest: Manifest, live: Manifest | None, attempt: t.Callable[[Manifest | None], T]) -> T:
    """attempt(live); retry with the current object if a controller, which may write a status at any time, changed it in between."""
    for _try in range(_CONFLICT_TRIES - 1):
        try:
            return attempt(live)
        except ApplyError:  # a conflict of field managers, which a retry does not resolve
            raise
        except KubeError as error:
            if error.status != 409:
                raise
        live = live_object(api, manifest)
    return attempt(live)


def plan_delete(objects: t.Iterable[Manifest]) -> list[Change]:
    """What delete() would do to live objects."""
    return [_of(item, "delete", before=mask(normalise(item))) for item in objects]


def delete(api: KubeApi, objects: t.Iterable[Manifest], propagation: str = "Background") -> list[Change]:
    """Delete live objects; the result omits those that no longer exist."""
    changes = []
    for item in objects:
        metadata = item["metadata"]
        if api.delete(item["apiVersion"], item["kind"], metadata["name"], metadata.get("namespace"), propagation):
            changes.append(_of(item, "delete", before=mask(normalise(item))))
    return changes


def keep_ignored(live: Manifest, wanted: Manifest, ignore: t.Iterable[Ignore]) -> None:
    """Copy ignored differences into `wanted`."""
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
    """An object in readable form; empty for none."""
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
    """Without the fields that the server itself writes."""
    result = copy.deepcopy(manifest)
    for path in _BOOKKEEPING:
        _drop(result, path)
    if not (result.get("metadata") or {}).get("annotations", True):
        del result["metadata"]["annotations"]
    return result


def mask(manifest: Manifest, other: Manifest | None = None) -> Manifest:
    """A Secret's values are never shown, only that they differ from `other`'s."""
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
    if live is not None and as_applied(manifest, live, field_manager):
        return _of(manifest, "unchanged")
    return _with_latest(api, manifest, live, lambda latest: _plan_against(api, manifest, latest, field_manager, force_conflicts, ignore))


def _plan_against(api: KubeApi, manifest: Manifest, live: Manifest | None, field_manager: str, force_conflicts: bool, ignore: t.Sequence[Ignore]) -> Change:
    try:
        after = _patch(api, manifest, field_manager, force_conflicts, dry_run=True)
        after = _without_hands(api, manifest, live, after, field_manager)
    except ApplyError as error:
        if live is None and error.status == 404:  # neither its namespace nor its kind exists to validate it
            after = manifest
        elif live is not None and error.status == 422:
            after = _cleared(api, manifest, live, field_manager, error)
        else:
            raise
    return _change(manifest, live, after, ignore)


def _without_hands(api: KubeApi, manifest: Manifest, live: Manifest | None, after: Manifest, field_manager: str) -> Manifest:
    """What apply() leaves of an object with manual additions: the server decides, since many of them are defaults that come back."""
    typed = _typed(manifest, after)
    by_hand = managed_fields.added_by_hand(typed, field_manager) if live else {}
    return _replaced(api, manifest, managed_fields.stripped(typed, by_hand), live) if by_hand else after


def _cleared(api: KubeApi, manifest: Manifest, live: Manifest, field_manager: str, error: ApplyError) -> Manifest:
    """The additions make the object invalid, such as a second port without a name: they are removed first."""
    typed = _typed(manifest, live)
    by_hand = managed_fields.added_by_hand(typed, field_manager)
    if not by_hand:
        raise error
    return _replaced(api, manifest, _overlaid(managed_fields.stripped(typed, by_hand), manifest), live)


def _overlaid(base: t.Any, over: t.Any) -> t.Any:
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return copy.deepcopy(over)
    return {**base, **{key: _overlaid(base.get(key), value) for key, value in over.items()}}


def _replaced(api: KubeApi, manifest: Manifest, wanted: Manifest, live: Manifest | None) -> Manifest:
    """The server's response to this object; nothing is written."""
    metadata = {**wanted["metadata"], "resourceVersion": ((live or {}).get("metadata") or {}).get("resourceVersion")}
    path = api.path(manifest["apiVersion"], manifest["kind"], metadata["name"], namespace_of(api, manifest))
    answer: Manifest = api.request("PUT", str(path), {"dryRun": "All"}, {**wanted, "metadata": metadata})
    return answer


def _typed(manifest: Manifest, live: Manifest) -> Manifest:
    return {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], **live}


def _patch(api: KubeApi, manifest: Manifest, field_manager: str, force_conflicts: bool, dry_run: bool) -> Manifest:
    metadata = manifest["metadata"]
    what = title(manifest)
    path = api.path(manifest["apiVersion"], manifest["kind"], metadata["name"], namespace_of(api, manifest))
    if path is None:
        raise ApplyError(f"{what}: the cluster does not serve {manifest['kind']} of {manifest['apiVersion']}", 404, "NoKind")
    query = {"fieldManager": field_manager, "force": json.dumps(force_conflicts), **({"dryRun": "All"} if dry_run else {})}
    try:
        answer: Manifest = api.request("PATCH", path, query, manifest, "application/apply-patch+yaml")
        return answer
    except KubeError as error:
        raise ApplyError(f"{what}: {error}", error.status, error.reason) from error


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
    """Discover each API group once, instead of in every thread."""
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
    """A whole new or deleted CRD is an unreadable hundred kilobytes; its versions are enough."""
    if not body or change.kind != "CustomResourceDefinition" or change.action == "update":
        return body
    versions = [version.get("name") for version in (body.get("spec") or {}).get("versions") or []]
    return {**body, "spec": {"versions": versions}}
