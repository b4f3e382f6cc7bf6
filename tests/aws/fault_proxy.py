# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A proxy in front of the emulated AWS that does to chosen calls what networks and AWS do: throttle, fail, delay, drop, forget, expire.

Codes and forms of the errors are those of each service's documentation: the "Common errors" page of its API reference, EC2's
"Error codes for the Amazon EC2 API" and "Eventual consistency in the Amazon EC2 API", and IAM's "Changes that I make are not always
immediately visible".
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import threading
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

import botocore.session

KINDS = ("throttled", "error_500", "slow", "dropped_before", "dropped_after", "unseen", "expired", "denied")
# What FaultProxy.say and FaultProxy.edit do to a call.
SAID, EDITED = "said", "edited"
Edit = Callable[[bytes], bytes]
SCOPE = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/aws4_request")
READING = re.compile(r"^(Describe|Get|List|Head|Lookup|Search|Simulate|Check|Assume|Decode|BatchGet|BatchCheck|Test)")
# aws_access's clients, and those that amazon.aws makes for a module.
OUR_AGENTS = ("meshgate.eks_istio", "APN/1.0 Ansible")
# Signing names that are not what botocore calls the service.
CLIENTS = {"elasticloadbalancing": "elbv2", "tagging": "resourcegroupstaggingapi", "servicequotas": "service-quotas"}
# (code, status) of each service; the default is what JSON services share.
THROTTLED = {"ec2": ("RequestLimitExceeded", 503), "eks": ("ThrottlingException", 400), "query": ("Throttling", 400), "rest-xml": ("Throttling", 400)}
BROKEN = {"ec2": ("InternalError", 500), "eks": ("ServerException", 500), "iam": ("ServiceFailure", 500), "query": ("InternalFailure", 500)}
EXPIRED = {"ec2": ("RequestExpired", 400), "eks": ("ExpiredTokenException", 403), "query": ("ExpiredToken", 403), "rest-xml": ("ExpiredToken", 403)}
DENIED = {"ec2": ("UnauthorizedOperation", 403), "query": ("AccessDenied", 403), "rest-xml": ("AccessDenied", 403)}
# What EC2 says about an id that it does not know (yet).
UNKNOWN = {
    "vpc": "InvalidVpcID.NotFound",
    "subnet": "InvalidSubnetID.NotFound",
    "igw": "InvalidInternetGatewayID.NotFound",
    "nat": "NatGatewayNotFound",
    "rtb": "InvalidRouteTableID.NotFound",
    "eipalloc": "InvalidAllocationID.NotFound",
    "sg": "InvalidGroup.NotFound",
    "lt": "InvalidLaunchTemplateId.NotFound",
}
# Calls whose outcome is not visible everywhere at once, and what then names it: the prefix of EC2's id, or the parameter of IAM's request.
NEW = {
    "ec2:CreateVpc": "vpc",
    "ec2:CreateSubnet": "subnet",
    "ec2:CreateInternetGateway": "igw",
    "ec2:CreateNatGateway": "nat",
    "ec2:CreateRouteTable": "rtb",
    "ec2:AllocateAddress": "eipalloc",
    "ec2:CreateSecurityGroup": "sg",
    "ec2:CreateLaunchTemplate": "lt",
    "iam:CreateRole": "RoleName",
    "iam:CreatePolicy": "PolicyName",
}


@dataclass
class Call:
    """One request that came by."""

    service: str
    operation: str
    parameters: str = field(repr=False)
    fault: str = ""
    status: int = 0

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"

    @property
    def mutating(self) -> bool:
        return bool(self.operation) and not READING.match(self.operation)


@dataclass
class Fault:
    """What happens to the nth call of an operation, and to the ones after it up to `times` in all."""

    kind: str
    call: str
    nth: int = 1
    times: int = 1
    seconds: float = 2.0
    # Of SAID: the error's code, text and HTTP status.
    error: tuple[str, str, int] = ("", "", 400)
    # Of EDITED: makes the answer that the client gets out of the true one.
    edit: Edit | None = None


