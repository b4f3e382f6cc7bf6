# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is wrong with what a rule does to a request beside leading it somewhere."""

from __future__ import annotations

from collections.abc import Iterator

from .check_addresses import problems_of_redirect, problems_of_rewrite
from .check_faults import problems_of_faults
from .check_headers import problems_of_cors, problems_of_headers
from .names import Entry
from .setting import Setting


def problems_of_actions(where: str, rule: Entry, setting: Setting) -> Iterator[str]:
    if rule.get("redirect") is not None:
        yield from problems_of_redirect(where, rule)
    if rule.get("rewrite") is not None:
        yield from problems_of_rewrite(where, rule)
    for word in ("request_headers", "response_headers"):
        if rule.get(word) is not None:
            yield from problems_of_headers(f"{where}: {word}", rule[word])
    if rule.get("cors") is not None:
        yield from problems_of_cors(f"{where}: cors", rule["cors"])
    if rule.get("faults") is not None:
        yield from problems_of_faults(where, rule, setting)
