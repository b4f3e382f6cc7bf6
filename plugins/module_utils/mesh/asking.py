# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Asking a proxy for what is expected of routes, through a tunnel to its pod or at an address."""

from __future__ import annotations

import time
import typing as t
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from ..common.command import Process, Runner
from ..common.failure import Refused
from ..common.http import Answer, ask
from ..common.require import require
from ..kube.access import Access
from ..kube.api import KubeApi
from . import shadow
from .expectations import Expectation
from .shares import service_of

# A proxy that has its routes may wait for endpoints of new Services for so long.
_SETTLE_SECONDS = 10.0
# What Istio's sidecars say where no AuthorizationPolicy of their app admits the caller.
_NOT_ADMITTED = "RBAC: access denied"
AddressOf = t.Callable[[Expectation], str]


class Answers(t.NamedTuple):
    given: list[dict[str, t.Any]]
    complaints: list[str]
    remarks: list[str]


@contextmanager
def forwarded(api: KubeApi, access: Access, namespace: str, labels: t.Mapping[str, str], ports: t.Collection[int]) -> Iterator[dict[int, str]]:
    """These ports of one of these pods, each by an address of this machine."""
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    pods = [pod for pod in api.find("v1", "Pod", namespace, labels=selector) if not pod["metadata"].get("deletionTimestamp")]
    if not pods:
        raise Refused(f"namespace {namespace} has no pod of {selector}")
    name = pods[0]["metadata"]["name"]
    process = Runner().start(access.command(f"--namespace={namespace}", "port-forward", f"pod/{name}", *[f":{port}" for port in sorted(set(ports))]))
    try:
        found = _addresses(process, len(set(ports)))
        if len(found) < len(set(ports)):
            raise Refused(f"kubectl port-forward to pod {name} of {namespace} ended without its ports")
        yield found
    finally:
        process.kill()
        process.wait()


def _addresses(process: Process, count: int) -> dict[int, str]:
    """Of lines such as C(Forwarding from 127.0.0.1:41327 -> 8080); the same follow for IPv6."""
    found: dict[int, str] = {}
    while len(found) < count and (line := require(process.stdout).readline()):
        words = line.split()
        if words[:2] == ["Forwarding", "from"] and words[2].startswith("127.0.0.1:"):
            found[int(words[4])] = words[2]
    return found


def asked(table: t.Sequence[Expectation], address_of: AddressOf, timeout: float) -> Answers:
    """What is not answered as expected is asked once more for a moment: endpoints may still be on their way. What is, is not: it may have effects."""
    end, probe = time.monotonic() + min(_SETTLE_SECONDS, timeout), str(uuid.uuid4())
    answers = [_ask(one, address_of(one), probe) for one in table]
    while any(complaints := list(map(complaint, table, answers))) and time.monotonic() <= end:
        time.sleep(0.5)
        answers = [_ask(one, address_of(one), probe) if said else answer for one, answer, said in zip(table, answers, complaints, strict=True)]
    pairs = list(zip(table, answers, strict=True))
    return Answers([_shown(*pair) for pair in pairs], [said for said in complaints if said], [said for pair in pairs if (said := _remark(*pair))])


def _ask(wanted: Expectation, address: str, probe: str) -> Answer:
    request = wanted.request
    sent = {**dict(request.headers), shadow.PROBE_HEADER: probe}
    return ask(f"http://{request.host}{request.path}", address, method=request.method, sent=sent)


def _led_to(answer: Answer) -> tuple[str, str]:
    """Which Service answered, if one did, and to which one the rule leads."""
    cluster, _space, host = answer.headers.get(shadow.UPSTREAM_HEADER, "").partition(" ")
    service = service_of(cluster)
    return (service if host not in ("", "-") else ""), service


def _answered_by(answer: Answer) -> str:
    return _led_to(answer)[0]


def complaint(wanted: Expectation, answer: Answer) -> str:
    """What is not as expected, with request, wanted and got; empty if all is."""
    if answer.error:
        return f"route {wanted.route}: {wanted.request}: {answer.error}"
    service, meant = _led_to(answer)
    if (answer.status == wanted.answer or _not_admitted(wanted, answer)) and (wanted.services is None or service in wanted.services):
        return ""
    accepted = f"{wanted.answer} from {' or '.join(wanted.named)}" if wanted.services is not None else f"{wanted.answer}"
    itself = "the gateway itself" if wanted.port is None else "the caller's own proxy"
    way = f" on the way to {meant}" if meant else ""
    return f"route {wanted.route}: {wanted.request}: wanted {accepted}, got {answer.status} from {service or itself + way}"


def _not_admitted(wanted: Expectation, answer: Answer) -> bool:
    """An app inside the mesh may have other callers than the prober: it was reached all the same."""
    return wanted.port is not None and answer.status == 403 and answer.body.strip() == _NOT_ADMITTED and bool(_answered_by(answer))


def _remark(wanted: Expectation, answer: Answer) -> str:
    if answer.status == wanted.answer or not _not_admitted(wanted, answer):
        return ""
    return f"route {wanted.route}: {wanted.request} reached {_answered_by(answer)}, which admits other callers only: its status was not compared"


def _shown(wanted: Expectation, answer: Answer) -> dict[str, t.Any]:
    return {"route": wanted.route, "request": str(wanted.request), "status": answer.status, "service": _answered_by(answer), "error": answer.error}
