# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A Docker engine that answers: found, or installed and started where we may do that."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..common.command import Runner
from ..common.progress import report
from .client import Docker, DockerError, find_program

CAP_SYS_RESOURCE = 24
# Debian's packages for the engine.
PACKAGES = ("docker.io", "iptables")
OLDEST = (20, 10)
RUNTIME = "meshgate-runc"
INSTALL = "install docker.io"


@dataclass
class Machine:
    """The properties of this machine that decide how to provide Docker. Paths are attributes so that tests can change them."""

    root: bool = field(default_factory=lambda: os.geteuid() == 0)
    os_release: str = "/etc/os-release"
    systemd: str = "/run/systemd/system"
    daemon_json: str = "/etc/docker/daemon.json"
    runtime_path: str = "/usr/local/libexec/meshgate/meshgate-runc"
    pidfile: str = "/var/run/docker.pid"
    log: str = "/var/log/dockerd.log"
    proc: str = "/proc"
    runner: Runner = field(default_factory=Runner)

    def distribution(self) -> set[str]:
        try:
            with open(self.os_release, encoding="utf-8") as stream:
                pairs = [line.rstrip().split("=", 1) for line in stream if "=" in line]
        except OSError:
            return set()
        values = {key: value.strip("\"'") for key, value in pairs}
        return {values.get("ID", ""), *values.get("ID_LIKE", "").split()} - {""}

    def can_install(self) -> bool:
        return self.root and "debian" in self.distribution() and bool(find_program("apt-get"))

    def dockerd_pid(self) -> int | None:
        """Return the engine's process id, None if the pid file is missing or is another process's (as after a reboot)."""
        try:
            with open(self.pidfile, encoding="utf-8") as stream:
                pid = int(stream.read())
            with open(f"{self.proc}/{pid}/comm", encoding="utf-8") as stream:
                return pid if stream.read().strip() == "dockerd" else None
        except (OSError, ValueError):
            return None

    def lacks_capability(self) -> bool:
        """Whether privileged containers cannot start, because CAP_SYS_RESOURCE is outside the bounding set of the engine (or of us, who would start it)."""
        try:
            with open(f"{self.proc}/{self.dockerd_pid() or 'self'}/status", encoding="utf-8") as stream:
                found = re.search(r"^CapBnd:\s*([0-9a-f]+)", stream.read(), re.MULTILINE)
        except OSError:
            return False
        return found is not None and not int(found.group(1), 16) >> CAP_SYS_RESOURCE & 1


def with_runtime(text: str, path: str) -> str:
    """Return daemon.json with our runtime as the default one; every other setting stays, and so does an existing default."""
    settings = json.loads(text) if text.strip() else {}
    if settings.get("default-runtime", "runc") not in ("runc", RUNTIME):
        return text
    settings["default-runtime"] = RUNTIME
    settings.setdefault("runtimes", {})[RUNTIME] = {"path": path}
    return json.dumps(settings, indent=2) + "\n"


def with_default_runtime(text: str) -> str:
    """Return daemon.json without our runtime, and with Docker's own default set explicitly: Docker 20.10 ignores the removal of a key."""
    settings = json.loads(text)
    if settings.get("default-runtime") == RUNTIME:
        settings["default-runtime"] = "runc"
    settings["runtimes"] = {name: runtime for name, runtime in settings.get("runtimes", {}).items() if name != RUNTIME}
    return json.dumps(settings, indent=2) + "\n"


def without_runtime(text: str) -> str:
    """Return daemon.json as it would be without us: empty, if nothing else is in it."""
    settings = json.loads(text) if text.strip() else {}
    runtimes = settings.get("runtimes", {})
    # A run that was interrupted leaves what with_default_runtime writes; nothing else writes an empty list of runtimes.
    stopped = settings.get("default-runtime") == "runc" and settings.get("runtimes") == {}
    if settings.get("default-runtime") == RUNTIME or stopped:
        del settings["default-runtime"]
    if runtimes.pop(RUNTIME, None) is None and not stopped:
        return text
    if not runtimes:
        settings.pop("runtimes")
    return json.dumps(settings, indent=2) + "\n" if settings else ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError:
        return ""


def _write(path: str, text: str, mode: int) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.chmod(temporary, mode)
    os.replace(temporary, path)


