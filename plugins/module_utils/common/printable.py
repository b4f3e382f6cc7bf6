# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Foreign text made safe for a terminal: a pod's log must not move the cursor, rename the window or hide other lines of a report."""

from __future__ import annotations

import re

# ECMA-48: control sequences, then strings such as a window's title, up to their end; what is left is single control characters.
_SEQUENCES = re.compile(r"(\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(line: str) -> str:
    """A line without control sequences."""
    return _CONTROLS.sub("", _SEQUENCES.sub("", line))
