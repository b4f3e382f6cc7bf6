# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How a call to AWS can fail, in one line each."""

from __future__ import annotations

from typing import Any

from ..common.failure import Failure


class AwsError(Failure):
    """A failure in one line, with what was being done, and AWS's error code. `errors`: AWS's errors for the parts of an update."""

    def __init__(self, message: str, code: str = "", errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message, code=code)
        self.errors = errors or []


class Unreachable(AwsError):
    """No server answers at the API's address."""
