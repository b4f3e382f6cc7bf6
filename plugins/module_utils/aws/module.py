# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How every module that uses AWS begins and ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from ..common.failure import Failure, fail
from .boto import botocore
from .client import Aws, AwsError, Unreachable, explain, for_module

Result = dict[str, Any]


class Task(Protocol):
    """An AnsibleAWSModule, as far as our functions use it."""

    params: dict[str, Any]
    check_mode: bool
    region: str

    def warn(self, warning: str) -> None: ...


def run(module: Any, act: Callable[[Any, Aws], Result], problems: Sequence[str] = (), nothing: Result | None = None, attempts: int = 4) -> None:
    """Refuse bad input, act, and end with the result or with one line that says why it failed.

    `nothing` is the result if nothing answers at the API's address, for modules that treat that as an empty account; `attempts` is how often to try.
    """
    if problems:
        module.fail_json(msg="; ".join(problems), problems=list(problems))
    try:
        result = act(module, for_module(module, attempts if nothing is None else 2))
    except Unreachable as error:
        if nothing is None:
            fail(module, error)
        result = nothing
    except Failure as failure:
        failure.details.setdefault("code", "")
        fail(module, failure)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        fail(module, explain(error, "AWS"))
    module.exit_json(**{"changed": False, **result})


def by_state(present: Callable[[Any, Aws], Result], absent: Callable[[Any, Aws], Result]) -> Callable[[Any, Aws], Result]:
    """The action of a module's option `state`."""
    return lambda module, aws: (absent if module.params["state"] == "absent" else present)(module, aws)


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Adds what was being done to errors of AWS in this block."""
    try:
        yield
    except AwsError as error:
        raise type(error)(f"{what}: {error}", error.code) from error
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise explain(error, what) from error
