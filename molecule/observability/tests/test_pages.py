# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every page in a real browser, as `istioctl dashboard` and a port-forward open it, and what it must show. The docs show these pictures."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from browser import dashboard, forward, page, photograph
from harness import CACHE, STATE, ask, until
from playwright.sync_api import Page

ISTIOCTL = CACHE / "bin/istioctl"
KUBECONFIG = STATE / "sandbox/kubeconfig"
LONG = 60_000


@pytest.fixture(scope="module", autouse=True)
def traffic(host: str) -> Iterator[None]:
    """Something to look at, for as long as somebody looks."""
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(0.05):
            with suppress(OSError):
                ask(host, "/?name=A+Field")

    sender = threading.Thread(target=send)
    sender.start()
    time.sleep(20)
    yield
    ended.set()
    sender.join()


@contextmanager
def shown(name: str, path: str, **window: Any) -> Iterator[Page]:
    with dashboard(name, ISTIOCTL, KUBECONFIG) as address, page(**window) as opened:
        opened.goto(re.match(r"https?://[^/]+", address)[0] + path)  # type: ignore[index]
        yield opened


def test_kiali_draws_the_way_of_a_request() -> None:
    path = "/kiali/console/graph/namespaces?namespaces=istio-ingress,rust-services&duration=60&refresh=0&edges=trafficRate&graphType=workload&layout=dagre"
    with shown("kiali", path) as opened:
        for name in ("istio-ingressgateway", "service-b", "service-a"):
            opened.get_by_text(name, exact=False).first.wait_for(timeout=LONG)
        opened.get_by_text(re.compile(r"^[0-9]+[.][0-9]+$")).first.wait_for(timeout=LONG)
        time.sleep(3)  # the layout moves for a moment
        photograph(opened, "kiali-graph")


def test_prometheus_has_its_page() -> None:
    with shown("prometheus", "/alerts") as opened:
        opened.get_by_text("ServiceFails").first.wait_for(timeout=LONG)
        photograph(opened, "prometheus-alerts")


def test_the_mesh_dashboard_has_numbers() -> None:
    with forward("perses", 8080, KUBECONFIG) as address, page(height=1000) as opened:
        opened.goto(f"{address}/projects/istio/dashboards/mesh")
        for title in ("Traffic Volume", "HTTP/gRPC Workloads"):
            opened.get_by_text(title).first.wait_for(timeout=LONG)
        opened.get_by_text("service-b.rust-services").first.wait_for(timeout=LONG)
        # What other checks broke in the last minute is still a part of it when the page opens.
        opened.get_by_text("100%").first.wait_for(timeout=2 * LONG)
        time.sleep(3)
        photograph(opened, "perses-mesh")
        with opened.expect_request(lambda request: "query_range" in request.url, timeout=LONG):
            """As often as Istio's own dashboard asks Prometheus again."""


def test_alertmanager_has_its_page() -> None:
    with forward("alertmanager", 9093, KUBECONFIG) as address, page() as opened:
        opened.goto(f"{address}/#/status")
        opened.get_by_text("on-call").first.wait_for(timeout=LONG)


def test_kiali_shows_the_spans_of_a_trace(get: Callable[..., Any], host: str) -> None:
    trace = secrets.token_hex(16)
    assert ask(host, "/?name=A+Field", headers={"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}).status == 200
    service = "istio-ingressgateway.istio-ingress"
    until("the trace", lambda: trace in str(get("tracing:80", "/jaeger/api/traces", service=service, limit="200", lookback="1h")), 60)
    path = f"/kiali/console/namespaces/rust-services/workloads/service-b?tab=traces&duration=300&refresh=0&traceId={trace}"
    with shown("kiali", path, height=1100) as opened:
        opened.get_by_text("Error Traces").first.wait_for(timeout=LONG)
        opened.get_by_text("Span Details").first.wait_for(timeout=LONG)
        time.sleep(3)
        photograph(opened, "kiali-traces")


@pytest.fixture(scope="module")
def status_page(play: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What status.yml writes for a browser."""
    path = tmp_path_factory.mktemp("status") / "status.html"
    play("playbooks/status.yml", "-e", f"status_html={path}")
    return path


@pytest.mark.parametrize(("name", "window"), [("status", {}), ("status-phone-dark", {"width": 390, "height": 844, "dark": True})])
def test_the_status_page_needs_no_network_and_fits_a_phone(status_page: Path, name: str, window: dict[str, Any]) -> None:
    asked: list[str] = []
    with page(offline=True, **window) as opened:
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto(status_page.as_uri())
        for text in ("istio-ingressgateway", "service-b", "service-a"):
            opened.get_by_text(text).locator("visible=true").first.wait_for(timeout=LONG)
        assert asked == [status_page.as_uri()], "it fetches something from elsewhere"
        assert opened.evaluate("document.documentElement.scrollWidth") <= opened.evaluate("window.innerWidth"), "it is wider than the screen"
        photograph(opened, name)
