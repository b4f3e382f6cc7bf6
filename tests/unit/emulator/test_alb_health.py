# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Envoy's health check results in the words of DescribeTargetHealth."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from meshgate_aws.alb import health
from meshgate_aws.alb.daemon import Daemon
from meshgate_aws.alb.state import parse

GROUP = "arn:group"
HOST = (GROUP, "10.0.0.1", 8080)


def report(flags: dict[str, Any] | None, failure: str = "", check: bool = True, **target: Any) -> list[dict[str, Any]]:
    group = {"arn": GROUP, "health_check": {"enabled": check}, "targets": [{"id": "10.0.0.1", "port": 8080, **target}]}
    groups = list(parse({"revision": "1", "target_groups": [group]}).target_groups)
    return health.report(groups, {} if flags is None else {HOST: flags}, {HOST: failure} if failure else {})


def verdict(*arguments: Any, **options: Any) -> tuple[str, str]:
    (result,) = report(*arguments, **options)
    assert (result["target_group_arn"], result["id"], result["port"]) == HOST
    return result["state"], result["reason"]


@pytest.mark.parametrize(
    ("flags", "failure", "expected"),
    [
        (None, "", ("initial", "Elb.InitialHealthChecking")),
        ({"pending_active_hc": True, "failed_active_health_check": True}, "", ("initial", "Elb.InitialHealthChecking")),
        ({"eds_health_status": "HEALTHY"}, "", ("healthy", "")),
        ({"eds_health_status": "HEALTHY"}, "NETWORK", ("healthy", "")),
        ({"failed_active_health_check": True}, "NETWORK", ("unhealthy", "Target.FailedHealthChecks")),
        ({"failed_active_health_check": True}, "ACTIVE", ("unhealthy", "Target.ResponseCodeMismatch")),
        # The gateway drains, and says so: x-envoy-immediate-health-check-fail.
        ({"failed_active_health_check": True}, "PASSIVE", ("unhealthy", "Target.FailedHealthChecks")),
        ({"failed_active_health_check": True}, "SOMETHING_NEW", ("unhealthy", "Target.ResponseCodeMismatch")),
        ({"failed_active_health_check": True}, "NETWORK_TIMEOUT", ("unhealthy", "Target.Timeout")),
        ({"failed_active_health_check": True, "active_hc_timeout": True}, "NETWORK", ("unhealthy", "Target.Timeout")),
    ],
)
def test_states(flags: dict[str, Any] | None, failure: str, expected: tuple[str, str]) -> None:
    assert verdict(flags, failure) == expected


def test_what_the_state_says_goes_before_what_envoy_says() -> None:
    assert report({}, state="draining") == []
    assert verdict({}, reachable=False) == ("unhealthy", "Target.Timeout")
    assert verdict({}, check=False) == ("unavailable", "Target.HealthCheckDisabled")


def test_failures_are_read_from_envoys_events() -> None:
    def event(**what: Any) -> str:
        return json.dumps({"cluster_name": GROUP, "host": {"socket_address": {"address": "10.0.0.1", "port_value": 8080}}, **what})

    failures: dict[health.Host, str] = {}
    health.collect_failures(iter(["no json", "{}", event(health_check_failure_event={"failure_type": "NETWORK"})]), failures)
    assert failures == {HOST: "NETWORK"}
    health.collect_failures(iter([event(add_healthy_event={}), event(health_check_failure_event={})]), failures)
    assert failures == {HOST: "ACTIVE"}


def test_reports_go_on_after_one_that_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A new target would be "initial" for ever, and a gateway's pod never ready."""
    answers = [None, ["no cluster"], {}, {}]
    envoy = SimpleNamespace(clusters=lambda: answers.pop(0))
    reported: list[Any] = []

    class Api:
        def report_health(self, targets: Any) -> None:
            reported.append(targets)
            daemon.stop()

    daemon = Daemon(Api(), envoy, None, None, tmp_path / "log", None, None)  # type: ignore[arg-type]
    daemon._groups = []
    daemon._stop = Quick()
    daemon._report_health()
    assert reported == [[]]
    assert "target health cannot be reported" in capsys.readouterr().out


class Quick(threading.Event):
    """An event for which nobody waits."""

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()
