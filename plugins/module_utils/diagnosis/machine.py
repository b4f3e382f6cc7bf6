# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What replaces AWS on a laptop: Docker, the containers of the nodes and of the emulator."""

from __future__ import annotations

import typing as t

from ..common.ownership import OWNER_LABEL
from ..docker.client import Docker, DockerError
from .report import Section

NODES = "io.x-k8s.kind.cluster"
EMULATOR, BALANCER = "meshgate-aws", "meshgate-alb"


def look(docker: Docker, cluster: str) -> Section:
    section = Section("this machine")
    server = docker.server()
    if server is None:
        section.wrong("docker", _silence(docker))
        return section
    section.lines.append(f"Docker {server['ServerVersion']}, {server.get('MemTotal', 0) / 2**30:.1f} GiB of memory, {server.get('NCPU', '?')} cores")
    try:
        nodes = docker.containers(f"label={NODES}={cluster}")
        helpers = docker.containers(f"label={OWNER_LABEL}={cluster}")
    except DockerError as error:
        section.unknown = f"Docker does not list its containers: {error}"
        return section
    if not nodes and not helpers:
        section.wrong("nothing", f"there is no container of cluster {cluster}")
        return section
    judge(section, docker, nodes, helpers)
    return section


def _silence(docker: Docker) -> str:
    if not docker.program:
        return "the docker command is not on the PATH"
    try:
        said = docker.run("version", timeout=10, check=False).stderr.strip().splitlines()
    except DockerError as error:
        said = [str(error)]
    return said[-1] if said else "no engine answers"


def judge(section: Section, docker: Docker, nodes: list[dict[str, t.Any]], helpers: list[dict[str, t.Any]]) -> None:
    for container in [*nodes, *helpers]:
        section.lines.append(f"{_name(container)}: {_state(container)}")
    if not nodes:
        section.wrong("node_container", "the kind cluster has no container")
    for container in nodes:
        if not _runs(container):
            section.wrong("node_container", f"{_name(container)} is {_state(container)}")
    there = {_name(container): container for container in helpers}
    for name, symptom in ((EMULATOR, "emulator"), (BALANCER, "balancer_container")):
        if name not in there:
            section.wrong(symptom, f"there is no container {name}")
        elif not _runs(there[name]):
            said = docker.logs(name, 3).splitlines() if there[name]["State"].get("Status") == "exited" else []
            section.wrong(symptom, f"{name} is {_state(there[name])}", *said)


def _name(container: dict[str, t.Any]) -> str:
    return str(container["Name"]).lstrip("/")


def _runs(container: dict[str, t.Any]) -> bool:
    return bool(container["State"].get("Status") == "running")


def _state(container: dict[str, t.Any]) -> str:
    state = container["State"]
    said = state.get("Status", "unknown")
    return f"{said} with exit code {state.get('ExitCode')}{', out of memory' if state.get('OOMKilled') else ''}" if said == "exited" else said
