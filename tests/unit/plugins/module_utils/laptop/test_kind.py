# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is decided about a kind cluster."""

from __future__ import annotations

import json

import pytest
from fake_docker import node

from ansible_collections.meshgate.eks_istio.plugins.module_utils.laptop import kind as k


def settings(**more) -> k.Settings:
    return k.Settings(**{"name": "sandbox", "node_image": "kindest/node:v1", "state_dir": "/s", "kubeconfig": "/s/kubeconfig", **more})


def created(*containers) -> dict:
    return {"containers": {item["Id"]: {} for item in containers}}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"name": "-x"}, ["kind_cluster_name is '-x'", "AWS accepts"]),
        ({"name": "a" * 101}, ["kind_cluster_name", "1 to 100"]),
        ({"name": "Sand_box"}, ["kind_cluster_name is 'Sand_box'", "host name", "lower-case"]),
        ({"name": "a" * 50}, ["1 to 49"]),
        ({"workers": -1}, ["kind_cluster_workers is -1", "0 to 20"]),
        ({"node_image": ""}, ["kind_cluster_node_image is empty"]),
        ({"pod_subnet": "10.244.0.0"}, ["kind_cluster_pod_subnet is '10.244.0.0'", "from /8 to /24"]),
        ({"pod_subnet": "10.244.0.1/16"}, ["kind_cluster_pod_subnet is '10.244.0.1/16'", "host bits"]),
        ({"pod_subnet": "8.8.0.0/16"}, ["kind_cluster_pod_subnet is '8.8.0.0/16'", "private"]),
        ({"service_subnet": "pods"}, ["kind_cluster_service_subnet is 'pods'"]),
        ({"pod_subnet": "10.96.0.0/16"}, ["kind_cluster_pod_subnet, kind_cluster_service_subnet are 10.96.0.0/16, 10.96.0.0/16", "overlap"]),
        ({"pod_subnet": "10.244.0.0/24", "workers": 1}, ["it holds 1 nodes", "one for 2"]),
        ({"api_port": 70000}, ["kind_cluster_api_port is 70000", "0 for any free one"]),
        ({"host_ports": [{"host_port": 0, "container_port": 1}]}, ["kind_cluster_host_ports is 0"]),
        ({"api_port": 6443, "host_ports": [{"host_port": 6443, "container_port": 1}]}, ["6443, which is given twice"]),
        ({"node_labels": {"a b": "c"}}, ["a b=c, which is not a Kubernetes label"]),
        ({"node_labels": {"node-role.kubernetes.io/x": "y"}}, ["may not label itself"]),
        ({"images": [{"name": "a:1", "archive": "/nowhere/a.tar"}]}, ["kind_cluster_images has a:1", "/nowhere/a.tar"]),
    ],
)
def test_bad_settings_are_named_with_their_value_and_what_is_accepted(more, said):
    found = k.problems(settings(**more))
    assert len(found) == 1
    for part in said:
        assert part in found[0]


def test_good_settings_have_no_problems():
    assert k.problems(settings(node_labels={"eks.amazonaws.com/nodegroup": "mng-arm", "topology.kubernetes.io/zone": "us-west-2a"}, workers=3)) == []


def test_an_archive_that_check_mode_only_plans_to_make_is_no_problem():
    assert k.problems(settings(images=[{"name": "a:1", "archive": "/nowhere/a.tar"}]), archives=False) == []


def test_configuration_has_what_was_asked_for():
    made = k.config(settings(workers=2, api_port=7443, issuer="https://issuer", host_ports=[{"host_port": 1, "container_port": 2}], node_labels={"a": "b"}), 2)
    assert [item["role"] for item in made["nodes"]] == ["control-plane", "worker", "worker"]
    assert made["networking"]["apiServerPort"] == 7443
    assert made["networking"]["apiServerAddress"] == "127.0.0.1"
    assert made["networking"]["disableDefaultCNI"] is True
    assert made["nodes"][0]["extraPortMappings"][0]["listenAddress"] == "127.0.0.1"
    assert "extraPortMappings" not in made["nodes"][1]
    assert all(item["labels"] == {"a": "b"} for item in made["nodes"])
    assert "kubeadmConfigPatches" not in made