@cache
def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(CLIENTS.get(service, service))


@cache
def routes(service: str) -> list[tuple[str, re.Pattern[str], set[str], str]]:
    """Method, path, members of the query and name of a REST service's operations; the most particular first, since labels match much."""
    found = []
    for name in model(service).operation_names:
        http_trait = model(service).operation_model(name).http
        path, _unused, query = http_trait["requestUri"].partition("?")
        pattern = re.sub(r"\\\{[^}]+?\\\+\\\}", ".+", re.escape(path))
        pattern = re.sub(r"\\\{[^}]+?\\\}", "[^/]+", pattern)
        found.append((http_trait["method"], re.compile(pattern + "/?"), set(query.split("&")) - {""}, name))
    return sorted(found, key=lambda route: (-len(route[2]), -route[1].pattern.count("/"), route[1].pattern.count("[^/]+")))


def describe(method: str, path: str, headers: Any, body: bytes) -> Call:
    """Which operation of which service a signed request is."""
    scope = SCOPE.search(headers.get("Authorization", ""))
    service = scope[1] if scope else ""
    url = urlsplit(path)
    text = body.decode("utf-8", "replace")
    if target := headers.get("X-Amz-Target"):
        return Call(service, target.rsplit(".", 1)[-1], text)
    form = dict(parse_qsl(text)) if headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded") else dict(parse_qsl(url.query))
    if "Action" in form:
        return Call(service, form["Action"], "&".join(form.values()))
    if service:
        given = set(url.query.split("&"))
        for verb, pattern, query, name in routes(service):
            if verb == method and query <= given and pattern.fullmatch(url.path):
                return Call(service, name, f"{path} {text}")
    return Call(service, "", f"{path} {text}")


def protocol(service: str) -> str:
    return str(model(service).resolved_protocol)  # what botocore speaks, where a model has several


def chosen(table: dict[str, tuple[str, int]], service: str, default: tuple[str, int]) -> tuple[str, int]:
    return table.get(service) or table.get(protocol(service)) or default


def error(service: str, code: str, status: int, message: str) -> tuple[int, dict[str, str], bytes]:
    """An error in the service's own form."""
    kind = protocol(service)
    if kind == "ec2":
        text = f"<Response><Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors><RequestID>fault</RequestID></Response>"
        return status, {"Content-Type": "text/xml"}, text.encode()
    if kind in ("query", "rest-xml"):
        inner = f"<Error><Type>{'Sender' if status < 500 else 'Receiver'}</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        return status, {"Content-Type": "text/xml"}, f"<ErrorResponse>{inner}<RequestId>fault</RequestId></ErrorResponse>".encode()
    body = json.dumps({"__type": code, "message": message}).encode()
    return status, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}, body


# Statement NewRoles of the operator policy.
MARKED = {f"iam:{verb}{what}" for verb in ("Create", "Tag") for what in ("OpenIDConnectProvider", "Policy", "Role")}


