# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Actions with a login: what AWS accepts, and that their secret stays.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AuthenticateOidcActionConfig.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..common import error

_LOGINS = ("authenticate-oidc", "authenticate-cognito")
_URLS = ("Issuer", "AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint")


def check(protocol: str, actions: Iterable[dict[str, Any]], known: str = "") -> None:
    """The words of its errors are not public, but for the one with both; the conditions are those of the documentation."""
    for action in actions:
        if action.get("Type") not in _LOGINS:
            continue
        if protocol != "HTTPS":
            raise error("InvalidLoadBalancerAction", f"Actions of type '{action['Type']}' are supported on HTTPS listeners only")
        config = action.get("AuthenticateOidcConfig") or {}
        if action["Type"] == "authenticate-oidc":
            _check_oidc(config, known)


def _check_oidc(config: dict[str, Any], known: str) -> None:
    for name in _URLS:
        if not str(config.get(name) or "").startswith("https://"):
            raise error("InvalidLoadBalancerAction", f"The {name} must be a full URL with the HTTPS protocol")
    keeps = str(config.get("UseExistingClientSecret") or "").lower() == "true"
    if config.get("ClientSecret") and keeps:
        # https://github.com/ansible-collections/amazon.aws/issues/1877
        raise error("InvalidLoadBalancerAction", "You cannot both specify a client secret and set UseExistingClientSecret to true")
    if not config.get("ClientSecret") and not (keeps and known):
        raise error("InvalidLoadBalancerAction", "You must specify a client secret")


def secret_of(actions: Iterable[Any]) -> str:
    """C(actions): as models.Action has them."""
    return next((action.client_secret for action in actions if action.client_secret), "")


def keep(actions: Iterable[Any], secret: str) -> None:
    for action in actions:
        if action.keeps_secret:
            action.client_secret = secret
