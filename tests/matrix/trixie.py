# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A container made from Debian trixie, for the ansible-cores whose Python the machine lacks. Nothing in it runs as root."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meshgate" / "checks"
PYTHON = "3.13"
PACKAGES = ("python3", "python3-venv", "python3-yaml", "git", "ca-certificates")
IMAGE = "meshgate.local/checks:trixie-1"
# How this machine reaches package registries.
SETTINGS = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
USER = 1000


def build() -> None:
    """The image, from the Debian mirror that this machine itself uses."""
    if subprocess.run(["docker", "image", "inspect", IMAGE], check=False, capture_output=True).returncode == 0:
        return
    sites = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"], check=False, capture_output=True, text=True
    ).stdout.split()
    # Where apt names none, debootstrap has a default of its own.
    mirror = sites[:1]
    with tempfile.TemporaryDirectory() as folder:
        root = f"{folder}/root"
        print(f"==> {IMAGE}: debootstrap trixie", flush=True)
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "trixie", root, *mirror], check=True, stdout=subprocess.DEVNULL)
        import_root(root)


def import_root(root: str) -> None:
    with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as archive:
        subprocess.run(["docker", "import", "-c", f"USER {USER}", "-", IMAGE], check=True, stdin=archive.stdout, stdout=subprocess.DEVNULL)


def run(series: str, checks: list[str]) -> dict[str, str]:
    """The matrix of one core inside the container; what it says of each check."""
    build()
    place = CACHE / "trixie"
    place.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(place, USER, USER)
    uv = shutil.which("uv") or str(Path.home() / ".local/bin/uv")
    command = ["docker", "run", "--rm", "--network", "host", "--cap-drop", "ALL", "--user", str(os.geteuid() or USER)]
    command += ["-v", f"{place}:/cache", "-v", f"{REPO}:{REPO}:ro", "-v", f"{uv}:/usr/local/bin/uv:ro", "-v", "/etc/ssl/certs:/etc/ssl/certs:ro"]
    for setting in ("HOME=/cache/home", "XDG_CACHE_HOME=/cache", "MESHGATE_RESULTS=/cache/results", *(name for name in SETTINGS if name in os.environ)):
        command += ["-e", setting]
    command += [IMAGE, "python3", str(REPO / "tests/matrix/run.py"), "--core", series]
    for check in checks:
        command += ["--check", check]
    noted = place / "results/report/by-hand/matrix.json"
    noted.unlink(missing_ok=True)
    subprocess.run(command, check=False)
    report = json.loads(noted.read_text(encoding="utf-8"))
    return next(iter(report["found"].values()))
