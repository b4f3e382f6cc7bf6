# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where a graph is drawn: in rows, callers above those whom they call, in the order in which lines cross least.

A line that passes rows has a place of its own in each, as wide as its label, so that it crosses no node (Sugiyama's method).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .facts import Place
from .graph import Edge, Graph, Node

HEIGHT, BESIDE, BELOW, MARGIN = 48.0, 28.0, 72.0, 16.0
_LETTER, _SMALL_LETTER, _NARROWEST, _BEND = 7.4, 7.0, 116.0, 14.0
_SWEEPS = 4
# A node, or where a line passes a row: the number of its edge, and the row.
Key = Place | tuple[int, int]


@dataclass(frozen=True)
class Box:
    """`x` is its middle, `y` its upper edge."""

    x: float
    y: float
    width: float

    @property
    def bottom(self) -> float:
        return self.y + HEIGHT


@dataclass(frozen=True)
class Layout:
    """`bends`: for each edge, in their order, the places where it passes rows; None for one that leads up or closes a circle."""

    boxes: dict[Place, Box]
    bends: list[list[Box] | None]
    width: float
    height: float


@dataclass
class _Plan:
    rows: list[list[Key]] = field(default_factory=list)
    widths: dict[Key, float] = field(default_factory=dict)
    # For each edge, from its source to its target.
    chains: list[list[Key]] = field(default_factory=list)


def layout(graph: Graph) -> Layout:
    plan = _plan(graph)
    links = [link for chain in plan.chains for link in zip(chain, chain[1:], strict=False)]
    rows = _ordered(plan.rows, links)
    lengths = [sum(plan.widths[key] for key in row) + BESIDE * (len(row) - 1) for row in rows]
    whole = max(lengths, default=0.0)
    placed: dict[Key, Box] = {}
    for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        placed |= _row(row, plan.widths, MARGIN + (whole - length) / 2, MARGIN + number * (HEIGHT + BELOW))
    bends = [[placed[key] for key in chain[1:-1]] if chain else None for chain in plan.chains]
    return Layout({node.place: placed[node.place] for node in graph.nodes}, bends, whole + 2 * MARGIN, len(rows) * (HEIGHT + BELOW) - BELOW + 2 * MARGIN)


def _row(row: Sequence[Key], widths: dict[Key, float], left: float, y: float) -> dict[Key, Box]:
    found = {}
    for key in row:
        found[key] = Box(left + widths[key] / 2, y, widths[key])
        left += widths[key] + BESIDE
    return found


def _plan(graph: Graph) -> _Plan:
    depths = _depths(graph)
    plan = _Plan([[] for _row in range(max(depths.values(), default=-1) + 1)], {node.place: _width(node) for node in graph.nodes})
    for node in graph.nodes:
        plan.rows[depths[node.place]].append(node.place)
    for number, edge in enumerate(graph.edges):
        bends = [(number, row) for row in range(depths[edge.source] + 1, depths[edge.target])]
        plan.chains.append([edge.source, *bends, edge.target] if depths[edge.source] < depths[edge.target] else [])
        for bend in bends:
            plan.rows[bend[1]].append(bend)
            plan.widths[bend] = _BEND
        if bends:  # the label stands at the first
            plan.widths[bends[0]] = max(_BEND, _SMALL_LETTER * len(edge.label))
    return plan


def _width(node: Node) -> float:
    return max(_NARROWEST, _LETTER * len(node.place[1]) + 24, _SMALL_LETTER * (len(node.place[0]) + 11) + 24)


# -- which row --------------------------------------------------------------------------------------------------------


def _depths(graph: Graph) -> dict[Place, int]:
    """Each below the last of its callers. Who neither calls nor is called comes last."""
    ends = {place for edge in graph.edges for place in (edge.source, edge.target)}
    depth = _longest([node.place for node in graph.nodes if node.place in ends], graph.edges)
    last = max(depth.values(), default=-1) + 1
    return {node.place: depth.get(node.place, last) for node in graph.nodes}


def _longest(places: Iterable[Place], edges: Iterable[Edge]) -> dict[Place, int]:
    """The longest way to each, without the edges that close a circle."""
    after: dict[Place, list[Place]] = {}
    for edge in edges:
        after.setdefault(edge.source, []).append(edge.target)
    called = {target for targets in after.values() for target in targets}
    walk = _Walk(after)
    for place in sorted(places, key=lambda one: one in called):
        walk.visit(place, frozenset())
    depth = dict.fromkeys(walk.order, 0)
    for source in reversed(walk.order):
        for target in after.get(source, []):
            if (source, target) not in walk.back:
                depth[target] = max(depth[target], depth[source] + 1)
    return depth


@dataclass
class _Walk:
    """Depth first: `order` has each after all whom it calls, `back` the edges that lead to a caller of their source."""

    after: dict[Place, list[Place]]
    order: list[Place] = field(default_factory=list)
    back: set[tuple[Place, Place]] = field(default_factory=set)
    seen: set[Place] = field(default_factory=set)

    def visit(self, place: Place, path: frozenset[Place]) -> None:
        if place in self.seen:
            return
        self.seen.add(place)
        for target in self.after.get(place, []):
            if target in path or target == place:
                self.back.add((place, target))
            else:
                self.visit(target, path | {place})
        self.order.append(place)


# -- where in its row -------------------------------------------------------------------------------------------------


def _ordered(rows: list[list[Key]], links: Iterable[tuple[Key, Key]]) -> list[list[Key]]:
    """By the middle of the neighbours in the row before, downwards and upwards in turn."""
    above: dict[Key, list[Key]] = {}
    below: dict[Key, list[Key]] = {}
    for upper, lower in links:
        below.setdefault(upper, []).append(lower)
        above.setdefault(lower, []).append(upper)
    found = [list(row) for row in rows]
    for sweep in range(_SWEEPS + 1):
        down = sweep % 2 == 0
        at = {key: (number + 0.5) / len(row) for row in found for number, key in enumerate(row)}
        for number in range(len(found)) if down else reversed(range(len(found))):
            row = found[number] = _sorted(found[number], above if down else below, at)
            at |= {key: (place + 0.5) / len(row) for place, key in enumerate(row)}
    return found


def _sorted(row: list[Key], neighbours: dict[Key, list[Key]], at: dict[Key, float]) -> list[Key]:
    """Without neighbours, a node stays about where it is."""
    middle = {key: sum(at[one] for one in neighbours[key]) / len(neighbours[key]) if neighbours.get(key) else at[key] for key in row}
    return sorted(row, key=lambda key: (middle[key], at[key]))
