# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Web identity: a token's signature, its claims, and a role's trust policy about them."""

from __future__ import annotations

import fnmatch
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from . import registry
from .common import error

ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
NO_KEY = "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements"
ACTION = "sts:AssumeRoleWithWebIdentity"


@dataclass
class Identity:
    provider_arn: str
    issuer: str
    audience: str
    claims: dict[str, Any]


def invalid(message: str) -> Exception:
    return error("InvalidIdentityToken", message)


def verify(token: str, account: str, iam: Any) -> Identity:
    """The identity that a token proves to the account's IAM OIDC providers, or the error that AssumeRoleWithWebIdentity documents."""
    claims = _claims(token)
    issuer = str(claims.get("iss", ""))
    address = issuer.removeprefix("https://")
    provider = next((known for known in iam.open_id_providers.values() if known.url == address), None)
    if not issuer.startswith("https://") or provider is None:
        raise invalid(f"No OpenIDConnect provider found in your account for {issuer}")
    keys = registry.jwks(issuer, account)
    if not keys or not keys.get("keys"):
        raise invalid(NO_KEY)
    try:
        jws.deserialize_compact(token, KeySet.import_key_set({"keys": keys["keys"]}), algorithms=ALGORITHMS)
    except (JoseError, ValueError, KeyError) as exception:
        raise invalid(f"The ID Token provided is not a valid JWT signed by {issuer}: {type(exception).__name__}") from exception
    _check_times(claims)
    audiences = [claims["aud"]] if isinstance(claims.get("aud"), str) else list(claims.get("aud") or [])
    audience = next((known for known in audiences if known in provider.client_id_list), None)
    if audience is None:
        raise invalid("Incorrect token audience")
    if not claims.get("sub"):
        raise invalid("Missing a required claim: sub")
    return Identity(provider.arn, address, audience, claims)


def _claims(token: str) -> dict[str, Any]:
    try:
        claims = json.loads(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError) as exception:
        raise invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)") from exception
    if not isinstance(claims, dict):
        raise invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
    return claims


def _check_times(claims: dict[str, Any]) -> None:
    now = time.time()
    if not isinstance(claims.get("exp"), (int, float)):
        raise invalid("Missing a required claim: exp")
    if claims["exp"] <= now:
        raise error("ExpiredTokenException", f"Token expired: current date/time {int(now)} must be before the expiration date/time {int(claims['exp'])}")
    for claim in ("nbf", "iat"):
        # AWS tolerates a small clock skew.
        if isinstance(claims.get(claim), (int, float)) and claims[claim] > now + 300:
            raise invalid(f"Token is not valid before {int(claims[claim])}")


# Trust policies


def trusted(document: Any, identity: Identity) -> bool:
    """Whether a role's trust policy lets this identity assume it: some Allow and no Deny."""
    policy = json.loads(document) if isinstance(document, str) else document
    effects = {statement.get("Effect") for statement in _list(policy.get("Statement")) if _applies(statement, identity)}
    return "Allow" in effects and "Deny" not in effects


def _list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _applies(statement: dict[str, Any], identity: Identity) -> bool:
    actions = [str(action).lower() for action in _list(statement.get("Action"))]
    if not any(fnmatch.fnmatchcase(ACTION.lower(), action) for action in actions):
        return False
    principal = statement.get("Principal")
    federated = ["*"] if principal == "*" else _list(principal.get("Federated")) if isinstance(principal, dict) else []
    if not {"*", identity.provider_arn, identity.issuer}.intersection(federated):
        return False
    context = {f"{identity.issuer}:{name}".lower(): [str(item) for item in _list(value)] for name, value in identity.claims.items()}
    context[f"{identity.issuer}:aud".lower()] = [identity.audience]
    return all(
        _condition(operator, context.get(key.lower()), [str(item) for item in _list(wanted)])
        for operator, keys in (statement.get("Condition") or {}).items()
        for key, wanted in keys.items()
    )


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "stringequals": lambda value, wanted: value == wanted,
    "stringequalsignorecase": lambda value, wanted: value.lower() == wanted.lower(),
    "stringlike": lambda value, wanted: fnmatch.fnmatchcase(value, wanted.replace("[", "[[]")),
}
OPERATORS["arnequals"] = OPERATORS["arnlike"] = OPERATORS["stringlike"]


def _condition(operator: str, values: list[str] | None, wanted: list[str]) -> bool:
    """One operator on one key, as "IAM JSON policy elements: Condition operators" defines it; an unknown operator matches nothing."""
    name = operator.lower()
    quantifier, _unused, name = name.rpartition(":")
    if name == "null":
        return (values is None) == (wanted == ["true"])
    optional = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    negative = name not in OPERATORS and name.replace("not", "", 1) in OPERATORS
    match = OPERATORS.get(name.replace("not", "", 1) if negative else name)
    if match is None:
        return False
    if values is None:
        return optional or negative or quantifier == "forallvalues"
    results = [any(match(value, item) for item in wanted) != negative for value in values]
    return all(results) if quantifier == "forallvalues" or negative else any(results)
