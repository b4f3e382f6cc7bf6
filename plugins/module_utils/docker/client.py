# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Docker through its client, so that contexts, DOCKER_HOST and Docker Desktop's sockets mean what they mean to the user."""

from __future__ import annotations

import errno
import glob
import ipaddress
import json
import os
import re
import shutil
import socket
from collections.abc import Iterable, Sequence
from typing import Any

from ..common.command import Answer, Runner
from ..common.ownership import OWNER_LABEL

NETWORK = "kind"
# Directories that are missing from the PATH of cron and sudo, and where Docker Desktop installs its client.
EXTRA_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/opt/homebrew/bin")


class DockerError(Exception):
    """A docker command failed; the attributes are what a module returns."""

    def __init__(self, message: str, command: Sequence[str] = (), stdout: str = "", stderr: str = "") -> None:
        super().__init__(message)
        self.command, self.stdout, self.stderr = list(command), stdout, stderr

    def details(self) -> dict[str, Any]:
        return {"command": self.command, "stdout": self.stdout, "stderr": self.stderr}


def find_program(name: str) -> str | None:
    """Return the absolute path of a program on PATH or in the usual places."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *EXTRA_PATH]))


def hidden_from_snap(program: str | None, path: str) -> str:
    """Why Docker cannot read a path, if it is the snap, which can only read directories in a home whose names do not begin with a dot.

    https://snapcraft.io/docs/home-interface: "access to non-hidden files in the home directory".
    """
    if not program or not os.path.realpath(program).startswith(("/usr/bin/snap", "/snap/")):
        return ""
    below = os.path.relpath(os.path.abspath(path), os.path.expanduser("~"))
    if not below.startswith((".", "snap/")):
        return ""
    return (
        f"Docker is installed as a snap ({program}), which cannot read {path}, since it reads only directories of your home without a leading dot; "
        "accepted: a directory such as ~/meshgate-files, or Docker from its own packages (https://docs.docker.com/engine/install)"
    )


class Docker:
    """The few docker commands that we need, as argv lists."""

    def __init__(self, program: str | None = None, runner: Runner | None = None) -> None:
        self.program = program or find_program("docker")
        self.runner = runner or Runner()

    def run(self, *args: str, stdin: Any = None, text: str | None = None, timeout: float = 120, check: bool = True) -> Answer:
        if not self.program:
            raise DockerError("docker is not installed")
        command = [self.program, *args]
        done = self.runner(command, timeout, text if text is not None else stdin)
        if done.timed_out:
            raise DockerError(f"no answer within {timeout:.0f} s: {' '.join(command)}", command)
        if check and done.rc:
            raise DockerError((done.stderr or done.stdout).strip() or f"exit status {done.rc}", command, done.stdout, done.stderr)
        return done

    def server(self) -> dict[str, Any] | None:
        """Return the engine's information, None if it does not answer."""
        if not self.program:
            return None
        try:
            done = self.run("info", "--format", "{{json .}}", timeout=30, check=False)
        except DockerError:
            return None
        if done.rc:
            return None
        info = json.loads(done.stdout or "{}")
        return info if info.get("ServerVersion") else None

    def inspect(self, names: Sequence[str], kind: str = "container") -> list[dict[str, Any]]:
        """Inspect the existing ones of `names`."""
        if not names:
            return []
        done = self.run(*(["image", "inspect"] if kind == "image" else [kind, "inspect"]), *names, check=False)
        if done.rc and not all("No such" in line or "not found" in line for line in done.stderr.splitlines() if line.strip()):
            raise DockerError(done.stderr.strip(), [str(self.program), kind, "inspect", *names], done.stdout, done.stderr)
        found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
        return found

    def containers(self, *filters: str) -> list[dict[str, Any]]:
        """Inspect all containers, running or not, that pass docker's filters."""
        listed = self.run("ps", "-aq", "--no-trunc", *[word for item in filters for word in ("--filter", item)]).stdout.split()
        return self.inspect(listed)

    def networks(self) -> list[dict[str, Any]]:
        return self.inspect(self.run("network", "ls", "-q", "--no-trunc").stdout.split(), "network")

    def logs(self, name: str, lines: int = 20) -> str:
        done = self.run("logs", "--tail", str(lines), name, check=False)
        return (done.stdout + done.stderr).strip()


def subnets(network: dict[str, Any]) -> list[ipaddress.IPv4Network]:
    """Return the IPv4 subnets of an inspected network."""
    configured = [item.get("Subnet", "") for item in (network.get("IPAM") or {}).get("Config") or []]
    return [ipaddress.IPv4Network(item, strict=False) for item in configured if item and ":" not in item]


def overlapping(cidr: str, networks: Iterable[dict[str, Any]]) -> str | None:
    """Return "NAME (SUBNET)" of the first docker network whose subnet overlaps `cidr`."""
    wanted = ipaddress.IPv4Network(cidr)
    for network in networks:
        for subnet in subnets(network):
            if wanted.overlaps(subnet):
                return f"{network['Name']} ({subnet})"
    return None


def fixed_address(network: dict[str, Any], from_the_end: int) -> str | None:
    """Return an address at the end of the subnet of a network of ours.

    Docker hands addresses out from the beginning, in the order in which containers start. With the emulated AWS at the end,
    a node gets the address that it had before a reboot. Docker accepts a fixed address only on a network that was created
    with an explicit subnet, as ours is; on a network that kind created, it chooses.
    """
    if not (network.get("Labels") or {}).get(OWNER_LABEL):
        return None
    for subnet in subnets(network):
        if subnet.num_addresses > 16:
            return str(subnet[-1 - from_the_end])
    return None


