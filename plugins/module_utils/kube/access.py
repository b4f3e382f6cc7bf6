# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The API server of a kubeconfig, and whether it answers."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..common.command import Answer, Runner, last_line
from ..common.failure import Failure


class WrongCluster(Failure):
    """The kubeconfig points to another cluster than expected."""


# Attempts and timeout of each in seconds: for an API server on this machine, and for one that is remote or needs a plugin for credentials,
# which may take longer than a local one to answer ("aws eks get-token" behind single sign-on, say).
NEAR, FAR = (1, 5.0), (3, 30.0)
PAUSE = 2.0
EKS = re.compile(r"\.eks\.amazonaws\.com(\.cn)?$")


@dataclass
class Access:
    """Which cluster, and the timeout of an attempt in seconds, if not the default."""

    kubeconfig: str = ""
    context: str = ""
    kubectl: str = "kubectl"
    timeout: float | None = None

    def tries(self, endpoint: str, plugin: str) -> tuple[int, float]:
        attempts, seconds = FAR if plugin or EKS.search(urlsplit(endpoint).hostname or "") else NEAR
        return attempts, self.timeout or seconds

    def command(self, *arguments: str) -> list[str]:
        """A kubectl command line for this cluster."""
        options = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        if self.context:
            options.append(f"--context={self.context}")
        return [self.kubectl, *options, *arguments]


def same_endpoint(one: str, other: str) -> bool:
    """Whether two API server addresses are the same; https's port 443 may be omitted."""

    def parts(endpoint: str) -> tuple[str, str, int | None, str]:
        url = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
        return url.scheme, (url.hostname or ""), url.port or {"https": 443, "http": 80}.get(url.scheme), url.path.rstrip("/")

    return parts(one) == parts(other)


# The API server's address, and the plugin for credentials, if any.
MEANT = 'jsonpath={.clusters[0].cluster.server}{"\\n"}{.users[0].user.exec.command}'


def look(
    access: Access, expected_endpoint: str = "", runner: Callable[..., Answer] | None = None, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Connect to the API server. Unreachable is a result, another cluster than the expected one is a failure."""
    runner = runner or Runner()
    found: dict[str, Any] = {"reachable": False, "endpoint": "", "server_version": "", "reason": ""}
    if access.kubeconfig and os.pathsep not in access.kubeconfig and not os.path.exists(access.kubeconfig):
        return {**found, "reason": f"there is no kubeconfig {access.kubeconfig}"}

    view = runner(access.command("config", "view", "--minify", "-o", MEANT), access.timeout or FAR[1])
    if view.rc != 0:
        return {**found, "reason": last_line(view.stderr) or f"kubectl config view exited with {view.rc}"}
    found["endpoint"], plugin = (*view.stdout.strip().split("\n"), "")[:2]
    if not found["endpoint"]:
        return {**found, "reason": f"the kubeconfig {access.kubeconfig or 'that kubectl reads by default'} has no API server"}
    if expected_endpoint and not same_endpoint(found["endpoint"], expected_endpoint):
        raise WrongCluster(
            f"kubeconfig {access.kubeconfig or '(default)'}, context {access.context or '(current)'} points at {found['endpoint']}, "
            f"but the intended cluster is at {expected_endpoint}"
        )

    attempts, timeout = access.tries(found["endpoint"], plugin)
    for attempt in range(attempts):
        version = runner(access.command("get", "--raw", "/version", f"--request-timeout={timeout:g}s"), timeout + 2)
        if version.rc == 0 or attempt + 1 == attempts:
            break
        sleep(PAUSE)
    if version.rc != 0:
        return {**found, "reason": last_line(version.stderr) or f"kubectl get --raw /version exited with {version.rc}"}
    try:
        found["server_version"] = json.loads(version.stdout)["gitVersion"]
    except (ValueError, KeyError, TypeError):
        return {**found, "reason": f"{found['endpoint']} does not answer as a Kubernetes API server"}
    return {**found, "reachable": True}
