# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The life of a kind cluster, with Docker and the API in memory."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from fake_docker import FakeDocker, node

from ansible_collections.meshgate.eks_istio.plugins.module_utils.laptop import kind as k
from ansible_collections.meshgate.eks_istio.plugins.module_utils.laptop import kind_cluster as c

CONFIG = """- cluster:
    certificate-authority-data: Q0E=
    server: https://127.0.0.1:40123
  name: kind-sandbox
current-context: kind-sandbox
"""
NODE = {"name": "sandbox-control-plane", "ip": "172.18.0.2", "pod_cidr": "10.244.0.0/24", "role": "control-plane"}


class Laptop:
    """A machine whose state survives the runs."""

    def __init__(self, path: Path, monkeypatch) -> None:
        self.docker = FakeDocker()
        self.docker.images["kindest/node:1"] = {"Id": "sha256:n", "Config": {"Entrypoint": ["/usr/local/bin/entrypoint", "/sbin/init"]}}
        self.more: dict = {}
        self.path = path
        self.healthy = True
        self.nodes = [NODE]
        self.fails = False
        laptop = self

        def run_kind(cluster, command):
            laptop.docker.add(*(node(name, role="control-plane" if name.endswith("plane") else "worker") for name in cluster.settings.node_names()))
            if laptop.fails:
                raise c.KindError("kind could not create the cluster")
            Path(cluster.settings.kubeconfig).write_text(CONFIG)

        def await_nodes(cluster, containers):
            if not laptop.healthy:
                laptop.healthy = True
                raise c.NotHealthy("not ready after 180 s: API server does not answer")
            return laptop.nodes, '{"keys": []}'

        monkeypatch.setattr(c.Cluster, "run_kind", run_kind)
        monkeypatch.setattr(c.Cluster, "await_nodes", await_nodes)
        monkeypatch.setattr(c.Cluster, "export_kubeconfig", lambda cluster: Path(cluster.settings.kubeconfig).write_text(CONFIG))
        monkeypatch.setattr(c, "find_program", lambda name: f"/usr/bin/{name}")

    def cluster(self, check: bool = False, **options) -> c.Cluster:
        settings = k.Settings(
            **{"name": "sandbox", "node_image": "kindest/node:1", "state_dir": str(self.path / "s"), "kubeconfig": str(self.path / "s/kubeconfig"), **self.more}
        )
        return c.Cluster(settings, c.Options(**options), self.docker, check)

    def run(self, check: bool = False, **options) -> dict:
        return self.cluster(check, **options).ensure()


@pytest.fixture
def laptop(tmp_path, monkeypatch):
    return Laptop(tmp_path, monkeypatch)


def test_created_then_unchanged_then_removed_then_nothing(laptop):
    plan = laptop.run(check=True)
    assert plan["actions"] == ["create kind cluster sandbox"]
    assert plan["cluster"]["exists"] is False
    assert not laptop.docker.existing

    made = laptop.run()
    assert made["actions"] == ["create kind cluster sandbox"]
    assert made["cluster"]["exists"] is True
    assert made["cluster"]["endpoint"] == "https://127.0.0.1:40123"
    assert made["cluster"]["nodes"] == [NODE]
    assert laptop.docker.nets["kind"]["Labels"] == {"meshgate.io/cluster": "sandbox"}

    for check in (True, False):
        again = laptop.run(check)
        assert (again["changed"], again["cluster"]) == (False, made["cluster"])

    planned = laptop.cluster(check=True).remove()
    assert planned["changed"] is True
    assert "sandbox-control-plane" in laptop.docker.existing
    removed = laptop.cluster().remove()
    assert removed["actions"] == planned["actions"]
    assert not laptop.docker.existing
    assert "kind" not in laptop.docker.nets
    assert not (laptop.path / "s").exists()
    assert laptop.cluster().remove()["changed"] is False


def test_check_mode_without_docker_says_what_would_be_created(laptop):
    laptop.docker.info = None
    plan = laptop.run(check=True)
    assert plan["changed"] is True
    assert set(plan["cluster"]) == set(k.facts(laptop.cluster().settings, True))
    with pytest.raises(c.KindError, match="docker: the engine does not answer"):
        laptop.run()


