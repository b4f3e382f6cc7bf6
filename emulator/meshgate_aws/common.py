# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the extensions share: durations, the moment, how a moto class is replaced by ours, and the caller."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from moto.core.base_backend import BackendDict
from moto.core.exceptions import ServiceException

DEFAULT_ACCOUNT = "123456789012"


def seconds(name: str, default: float) -> float:
    """A duration of the emulated AWS from the environment; AWS takes minutes, a laptop should not."""
    return float(os.environ.get(name, default))


_ahead = 0.0


def now() -> float:
    """The emulated AWS's own clock."""
    return time.time() + _ahead


def advance(by: float) -> None:
    """Advance the clock, so that tests need not wait."""
    global _ahead
    if by < 0:
        raise ValueError("time cannot go backwards")
    _ahead += by


def backends_of(backends: BackendDict[Any]) -> list[tuple[str, str, Any]]:
    """Account, region and backend of a service, each backend of our class that took the place of moto's."""
    return list(backends.iter_backends())


def use_backend(backends: BackendDict[Any], backend_class: type) -> None:
    """Make moto create our subclass. moto finds a backend's URLs by the module its class says it is from, so ours says moto's."""
    backend_class.__module__ = backends.backend.__module__
    backends.backend = backend_class


def use_response(urls: Any, response_class: type) -> None:
    """Send every path of a moto service to our subclass of its response class."""
    for path in urls.url_paths:
        urls.url_paths[path] = response_class.dispatch  # type: ignore[attr-defined]


class AwsError(ServiceException):
    """Defined outside moto, so that moto looks for its shape only in the responding service."""


def error(code: str, message: str, **fields: Any) -> AwsError:
    """An AWS error; fields are the members that the service's own error shape has besides the message."""
    exception = AwsError(code, message)
    for key, value in fields.items():
        setattr(exception, key, value)
    return exception


def principal_arn(access_key: str, region: str = "us-east-1") -> str:
    """The ARN that GetCallerIdentity gives for this access key."""
    from moto.iam.models import get_account_id_from
    from moto.sts.models import sts_backends
    from moto.utilities.utils import get_partition

    account = get_account_id_from(access_key)
    return sts_backends[account][get_partition(region)].get_caller_identity(access_key, region)[1]


class Schedule:
    """Changes that take time, applied on the next access after they are due: the emulator has no threads of its own."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, delay: float, change: Callable[[], None]) -> None:
        self._count += 1
        self._due.append((now() + delay, self._count, change))
        self._due.sort(key=lambda item: item[:2])

    def settle(self) -> None:
        while self._due and self._due[0][0] <= now():
            self._due.pop(0)[2]()

    @property
    def next(self) -> float | None:
        return self._due[0][0] if self._due else None
