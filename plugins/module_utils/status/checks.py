# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""From facts to the rows of the screen, one function for each. None of them asks anybody."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..alb.ingress import hostname
from ..kube.crds import KIND as CRD
from ..kube.gateway_crds import CHANNEL as CRD_CHANNEL
from ..kube.gateway_crds import VERSION as CRD_VERSION
from ..kube.objects import Manifest, annotations_of
from ..mesh.faults import expired
from ..mesh.live import GATEWAY_API, KINDS
from ..preflight.prices import estimate
from .apps import apps_of, combined
from .differences import differences
from .facts import Facts, Place, image_version, place_of, pods_ready, pods_wanted, unready
from .routes import Route, routes_of

State = t.Literal["ok", "note", "failed", "unknown"]
ROUTE_KINDS = tuple(kind for _api_version, kind in KINDS)
WORKS = ("ACTIVE", "UPDATING")
# In per cent. Below, somebody should look.
SUCCESS = 99.0
SITE, DIAGNOSE, ROUTES = "run playbooks/site.yml", "run playbooks/diagnose.yml", "run playbooks/routes.yml"


@dataclass(frozen=True)
class Row:
    """`failed` is what makes a platform unhealthy. `advice` is what to do about it."""

    name: str
    state: State
    text: str
    details: tuple[str, ...] = ()
    advice: str = ""


Check = t.Callable[[Facts], Row]


def rows_of(facts: Facts) -> list[Row]:
    """Without a cluster, those that do not need it."""
    asked = [(name, check) for name, check in CHECKS if not (facts.unreached and check in INSIDE)]
    return [_guarded(name, check, facts) for name, check in asked]


def _guarded(name: str, check: Check, facts: Facts) -> Row:
    """An object that nobody foresaw costs its row, not the screen."""
    try:
        return check(facts)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the other rows are right
        return Row(name, "unknown", f"could not be told: {type(error).__name__}: {error}")


def is_absent(facts: Facts) -> bool:
    """EKS has no such cluster; or, on a laptop, whose emulated AWS goes with the platform, nobody wrote a kubeconfig."""
    nowhere = "EKS" not in facts.unread if facts.wanted.billed else facts.no_kubeconfig
    return bool(facts.unreached) and facts.eks is None and nowhere


def verdict(facts: Facts, rows: t.Sequence[Row]) -> tuple[bool, str]:
    failed = [row.name for row in rows if row.state == "failed"]
    if is_absent(facts):
        return False, "there is no platform"
    if failed:
        return False, f"not healthy: {len(failed)} of {len(rows)} checks failed ({', '.join(failed)})"
    # Metrics are an extra: a platform without them lacks nothing.
    unseen = [row.name for row in rows if row.state == "unknown" and row.name != "metrics"]
    return True, "healthy" + (f", as far as could be seen (not {', '.join(unseen)})" if unseen else "")


def _judged(name: str, failed: t.Sequence[str], noted: t.Sequence[str], fine: str, advice: str = DIAGNOSE) -> Row:
    """The first line says what matters most; the others are its details."""
    if failed:
        return Row(name, "failed", failed[0], (*failed[1:], *noted), advice)
    return Row(name, "note", noted[0], tuple(noted[1:])) if noted else Row(name, "ok", fine)


# -- the cluster ------------------------------------------------------------------------------------------------------


def cluster(facts: Facts) -> Row:
    if facts.unreached:
        return Row("cluster", "failed", facts.unreached, advice=SITE if is_absent(facts) else DIAGNOSE)
    if "Node" in facts.unread:
        return Row("cluster", "unknown", f"Kubernetes {facts.version}; nodes: {facts.unread['Node']}")
    nodes = facts.of_kind("Node")
    failed = [f"node {node['metadata']['name']} is not ready" for node in nodes if not _is_ready(node)] or ([] if nodes else ["there is no node"])
    cordoned = [f"node {node['metadata']['name']} is cordoned" for node in nodes if (node.get("spec") or {}).get("unschedulable")]
    return _judged("cluster", failed, cordoned, f"Kubernetes {facts.version}, {_count(len(nodes), 'node')} ready")


