# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The walk-through of docs/gophers.md: each stage is one word of the inventory, and is seen by what a client gets."""

from __future__ import annotations

import re
import subprocess
from collections import Counter

import pytest
from demo_app import Pods
from harness import Play, Run, ask, until

INVENTORY = ("-i", "inventories/gophers")
NAMESPACE = "gophers"
HOST = "gophers.example.com"
LINE = re.compile(r"Request >> Gopher Version (?P<version>[12]) from pod gopher-distributor-v(?P=version)-[a-z0-9]+-[a-z0-9]+( \([0-9a-f]{16}\))?\n")


@pytest.fixture(scope="module")
def stage(play: Play):
    def go(name: str, *options: str) -> Run:
        return play("playbooks/routes.yml", *INVENTORY, "-e", f"gophers_stage={name}", *options)

    return go


def answers(count: int) -> Counter[str]:
    """Which versions answered."""
    found: Counter[str] = Counter()
    for _request in range(count):
        answer = ask(HOST, "/")
        line = LINE.fullmatch(answer.body.decode())
        found[line["version"] if line and answer.status == 200 else f"{answer.status} {answer.body[:100]!r}"] += 1
    return found


def test_version_1_answers(stage) -> None:
    stage("v1")
    until("version 1 answers", lambda: answers(1) == {"1": 1})
    assert answers(50) == {"1": 50}


def test_curl_prints_the_line() -> None:
    done = subprocess.run(["curl", "-s", "-H", f"Host: {HOST}", "http://127.0.0.1:8080/"], capture_output=True, text=True, check=True)
    assert LINE.fullmatch(done.stdout), done.stdout


def test_a_dark_launch_gets_a_copy_of_each_request_and_no_client_sees_it(stage, cluster) -> None:
    stage("dark_launch")
    mirror = Pods(cluster, NAMESPACE, "gopher-distributor", "v2")
    before = mirror.received()
    assert answers(100) == {"1": 100}
    until("a copy of each request", lambda: mirror.received() - before == 100)


def test_the_status_shows_who_calls_whom_and_the_copy(play) -> None:
    run = play("playbooks/status.yml", *INVENTORY, "-e", "gophers_stage=dark_launch")
    found = run.result("Get the status of the platform")
    ways = {(one["source"].rpartition("/")[2], one["target"].rpartition("/")[2]): one["copy"] for one in found["calls"]}
    assert ways["istio-ingressgateway", "gopher-requester"] is False
    assert ways["gopher-requester", "gopher-distributor"] is False
    assert (ways["gopher-distributor", "gopher-distributor-v1"], ways["gopher-distributor", "gopher-distributor-v2"]) == (False, True)
    assert {one["name"]: one["state"] for one in found["checks"]}["inventory"] == "ok"


def test_the_status_says_that_routes_lead_elsewhere_than_the_inventory_says(play) -> None:
    run = play("playbooks/status.yml", *INVENTORY, "-e", "gophers_stage=half")
    (row,) = [one for one in run.result("Get the status of the platform")["checks"] if one["name"] == "inventory"]
    assert (row["state"], row["text"]) == ("note", "route gophers/gopher-distributor leads elsewhere than the inventory says")


def test_check_mode_changes_nothing(stage) -> None:
    checked = stage("half", "--check", "--diff")
    assert checked.changed_names() == ["meshgate.eks_istio.mesh_routes : Apply the routes"]
    assert answers(20) == {"1": 20}


def test_half_of_the_requests_go_to_each(stage) -> None:
    stage("half")
    until("version 2 answers", lambda: "2" in answers(5))
    found = answers(400)
    assert set(found) == {"1", "2"}
    assert 150 <= found["1"] <= 250, f"{found}: 200 of 400 with a deviation of 10; this is five of them"


def test_the_cut_over_loses_no_request(stage) -> None:
    stage("cut_over")
    until("version 2 alone answers", lambda: answers(10) == {"2": 10})
    assert answers(50) == {"2": 50}


def test_a_second_run_changes_nothing(stage) -> None:
    assert stage("cut_over").changed == 0


def test_site_yml_does_the_same_at_its_end(play) -> None:
    """With the whole platform before it, which is as it was."""
    run = play("playbooks/site.yml", *INVENTORY, "-e", "gophers_stage=cut_over")
    assert run.changed == 0, run.changes()
    assert any(task["name"].endswith("Apply the routes") for task in run.tasks)