class FaultProxy:
    """Passes everything on until it is told otherwise."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._lock = threading.Lock()
        self.upstream = ""
        # Names of the calls that our own code made; kept when everything else is reset.
        self.ours: set[str] = set()
        # Calls that the operator policy allows only with the owner's mark in them, and that had none.
        self.unmarked: list[str] = []
        self.reset()
        threading.Thread(target=self._server.serve_forever, daemon=True, kwargs={"poll_interval": 0.05}).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reset(self, upstream: str = "") -> None:
        """No faults, nothing counted, nothing remembered."""
        with self._lock:
            self.upstream = upstream or self.upstream
            self.calls: list[Call] = []
            self._faults: list[Fault] = []
            self._counts: Counter[str] = Counter()
            self._hidden: dict[str, list[Any]] = {}
            self._expired = False

    def inject(self, kind: str, call: str, nth: int = 1, times: int = 1, seconds: float = 2.0) -> None:
        """Let `kind` happen to the nth `service:Operation` from now on, and to the next ones up to `times` in all.

        For C(unseen), C(times) is how many answers do not know yet what the call created.
        """
        assert kind in KINDS, f"{kind} is none of {KINDS}"
        with self._lock:
            self._counts[call] = 0
            self._faults.append(Fault(kind, call, nth, times, seconds))

    def say(self, call: str, code: str, text: str, status: int = 400, nth: int = 1, times: int = 1) -> None:
        """Answer the nth C(service:Operation) from now on, and the next ones up to `times` in all, with this error and not at all otherwise."""
        with self._lock:
            self._counts[call] = 0
            self._faults.append(Fault(SAID, call, nth, times, error=(code, text, status)))

    def edit(self, call: str, edit: Edit, nth: int = 1, times: int = 1) -> None:
        """Let the answers to these calls be what `edit` makes out of them: states that the emulated AWS does not come to by itself."""
        with self._lock:
            self._counts[call] = 0
            self._faults.append(Fault(EDITED, call, nth, times, edit=edit))

    @property
    def hits(self) -> int:
        """How many calls met a fault."""
        return sum(1 for call in self.calls if call.fault)

    def mutations(self) -> list[str]:
        """Calls that change something. A run's claim is no change."""
        return [call.name for call in self.calls if call.mutating and call.service != "ssm"]

    # One request

    def _fault_of(self, call: Call) -> Fault | None:
        with self._lock:
            self._counts[call.name] += 1
            count = self._counts[call.name]
            self.calls.append(call)
            for fault in self._faults:
                last = fault.nth + (fault.times if fault.kind != "unseen" else 1)
                if fault.call == call.name and fault.nth <= count < last:
                    call.fault = fault.kind
                    self._expired = self._expired or fault.kind == "expired"
                    return fault
        return None

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes] | None:
        """What the client gets; None: the connection is cut."""
        call = describe(method, path, headers, body)
        if not call.service:
            return self._pass_on(method, path, headers, body)
        if any(agent in headers.get("User-Agent", "") for agent in OUR_AGENTS):
            self.ours.add(call.name)
            if call.name in MARKED and b"meshgate.io%2Fcluster" not in body:
                self.unmarked.append(call.name)
        fault = self._fault_of(call)
        if self._expired:
            code, status = chosen(EXPIRED, call.service, ("ExpiredTokenException", 400))
            return self._said(call, error(call.service, code, status, "The security token included in the request is expired"))
        kind = fault.kind if fault else ""
        if kind == "throttled":
            return self._said(call, error(call.service, *chosen(THROTTLED, call.service, ("ThrottlingException", 400)), "Rate exceeded"))
        if kind == "error_500":
            return self._said(call, error(call.service, *chosen(BROKEN, call.service, ("InternalFailure", 500)), "An internal error has occurred"))
        if kind == "denied":
            return self._said(
                call, error(call.service, *chosen(DENIED, call.service, ("AccessDeniedException", 403)), f"not authorized to perform: {call.name}")
            )
        if fault and kind == SAID:
            code, text, status = fault.error
            return self._said(call, error(call.service, code, status, text))
        if kind == "dropped_before":
            return None
        unknown = self._unknown(call)
        if unknown:
            call.fault = "unseen"
            return self._said(call, unknown)
        answer = self._said(call, self._pass_on(method, path, headers, body))
        if kind == "dropped_after":
            return None
        if fault and fault.edit and answer[0] < 300:
            return answer[0], answer[1], fault.edit(answer[2])
        if kind == "slow" and fault:
            time.sleep(fault.seconds)
        if kind == "unseen" and fault and answer[0] < 300:
            self._hide(call, fault, body, answer[2])
            return answer
        return self._without_hidden(call, answer)

    @staticmethod
    def _said(call: Call, answer: tuple[int, dict[str, str], bytes]) -> tuple[int, dict[str, str], bytes]:
        call.status = answer[0]
        return answer

    def _pass_on(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        target = urlsplit(self.upstream)
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=120)
        try:
            connection.request(method, path, body or None, {key: value for key, value in headers.items() if key.lower() not in ("connection", "expect")})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        # The length of an answer to HEAD is that of the thing, not of the answer.
        dropped = {"connection", "transfer-encoding", "date", "server"} | ({"content-length"} if method != "HEAD" else set())
        kept = {key: value for key, value in answer.getheaders() if key.lower() not in dropped}
        return answer.status, kept, content

    # Eventual consistency

    def _hide(self, call: Call, fault: Fault, request: bytes, answer: bytes) -> None:
        """Remember what was just created, as something that the next answers do not know."""
        what = NEW[call.name]
        if call.service == "ec2":
            found = re.search(rf"\b{what}-[0-9a-f]{{8,}}", answer.decode())
            name = found[0] if found else ""
        else:
            name = dict(parse_qsl(request.decode())).get(what, "")
        with self._lock:
            self._hidden[name] = [call.service, what, fault.times]

    def _forget(self, name: str) -> None:
        with self._lock:
            self._hidden[name][2] -= 1
            if self._hidden[name][2] <= 0:
                del self._hidden[name]

    def _unknown(self, call: Call) -> tuple[int, dict[str, str], bytes] | None:
        """The refusal of a call that names what is not visible yet."""
        for name, (service, what, _left) in list(self._hidden.items()):
            if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", call.parameters):
                continue
            if service == "ec2" and call.service == "ec2" and name.startswith(what + "-"):
                self._forget(name)
                return error("ec2", UNKNOWN[what], 400, f"The ID '{name}' does not exist")
            if service == "iam" and call.service == "iam" and not call.operation.startswith("Create"):
                self._forget(name)
                return error("iam", "NoSuchEntity", 404, f"{name} cannot be found.")
            if service == "iam" and call.service == "eks" and call.mutating:
                self._forget(name)
                said = f"Role with arn: {name}, could not be assumed because it does not exist or the trusted entity is not correct"
                return error("eks", "InvalidParameterException", 400, said)
        return None

    def _without_hidden(self, call: Call, answer: tuple[int, dict[str, str], bytes]) -> tuple[int, dict[str, str], bytes]:
        """A list without what is not visible yet."""
        if call.mutating or not self._hidden or answer[0] >= 300 or protocol(call.service) not in ("ec2", "query"):
            return answer
        status, headers, content = answer
        root = ET.fromstring(content)
        for name in list(self._hidden):
            gone = False
            for parent in list(root.iter()):
                for item in list(parent):
                    # Only the thing itself, not what refers to it: its id is the first of its own ids.
                    ids = [child.text for child in item if child.text and child.tag.split("}")[-1] in _ids(self._hidden[name][1])]
                    if item.tag.split("}")[-1] in ("item", "member") and name in ids[:1]:
                        parent.remove(item)
                        gone = True
            if gone:
                self._forget(name)
                call.fault = "unseen"
        return status, headers, ET.tostring(root)


def _ids(what: str) -> tuple[str, ...]:
    names = {
        "vpc": "vpcId",
        "subnet": "subnetId",
        "igw": "internetGatewayId",
        "nat": "natGatewayId",
        "rtb": "routeTableId",
        "eipalloc": "allocationId",
        "sg": "groupId",
        "lt": "launchTemplateId",
    }
    return (names.get(what, what),)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultProxy

    def log_message(self, *_arguments: object) -> None:
        """The proxy keeps its own record."""

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.proxy.answer(self.command, self.path, self.headers, body)
        if answer is None:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, headers, content = answer
        # The client may have given up by now.
        with contextlib.suppress(OSError):
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _handle
