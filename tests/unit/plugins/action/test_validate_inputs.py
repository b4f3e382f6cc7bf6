# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a user sees of bad inputs: all of them at once, types first, each variable as the role itself would see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.meshgate.eks_istio.plugins.module_utils.preflight.inputs.roles import ROLES
from ansible_collections.meshgate.eks_istio.plugins.modules import validate_inputs

REPO = Path(__file__).resolve().parents[4]
ALL = """
- hosts: all
  gather_facts: false
  vars: {eks_cluster_facts: {exists: false}}
  tasks:
    - meshgate.eks_istio.validate_inputs: {roles: %s}
"""
ONE = """
- hosts: all
  gather_facts: false
  vars: {aws_emulator_port: 0}
  tasks:
    - include_role: {name: meshgate.eks_istio.aws_emulator, tasks_from: preflight, rolespec_validate: false}
      vars: {aws_emulator_https_port: "{{ aws_emulator_http_port }}"}
"""


def sentences(folder: Path, given: dict, book: str = "", *arguments: str) -> list[str]:
    playbook = folder / "play.yml"
    playbook.write_text(book or ALL % json.dumps(list(ROLES)), encoding="utf-8")
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "here,", "-c", "local", "-e", json.dumps(given), *arguments, str(playbook)]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPO / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    done = subprocess.run(argv, cwd=REPO, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "{\n" in done.stdout, done.stdout + done.stderr
    said, _end = json.JSONDecoder().raw_decode(done.stdout[done.stdout.index("{\n") :])
    result = said["plays"][-1]["tasks"][-1]["hosts"]["here"]
    assert result.get("failed", False) is (done.returncode != 0)
    return result["msg"].split("\n")


def test_the_documentation_names_every_role() -> None:
    assert yaml.safe_load(validate_inputs.DOCUMENTATION)["options"]["roles"]["choices"] == list(ROLES)


def test_the_example_does_what_it_says(tmp_path: Path) -> None:
    book = json.dumps([{"hosts": "all", "gather_facts": False, "tasks": yaml.safe_load(validate_inputs.EXAMPLES)}])
    assert sentences(tmp_path, {}, book) == ["the variables are valid"]
    assert sentences(tmp_path, {"istio_pilot_replicas": 0, "toolchain_cache_dir": "/"}, book) == ["istio_pilot_replicas is 0; accepted: at least 1"]


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_what_the_roles_default_to_is_right(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert sentences(tmp_path, {}, "", *arguments) == ["the variables are valid"]


def test_types_of_all_roles_come_first_and_together(tmp_path: Path) -> None:
    given = {"istio_ingress_http_port": "http", "rust_services_registry": "docker", "kind_cluster_workers": 99}
    found = sentences(tmp_path, given)
    assert len(found) == 2
    assert "'istio_ingress_http_port'" in found[0] and "unable to convert to int" in found[0]
    assert "rust_services_registry must be one of: none, ecr, got: docker" in found[1]


def test_misspelt_variables_are_reported_beside_all_others_and_without_their_value(tmp_path: Path) -> None:
    given = {"istio_ingres_scheme": "internal", "mesh_app": [], "observability_alert_receiver": "hunter2", "istio_pilot_replicas": 0, "istio_team": "shop"}
    assert sentences(tmp_path, given) == [
        *(
            f"{name} is not known; accepted: {right}, or a name of your own that is less like it"
            for name, right in (
                ("istio_ingres_scheme", "istio_ingress_scheme"),
                ("mesh_app", "mesh_apps"),
                ("observability_alert_receiver", "observability_alert_receivers"),
            )
        ),
        "istio_pilot_replicas is 0; accepted: at least 1",
    ]


def test_shapes_inside_lists_are_refused_by_their_place_and_all_at_once(tmp_path: Path) -> None:
    """Of these, ansible-core fails at the first by a TypeError, and names no entry of the others."""
    app = {"name": "product", "namespace": "shop", "port": 80, "image": "i:1", "callers": [3], "autoscaling": True, "replicaz": 3}
    rules = [{"to": [{"app": "product", "wieght": 1}], "retries": 3}, {"to": {"app": "product"}, "cors": True}]
    given = {"mesh_apps": [app], "mesh_routes": [{"name": "shop", "namespace": "shop", "hosts": ["shop.example.com"], "rules": rules}]}
    found = sentences(tmp_path, given)
    starts = [
        "mesh_apps[0].replicaz is not known; accepted: name, ",
        "mesh_apps[0].callers[0] is 3; accepted: a dictionary of ",
        "mesh_apps[0].autoscaling is True; accepted: a dictionary of ",
        "mesh_routes[0].rules[0].to[0].wieght is not known; accepted: app, ",
        "mesh_routes[0].rules[0].retries is 3; accepted: a dictionary of attempts, ",
        "mesh_routes[0].rules[1].to is {'app': 'product'}; accepted: a list of dictionaries",
        "mesh_routes[0].rules[1].cors is True; accepted: a dictionary of ",
    ]
    assert [start for start in starts if not any(sentence.startswith(start) for sentence in found)] == [], found
    assert len(found) == len(starts)


def test_all_else_comes_together(tmp_path: Path) -> None:
    """By -e a number is text, as in `-e istio_pilot_replicas=0`."""
    given = {"istio_pilot_replicas": "0", "rust_services_env": {"A-B": 1}, "kind_cluster_workers": 99, "eks_cluster_name": "-a", "toolchain_cache_dir": "/"}
    found = sentences(tmp_path, given)
    for role in ("istio", "rust_services", "kind_cluster", "eks_cluster", "toolchain", "alb_controller"):
        assert any(sentence.startswith(f"{role}_") for sentence in found), found
    assert len(found) == len(set(found))


def test_a_value_that_cannot_be_evaluated_is_named_with_the_reason(tmp_path: Path) -> None:
    found = sentences(tmp_path, {"eks_cluster_name": "{{ nobody }}", "istio_ingress_name": "{{ nobody }}"})
    assert len(found) == 1
    assert found[0].startswith("eks_cluster_name, istio_ingress_name cannot be evaluated: ") and "'nobody' is undefined" in found[0]


def test_a_role_alone_sees_what_its_task_was_given(tmp_path: Path) -> None:
    assert sentences(tmp_path, {}, ONE) == [
        "aws_emulator_port, aws_emulator_http_port, aws_emulator_https_port are 0, 8080, 8080; accepted: three different ports from 1 to 65535"
    ]


def test_a_role_that_is_none(tmp_path: Path) -> None:
    assert "one or more of" in sentences(tmp_path, {}, ALL % "[nginx]")[0]
