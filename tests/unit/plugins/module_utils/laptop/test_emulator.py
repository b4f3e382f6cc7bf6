# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The containers of the emulated AWS, with Docker in memory and a control API that answers over HTTP."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fake_docker import FakeDocker

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.ownership import OWNER_LABEL
from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker.client import DockerError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.laptop import emulator as a
from ansible_collections.meshgate.eks_istio.plugins.module_utils.laptop.emulator_client import EmulatorClient, EmulatorError

CLUSTER = {
    "exists": True,
    "name": "sandbox",
    "endpoint": "https://127.0.0.1:40123",
    "certificate_authority_data": "Q0E=",
    "jwks": "{}",
    "nodes": [{"name": "n", "ip": "172.18.0.2", "pod_cidr": "10.244.0.0/24", "role": "control-plane"}],
}


@pytest.fixture
def control():
    """A control API; its port and what it knows."""
    known: dict = {}

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status, body):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            name = self.path.rpartition("/")[2]
            if name == "health":
                return self.answer(200, {"status": "ok"})
            return self.answer(200, known[name]) if name in known else self.answer(404, {"error": "none"})

        def do_PUT(self):
            name = self.path.rpartition("/")[2]
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            changed = known.get(name) != body
            known[name] = body
            self.answer(200, {"changed": changed})

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server.server_port, known
    server.shutdown()
    server.server_close()


@pytest.fixture
def laptop(control, monkeypatch):
    port, _known = control
    docker = FakeDocker()
    docker.images["emulator:1"] = {"Id": "sha256:111111111111"}
    monkeypatch.setattr(a, "taken_ports", lambda *args: [])

    def run(check=False, **more):
        emulator = a.Emulator(
            **{"name": "sandbox", "owner": "sandbox", "image": "emulator:1", "ports": {"api": port, "http": 18080, "https": 18443}, "cluster": CLUSTER, **more}
        )
        return a.Runner(emulator, docker, check)

    run.docker = docker
    return run


def test_created_then_unchanged_then_removed_then_nothing(laptop, control):
    wanted = ["create container meshgate-aws", "create container meshgate-alb", "register the cluster behind EKS cluster sandbox with the emulated AWS"]
    assert laptop(check=True).ensure()["actions"] == wanted
    assert not laptop.docker.existing
    assert laptop().ensure()["actions"] == wanted
    assert control[1]["sandbox"]["nodes"] == [{"name": "n", "ip": "172.18.0.2", "pod_cidr": "10.244.0.0/24"}]
    for check in (True, False):
        assert laptop(check).ensure()["changed"] is False
    assert laptop(check=True).remove()["actions"] == laptop().remove()["actions"]
    assert not laptop.docker.existing
    assert laptop().remove()["changed"] is False


def test_who_does_not_wait_starts_it_and_tells_it_nothing(laptop, control, monkeypatch):
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(EmulatorClient, "healthy", lambda self: pytest.fail("it was asked"))
        assert laptop(wait=False).ensure()["actions"] == ["create container meshgate-aws", "create container meshgate-alb"]
    assert control[1] == {}
    assert laptop().ensure()["actions"] == ["register the cluster behind EKS cluster sandbox with the emulated AWS"]


def test_containers_are_confined(laptop):
    laptop().ensure()
    runs = {call[call.index("--name") + 1]: call for call in laptop.docker.calls if call[0] == "run"}
    for call in runs.values():
        assert "--read-only" in call
        assert call[call.index("--cap-drop") : call.index("--cap-drop") + 2] == ("--cap-drop", "ALL")
        assert "no-new-privileges" in call
        assert "--privileged" not in call
        assert all(call[index + 1].startswith("127.0.0.1:") for index, word in enumerate(call) if word == "--publish")
    added = [runs["meshgate-alb"][index + 1] for index, word in enumerate(runs["meshgate-alb"]) if word == "--cap-add"]
    assert added == ["NET_ADMIN", "SETUID", "SETGID"]
    assert "--cap-add" not in runs["meshgate-aws"]
    assert runs["meshgate-aws"][runs["meshgate-aws"].index("--user") + 1] != "root"


def test_a_new_image_under_the_same_name_replaces_both(laptop):
    laptop().ensure()
    laptop.docker.images["emulator:1"] = {"Id": "sha256:222222222222"}
    for check in (True, False):
        assert laptop(check).ensure()["actions"] == ["replace container meshgate-aws", "replace container meshgate-alb"] + (
            ["register the cluster behind EKS cluster sandbox with the emulated AWS"] if check else []
        )
    assert laptop().ensure()["changed"] is False


