# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Redirects and rewrites that replace the prefix by which a rule matched: `/api` becomes another one, and the rest of the path stays.

By segments, as the Gateway API defines it: https://gateway-api.sigs.k8s.io/reference/spec/#httppathmodifier. With C(/v2) for C(/api), C(/api) becomes C(/v2),
and C(/api/x) becomes C(/v2/x); with C(/), they become C(/) and C(/x).
"""

from __future__ import annotations

from .names import Entry

# A browser keeps a 301 forever: as the Gateway API, we say 302 where nothing else is wanted.
REDIRECT_CODE = 302


def new_prefix(rule: Entry) -> str | None:
    """What the prefix becomes, without a last slash: `/` is empty. None where no prefix is replaced."""
    given = next((rule[word]["path_prefix"] for word in ("redirect", "rewrite") if (rule.get(word) or {}).get("path_prefix")), None)
    return None if given is None else str(given).rstrip("/")
