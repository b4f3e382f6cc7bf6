# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every supported ansible-core in an environment of its own: ansible-test sanity and units, and the platform's life on kind. Prints a table.

python tests/matrix/run.py [--core 2.20 ...] [--python 3.14] [--check sanity|units|site ...] [--container]
python tests/matrix/run.py --list

site replaces a running platform. Where the machine lacks a core's Python, and with --container, sanity and units run in a container made from Debian trixie.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import trixie
import yaml

REPO = Path(__file__).resolve().parents[2]
sys.path += [str(REPO / "tests/sanity"), str(REPO / "tests/report")]
import tarball  # noqa: E402
from noted import RESULTS, note, noted  # noqa: E402
from requirements import unobtainable  # noqa: E402

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meshgate" / "checks"
CHECKS = ("sanity", "units", "site")
# What tests and plugins import; uv.lock says in which versions, and `ansible` is left out of it: the core is what differs.
PACKAGES = ("boto3", "cryptography", "moto[server]", "pytest", "pytest-xdist", "PyYAML", "awscli")


@dataclass
class Core:
    series: str
    version: str
    python: str

    @property
    def venv(self) -> Path:
        return CACHE / f"venv-{self.series}-python{self.python}"

    @property
    def bin(self) -> Path:
        return self.venv / "bin"


def cores(wanted: list[str], python: str | None = None) -> list[Core]:
    listed = yaml.safe_load((REPO / "tests/matrix/cores.yml").read_text(encoding="utf-8"))
    unknown = sorted(set(wanted) - set(listed))
    if unknown:
        raise SystemExit(f"--core {', '.join(unknown)}; accepted: {', '.join(listed)}")
    return [Core(series, str(one["core"]), python or str(one["python"])) for series, one in listed.items() if not wanted or series in wanted]


def find_python(version: str) -> str | None:
    """An interpreter of that version that runs. A version manager's stand-in is one that may not."""
    folders = [*os.environ["PATH"].split(os.pathsep), *map(str, Path.home().glob(f".pyenv/versions/{version}*/bin"))]
    for folder in folders:
        program = Path(folder) / f"python{version}"
        if program.exists() and subprocess.run([program, "-c", "import ensurepip, venv"], check=False, capture_output=True).returncode == 0:
            return str(program)
    return None


def make_venv(core: Core) -> str:
    """Empty when the core's environment is there, else why it cannot be."""
    mark = core.venv / f"ansible-core-{core.version}"
    if mark.exists():
        return ""
    python = find_python(core.python)
    if python is None:
        return f"no Python {core.python} on this machine"
    uv = shutil.which("uv") or str(Path.home() / ".local/bin/uv")
    export = [uv, "export", "--frozen", "--no-hashes", "--no-emit-project", "--quiet"]
    exported = subprocess.run(export, cwd=REPO, check=True, capture_output=True, text=True).stdout.splitlines()
    # Each core asks for a resolvelib of its own.
    pins = [line.split(" ;")[0] for line in exported if line[:1].isalnum() and not line.startswith(("ansible", "resolvelib"))]
    shutil.rmtree(core.venv, ignore_errors=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    constraints = CACHE / f"constraints-{core.series}.txt"
    constraints.write_text("\n".join(pins) + "\n", encoding="utf-8")
    subprocess.run([uv, "venv", "--quiet", "--python", python, core.venv], check=True)
    install = [uv, "pip", "install", "--quiet", "--python", core.bin / "python", "--constraint", constraints, f"ansible-core=={core.version}", *PACKAGES]
    done = subprocess.run(install, check=False, capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip()
    mark.touch()
    return ""


def ansible_test(core: Core, what: str) -> int:
    command = [core.bin / "python", REPO / "tests/sanity/run.py", what, "--ansible", tarball.ansible_of(REPO / ".venv/bin")]
    return subprocess.run(command, check=False).returncode


def site(core: Core) -> int:
    """The installed collection's own playbooks and inventory, from an empty folder: build, again without a change, remove."""
    place = CACHE / f"site-{core.version}"
    collection = tarball.install(tarball.build(place / "dist", core.bin), place / "root", core.bin, tarball.ansible_of(REPO / ".venv/bin"))
    inventory = collection / "inventories/kind"
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(place / "root"), "PATH": f"{core.bin}:{os.environ['PATH']}", "ANSIBLE_FORCE_COLOR": "0"}
    environment.pop("ANSIBLE_CONFIG", None)

    def play(name: str) -> subprocess.CompletedProcess[str]:
        command = [core.bin / "ansible-playbook", "-i", inventory, f"meshgate.eks_istio.{name}"]
        done = subprocess.run(command, cwd=place, env=environment, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        (RESULTS / f"matrix-{core.series}-{name}.log").write_text(done.stdout, encoding="utf-8")
        print(done.stdout[-1500:], flush=True)
        return done

    if play("teardown").returncode or play("site").returncode:
        return 1
    again = play("site")
    changed = [line for line in again.stdout.splitlines() if "changed=" in line and "changed=0" not in line]
    return 1 if again.returncode or changed or play("teardown").returncode else 0


def row(core: Core, checks: list[str], in_container: bool) -> dict[str, str]:
    found = {"series": core.series, "core": core.version, "Python": core.python}
    if core.python == trixie.PYTHON and (in_container or find_python(core.python) is None):
        inside = trixie.run(core.series, [check for check in checks if check != "site"])
        return found | inside | ({"site": "needs the machine"} if "site" in checks else {})
    missing = make_venv(core)
    for check in checks:
        started = time.monotonic()
        if missing:
            found[check] = missing
            continue
        print(f"==> ansible-core {core.version}: {check}", flush=True)
        code = site(core) if check == "site" else ansible_test(core, check)
        without = "".join(f", without {name}" for name in unobtainable(core.bin)) if check == "sanity" else ""
        found[check] = f"{'failed' if code else 'passed'} ({time.monotonic() - started:.0f} s{without})"
    return found


def tell(rows: list[dict[str, str]], checks: list[str]) -> None:
    """For the test report: what was found now, beside what the suite found before."""
    found = noted("matrix").get("found", {})
    for one in rows:
        found.setdefault(f"ansible-core {one['core']}, Python {one['Python']}", {}).update({check: one[check] for check in checks})
    said = [[core, ", ".join(f"{check}: {found[core][check]}" for check in CHECKS if check in found[core])] for core in sorted(found)]
    note("matrix", "Supported ansible-cores", said, found=found)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--core", action="append", default=[])
    parser.add_argument("--check", action="append", default=[], choices=CHECKS)
    parser.add_argument("--python", help="another Python than cores.yml says")
    parser.add_argument("--container", action="store_true")
    parser.add_argument("--list", action="store_true", help="only name the cores")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(core.series for core in cores(arguments.core)))
        return 0
    checks = [check for check in CHECKS if check in (arguments.check or CHECKS)]
    RESULTS.mkdir(parents=True, exist_ok=True)
    rows = [row(core, checks, arguments.container) for core in cores(arguments.core, arguments.python)]
    table = "\n".join(f"{one['core']:<12} {one['Python']:<8} " + " ".join(f"{one[check]:<18}" for check in checks) for one in rows)
    print(f"\n{'core':<12} {'Python':<8} " + " ".join(f"{check:<18}" for check in checks) + f"\n{table}")
    tell(rows, checks)
    return 0 if all(one[check].startswith("passed") for one in rows for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
