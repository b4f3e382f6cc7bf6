# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The steps from the running to the requested versions, what blocks them, and whether a step is complete. Makes no requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from ..common.ownership import OWNER_TAG
from .compatibility import minor, numbers
from .order import NAMES, Move, Order, Rules, Versions, order

State = dict[str, Any]
Reader = Callable[[], State]
AWS = "aws"
KUBERNETES = "kubernetes"
UNWELL = ("CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED", "DEGRADED", "FAILED")
# Insights about what an earlier step of the same plan fixes.
MENDED_BY = {"EKS add-on version compatibility": "addon", "kube-proxy version skew": "addon", "Kubelet version skew": "node_group"}
KUBELET_SKEW = 3
REFRESH = "EKS checks again every 24 hours, or on `aws eks start-insights-refresh`"


@dataclass
class Step:
    """One upgrade step. C(part) is its location: in the account, or in the cluster."""

    part: str
    kind: str
    name: str
    before: str
    after: str
    why: str = ""

    @property
    def title(self) -> str:
        return f"{self.name} {self.before} -> {self.after}"


@dataclass
class Blocked:
    what: str
    reason: str
    remedy: str

    @property
    def summary(self) -> str:
        return f"{self.what}: {self.reason}. What to do: {self.remedy}"


@dataclass
class Plan:
    steps: list[Step] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_result(self) -> dict[str, Any]:
        return {
            "steps": [{**asdict(step), "title": step.title} for step in self.steps],
            "blocked": [{**asdict(entry), "summary": entry.summary} for entry in self.blocked],
            "notes": self.notes,
            "lines": self.lines(),
        }

    def lines(self) -> list[str]:
        width = len(str(len(self.steps)))
        found = [f"{number:>{width}}. {step.title}{f' ({step.why})' if step.why else ''}" for number, step in enumerate(self.steps, 1)]
        found += [f"blocked: {entry.summary}" for entry in self.blocked]
        found += [f"note: {note}" for note in self.notes]
        return found or ["nothing to do: everything runs the requested version"]


@dataclass
class Options:
    parts: tuple[str, ...] = (AWS, KUBERNETES)
    control_plane: str = "eks"
    allow_unknown: bool = False
    accepted_insights: list[str] = field(default_factory=list)
    ignored_budgets: list[str] = field(default_factory=list)
    adopt: bool = False


