# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""toolchain_artifacts with state=absent deletes the cache that it made, and asks for nothing that only making needs."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from module_arguments import patch_module_args

from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain import toolchain
from ansible_collections.meshgate.eks_istio.plugins.modules import toolchain_artifacts


def run(check: bool = False, **options: Any) -> dict[str, Any]:
    output = io.StringIO()
    with patch_module_args({"_ansible_check_mode": check, **options}), contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        toolchain_artifacts.main()
    return json.loads(output.getvalue().strip().splitlines()[-1])


class NoDocker:
    """In place of this machine's, whose images are not this test's to remove."""

    def answers(self) -> bool:
        return False


@pytest.fixture(autouse=True)
def no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "Images", NoDocker)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """One that this collection made."""
    made = tmp_path / "cache"
    (made / "kubectl").mkdir(parents=True)
    (made / "lock").touch()
    return made


def test_a_cache_goes_once(cache: Path) -> None:
    would = run(check=True, cache_dir=str(cache), state="absent")
    assert would["changed"] and would["actions"] == [f"remove {cache}"] and cache.exists()
    assert run(cache_dir=str(cache), state="absent")["changed"] and not cache.exists()
    again = run(cache_dir=str(cache), state="absent")
    assert again["changed"] is False and again["actions"] == []


def test_what_is_no_cache_stays(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    refused = run(cache_dir=str(tmp_path), state="absent")
    assert refused["failed"] and "is not a cache of this collection" in refused["msg"] and (tmp_path / "thesis.tex").exists()


def test_making_needs_to_know_what(cache: Path) -> None:
    refused = run(cache_dir=str(cache))
    assert refused["failed"] and "state is present but all of the following are missing: root, components" in refused["msg"]
