# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Services around a load balancer: Shield's subscription, and WAF Classic, which moto does not have at all."""

from __future__ import annotations

import json
from typing import Any

from moto.shield import urls
from moto.shield.responses import ShieldResponse

from .common import use_response


class ShieldResponses(ShieldResponse):
    def get_subscription_state(self) -> str:
        state = "ACTIVE" if self.shield_backend.subscription else "INACTIVE"
        return json.dumps({"SubscriptionState": state})


def waf_regional(action: str) -> tuple[int, dict[str, Any]]:
    """WAF Classic has reached its end of life: no ACL is ever associated, and none can be."""
    if action == "GetWebACLForResource":
        return 200, {}
    if action == "DisassociateWebACL":
        return 200, {}
    return 400, {"__type": "WAFNonexistentItemException", "message": "The referenced item does not exist."}


def install() -> None:
    use_response(urls, ShieldResponses)