class Planner:
    """C(state) is what upgrade_state reads; C(wanted) has the roles' variables, by the names of upgrade_order's components."""

    def __init__(self, state: State, wanted: State, options: Options) -> None:
        self.state, self.wanted, self.options = state, wanted, options
        self.cluster: State = state.get("cluster") or {}
        self.inside: State = state.get("kubernetes") or {}
        self.moves_eks = AWS in options.parts and options.control_plane == "eks"
        self.looks_inside = KUBERNETES in options.parts and bool(self.inside)
        self.plan = Plan()
        # The state after the steps so far.
        self.addons = {name: addon["version"] for name, addon in (state.get("addons") or {}).items()}
        self.node_groups = {name: group["version"] for name, group in (state.get("node_groups") or {}).items()}
        self.proxies = sorted({proxy["version"] for proxy in self.inside.get("proxies") or [] if proxy["version"] and proxy["owner"]}, key=numbers)

    def make(self) -> Plan:
        self._refuse()
        if self.plan.blocked:
            return self.plan
        now, target = self._now(), self._target()
        self._backwards(now, target)
        if self.plan.blocked:
            return self.plan
        found = self._order(now, target)
        last = target.kubernetes or now.kubernetes
        if self.moves_eks:
            self._catch_up(now.kubernetes, final=now.kubernetes == last)
        self._roll(now.istio)
        for move in found.moves:
            self._expand(move, last)
        self.plan.blocked += [Blocked(self._title(entry.move), entry.reason, entry.remedy) for entry in found.refusals]
        self._in_the_way()
        self._notes()
        return self.plan

    # Current and requested state

    def _now(self) -> Versions:
        if not self.looks_inside:
            return Versions(kubernetes=self.cluster.get("version", ""))
        server = f"1.{minor(self.inside['server_version'])}"
        return Versions(
            kubernetes=self.cluster["version"] if self.moves_eks else server,
            controller=(self.inside.get("controller") or {}).get("version", ""),
            gateway_crds=(self.inside.get("gateway_crds") or {}).get("version", "").removeprefix("v"),
            istio=(self.inside.get("istio") or {}).get("version", ""),
        )

    def _target(self) -> Versions:
        def asked(component: str) -> str:
            return str((self.wanted.get(component) or {}).get("version") or "").removeprefix("v") if self.looks_inside else ""

        kubernetes = str((self.wanted.get("cluster") or {}).get("version") or "") if self.moves_eks else ""
        return Versions(kubernetes, asked("controller"), asked("gateway_crds"), asked("istio"))

    def _order(self, now: Versions, target: Versions) -> Order:
        rules = Rules(
            allow_unknown=self.options.allow_unknown,
            controller_uses_gateway_api=bool((self.wanted.get("controller") or {}).get("gateway_api")),
            istio_versions=list((self.wanted.get("istio") or {}).get("binaries") or {}),
        )
        return order(now, target, rules)

    def _title(self, move: Move) -> str:
        name = "control plane" if move.component == "kubernetes" else NAMES[move.component].removeprefix("the ")
        return f"{name} {move.before} -> {move.after}"

    # What makes a plan impossible

    def _block(self, what: str, reason: str, remedy: str) -> None:
        self.plan.blocked.append(Blocked(what, reason, remedy))

    def _may_move(self, thing: State) -> bool:
        return bool(thing.get("ours") or self.options.adopt)

    def _foreign(self) -> str:
        return f"it does not carry the tag {OWNER_TAG}={self.cluster['name']}, so this collection does not manage it"

    def _somebody_elses(self, what: str, before: str, after: str) -> None:
        """What would have to be upgraded and is not ours; each is reported once."""
        if not any(entry.what.startswith(f"{what} ") for entry in self.plan.blocked):
            self._block(f"{what} {before} -> {after}", self._foreign(), "its owner must upgrade it first, or eks_cluster_adopt: true takes it over")

    def _refuse(self) -> None:
        name, cluster = (self.wanted.get("cluster") or {}).get("name", ""), self.cluster
        if not cluster.get("version"):
            self._block(f"EKS cluster {name}", "there is none", "create the platform with playbooks/site.yml")
            return
        if not self._may_move(cluster):
            self._block(f"EKS cluster {name}", self._foreign(), "leave it to its owner, or take it over with eks_cluster_adopt: true")
            return
        if cluster["status"] in ("CREATING", "DELETING", "FAILED"):
            self._block(f"EKS cluster {name}", f"it is {cluster['status']}", "finish that first: playbooks/site.yml, or playbooks/teardown.yml")
            return
        if KUBERNETES in self.options.parts and not self.inside:
            reason = self.state.get("unreachable") or "it was not asked"
            self._block(f"cluster {name}", f"its API server does not answer: {reason}", "fix that, or upgrade EKS alone with upgrade_parts: [aws]")
            return
        if not self.looks_inside:
            return
        server = self.inside["server_version"]
        wanted = str((self.wanted.get("cluster") or {}).get("version") or "")
        if self.options.control_plane != "eks":
            if AWS in self.options.parts and wanted and minor(server) != minor(wanted):
                self._block(
                    f"control plane {server.removeprefix('v')} -> {wanted}",
                    "EKS's API does not upgrade this platform's control plane: its nodes are containers of one image",
                    "playbooks/teardown.yml, then playbooks/site.yml",
                )
        elif AWS in self.options.parts and wanted != cluster["version"] and "-eks-" not in server:
            self._block(
                f"control plane {cluster['version']} -> {wanted}",
                f"the API server that answers is {server}, which is not one of EKS's",
                "set the kubeconfig of the EKS cluster; if another cluster stands in for it, set platform_control_plane: kind",
            )
        elif minor(server) != minor(cluster["version"]) and cluster["status"] == "ACTIVE":
            self._block(
                f"cluster {name}",
                f"EKS reports version {cluster['version']}, but the API server that answers runs {server}",
                "set the kubeconfig of this cluster",
            )

    def _backwards(self, now: Versions, target: Versions) -> None:
        for component, said in NAMES.items():
            before, after = getattr(now, component), getattr(target, component)
            if before and after and numbers(before) > numbers(after):
                self._block(
                    f"{said.removeprefix('the ')} {before} -> {after}",
                    "nothing is ever downgraded",
                    f"request {before} or newer; docs/upgrade.md lists what can be rolled back",
                )
        offered = self.state.get("offered") or []
        if target.kubernetes and offered and target.kubernetes not in offered:
            self._block(f"control plane {now.kubernetes} -> {target.kubernetes}", f"EKS offers {', '.join(offered)}", "request one of them")
        live, wanted = (self.inside.get("gateway_crds") or {}).get("channel"), (self.wanted.get("gateway_crds") or {}).get("channel")
        if self.looks_inside and live and wanted and live != wanted:
            self._block(
                f"Gateway API CRDs {live} -> {wanted}", "an upgrade does not change the channel", f"gateway_crds_channel: {live}, or site.yml with its switch"
            )

    # Steps

    def _step(self, part: str, kind: str, name: str, before: str, after: str, why: str = "") -> None:
        self.plan.steps.append(Step(part, kind, name, before, after, why))

    def _expand(self, move: Move, last: str) -> None:
        if move.component == "kubernetes":
            self._prepare_addons(move.before, move.after)
            self._step(AWS, "control_plane", "control plane", move.before, move.after)
            self._catch_up(move.after, final=move.after == last)
            return
        name = NAMES[move.component].removeprefix("the ")
        self._step(KUBERNETES, move.component, name, move.before, move.after, move.why)
        if move.component == "istio":
            self._roll(move.after)

    def _prepare_addons(self, live: str, new: str) -> None:
        """ "Checks version of installed EKS add-ons to ensure they are compatible with the next version of Kubernetes": before the control plane moves."""
        for name in sorted(self.addons):
            if name == "kube-proxy":
                continue  # at most the API server's own minor, so it follows
            here, there = self._offers(name, live), self._offers(name, new)
            if not there or self.addons[name] in there:
                continue
            both = [version for version in there if version in here and numbers(version) > numbers(self.addons[name])]
            if both:
                self._move_addon(name, both[0], f"the running version does not support Kubernetes {new}")
            else:
                self.plan.notes.append(f"no version of add-on {name} supports both Kubernetes {live} and {new}; it is upgraded right after the control plane")

    def _catch_up(self, version: str, final: bool) -> None:
        """Add-ons and node groups to the control plane's minor: EKS requires that of managed node groups before the next one."""
        for name in sorted(self.addons):
            self._addon(name, version, final)
        wanted = {group["name"]: group for group in (self.wanted.get("cluster") or {}).get("node_groups") or []}
        for name in sorted(self.node_groups):
            live = self.node_groups[name]
            group = self.state["node_groups"][name]
            release = (wanted.get(name) or {}).get("release_version") if final else None
            behind = minor(live) < minor(version)
            if behind and not self._may_move(group):
                self._somebody_elses(f"node group {name}", live, version)
                self.node_groups[name] = version
            elif behind:
                self._step(AWS, "node_group", f"node group {name}", live, version, "its nodes are replaced")
                self.node_groups[name] = version
            elif release and self._may_move(group) and numbers(release) > numbers(group["release_version"]) and minor(release) == minor(version):
                self._step(AWS, "node_group_release", f"node group {name}", group["release_version"], release, "its nodes are replaced")

    def _offers(self, name: str, version: str) -> list[str]:
        """An add-on's versions for a Kubernetes minor, newest first."""
        return [entry["version"] for entry in ((self.state.get("addon_versions") or {}).get(version) or {}).get(name) or []]

    def _default(self, name: str, version: str) -> str:
        entries = ((self.state.get("addon_versions") or {}).get(version) or {}).get(name) or []
        return next((entry["version"] for entry in entries if entry.get("default")), entries[0]["version"] if entries else "")

    def _addon(self, name: str, version: str, final: bool) -> None:
        live, offers = self.addons[name], self._offers(name, version)
        if live in offers and not self._may_move(self.state["addons"][name]):
            return  # its owner chose it
        pinned = {entry["name"]: entry.get("version") for entry in (self.wanted.get("cluster") or {}).get("addons") or []}.get(name)
        if not offers:
            return  # not in EKS's catalogue: its owner upgrades it
        pinned = {None: None, "default": None, "latest": offers[0]}.get(pinned, pinned)
        fits = live in offers
        target = pinned if pinned in offers else (self._default(name, version) if not fits or (final and not pinned) else live)
        if numbers(target) <= numbers(live):
            newer = [offer for offer in reversed(offers) if numbers(offer) > numbers(live)]
            target = live if fits else next(iter(newer), live)
        if target == live:
            if not fits:
                self.plan.notes.append(f"add-on {name} {live} is newer than every version that EKS has for Kubernetes {version}; it stays")
            elif pinned and pinned != live and final:
                self.plan.notes.append(f"add-on {name} stays at {live}: the requested {pinned} is older or does not support Kubernetes {version}")
            return
        self._move_addon(name, target, "" if fits else f"the running version does not support Kubernetes {version}")

    def _move_addon(self, name: str, target: str, why: str) -> None:
        if not self._may_move(self.state["addons"][name]):
            self._somebody_elses(f"add-on {name}", self.addons[name], target)
            self.addons[name] = target
            return
        self._step(AWS, "addon", f"add-on {name}", self.addons[name], target, why)
        self.addons[name] = target

    def _roll(self, istio: str) -> None:
        """Istio's control plane may be one minor ahead of its proxies, which follow when their pods are recreated."""
        older = [version for version in self.proxies if istio and numbers(version) < numbers(istio)]
        if older:
            self._step(KUBERNETES, "data_plane", "proxies", ", ".join(older), istio, "their workloads are restarted, one pod after the other")
            self.proxies = [istio]

    # What blocks possible steps

    def _in_the_way(self) -> None:
        aws = [step for step in self.plan.steps if step.part == AWS]
        hops = [step for step in aws if step.kind == "control_plane"]
        replaced = [step for step in aws if step.kind.startswith("node_group")]
        if aws:
            self._health(aws[0].title)
        if hops:
            self._insights(hops[0])
            self._skew(hops)
        if replaced:
            self._nodes(replaced)

    def _health(self, what: str) -> None:
        for issue in self.cluster.get("issues") or []:
            self._block(what, f"EKS cluster {self.cluster['name']} is unhealthy: {issue}", "fix it; EKS names the resource")
        for kind, things in (("node group", "node_groups"), ("add-on", "addons")):
            for name, thing in sorted((self.state.get(things) or {}).items()):
                issues = "; ".join(thing.get("issues") or [])
                if thing["status"] in UNWELL or issues:
                    said = f"{kind} {name} is {thing['status']}" + (f": {issues}" if issues else "")
                    self._block(what, said, f"fix the {kind}, or delete it and let playbooks/site.yml create it again")

    def _insights(self, hop: Step) -> None:
        first = self.plan.steps[: self.plan.steps.index(hop)]
        for insight in self.state.get("insights") or []:
            name, status, version = insight["name"], insight["status"], insight.get("kubernetes_version") or hop.after
            said = f"insight {name!r} for Kubernetes {version} is {status}: {insight['reason']}" + _uses(insight)
            if status not in ("ERROR", "WARNING"):
                if status == "UNKNOWN":
                    self.plan.notes.append(said)
            elif status == "WARNING" or minor(version) > minor(hop.after):
                self.plan.notes.append(said)
            elif name in self.options.accepted_insights:
                self.plan.notes.append(f"{said} (accepted)")
            elif MENDED_BY.get(name) in {step.kind for step in first}:
                self.plan.notes.append(f"{said}; an earlier step fixes it. {REFRESH}")
            else:
                remedy = f"{insight.get('recommendation') or 'mend it'} {REFRESH}. To continue anyway: upgrade_accept_insights: [{name}]"
                self._block(hop.title, said, remedy)

    def _skew(self, hops: list[Step]) -> None:
        """ "kubelet may be up to three minor versions older than kube-apiserver": for nodes outside managed node groups."""
        for hop in hops:
            for node in self.inside.get("nodes") or []:
                if node["group"] not in self.node_groups and minor(hop.after) - minor(node["version"]) > KUBELET_SKEW:
                    reason = f"node {node['name']} is in no managed node group, and its kubelet {node['version']} would be more than three minors behind"
                    self._block(hop.title, reason, "replace that node with a newer one")

    def _nodes(self, replaced: list[Step]) -> None:
        for step in replaced:
            name = step.name.removeprefix("node group ")
            if self.state["node_groups"][name].get("custom"):
                self._block(step.title, "its launch template names an AMI of its own", "give it a new version of the launch template with eks_nodegroup")
        if not self.looks_inside:
            return
        what = replaced[0].title
        for budget in self.inside.get("disruption_budgets") or []:
            full = f"{budget['namespace']}/{budget['name']}"
            if budget["allowed"] == 0 and budget["expected"] > 0 and full not in self.options.ignored_budgets:
                reason = (
                    f"PodDisruptionBudget {full} allows no disruption ({budget['healthy']} of {budget['expected']} pods healthy, {budget['needed']} needed)"
                )
                self._block(
                    what,
                    reason,
                    "more replicas or a looser budget; EKS waits 15 minutes for the pods and then fails. Or: upgrade_ignore_budgets: [" + full + "]",
                )
        unready = [node["name"] for node in self.inside.get("nodes") or [] if not node["ready"]]
        if unready:
            self._block(what, f"not Ready: node {', '.join(unready)}", "fix or replace them first")

    def _notes(self) -> None:
        if any(step.kind == "control_plane" for step in self.plan.steps):
            for api in self.inside.get("deprecated_apis") or []:
                if api["removed_release"]:
                    self.plan.notes.append(f"a client requests {api['resource']} of {api['group_version']}, which Kubernetes {api['removed_release']} removes")
        istio = (self.inside.get("istio") or {}).get("version")
        for proxy in self.inside.get("proxies") or []:
            if istio and not proxy["owner"] and numbers(proxy["version"]) < numbers(istio):
                self.plan.notes.append(f"pod {proxy['namespace']}/{proxy['pod']} has a proxy of {proxy['version']} and no controller that would recreate it")
        newer = [version for version in self.proxies if numbers(version) > numbers(istio or version)]
        if newer:
            self.plan.notes.append(f"proxies of {', '.join(newer)} are newer than istiod, which Istio does not support")


