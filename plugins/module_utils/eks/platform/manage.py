# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What module eks_platform does: compare the platform with AWS, and create everything but the control plane and node groups, which have their own modules."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from ...aws.client import Aws, Unreachable
from .. import extras as eks_extras
from .. import kubeconfig as eks_kubeconfig
from ..input_names import Names
from ..options import NAME, VERSION, name_problems
from . import builder as eks_network
from . import control_plane as eks_platform_cluster
from . import inputs as eks_input
from . import live as eks_platform_live
from .difference import Difference, as_diff, as_results
from .options import OF_A_CLUSTER, SECTIONS, inputs_of, names_of
from .plan import Platform

# Other modules create these: if they are missing, that is not a stale list.
NOT_SETTLING = ("kubeconfig", "addons")


def problems(given: dict[str, Any], only_of_a_cluster: bool, names: Names) -> list[str]:
    """Problems of the options. Access and add-ons alone need no network and no node groups."""
    if not only_of_a_cluster:
        return eks_input.problems(given, names)
    return name_problems(given, name=NAME, version=VERSION) + eks_extras.problems(given, names)


def problems_of(module: Any) -> list[str]:
    """Problems of the module's options, with the names that the caller uses."""
    params = module.params
    only_of_a_cluster = params["state"] != "planned" and set(params["sections"]) <= OF_A_CLUSTER
    return problems(inputs_of(params, module.region), only_of_a_cluster, names_of(params))


def act(module: Any, aws: Aws) -> dict[str, Any]:
    manager = Manager(module, aws, inputs_of(module.params, module.region), names_of(module.params))
    return manager.planned() if module.params["state"] == "planned" else manager.present()


class Manager:
    """One run of the module."""

    def __init__(self, module: Any, aws: Aws, given: dict[str, Any], names: Names) -> None:
        self.module, self.aws, self.given, self.names = module, aws, given, names
        self.check: bool = module.check_mode
        self.waits: tuple[float, float] = (module.params["wait_timeout"], module.params["wait_delay"])
        self.reachable = True

    # Reading

    def look(self) -> Platform:
        try:
            live = eks_platform_live.read(self.aws, self.given)
        except Unreachable:
            if not self.check:
                raise
            self.reachable, live = False, eks_platform_live.Live()
        live.kubeconfig = eks_kubeconfig.read(self.given["kubeconfig"]) if self.given["kubeconfig"] else None
        eks_platform_cluster.check_kubeconfig(self.given, live, self.names)
        return Platform(self.given, live, self.names)

    def planned(self) -> dict[str, Any]:
        platform = self.look()
        end = time.monotonic() + self.module.params["settle"]
        while any(entry.section not in NOT_SETTLING for entry in platform.differences()) and time.monotonic() < end and not self.check:
            time.sleep(2)
            platform = self.look()
        would = platform.differences()
        return self._result(platform, set(SECTIONS) - OF_A_CLUSTER, would, changed=self.check and bool(would))

    # Creating

    def present(self) -> dict[str, Any]:
        sections = set(self.module.params["sections"])
        if sections <= OF_A_CLUSTER:
            return self._of_a_cluster(sections)
        wanted = {section for name in sections - OF_A_CLUSTER for section in SECTIONS[name]}
        platform = self.look()
        would = [entry for entry in platform.differences() if entry.section in wanted | (sections & OF_A_CLUSTER)]
        if self.check or not would:
            return self._result(platform, sections, would, changed=bool(would))
        done = [entry for entry in would if entry.section in wanted]
        if done:
            platform = self._build(platform, wanted)
        if not (sections & OF_A_CLUSTER and _takes_more(platform)):
            return self._result(platform, sections, done, changed=bool(done))
        more = self._of_a_cluster(sections & OF_A_CLUSTER)
        return _together(self._result(self.look(), sections, done, changed=bool(done)), more)

    def _build(self, platform: Platform, wanted: Collection[str]) -> Platform:
        builder = eks_network.Builder(self.aws, platform, wanted)
        builder.build()
        platform = eks_network.settled(self.look, builder.begun, wanted)
        if self.module.params["wait"] and eks_network.unfinished(platform, wanted):
            eks_network.wait_for_nat_gateways(self.aws, platform, *self.waits)
            # The routes to gateways that were pending: their ids are known by now, and AWS accepts them.
            platform = self.look()
            eks_network.Builder(self.aws, platform, wanted).build()
            eks_network.remove_surplus(self.aws, platform, wanted, *self.waits)
            platform = self.look()
        return platform

    def _of_a_cluster(self, sections: Collection[str]) -> dict[str, Any]:
        """Access entries, Pod Identity associations and add-ons, in parallel. Nothing else of the platform is read."""
        aws, given = self.aws, self.given
        if given["expected_account_id"]:
            eks_platform_live.account(aws, given)
        live = eks_extras.read(aws, given)
        todo = [one for one in eks_extras.work(given, live) if one.acts and one.section in sections]
        if not self.check:
            todo = [one for one in eks_extras.settle(aws, given, todo, self.waits) if one.section in sections]
        diff = {
            "before": {one.resource: one.change.before for one in todo if one.action != "create"},
            "after": {one.resource: one.change.after for one in todo if one.action != "delete"},
        }
        if not self.check:
            eks_extras.begin(aws, given, todo, self.waits)
            if self.module.params["wait"] and "addons" in sections and given["addons"]:
                eks_extras.ready(aws, given, self.waits)
        return {
            "changed": bool(todo),
            "changes": [f"{one.action} {one.resource}" for one in todo],
            "unfinished": [],
            "addons": eks_extras.addon_versions(live),
            **({"diff": diff} if todo else {}),
        }

    def _result(self, platform: Platform, sections: Collection[str], done: list[Difference], changed: bool) -> dict[str, Any]:
        left = platform.differences()
        for warning in [*platform.warnings(), *platform.unmanaged()]:
            self.module.warn(warning)
        return {
            "changed": changed,
            "changes": [f"{entry.action} {entry.resource}" for entry in done],
            "reachable": self.reachable,
            "unfinished": _unfinished(platform, sections),
            "differs": as_results(left),
            "sections": sorted({entry.section for entry in left}),
            "plan": platform.plan(),
            "unmanaged": platform.unmanaged(),
            "addons": eks_extras.addon_versions(platform.live.extras),
            "facts": platform.facts(),
            **({"diff": as_diff(done)} if done else {}),
        }


def _takes_more(platform: Platform) -> bool:
    """Whether there is a cluster for access entries and add-ons."""
    return (platform.live.cluster or {}).get("status") in ("ACTIVE", "UPDATING")


def _unfinished(platform: Platform, sections: Collection[str]) -> list[str]:
    """What AWS is still creating, what is deleted afterwards, and what needs a control plane."""
    wanted = {section for name in sections for section in SECTIONS[name]}
    later = [] if _takes_more(platform) else [entry.resource for entry in platform.differences() if entry.section in wanted & OF_A_CLUSTER]
    return eks_network.unfinished(platform, wanted) + later


def _together(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The result of a run that did both halves."""
    diffs = [result["diff"] for result in (one, other) if "diff" in result]
    diff = {key: {name: value for part in diffs for name, value in part[key].items()} for key in ("before", "after")}
    changes = [*one["changes"], *other["changes"]]
    return {**one, "changed": one["changed"] or other["changed"], "changes": changes, **({"diff": diff} if diffs else {})}
