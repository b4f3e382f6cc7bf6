# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The readable report: problems first, then the state of each area."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..common.printable import printable
from .symptoms import SYMPTOMS

ORDER = list(SYMPTOMS)


@dataclass
class Finding:
    """A problem, or (a note) something worth knowing. `details` are related lines, such as the last of a log."""

    symptom: str
    what: str
    note: bool = False
    details: list[str] = field(default_factory=list)
    # Another finding explains the same better; this one only sets the state of its section.
    echo: bool = False

    def __post_init__(self) -> None:
        self.what, self.details = printable(self.what), [printable(line) for line in self.details]

    def as_result(self) -> dict[str, t.Any]:
        known = SYMPTOMS[self.symptom]
        return {
            "symptom": self.symptom,
            "title": known.title,
            "what": self.what,
            "advice": known.advice,
            "see": known.where,
            "severity": "note" if self.note else "wrong",
            "details": self.details,
        }


@dataclass
class Section:
    """The state of one area. `unknown` is the reason if it could not be checked."""

    title: str
    lines: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unknown: str = ""

    @property
    def state(self) -> str:
        if self.unknown:
            return "not known"
        if any(not finding.note for finding in self.findings):
            return "wrong"
        return "noted" if self.findings else "fine"

    def wrong(self, symptom: str, what: str, *details: str) -> None:
        self.findings.append(Finding(symptom, what, False, list(details)))

    def noted(self, symptom: str, what: str, *details: str) -> None:
        self.findings.append(Finding(symptom, what, True, list(details)))

    def as_result(self) -> dict[str, t.Any]:
        return {"title": self.title, "state": self.state, "lines": [printable(line) for line in self.lines], "unknown": self.unknown}


def ranked(sections: list[Section], notes: bool) -> list[Finding]:
    """Causes before consequences."""
    found = [finding for section in sections for finding in section.findings if finding.note == notes and not finding.echo]
    return sorted(found, key=lambda finding: ORDER.index(finding.symptom))


def render(title: str, sections: list[Section]) -> str:
    wrong, notes = ranked(sections, notes=False), ranked(sections, notes=True)
    unknown = [section for section in sections if section.unknown]
    if wrong:
        verdict = "1 thing is wrong" if len(wrong) == 1 else f"{len(wrong)} things are wrong, causes first"
    else:
        verdict = "nothing is wrong" + (", as far as could be seen" if unknown else "")
    lines = [f"{title}: {verdict}", ""]
    for number, finding in enumerate(wrong, 1):
        lines += [*_entry(f"{number}. ", finding), ""]
    if notes:
        lines.append("To know:")
        for finding in notes:
            lines += _entry("- ", finding)
        lines.append("")
    for section in sections:
        lines.append(f"== {section.title}: {section.state}")
        lines += [f"   {printable(line)}" for line in ([section.unknown] if section.unknown else []) + section.lines]
    return "\n".join(lines)


def _entry(mark: str, finding: Finding) -> list[str]:
    known, indent = SYMPTOMS[finding.symptom], " " * len(mark)
    return [
        f"{mark}{known.title}: {finding.what}",
        *[f"{indent}  | {line}" for line in finding.details],
        f"{indent}{known.advice}",
        f"{indent}{known.where}",
    ]
