# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""EC2's client tokens: a request that is sent twice, as after a lost response, is executed once.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.ec2.responses import EC2Response

from .common import error

ACTIONS = ("create_nat_gateway", "create_route_table", "create_launch_template", "create_launch_template_version")
_answers: dict[tuple[str, str, str, str], tuple[dict[str, Any], Any]] = {}


def once(action: str, carry_out: Callable[[EC2Response], Any]) -> Callable[[EC2Response], Any]:
    @functools.wraps(carry_out)
    def answer(response: EC2Response) -> Any:
        given = {key: value for key, value in response.querystring.items() if key != "ClientToken"}
        token = (response.querystring.get("ClientToken") or [""])[0]
        if not token:
            return carry_out(response)
        key = (response.current_account, response.region, action, token)
        if key in _answers:
            before, said = _answers[key]
            if before != given:
                raise error("IdempotentParameterMismatch", f"The request uses the same client token {token} as a previous, but non-identical request.")
            return said
        said = carry_out(response)
        _answers[key] = (given, said)
        return said

    return answer


def install() -> None:
    for action in ACTIONS:
        setattr(EC2Response, action, once(action, getattr(EC2Response, action)))