def ensure_network(docker: Docker, owner: str, name: str = NETWORK) -> tuple[dict[str, Any], bool]:
    """Return the network that kind uses and whether it was created now: as kind creates it, plus our label and a subnet that docker chose."""
    found = [item for item in docker.inspect([name], "network") if item["Name"] == name]
    if found:
        return found[0], False
    make = ["network", "create", "--driver", "bridge", "--label", f"{OWNER_LABEL}={owner}", "--opt", "com.docker.network.bridge.enable_ip_masquerade=true"]
    docker.run(*make, name)
    chosen = subnets(docker.inspect([name], "network")[0])[0]
    docker.run("network", "rm", name)
    with_ipv6 = docker.run(*make, "--subnet", str(chosen), "--ipv6", "--subnet", "fc00:f853:ccd:e793::/64", name, check=False)
    if with_ipv6.rc:  # a machine without IPv6, or the range in use: kind then also creates one with IPv4 only
        docker.run(*make, "--subnet", str(chosen), name)
    return docker.inspect([name], "network")[0], True


def remove_network(docker: Docker, owner: str, check_mode: bool, name: str = NETWORK, leaving: Iterable[str] = ()) -> bool:
    """Remove the network if we created it and nothing uses it, apart from the containers in `leaving`."""
    found = [item for item in docker.inspect([name], "network") if item["Name"] == name]
    if not found or (found[0].get("Labels") or {}).get(OWNER_LABEL) != owner:
        return False
    attached = {item["Name"] for item in (found[0].get("Containers") or {}).values()}
    attached |= {item["Name"].lstrip("/") for item in docker.containers(f"network={name}")}
    if attached - set(leaving):
        return False
    if not check_mode:
        docker.run("network", "rm", name)
    return True


def port_is_free(port: int, address: str = "127.0.0.1") -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno not in (errno.EADDRINUSE, errno.EACCES)
    return True


def _published(container: dict[str, Any]) -> set[int]:
    bindings = (container.get("HostConfig") or {}).get("PortBindings") or {}
    return {int(item["HostPort"]) for items in bindings.values() for item in items or [] if str(item.get("HostPort", "")).isdigit()}


def _process_on(port: int, runner: Runner) -> str | None:
    """Name the process that listens on a TCP port, from /proc or lsof."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as stream:
                rows = [line.split() for line in stream.readlines()[1:]]
        except OSError:
            continue
        inodes |= {row[9] for row in rows if row[3] == "0A" and int(row[1].rsplit(":", 1)[1], 16) == port}
    for link in glob.glob("/proc/[0-9]*/fd/*") if inodes else []:
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target.startswith("socket:[") and target[8:-1] in inodes:
            pid = link.split("/")[2]
            with open(f"/proc/{pid}/comm", encoding="utf-8") as stream:
                return f"process {stream.read().strip()} (pid {pid})"
    lsof = find_program("lsof")
    if lsof and not os.path.isdir("/proc/net"):
        done = runner([lsof, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fcp"], 20)
        fields = {line[0]: line[1:] for line in done.stdout.splitlines() if line}
        if "c" in fields:
            return f"process {fields['c']} (pid {fields.get('p', '?')})"
    return None


def port_holder(docker: Docker, port: int) -> str:
    """Return what uses a port of this machine, as far as can be determined."""
    try:
        holders = [item["Name"].lstrip("/") for item in docker.containers("status=running") if port in _published(item)]
    except DockerError:
        holders = []
    return f"container {holders[0]}" if holders else _process_on(port, docker.runner) or "a process that this user cannot see"


def taken_ports(docker: Docker, ports: dict[str, int], ours: Iterable[dict[str, Any]] = ()) -> list[str]:
    """Return one message for each port that is in use; `ours` are containers that may use them."""
    held_by_us = {port for container in ours for port in _published(container)}
    messages = []
    for variable, port in ports.items():
        if port and port not in held_by_us and not port_is_free(port):
            messages.append(f"{variable} is {port}: 127.0.0.1:{port} is in use by {port_holder(docker, port)}; accepted: a free port")
    return messages


def rate_limit(said: str) -> str:
    """Advice if a registry's message is about its rate limit: Docker Hub limits anonymous pulls to a hundred in six hours."""
    if not re.search(r"toomanyrequests|429 Too Many Requests|pull rate limit", said, re.IGNORECASE):
        return ""
    return "the registry's pull limit is reached (429); wait, use `docker login` for a limit of your own, or set a mirror (toolchain_mirrors)"


def image_id(docker: Docker, name: str) -> str | None:
    found = docker.inspect([name], "image")
    return found[0]["Id"] if found else None


def ensure_image(docker: Docker, name: str, archive: str, variable: str, check_mode: bool = False) -> tuple[dict[str, Any] | None, bool]:
    """Return the inspected image and whether it was loaded or pulled now; raise with `variable` in the message if it cannot be obtained."""
    found = docker.inspect([name], "image")
    if found:
        return found[0], False
    if archive and not os.path.exists(archive) and not check_mode:
        raise DockerError(f"{variable} is {name}: Docker has no such image and the archive {archive} does not exist; accepted: an image with either")
    if check_mode:
        return None, True
    if archive:
        docker.run("load", "--input", archive, timeout=900)
        found = docker.inspect([name], "image")
        if not found:
            raise DockerError(f"{variable} is {name}: the archive {archive} contains no image of that name")
        return found[0], True
    try:
        docker.run("pull", "--quiet", name, timeout=1800)
    except DockerError as error:
        way_on = rate_limit(str(error)) or "accepted: an image in Docker, or one that a registry serves"
        raise DockerError(
            f"{variable} is {name}: Docker has no such image and cannot pull it ({error}); {way_on}",
            error.command,
            error.stdout,
            error.stderr,
        ) from error
    return docker.inspect([name], "image")[0], True
