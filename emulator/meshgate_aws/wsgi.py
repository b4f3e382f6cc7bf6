# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The server's WSGI application: moto for AWS's API, and /_meshgate for what AWS would do behind the scenes."""

from __future__ import annotations

import io
import json
import os
import time
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Condition
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import moto
from moto.eks.models import eks_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import EnvironBuilder

from . import albstate, ecr_registry, edge, guard, registry, requestlog
from .common import advance, now
from .eks import insights

PREFIX = "/_meshgate/"
LONGEST_POLL = 60.0
FIRST_CALLS = [
    ("sts", "GetCallerIdentity", "2011-06-15"),
    ("ec2", "DescribeVpcs", "2016-11-15"),
    ("iam", "ListRoles", "2010-05-08"),
    ("elasticloadbalancing", "DescribeLoadBalancers", "2015-12-01"),
]


class Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher, which fails in odd ways for services that moto lacks."""

    def get_backend_for_host(self, host: str | None) -> Any:
        backend = super().get_backend_for_host(host)
        if host is not None and backend is None:
            raise NotImplementedError(f"The emulated AWS does not emulate {host}")
        return backend


class Application:
    """One request at a time reaches moto: its backends are plain dictionaries without locks."""

    def __init__(self) -> None:
        self.moto = Dispatcher(create_backend_app)
        self.log = requestlog.RequestLog()
        self.alb = albstate.AlbState()
        self.started_at = datetime.now(UTC).isoformat()
        self.changed = Condition()

    def warm_up(self) -> None:
        """Preload what would delay every user's first requests: 1,500 managed policies, the models of EC2."""
        region = os.environ.get("AWS_DEFAULT_REGION", "us-west-2")
        for service, action, version in FIRST_CALLS:
            scope = f"AWS4-HMAC-SHA256 Credential=test/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
            request = EnvironBuilder(method="POST", data={"Action": action, "Version": version}, headers=[("Authorization", scope)])
            with self.changed:
                self.moto(request.get_environ(), lambda *_: None)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if refusal := guard.refusal(environ):
            return _failure(start_response, environ, 403, "AccessDenied", refusal)
        query = environ.get("QUERY_STRING", "")
        if environ["REQUEST_METHOD"] == "GET" and not environ.get("HTTP_AUTHORIZATION") and "Action=AssumeRoleWith" in query:
            # The documented examples call STS by GET; moto only recognises an unsigned form.
            body = query.encode()
            environ.update(REQUEST_METHOD="POST", QUERY_STRING="", CONTENT_TYPE="application/x-www-form-urlencoded", CONTENT_LENGTH=str(len(body)))
        environ["wsgi.input"] = io.BytesIO(body)
        path = environ.get("PATH_INFO", "")
        if path.startswith(PREFIX):
            status, answer = self._control(environ, path.removeprefix(PREFIX), body)
            return _json(start_response, status, answer)
        with self.changed:
            if ecr_registry.concerns(environ):
                return self._registry(environ, start_response, body)
            return self._aws(environ, start_response, body)

    def _registry(self, environ: dict[str, Any], start_response: Callable[..., Any], body: bytes) -> list[bytes]:
        """ECR's registry, whose requests correspond to actions in IAM."""
        status, headers, content = ecr_registry.answer(environ, body)
        for entry in ecr_registry.describe(environ, body):
            self.log.add({**entry, "status": status})
        start_response(f"{status} {HTTPStatus(status).phrase}", list(headers.items()))
        return [content]

    def _aws(self, environ: dict[str, Any], start_response: Callable[..., Any], body: bytes) -> list[bytes]:
        entry = requestlog.describe(environ, body)
        status = 0

        def remember(line: str, headers: Any, exc_info: Any = None) -> Any:
            nonlocal status
            status = int(line.split()[0])
            return start_response(line, headers, exc_info)

        try:
            if entry["service"] == "waf-regional":
                return _json(remember, *edge.waf_regional(entry["action"]))
            answer = self.moto(environ, remember)
            content = b"".join(answer)
            if hasattr(answer, "close"):
                answer.close()
        except (NotImplementedError, ImportError) as exception:
            # What moto lacks must fail in a way that SDKs do not retry for minutes.
            return _failure(remember, environ, 400, "NotImplemented", str(exception))
        except Exception as exception:
            traceback.print_exc()
            return _failure(remember, environ, 500, "InternalFailure", f"{type(exception).__name__}: {exception}")
        finally:
            self.log.add({**entry, "status": status or 500})
            if entry["mutating"]:
                self.alb.touch()
                self.changed.notify_all()
        return [content]

    def _control(self, environ: dict[str, Any], path: str, body: bytes) -> tuple[int, Any]:
        method = environ["REQUEST_METHOD"]
        query = {key: values[0] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        try:
            if (method, path) == ("GET", "health"):
                return 200, {"status": "ok", "moto": moto.__version__, "started_at": self.started_at}
            if (method, path) == ("GET", "requests"):
                with self.changed:
                    return 200, self.log.since(int(query.get("since", 0)))
            if (method, path) == ("GET", "alb"):
                return 200, self._alb(query.get("known", ""), float(query.get("timeout", 0)))
            if (method, path) == ("POST", "clock"):
                with self.changed:
                    advance(float(json.loads(body)["advance"]))
                    self.changed.notify_all()
                    return 200, {"now": now()}
            if (method, path) == ("POST", "alb/health"):
                with self.changed:
                    return 200, {"accepted": self.alb.report(json.loads(body)["targets"])}
            if path.startswith("clusters/") and path.endswith(("/insights", "/health", "/updating")) and method == "PUT":
                with self.changed:
                    _clusters, name, what = path.split("/")
                    return self._unwell(name, what, json.loads(body))
            if path.startswith("clusters/") and method in ("GET", "PUT"):
                return self._cluster(method, path.removeprefix("clusters/"), body)
        except (ValueError, KeyError, TypeError, AttributeError) as exception:
            return 400, {"error": f"{type(exception).__name__}: {exception}"}
        return 404, {"error": f"no {method} {PREFIX}{path}"}

    def _cluster(self, method: str, name: str, body: bytes) -> tuple[int, Any]:
        with self.changed:
            if method == "GET":
                known = registry.get(name)
                return (200, known) if known is not None else (404, {"error": f"no cluster {name} is registered"})
            changed = registry.put(name, json.loads(body))
            if changed:
                self.alb.touch()
                self.changed.notify_all()
            return 200, {"changed": changed}

    def _unwell(self, name: str, what: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Give a cluster problems: {"insights": [...]}, {"node_groups" or "addons": {"mng": {"status": "DEGRADED", "issues": [...]}}}, or {"seconds": 3}."""
        if what == "insights":
            insights.plant(name, body["insights"])
            return 200, {"planted": len(body["insights"])}
        owners: list[Any] = [backend for account in eks_backends.values() for backend in account.values() if name in backend.clusters]
        for backend in owners:
            cluster = backend.clusters[name]
            if what == "updating":
                backend.patch(cluster, float(body["seconds"]))
            for resources, wanted in ((cluster.nodegroups, body.get("node_groups")), (cluster.addons, body.get("addons"))):
                for resource, state in (wanted or {}).items():
                    insights.make_unwell(resources[resource], state.get("status", "ACTIVE"), state.get("issues", []))
        return 200, {"clusters": len(owners)}

    def _alb(self, known: str, timeout: float) -> dict[str, Any]:
        end = time.monotonic() + min(timeout, LONGEST_POLL)
        with self.changed:
            while True:
                state, next_change = self.alb.current()
                left = end - time.monotonic()
                if state["revision"] != known or left <= 0:
                    return state
                self.changed.wait(min(left, max(next_change - now(), 0.01)) if next_change else left)


def _json(start_response: Callable[..., Any], status: int, answer: Any) -> list[bytes]:
    content = json.dumps(answer, default=str).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
    if status >= 400 and "__type" in answer:
        headers.append(("x-amzn-ErrorType", answer["__type"]))
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [content]


def _failure(start_response: Callable[..., Any], environ: dict[str, Any], status: int, code: str, message: str) -> list[bytes]:
    """An error in the form that the caller's protocol reads: XML for EC2 and the other query services, JSON for the rest."""
    if not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return _json(start_response, status, {"__type": code, "message": message})
    inner = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    ec2 = "/ec2/aws4_request" in environ.get("HTTP_AUTHORIZATION", "")
    text = f"<Response><Errors>{inner}</Errors></Response>" if ec2 else f"<ErrorResponse>{inner}</ErrorResponse>"
    start_response(f"{status} {HTTPStatus(status).phrase}", [("Content-Type", "text/xml"), ("Content-Length", str(len(text.encode())))])
    return [text.encode()]
