# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One run at a time on a platform: claims in an account, by processes of this machine and by runs of others."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

import boto3
import pytest
from cloud import CREDENTIALS, REGION, Cloud

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.client import Aws
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.platform_claim import LIFETIME, Claims, Keeper
from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.run_identity import Run, of_process

NAME = "/meshgate/sandbox/run"
HERE = of_process(os.getpid())
ELSEWHERE = Run("ci-7", "another-boot", "pid:[1]", 0, 4711, "100")


def client(aws: Cloud) -> Aws:
    return Aws(lambda service: boto3.client(service, region_name=REGION, endpoint_url=aws.faults.url, **CREDENTIALS))


def claims(aws: Cloud, run: Run, ahead: float = 0.0) -> Claims:
    """As a run sees it whose clock is ahead."""
    return Claims(client(aws), "sandbox", run, clock=lambda: time.time() + ahead)


def stored(aws: Cloud) -> dict[str, Any]:
    found = aws.client("ssm").get_parameter(Name=NAME)["Parameter"]
    return {**json.loads(found["Value"]), "version": found["Version"]}


def nothing_is_left(aws: Cloud) -> bool:
    return aws.client("ssm").describe_parameters(ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": ["/meshgate/"]}])["Parameters"] == []


@pytest.fixture
def dead() -> Run:
    """A run of this machine that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    run = of_process(child.pid)
    child.communicate(b"\n")
    return run


@pytest.fixture
def others() -> Iterator[list[Run]]:
    """Ten other runs of this machine, all of them alive."""
    children = [subprocess.Popen(["sleep", "600"]) for _unused in range(10)]
    yield [of_process(child.pid) for child in children]
    for child in children:
        child.kill()
        child.wait()


def start(aws: Cloud, run: Run) -> str:
    try:
        return claims(aws, run).acquire("site.yml").run.id
    except Refused as refused:
        return str(refused)


def one_goes_and_nine_name_it(said: list[str], runs: list[Run]) -> None:
    (winner,) = [answer for answer in said if answer in [run.id for run in runs]]
    refused = [answer for answer in said if answer != winner]
    assert len(refused) == 9 and [answer for answer in refused if f"run {winner} (site.yml) on {HERE.host}" not in answer] == []
    assert all(re.search(r"since 20.* UTC, until 20.* UTC", answer) and f"-e platform_claim_take_over={winner}" in answer for answer in refused)


def test_of_ten_starters_at_once_one_goes_and_nine_name_it(aws: Cloud, others: list[Run]) -> None:
    with ThreadPoolExecutor(10) as pool:
        said = list(pool.map(lambda run: start(aws, run), others))
    one_goes_and_nine_name_it(said, others)


def test_of_ten_who_find_a_dead_claim_one_takes_it_and_nine_name_it(aws: Cloud, others: list[Run], dead: Run) -> None:
    claims(aws, dead).acquire("site.yml")
    with ThreadPoolExecutor(10) as pool:
        said = list(pool.map(lambda run: start(aws, run), others))
    one_goes_and_nine_name_it(said, others)


def test_a_killed_run_of_this_machine_gives_way_at_once(aws: Cloud, dead: Run) -> None:
    claims(aws, dead).acquire("site.yml")
    assert claims(aws, HERE).acquire("site.yml").run == HERE
    assert stored(aws)["id"] == HERE.id


def test_a_process_of_the_same_number_is_another_run(aws: Cloud) -> None:
    claims(aws, replace(HERE, started="1")).acquire("site.yml")
    assert claims(aws, HERE).acquire("site.yml").run == HERE


@pytest.mark.parametrize("change", [{"boot": "another"}, {"space": "pid:[1]"}, {"user": 4711}])
def test_whose_process_cannot_be_seen_is_not_said_to_be_dead(aws: Cloud, dead: Run, change: dict[str, Any]) -> None:
    """Of another machine, another container, another user."""
    claims(aws, replace(dead, **change)).acquire("site.yml")
    with pytest.raises(Refused, match="another run is working on sandbox"):
        claims(aws, HERE).acquire("site.yml")


def test_another_machines_claim_is_taken_when_it_has_expired(aws: Cloud) -> None:
    claims(aws, ELSEWHERE).acquire("site.yml")
    with pytest.raises(Refused, match=rf"run {ELSEWHERE.id} \(site.yml\) on ci-7, process 4711"):
        claims(aws, HERE).acquire("site.yml")
    assert claims(aws, HERE, ahead=LIFETIME + 1).acquire("site.yml").run == HERE


def test_another_machines_claim_is_taken_by_its_id_and_its_run_stops(aws: Cloud) -> None:
    theirs = claims(aws, ELSEWHERE)
    until = theirs.acquire("site.yml").until
    with pytest.raises(Refused):
        claims(aws, HERE).acquire("site.yml", take_over="000000000000")
    claims(aws, HERE).acquire("site.yml", take_over=ELSEWHERE.id)
    aws_of_theirs = client(aws)
    aws_of_theirs.keeper = Keeper(Claims(aws_of_theirs, "sandbox", ELSEWHERE), until - LIFETIME, "site.yml")
    with pytest.raises(Refused, match="the claim of this run on sandbox was taken over: run "):
        aws_of_theirs.call("eks", "list_clusters")
    assert not theirs.release() and stored(aws)["id"] == HERE.id


def test_a_take_over_that_comes_late_is_taken_back(aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looked long ago may write over a claim that another one has got in the meantime."""
    claims(aws, ELSEWHERE).acquire("site.yml")
    slow = claims(aws, HERE, ahead=LIFETIME + 1)
    write = slow._put

    def put(text: str, overwrite: bool) -> int:
        if overwrite and not rivals:
            rivals.append(replace(ELSEWHERE, pid=1))
            claims(aws, rivals[0], ahead=LIFETIME + 1).acquire("teardown.yml")
        return write(text, overwrite)

    rivals: list[Run] = []
    monkeypatch.setattr(slow, "_put", put)
    with pytest.raises(Refused, match=r"\(teardown.yml\) on ci-7"):
        slow.acquire("site.yml")
    assert stored(aws)["id"] == rivals[0].id


def test_a_long_run_renews_its_claim_in_the_middle_of_a_task(aws: Cloud) -> None:
    first = claims(aws, HERE, ahead=-LIFETIME / 2).acquire("site.yml")
    ours = client(aws)
    ours.keeper = Keeper(Claims(ours, "sandbox", HERE), first.until, "site.yml")
    ours.call("eks", "list_clusters")
    assert stored(aws)["until"] > first.until + 60 and stored(aws)["since"] == first.since
    version = stored(aws)["version"]
    ours.call("eks", "list_clusters")
    assert stored(aws)["version"] == version
    assert claims(aws, HERE).release() and nothing_is_left(aws)


def test_what_is_no_claim_is_replaced(aws: Cloud) -> None:
    aws.client("ssm").put_parameter(Name=NAME, Value="what is this", Type="String")
    assert claims(aws, HERE).acquire("site.yml").run == HERE


@pytest.mark.parametrize("until", [1e13, float("inf"), float("nan"), "2030-01-01", None])
def test_a_time_that_no_calendar_has_is_no_claim(aws: Cloud, until: Any) -> None:
    text = json.dumps({"run": asdict(ELSEWHERE), "purpose": "site.yml", "since": 0, "until": until})
    aws.client("ssm").put_parameter(Name=NAME, Value=text, Type="String")
    assert not aws.module("platform_claim", check=True, cluster_name="sandbox", run=asdict(HERE)).get("failed")
    assert claims(aws, HERE).acquire("site.yml").run == HERE


@pytest.mark.parametrize("drop", ["", "space", "started"])
def test_a_run_of_another_version_is_respected(aws: Cloud, drop: str) -> None:
    """It may say more of itself than we know, or less."""
    run = {key: value for key, value in asdict(ELSEWHERE).items() if key != drop}
    said = {"run": {**run, "login": "somebody"}, "purpose": "site.yml", "since": time.time(), "until": time.time() + 600, "format": 2}
    aws.client("ssm").put_parameter(Name=NAME, Value=json.dumps(said), Type="String")
    done = aws.module("platform_claim", cluster_name="sandbox", run=asdict(HERE))
    assert done.get("failed") and "another run is working on sandbox" in done["msg"], done
    taken = done["msg"].rpartition("platform_claim_take_over=")[2]
    assert aws.module("platform_claim", cluster_name="sandbox", run=asdict(HERE), take_over=taken)["claim"]["id"] == HERE.id


def test_who_holds_it_is_said_without_what_a_terminal_obeys(aws: Cloud) -> None:
    said = {"run": {**asdict(ELSEWHERE), "host": "\x1b[2Jfar\nok: all"}, "purpose": "\x1b]0;x\x07site", "since": time.time(), "until": time.time() + 600}
    aws.client("ssm").put_parameter(Name=NAME, Value=json.dumps(said), Type="String")
    message = aws.module("platform_claim", cluster_name="sandbox", run=asdict(HERE))["msg"]
    assert "(site) on far ok: all, process" in message and "\x1b" not in message and "\n" not in message


@pytest.mark.parametrize("kind", ["throttled", "error_500", "dropped_before", "dropped_after"])
def test_a_fault_on_the_way_makes_no_second_claim(aws: Cloud, kind: str) -> None:
    aws.faults.inject(kind, "ssm:PutParameter")
    assert claims(aws, HERE).acquire("site.yml").run == HERE and stored(aws)["id"] == HERE.id


def test_without_the_permission_there_is_a_warning_and_no_stop(aws: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    aws.faults.inject("denied", "ssm:PutParameter", times=9)
    done = aws.module("platform_claim", cluster_name="sandbox", run=asdict(HERE))
    assert not done.get("failed") and not done["changed"] and done["claim"] == {}
    assert "nothing prevents another run from working on sandbox at the same time: ssm:PutParameter" in str(done["warnings"])
    claims_of_another = asdict(ELSEWHERE)
    aws.faults.reset()
    assert aws.module("platform_claim", cluster_name="sandbox", run=claims_of_another)["claim"]["id"] == ELSEWHERE.id
    aws.faults.inject("denied", "ssm:PutParameter", times=9)
    done = aws.module("platform_claim", cluster_name="sandbox", run=asdict(HERE))
    assert done.get("failed") and f"run {ELSEWHERE.id}" in done["msg"]


def test_check_mode_claims_nothing_and_names_another_run(aws: Cloud) -> None:
    done = aws.module("platform_claim", check=True, cluster_name="sandbox", run=asdict(HERE))
    assert done["claim"] == {} and "another run is working" not in str(done.get("warnings")) and nothing_is_left(aws)
    claims(aws, ELSEWHERE).acquire("upgrade.yml")
    done = aws.module("platform_claim", check=True, cluster_name="sandbox", run=asdict(HERE))
    assert not done.get("failed") and f"another run is working on sandbox: run {ELSEWHERE.id} (upgrade.yml)" in str(done["warnings"])


def test_where_no_emulated_account_runs_there_is_nothing_to_claim(aws: Cloud) -> None:
    given = {"cluster_name": "sandbox", "run": asdict(HERE), "endpoint_url": "http://127.0.0.1:9"}
    assert aws.module("platform_claim", unreachable_is_empty=True, **given)["account_id"] == ""
    assert aws.module("platform_claim", **given).get("failed")


def test_two_regions_and_two_clusters_are_two_claims(aws: Cloud) -> None:
    claims(aws, ELSEWHERE).acquire("site.yml")
    assert not aws.module("platform_claim", cluster_name="other", run=asdict(HERE)).get("failed")
    assert not aws.module("platform_claim", cluster_name="sandbox", run=asdict(HERE), region="eu-west-1").get("failed")
