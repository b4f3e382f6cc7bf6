# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Installing Istio according to a specification: compare, then install only if something differs."""

from __future__ import annotations

import datetime
import os
import re
import tempfile
import typing as t
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from ..alb import ingress as alb_kubernetes
from ..common.ownership import OWNER_LABEL
from ..common.progress import report
from ..kube import crds
from ..kube import ready as kube_ready
from ..kube.api import KubeApi
from ..kube.apply import Change, apply, changed, delete, plan, plan_delete, take_over
from ..kube.objects import Manifest, identity, title
from . import operator as istio_operator
from . import ownership as istio_ownership
from .istioctl import Istioctl, IstioError, last_error, parse, release, skew_problem

with suppress(ImportError):  # see safe_yaml
    import yaml

OUR_FIELD_MANAGER = "meshgate"
NAMESPACE = ("v1", "Namespace")
SERVICE = ("v1", "Service")
INJECTOR = ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration")


@dataclass
class Request:
    spec: dict[str, t.Any] = field(default_factory=dict)
    values: dict[str, t.Any] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    name: str = "installed-state"
    revision: str = ""
    version: str = ""
    namespace: str = "istio-system"
    prerequisites: list[Manifest] = field(default_factory=list)
    readiness_gates: bool = False
    known_target_groups: list[str] | None = None
    readiness_timeout: int = 300
    force: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    adopt: bool = False


@dataclass
class Result:
    changed: bool = False
    changes: list[Change] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    stdout: str = ""
    stderr: str = ""
    version_before: str = ""
    version_after: str = ""
    components: list[str] = field(default_factory=list)

    def resources(self) -> list[dict[str, str]]:
        found = [change.summary() for change in self.changes]
        for restart in self.restarts:
            namespace, name = restart.split("/")
            found.append({"api_version": "apps/v1", "kind": "Deployment", "namespace": namespace, "name": name, "action": "restart"})
        return found


