"""Teardown: the account is as it was, a stranger's things are still there, and a second run finds nothing to do."""

from __future__ import annotations

import json

from account import contents
from harness import RESULTS, our_containers


def before() -> dict:
    return json.loads((RESULTS / "account-before.json").read_text(encoding="utf-8"))


def test_the_account_is_as_it_was(play, aws):
    run = play("playbooks/teardown.yml", "--skip-tags", "laptop")
    assert run.changed > 0
    now, then = contents(aws), before()["contents"]
    assert {kind: sorted(set(now[kind]) ^ set(then[kind])) for kind in then if now[kind] != then[kind]} == {}


def test_a_strangers_things_survive(aws):
    stranger = before()["stranger"]
    assert stranger["load_balancer"] in contents(aws)["load_balancers"]
    assert stranger["security_group"] in contents(aws)["security_groups"]


def test_teardown_of_the_platform_again_changes_nothing(play):
    assert play("playbooks/teardown.yml", "--skip-tags", "laptop").changed == 0


def test_teardown_of_the_laptops_aws_leaves_no_container(play):
    play("playbooks/teardown.yml")
    assert our_containers() == []


def test_teardown_of_nothing_changes_nothing(play):
    assert play("playbooks/teardown.yml").changed == 0
