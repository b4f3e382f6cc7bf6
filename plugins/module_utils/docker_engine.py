# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A Docker engine that answers: found, or installed and started where that is ours to do."""

# There is no AnsibleModule at hand here, or output is read while it comes, or the environment is another one: run_command cannot do that.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker import Docker, DockerError, find_program
from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import report

CAP_SYS_RESOURCE = 24
# What Debian calls the engine, and what it needs of the kernel.
PACKAGES = ("docker.io", "iptables")
OLDEST = (20, 10)
RUNTIME = "meshgate-runc"


@dataclass
class Machine:
    """What decides how Docker can be had here. Paths are attributes so that tests can move them."""

    root: bool = field(default_factory=lambda: os.geteuid() == 0)
    os_release: str = "/etc/os-release"
    systemd: str = "/run/systemd/system"
    daemon_json: str = "/etc/docker/daemon.json"
    runtime_path: str = "/usr/local/libexec/meshgate/meshgate-runc"
    pidfile: str = "/var/run/docker.pid"
    log: str = "/var/log/dockerd.log"
    proc: str = "/proc"

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
        """Return the engine's process id, None when the pid file is missing or names something else (as after a reboot)."""
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
    """Return daemon.json with our runtime as the default one; every other setting stays. A default that somebody chose stays, too."""
    settings = json.loads(text) if text.strip() else {}
    if settings.get("default-runtime", "runc") not in ("runc", RUNTIME):
        return text
    settings["default-runtime"] = RUNTIME
    settings.setdefault("runtimes", {})[RUNTIME] = {"path": path}
    return json.dumps(settings, indent=2) + "\n"


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
    """Say why Docker cannot be had here without the user, or None."""
    host = os.environ.get("DOCKER_HOST", "")
    if host and not host.startswith("unix:///var/run/docker.sock"):
        return f"DOCKER_HOST={host}: no Docker engine answers there; accepted is the address of a running one, or DOCKER_HOST unset"
    if docker.program:
        told = docker.run("version", "--format", "{{.Server.Version}}", check=False).stderr.strip()
        if "permission denied" in told:
            return f"docker: {told}; accepted is a user who may talk to Docker (add the user to the group docker and log in again)"
        if not machine.root:
            return f"docker: the engine does not answer ({told}); start it (Docker Desktop, or `sudo systemctl start docker`) and run again"
        if not find_program("dockerd") and not machine.can_install():
            return f"docker: the engine does not answer ({told}) and there is no dockerd here; accepted is a running Docker {OLDEST[0]}.{OLDEST[1]} or newer"
        return None
    if not machine.can_install():
        who = "root on Debian or Ubuntu" if machine.root else "root"
        return (
            f"docker: Docker is not installed, and it can be installed here only as {who}; "
            f"accepted is a running Docker {OLDEST[0]}.{OLDEST[1]} or newer (see Docker's installation page for this system)"
        )
    return None


def _apt(*args: str) -> None:
    program = find_program("apt-get") or "apt-get"
    command = [program, "-o", "DPkg::Lock::Timeout=300", *args]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DockerError(f"docker could not be installed: {(done.stderr or done.stdout).strip()[-600:]}", command, done.stdout, done.stderr)


def install() -> None:
    report("Docker: installing the package docker.io")
    try:
        _apt("install", "--yes", "--no-install-recommends", *PACKAGES)
    except DockerError:
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", *PACKAGES)
    if not find_program("docker"):  # Debian 13 and later ship the client apart
        _apt("install", "--yes", "--no-install-recommends", "docker-cli")


def start(machine: Machine, docker: Docker, timeout: float) -> None:
    """Start the engine: by systemd where it runs, else as a process of its own that outlives us."""
    if os.path.isdir(machine.systemd):
        report("Docker: systemctl start docker")
        subprocess.run(["systemctl", "start", "docker"], capture_output=True, check=False)
    else:
        if os.path.exists(machine.pidfile) and machine.dockerd_pid() is None:
            os.unlink(machine.pidfile)  # left by a machine that went down: dockerd would refuse to start if another process has that number now
        report(f"Docker: starting dockerd, log in {machine.log}")
        with open(machine.log, "ab") as log:
            subprocess.Popen(
                [find_program("dockerd") or "dockerd", "--pidfile", machine.pidfile],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
                close_fds=True,
            )
    wait_until(lambda: docker.server() is not None, timeout, machine)


def wait_until(ready: Callable[[], bool], timeout: float, machine: Machine) -> None:
    deadline = time.monotonic() + timeout
    while not ready():
        if time.monotonic() > deadline:
            tail = "\n".join(_read(machine.log).splitlines()[-15:])
            if os.path.isdir(machine.systemd):
                tail = subprocess.run(["journalctl", "-u", "docker", "-n", "15", "--no-pager"], capture_output=True, text=True, check=False).stdout
            raise DockerError(f"the Docker engine does not answer after {timeout:.0f} s; the end of its log:\n{tail}")
        time.sleep(0.2)


def too_old(version: str) -> str | None:
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
        return f"docker: the engine is version {version}; accepted is {OLDEST[0]}.{OLDEST[1]} or newer"
    return None


def ensure(machine: Machine, wrapper: str, timeout: float, check_mode: bool, may_install: bool = True) -> dict[str, Any]:
    """Do what is needed for an engine that starts privileged containers; return the module's result."""
    docker = Docker()
    info = docker.server()
    actions: list[str] = []
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    remote = os.environ.get("DOCKER_HOST", "").startswith(("tcp:", "ssh:"))

    absent = not docker.program
    if info is None and (may_install or not absent):
        why = refusal(machine, docker)
        if why:
            raise DockerError(why)
        if not docker.program or not find_program("dockerd"):
            actions.append("install docker.io")
        actions.append("start dockerd")

    wrapped = (may_install or not absent) and machine.root and not remote and os.path.isdir(machine.proc) and machine.lacks_capability()
    if wrapped:
        for path, wanted in ((machine.runtime_path, wrapper), (machine.daemon_json, with_runtime(_read(machine.daemon_json), machine.runtime_path))):
            if _read(path) != wanted:
                before[path], after[path] = _read(path), wanted
        if after:
            actions.append("set a runtime that does without CAP_SYS_RESOURCE, which this machine withholds")

    if not check_mode and actions:
        if "install docker.io" in actions:
            install()
            docker = Docker()
        if wrapped:
            _write(machine.runtime_path, wrapper, 0o755)
            if machine.daemon_json in after:
                _write(machine.daemon_json, after[machine.daemon_json], 0o644)
        info = docker.server()  # the package may have started it
        pid = machine.dockerd_pid()
        if info is None:
            start(machine, docker, timeout)
        elif after and pid:
            os.kill(pid, signal.SIGHUP)  # dockerd reads runtimes anew without touching running containers
            wait_until(lambda: (docker.server() or {}).get("DefaultRuntime") == RUNTIME, timeout, machine)
        info = docker.server()

    if info and too_old(info["ServerVersion"]):
        raise DockerError(str(too_old(info["ServerVersion"])))
    return {
        "changed": bool(actions),
        "actions": actions,
        "docker": {
            "running": info is not None,
            "program": docker.program,
            "version": (info or {}).get("ServerVersion"),
            "root_dir": (info or {}).get("DockerRootDir"),
            "cgroup_version": int((info or {}).get("CgroupVersion") or 0),
        },
        "diff": {"before": "".join(f"{path}:\n{text}" for path, text in before.items()), "after": "".join(f"{path}:\n{text}" for path, text in after.items())},
    }
