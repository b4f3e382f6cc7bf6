# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is wrong with faults: with what they do, and with where and until when they may."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Iterator, Mapping

from .durations import seconds
from .matches import matches_of
from .names import Entry
from .said import TEXT, is_number, is_percent, said, unknown
from .setting import Setting


def problems_of_faults(where: str, rule: Entry, setting: Setting) -> Iterator[str]:
    faults, found = rule["faults"], list(unknown(f"{where}: faults", rule["faults"], ("delay", "abort", "until")))
    yield from found
    if found:
        return
    delay, abort = faults.get("delay"), faults.get("abort")
    if not delay and not abort:
        yield said(f"{where}: faults", dict(faults), "delay, abort or both")
    for word, fault, last in (("delay", delay, "duration"), ("abort", abort, "code")):
        if fault is not None:
            yield from unknown(f"{where}: faults, {word}", fault, ("percent", last))
    if isinstance(delay, Mapping) and not seconds(delay.get("duration")):
        yield said(f"{where}: faults, delay, duration", delay.get("duration"), "a duration such as 5s or 500ms")
    if isinstance(abort, Mapping) and not is_number(abort.get("code"), 200, 599):
        yield said(f"{where}: faults, abort, code", abort.get("code"), "a status from 200 to 599")
    for word, fault in (("delay", delay), ("abort", abort)):
        if isinstance(fault, Mapping) and not is_percent(fault.get("percent", 100)):
            yield said(f"{where}: faults, {word}, percent", fault["percent"], "above 0, at most 100")
    yield from _fence(where, rule, setting)


def _fence(where: str, rule: Entry, setting: Setting) -> Iterator[str]:
    """In production, faults are for those who ask for them by a header, and until a day that is named."""
    until = rule["faults"].get("until")
    if until is None and setting.production:
        yield said(f"{where}: faults, until", until, 'the last day, such as "2026-12-31", where mesh_production is true')
    if until is not None and not _is_day(until):
        yield said(f"{where}: faults, until", until, 'a day, such as "2026-12-31"' if isinstance(until, str) else TEXT)
    elif until is not None and setting.today and until < setting.today:
        yield said(f"{where}: faults, until", until, f"a day that is not over (today is {setting.today}), or no faults")
    if setting.production and not all(match.get("headers") for match in matches_of(rule)):
        yield f"{where} has faults for any request; accepted: a match by a header, where mesh_production is true"


def _is_day(value: t.Any) -> bool:
    try:
        return isinstance(value, str) and datetime.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