def refusal(machine: Machine, docker: Docker) -> str | None:
    """Return why Docker cannot be provided here without the user, or None."""
    host = os.environ.get("DOCKER_HOST", "")
    if host and not host.startswith("unix:///var/run/docker.sock"):
        return f"DOCKER_HOST is {host}: no Docker engine answers there; accepted: the address of a running one, or DOCKER_HOST unset"
    if docker.program:
        told = docker.run("version", "--format", "{{.Server.Version}}", check=False).stderr.strip()
        if "permission denied" in told:
            return f"docker: {told}; accepted: a user who may talk to Docker (add the user to the group docker and log in again)"
        if not machine.root:
            return f"docker: the engine does not answer ({told}); start it (Docker Desktop, or `sudo systemctl start docker`) and run again"
        if not find_program("dockerd") and not machine.can_install():
            return f"docker: the engine does not answer ({told}) and there is no dockerd here; accepted: a running Docker {OLDEST[0]}.{OLDEST[1]} or newer"
        return None
    if not machine.can_install():
        who = "root on Debian or Ubuntu" if machine.root else "root"
        return (
            f"docker: Docker is not installed, and can be installed here only as {who}; "
            f"accepted: a running Docker {OLDEST[0]}.{OLDEST[1]} or newer (see Docker's installation page for this system)"
        )
    return None


def _apt(runner: Runner, *args: str) -> None:
    program = find_program("apt-get") or "apt-get"
    command = [program, "-o", "DPkg::Lock::Timeout=300", *args]
    done = runner(command, env={"DEBIAN_FRONTEND": "noninteractive"})
    if done.rc:
        raise DockerError(f"docker could not be installed: {(done.stderr or done.stdout).strip()[-600:]}", command, done.stdout, done.stderr)


def install(runner: Runner) -> None:
    report("Docker: installing the package docker.io")
    try:
        _apt(runner, "install", "--yes", "--no-install-recommends", *PACKAGES)
    except DockerError:
        _apt(runner, "update")
        _apt(runner, "install", "--yes", "--no-install-recommends", *PACKAGES)
    if not find_program("docker"):  # Debian 13 and later ship the client apart
        _apt(runner, "install", "--yes", "--no-install-recommends", "docker-cli")


def start(machine: Machine, docker: Docker, timeout: float) -> None:
    """Start the engine: by systemd if it runs, otherwise as a separate process that outlives us."""
    if os.path.isdir(machine.systemd):
        report("Docker: systemctl start docker")
        machine.runner(["systemctl", "start", "docker"])
    else:
        if os.path.exists(machine.pidfile) and machine.dockerd_pid() is None:
            os.unlink(machine.pidfile)  # left by a machine that went down: dockerd would refuse to start if another process has that pid now
        report(f"Docker: starting dockerd, log in {machine.log}")
        with open(machine.log, "ab") as log:
            machine.runner.start([find_program("dockerd") or "dockerd", "--pidfile", machine.pidfile], log, log, cwd="/", outlives_us=True)
    wait_until(lambda: docker.server() is not None, timeout, machine)


def wait_until(ready: Callable[[], bool], timeout: float, machine: Machine) -> None:
    deadline = time.monotonic() + timeout
    while not ready():
        if time.monotonic() > deadline:
            tail = "\n".join(_read(machine.log).splitlines()[-15:])
            if os.path.isdir(machine.systemd):
                tail = machine.runner(["journalctl", "-u", "docker", "-n", "15", "--no-pager"]).stdout
            raise DockerError(f"the Docker engine does not answer after {timeout:.0f} s; the end of its log:\n{tail}")
        time.sleep(0.2)


def too_old(version: str) -> str | None:
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
        return f"docker: the engine is version {version}; accepted: {OLDEST[0]}.{OLDEST[1]} or newer"
    return None


def ensure(machine: Machine, wrapper: str, timeout: float, check_mode: bool, may_install: bool = True) -> dict[str, Any]:
    """Do what is needed for an engine that starts privileged containers; return the module's result."""
    docker = Docker()
    info = docker.server()
    actions: list[str] = []
    remote = os.environ.get("DOCKER_HOST", "").startswith(("tcp:", "ssh:"))

    ours = may_install or bool(docker.program)
    if info is None and ours:
        why = refusal(machine, docker)
        if why:
            raise DockerError(why)
        if not docker.program or not find_program("dockerd"):
            actions.append(INSTALL)
        actions.append("start dockerd")

    files: dict[str, tuple[str, str]] = {}
    if ours and machine.root and not remote and os.path.isdir(machine.proc) and machine.lacks_capability():
        files = _runtime_files(machine, wrapper)
    if files:
        actions.append("set a runtime that works without CAP_SYS_RESOURCE, which this machine withholds")

    if not check_mode and actions:
        if INSTALL in actions:
            install(machine.runner)
            docker = Docker()
        _bring_up(machine, docker, files, timeout)
        info = docker.server()

    if info and too_old(info["ServerVersion"]):
        raise DockerError(str(too_old(info["ServerVersion"])))
    return {"changed": bool(actions), "actions": actions, "docker": _engine_facts(docker, info), "diff": _diff(files)}


