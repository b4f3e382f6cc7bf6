# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The installed collection runs from a folder that holds nothing of ours."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from elsewhere import CACHE, OWN, REPO, Elsewhere
from mirror import IMAGE, mirror

LAPTOP = "inventory-kind"
# Parts of other playbooks.
PARTS = ("inventory.yml", "answers.yml")


@pytest.fixture(scope="module")
def inventory(elsewhere: Elsewhere) -> str:
    """A copy of the laptop's inventory, which a user would change."""
    shutil.copytree(elsewhere.collection / "inventories/kind", elsewhere.work / LAPTOP)
    return LAPTOP


@pytest.fixture(scope="module")
def check(elsewhere: Elsewhere, inventory: str):
    """The plan for an empty machine, also while a platform runs on this one: its containers would be somebody else's."""
    return elsewhere.without_docker().play("site", "-i", inventory, "--check", "--diff", "-v", "-e", json.dumps(OWN))


def test_the_plan_is_told(check) -> None:
    assert check.returncode == 0, check.stdout[-4000:] + check.stderr
    assert re.search(r"sandbox +: ok=\d+ +changed=[1-9]", check.stdout)
    for thing in ("kind", "VPC", "load-balancer-controller", "Gateway API", "Istio", "service-a"):
        assert thing.lower() in check.stdout.lower(), f"the plan does not mention {thing}"


def test_nothing_comes_from_the_checkout(check, elsewhere: Elsewhere) -> None:
    """The virtual environment may lie there. The rest of it must not be looked at."""
    said = check.stdout + check.stderr
    assert str(elsewhere.collection) in said
    assert re.findall(re.escape(str(REPO)) + r"(?!/\.venv)\S*", said) == []
    named = [path for path in elsewhere.collection.rglob("*") if path.is_file() and path.suffix != ".pyc" and str(REPO).encode() in path.read_bytes()]
    assert named == []


def test_nothing_was_made(check, elsewhere: Elsewhere) -> None:
    assert not (elsewhere.home / ".local/state/meshgate").exists()
    assert sorted(path.name for path in elsewhere.work.iterdir()) == [LAPTOP]


def test_a_bad_input_is_refused(elsewhere: Elsewhere, inventory: str) -> None:
    done = elsewhere.play("site", "-i", inventory, "-e", json.dumps({**OWN, "eks_cluster_nat_mode": "double"}))
    assert done.returncode != 0
    assert "eks_cluster_nat_mode" in done.stdout + done.stderr
    assert "double" in done.stdout + done.stderr


def test_an_inventory_without_a_platform_is_refused(elsewhere: Elsewhere) -> None:
    """Each play would be skipped, and the run would end well with nothing done."""
    done = elsewhere.play("verify")
    assert done.returncode != 0
    said = " ".join((done.stdout + done.stderr).split())
    assert "has no host in its group platform" in said
    assert f"-i {elsewhere.collection}/inventories/kind" in said


def test_every_playbook_asks_for_a_platform_first(elsewhere: Elsewhere) -> None:
    books = [path for path in (elsewhere.collection / "playbooks").glob("*.yml") if path.name not in PARTS]
    assert len(books) > 4
    first = {path.name: yaml.safe_load(path.read_text(encoding="utf-8"))[0].get("ansible.builtin.import_playbook") for path in books}
    assert {name for name, book in first.items() if book != "inventory.yml"} == set()


def test_every_playbook_of_the_collection_starts(elsewhere: Elsewhere, inventory: str) -> None:
    names = sorted(path.stem for path in (REPO / "playbooks").glob("*.yml"))
    assert "site" in names
    done = elsewhere.run("ansible-playbook", "-i", inventory, "--syntax-check", *(f"meshgate.eks_istio.{name}" for name in names))
    assert done.returncode == 0, done.stdout + done.stderr


def test_ansible_doc_knows_every_module_and_role(elsewhere: Elsewhere) -> None:
    modules = json.loads(elsewhere.run("ansible-doc", "--list", "--json", "meshgate.eks_istio").stdout)
    wanted = sorted(f"meshgate.eks_istio.{path.stem}" for path in (REPO / "plugins/modules").glob("*.py") if path.stem != "__init__")
    assert sorted(modules) == wanted
    assert [name for name, said in modules.items() if not said or said == "UNDOCUMENTED"] == []
    roles = json.loads(elsewhere.run("ansible-doc", "--type", "role", "--list", "--json", "meshgate.eks_istio").stdout)
    assert sorted(roles) == sorted(f"meshgate.eks_istio.{path.name}" for path in (REPO / "roles").iterdir() if path.is_dir())


@pytest.mark.slow
def test_the_platform_runs_and_goes(elsewhere: Elsewhere, inventory: str, tmp_path: Path) -> None:
    """For real, under the names and ports of this machine's platform, which must not be running: the whole way, unchanged the second time, and away again.

    Its nodes have a registry of this machine for docker.io, as docs/laptops.md says.
    """
    with mirror(tmp_path) as hosts:
        options = ["-i", inventory, "-e", f"kind_cluster_registry_config={hosts}"]
        try:
            done = elsewhere.play("site", *options, timeout=3600)
            assert done.returncode == 0, done.stdout[-4000:] + done.stderr
            assert '200 server: istio-envoy {"key_one":"(A Field)Field 1","key_two":"(A Field)Field 2"}' in done.stdout.replace('\\"', '"')
            again = elsewhere.play("site", *options, timeout=600)
            assert re.search(r"sandbox +: ok=\d+ +changed=0 ", again.stdout), again.stdout[-4000:]
            pod_from_the_mirror(elsewhere)
        finally:
            gone = elsewhere.play("teardown", *options, timeout=900)
    assert gone.returncode == 0, gone.stdout[-4000:] + gone.stderr
    assert sorted(path.name for path in elsewhere.work.iterdir()) == [LAPTOP]


def pod_from_the_mirror(elsewhere: Elsewhere) -> None:
    kubectl = [str(CACHE / "bin/kubectl"), "--kubeconfig", str(elsewhere.home / ".local/state/meshgate/sandbox/kubeconfig")]
    made = elsewhere.run(*kubectl, "run", "mirrored", f"--image=docker.io/{IMAGE}")
    assert made.returncode == 0, made.stderr
    ready = elsewhere.run(*kubectl, "wait", "pod/mirrored", "--for=condition=Ready", "--timeout=120s")
    assert ready.returncode == 0, elsewhere.run(*kubectl, "describe", "pod/mirrored").stdout


@pytest.mark.slow
def test_it_builds_from_where_it_is_installed(elsewhere: Elsewhere, inventory: str, tmp_path: Path) -> None:
    """With an empty cache, and a collection that nobody may write to: sources of all kinds that build within minutes."""
    variables = {
        "toolchain_source": "build",
        "toolchain_cache_dir": str(tmp_path / "cache" / "meshgate"),
        "toolchain_components": ["alb_controller_assets", "gateway_api", "service_a"],
    }
    before = {path: path.stat().st_mtime_ns for path in elsewhere.collection.rglob("*") if "__pycache__" not in path.parts}
    done = elsewhere.play("tools", "-i", inventory, "-e", json.dumps({**OWN, **variables}), timeout=1800)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert list((tmp_path / "cache/meshgate/service_a").glob("*/image-*.tar"))
    after = {path: path.stat().st_mtime_ns for path in elsewhere.collection.rglob("*") if "__pycache__" not in path.parts}
    assert after == before
