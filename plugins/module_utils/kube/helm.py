# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A Helm release: Helm's record, the rendered chart, and the live objects."""

from __future__ import annotations

import base64
import gzip
import json
import os
import typing as t
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from ..common.command import Answer, Runner, last_line
from ..common.failure import Failure
from ..common.safe_yaml import Loader
from .api import KubeApi
from .apply import Change, documents, mask
from .objects import Manifest, identity, title

with suppress(ImportError):  # see safe_yaml
    import yaml

HOOK = "helm.sh/hook"
# Seconds that Helm has to exit after its timeout.
HELM_ENDS = 15
MANAGED_BY = "app.kubernetes.io/managed-by"
RELEASE_NAME, RELEASE_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"


class HelmError(Failure):
    """A helm command failed."""

    def __init__(self, message: str, command: list[str], answer: Answer) -> None:
        super().__init__(message, command=command, stdout=answer.stdout, stderr=answer.stderr)


@dataclass
class Release:
    """Helm's record."""

    revision: int
    status: str
    chart_version: str = ""
    app_version: str = ""
    manifests: list[Manifest] = field(default_factory=list)
    # The Jobs of its hooks that have not succeeded: what Helm waits for, or timed out waiting for.
    waiting_jobs: list[str] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        """A killed helm leaves these states, and every later helm refuses to change the release."""
        return self.status.startswith("pending-") or self.status in ("uninstalling", "uninstalled")

    @property
    def gone(self) -> bool:
        """`helm uninstall --keep-history` leaves the record of what it has deleted."""
        return self.status == "uninstalled"


@dataclass
class Helm:
    name: str
    namespace: str
    chart: str = ""
    repository: str = ""
    version: str = ""
    values_file: str = ""
    binary: str = "helm"
    kubeconfig: str = ""
    context: str = ""
    timeout: float = 120
    runner: t.Callable[..., Answer] = field(default_factory=Runner)

    def _cluster(self) -> list[str]:
        options = ["--namespace", self.namespace]
        options += ["--kubeconfig", self.kubeconfig] if self.kubeconfig else []
        return options + (["--kube-context", self.context] if self.context else [])

    def _chart(self) -> list[str]:
        options = [self.chart]
        options += ["--repo", self.repository] if self.repository else []
        # A chart directory has its own version; Helm would ignore --version.
        return options + (["--version", self.version] if self.version and not os.path.isdir(self.chart) else [])

    def _run(self, *arguments: str) -> Answer:
        command = [self.binary, *arguments]
        # Helm's own timeout reports what it waited for, and leaves a record; it must come before ours.
        answer = self.runner(command, self.timeout + (HELM_ENDS if "--timeout" in arguments else 0))
        if answer.rc != 0:
            raise HelmError(f"{' '.join(command[:2])} failed: {last_line(answer.stderr) or last_line(answer.stdout)}", command, answer)
        return answer

    def records(self, api: KubeApi) -> list[Manifest]:
        return api.find("v1", "Secret", self.namespace, labels=f"owner=helm,name={self.name}")

    def release(self, api: KubeApi) -> Release | None:
        """The newest revision, whatever its state. `helm status` omits the chart's version, and `helm list` the manifest."""
        records = self.records(api)
        if not records:
            return None
        record = decode(max(records, key=lambda secret: int(secret["metadata"]["labels"]["version"])))
        metadata = (record.get("chart") or {}).get("metadata") or {}
        return Release(
            revision=int(record["version"]),
            status=str(record["info"]["status"]),
            chart_version=metadata.get("version", ""),
            app_version=metadata.get("appVersion", ""),
            manifests=load(record.get("manifest") or ""),
            waiting_jobs=waiting_jobs(record.get("hooks") or []),
        )

    def render(self, kube_version: str, api_versions: Iterable[str]) -> list[Manifest]:
        """What an install would write. `lookup` in templates reads the cluster, as it does in an install."""
        options = ["--dry-run=server", "--skip-crds", "--no-hooks", "--skip-tests", "--kube-version", kube_version]
        for api_version in api_versions:
            options += ["--api-versions", api_version]
        answer = self._run("template", self.name, *self._chart(), *self._cluster(), "--values", self.values_file, *options)
        return [manifest for manifest in load(answer.stdout) if HOOK not in ((manifest.get("metadata") or {}).get("annotations") or {})]

    def crds(self) -> list[Manifest]:
        """The chart's CRDs: `helm upgrade` never touches them."""
        if os.path.isdir(self.chart):
            folder = os.path.join(self.chart, "crds")
            texts = []
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
                if name.endswith((".yaml", ".yml")):
                    with open(os.path.join(folder, name), encoding="utf-8") as stream:
                        texts.append(stream.read())
        else:
            texts = [self._run("show", "crds", *self._chart()).stdout]
        return [manifest for text in texts for manifest in load(text) if manifest.get("kind") == "CustomResourceDefinition"]

    def install(self, take_ownership: bool = False) -> Answer:
        options = ["--take-ownership"] if take_ownership else []
        options += ["--install", "--skip-crds", "--hide-notes", "--reset-values", "--history-max", "5", "--timeout", f"{int(self.timeout)}s"]
        return self._run("upgrade", self.name, *self._chart(), *self._cluster(), "--values", self.values_file, *options)

    def uninstall(self) -> Answer:
        return self._run("uninstall", self.name, *self._cluster(), "--wait", "--timeout", f"{int(self.timeout)}s")

    def forget(self, api: KubeApi, release: Release) -> None:
        """Drop the record of an interrupted operation; the objects stay, and the next install finds them marked as Helm's."""
        api.delete("v1", "Secret", f"sh.helm.release.v1.{self.name}.v{release.revision}", self.namespace)


