# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A Docker engine found, installed or started; and the wrapper for machines without CAP_SYS_RESOURCE."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from fake_docker import FakeDocker

from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker import engine as e
from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker.client import DockerError

WRAPPER = Path(__file__).resolve().parents[5] / "roles/kind_cluster/files/meshgate-runc"


@pytest.fixture
def machine(tmp_path):
    (tmp_path / "self").mkdir()
    (tmp_path / "self/status").write_text("CapBnd:\t000001ffffffffff\n")
    (tmp_path / "os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    return e.Machine(
        root=True,
        os_release=str(tmp_path / "os-release"),
        systemd=str(tmp_path / "no-systemd"),
        daemon_json=str(tmp_path / "docker/daemon.json"),
        runtime_path=str(tmp_path / "lib/meshgate-runc"),
        pidfile=str(tmp_path / "docker.pid"),
        log=str(tmp_path / "log"),
        proc=str(tmp_path),
    )


@pytest.fixture
def docker(monkeypatch):
    fake = FakeDocker()
    monkeypatch.setattr(e, "Docker", lambda: fake)
    monkeypatch.setattr(e, "find_program", lambda name: f"/usr/bin/{name}")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return fake


def withhold(machine):
    Path(machine.proc, "self/status").write_text("CapBnd:\t000001fffeffffff\n")


def test_an_engine_that_answers_is_left_alone(machine, docker):
    result = e.ensure(machine, "wrapper", 1, check_mode=False)
    assert result["changed"] is False
    assert result["docker"]["running"] is True
    assert not os.path.exists(machine.daemon_json)


def test_only_a_machine_that_withholds_the_capability_gets_the_wrapper(machine, docker, monkeypatch):
    withhold(machine)
    assert machine.lacks_capability()
    result = e.ensure(machine, "wrapper", 1, check_mode=True)
    assert result["changed"] is True
    assert not os.path.exists(machine.runtime_path)
    e.ensure(machine, "wrapper", 1, check_mode=False)
    assert Path(machine.runtime_path).read_text() == "wrapper"
    assert stat.S_IMODE(os.stat(machine.runtime_path).st_mode) == 0o755
    assert json.loads(Path(machine.daemon_json).read_text())["default-runtime"] == "meshgate-runc"
    assert e.ensure(machine, "wrapper", 1, check_mode=False)["changed"] is False


def test_a_running_engine_reads_the_new_runtime_without_a_restart(machine, docker, monkeypatch):
    withhold(machine)
    Path(machine.proc, "77").mkdir()
    Path(machine.proc, "77/comm").write_text("dockerd\n")
    Path(machine.proc, "77/status").write_text("CapBnd:\t000001fffeffffff\n")
    Path(machine.pidfile).write_text("77")
    sent = []

    def kill(pid, number):
        sent.append((pid, number))
        docker.info["DefaultRuntime"] = "meshgate-runc"

    monkeypatch.setattr(e.os, "kill", kill)
    e.ensure(machine, "wrapper", 1, check_mode=False)
    assert sent == [(77, e.signal.SIGHUP)]


def test_settings_of_the_daemon_are_kept():
    text = json.dumps({"log-opts": {"max-size": "1m"}, "runtimes": {"other": {"path": "/x"}}})
    merged = json.loads(e.with_runtime(text, "/r"))
    assert merged["log-opts"] == {"max-size": "1m"}
    assert merged["runtimes"] == {"other": {"path": "/x"}, "meshgate-runc": {"path": "/r"}}
    chosen = json.dumps({"default-runtime": "nvidia"})
    assert e.with_runtime(chosen, "/r") == chosen


def test_what_check_mode_would_do_on_an_empty_machine(machine, docker, monkeypatch):
    docker.info, docker.program = None, None
    result = e.ensure(machine, "wrapper", 1, check_mode=True)
    assert result["actions"] == ["install docker.io", "start dockerd"]
    assert result["docker"]["running"] is False


def test_not_installable_is_refused(machine, docker):
    docker.info, docker.program, machine.root = None, None, False
    with pytest.raises(DockerError, match="not installed, and can be installed here only as root"):
        e.ensure(machine, "wrapper", 1, check_mode=True)
    machine.root = True
    Path(machine.os_release).write_text("ID=fedora\n")
    with pytest.raises(DockerError, match="only as root on Debian or Ubuntu; accepted: a running Docker 20.10 or newer"):
        e.ensure(machine, "wrapper", 1, check_mode=False)


