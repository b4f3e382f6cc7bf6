# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is wrong with apps and routes, all of it at once, before anything is applied. Each finding names its entry, what it says, and what is accepted."""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Iterator, Mapping

from .check_apps import names, one_name_for_two, problems_of_app, unknown_callers
from .check_protocols import taken_by_patterns
from .check_routes import beside_each_other, problems_of_route
from .check_teams import hosts_of_others, problems_of_teams
from .inside import is_inside
from .names import Entry
from .routing import WANTED
from .said import said
from .setting import behind_the_gateway, inside_the_mesh


def problems(wanted: Entry, routing_api: str = "istio") -> list[str]:
    """C(wanted) as for the manifests, with C(production), and with C(today) as an ISO day where faults may have ended."""
    apps, routes, teams = (wanted.get(word) or [] for word in ("apps", "routes", "teams"))
    found = [] if routing_api in WANTED else [said("routing_api", routing_api, ", ".join(WANTED))]
    found += [
        said(kind, entry, "a dictionary, with name and namespace")
        for kind, entries in (("app", apps), ("route", routes))
        for entry in entries
        if not isinstance(entry, Mapping)
    ]
    if found:
        return found
    twice = list(_twice(apps, "app"))
    of_apps = [(app, list(problems_of_app(app))) for app in apps]
    wrong = [app for app, its_own in of_apps if its_own]
    outside = behind_the_gateway(wanted, wrong, bool(twice) or any(any(names("", app)) for app in wrong))
    inside, of_teams = inside_the_mesh(outside), list(problems_of_teams(teams))
    of_routes = [problem for route in routes for problem in problems_of_route(route, routing_api, inside if is_inside(route) else outside)]
    return [
        *twice,
        *_twice(routes, "route"),
        *[problem for _app, its_own in of_apps for problem in its_own],
        *one_name_for_two(outside.apps),
        *(() if wrong else unknown_callers(outside.apps)),
        *of_teams,
        *([] if of_teams else hosts_of_others(routes, teams)),
        *of_routes,
        *beside_each_other(routes, routing_api, outside),
        *([] if of_routes else taken_by_patterns(routes, outside)),
    ]


def _twice(entries: t.Sequence[Entry], kind: str) -> Iterator[str]:
    for (namespace, name), count in Counter((str(entry.get("namespace")), str(entry.get("name"))) for entry in entries).items():
        if count > 1:
            yield f"{kind} {name} of {namespace} is there {count} times; accepted: one of a name in a namespace"
