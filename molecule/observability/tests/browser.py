# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A real browser: Debian's Chromium, driven by Playwright. Pages are looked at for what they show, and photographed for the docs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness import CACHE, REPO, RESULTS
from playwright.sync_api import Page, sync_playwright

# MESHGATE_SCREENSHOTS=docs/images renews those of the docs.
SCREENSHOTS = Path(os.environ.get("MESHGATE_SCREENSHOTS") or RESULTS / "screenshots")


def chromium() -> str:
    """Its path. Where there is none, root on Debian gets it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found and shutil.which("apt-get") and not os.geteuid():
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
        subprocess.run(["apt-get", "install", "-qqy", "--no-install-recommends", "chromium"], check=True, env=environment, stdout=subprocess.DEVNULL)
        found = shutil.which("chromium")
    assert found, "this machine has no Chromium: install it (apt-get install chromium)"
    return found


@contextmanager
def page(
    dark: bool = False, width: int = 1400, height: int = 900, offline: bool = False, arguments: Sequence[str] = (), ignore_https_errors: bool = False
) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", *arguments])
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            offline=offline,
            ignore_https_errors=ignore_https_errors,
        )
        try:
            yield context.new_page()
        finally:
            browser.close()


def photograph(shown: Page, name: str) -> Path:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    shown.screenshot(path=path)
    return path


@contextmanager
def dashboard(name: str, istioctl: Path, kubeconfig: Path) -> Iterator[str]:
    """The address of a page as `istioctl dashboard` says it."""
    command = [str(istioctl), "dashboard", name, "--browser=false", "--port=0", "--kubeconfig", str(kubeconfig)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=REPO) as running:
        try:
            yield _address(running)
        finally:
            running.terminate()


def _address(running: subprocess.Popen[str], pattern: str = r"https?://\S+") -> str:
    said = ""
    for line in running.stdout or ():
        said += line
        if found := re.search(pattern, line):
            return found[0]
    raise AssertionError(f"it said no address: {said}")


@contextmanager
def forward(service: str, port: int, kubeconfig: Path) -> Iterator[str]:
    """The address of a Service's page, by `kubectl port-forward`."""
    command = ["kubectl", "--kubeconfig", str(kubeconfig), "-n", "istio-system", "port-forward", f"service/{service}", f":{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "PATH": _path()}) as running:
        try:
            yield f"http://{_address(running, r'127[.]0[.]0[.]1:[0-9]+')}"
        finally:
            running.terminate()


def _path() -> str:
    return f"{CACHE / 'bin'}{os.pathsep}{os.environ['PATH']}"
