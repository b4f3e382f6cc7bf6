# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The services' objects are, field by field, what the role's own templates made before the functions of the mesh did: no pod is made anew by an update.

The recorded objects are the templates' output for variables that reach each of their branches.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "rust_services_objects.json").read_text(encoding="utf-8"))
IMAGES = {"service-a": "meshgate.local/service-a:1", "service-b": "meshgate.local/service-b:1"}


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = [str(REPO / f"roles/rust_services/{part}/main.yml") for part in ("defaults", "vars")]
    shown = {"name": "Show", "ansible.builtin.debug": {"msg": "{{ _rust_services_manifests }}"}}
    path = tmp_path_factory.mktemp("objects") / "play.yml"
    path.write_text(
        yaml.safe_dump([{"name": "Evaluate", "hosts": "localhost", "gather_facts": False, "vars_files": files, "tasks": [shown]}]), encoding="utf-8"
    )
    return path


@pytest.mark.parametrize("name", RECORDED)
def test_the_objects_are_those_of_the_templates(name: str, play: Path) -> None:
    given = json.dumps({"rust_services_images": IMAGES, **RECORDED[name]["given"]})
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPO / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-e", given, str(play)]
    done = subprocess.run(argv, cwd=REPO, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    said, _end = json.JSONDecoder().raw_decode(done.stdout[done.stdout.index("{") :])
    made = said["plays"][0]["tasks"][-1]["hosts"]["localhost"]["msg"]
    for before, now in zip(RECORDED[name]["manifests"], made, strict=True):
        assert now == before
