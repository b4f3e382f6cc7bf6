# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""`make` on machines whose Python differs: uv is found or installed, or what is missing is said with the package's name."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from elsewhere import REPO

# A python3 that has what $HAS names. `Library` is where macOS's keeps its user's programs.
PYTHON = """#!/bin/sh
echo "$@" >> "$LOG"
put() { mkdir -p "$1/bin"; printf '#!/bin/sh\\n' > "$1/bin/uv"; chmod +x "$1/bin/uv"; }
case "$1 $2 $3" in
"-m site --user-base") echo "$BASE" ;;
"-m pip --version") case "$HAS" in *pip*) ;; *) echo "No module named pip" >&2; exit 1 ;; esac ;;
"-m pip install")
  case "$HAS" in *offline*) echo "Could not find a version that satisfies the requirement uv" >&2; exit 1 ;; esac
  case "$* $HAS" in *break-system-packages*old*) echo "no such option: --break-system-packages" >&2; exit 2 ;; esac
  put "$BASE" ;;
"-m venv "*)
  case "$HAS" in *venv*) ;; *) echo "apt install python3.12-venv" >&2; exit 1 ;; esac
  mkdir -p "$3/bin"; cat > "$3/bin/python" <<END
#!/bin/sh
printf '#!/bin/sh\\n' > "$3/bin/uv"; chmod +x "$3/bin/uv"
END
  chmod +x "$3/bin/python" ;;
"-m ensurepip --user") echo "ensurepip is disabled in Debian/Ubuntu for the system python." >&2; exit 1 ;;
esac
"""


@dataclass
class Machine:
    folder: Path

    def __call__(self, has: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.folder / "bin"), "HOME": str(self.folder / "home"), "BASE": str(self.base), "HAS": has, "LOG": str(self.folder / "log")}
        return subprocess.run([str(self.folder / "checkout/offline/uv.sh")], env=environment, capture_output=True, text=True, check=False)

    @property
    def base(self) -> Path:
        return self.folder / "home/Library/Python/3.12"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Nothing but this Python and what every Unix has."""
    (tmp_path / "bin").mkdir()
    for name in ("bash", "sh", "env", "sed", "dirname", "tail", "tr", "cat", "rm", "mkdir", "chmod", "echo"):
        os.symlink(str(shutil.which(name)), tmp_path / "bin" / name)
    (tmp_path / "bin/python3").write_text(PYTHON, encoding="utf-8")
    (tmp_path / "bin/python3").chmod(0o755)
    (tmp_path / "checkout/offline").mkdir(parents=True)
    shutil.copy(REPO / "offline/uv.sh", tmp_path / "checkout/offline")
    shutil.copy(REPO / "versions.yml", tmp_path / "checkout")
    return Machine(tmp_path)


@pytest.mark.parametrize("has", ["pip", "pip old"])
def test_uv_is_found_where_this_python_puts_its_users_programs(machine: Machine, has: str) -> None:
    done = machine(has)
    assert (done.returncode, done.stdout.strip()) == (0, str(machine.base / "bin/uv"))
    installed = machine.log.count("pip install")
    assert machine(has).stdout == done.stdout
    assert machine.log.count("pip install") == installed


def test_without_pip_a_virtual_environment_has_it(machine: Machine) -> None:
    done = machine("venv")
    assert (done.returncode, done.stdout.strip()) == (0, str(machine.folder / "checkout/.uv.venv/bin/uv"))


@pytest.mark.parametrize(("has", "cause"), [("", "apt install python3.12-venv"), ("pip offline", "Could not find a version that satisfies the requirement uv")])
def test_what_is_missing_is_said_with_the_packages_to_install(machine: Machine, has: str, cause: str) -> None:
    done = machine(has)
    assert done.returncode == 1
    for words in ("uv==", cause, "Debian, Ubuntu   apt install python3-venv", "brew install uv"):
        assert words in done.stderr
    assert not (machine.folder / "checkout/.uv.venv").exists()


def test_without_python_that_is_said(machine: Machine) -> None:
    (machine.folder / "bin/python3").unlink()
    done = machine("")
    assert done.returncode == 1
    assert done.stderr.startswith("python3 is missing")


def test_make_takes_what_is_found(machine: Machine) -> None:
    planned = subprocess.run(["make", "--dry-run", "--always-make", "setup"], cwd=REPO, capture_output=True, text=True, check=True).stdout
    assert "offline/uv.sh" in planned
    assert "sync --locked" in planned
