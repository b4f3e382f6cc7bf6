# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""AWS's real answers (real_answers.py) through our modules: each is survived, or explained in one message."""

from __future__ import annotations

import re
import threading
import time

import pytest
from cloud import Cloud
from real_answers import LIVES, RealAnswer
from real_answers import REAL_ANSWERS as ANSWERS
from real_answers_removal import REMOVAL

REAL_ANSWERS = [*ANSWERS, *REMOVAL]


def test_the_table_is_large_and_every_row_has_its_source() -> None:
    assert len({row.name for row in REAL_ANSWERS}) == len(REAL_ANSWERS) >= 40
    assert [row.name for row in REAL_ANSWERS if not re.match(r"https://[\w.-]+/\S+$", row.source)] == []


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name.replace(" ", "-")) for row in REAL_ANSWERS])
def test_an_answer_of_aws(aws: Cloud, row: RealAnswer, record_property: pytest.RecordProperty, monkeypatch: pytest.MonkeyPatch) -> None:
    # The pauses between tries are right in test_access.py; here they would only take time.
    monkeypatch.setattr("ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.client.LONGEST_PAUSE", 0.02)
    given = row.scenario.setup(aws)
    for earlier in row.scenario.before(row.step):
        done = row.scenario.run(aws, earlier, given)
        assert not done.get("failed"), done.get("msg")
    row.arrange(aws, given)
    met = row.scenario.run(aws, row.step, {**given, **row.options})
    assert aws.faults.hits >= 1, f"{row.operation} was never called"
    record_property("aws_real_answer", "explained" if row.explained else "survived")
    if row.explained:
        assert met.get("failed"), "it did not fail"
        assert [part for part in row.explained if part not in met["msg"]] == [], met["msg"]
        assert "\n" not in met["msg"] and "Traceback" not in met["msg"]
        return
    assert not met.get("failed"), met.get("msg")
    aws.faults.reset()
    again = row.scenario.run(aws, row.step, given)
    assert not again.get("failed") and not again["changed"], again


def test_one_role_is_changed_by_one_call_at_a_time(aws: Cloud) -> None:
    """IAM refuses the others: https://github.com/hashicorp/terraform-provider-aws/issues/34371. The scenario's node role has two policies."""
    scenario, lock, under_way, most = LIVES["aws_leftovers"], threading.Lock(), [0], [0]
    given = scenario.setup(aws)

    def slowly(answer: bytes) -> bytes:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        time.sleep(0.5)
        with lock:
            under_way[0] -= 1
        return answer

    aws.faults.edit("iam:DetachRolePolicy", slowly, times=9)
    assert not scenario.run(aws, "delete", given).get("failed")
    detached = [call for call in aws.faults.calls if call.name == "iam:DetachRolePolicy"]
    assert (len(detached), most[0]) == (2, 1)
