# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manifests for GitOps: written without a cluster, byte by byte the same, and refused as a whole where something is wrong."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
IMAGES = '{"toolchain_facts": {"images": {"demo": {"name": "meshgate.local/demo:1"}}}}'


def render(inventory: str, folder: Path, state: Path, *options: str) -> subprocess.CompletedProcess[str]:
    argv = ["ansible-playbook", "playbooks/routes.yml", "-i", f"inventories/{inventory}", "-e", f"mesh_render_to={folder}", "-e", IMAGES, *options]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPO / "ansible.cfg"), "MESHGATE_STATE": str(state)}
    return subprocess.run(argv, cwd=REPO, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize(("inventory", "mesh_set"), [("gophers", "gophers"), ("mesh_lab", "mesh-lab")])
def test_the_same_input_is_the_same_file(inventory: str, mesh_set: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        done = render(inventory, folder, tmp_path / "state")
        assert done.returncode == 0, done.stdout[-3000:]
    names = sorted(path.name for path in first.iterdir())
    assert names == [f"{mesh_set}-apps.yml", f"{mesh_set}-routes.yml"]
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)
    documents = [item for name in names for item in yaml.safe_load_all((first / name).read_text(encoding="utf-8"))]
    assert {item["metadata"]["labels"]["meshgate.io/set"] for item in documents} == {mesh_set}
    assert {"Deployment", "Service", "DestinationRule", "AuthorizationPolicy", "VirtualService"} <= {item["kind"] for item in documents}


def test_what_is_wrong_is_refused_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    routes = '{"mesh_routes": [{"name": "gophers", "namespace": "gophers", "hosts": ["Gophers"], "rules": [{"to": [{"app": "nobody"}]}]}]}'
    done = render("gophers", tmp_path / "folder", tmp_path / "state", "-e", routes)
    assert done.returncode != 0 and not (tmp_path / "folder").exists()
    assert "route gophers: hosts is ['Gophers']" in done.stdout and "an app of gophers (gopher-requester, gopher-distributor)" in done.stdout
