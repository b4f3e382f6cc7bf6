# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The collection as a user gets it: built from what git tracks, installed in a home of its own, run from a folder that holds nothing of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
CACHE = Path(os.environ.get("MESHGATE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meshgate")
# Names and ports of its own: a platform that runs on this machine has nothing to do with it.
OWN = {"eks_cluster_name": "elsewhere", "aws_emulator_port": 14566, "aws_emulator_http_port": 18080, "aws_emulator_https_port": 18443}


def tracked() -> list[str]:
    """What git has of the work tree, and what it will: everything that it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=REPO, capture_output=True, text=True, check=True
    ).stdout
    return [name for name in listed.split("\0") if name and (REPO / name).is_file()]


def checkout(folder: Path) -> Path:
    for name in tracked():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPO / name, target, follow_symlinks=False)
    return folder


def build(source: Path, folder: Path) -> Path:
    command = [str(BIN / "ansible-galaxy"), "collection", "build", str(source), "--output-path", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    (archive,) = folder.glob("meshgate-eks_istio-*.tar.gz")
    return archive


def files_in(archive: Path) -> set[str]:
    with tarfile.open(archive) as stream:
        return {member.name for member in stream.getmembers() if member.isfile()}


@dataclass
class Elsewhere:
    """A user's home with the collection installed, and an empty folder to work in."""

    home: Path
    work: Path
    path: str = ""

    @property
    def collection(self) -> Path:
        return self.home / ".ansible/collections/ansible_collections/meshgate/eks_istio"

    def environment(self) -> dict[str, str]:
        """Nothing of ours: no ansible.cfg, no collection path. The cache is this machine's, since filling it takes an hour."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MESHGATE_", "MOLECULE_", "PYTHONPATH", "XDG_", "AWS_"))}
        home = Path.home()
        # Where other programs keep theirs, which they would look for below the user's home.
        others = {"CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup", "GOMODCACHE": "go/pkg/mod", "UV_CACHE_DIR": ".cache/uv"}
        return {
            **kept,
            **{name: os.environ.get(name) or str(home / path) for name, path in others.items()},
            "PATH": f"{self.path}{BIN}:{os.environ['PATH']}:{home / '.local/bin'}",
            "HOME": str(self.home),
            "MESHGATE_CACHE": str(CACHE),
            "ANSIBLE_NOCOLOR": "1",
        }

    def without_docker(self) -> Elsewhere:
        """The same place on a machine whose Docker does not run yet. Only root can start it, and is told so instead of being refused."""
        if os.geteuid():
            return self
        program = self.home / "no-docker/docker"
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon. Is the docker daemon running?' >&2\nexit 1\n", encoding="utf-8")
        program.chmod(0o755)
        return Elsewhere(self.home, self.work, f"{program.parent}:")

    def run(self, *command: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self.work, env=self.environment(), capture_output=True, text=True, timeout=timeout, check=False)

    def play(self, playbook: str, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        return self.run("ansible-playbook", f"meshgate.eks_istio.{playbook}", *arguments, timeout=timeout)


def install(archive: Path, folder: Path) -> Elsewhere:
    """As docs/install.md says, without Galaxy: the collections that ours needs are there already."""
    place = Elsewhere(home=folder / "home", work=folder / "work")
    place.home.mkdir()
    place.work.mkdir()
    done = place.run("ansible-galaxy", "collection", "install", "--offline", str(archive))
    assert done.returncode == 0, done.stdout + done.stderr
    return place