def test_a_machine_without_docker_can_be_left_without(machine, docker):
    withhold(machine)
    docker.info, docker.program = None, None
    result = e.ensure(machine, "wrapper", 1, check_mode=False, may_install=False)
    assert (result["changed"], result["docker"]["running"]) == (False, False)
    assert not os.path.exists(machine.runtime_path)


def test_a_remote_engine_that_does_not_answer_is_not_replaced_by_a_local_one(machine, docker, monkeypatch):
    docker.info = None
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1:2375")
    with pytest.raises(DockerError, match="DOCKER_HOST is tcp://10.0.0.1:2375"):
        e.ensure(machine, "wrapper", 1, check_mode=False)


def test_a_user_who_may_not_is_told_what_to_do(machine, docker, monkeypatch):
    docker.info, machine.root = None, False
    monkeypatch.setattr(docker, "_version", lambda args: (1, "", "permission denied while trying to connect"), raising=False)
    with pytest.raises(DockerError, match="add the user to the group docker"):
        e.ensure(machine, "wrapper", 1, check_mode=False)


def test_an_old_engine_is_refused(machine, docker):
    docker.info["ServerVersion"] = "19.3.1"
    with pytest.raises(DockerError, match="version 19.3.1; accepted: 20.10 or newer"):
        e.ensure(machine, "wrapper", 1, check_mode=False)


def test_an_engine_that_does_not_come_up_shows_its_log(machine, docker, monkeypatch):
    docker.info = None
    monkeypatch.setattr(docker, "_version", lambda args: (1, "", "Cannot connect"), raising=False)
    monkeypatch.setattr(machine.runner, "start", lambda *args, **kwargs: Path(machine.log).write_text("failed to start daemon: no iptables\n"))
    with pytest.raises(DockerError, match="no iptables"):
        e.ensure(machine, "wrapper", 0.3, check_mode=False)


def test_a_pid_file_of_before_the_reboot_is_not_believed(machine):
    Path(machine.pidfile).write_text("77")
    assert machine.dockerd_pid() is None
    Path(machine.proc, "77").mkdir()
    Path(machine.proc, "77/comm").write_text("sshd\n")
    assert machine.dockerd_pid() is None


class TestWrapper:
    @pytest.fixture
    def runc(self, tmp_path):
        """Run the wrapper with a runc that prints its arguments."""
        fake = tmp_path / "runc"
        fake.write_text('#!/bin/sh\necho "$@"\n')
        fake.chmod(0o755)
        wrapper = tmp_path / "meshgate-runc"
        wrapper.write_text(WRAPPER.read_text().replace("RUNC = (", f'RUNC = ("{fake}", ', 1))

        def run(*args: str) -> str:
            return subprocess.run([sys.executable, str(wrapper), *args], capture_output=True, text=True, check=True, cwd=tmp_path).stdout.strip()

        return run

    CAPABILITIES = {kind: ["CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_SYS_ADMIN"] for kind in ("bounding", "effective", "permitted")}

    @pytest.mark.parametrize("arguments", [["--root", "/r", "create", "--bundle", "{b}", "id"], ["create", "-b", "{b}", "id"], ["run", "--bundle={b}", "id"]])
    def test_a_container_is_created_without_the_capability_and_nothing_else_changes(self, runc, tmp_path, arguments):
        config = tmp_path / "config.json"
        document = {"process": {"args": ["/init"], "capabilities": self.CAPABILITIES}, "hostname": "n"}
        config.write_text(json.dumps(document))
        config.chmod(0o640)
        filled = [word.format(b=tmp_path) for word in arguments]
        assert runc(*filled) == " ".join(filled)
        after = json.loads(config.read_text())
        assert set(after["process"]["capabilities"]["bounding"]) == {"CAP_CHOWN", "CAP_SYS_ADMIN"}
        assert "CAP_SYS_RESOURCE" not in config.read_text()
        assert {**after, "process": {**after["process"], "capabilities": self.CAPABILITIES}} == document
        assert stat.S_IMODE(config.stat().st_mode) == 0o640

    def test_so_is_a_process_executed_in_it(self, runc, tmp_path):
        process = tmp_path / "process.json"
        process.write_text(json.dumps({"args": ["sh"], "capabilities": self.CAPABILITIES}))
        runc("exec", "--process", str(process), "id")
        assert "CAP_SYS_RESOURCE" not in process.read_text()
        assert "CAP_SYS_ADMIN" in process.read_text()

    def test_other_commands_pass_untouched(self, runc, tmp_path):
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"process": {"capabilities": self.CAPABILITIES}}))
        assert runc("state", "id") == "state id"
        assert "CAP_SYS_RESOURCE" in config.read_text()

    def test_what_is_missing_or_broken_is_runcs_to_report(self, runc, tmp_path):
        assert runc("create", "--bundle", "/nowhere", "id") == "create --bundle /nowhere id"


