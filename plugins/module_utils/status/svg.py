# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The graph as an SVG inside a page. Its colours are the page's; names of the cluster are escaped."""

from __future__ import annotations

from html import escape

from ..common.printable import printable
from .facts import Place
from .graph import Edge, Graph, Node
from .layout import HEIGHT, Box, Layout, layout

_SIDE = 46.0
# Where on its line a label stands: lines that leave one node have parted by then.
_AT = 0.56
_PORTS = 28.0
_ARROW = '<marker id="{0}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" class="{0}"/></marker>'
Point = tuple[float, float]


def svg(graph: Graph) -> str:
    """Empty without nodes."""
    if not graph.nodes:
        return ""
    placed = layout(graph)
    leave, arrive = (_ports(graph.edges, placed, away) for away in (True, False))
    lines = [_line(edge, placed, number, leave.get(number, 0), arrive.get(number, 0)) for number, edge in enumerate(graph.edges)]
    width = placed.width + (_SIDE if None in placed.bends else 0)
    size = f'viewBox="0 0 {width:.0f} {placed.height:.0f}" style="max-width:{width:.0f}px;min-width:{0.8 * width:.0f}px"'
    markers = "".join(_ARROW.format(name) for name in ("arrow", "arrow-copy"))
    nodes = [_node(node, placed.boxes[node.place]) for node in graph.nodes]
    drawn = [*(line for line, _label in lines), *nodes, *(label for _line, label in lines)]
    return f'<svg role="img" aria-label="Who calls whom" {size}><defs>{markers}</defs>{"".join(drawn)}</svg>'


def text(value: str) -> str:
    return escape(printable(value).replace("\n", " "))


def _ports(edges: list[Edge], placed: Layout, away: bool) -> dict[int, float]:
    """How far from the middle of its node each line leaves or arrives: side by side, in the order of where they lead."""
    found: dict[int, float] = {}
    for place, box in placed.boxes.items():
        mine = [number for number, edge in enumerate(edges) if place == (edge.source if away else edge.target) and placed.bends[number] is not None]
        mine.sort(key=lambda number: (_next(edges[number], placed, number, away).x, edges[number].copy))
        step = min(_PORTS, box.width / (len(mine) + 1))
        found |= {number: (place_in_row - (len(mine) - 1) / 2) * step for place_in_row, number in enumerate(mine)}
    return found


def _next(edge: Edge, placed: Layout, number: int, away: bool) -> Box:
    """Where a line leads from its source, or comes from to its target."""
    bends = placed.bends[number] or []
    return (bends[0] if away else bends[-1]) if bends else placed.boxes[edge.target if away else edge.source]


def _line(edge: Edge, placed: Layout, number: int, leave: float, arrive: float) -> tuple[str, str]:
    """The line, and its label, which is drawn over all lines."""
    source, target, bends = placed.boxes[edge.source], placed.boxes[edge.target], placed.bends[number]
    if bends is None:
        path, at = _around(source, target)
    else:
        path, at = _down((source.x + leave, source.bottom), bends, (target.x + arrive, target.y))
    kind = "copy" if edge.copy else "seen" if edge.seen else "call"
    title = text(f"{_name(edge.source)} -> {_name(edge.target)}{f': {edge.label}' if edge.label else ''}")
    line = f'<path class="{kind}" marker-end="url(#arrow{"-copy" if edge.copy else ""})" d="{path}"><title>{title}</title></path>'
    return line, f'<text class="label" x="{at[0]:.1f}" y="{at[1] + 4:.1f}">{text(edge.label)}</text>' if edge.label else ""


def _name(place: Place) -> str:
    return "/".join(filter(None, place))


def _down(start: Point, bends: list[Box], end: Point) -> tuple[str, Point]:
    path, here = f"M{start[0]:.1f} {start[1]:.1f}", start
    for bend in bends:
        path += f"{_curve(here, (bend.x, bend.y))}V{bend.bottom:.1f}"
        here = (bend.x, bend.bottom)
    label = (bends[0].x, bends[0].y + HEIGHT / 2) if bends else (_middle(start[0], start[0], end[0], end[0]), start[1] + (end[1] - start[1]) * _AT)
    return path + _curve(here, end), label


def _around(source: Box, target: Box) -> tuple[str, Point]:
    """Up, on the right of both."""
    (x1, y1), (x2, y2) = ((box.x + box.width / 2, box.y + HEIGHT / 2) for box in (source, target))
    side = max(x1, x2) + _SIDE
    return f"M{x1:.1f} {y1:.1f}C{side:.1f} {y1:.1f} {side:.1f} {y2:.1f} {x2:.1f} {y2:.1f}", (_middle(x1, side, side, x2), _middle(y1, y1, y2, y2))


def _curve(start: Point, end: Point) -> str:
    middle = (start[1] + end[1]) / 2
    return f"C{start[0]:.1f} {middle:.1f} {end[0]:.1f} {middle:.1f} {end[0]:.1f} {end[1]:.1f}"


def _middle(start: float, one: float, two: float, end: float) -> float:
    rest = 1 - _AT
    return rest**3 * start + 3 * rest**2 * _AT * one + 3 * rest * _AT**2 * two + _AT**3 * end


def _node(node: Node, box: Box) -> str:
    middle = f'x="{box.x:.1f}"'
    second = " · ".join(filter(None, (node.place[0], f"{node.app.ready}/{node.app.wanted} pods" if node.app else "")))
    lines = f'<text {middle} y="{box.y + (20 if second else 28):.1f}">{text(node.place[1])}</text>'
    lines += f'<text class="small" {middle} y="{box.y + 36:.1f}">{text(second)}</text>' if second else ""
    corner = f'x="{box.x - box.width / 2:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{HEIGHT:.0f}" rx="8"'
    return f'<g class="node {node.kind}{_state(node)}"><rect {corner}/>{lines}</g>'


def _state(node: Node) -> str:
    app = node.app
    return "" if app is None or app.ready >= max(1, app.wanted) else " note" if app.ready else " failed"