def _is_ready(node: Manifest) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in (node.get("status") or {}).get("conditions") or [])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def eks(facts: Facts) -> Row:
    if "EKS" in facts.unread:
        # The laptop's emulated AWS is a part of the platform; someone without credentials may still look at a cluster.
        return Row("EKS", "unknown" if facts.wanted.billed else "failed", facts.unread["EKS"], advice="" if facts.wanted.billed else SITE)
    if facts.eks is None:
        return Row("EKS", "failed", f"there is no cluster {facts.wanted.cluster} in {facts.wanted.region or 'this region'}", advice=SITE)
    parts = [(f"cluster {facts.eks['name']}", facts.eks), *((f"node group {group['nodegroupName']}", group) for group in facts.node_groups)]
    failed = [f"{name} is {part['status']}" for name, part in parts if part["status"] not in (*WORKS, "CREATING")]
    noted = [f"{name} is {part['status']}" for name, part in parts if part["status"] == "CREATING"]
    groups = ", ".join(f"{group['nodegroupName']} {group['status']}" for group in facts.node_groups)
    return _judged("EKS", failed, noted, f"{facts.eks['status']}, {facts.eks['version']}" + (f"; node groups: {groups}" if groups else ""))


# -- the way of a request ---------------------------------------------------------------------------------------------


def balancer(facts: Facts) -> Row:
    """What the Ingress publishes must be a load balancer that AWS has."""
    name, published = "load balancer", _published(facts)
    if facts.balancers is None:
        return Row(name, "unknown", facts.unread.get("ELBv2", "AWS was not asked"), (published,) if published else ())
    found = facts.balancers
    failed = [f"{one['name']} is {one['state']} {one['state_reason']}".rstrip() for one in found if one["state"] not in ("active", "active_impaired")]
    failed += [f"{one['name']} has no listener" for one in found if not one["listeners"]]
    if published and published not in [one["hostname"] for one in found]:
        failed.append(f"the Ingress publishes {published}, which ELBv2 does not have")
    elif not found:
        failed.append("there is none")
    elif not published and not facts.unreached and "Ingress" not in facts.unread:
        failed.append(f"Ingress {facts.wanted.ingress_namespace}/{facts.wanted.ingress} publishes no host name")
    fine = "; ".join(f"{one['name']}, {one['scheme']}, {', '.join(_listener(listener) for listener in one['listeners'])}" for one in found)
    row = _judged(name, failed, [], fine)
    return row if failed else Row(name, "ok", fine, tuple(one["hostname"] for one in found))


def _listener(listener: t.Mapping[str, t.Any]) -> str:
    return f"{listener['protocol']} {listener['port']}"


def _published(facts: Facts) -> str:
    return hostname(facts.find("Ingress", (facts.wanted.ingress_namespace, facts.wanted.ingress)))


def targets(facts: Facts) -> Row:
    if not facts.balancers:
        return Row("targets", "unknown", "without a load balancer there are none" if facts.balancers == [] else facts.unread.get("ELBv2", "AWS was not asked"))
    groups = [group for one in facts.balancers for group in one["target_groups"]]
    there = {group["name"]: [one for one in group["targets"] if one["state"] not in ("draining", "unused")] for group in groups}
    failed = [f"target group {name} has no target" for name, found in there.items() if not found] + ([] if groups else ["there is no target group"])
    sick = {name: [_target(name, one) for one in found if one["state"] in ("unhealthy", "unavailable")] for name, found in there.items()}
    # Where another one is healthy, requests are answered.
    noted = [text for name, found in sick.items() if len(found) < len(there[name]) for text in found]
    failed += [text for name, found in sick.items() if found and len(found) == len(there[name]) for text in found]
    noted += [_target(name, one) for name, found in there.items() for one in found if one["state"] == "initial"]
    healthy = sum(one["state"] == "healthy" for found in there.values() for one in found)
    return _judged("targets", failed, noted, f"{healthy} of {sum(map(len, there.values()))} healthy")


def _target(group: str, one: t.Mapping[str, t.Any]) -> str:
    why = " ".join(filter(None, (one["reason"], one["description"])))
    return f"{one['id']}:{one['port']} of {group} is {one['state']}{f': {why}' if why else ''}"


def controller(facts: Facts) -> Row:
    namespace, _slash, name = facts.wanted.controller.partition("/")
    return _deployment(facts, "load balancer controller", (namespace, name))


