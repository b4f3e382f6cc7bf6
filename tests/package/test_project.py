# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a stranger finds on day one: workflows that run what `make` runs, hooks that exist, and what an execution environment needs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from elsewhere import BIN, REPO

sys.path.insert(0, str(REPO / ".collections"))

from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker import engine as docker_engine
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain import needs as toolchain_needs  # noqa: E402

WORKFLOWS = sorted((REPO / ".github/workflows").glob("*.yml"))
CI: dict[str, Any] = yaml.safe_load((REPO / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
# Control nodes of each core: https://docs.ansible.com/ansible/latest/reference_appendices/release_and_maintenance.html
PYTHONS = {"2.18": {"3.11", "3.12", "3.13"}, "2.19": {"3.11", "3.12", "3.13"}, "2.20": {"3.12", "3.13", "3.14"}, "2.21": {"3.12", "3.13", "3.14"}}


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def made(workflow: dict[str, Any]) -> list[str]:
    """The targets of `make` that a workflow's jobs run."""
    return [target for step in steps(workflow) for target in re.findall(r"^make (\S+)", step.get("run", ""), re.MULTILINE)]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    uses = re.findall(r"uses: (\S+)(.*)", text)
    assert uses
    for action, remark in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" +# v\d+\.\d+\.\d+", remark), f"{action} does not say which version it is"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_ends(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())
    assert all(step["with"]["persist-credentials"] is False for step in steps(workflow) if "actions/checkout" in step.get("uses", ""))
    # What comes with an event is text that others wrote: it reaches a shell as a variable, or not at all.
    assert [step["run"] for step in steps(workflow) if "${{ github.event" in step.get("run", "") or "${{ github.head_ref" in step.get("run", "")] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_a_workflow_makes_can_be_made(path: Path) -> None:
    targets = made(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert targets
    for target in targets:
        done = subprocess.run(["make", "--dry-run", target], cwd=REPO, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def suites_of(target: str) -> set[str]:
    """What of tests/run.sh a target of `make` runs."""
    done = subprocess.run(["make", "--dry-run", target], cwd=REPO, capture_output=True, text=True, check=True)
    found = re.search(r'(?:FIRST="(.*)" BESIDE="(.*)" )?BIN=\S+ tests/run\.sh (.*)$', done.stdout, re.MULTILINE)
    return set(" ".join(filter(None, found.groups())).split()) if found else set()


def test_the_jobs_run_every_suite_of_make_test() -> None:
    assert suites_of("test") == set().union(*map(suites_of, made(CI)))


def test_one_gate_waits_for_every_job() -> None:
    jobs = CI["jobs"]
    assert sorted(jobs["gate"]["needs"]) == sorted(set(jobs) - {"gate"})
    assert jobs["gate"]["if"] == "${{ always() }}"


@pytest.mark.parametrize(("results", "passes"), [('["success","success"]', True), ('["success","skipped"]', False), ('["failure"]', False), ("[]", False)])
def test_the_gate_closes_for_what_did_not_pass(results: str, passes: bool) -> None:
    """The very script, with jq where this machine has it."""
    (step,) = CI["jobs"]["gate"]["steps"]
    judged = subprocess.run(["bash", "-c", "command -v jq"], capture_output=True, check=False)
    if judged.returncode:
        pytest.skip("no jq on this machine; GitHub's runners have it")
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", step["run"]], env={"PATH": "/usr/bin:/bin", "RESULTS": results}, capture_output=True, check=False)
    assert (done.returncode == 0) is passes


def test_the_matrix_has_every_core_with_every_python_that_it_supports() -> None:
    cells = {(cell["core"], cell["python"]) for cell in CI["jobs"]["matrix"]["strategy"]["matrix"]["include"]}
    assert cells == {(core, python) for core, pythons in PYTHONS.items() for python in pythons}
    # `make matrix` takes them from there; a core that is not out yet is no reason to stop a pull request.
    cores = yaml.safe_load((REPO / "tests/matrix/cores.yml").read_text(encoding="utf-8"))
    assert {series for series, core in cores.items() if "rc" not in str(core["core"])} == set(PYTHONS)
    assert [series for series, core in cores.items() if series in PYTHONS and core["python"] not in PYTHONS[series]] == []
    oldest = yaml.safe_load((REPO / "meta/runtime.yml").read_text(encoding="utf-8"))["requires_ansible"]
    assert oldest == f">={min(PYTHONS)}.0"


def test_the_hooks_run_what_the_environment_has() -> None:
    (local,) = yaml.safe_load((REPO / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert local["repo"] == "local"
    entries = [hook["entry"].split()[0] for hook in local["hooks"]]
    assert [entry for entry in entries if entry.startswith(".venv/bin/") and not (BIN / Path(entry).name).exists()] == []
    # Those of `make lint` that take a file at a time.
    linted = set(re.findall(r"^  check \S+ (\S+)", (REPO / "tests/run.sh").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"ruff", "yamllint", "shellcheck", "cargo"} <= {Path(entry).name for entry in entries} & linted


def imported() -> set[str]:
    """The packages that the plugins import, beside Python's own, ansible-core and collections."""
    found: set[str] = set()
    for path in (REPO / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"ansible", "ansible_collections"}


def test_an_execution_environment_gets_what_the_plugins_import() -> None:
    needs = yaml.safe_load((REPO / "meta/execution-environment.yml").read_text(encoding="utf-8"))["dependencies"]
    assert (REPO / needs["system"]).is_file()
    lines = (REPO / needs["python"]).read_text(encoding="utf-8").splitlines()
    named = {re.split(r"[<>=~!\[ ]", line)[0].lower() for line in lines if line and not line.startswith("#")}
    packages = {"yaml": "pyyaml", "urllib3": "botocore"}  # botocore brings urllib3, and says which
    assert {packages.get(name, name) for name in imported()} == named


def test_the_system_packages_are_those_that_the_roles_install() -> None:
    text = (REPO / "bindep.txt").read_text(encoding="utf-8")
    listed = {line.split()[0] for line in text.splitlines() if line and not line.startswith("#")}
    installed = {package for packages in toolchain_needs.PACKAGES.values() for package in packages} | set(docker_engine.PACKAGES)
    assert installed <= listed
    assert listed - installed == {"tar"}
