# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Values that exist at this point although their type is optional."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def require(value: T | None) -> T:
    """The value, which cannot be None here."""
    if value is None:
        raise AssertionError("a value that an earlier step provides is missing; please report this")
    return value