def _runtime_files(machine: Machine, wrapper: str) -> dict[str, tuple[str, str]]:
    """What our runtime still needs: by path a file's current and desired content."""
    wanted = {machine.runtime_path: wrapper, machine.daemon_json: with_runtime(_read(machine.daemon_json), machine.runtime_path)}
    return {path: (_read(path), text) for path, text in wanted.items() if _read(path) != text}


def _bring_up(machine: Machine, docker: Docker, files: dict[str, tuple[str, str]], timeout: float) -> None:
    for path, (_before, text) in files.items():
        _write(path, text, 0o755 if path == machine.runtime_path else 0o644)
    pid = machine.dockerd_pid()
    if docker.server() is None:  # the package may have started it
        start(machine, docker, timeout)
    elif files and pid:
        os.kill(pid, signal.SIGHUP)  # dockerd reloads runtimes without touching running containers
        wait_until(lambda: (docker.server() or {}).get("DefaultRuntime") == RUNTIME, timeout, machine)


def _engine_facts(docker: Docker, info: dict[str, Any] | None) -> dict[str, Any]:
    found = info or {}
    return {
        "running": info is not None,
        "program": docker.program,
        "version": found.get("ServerVersion"),
        "root_dir": found.get("DockerRootDir"),
        "cgroup_version": int(found.get("CgroupVersion") or 0),
    }


def _diff(files: dict[str, tuple[str, str]]) -> dict[str, str]:
    before, after = ("".join(f"{path}:\n{texts[side]}" for path, texts in files.items()) for side in (0, 1))
    return {"before": before, "after": after}


def restore(machine: Machine, timeout: float, check_mode: bool) -> dict[str, Any]:
    """Remove our runtime from Docker's configuration. Docker itself stays, and so does the runtime while a container uses it: it could never start again."""
    docker = Docker()
    info = docker.server()
    before = {path: text for path in (machine.daemon_json, machine.runtime_path) if (text := _read(path))}
    after = {machine.daemon_json: without_runtime(before.get(machine.daemon_json, ""))}
    changes = {path: after.get(path, "") for path in before if after.get(path, "") != before[path]}
    why = _kept(machine, docker, info is not None) if changes else ""
    if why:
        return {"changed": False, "actions": [], "warnings": [f"{RUNTIME} stays in {machine.daemon_json}: {why}, then run again"], "diff": {}}
    if changes and not check_mode:
        pid = machine.dockerd_pid() if info else None
        if pid and machine.daemon_json in changes:
            _write(machine.daemon_json, with_default_runtime(before[machine.daemon_json]), 0o644)
            os.kill(pid, signal.SIGHUP)
            wait_until(lambda: (docker.server() or {}).get("DefaultRuntime") != RUNTIME, timeout, machine)
        for path, text in changes.items():
            _write(path, text, 0o644) if text else os.unlink(path)
    actions = [f"{'change' if text else 'remove'} {path}" for path, text in changes.items()]
    shown = {"before": "".join(f"{path}:\n{before[path]}" for path in changes), "after": "".join(f"{path}:\n{text}" for path, text in changes.items() if text)}
    return {"changed": bool(changes), "actions": actions, "warnings": [], "diff": shown}


def _kept(machine: Machine, docker: Docker, answers: bool) -> str:
    """What must be done before our runtime can be removed, or nothing."""
    if not machine.root:
        return "only root can change it; become root"
    if docker.program and not answers:
        return "Docker does not answer and may have containers that use it; start Docker"
    users = sorted(item["Name"].lstrip("/") for item in docker.containers() if (item.get("HostConfig") or {}).get("Runtime") == RUNTIME) if answers else []
    return f"containers use it ({', '.join(users)}); remove them" if users else ""