def test_what_kubernetes_is_started_with_is_said_to_both_versions_of_kubeadm():
    made = k.config(settings(issuer="https://issuer"), 2)["kubeadmConfigPatchesJSON6902"]
    newer, older = ({entry["path"]: entry["value"] for entry in json.loads(patch["patch"])} for patch in made)
    assert [patch["version"] for patch in made] == ["v1beta4", "v1beta3"]
    assert newer["/apiServer/extraArgs/-"] == {"name": "service-account-issuer", "value": "https://issuer"}
    assert older["/apiServer/extraArgs/service-account-issuer"] == "https://issuer"
    assert older["/controllerManager/extraArgs/kube-api-qps"] == "200"
    assert "service-account-issuer" not in json.dumps(k.config(settings(), 2))


def test_nodes_read_how_to_reach_registries_from_a_folder(tmp_path):
    wanted = k.config(settings(registry_config=str(tmp_path), workers=1), 2)
    for entry in wanted["nodes"]:
        assert {"hostPath": str(tmp_path), "containerPath": "/etc/containerd/certs.d", "readOnly": True} in entry["extraMounts"]
    assert 'config_path = "/etc/containerd/certs.d"' in wanted["containerdConfigPatches"][0]
    assert k.problems(settings(registry_config=str(tmp_path))) == []
    assert f"kind_cluster_registry_config is {str(tmp_path / 'none')!r}" in k.problems(settings(registry_config=str(tmp_path / "none")))[0]
    # A cluster that was made without one is not another cluster for that.
    assert k.config(settings(), 2) == k.config(settings(registry_config=""), 2)
    assert "containerdConfigPatches" not in k.config(settings(), 2)


def test_the_kubelet_is_told_to_run_on_cgroup_v1_only_there():
    assert k.config(settings(), 1)["kubeadmConfigPatches"] == ['{"kind": "KubeletConfiguration", "failCgroupV1": false}']


def test_api_port_is_kinds_to_choose_unless_given():
    assert "apiServerPort" not in k.config(settings(), 2)["networking"]


class TestDecide:
    def decide(self, containers, record=None, recorded=None, replace=False, **more):
        wanted = k.config(settings(**more), 2)
        return k.decide(containers, settings(**more), wanted, wanted if recorded is None else recorded, record or created(*containers), replace)

    def test_nothing_there(self):
        assert self.decide([]).action == "create"

    def test_as_wanted(self):
        assert self.decide([node("sandbox-control-plane")]).action == "none"

    def test_stopped(self):
        assert self.decide([node("sandbox-control-plane", running=False)]).action == "start"

    def test_a_strangers_cluster_is_adopted_by_nobody(self):
        plan = self.decide([node("sandbox-control-plane", ours=False)], replace=True)
        assert plan.action == "refuse"
        assert "kind_cluster_name is sandbox" in plan.reason
        assert "did not create" in plan.reason

    def test_killed_while_it_was_created(self):
        plan = self.decide([node("sandbox-control-plane")], record={"containers": {"another": {}}})
        assert (plan.action, "incomplete" in plan.reason) == ("replace", True)

    def test_other_settings_are_refused_and_named(self):
        container = node("sandbox-control-plane")
        old = k.config(settings(service_subnet="10.97.0.0/16"), 2)
        plan = self.decide([container], recorded=old)
        assert plan.action == "refuse"
        assert 'networking.serviceSubnet: "10.97.0.0/16", wanted "10.96.0.0/16"' in plan.reason
        assert "kind_cluster_replace=true" in plan.reason

    def test_other_settings_are_replaced_when_told(self):
        plan = self.decide([node("sandbox-control-plane")], recorded=k.config(settings(workers=2), 2), replace=True)
        assert plan == k.Plan("replace", "number of nodes: 3, wanted 1")


