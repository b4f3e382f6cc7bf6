# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether a load balancer could have the requested settings. ELB, ACM and Route 53 report that only once it exists; nothing is created here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..aws.client import Aws, AwsError
from ..aws.module import Task
from ..common.failure import Refused
from . import access_logs, domain

# One check; it raises what blocks it.
Look = Callable[[Task, Aws], dict[str, Any]]


def problems(params: dict[str, Any]) -> list[str]:
    """What AWS would refuse in any case."""
    logs, host = params["access_logs"], params["domain"]
    found = access_logs.problem_of_input(logs["bucket"], logs["prefix"]) if logs else ""
    wrong = domain.problem(host["host_name"], host["certificate"]) if host else ""
    return [*([f"access_logs.{found}"] if found else []), *([f"domain.{wrong}"] if wrong else [])]


def look(module: Task, aws: Aws) -> dict[str, Any]:
    """What the module alb_preflight_info does: all checks run before anything is refused."""
    looks: dict[str, tuple[str, Look]] = {"access_logs": ("s3", _bucket), "domain": ("acm", _domain)}
    answers: dict[str, Any] = {}
    refused: list[str] = []
    for name, (service, ask) in looks.items():
        answers[name] = {}
        if not module.params[name]:
            continue
        # An emulated AWS on this machine that does not run yet is empty, so it blocks nothing.
        looked = not aws.emulator_is_down(service)
        try:
            answers[name] = {"looked": looked, **(ask(module, aws) if looked else {})}
        except (AwsError, Refused) as error:
            refused.append(str(error))
    if refused:
        raise Refused("; ".join(dict.fromkeys(refused)), problems=refused)
    return answers


def _bucket(module: Task, aws: Aws) -> dict[str, Any]:
    params, logs = module.params, module.params["access_logs"]
    account, partition = params["account_id"], params["partition"]
    if not account:
        caller = aws.call("sts", "get_caller_identity")
        account, partition = caller["Account"], caller["Arn"].split(":")[1]
    wanted = access_logs.Wanted(logs["bucket"], logs["prefix"], account, partition, module.region)
    if wrong := access_logs.problem(aws, wanted):
        raise Refused(f"access logs: {wrong}")
    return {"objects": wanted.objects}


def _domain(module: Task, aws: Aws) -> dict[str, Any]:
    name = domain.HostName(aws, domain.named(module.params["domain"], module.region))
    return {"hosted_zone_id": name.zone.id if name.zone else "", "actions": [step.what for step in name.steps()]}
