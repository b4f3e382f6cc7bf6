# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Networks, ports and images of Docker."""

from __future__ import annotations

import os
import socket

import pytest
from fake_docker import FakeDocker, node

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.ownership import OWNER_LABEL
from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker import client as d


def network(label: str | None = "sandbox", subnet: str = "172.30.0.0/16") -> dict:
    return {"Name": "kind", "Labels": {OWNER_LABEL: label} if label else {}, "IPAM": {"Config": [{"Subnet": subnet}, {"Subnet": "fc00::/64"}]}}


def test_network_is_made_as_kind_makes_it_with_our_label_and_a_subnet_of_its_own():
    docker = FakeDocker()
    made, new = d.ensure_network(docker, "sandbox")
    assert new
    assert made["Labels"] == {OWNER_LABEL: "sandbox"}
    assert made["IPAM"]["Config"] == [{"Subnet": "172.30.0.0/16"}, {"Subnet": "fc00:f853:ccd:e793::/64"}]
    assert d.ensure_network(docker, "sandbox") == (made, False)


def test_network_does_without_ipv6_where_there_is_none():
    docker = FakeDocker()
    docker.ipv6 = False
    made, _new = d.ensure_network(docker, "sandbox")
    assert made["IPAM"]["Config"] == [{"Subnet": "172.30.0.0/16"}]


def test_network_that_somebody_else_made_is_used_and_never_removed():
    docker = FakeDocker()
    docker.nets["kind"] = network(label=None)
    assert d.ensure_network(docker, "sandbox")[1] is False
    assert d.remove_network(docker, "sandbox", check_mode=False) is False
    assert "kind" in docker.nets


def test_our_network_is_removed_when_it_is_empty_only():
    docker = FakeDocker().add(node("sandbox-control-plane"))
    docker.nets["kind"] = network()
    assert d.remove_network(docker, "sandbox", check_mode=False) is False
    assert d.remove_network(docker, "sandbox", check_mode=True, leaving=["sandbox-control-plane"]) is True
    assert "kind" in docker.nets
    docker.existing.clear()
    assert d.remove_network(docker, "sandbox", check_mode=False) is True
    assert "kind" not in docker.nets
    assert d.remove_network(docker, "sandbox", check_mode=False) is False


def test_fixed_addresses_are_at_the_end_of_our_own_network():
    assert d.fixed_address(network(), 1) == "172.30.255.254"
    assert d.fixed_address(network(), 2) == "172.30.255.253"
    assert d.fixed_address(network(label=None), 1) is None


def test_overlap_names_the_network():
    networks = [network(subnet="10.244.8.0/24")]
    assert d.overlapping("10.244.0.0/16", networks) == "kind (10.244.8.0/24)"
    assert d.overlapping("10.96.0.0/16", networks) is None


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_taken_port_is_refused_with_variable_port_and_process(listener):
    found = d.taken_ports(FakeDocker(), {"aws_emulator_http_port": listener})
    assert len(found) == 1
    assert f"aws_emulator_http_port is {listener}:" in found[0]
    assert f"pid {os.getpid()}" in found[0]
    assert "accepted: a free port" in found[0]


def published(name: str, port: int) -> dict:
    container = node(name)
    container["HostConfig"] = {"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}}
    return container


def test_a_taken_port_names_the_container_that_holds_it(listener):
    docker = FakeDocker().add(published("somebodys-web", listener))
    assert "in use by container somebodys-web" in d.taken_ports(docker, {"p": listener})[0]


def test_a_port_that_we_hold_is_not_taken(listener):
    ours = published("meshgate-alb", listener)
    assert d.taken_ports(FakeDocker().add(ours), {"p": listener}, [ours]) == []


def test_a_free_port_and_none_at_all_are_fine():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    assert d.taken_ports(FakeDocker(), {"p": port, "q": 0}) == []


def test_image_is_found_loaded_or_refused_with_the_variable(tmp_path):
    docker = FakeDocker()
    archive = tmp_path / "image.tar"
    archive.write_text("")
    assert d.ensure_image(docker, "loaded:1", str(archive), "v", check_mode=True) == (None, True)
    assert not docker.did("load")
    image, loaded = d.ensure_image(docker, "loaded:1", str(archive), "v")
    assert (image["Id"], loaded) == ("sha256:1", True)
    assert d.ensure_image(docker, "loaded:1", str(archive), "v")[1] is False
    with pytest.raises(d.DockerError, match="v is other:1: the archive .* contains no image"):
        d.ensure_image(docker, "other:1", str(archive), "v")
    with pytest.raises(d.DockerError, match="v is other:1: Docker has no such image and the archive /nowhere"):
        d.ensure_image(docker, "other:1", "/nowhere", "v")
    with pytest.raises(d.DockerError, match=r"v is other:1: Docker has no such image and cannot pull it \(no such host\)"):
        d.ensure_image(docker, "other:1", "", "v")


def test_what_does_not_exist_is_left_out_of_an_inspection():
    docker = FakeDocker().add(node("a"))
    assert [item["Name"] for item in docker.inspect(["a", "b"])] == ["/a"]
    assert docker.inspect([]) == []


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("{home}/.cache/meshgate", True),
        ("{home}/.local/state/meshgate/sandbox", True),
        ("/srv/meshgate", True),
        ("{home}/meshgate/.files", False),
        ("{home}/cache", False),
    ],
)
def test_docker_by_snap_reads_no_hidden_folder(tmp_path, monkeypatch, path, hidden):
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(d.os.path, "realpath", lambda program: "/usr/bin/snap" if program == "/snap/bin/docker" else program)
    where = path.format(home=home)
    said = d.hidden_from_snap("/snap/bin/docker", where)
    assert (where in said) == hidden
    assert d.hidden_from_snap("/usr/bin/docker", where) == ""
    assert d.hidden_from_snap(None, where) == ""
