# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Run ansible-test on the collection as it is installed, with the ansible-core of the Python that runs this.

python tests/sanity/run.py sanity [--fast] | units | docs      (--fast: without what takes minutes; docs: antsibull-docs on modules and roles)
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import tarball
from requirements import unobtainable

REPO = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meshgate" / "checks"
# What takes ansible-test seconds, and not minutes as pylint and import do. `make test` runs these.
SLOW = ("import", "pylint", "ansible-doc", "compile", "pslint")
GET_PIP = '''"""Stands in for get-pip.py, which ansible-test would download: Python brings pip, and pip any other version of itself."""
import subprocess
import sys

packages = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
for command in (["ensurepip"], ["pip", "install", "--quiet", *packages]):
    subprocess.run([sys.executable, "-m", *command], check=True, stdout=subprocess.DEVNULL)
'''


def pip_settings(environment: dict[str, str]) -> str:
    """ansible-test hands no PIP_... variable on; pip reads the same from a file."""
    settings = {name[4:].lower().replace("_", "-"): value for name, value in environment.items() if name.startswith("PIP_")}
    certificates = environment.get("SSL_CERT_FILE") or environment.get("REQUESTS_CA_BUNDLE")
    if certificates:
        settings.setdefault("cert", certificates)
    return "[global]\n" + "".join(f"{name} = {value}\n" for name, value in sorted(settings.items()))


def make_home(home: Path, bin_dir: Path) -> None:
    """A home folder for ansible-test, where it keeps the environments of its tests from run to run."""
    source = next(bin_dir.parent.glob("lib/python3*/site-packages/ansible_test/_internal/python_requirements.py")).read_text(encoding="utf-8")
    pip_version = re.search(r"pip='([0-9.]+)'", source)
    if pip_version is None:
        raise SystemExit("this ansible-test does not say which pip it bootstraps")
    files = {
        home / ".ansible/test/cache" / f"get_pip_{pip_version[1].replace('.', '_')}.py": GET_PIP,
        home / ".config/pip/pip.conf": pip_settings(dict(os.environ)),
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def core_version(bin_dir: Path) -> str:
    text = subprocess.run([bin_dir / "ansible", "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"core ([^\]\s]+)", text)
    return found[1] if found else "unknown"


def command_of(arguments: argparse.Namespace, bin_dir: Path) -> list[str]:
    if arguments.what == "docs":
        # With the fragments of the collections that this one needs.
        return [str(bin_dir / "antsibull-docs"), "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=dependent", "."]
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    command = [str(bin_dir / "ansible-test"), arguments.what, "--python", python, "--color", "no"]
    if arguments.what == "sanity":
        command += ["--junit"]
        skipped = SLOW if arguments.fast else ("pslint",)
        # PowerShell is not in this collection, nor on most machines.
        for name in skipped:
            command += ["--skip-test", name]
        for name, host in unobtainable(bin_dir).items():
            if name not in skipped:
                print(f"sanity test {name} is left out: it needs what {host} serves, which does not answer", flush=True)
                command += ["--skip-test", name]
    else:
        # The emulator's tests are no tests of plugins; the suite `unit` has them.
        command += ["--num-workers", str(arguments.workers), "tests/unit/plugins/"]
    return command


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["sanity", "units", "docs"])
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--workers", type=int, default=2, help="processes for units")
    parser.add_argument("--ansible", type=Path, help="the folder of the collections of PyPI's `ansible`; else that of this environment")
    arguments = parser.parse_args()
    bin_dir = Path(sys.executable).parent
    version = core_version(bin_dir)
    place = CACHE / f"core-{version}"
    home = place / "home"
    make_home(home, bin_dir)
    archive = tarball.build(place / "dist", bin_dir)
    installed = tarball.install(archive, place / "root", bin_dir, arguments.ansible or tarball.ansible_of(bin_dir))
    command = command_of(arguments, bin_dir)
    print(f"ansible-core {version}, {archive.name}: {Path(command[0]).name} {' '.join(command[1:])}", flush=True)
    started = time.monotonic()
    environment = {**os.environ, "HOME": str(home), "PATH": f"{bin_dir}:{os.environ['PATH']}", "ANSIBLE_COLLECTIONS_PATH": str(place / "root")}
    environment.pop("ANSIBLE_CONFIG", None)
    code = subprocess.run(command, check=False, cwd=installed, env=environment).returncode
    print(f"{arguments.what}, ansible-core {version}: {'failed' if code else 'passed'} in {time.monotonic() - started:.0f} s", flush=True)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