def test_a_changed_port_replaces_one(laptop):
    laptop().ensure()
    ports = {**laptop().emulator.ports, "http": 18081}
    assert laptop(ports=ports).ensure()["actions"] == ["replace container meshgate-alb"]


def test_after_a_reboot_it_is_started_and_told_again(laptop, control):
    laptop().ensure()
    control[1].clear()
    laptop.docker.existing["meshgate-alb"]["State"] = {"Running": False, "Status": "exited"}
    assert laptop(check=True).ensure()["changed"] is True
    assert laptop().ensure()["actions"] == ["start container meshgate-alb", "register the cluster behind EKS cluster sandbox with the emulated AWS"]


def test_drift_of_what_it_knows_is_repaired(laptop, control):
    laptop().ensure()
    control[1]["sandbox"]["endpoint"] = "https://elsewhere"
    for check in (True, False):
        result = laptop(check).ensure()
        assert result["actions"] == ["register the cluster behind EKS cluster sandbox with the emulated AWS"]
        assert result["diff"]["before"]["cluster"]["endpoint"] == "https://elsewhere"
    assert control[1]["sandbox"]["endpoint"] == CLUSTER["endpoint"]


def test_without_a_cluster_it_runs_alone(laptop, control):
    assert laptop(cluster={}).ensure()["actions"] == ["create container meshgate-aws", "create container meshgate-alb"]
    assert control[1] == {}


@pytest.mark.parametrize(("labels", "said"), [({}, "is not managed by this collection"), ({"meshgate.io/cluster": "other"}, "belongs to cluster other")])
def test_somebody_elses_container_of_that_name_is_refused_and_never_removed(laptop, labels, said):
    container = {"Id": "x", "Name": "/meshgate-aws", "Config": {"Labels": labels}, "State": {"Running": True}, "HostConfig": {}}
    laptop.docker.add(container)
    with pytest.raises(DockerError, match=said):
        laptop().ensure()
    assert laptop().remove()["changed"] is False
    assert "meshgate-aws" in laptop.docker.existing


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"image": ""}, "aws_emulator_image is empty"),
        ({"ports": {"api": 0, "http": 1, "https": 2}}, "aws_emulator_port is 0; accepted: a port from 1 to 65535"),
        ({"ports": {"api": 1, "http": 2, "https": 2}}, "aws_emulator_https_port is 2: another port of the emulator is the same"),
    ],
)
def test_bad_settings_are_refused(laptop, more, said):
    with pytest.raises(DockerError, match=said):
        laptop(**more).ensure()
    assert not laptop.docker.existing


def test_a_taken_port_is_refused_before_anything_is_made(laptop, monkeypatch):
    monkeypatch.setattr(a, "taken_ports", lambda docker, ports, live: [f"{name} is {port}: held by nginx" for name, port in ports.items()])
    with pytest.raises(DockerError, match="aws_emulator_http_port is 18080: held by nginx"):
        laptop().ensure()
    assert not laptop.docker.existing


def test_an_api_that_does_not_answer_shows_its_log(laptop):
    ports = {"api": 1, "http": 18080, "https": 18443}
    with pytest.raises(DockerError, match=r"(?s)does not answer after .*its last words"):
        laptop(ports=ports, timeout=0).ensure()


def test_client_says_what_went_wrong():
    with pytest.raises(EmulatorError, match="GET http://127.0.0.1:1/_meshgate/clusters/x"):
        EmulatorClient(1).cluster("x")
    assert EmulatorClient(1).healthy() is False


def test_containers_belong_to_their_kind_cluster_and_the_account_knows_the_eks_clusters_name(laptop, control):
    """Of two clusters of one name in two regions, kind's names differ."""
    laptop(owner="sandbox-eu-west-1").ensure()
    assert "sandbox" in control[1] and "sandbox-eu-west-1" not in control[1]
    with pytest.raises(a.DockerError, match="belongs to cluster sandbox-eu-west-1"):
        laptop().ensure()
    assert laptop(owner="sandbox-eu-west-1").remove()["changed"] is True


def test_what_the_load_balancer_asks_from_is_its_own_address_or_its_network():
    ours = {"Labels": {OWNER_LABEL: "sandbox"}, "IPAM": {"Config": [{"Subnet": "172.18.0.0/24"}]}}
    assert a.balancer_cidrs(ours) == ["172.18.0.253/32"]
    assert a.balancer_cidrs({**ours, "Labels": {}}) == ["172.18.0.0/24"]
    assert a.balancer_cidrs(None) == []
