# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The collection as its users get it: built, installed into an empty place, and put under git, where alone ansible-test sees its files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
# What the collection uses, and the callback that its unit tests read playbooks by.
NEEDED = ("amazon/aws", "ansible/posix")
GIT = ["git", "-c", "user.name=checks", "-c", "user.email=checks@localhost", "-c", "init.defaultBranch=main"]


def build(folder: Path, bin_dir: Path) -> Path:
    """The tarball. Built outside of the checkout, so that it cannot hold an earlier one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run([bin_dir / "ansible-galaxy", "collection", "build", "--output-path", folder, REPO], check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("*.tar.gz"))


def install(archive: Path, root: Path, bin_dir: Path, ansible: Path) -> Path:
    """The installed collection, below ROOT/ansible_collections, beside the collections that it needs."""
    shutil.rmtree(root, ignore_errors=True)
    collections = root / "ansible_collections"
    collections.mkdir(parents=True)
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(root)}
    environment.pop("ANSIBLE_CONFIG", None)
    # Offline: the collections that this one needs come from PyPI's `ansible`, not from Galaxy.
    subprocess.run(
        [bin_dir / "ansible-galaxy", "collection", "install", "--offline", "--no-deps", "-p", root, archive],
        check=True,
        cwd=root,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    installed = next(collections.glob("*/*/MANIFEST.json")).parent
    # A copy: antsibull-docs would take a link into this checkout for files that git ignores.
    for name in NEEDED:
        shutil.copytree(ansible / name, collections / name, ignore=shutil.ignore_patterns("tests", "docs", "__pycache__"))
    # The package has no unit tests; these are the checkout's, on the package's plugins.
    shutil.copytree(REPO / "tests/unit", installed / "tests/unit", ignore=shutil.ignore_patterns("emulator", "test_[a-z]*.py", "__pycache__"))
    shutil.copytree(REPO / "tests/unit/plugins", installed / "tests/unit/plugins", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    for command in (["init", "--quiet"], ["add", "--all", "--force"], ["commit", "--quiet", "--message", "as installed"]):
        subprocess.run([*GIT, *command], check=True, cwd=installed)
    return installed


def ansible_of(bin_dir: Path) -> Path:
    """The collections of PyPI's `ansible`, as the repository's own environment has them."""
    return next(bin_dir.parent.glob("lib/python3*/site-packages/ansible_collections"))


if __name__ == "__main__":
    print(install(build(Path(sys.argv[1]) / "dist", Path(sys.executable).parent), Path(sys.argv[1]) / "root", Path(sys.executable).parent, Path(sys.argv[2])))