def test_check_mode_may_come_before_the_images_are_made(laptop):
    laptop.more = {"node_image": ""}
    for info in (None, laptop.docker.info):
        laptop.docker.info = info
        assert laptop.run(check=True)["actions"] == ["create kind cluster sandbox"]
    with pytest.raises(c.KindError, match="kind_cluster_node_image is empty"):
        laptop.run()


def test_check_mode_without_docker_finds_taken_ports(laptop):
    laptop.docker.info = None
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(c.KindError, match=f"aws_emulator_port is {port}: .* is in use by"):
            laptop.run(check=True, required_ports={"aws_emulator_port": port})


def test_bad_settings_come_first(laptop):
    laptop.docker.info = None
    laptop.more = {"workers": 50}
    with pytest.raises(c.KindError, match="kind_cluster_workers is 50"):
        laptop.run()


def test_a_stopped_cluster_is_started(laptop):
    laptop.run()
    laptop.docker.existing["sandbox-control-plane"]["State"].update(Running=False, Status="exited")
    assert laptop.run(check=True)["actions"] == ["start kind cluster sandbox (its nodes are stopped)"]
    assert laptop.run()["actions"] == ["start sandbox-control-plane"]
    assert laptop.run()["changed"] is False


def test_check_mode_after_a_reboot_says_start_also_while_docker_is_down(laptop):
    laptop.run()
    laptop.docker.info = None
    assert laptop.run(check=True)["actions"] == ["start kind cluster sandbox (its nodes are stopped with Docker)"]


def test_a_node_that_docker_is_just_starting_is_waited_for(laptop):
    archive = laptop.path / "service.tar"
    archive.write_text("one")
    laptop.more = {"images": [{"name": "service:1", "archive": str(archive)}]}
    laptop.run()
    for check in (True, False):
        laptop.docker.booting = 3
        assert laptop.run(check)["changed"] is False
        assert laptop.docker.booting == 0


def test_a_cluster_that_does_not_come_back_is_replaced_and_that_is_said(laptop):
    laptop.run()
    laptop.docker.existing["sandbox-control-plane"]["State"].update(Running=False, Status="exited")
    laptop.healthy = False
    result = laptop.run()
    assert result["actions"][-1].startswith("replace kind cluster sandbox (it does not restart")
    assert "with everything that runs on it" in result["warnings"][0]
    assert laptop.run()["changed"] is False


def test_a_cluster_that_docker_cannot_start_is_replaced_at_once(laptop):
    laptop.run()
    laptop.docker.existing["sandbox-control-plane"]["State"].update(Running=False, Status="exited")
    laptop.docker.start_fails = "network kind not found"
    assert laptop.run()["actions"] == ["replace kind cluster sandbox (it does not restart: network kind not found)"]


def test_a_new_cluster_that_does_not_come_up_is_an_error_not_a_loop(laptop):
    laptop.healthy = False
    with pytest.raises(c.NotHealthy):
        laptop.run()


def test_what_an_interrupted_run_left_is_replaced(laptop):
    laptop.fails = True
    with pytest.raises(c.KindError):
        laptop.run()
    assert laptop.docker.existing
    laptop.fails = False
    assert laptop.run()["actions"] == ["replace kind cluster sandbox (an interrupted run left it incomplete)"]
    assert laptop.run()["changed"] is False


def test_a_strangers_cluster_is_neither_adopted_nor_removed(laptop):
    laptop.docker.add(node("sandbox-control-plane", ours=False))
    with pytest.raises(c.KindError, match="did not create"):
        laptop.run(replace=True)
    result = laptop.cluster().remove()
    assert result["changed"] is False
    assert "is not managed by this collection and stays" in result["warnings"][0]
    assert "sandbox-control-plane" in laptop.docker.existing