def test_image_names_are_what_containerd_calls_them():
    assert k.canonical("service:1") == "docker.io/library/service:1"
    assert k.canonical("team/service:1") == "docker.io/team/service:1"
    assert k.canonical("registry.k8s.io/pause:3") == "registry.k8s.io/pause:3"
    assert k.canonical("localhost/a:1") == "localhost/a:1"


def test_an_image_is_imported_when_it_is_gone_or_its_archive_changed(tmp_path):
    archive = tmp_path / "a.tar"
    archive.write_text("one")
    image = {"name": "a:1", "archive": str(archive)}
    remembered = {"a:1": k.image_key(str(archive))}
    present = {"docker.io/library/a:1"}
    assert k.missing_images([image], remembered, present) == []
    assert k.missing_images([image], remembered, set()) == [image]
    archive.write_text("another")
    assert k.missing_images([image], remembered, present) == [image]


KUBECONFIG = """apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0E=
    server: https://127.0.0.1:40123
  name: kind-sandbox
contexts:
- context:
    cluster: kind-sandbox
    user: kind-sandbox
  name: kind-sandbox
current-context: kind-sandbox
kind: Config
users:
- name: kind-sandbox
"""


def test_kubeconfig_is_read():
    assert k.parse_kubeconfig(KUBECONFIG, "kind-sandbox")["server"] == "https://127.0.0.1:40123"
    assert k.parse_kubeconfig(KUBECONFIG, "kind-other") == {}
    assert k.foreign_contexts(KUBECONFIG, "kind-sandbox") == []
    assert k.foreign_contexts(KUBECONFIG.replace("kind-sandbox", "production"), "kind-sandbox") == ["production"]


def pod(name: str, since: str, where: str = "n1") -> dict:
    return {
        "metadata": {"namespace": "x", "name": name},
        "spec": {"nodeName": where},
        "status": {"containerStatuses": [{"state": {"running": {"startedAt": since}}}, {"state": {"waiting": {}}}]},
    }


def test_a_pod_that_runs_since_before_its_node_is_not_believed():
    started = {"n1": "2026-01-01T10:00:00.123456789Z", "n2": "2026-01-01T08:00:00Z"}
    pods = [pod("old", "2026-01-01T09:59:59Z"), pod("new", "2026-01-01T10:00:00Z"), pod("elsewhere", "2026-01-01T09:00:00Z", "n2")]
    assert k.stale_pods(pods, started) == ["x/old"]


def test_each_node_gets_a_route_to_the_pods_of_every_other():
    nodes = [{"name": "a", "ip": "172.18.0.2", "pod_cidr": "10.244.0.0/24"}, {"name": "b", "ip": "172.18.0.3", "pod_cidr": "10.244.1.0/24"}]
    wanted = k.routes(nodes)
    assert wanted["a"] == {"10.244.1.0/24": "172.18.0.3"}
    assert k.missing_routes(wanted["a"], "default via 172.18.0.1 dev eth0\n10.244.1.0/24 via 172.18.0.3 dev eth0\n") == {}
    assert k.missing_routes(wanted["a"], "10.244.1.0/24 via 172.18.0.9 dev eth0\n") == wanted["a"]


def test_services_that_nobody_knows_yet_are_refused_and_pods_are_masqueraded():
    text = k.kubelet_drop_in(settings())
    assert text.startswith("[Service]\n")
    assert "FORWARD -d 10.96.0.0/16 -p tcp -j REJECT --reject-with tcp-reset" in text
    assert "POSTROUTING -s 10.244.0.0/16 ! -d 10.244.0.0/16 -j MASQUERADE" in text
    assert "MASQUERADE" not in k.kubelet_drop_in(settings(default_cni=True))
