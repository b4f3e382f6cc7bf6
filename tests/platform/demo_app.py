# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The demonstrations' program as its users see it: by requests from outside, and by what one pod says of itself."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from cluster import Cluster
from harness import Play, Run, ask


def versions(host: str, path: str, count: int, headers: dict[str, str] | None = None) -> Counter[str]:
    """Which version answered how many of these requests; a status where it is not 200."""
    found: Counter[str] = Counter()
    for _request in range(count):
        answer = ask(host, path, headers=headers)
        found[answer.headers.get("x-version", "?") if answer.status == 200 else str(answer.status)] += 1
    return found


def deploy(play: Play, variables: str, given: dict[str, Any], *options: str, ok: bool = True) -> Run:
    """routes.yml with a scenario's file of variables, and others over them, by the inventory whose toolchain has the program's image."""
    return play("playbooks/routes.yml", "-i", "inventories/gophers", "-e", f"@{variables}", "-e", json.dumps(given), *options, ok=ok)


class Pods:
    """The pods of an app, or of one of its versions."""

    def __init__(self, cluster: Cluster, namespace: str, app: str, version: str = "") -> None:
        self.cluster, self.namespace, self.app = cluster, namespace, app
        self.labels = f"app={app}" + (f",version={version}" if version else "")

    def names(self) -> list[str]:
        found = self.cluster.find("Pod", self.namespace, self.labels)
        return sorted(pod["metadata"]["name"] for pod in found if not pod["metadata"].get("deletionTimestamp"))

    def told(self, pod: str, *arguments: str) -> Any:
        """What only this pod hears, and what it says."""
        return json.loads(self.cluster.kubectl("-n", self.namespace, "exec", pod, "-c", self.app, "--", "/service", *arguments).stdout)

    def received(self, what: str = "received") -> int:
        """Requests that all of them got, as they say themselves; or C(mirrored) ones."""
        return sum(int(self.told(pod, "GET", "/count")[what]) for pod in self.names())
