# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether HTTPRoutes answer like rules that are tried in the order in which they are written.

A VirtualService's rules are tried in their order. An HTTPRoute's are not: the more specific match wins, and among equals the first one of the older object.
Rules may be said as HTTPRoutes where both orders come to the same for every request; otherwise this says which two rules they would swap.

Precedence: https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule (matches). Among regular expressions it is left to the implementation.
Limits: the validation of HTTPRoute's definition, standard channel.
"""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass

from .matches import Match, Path, overlap

# Of one HTTPRoute.
MOST_RULES = 16
MOST_MATCHES = 128
MOST_MATCHES_OF_A_RULE = 64
_ANY: tuple[Match, ...] = (Match(),)


@dataclass(frozen=True)
class Rule:
    """What one rule is for, and what it does: two rules that do the same need no order. No matches: any request."""

    matches: tuple[Match, ...] = _ANY
    action: t.Any = None


@dataclass(frozen=True)
class Conflict:
    """The rule at `later` would be tried before, or instead of, the one at `earlier`; `why` is a part of a sentence."""

    earlier: int
    later: int
    why: str


def conflicts(rules: t.Sequence[Rule]) -> list[Conflict]:
    """Pairs of rules whose written order HTTPRoutes would not keep, whatever the objects' age. None: they answer alike."""
    found = []
    for (earlier, one), (later, other) in itertools.combinations(enumerate(rules), 2):
        why = "" if one.action == other.action else _swapped(one, other)
        if why:
            found.append(Conflict(earlier, later, why))
    return found


def objects(rules: t.Sequence[Rule]) -> list[list[int]] | None:
    """The rules' places, one list for each HTTPRoute, so that no object's age decides between two of them. None: there is no such division.

    Only for rules without conflicts: of two rules of equal rank, the earlier must come first in the same object.
    """
    routes: list[list[int]] = []
    for group in _bound_together(rules):
        if not _fits(rules, group):
            return None
        room = next((route for route in routes if _fits(rules, route + group)), None)
        if room is None:
            routes.append(list(group))
        else:
            room += group
    return sorted((sorted(route) for route in routes), key=lambda route: route[0])


def rank(match: Match) -> tuple[bool, int, bool, int, int]:
    """A match of a higher rank is tried first, in whichever object it is. Not for regular expressions of paths."""
    return (match.path.kind == "exact", len(_shown(match.path)), match.method is not None, len(match.headers), len(match.query))


def _shown(path: Path) -> str:
    """A prefix counts as it is kept, without its last slash."""
    return path.stem or "/"


def _swapped(one: Rule, other: Rule) -> str:
    for mine, theirs in itertools.product(one.matches, other.matches):
        if overlap(mine, theirs):
            if "regex" in (mine.path.kind, theirs.path.kind):
                return "the order among regular expressions of paths is left to the implementation"
            if rank(theirs) > rank(mine):
                return _reason(mine, theirs)
    return ""


def _reason(mine: Match, theirs: Match) -> str:
    reasons = ("its path is exact", "its path is longer", "it names a method", "it names more headers", "it names more query parameters")
    return next(reason for reason, this, that in zip(reasons, rank(mine), rank(theirs), strict=True) if this != that)


def _bound_together(rules: t.Sequence[Rule]) -> list[list[int]]:
    """Groups of rules between which the place in the object decides."""
    group_of = list(range(len(rules)))
    for (earlier, one), (later, other) in itertools.combinations(enumerate(rules), 2):
        if one.action != other.action and _tied(one, other):
            kept, gone = group_of[earlier], group_of[later]
            group_of = [kept if group == gone else group for group in group_of]
    groups: dict[int, list[int]] = {}
    for place, group in enumerate(group_of):
        groups.setdefault(group, []).append(place)
    return list(groups.values())


def _tied(one: Rule, other: Rule) -> bool:
    return any(rank(mine) == rank(theirs) and overlap(mine, theirs) for mine, theirs in itertools.product(one.matches, other.matches))


def _fits(rules: t.Sequence[Rule], places: t.Sequence[int]) -> bool:
    counts = [len(rules[place].matches) for place in places]
    return len(places) <= MOST_RULES and sum(counts) <= MOST_MATCHES and all(count <= MOST_MATCHES_OF_A_RULE for count in counts)