def istiod(facts: Facts) -> Row:
    return _deployment(facts, "istiod", (facts.wanted.istio_namespace, facts.wanted.istiod))


def gateway(facts: Facts) -> Row:
    return _deployment(facts, "gateway", (facts.wanted.ingress_namespace, facts.wanted.gateway))


def _deployment(facts: Facts, name: str, place: Place) -> Row:
    if "Deployment" in facts.unread:
        return Row(name, "unknown", facts.unread["Deployment"])
    found = facts.find("Deployment", place)
    if found is None:
        return Row(name, "failed", f"there is no Deployment {'/'.join(place)}", advice=SITE)
    ready, state = pods_ready(found), unready(found)
    pods = f"{ready} of {_count(pods_wanted(found), 'pod')} ready"
    if not ready or not pods_wanted(found):
        return Row(name, "failed", state or "has no ready pod", advice=DIAGNOSE)
    return Row(name, "note", state) if state else Row(name, "ok", f"{image_version(found)}, {pods}".removeprefix(", "))


def crds(facts: Facts) -> Row:
    found = facts.of_kind(CRD)
    if CRD in facts.unread:
        return Row("Gateway API CRDs", "unknown", facts.unread[CRD])
    if not found:
        return Row("Gateway API CRDs", "failed", "they are not installed", advice=SITE)
    said = annotations_of(found[0])
    return Row("Gateway API CRDs", "ok", f"{said.get(CRD_VERSION, 'of an unknown version')}, {said.get(CRD_CHANNEL, 'of an unknown')} channel")


# -- apps and routes --------------------------------------------------------------------------------------------------


def apps(facts: Facts) -> Row:
    """A Deployment that a platform must have and has not is one more that has no pods."""
    unread = _unread(facts, "Namespace", "Deployment", "Service")
    if unread:
        return Row("apps", "unknown", unread)
    found = apps_of(facts)
    missing = [name for name in facts.wanted.expected if facts.find("Deployment", _split(name)) is None]
    failed = [f"there is no Deployment {name}" for name in missing]
    failed += [f"{app.name} has no ready pod" + (f" of {app.wanted}" if app.wanted else ": it is scaled to 0") for app in found if not app.ready]
    noted = [f"{app.name} has {app.ready} of {app.wanted} pods ready" for app in found if 0 < app.ready < app.wanted]
    return _judged("apps", failed, noted, f"{_count(len(found), 'Service')} with ready pods" if found else "none in a namespace of the mesh")


def _unread(facts: Facts, *kinds: str) -> str:
    """Why the first of them could not be read. What is not known must not count as missing."""
    return next((facts.unread[kind] for kind in kinds if kind in facts.unread), "")


def _split(name: str) -> Place:
    namespace, _slash, last = name.partition("/")
    return namespace, last


def routes(facts: Facts) -> Row:
    unread = _unread(facts, *ROUTE_KINDS, "Service", "EndpointSlice")
    if unread:
        return Row("routes", "unknown", unread)
    found = routes_of(facts)
    failed = list(dict.fromkeys([line for route in found for line in _dead_ends(facts, route)]))
    failed += [f"route {'/'.join(place_of(item))}: {said}" for item in facts.of_kind(GATEWAY_API) for said in _refused(item)]
    noted = [f"route {route.title}: {rule.faults}, on purpose" for route in found for rule in route.rules if rule.faults]
    noted += expired(facts.wanted.routes, facts.now.date().isoformat())
    hosts = sum(len(route.hosts) for route in found)
    return _judged("routes", failed, noted if found else ["there are none"], f"{_count(len(found), 'route')} for {_count(hosts, 'host')}")


def _dead_ends(facts: Facts, route: Route) -> t.Iterator[str]:
    known, ready = {place_of(item) for item in facts.of_kind("Service")}, facts.ready_pods
    for share in (share for rule in route.rules for share in rule.to if share.percent and share.to[0]):
        if share.to not in known:
            yield f"route {route.title} leads {share.percent:.0f} % to {share.name}, which does not exist"
        elif not ready.get(share.to):
            yield f"route {route.title} leads {share.percent:.0f} % to {share.name}, which has no ready pod"


