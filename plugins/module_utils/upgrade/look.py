# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the module upgrade_plan_info does: report what to upgrade, and wait until a step is done."""

from __future__ import annotations

import time
from typing import Any

from ..aws.client import Aws
from ..common.failure import Failure
from ..common.progress import Waiting
from ..kube.module import access_of
from . import plan as upgrade_plan
from . import state as upgrade_state

LOOK_AGAIN = 2.0


def problems(params: dict[str, Any]) -> list[str]:
    cluster = params["wanted"]["cluster"]
    if cluster.get("name") and cluster.get("version"):
        return []
    return ["wanted.cluster has no name or no version; accepted: both, for example {name: sandbox, version: '1.36'}"]


def look(module: Any, aws: Aws) -> dict[str, Any]:
    params = module.params
    wanted, parts, step = params["wanted"], tuple(params["parts"]), params["step"]
    options = upgrade_plan.Options(
        parts, params["control_plane"], params["allow_unknown"], params["accept_insights"], params["ignore_budgets"], params["adopt"]
    )
    with access_of(module) as access:

        def read() -> upgrade_plan.State:
            return upgrade_state.read(aws, access, wanted, parts)

        state = wait_for_step(step, read, parts, params["wait_timeout"]) if step else read()
    plan = upgrade_plan.make_plan(state, wanted, options)
    return {
        **plan.as_result(),
        "version": state["cluster"].get("version", ""),
        "restarts": upgrade_plan.restarts(state, next((step.after for step in plan.steps if step.kind == "data_plane"), "")),
        **({"missing": []} if step else {}),
    }


def wait_for_step(step: dict[str, Any], read: upgrade_plan.Reader, parts: tuple[str, ...], timeout: float) -> upgrade_plan.State:
    waiting = Waiting(step["title"])
    while True:
        state = read()
        missing = upgrade_plan.missing(step, state, parts)
        waiting.saw(missing[0] if missing else "done")
        if not missing:
            return state
        if waiting.elapsed > timeout:
            raise Failure(f"{step['title']}: not done after {timeout} s: {'; '.join(missing)}", missing=missing)
        time.sleep(min(LOOK_AGAIN, timeout))
