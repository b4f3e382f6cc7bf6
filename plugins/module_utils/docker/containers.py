# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Our containers beside the cluster: created, started, replaced or removed as described."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from ..common.ownership import OWNER_LABEL
from .client import Docker, DockerError

SETTINGS_LABEL = "meshgate.io/settings"


@dataclass
class Container:
    """A container as it should be; `arguments` are those of `docker run`, `command` is what it runs."""

    name: str
    image: str
    owner: str
    arguments: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    entrypoint: str = ""

    def description(self, image: str) -> dict[str, Any]:
        """Return everything that matters for a comparison; `image` is the image's id, since a tag can move."""
        return {"image": self.image, "image_id": image, "arguments": self.arguments, "entrypoint": self.entrypoint, "command": self.command}

    def digest(self, image: str) -> str:
        return hashlib.sha256(json.dumps(self.description(image), sort_keys=True).encode()).hexdigest()[:32]

    def run_arguments(self, image: str) -> list[str]:
        return [
            "run",
            "--detach",
            "--name",
            self.name,
            "--label",
            f"{OWNER_LABEL}={self.owner}",
            "--label",
            f"{SETTINGS_LABEL}={self.digest(image)}",
            *self.arguments,
            *(["--entrypoint", self.entrypoint] if self.entrypoint else []),
            self.image,
            *self.command,
        ]


def refuse_foreign(live: dict[str, Any], owner: str) -> None:
    """Raise if a container of a name that we need is not ours."""
    label = (live["Config"].get("Labels") or {}).get(OWNER_LABEL)
    if label != owner:
        name = live["Name"].lstrip("/")
        whose = f"belongs to cluster {label}" if label else "is not managed by this collection"
        raise DockerError(f"a container named {name} exists that {whose}; accepted: a machine without one (docker rm {name} removes it)")


def decide(live: dict[str, Any] | None, wanted: Container, image: str) -> str:
    """Return create, replace, start or none."""
    if live is None:
        return "create"
    labels = live["Config"].get("Labels") or {}
    if labels.get(SETTINGS_LABEL) != wanted.digest(image) or live["State"].get("Status") in ("dead", "removing"):
        return "replace"
    if live["State"].get("Status") == "created":  # docker run was interrupted, or a port was in use
        return "replace"
    return "none" if live["State"].get("Running") else "start"


def apply(docker: Docker, wanted: Container, action: str, image: str) -> None:
    if action == "start":
        try:
            docker.run("start", wanted.name)
            return
        except DockerError:
            action = "replace"  # for example a network that no longer exists
    if action == "replace":
        docker.run("rm", "--force", "--volumes", wanted.name)
    if action in ("create", "replace"):
        try:
            docker.run(*wanted.run_arguments(image))
        except DockerError:
            docker.run("rm", "--force", "--volumes", wanted.name, check=False)
            raise


def remove(docker: Docker, names: list[str], owner: str, check_mode: bool) -> list[str]:
    """Remove those of `names` that exist and are ours; return their names."""
    ours = [item for item in docker.inspect(names) if (item["Config"].get("Labels") or {}).get(OWNER_LABEL) == owner]
    if ours and not check_mode:
        docker.run("rm", "--force", "--volumes", *[item["Id"] for item in ours])
    return [item["Name"].lstrip("/") for item in ours]
