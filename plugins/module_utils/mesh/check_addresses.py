# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is wrong with where a rule sends a request by another address: redirects and rewrites."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..kube.names import ROUTE_HOST
from .check_matches import PATH, PATH_WORDS
from .matches import Match, read
from .names import Entry
from .replacing import new_prefix
from .said import is_number, said, unknown

_CODES = (301, 302, 303, 307, 308)
_REDIRECT = ("host", "path", "path_prefix", "scheme", "port", "code")
_TLS_ENDED = " (TLS ends at the load balancer: to redirect to https, match the header x-forwarded-proto: http)"
_WITHOUT = ("to", "mirrors", "rewrite", "timeout", "retries", "faults")


def problems_of_redirect(where: str, rule: Entry) -> Iterator[str]:
    wanted, found = rule["redirect"], list(unknown(f"{where}: redirect", rule["redirect"], _REDIRECT))
    yield from found
    if found:
        return
    beside = [word for word in _WITHOUT if rule.get(word)]
    if beside:
        yield f"{where} has redirect and {', '.join(beside)}; accepted: one of them, since a redirect is the answer"
    if not any(wanted.get(word) for word in _REDIRECT if word != "code"):
        yield said(f"{where}: redirect", dict(wanted), f"at least one of {', '.join(_REDIRECT[:-1])}")
        return
    if wanted.get("scheme") not in (None, "http", "https"):
        yield said(f"{where}: redirect, scheme", wanted["scheme"], "http, https")
    if wanted.get("port") is not None and not is_number(wanted["port"], 1, 65535):
        yield said(f"{where}: redirect, port", wanted["port"], "a number from 1 to 65535")
    if wanted.get("code") is not None and wanted["code"] not in _CODES:
        yield said(f"{where}: redirect, code", wanted["code"], ", ".join(map(str, _CODES)))
    problems = [*_address(f"{where}: redirect", wanted), *_replaced(f"{where}: redirect", rule)]
    yield from problems
    if not problems and _leads_back(rule):
        yield f"{where}: redirect leads back to the same rule; accepted: an address that the rule's match does not take{_TLS_ENDED}"


def _leads_back(rule: Entry) -> bool:
    """Another host or port is another server's, as far as anybody can tell. The scheme is not: behind the load balancer, all requests come by HTTP."""
    wanted = rule["redirect"]
    if wanted.get("host") or wanted.get("port"):
        return False
    return any(_takes_its_redirect(match, wanted, new_prefix(rule)) for match in read(rule))


def _takes_its_redirect(match: Match, wanted: Entry, prefix: str | None) -> bool:
    if wanted.get("scheme") and any(name == "x-forwarded-proto" for name, _value in match.headers):
        return False
    target = wanted.get("path") if prefix is None else prefix or "/"
    if target is None:
        return True  # the path stays
    if match.path.kind == "regex":
        return re.fullmatch(match.path.value, target) is not None
    return bool(target == match.path.value or (match.path.kind == "prefix" and f"{target.rstrip('/')}/".startswith(f"{match.path.stem}/")))


def problems_of_rewrite(where: str, rule: Entry) -> Iterator[str]:
    wanted, words = rule["rewrite"], ("host", "path", "path_prefix")
    found = list(unknown(f"{where}: rewrite", wanted, words))
    yield from found
    if found:
        return
    if not any(wanted.get(word) for word in words):
        yield said(f"{where}: rewrite", dict(wanted), f"at least one of {', '.join(words)}")
    yield from _address(f"{where}: rewrite", wanted)
    yield from _replaced(f"{where}: rewrite", rule)


def _address(where: str, wanted: Entry) -> Iterator[str]:
    host = wanted.get("host")
    if host is not None and (not isinstance(host, str) or "*" in host or not ROUTE_HOST.fullmatch(host)):
        yield said(f"{where}, host", host, "a host name in lower case, such as www.example.com")
    for word in ("path", "path_prefix"):
        path = wanted.get(word)
        if path is not None and (not isinstance(path, str) or not path or not PATH.fullmatch(path)):
            yield said(f"{where}, {word}", path, PATH_WORDS)
    if wanted.get("path") is not None and wanted.get("path_prefix") is not None:
        yield f"{where} has path and path_prefix; accepted: one of them"


def _replaced(where: str, rule: Entry) -> Iterator[str]:
    others = [match.path.value for match in read(rule) if match.path.kind != "prefix"] if new_prefix(rule) is not None else []
    if others:
        yield f"{where} has path_prefix, and the rule matches {', '.join(others)}; accepted: path, or a match by path_prefix, which it replaces"
