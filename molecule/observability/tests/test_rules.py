# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Each alert fires by its cause, after its time, and is silent without it, as promtool evaluates it on series of an hour."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import CACHE, REPO

from ansible_collections.meshgate.eks_istio.plugins.module_utils.observability.alerts import groups

SHOP = 'reporter="source", destination_service_name="front", destination_service_namespace="shop"'
WELL = {"up": [('up{app="istiod"}', "1x90")]}
DAY = 86_400


def requests(good: int, bad: int, code: str = "503", flags: str = "-") -> list[tuple[str, str]]:
    """A minute's requests."""
    answers = [("200", "-", good), (code, flags, bad)]
    return [(f'istio_requests_total{{{SHOP}, response_code="{code}", response_flags="{flags}"}}', f"0+{count}x90") for code, flags, count in answers]


def durations(under_a_second: int, count: int = 100) -> list[tuple[str, str]]:
    buckets = {"1000": under_a_second, "2500": count, "+Inf": count}
    return [(f'istio_request_duration_milliseconds_bucket{{{SHOP}, le="{limit}"}}', f"0+{number}x90") for limit, number in buckets.items()]


# The alert, series by which it fires and series by which it does not, and the minutes after which it fires.
CASES: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]], int]] = {
    "ServiceFails": (requests(90, 10), requests(96, 4), 6),
    "ServiceHasNoHealthyPod": (requests(99, 1, flags="UH"), requests(99, 1, flags="UF,URX"), 3),
    "ServiceIsSlow": (durations(98), durations(100), 11),
    "ProxyCertificateEnds": (
        [('istio_agent_cert_expiry_seconds{namespace="shop", pod="front-1"}', "3600x90")],
        [('istio_agent_cert_expiry_seconds{namespace="shop", pod="front-1"}', f"{DAY}x90")],
        5,
    ),
    "RootCertificateEnds": (
        [("citadel_server_root_cert_expiry_seconds", f"{20 * DAY}x90")],
        [("citadel_server_root_cert_expiry_seconds", f"{3_650 * DAY}x90")],
        60,
    ),
    "ProxiesRejectConfiguration": ([('pilot_total_xds_rejects{app="istiod"}', "0x1 1x90")], [('pilot_total_xds_rejects{app="istiod"}', "5x90")], 3),
    "IstiodIsGone": ([('up{app="istiod"}', "0x90")], WELL["up"], 5),
}


@pytest.fixture(scope="module")
def promtool(play: Any) -> Path:
    program = CACHE / "bin/promtool"
    if not program.exists():
        play("tests/tools.yml", "-e", '{"more_tools": ["promtool"]}')
    return program


def evaluated(promtool: Path, folder: Path, series: list[tuple[str, str]], expected: dict[str, list[str]]) -> subprocess.CompletedProcess[str]:
    """`expected`: which alerts fire, by the time of a look."""
    (folder / "alerts.yml").write_text(yaml.safe_dump({"groups": groups()}), encoding="utf-8")
    looks = [
        {
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
            "eval_time": time,
            "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names],
        }
        for time, names in expected.items()
    ]
    test = {"interval": "1m", "input_series": [{"series": name, "values": values} for name, values in series], "promql_expr_test": looks}
    (folder / "test.yml").write_text(yaml.safe_dump({"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": [test]}), encoding="utf-8")
    return subprocess.run([promtool, "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True, check=False)


def others(name: str) -> list[tuple[str, str]]:
    return [] if name == "IstiodIsGone" else WELL["up"]


@pytest.mark.parametrize("name", CASES)
def test_it_fires_by_its_cause_after_its_time(promtool: Path, tmp_path: Path, name: str) -> None:
    cause, _well, minutes = CASES[name]
    looks: dict[str, list[str]] = {f"{minutes - 2}m": [], f"{minutes + 2}m": [name]}
    done = evaluated(promtool, tmp_path, [*cause, *others(name)], looks)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_first_rejection_of_all_is_seen_and_forgotten_after_a_while(promtool: Path, tmp_path: Path) -> None:
    """The counter appears with it."""
    rejects = 'pilot_total_xds_rejects{app="istiod"}'
    done = evaluated(promtool, tmp_path, [(rejects, "_x20 4x70"), *WELL["up"]], {"19m": [], "22m": ["ProxiesRejectConfiguration"], "45m": []})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", CASES)
def test_it_is_silent_without_its_cause(promtool: Path, tmp_path: Path, name: str) -> None:
    done = evaluated(promtool, tmp_path, [*CASES[name][1], *others(name)], {"20m": [], "80m": []})
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_one_of_the_cases_and_a_line_of_the_page() -> None:
    page = (REPO / "docs/observability.md").read_text(encoding="utf-8")
    for rule in (rule for group in groups() for rule in group["rules"]):
        assert rule["alert"] in CASES and f"| `{rule['alert']}` |" in page
