# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Prometheus' text format, and its relabelling as https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Labels = dict[str, str]
_LINE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def series(text: str) -> Iterator[tuple[Labels, float]]:
    """Each series with its value. Without values, a label is not there."""
    for line in text.splitlines():
        if found := _LINE.fullmatch(line):
            labels = {name: re.sub(r"\\(.)", r"\1", value) for name, value in _LABEL.findall(found[2] or "") if value}
            yield {"__name__": found[1], **labels}, float(found[3])


def relabelled(labels: Labels, rules: list[dict[str, Any]]) -> Labels | None:
    """None where the rules drop it."""
    for rule in rules:
        value = ";".join(labels.get(name, "") for name in rule.get("source_labels", []))
        matched = re.fullmatch(rule.get("regex", "(.*)"), value, re.DOTALL)
        action = rule.get("action", "replace")
        if action == "labeldrop":
            labels = {name: value for name, value in labels.items() if not re.fullmatch(rule["regex"], name)}
        elif action in ("keep", "drop"):
            if bool(matched) != (action == "keep"):
                return None
        elif matched:
            made = matched.expand(rule.get("replacement", "$1").replace("$", "\\"))
            labels = {name: value for name, value in {**labels, rule["target_label"]: made}.items() if value}
    return labels
