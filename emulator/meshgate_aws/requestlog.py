# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The log of requests: who called what, and whether it changed anything. Tests and IAM policies are checked against it."""

from __future__ import annotations

import re
from collections import deque
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from .common import principal_arn

KEEP = 50_000
READING = re.compile(r"^(Describe|Get|List|Head|Lookup|Search|Select|Simulate|Check|Assume|Decode|BatchGet|Test|Estimate|Preview|Query|Scan|Validate)")
SCOPE = re.compile(r"Credential=(?P<key>[^/,\s]+)/[^/]+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
# Services whose signing name is not the prefix that IAM policies use.
IAM_PREFIX = {"tagging": "tag", "monitoring": "cloudwatch", "email": "ses"}
REST_SERVICES = {"eks", "route53", "s3", "lambda"}


class RequestLog:
    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEEP)
        self._count = 0

    def since(self, n: int) -> dict[str, Any]:
        return {"next": self._count, "requests": [entry for entry in self._entries if entry["n"] >= n]}

    def add(self, entry: dict[str, Any]) -> None:
        self._entries.append({"n": self._count, "time": datetime.now(UTC).isoformat(), **entry})
        self._count += 1


def describe(environ: dict[str, Any], body: bytes) -> dict[str, Any]:
    """Service, action and principal of a request, from its signature and body, before it is executed."""
    scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    service = scope["service"] if scope else ""
    region = scope["region"] if scope else "us-east-1"
    action = _action(environ, body, service)
    if not service and action.startswith("AssumeRoleWith"):
        service = "sts"
    principal = "anonymous"
    if scope:
        principal = principal_arn(scope["key"], region)
    return {
        "service": IAM_PREFIX.get(service, service),
        "action": action,
        "mutating": bool(action) and not READING.match(action),
        "principal": principal,
        "user_agent": environ.get("HTTP_USER_AGENT", ""),
    }


def _action(environ: dict[str, Any], body: bytes, service: str) -> str:
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rsplit(".", 1)[-1]
    form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    if form and (action := parse_qs(body.decode("utf-8", "replace")).get("Action")):
        return action[0]
    if action := parse_qs(environ.get("QUERY_STRING", "")).get("Action"):
        return action[0]
    if service in REST_SERVICES:
        return _rest_action(environ, service)
    return ""


def _rest_action(environ: dict[str, Any], service: str) -> str:
    from moto.core.request import Request
    from moto.core.routing import get_service_router
    from werkzeug.exceptions import NotFound

    try:
        operation, _params = get_service_router(service).match(Request(dict(environ)))
    except (NotFound, NotImplementedError):
        return ""
    return str(operation.name)