def _uses(insight: State) -> str:
    used = [entry.get("usage") for entry in insight.get("deprecated") or [] if entry.get("usage")]
    return f" Used: {', '.join(used)}." if used else ""


def make_plan(state: State, wanted: State, options: Options | None = None) -> Plan:
    return Planner(state, wanted, options or Options()).make()


def restarts(state: State, version: str) -> list[State]:
    """The workloads whose pods have a proxy older than a version, each once."""
    proxies = (state.get("kubernetes") or {}).get("proxies") or []
    older = [proxy for proxy in proxies if proxy["owner"] and proxy["version"] and numbers(proxy["version"]) < numbers(version)]
    found = {(proxy["namespace"], *proxy["owner"].split("/")) for proxy in older}
    return [{"namespace": namespace, "kind": kind, "name": name} for namespace, kind, name in sorted(found)]


# Whether a step is complete


def missing(step: State, state: State, parts: tuple[str, ...] = (AWS, KUBERNETES)) -> list[str]:
    """What a step has not achieved yet; empty if it is done."""
    return list(_missing(step, state, KUBERNETES in parts))


def _missing(step: State, state: State, looks_inside: bool) -> Iterator[str]:
    kind, after = step["kind"], step["after"]
    inside = (state.get("kubernetes") or {}) if looks_inside else {}
    if looks_inside and not inside:
        yield f"the cluster's API server does not answer: {state.get('unreachable', '')}"
        return
    if kind == "control_plane":
        cluster = state["cluster"]
        if cluster["version"] != after or cluster["status"] != "ACTIVE":
            yield f"EKS cluster is {cluster['status']}, version {cluster['version']}"
        if inside and minor(inside["server_version"]) != minor(after):
            yield f"the API server is {inside['server_version']}"
    elif kind == "addon":
        yield from _well("add-on", state["addons"].get(step["name"].removeprefix("add-on ")), "version", after)
    elif kind in ("node_group", "node_group_release"):
        name = step["name"].removeprefix("node group ")
        yield from _well("node group", state["node_groups"].get(name), "version" if kind == "node_group" else "release_version", after)
        for node in inside.get("nodes") or []:
            if node.get("group") == name and minor(node["version"]) != minor(after):
                yield f"node {node['name']} is still {node['version']}"
    elif kind == "data_plane":
        for proxy in inside.get("proxies") or []:
            if proxy["version"] and proxy["owner"] and numbers(proxy["version"]) < numbers(after):
                yield f"the proxy of {proxy['namespace']}/{proxy['pod']} is still {proxy['version']}"
    else:
        yield from _there(kind, inside.get(kind) or {}, after)
    for node in inside.get("nodes") or []:
        if not node["ready"]:
            yield f"node {node['name']} is not Ready"


def _well(kind: str, thing: State | None, key: str, after: str) -> Iterator[str]:
    if thing is None:
        yield f"the {kind} is gone"
        return
    if thing[key] != after or thing["status"] != "ACTIVE":
        yield f"the {kind} is {thing['status']}, {key.replace('_', ' ')} {thing[key]}"
    yield from thing.get("issues") or []


def _there(kind: str, thing: State, after: str) -> Iterator[str]:
    version = str(thing.get("version") or "").removeprefix("v")
    if version != after:
        yield f"{NAMES[kind]}: {version or 'not there'}"
    if thing.get("unready"):
        yield f"{NAMES[kind]}: {thing['unready']}"
