# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which API server a kubeconfig means, and whether it answers."""

# There is no AnsibleModule at hand here, or output is read while it comes, or the environment is another one: run_command cannot do that.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Runner = Callable[[list[str], float], "Answer"]


@dataclass
class Answer:
    """What a command said."""

    rc: int
    stdout: str = ""
    stderr: str = ""


class WrongCluster(Exception):
    """The kubeconfig points elsewhere than the cluster that was meant."""


@dataclass
class Access:
    kubeconfig: str = ""
    context: str = ""
    kubectl: str = "kubectl"
    timeout: float = 5.0

    def command(self, *arguments: str) -> list[str]:
        """A kubectl command line for this cluster."""
        options = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        if self.context:
            options.append(f"--context={self.context}")
        return [self.kubectl, *options, *arguments]


def run(command: list[str], timeout: float, stdin: str | None = None) -> Answer:
    """Run a command; a missing program and a hang are answers, too."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, input=stdin)
    except FileNotFoundError:
        return Answer(127, "", f"{command[0]}: no such program")
    except PermissionError:
        return Answer(126, "", f"{command[0]}: not executable")
    except subprocess.TimeoutExpired:
        return Answer(124, "", f"no answer within {timeout:g} s")
    return Answer(done.returncode, done.stdout, done.stderr)


def same_endpoint(one: str, other: str) -> bool:
    """Whether two API server addresses mean the same one; https's port 443 may be left out."""

    def parts(endpoint: str) -> tuple[str, str, int | None, str]:
        url = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
        return url.scheme, (url.hostname or ""), url.port or {"https": 443, "http": 80}.get(url.scheme), url.path.rstrip("/")

    return parts(one) == parts(other)


def last_line(text: str) -> str:
    """kubectl's errors begin with retries' log lines; the last line says what it was."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else ""


def look(access: Access, expected_endpoint: str = "", runner: Runner = run) -> dict[str, Any]:
    """Reach for the API server. Unreachable is an answer, another cluster than the expected one is a failure."""
    found: dict[str, Any] = {"reachable": False, "endpoint": "", "server_version": "", "reason": ""}
    if access.kubeconfig and os.pathsep not in access.kubeconfig and not os.path.exists(access.kubeconfig):
        return {**found, "reason": f"there is no kubeconfig {access.kubeconfig}"}

    view = runner(access.command("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"), access.timeout)
    if view.rc != 0:
        return {**found, "reason": last_line(view.stderr) or f"kubectl config view ended with {view.rc}"}
    found["endpoint"] = view.stdout.strip()
    if not found["endpoint"]:
        return {**found, "reason": f"the kubeconfig {access.kubeconfig or 'that kubectl reads by default'} names no API server"}
    if expected_endpoint and not same_endpoint(found["endpoint"], expected_endpoint):
        raise WrongCluster(
            f"kubeconfig {access.kubeconfig or '(default)'}, context {access.context or '(current)'} points at {found['endpoint']}, "
            f"but the cluster meant is at {expected_endpoint}"
        )

    version = runner(access.command("get", "--raw", "/version", f"--request-timeout={access.timeout:g}s"), access.timeout + 2)
    if version.rc != 0:
        return {**found, "reason": last_line(version.stderr) or f"kubectl get --raw /version ended with {version.rc}"}
    try:
        found["server_version"] = json.loads(version.stdout)["gitVersion"]
    except (ValueError, KeyError, TypeError):
        return {**found, "reason": f"{found['endpoint']} does not answer as a Kubernetes API server"}
    return {**found, "reachable": True}