def test_other_settings_need_permission(laptop):
    laptop.run()
    laptop.more = {"workers": 1}
    with pytest.raises(c.KindError, match="number of nodes: 1, wanted 2"):
        laptop.run()
    laptop.nodes = [NODE, {"name": "sandbox-worker", "ip": "172.18.0.3", "pod_cidr": "10.244.1.0/24", "role": "worker"}]
    result = laptop.run(replace=True)
    assert result["actions"][0] == "replace kind cluster sandbox (number of nodes: 1, wanted 2)"
    assert sorted(laptop.docker.existing) == ["sandbox-control-plane", "sandbox-worker"]
    assert "route 10.244.1.0/24 via 172.18.0.3 on node sandbox-control-plane" in result["actions"]


def test_overlap_disk_kind_and_node_image_are_checked_before_anything_is_made(laptop, monkeypatch):
    laptop.docker.nets["office"] = {"Name": "office", "IPAM": {"Config": [{"Subnet": "10.244.7.0/24"}]}}
    laptop.docker.info["DockerRootDir"] = str(laptop.path)
    monkeypatch.setattr(c, "find_program", lambda name: None)
    with pytest.raises(c.KindError) as refused:
        laptop.run(free_disk_gib=10**6)
    for said in (
        "kind_cluster_pod_subnet is 10.244.0.0/16, which overlaps the Docker network office",
        "kind_cluster_free_disk_gib is 1e+06",
        "kind_cluster_kind is kind",
    ):
        assert said in str(refused.value)
    assert not laptop.docker.existing
    assert "kind" not in laptop.docker.nets
    assert not (laptop.path / "s").exists()


def test_an_image_that_is_no_node_image_is_refused(laptop):
    laptop.docker.images["nginx:1"] = {"Id": "x", "Config": {"Entrypoint": ["/docker.sh"]}}
    laptop.more = {"node_image": "nginx:1"}
    with pytest.raises(c.KindError, match="kind_cluster_node_image is nginx:1"):
        laptop.run()
    laptop.more = {"node_image": "unknown:1"}
    with pytest.raises(c.DockerError, match="kind_cluster_node_image is unknown:1: Docker has no such image and cannot pull it"):
        laptop.run()


def test_images_are_imported_once_and_again_when_they_changed(laptop):
    archive = laptop.path / "service.tar"
    archive.write_text("one")
    laptop.more = {"images": [{"name": "service:1", "archive": str(archive)}]}
    laptop.run()
    assert laptop.docker.in_node == {"docker.io/library/service:1"}
    assert laptop.run()["changed"] is False
    archive.write_text("another")
    for check in (True, False):
        assert laptop.run(check)["actions"] == ["import image service:1 into node sandbox-control-plane"]
    assert laptop.run()["changed"] is False
    laptop.docker.in_node.clear()  # the kubelet's garbage collection
    assert laptop.run()["changed"] is True


def test_an_archive_that_lacks_its_image_is_refused(laptop):
    archive = laptop.path / "service.tar"
    archive.write_text("one")
    laptop.more = {"images": [{"name": "other:1", "archive": str(archive)}]}
    with pytest.raises(c.KindError, match="do not contain other:1"):
        laptop.run()


def test_a_lost_kubeconfig_is_written_again(laptop):
    laptop.run()
    (laptop.path / "s/kubeconfig").unlink()
    assert laptop.run(check=True)["changed"] is True
    assert laptop.run()["actions"] == [f"write kubeconfig {laptop.path}/s/kubeconfig"]


def test_the_kubeconfig_of_another_cluster_is_never_overwritten(laptop):
    (laptop.path / "s").mkdir()
    (laptop.path / "s/kubeconfig").write_text(CONFIG.replace("kind-sandbox", "production"))
    with pytest.raises(c.KindError, match="kind_cluster_kubeconfig is .*, the kubeconfig of another cluster .production"):
        laptop.run()
    assert not laptop.docker.existing


def test_nodes_learn_of_a_new_packet_filter(laptop):
    laptop.run()
    record = laptop.path / "s/kind/created.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "drop_in": "of an older version"}))
    assert laptop.run()["actions"] == ["set the nodes' iptables rules"]
    assert laptop.run()["changed"] is False


