# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How a module fails."""

from __future__ import annotations

from typing import Any, NoReturn


class Failure(Exception):
    """The reason for the user; `details` become the module's other return values."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details

    @property
    def code(self) -> str:
        """The type of failure, in terms of its API; empty if unused."""
        return str(self.details.get("code", ""))


class Refused(Failure):
    """The request is impossible, would do harm, or would affect resources of others."""


def fail(module: Any, failure: Failure, what: str = "") -> NoReturn:
    """In one line, the causes behind it."""
    said = [f"{what}: {failure}" if what else str(failure), *(cause for cause in failure.details.get("causes", []) if cause not in str(failure))]
    module.fail_json(msg="; ".join(line.strip() for text in said for line in text.splitlines() if line.strip()), **failure.details)
    raise AssertionError("fail_json ends the module")