def _refused(item: Manifest) -> t.Iterator[str]:
    """https://gateway-api.sigs.k8s.io/reference/spec/#routeconditiontype"""
    for parent in (item.get("status") or {}).get("parents") or []:
        for one in parent.get("conditions") or []:
            if one["type"] in ("Accepted", "ResolvedRefs") and one["status"] == "False":
                yield f"{one.get('reason')}: {one.get('message', '')}"


# -- the rest ---------------------------------------------------------------------------------------------------------


def certificates(facts: Facts) -> Row:
    """One certificate in several places is one."""
    found = sorted(set(facts.expiries), key=lambda one: (one.until, one.what))
    left = {one: (one.until - facts.now).total_seconds() / 86400 for one in found}
    failed = [f"{one.what} expired on {one.until:%Y-%m-%d}" for one in found if left[one] <= 0]
    noted = [f"{one.what} expires in {left[one]:.0f} days" for one in found if 0 < left[one] < facts.wanted.certificate_days]
    unread = facts.unread.get("certificates")
    if unread and not failed:
        return Row("certificates", "unknown", unread, tuple(noted))
    fine = f"{len(found)}, the first to expire in {left[found[0]]:.0f} days: {found[0].what}" if found else "none"
    return _judged("certificates", failed, noted, fine)


def inventory(facts: Facts) -> Row:
    """A difference does not make a platform unhealthy: it is what the next run would change."""
    unread = _unread(facts, *ROUTE_KINDS, "Deployment", CRD)
    if unread:
        return Row("inventory", "unknown", unread)
    found = differences(facts)
    if not found:
        return Row("inventory", "ok", "nothing differs of versions, mesh_apps and mesh_routes")
    return Row("inventory", "note", found[0], tuple(found[1:]), f"{ROUTES} --check --diff" if facts.wanted.apps or facts.wanted.routes else SITE)


def metrics(facts: Facts) -> Row:
    if facts.traffic is None:
        return Row("metrics", "unknown", f"{facts.unread.get('metrics', 'not asked')}: rates and success are not known")
    calls = facts.traffic.calls
    loads = {place: combined([call for call in calls if call.destination == place], None) for place in sorted({call.destination for call in calls})}
    when = f"in the last {facts.wanted.window} s"
    noted = [f"{load.success:.1f} % of the requests of {'/'.join(place)} succeeded {when}" for place, load in loads.items() if load.success < SUCCESS]
    total = sum(load.rate for load in loads.values())
    return _judged("metrics", [], noted, f"{total:.1f} requests a second to {_count(len(loads), 'Service')} {when}")


def cost(facts: Facts) -> Row:
    if not facts.wanted.billed:
        return Row("cost", "ok", "0 USD an hour: this machine stands in for AWS")
    if facts.eks is None or not facts.wanted.price_list:
        return Row("cost", "unknown", "nothing is known of the cluster's node groups" if facts.eks is None else "no price list was given")
    groups = [_priced(group) for group in facts.node_groups]
    platform = {**facts.wanted.platform, "region": facts.wanted.region, "node_groups": groups}
    found = estimate(platform, dict(facts.wanted.price_list), scrape_interval=int(platform.get("scrape_interval") or 0))
    return Row("cost", "ok", found.summary())


def _priced(group: Manifest) -> dict[str, t.Any]:
    scaling = group.get("scalingConfig") or {}
    sizes = {"min_size": scaling.get("minSize", 0), "max_size": scaling.get("maxSize", 0), "desired_size": scaling.get("desiredSize", 0)}
    kinds = {"instance_types": group.get("instanceTypes") or ["unknown"], "capacity_type": group.get("capacityType", "ON_DEMAND")}
    return {**sizes, **kinds, **({"disk_size": group["diskSize"]} if group.get("diskSize") else {})}


# In the order in which a person would look: what carries the others comes first.
CHECKS: tuple[tuple[str, Check], ...] = (
    ("cluster", cluster),
    ("EKS", eks),
    ("load balancer controller", controller),
    ("load balancer", balancer),
    ("targets", targets),
    ("Gateway API CRDs", crds),
    ("istiod", istiod),
    ("gateway", gateway),
    ("apps", apps),
    ("routes", routes),
    ("certificates", certificates),
    ("metrics", metrics),
    ("inventory", inventory),
    ("cost", cost),
)
INSIDE: tuple[Check, ...] = (controller, crds, istiod, gateway, apps, routes, certificates, metrics, inventory)