def decode(secret: Manifest) -> dict[str, t.Any]:
    """Helm's record in its Secret."""
    record: dict[str, t.Any] = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
    return record


def waiting_jobs(hooks: list[dict[str, t.Any]]) -> list[str]:
    """Helm records whether a hook runs, has succeeded or has failed; nothing for one that did not run yet."""
    return [hook["name"] for hook in hooks if hook.get("kind") == "Job" and (hook.get("last_run") or {}).get("phase") in ("Running", "Failed")]


def load(text: str) -> list[Manifest]:
    return documents(yaml.load_all(text, Loader=Loader))  # a safe loader, the C one where there is one


def with_namespace(api: KubeApi, manifests: list[Manifest], namespace: str) -> list[Manifest]:
    """Helm applies objects without a namespace to the release's own."""
    for manifest in manifests:
        if manifest["metadata"].get("namespace"):
            continue
        resource = api.resource(manifest["apiVersion"], manifest["kind"])
        if resource and resource.namespaced:
            manifest["metadata"]["namespace"] = namespace
    return manifests


def dropped(recorded: list[Manifest], rendered: list[Manifest]) -> list[Change]:
    """What the next upgrade removes: recorded objects that the chart no longer renders."""
    kept = {identity(manifest) for manifest in rendered}
    return [
        Change(gone["apiVersion"], gone["kind"], gone["metadata"]["name"], gone["metadata"].get("namespace") or "", "delete", before=mask(gone))
        for gone in recorded
        if identity(gone) not in kept
    ]


def unimportable(items: Iterable[Manifest], name: str, namespace: str) -> list[str]:
    """Why Helm would refuse live objects, as checkOwnership of its pkg/action/validate.go does."""
    return [f"{title(item)}: {'; '.join(wrong)}" for item in items if (wrong := _ownership_errors(item, name, namespace))]


def _ownership_errors(item: Manifest, name: str, namespace: str) -> list[str]:
    metadata = item["metadata"]
    wanted = (("label", MANAGED_BY, "Helm"), ("annotation", RELEASE_NAME, name), ("annotation", RELEASE_NAMESPACE, namespace))
    found = [(what, key, (metadata.get(f"{what}s") or {}).get(key), value) for what, key, value in wanted]
    return [f"{what} {key} must be {value} but is {live or 'missing'}" for what, key, live, value in found if live != value]


def same_record(recorded: list[Manifest], rendered: list[Manifest]) -> bool:
    """Whether Helm's record equals what the chart renders now."""
    return {identity(m): m for m in recorded} == {identity(m): m for m in rendered}


def carries(manifests: list[Manifest], labels: dict[str, str]) -> bool:
    """Whether a release is ours: its workloads (or, without any, all of its objects) carry the labels."""
    workloads = [m for m in manifests if m["kind"] in ("Deployment", "DaemonSet", "StatefulSet")] or manifests
    return bool(workloads) and all(labels.items() <= (m["metadata"].get("labels") or {}).items() for m in workloads)


def reasons(release: Release | None, recorded_same: bool, changes: list[Change]) -> list[str]:
    """Why a helm upgrade is needed; empty when it is not."""
    if release is None:
        return ["the release is not installed"]
    found = []
    if release.status != "deployed":
        found.append(f"the release is {release.status}")
    found += [f"{change.id}: {change.action}" for change in changes if change.action != "unchanged"]
    if not found and not recorded_same:
        found.append("Helm's record differs from what the chart renders")
    return found