@pytest.mark.parametrize("others", [{}, {"log-opts": {"max-size": "1m"}, "runtimes": {"other": {"path": "/x"}}}])
def test_what_was_written_into_dockers_configuration_is_taken_out_again(machine, docker, others):
    withhold(machine)
    if others:
        os.makedirs(os.path.dirname(machine.daemon_json))
        Path(machine.daemon_json).write_text(json.dumps(others))
    e.ensure(machine, "wrapper", 1, check_mode=False)
    assert e.restore(machine, 1, check_mode=True)["changed"]
    assert os.path.exists(machine.runtime_path)
    assert e.restore(machine, 1, check_mode=False)["changed"]
    assert not os.path.exists(machine.runtime_path)
    assert (json.loads(Path(machine.daemon_json).read_text()) if others else os.path.exists(machine.daemon_json)) == (others or False)
    assert e.restore(machine, 1, check_mode=False) == {"changed": False, "actions": [], "warnings": [], "diff": {"before": "", "after": ""}}


@pytest.mark.parametrize("others", [{}, {"log-opts": {"max-size": "1m"}, "runtimes": {"other": {"path": "/x"}}}])
@pytest.mark.parametrize("stopped", [False, True])
def test_an_engine_that_reads_only_what_is_in_the_file_lets_go_of_the_runtime(machine, docker, monkeypatch, others, stopped):
    """So does Docker 20.10, which Debian 12 has (reloadPlatform of its daemon/reload_unix.go)."""

    def kill(_pid, _number):
        settings = json.loads(Path(machine.daemon_json).read_text()) if os.path.exists(machine.daemon_json) else {}
        docker.info["DefaultRuntime"] = settings.get("default-runtime") or docker.info["DefaultRuntime"]
        docker.info["Runtimes"] = settings.get("runtimes", docker.info.get("Runtimes"))
        if stopped and docker.info["DefaultRuntime"] == "runc":
            raise InterruptedError

    withhold(machine)
    Path(machine.proc, "77").mkdir()
    Path(machine.proc, "77/comm").write_text("dockerd\n")
    Path(machine.proc, "77/status").write_text("CapBnd:\t000001fffeffffff\n")
    Path(machine.pidfile).write_text("77")
    if others:
        os.makedirs(os.path.dirname(machine.daemon_json))
        Path(machine.daemon_json).write_text(json.dumps(others))
    monkeypatch.setattr(e.os, "kill", kill)
    e.ensure(machine, "wrapper", 1, check_mode=False)
    assert docker.info["DefaultRuntime"] == e.RUNTIME
    if stopped:
        with pytest.raises(InterruptedError):
            e.restore(machine, 0, check_mode=False)
        stopped = False
    assert e.restore(machine, 0, check_mode=False)["changed"]
    assert docker.info["DefaultRuntime"] == "runc" and docker.info["Runtimes"] == others.get("runtimes", {})
    left = json.loads(Path(machine.daemon_json).read_text()) if os.path.exists(machine.daemon_json) else {}
    assert {name: value for name, value in left.items() if (name, value) != ("default-runtime", "runc")} == others
    assert not os.path.exists(machine.runtime_path)


def test_a_default_runtime_of_somebody_elses_choice_stays(machine, docker):
    os.makedirs(os.path.dirname(machine.daemon_json))
    Path(machine.daemon_json).write_text(json.dumps({"default-runtime": "nvidia", "runtimes": {"nvidia": {"path": "/n"}}}))
    assert not e.restore(machine, 1, check_mode=False)["changed"]
    assert json.loads(Path(machine.daemon_json).read_text())["default-runtime"] == "nvidia"


@pytest.mark.parametrize(("change", "said"), [("container", "containers use it (theirs)"), ("stopped", "start Docker"), ("user", "become root")])
def test_the_runtime_stays_while_somebody_may_need_it(machine, docker, change, said):
    withhold(machine)
    e.ensure(machine, "wrapper", 1, check_mode=False)
    if change == "container":
        docker.add({"Id": "1", "Name": "/theirs", "Config": {}, "State": {"Running": False}, "HostConfig": {"Runtime": e.RUNTIME}})
    elif change == "stopped":
        docker.info = None
    else:
        machine.root = False
    (told,) = e.restore(machine, 1, check_mode=False)["warnings"]
    assert said in told
    assert os.path.exists(machine.runtime_path)
