# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What `ansible-galaxy collection build` packs: everything that a run reads, and nothing that only a work tree has."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import yaml
from elsewhere import REPO, Elsewhere, build, checkout, files_in, tracked

sys.path[:0] = [str(REPO / ".collections"), str(REPO / "tests/package/docs")]

from markdown import links  # noqa: E402

from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.catalog import Catalog  # noqa: E402

# What a run of the playbooks reads, and ansible-builder.
READ = ("plugins/", "roles/", "playbooks/", "inventories/", "offline/", "services/", "emulator/", "meta/", "versions.yml", "checksums.yml", "bindep.txt")
TOPS = {*(name.rstrip("/") for name in READ), "docs", "tests", "changelogs", "LICENSE", "ansible.cfg", "requirements.yml"}
# docs/decisions/0019-what-is-packed.md has the parts. Half is the plugins, a fifth are checksums of Go modules and of moto's, which no packer makes smaller.
LARGEST = 1_250_000
GALAXY = yaml.safe_load((REPO / "galaxy.yml").read_text(encoding="utf-8"))


def test_every_file_that_a_run_reads_is_installed_as_it_is_here(elsewhere: Elsewhere) -> None:
    wanted = [name for name in tracked() if name.startswith(READ)]
    assert len(wanted) > 300
    wrong = []
    for name in wanted:
        here, there = REPO / name, elsewhere.collection / name
        if not there.is_file() or there.read_bytes() != here.read_bytes() or bool(there.stat().st_mode & 0o100) != bool(here.stat().st_mode & 0o100):
            wrong.append(name)
    assert wrong == []


def test_the_cache_serves_the_installed_collection_as_it_serves_the_checkout(elsewhere: Elsewhere) -> None:
    """A component's key covers every file that its build reads: one that were missing or different would be another key, or an error."""
    here, there = Catalog(str(REPO)), Catalog(str(elsewhere.collection))
    assert len(there.components) > 30
    assert {name: component.key for name, component in there.components.items()} == {name: component.key for name, component in here.components.items()}


def test_nothing_is_packed_that_only_work_on_the_collection_needs(archive: Path) -> None:
    """A user's machine runs roles, builds what they install, and may run ansible-test's sanity; all else is in the repository."""
    packed = files_in(archive)
    tests = {name for name in packed if name.startswith("tests/")}
    kept = {name for name in tests if name.startswith("tests/sanity/ignore-") or name == "tests/config.yml"}
    assert tests - kept == set()
    assert len(kept) > 4
    tops = {name.partition("/")[0] for name in packed}
    assert tops == {*TOPS, "FILES.json", "MANIFEST.json", *(path.name for path in REPO.glob("*.md"))}
    assert {name for name in packed if name.startswith("docs/") and not name.endswith((".md", ".svg"))} == set()
    assert archive.stat().st_size < LARGEST


def test_no_packed_page_links_to_a_file_that_is_not_packed(archive: Path) -> None:
    """What is in the repository alone is linked by its address there."""
    packed = files_in(archive)
    pages = sorted(name for name in packed if name.endswith(".md"))
    assert len(pages) > 15
    wrong = []
    for page in pages:
        for link in links((REPO / page).read_text(encoding="utf-8")):
            target = os.path.normpath(os.path.join(os.path.dirname(page), link.partition("#")[0]))
            if ":" not in link and not link.startswith("#") and not any(name == target or name.startswith(f"{target}/") for name in packed):
                wrong.append(f"{page}: {link}")
    assert wrong == []


def test_what_git_ignores_is_not_packed(archive: Path, tmp_path: Path) -> None:
    """A key, a virtual environment or yesterday's build that lie in the work tree stay there."""
    source = checkout(tmp_path / "source")
    rules = [line for line in (REPO / ".gitignore").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert len(rules) > 8
    for rule in rules:
        name = rule.strip("/").replace("*", "planted") + ("/planted" if rule.endswith("/") else "")
        # A rule without a slash inside holds at any depth.
        for folder in [source] if "/" in rule.rstrip("/") else [source, source / "roles/istio/files"]:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("not for others\n", encoding="utf-8")
    (tmp_path / "dirty").mkdir()
    assert sorted(files_in(build(source, tmp_path / "dirty")) - files_in(archive)) == []


def test_the_collections_that_it_uses_are_asked_for() -> None:
    used = set()
    for folder in ("plugins", "roles", "playbooks"):
        for path in (REPO / folder).rglob("*"):
            if path.suffix == ".py":
                used |= set(re.findall(r"ansible_collections\.(\w+\.\w+)\.", path.read_text(encoding="utf-8")))
            elif path.suffix == ".yml":
                used |= set(re.findall(r"^\s+(?:- )?(\w+\.\w+)\.\w+:$", path.read_text(encoding="utf-8"), re.MULTILINE))
    used -= {"ansible.builtin", "meshgate.eks_istio"}
    assert used <= set(GALAXY["dependencies"])
    required = yaml.safe_load((REPO / "requirements.yml").read_text(encoding="utf-8"))["collections"]
    # The collection works without the callback that this repository's ansible.cfg enables; the repository asks for it.
    callbacks = {
        name.rpartition(".")[0] for name in re.findall(r"^callbacks_enabled = (.+)$", (REPO / "ansible.cfg").read_text(encoding="utf-8"), re.MULTILINE)
    }
    asked = {entry["name"]: entry["version"] for entry in required}
    assert {name: version for name, version in asked.items() if name not in callbacks} == GALAXY["dependencies"]
    assert callbacks <= set(asked)


def test_galaxy_knows_what_it_asks_for() -> None:
    """Certification wants a tag of its own list, working addresses, and a version that the change log has or will have."""
    assert {"cloud", "networking"} & set(GALAXY["tags"])
    assert len(GALAXY["tags"]) <= 20
    assert all(re.fullmatch(r"[a-z0-9]+", tag) for tag in GALAXY["tags"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", GALAXY["version"])
    assert all(GALAXY[name].startswith("https://") for name in ("repository", "documentation", "homepage", "issues"))
    project = (REPO / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{GALAXY["version"]}"\n' in project
