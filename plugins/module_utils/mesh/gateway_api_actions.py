# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a rule does to a request beside leading it somewhere: the filters of an HTTPRoute, and what its standard channel has none for.

https://gateway-api.sigs.k8s.io/reference/spec/#httproutefilter
"""

from __future__ import annotations

import typing as t

from ..kube.objects import Manifest
from .cors import MAX_AGE
from .durations import seconds
from .matches import read
from .names import Entry
from .replacing import REDIRECT_CODE, new_prefix

# Of one rule, and of one list in a filter.
MOST = 16
_PLAIN_ROOT = "of the prefix / or with it, Istio replaces by characters in an HTTPRoute"


def filters(rule: Entry) -> list[Manifest]:
    """Without mirrors, which lead somewhere."""
    found = {
        "RequestHeaderModifier": ("requestHeaderModifier", _headers(rule.get("request_headers"))),
        "ResponseHeaderModifier": ("responseHeaderModifier", _headers(rule.get("response_headers"))),
        "RequestRedirect": ("requestRedirect", _redirect(rule)),
        "URLRewrite": ("urlRewrite", _rewrite(rule)),
        "CORS": ("cors", _cors(rule.get("cors"))),
    }
    return [{"type": kind, field: said} for kind, (field, said) in found.items() if said]


def missing(rule: Entry) -> list[str]:
    """What the standard channel, or Istio's reading of it, has no words for; each a part of a sentence."""
    words = {"retries": "retries are", "faults": "faults are"}
    found = [f"{words[word]} not in its standard channel" for word in words if rule.get(word)]
    found += [f"it replaces a prefix for one match only, and there are {len(read(rule))}"] if new_prefix(rule) is not None and len(read(rule)) > 1 else []
    found += [_PLAIN_ROOT] if _by_characters(rule) else []
    found += [f"{word} change more than {MOST} headers" for word in ("request_headers", "response_headers") if _most(rule.get(word) or {}) > MOST]
    return found


def _most(changes: Entry) -> int:
    return max((len(change or ()) for change in changes.values()), default=0)


def _by_characters(rule: Entry) -> bool:
    """Istio 1.31 has no slash between `/` and what follows: `/v2` and `/x` would be `/v2x`, and a redirect to `/` would be to `//x`."""
    prefix = new_prefix(rule)
    if prefix is None:
        return False
    return (prefix != "" and any(match.path.stem == "" for match in read(rule))) or (prefix == "" and bool(rule.get("redirect")))


def _headers(changes: Entry | None) -> Manifest:
    """Set, added, removed: as they are called in both APIs. Here, a name with its value is an entry of a list."""
    wanted = changes or {}
    named = {word: [{"name": name, "value": value} for name, value in wanted[word].items()] for word in ("set", "add") if wanted.get(word)}
    return {**named, **({"remove": list(wanted["remove"])} if wanted.get("remove") else {})}


def _path(wanted: Entry, rule: Entry) -> Manifest:
    if wanted.get("path"):
        return {"path": {"type": "ReplaceFullPath", "replaceFullPath": wanted["path"]}}
    prefix = new_prefix(rule)
    return {} if prefix is None else {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": prefix or "/"}}


def _redirect(rule: Entry) -> Manifest:
    wanted = rule.get("redirect")
    if not wanted:
        return {}
    return {
        **({"scheme": wanted["scheme"]} if wanted.get("scheme") else {}),
        **({"hostname": wanted["host"]} if wanted.get("host") else {}),
        **_path(wanted, rule),
        **({"port": wanted["port"]} if wanted.get("port") else {}),
        "statusCode": wanted.get("code") or REDIRECT_CODE,
    }


def _rewrite(rule: Entry) -> Manifest:
    wanted = rule.get("rewrite")
    return {**({"hostname": wanted["host"]} if wanted.get("host") else {}), **_path(wanted, rule)} if wanted else {}


def _cors(wanted: Entry | None) -> Manifest:
    if not wanted:
        return {}
    lists = {"origins": "allowOrigins", "methods": "allowMethods", "headers": "allowHeaders", "expose": "exposeHeaders"}
    return {
        **{theirs: list(wanted[ours]) for ours, theirs in lists.items() if wanted.get(ours)},
        **({"allowCredentials": True} if wanted.get("credentials") else {}),
        "maxAge": int(t.cast(float, seconds(wanted.get("max_age") or MAX_AGE))),
    }
