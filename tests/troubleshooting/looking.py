# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ask for the report, by the playbook as a user does or by its module, and find a symptom in it."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

from ansible.module_utils.testing import patch_module_args
from harness import AWS_API, CACHE, CLUSTER, STATE, Play

from ansible_collections.meshgate.eks_istio.plugins.modules import platform_report_info

Report = dict[str, Any]
# The symptoms that were produced and found in a report.
SEEN: set[str] = set()
ON_THE_PLATFORM = {
    "endpoint_url": AWS_API,
    "kubectl": str(CACHE / "bin/kubectl"),
    "istioctl": str(CACHE / "bin/istioctl"),
    "kubeconfig": str(STATE / CLUSTER / "kubeconfig"),
    "laptop": True,
    "paths": ["/health"],
    "connect_to": "127.0.0.1:8080",
}


def by_playbook(play: Play, *arguments: str) -> Report:
    """What playbooks/diagnose.yml found; it must end well, and show the same to its user."""
    run = play("playbooks/diagnose.yml", *arguments)
    found: Report = next(task["result"] for task in run.tasks if task["name"] == "Gather the report")
    shown = next(task["result"]["msg"] for task in run.tasks if task["name"] == "Print the report")
    assert run.failed == 0 and run.changed == 0
    assert shown == found["report"]
    return found


def by_module(**arguments: Any) -> Report:
    """What the module found."""
    options = {"cluster_name": CLUSTER, "region": "us-west-2", "access_key": "test", "secret_key": "emulated-secret-key", "timeout": 30, **arguments}
    output = io.StringIO()
    given = {key: value for key, value in options.items() if value is not None}
    with patch_module_args(given), contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        platform_report_info.main()
    found: Report = json.loads(output.getvalue().strip().splitlines()[-1])
    assert not found.get("failed"), found.get("msg")
    return found


def seen(found: Report, symptom: str, *words: str) -> Report:
    """The finding of a symptom that says all of the words."""
    known: list[Report] = [one for one in found["findings"] if one["symptom"] == symptom]
    for one in known:
        said = "\n".join([one["what"], *one["details"]])
        if all(word in said for word in words):
            assert f"{one['title']}: {one['what']}" in found["report"]
            SEEN.add(symptom)
            return one
    raise AssertionError(f"no {symptom} that says {words}; found {known or [one['symptom'] for one in found['findings']]}\n{found['report']}")


def first(found: Report) -> str:
    """The symptom that the report begins with."""
    return found["findings"][0]["symptom"] if found["findings"] else ""