class Install:
    """One run of state=present. The methods are the steps, in their order."""

    def __init__(self, request: Request, istioctl: Istioctl, api: KubeApi) -> None:
        self.request = request
        self.istioctl = istioctl
        self.api = api
        self.result = Result()
        self.rendered: list[Manifest] = []
        self.files: list[str] = []
        self.revision = request.revision or "default"
        self.merged = merged_spec(request)

    def run(self, check: bool) -> Result:
        with tempfile.TemporaryDirectory(prefix="meshgate-istio-") as folder:
            self.files = self._write(folder)
            self.measure()
            if not any(manifest["kind"] == INJECTOR[1] for manifest in self.rendered):
                self.files = self._write(folder, {"global": {"operatorManageWebhooks": True}})
            if self.istio_changes:
                self.judge()
            result = self.result
            result.changed = changed(result.changes) or bool(result.restarts)
            if check:
                return result
            if changed(self.prerequisite_changes) or self.istio_changes or self.stale:
                self.prepare()
            if self.istio_changes:
                self.install()
            self.gate()
            self.verify()
        return result

    # -- reading ----------------------------------------------------------------------------------------------------

    def measure(self) -> None:
        request, result = self.request, self.result
        with ThreadPoolExecutor() as pool:
            version = pool.submit(self.istioctl.version)
            rendering = pool.submit(self.istioctl.render, self.files, request.force)
            before = pool.submit(running_version, self.api, request.namespace, self.revision)
            prerequisites = pool.submit(self._plan_prerequisites)
            if request.version and version.result() != request.version:
                raise IstioError(
                    f"{self.istioctl.binary} has version {version.result()}, but {request.version} is requested: istioctl installs its own version"
                )
            self.owner = istio_operator.Owner(request.name, request.namespace, self.revision, version.result())
            self.rendered = istio_ownership.marked(istio_operator.own(rendering.result(), self.owner), request.labels)
            self._respect_foreign()
            result.version_before, result.version_after = before.result(), self.owner.version
            self.prerequisite_changes = prerequisites.result()
        result.components = sorted({istio_operator.component(manifest) for manifest in self.rendered})
        self.leftovers = istio_operator.superfluous(self.api, self.rendered, self.owner)
        changes = self._plan_rendered()
        self.istio_changes = [*self._unrendered(changes), *(c for c in changes if c.action != "unchanged"), *plan_delete(self.leftovers)]
        if self.istio_changes:
            self.istio_changes += self._tagged(changes)
        unchanged = [c for c in changes if c.action == "unchanged"]
        self.stale = self._stale_bindings()
        result.changes = [*self.prerequisite_changes, *plan_delete(self.stale), *self.istio_changes, *unchanged]
        if request.readiness_gates and not self.istio_changes:
            result.restarts = self._ungated()

    def _plan_rendered(self) -> list[Change]:
        """In istioctl's order, CRDs first."""
        definitions = [manifest for manifest in self.rendered if manifest["kind"] == crds.KIND]
        others = [manifest for manifest in self.rendered if manifest["kind"] != crds.KIND]
        live = crds.live_crds(self.api, [manifest["metadata"]["name"] for manifest in definitions])
        known = crds.plan_crds(self.api, [m for m in definitions if m["metadata"]["name"] in live], istio_operator.FIELD_MANAGER, live, istio_operator.SHARED)
        # A dry run of a megabyte of new schemas would only show that they are new.
        new = [Change(crds.API, crds.KIND, m["metadata"]["name"], "", "create", after=m) for m in definitions if m["metadata"]["name"] not in live]
        return known + [crds.brief(change) for change in new] + plan(self.api, others, istio_operator.FIELD_MANAGER, ignore=istio_operator.NOISE)

    def _respect_foreign(self) -> None:
        """An Istio, or an object with a prerequisite's name, that others created is not overwritten."""
        request = self.request
        if request.adopt or not request.labels:
            return
        ours = {identity(manifest) for manifest in self.rendered}
        found = istio_ownership.workloads(self.api)
        strangers = [item for item in found if istio_ownership.is_control_plane(item) or identity(item) in ours]
        strangers = istio_ownership.foreign(self.api, strangers, request.labels)
        if strangers:
            raise IstioError(istio_ownership.refusal(strangers, request.labels, "installed over"))

    def _plan_prerequisites(self) -> list[Change]:
        if not self.request.adopt:
            refuse_foreign(self.api, self.request.prerequisites)
        self.prerequisites = [not_adopted(self.api, manifest) for manifest in self.request.prerequisites]
        return plan(self.api, self.prerequisites, OUR_FIELD_MANAGER)

    def _unrendered(self, changes: list[Change]) -> list[Change]:
        """What install creates without a manifest: the namespace and the default tag's webhook."""
        found = []
        namespace = self.request.namespace
        named = {c.name for c in self.prerequisite_changes if c.kind == "Namespace"}
        if changes and namespace not in named and self.api.get(*NAMESPACE, namespace) is None:
            found.append(_create(*NAMESPACE, namespace))
        if self._sets_the_default_tag(changes) and self.api.get(*INJECTOR, istio_operator.DEFAULT_TAG_WEBHOOK) is None:
            found.append(_create(*INJECTOR, istio_operator.DEFAULT_TAG_WEBHOOK))
        return found

    def _sets_the_default_tag(self, changes: list[Change]) -> bool:
        """Like WebhooksToDeploy of istio's operator/pkg/webhook/webhook.go: for the revision without a name, and if there is no such tag yet."""
        if not any(c.kind == INJECTOR[1] for c in changes) or self._manages_webhooks():
            return False
        return self.revision == "default" or not self.api.find(*INJECTOR, labels="app=sidecar-injector,istio.io/tag=default")

    def _manages_webhooks(self) -> bool:
        return bool(((self.merged.get("values") or {}).get("global") or {}).get("operatorManageWebhooks"))

    def _tagged(self, changes: list[Change]) -> list[Change]:
        """What else of the default tag an install writes, which alone is no reason to install: its Service, and it moves the tag back."""
        if not self._sets_the_default_tag(changes):
            return []
        found = []
        parts = ((INJECTOR, istio_operator.DEFAULT_TAG_WEBHOOK, None), (SERVICE, istio_operator.DEFAULT_TAG_SERVICE, self.request.namespace))
        for kind, name, namespace in parts:
            live = self.api.get(*kind, name, namespace)
            holder = istio_ownership.revision_of(live) if live else self.revision
            if live is None and kind == SERVICE:
                found.append(_create(*kind, name, namespace or ""))
            elif holder != self.revision:
                found.append(_relabelled(*kind, name, namespace or "", holder, self.revision))
                self.result.warnings.append(f"the tag default points to revision {holder}: istioctl install points it to revision {self.revision}")
        self.result.warnings = list(dict.fromkeys(self.result.warnings))
        return found

    def _services(self) -> list[tuple[str, str]]:
        ingresses = [manifest for manifest in self.prerequisites if manifest["kind"] == "Ingress"]
        return list(dict.fromkeys(service for ingress in ingresses for service in alb_kubernetes.backends(ingress)))

    def _stale_bindings(self) -> list[Manifest]:
        """The controller cannot recreate a binding while the one to a deleted target group has its name."""
        known = self.request.known_target_groups
        if known is None:
            return []
        bound = alb_kubernetes.bindings(self.api, self._services()).values()
        return [b for found in bound for b in found if alb_kubernetes.is_the_controllers(b) and b["spec"].get("targetGroupARN") not in known]

    def _ungated(self) -> list[str]:
        pods = alb_kubernetes.ungated_pods(self.api, self._services())
        owners = ((pod["metadata"]["namespace"], alb_kubernetes.owning_deployment(self.api, pod)) for pod in pods)
        return list(dict.fromkeys(f"{namespace}/{name}" for namespace, name in owners if name))

    # -- checking ---------------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """Refuse before anything is written."""
        request, result = self.request, self.result
        problem = skew_problem(result.version_before, result.version_after, request.force)
        if problem:
            raise IstioError(problem, version_before=result.version_before, version_after=result.version_after)
        namespaces = {item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in self.api.find(*NAMESPACE)}
        for manifest in self.prerequisites:
            if manifest["kind"] == "Namespace":
                namespaces[manifest["metadata"]["name"]] = {
                    **namespaces.get(manifest["metadata"]["name"], {}),
                    **(manifest["metadata"].get("labels") or {}),
                }
        blocked = istio_operator.injection_problems(self.rendered, namespaces, self.revision)
        if blocked:
            raise IstioError("; ".join(blocked))
        errors, warnings = self.istioctl.precheck()
        result.warnings += [f"istioctl x precheck: {line}" for line in warnings] + self._broken_injectors()
        if errors and not request.force:
            raise IstioError(f"istioctl x precheck rejects this cluster (`force` overrides it): {'; '.join(errors)}")

    def _broken_injectors(self) -> list[str]:
        """Other injectors whose Service has no endpoint keep pods from starting."""
        found = []
        for webhook in self.api.find(*INJECTOR, labels="app=sidecar-injector"):
            revision = (webhook["metadata"].get("labels") or {}).get(istio_operator.REVISION)
            state = kube_ready.endpoints_state(self.api, kube_ready.webhook_services([webhook])) if revision != self.revision else ""
            if state:
                found.append(f"injector {webhook['metadata']['name']} of revision {revision} cannot answer ({state}): pods that it selects will not start")
        return found

    # -- applying ---------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Namespaces, then the Services of gateways as istioctl would apply them, then the other prerequisites."""
        is_namespace = [manifest for manifest in self.prerequisites if manifest["kind"] == "Namespace"]
        others = [manifest for manifest in self.prerequisites if manifest["kind"] != "Namespace"]
        apply(self.api, is_namespace, OUR_FIELD_MANAGER)
        services = self._services()
        if services:
            wanted = [m for m in self.rendered if m["kind"] == "Service" and (m["metadata"].get("namespace"), m["metadata"]["name"]) in services]
            apply(self.api, wanted, istio_operator.FIELD_MANAGER)
        delete(self.api, self.stale)
        apply(self.api, others, OUR_FIELD_MANAGER)
        if self.stale:
            self._nudge()
        if self.request.readiness_gates and services:
            kube_ready.await_true(
                "target group of the gateway",
                lambda: alb_kubernetes.bindings_state(self.api, services),
                self.request.readiness_timeout,
                why=self._ingress_causes,
            )

    def _nudge(self) -> None:
        """After failures the controller backs off, but retries at once when the Ingress changes."""
        for manifest in self.prerequisites:
            if manifest["kind"] == "Ingress":
                patch = {"metadata": {"annotations": {"meshgate.io/nudged-at": _now()}}}
                self.api.merge(manifest["apiVersion"], "Ingress", manifest["metadata"]["name"], manifest["metadata"]["namespace"], patch)

    def _ingress_causes(self) -> list[str]:
        ingresses = [manifest["metadata"] for manifest in self.prerequisites if manifest["kind"] == "Ingress"]
        return [line for metadata in ingresses for line in alb_kubernetes.causes(self.api, "Ingress", metadata["name"], metadata["namespace"])]

    def install(self) -> None:
        request, result = self.request, self.result
        self._note_installing(self.revision)
        take_over(self.api, [manifest for manifest in self.rendered if manifest["kind"] != crds.KIND], istio_operator.FIELD_MANAGER)
        result.command, answer = self.istioctl.install(self.files, request.readiness_timeout, request.force)
        result.stdout, result.stderr = answer.stdout, answer.stderr
        if answer.rc:
            why = kube_ready.told(self._causes)
            raise IstioError(
                f"istioctl install failed: {last_error(answer)}" + "".join(f"\n  {line}" for line in why),
                command=result.command,
                stdout=answer.stdout,
                stderr=answer.stderr,
                causes=why,
            )
        delete(self.api, istio_operator.superfluous(self.api, self.rendered, self.owner))
        apply(self.api, istio_ownership.marks(self.rendered, request.labels), OUR_FIELD_MANAGER)
        self._note_installing(None)

    def _note_installing(self, revision: str | None) -> None:
        if self.request.labels and self.api.get(*NAMESPACE, self.request.namespace):
            self.api.merge(*NAMESPACE, self.request.namespace, None, {"metadata": {"annotations": {istio_ownership.INSTALLING: revision}}})

    def gate(self) -> None:
        """A gateway whose pods are older than their target group is restarted, once."""
        if not self.request.readiness_gates:
            return
        for restart in self._ungated():
            namespace, name = restart.split("/")
            report(f"rolling Deployment {restart}: its pods lack the readiness gate of their target group")
            annotation = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": _now()}}}
            self.api.merge("apps/v1", "Deployment", name, namespace, {"spec": {"template": annotation}})
            if restart not in self.result.restarts:
                self.result.restarts.append(restart)
            self.result.changed = True

    def verify(self) -> None:
        """Also if nothing differed: a control plane that does not run is not installed."""
        kube_ready.await_true(
            "Istio",
            lambda: kube_ready.workloads_state(self.api, self.rendered) or self._gates_state(),
            self.request.readiness_timeout,
            why=self._causes,
        )

    def _gates_state(self) -> str:
        pods = alb_kubernetes.ungated_pods(self.api, self._services()) if self.request.readiness_gates else []
        names = ", ".join(pod["metadata"]["name"] for pod in pods)
        return f"pods without the readiness gate of their target group: {names}" if pods else ""

    def _causes(self) -> list[str]:
        def waits(manifest: Manifest) -> bool:
            return manifest["kind"] in kube_ready.WORKLOADS and bool(kube_ready.workloads_state(self.api, [manifest]))

        waiting = [manifest for manifest in self.rendered if waits(manifest)]
        found = kube_ready.causes(self.api, waiting) + (self._ingress_causes() if self.request.readiness_gates else [])
        told: dict[str, str] = {}  # replicas fail alike: once is enough
        for line in found:
            told.setdefault(re.sub(r"-[a-z0-9]{5}\b", "", line), line)
        return list(told.values())

    def _write(self, folder: str, values: Manifest | None = None) -> list[str]:
        """With an operator without a control plane, such as one with only gateways, istioctl would take over the default tag and its webhooks."""
        request = self.request
        values = istio_operator.deep_merge(request.values, values or {})
        operator = istio_operator.document(request.spec, values, request.revision, request.name, request.namespace)
        path = os.path.join(folder, "operator.yaml")
        with open(path, "w", encoding="utf-8") as stream:
            yaml.safe_dump(operator, stream)
        return [*request.files, path]


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def merged_spec(request: Request) -> Manifest:
    """The specification as istioctl reads it: files, then spec, then values."""
    merged: Manifest = {}
    for spec in [*(document.get("spec") or {} for document in operator_files(request.files)), request.spec, {"values": request.values}]:
        merged = istio_operator.deep_merge(merged, spec)
    return merged


