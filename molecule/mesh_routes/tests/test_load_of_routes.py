# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What many requests meet: while routes change, while a mirror hangs, when a pool is full."""

from __future__ import annotations

import copy
import http.client
import json
import statistics
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster import Cluster
from demo_app import Pods, deploy, versions
from harness import ALB, CACHE, REPO, Play, Run, ask, until

VARIABLES = "molecule/mesh_routes/vars/scenario.yml"
NAMESPACE, HOST, PRODUCTS = "molecule-routes", "routes.example.com", "/api/products"
GIVEN: dict[str, Any] = yaml.safe_load((REPO / VARIABLES).read_text(encoding="utf-8"))
V1, V2 = {"app": "product", "version": "v1"}, {"app": "product", "version": "v2"}


def route(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**copy.deepcopy(GIVEN["mesh_routes"][0]), "rules": list(rules), "expect": [], **more}


@pytest.fixture(scope="module")
def apply(play: Play):
    def run(*routes: dict[str, Any], **variables: Any) -> Run:
        return deploy(play, VARIABLES, {"mesh_routes": list(routes), **variables})

    return run


@pytest.fixture(autouse=True, scope="module")
def as_it_was(apply) -> Iterator[None]:
    yield
    apply(*GIVEN["mesh_routes"])


# -- a change ---------------------------------------------------------------------------------------------------------


@dataclass
class Requests:
    """Some clients that ask one after the other, each over a connection of its own, and when they got what."""

    clients: int = 4
    answers: list[tuple[float, str]] = field(default_factory=list)  # when it was asked; the version, or what came instead
    _over: threading.Event = field(default_factory=threading.Event)

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(ALB, timeout=10)
        while not self._over.is_set():
            begun = time.monotonic()
            try:
                connection.request("GET", PRODUCTS, headers={"Host": HOST})
                answer = connection.getresponse()
                answer.read()
                found = answer.headers.get("x-version", "?") if answer.status == 200 else str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                found = repr(error)
            self.answers.append((begun, found))

    @contextmanager
    def going_on(self) -> Iterator[Requests]:
        threads = [threading.Thread(target=self._ask, daemon=True) for _client in range(self.clients)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join(30)

    def between(self, begin: float, end: float) -> Counter[str]:
        return Counter(found for begun, found in self.answers if begin <= begun < end)


def test_ten_thousand_requests_while_routes_change_and_none_is_lost_or_led_astray(apply) -> None:
    """Asked after a change was served, nobody gets what was before it; and nobody gets anything else at any time."""
    stages = [([V1], {"v1"}), ([V2], {"v2"}), ([{**V1, "weight": 50}, {**V2, "weight": 50}], {"v1", "v2"}), ([V1], {"v1"})]
    apply(route({"to": stages[0][0]}))
    until("version 1 alone", lambda: versions(HOST, PRODUCTS, 20) == {"v1": 20})
    served: list[tuple[float, float, set[str]]] = []
    with Requests().going_on() as asked:
        while len(asked.answers) < 10_000:
            for to, of in stages:
                apply(route({"to": to}))
                until(f"only {of}", lambda of=of: set(versions(HOST, PRODUCTS, 20)) == of)
                since = time.monotonic()
                time.sleep(1)
                served.append((since, time.monotonic(), of))
    everything = Counter(found for _begun, found in asked.answers)
    assert set(everything) == {"v1", "v2"} and everything.total() >= 10_000, everything
    for since, til, of in served:
        found = asked.between(since, til)
        assert found and set(found) <= of, f"{found} where only {of} was served"


# -- a mirror that hangs ----------------------------------------------------------------------------------------------

# An app whose answers take their time, so that a tenth of it is more than what a busy machine adds.
TAKES_MS, HANGS_MS = 200, 20_000
WITHOUT = "plain.example.com"


@contextmanager
def slow(pods: Pods, milliseconds: int) -> Iterator[None]:
    names = pods.names()
    for name in names:
        pods.told(name, "PUT", f"/fault?delay_ms={milliseconds}")
    try:
        yield
    finally:
        for name in names:
            pods.told(name, "DELETE", "/fault")


def p99(fortio: Path, host: str) -> float:
    """Milliseconds, of 400 requests at a steady rate; each of them must be answered well."""
    argv = [str(fortio), "load", "-quiet", "-loglevel", "Warning", "-uniform", "-qps", "40", "-c", "16", "-n", "400", "-r", "0.001", "-p", "99", "-json", "-"]
    done = subprocess.run([*argv, "-H", f"Host: {host}", f"http://{ALB}{PRODUCTS}"], capture_output=True, text=True, timeout=120, check=True)
    told = json.loads(done.stdout)
    assert told["RetCodes"] == {"200": 400}, told["RetCodes"]
    return float(told["DurationHistogram"]["Percentiles"][0]["Value"]) * 1000


def test_a_mirror_that_hangs_is_not_felt_by_clients(apply, cluster: Cluster, play: Play) -> None:
    fortio = CACHE / "bin" / "fortio"
    if not fortio.exists():
        play("tests/tools.yml")
    v1, v2 = Pods(cluster, NAMESPACE, "product", "v1"), Pods(cluster, NAMESPACE, "product", "v2")
    apply(route({"to": [V1], "mirrors": [V2]}), route({"to": [V1]}, name="plain", hosts=[WITHOUT]))
    until("both routes", lambda: ask(WITHOUT, PRODUCTS).status == ask(HOST, PRODUCTS).status == 200)
    with slow(v1, TAKES_MS), slow(v2, HANGS_MS):
        before = v2.received()
        runs = [(p99(fortio, WITHOUT), p99(fortio, HOST)) for _run in range(3)]
        copies = v2.received() - before
    plain, mirrored = (statistics.median(found) for found in zip(*runs, strict=True))
    print(f"p99 in ms, without a mirror and with one that hangs: {runs}; copies received: {copies}")
    assert copies == 1200, "the mirror did not get each request"
    assert mirrored <= 1.1 * plain, runs


# -- a pool -----------------------------------------------------------------------------------------------------------


def test_what_a_full_pool_refuses_is_told_and_never_reaches_the_app(apply, cluster: Cluster) -> None:
    apps = copy.deepcopy(GIVEN["mesh_apps"])
    apps[0]["connection_pool"] = {"max_connections": 2, "http1_max_pending_requests": 1}
    v1 = Pods(cluster, NAMESPACE, "product", "v1")

    def at_once(count: int) -> Counter[str]:
        with ThreadPoolExecutor(count) as clients:
            answers = list(clients.map(lambda _number: ask(HOST, f"{PRODUCTS}?delay_ms=1000"), range(count)))
        return Counter("served" if answer.status == 200 else f"{answer.status} {answer.body.decode()[-8:]}" for answer in answers)

    apply(route({"to": [V1]}), mesh_apps=apps)
    try:
        until("the pool", lambda: len(at_once(16)) > 1)
        time.sleep(2)
        before = v1.received()
        found = at_once(16)
        assert set(found) == {"served", "503 overflow"}, found
        assert v1.received() - before == found["served"] <= 8, found
    finally:
        apply(route({"to": [V1]}))
    until("no limit", lambda: at_once(16) == {"served": 16})
