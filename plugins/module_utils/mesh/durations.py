# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Durations, as both routing APIs write them."""

from __future__ import annotations

import re
import typing as t

# https://gateway-api.sigs.k8s.io/geps/gep-2257/, with one number.
_DURATION = re.compile(r"([0-9]{1,5})(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: t.Any) -> float | None:
    """None for what is no duration.

    >>> seconds("1500ms"), seconds("2m"), seconds("fast")
    (1.5, 120.0, None)
    """
    found = _DURATION.fullmatch(str(duration))
    return int(found[1]) * _SECONDS[found[2]] if found else None