def refuse_foreign(api: KubeApi, manifests: list[Manifest]) -> None:
    """Existing objects, except namespaces, without their manifest's ownership label are not ours."""
    wanted = [manifest for manifest in manifests if manifest["kind"] != "Namespace" and OWNER_LABEL in (manifest["metadata"].get("labels") or {})]
    found = [manifest for manifest in wanted if _of_another(api, manifest)]
    if found:
        names = ", ".join(map(title, found))
        label = f"{OWNER_LABEL}={found[0]['metadata']['labels'][OWNER_LABEL]}"
        raise IstioError(f"{names}: created by someone else (without the label {label}); delete it, choose another name, or take it over with adopt")


def _of_another(api: KubeApi, manifest: Manifest) -> bool:
    live = api.get(manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"], manifest["metadata"].get("namespace"))
    return live is not None and (live["metadata"].get("labels") or {}).get(OWNER_LABEL) != manifest["metadata"]["labels"][OWNER_LABEL]


def not_adopted(api: KubeApi, manifest: Manifest) -> Manifest:
    """A namespace that others created does not become ours, whatever labels we add."""
    metadata = manifest["metadata"]
    if manifest["kind"] != "Namespace" or OWNER_LABEL not in (metadata.get("labels") or {}):
        return manifest
    live = api.get(*NAMESPACE, metadata["name"])
    if live is None or OWNER_LABEL in (live["metadata"].get("labels") or {}):
        return manifest
    labels = {k: v for k, v in metadata["labels"].items() if k != OWNER_LABEL}
    return {**manifest, "metadata": {**metadata, "labels": labels}}


def running_version(api: KubeApi, namespace: str, revision: str) -> str:
    """The version of the running control plane, empty if there is none."""
    live = api.get("apps/v1", "Deployment", "istiod" if revision == "default" else f"istiod-{revision}", namespace)
    if live is None:
        return ""
    label = str((live["metadata"].get("labels") or {}).get(istio_operator.VERSION, ""))
    image = live["spec"]["template"]["spec"]["containers"][0].get("image", "")
    return label if release(label) else image.rpartition(":")[2]


def operator_files(paths: list[str]) -> list[Manifest]:
    """The IstioOperator documents of the user's own files."""
    found = []
    for path in paths:
        try:
            with open(path, encoding="utf-8") as stream:
                found += parse(stream.read())
        except (OSError, yaml.YAMLError) as error:
            raise IstioError(f"files: {path} cannot be read: {error}") from error
    return found


def _create(api_version: str, kind: str, name: str, namespace: str = "") -> Change:
    return Change(api_version, kind, name, namespace, "create", after={"apiVersion": api_version, "kind": kind, "metadata": {"name": name}})


def _relabelled(api_version: str, kind: str, name: str, namespace: str, before: str, after: str) -> Change:
    sides = ({"metadata": {"labels": {istio_operator.REVISION: revision}}} for revision in (before, after))
    return Change(api_version, kind, name, namespace, "update", *sides)