class Api:
    """Answers of the API server, for what is awaited."""

    def __init__(self, ready="True", cidr="10.244.0.0/24", renewed="2026-01-01T00:01:00Z", dns=1, joined=True):
        conditions = [{"type": "Ready", "status": ready, "message": "cni plugin not initialized"}]
        self.node = {"metadata": {"name": "n", "labels": {}}, "spec": {"podCIDR": cidr}, "status": {"conditions": conditions}}
        self.lease = {"metadata": {"name": "n"}, "spec": {"renewTime": renewed}}
        self.dns, self.joined = dns, joined

    def find(self, version, kind, namespace=None, **more):
        return {"Node": [self.node] if self.joined else [], "Lease": [self.lease]}.get(kind, [])

    def get(self, *_args):
        return {"status": {"readyReplicas": self.dns}}


@pytest.mark.parametrize(
    ("api", "awaited"),
    [
        (Api(), ""),
        (Api(joined=False), "node n has not joined"),
        (Api(ready="False"), "node n is not Ready: cni plugin not initialized"),
        (Api(cidr=""), "node n has no pod CIDR yet"),
        (Api(renewed="2025-12-31T23:59:00Z"), "the kubelet of n has not reported since its start"),
        (Api(dns=0), "CoreDNS is not ready"),
    ],
)
def test_what_is_awaited_is_said(laptop, api, awaited):
    nodes = api.find("v1", "Node")
    assert laptop.cluster().not_yet(api, nodes, {"n": "2026-01-01T00:00:00.1Z"}) == awaited


@pytest.mark.parametrize(
    ("api", "awaited"),
    [(Api(ready="False", dns=0), ""), (Api(joined=False), "node n has not joined"), (Api(cidr=""), "node n has no pod CIDR yet")],
)
def test_who_does_not_wait_for_pods_waits_for_what_a_node_is_told_by(laptop, api, awaited):
    assert laptop.cluster().not_joined(api.find("v1", "Node"), {"n": "2026-01-01T00:00:00.1Z"}) == awaited


def test_a_new_cluster_need_not_be_awaited_but_one_that_was_there_has_to_come_back(laptop):
    begun = laptop.run(wait=False)
    assert (begun["changed"], begun["ready"], begun["cluster"]["nodes"]) == (True, False, laptop.nodes)
    assert laptop.run(wait=False)["ready"] is True
    laptop.healthy = False
    replaced = laptop.run(wait=False)
    assert "replace kind cluster sandbox" in replaced["actions"][0] and replaced["ready"] is True


def test_a_state_folder_that_docker_by_snap_cannot_read_is_refused(laptop, monkeypatch):
    monkeypatch.setattr(c, "hidden_from_snap", lambda program, path: f"Docker is installed as a snap here, which cannot read {path}")
    with pytest.raises(c.KindError, match=r"kind_cluster_state_dir is .*/s: Docker is installed as a snap.*\(MESHGATE_STATE\)"):
        laptop.run()


def test_a_proxys_password_in_kinds_own_words_is_masked(tmp_path, monkeypatch):
    kind = tmp_path / "kind"
    kind.write_text("""#!/bin/sh
echo 'ERROR: failed to create cluster: command "docker run --env HTTPS_PROXY=http://me:open-sesame@proxy.example.com:3128" failed: exit status 125'
exit 1
""")
    kind.chmod(0o755)
    monkeypatch.setattr(c.Cluster, "diagnosis", lambda cluster, error: "")
    settings = k.Settings(name="sandbox", node_image="kindest/node:1", state_dir=str(tmp_path), kubeconfig=str(tmp_path / "kubeconfig"))
    with pytest.raises(c.KindError, match=r"HTTPS_PROXY=http://\*\*\*@proxy\.example\.com:3128.*exit status 125") as failed:
        c.Cluster(settings, c.Options(), FakeDocker(), False).run_kind([str(kind)])
    assert "open-sesame" not in str(failed.value) + str(failed.value.details())
