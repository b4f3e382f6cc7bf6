# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Bars as SVG, written by hand: a plot that needs a plotting library is one that nobody can draw again in three years."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

COLOURS = ("#2f6f9f", "#c8782a", "#6d8f3c", "#8a5a9e")
WIDTH, LABELS, RIGHT, BAR, GAP, TOP = 860, 300, 90, 16, 14, 64
TICKS = 5


def step_of(most: float) -> float:
    """A distance between lines that reads well: 1, 2 or 5 times a power of ten."""
    rough = most / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def text(x: float, y: float, words: str, anchor: str = "start", size: int = 12, weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}">{escape(words)}</text>'


def bars(title: str, unit: str, series: Sequence[str], groups: Sequence[tuple[str, Sequence[float | None]]]) -> str:
    """Horizontal bars: a group for each label, in it a bar for each of the series. None is no bar."""
    most = max(value for _label, values in groups for value in values if value is not None) or 1.0
    step = step_of(most)
    end = math.ceil(most / step) * step
    plot = WIDTH - LABELS - RIGHT
    each = len(series) * BAR + GAP
    bottom = TOP + len(groups) * each
    parts = [text(10, 22, title, size=15, weight="bold")]
    for index, name in enumerate(series if len(series) > 1 else ()):
        x: float = LABELS + index * 140
        parts += [f'<rect x="{x}" y="34" width="12" height="12" fill="{COLOURS[index]}"/>', text(x + 17, 45, name)]
    for line in range(round(end / step) + 1):
        x = LABELS + plot * line * step / end
        parts.append(f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{bottom}" stroke="#d8d8d8"/>')
        parts.append(text(x, bottom + 16, f"{line * step:,g}{f' {unit}' if line == 0 else ''}", "middle", 11))
    for row, (label, values) in enumerate(groups):
        top = TOP + row * each
        parts.append(text(LABELS - 8, top + len(series) * BAR / 2 + 4, label, "end"))
        for index, value in enumerate(values):
            if value is not None:
                y, length = top + index * BAR, plot * value / end
                parts.append(f'<rect x="{LABELS}" y="{y}" width="{max(length, 1):.1f}" height="{BAR - 2}" fill="{COLOURS[index]}"/>')
                parts.append(text(LABELS + length + 5, y + BAR - 4, number(value), size=11))
    height = bottom + 28
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" fill="#222" role="img">'
    return "\n".join([head, f"<title>{escape(title)}</title>", f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>', *parts, "</svg>"]) + "\n"
