# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Role rust_services before there is a cluster: what it would create, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / folder) for folder in (".collections", "tests/unit", "tests/unit/plugins/modules")]

import image_rig as rig  # noqa: E402
from aws_harness import Account, emulator, run  # noqa: E402

from ansible_collections.meshgate.eks_istio.plugins.modules import ecr_image  # noqa: E402

PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  roles:
    - role: meshgate.eks_istio.rust_services
"""
VARIABLES = {
    "rust_services_images": {"service-a": "registry.example/service-a:1", "service-b": "registry.example/service-b:1"},
    "rust_services_kubeconfig": "/nonexistent/kubeconfig",
}


def check(folder: Path, **variables: t.Any) -> tuple[int, list[dict[str, t.Any]]]:
    """Run the role in check mode: exit code and the tasks' results."""
    return play(folder, PLAYBOOK, ["--check", "--diff"], **variables)


def play(folder: Path, text: str, options: list[str], **variables: t.Any) -> tuple[int, list[dict[str, t.Any]]]:
    playbook = folder / "play.yml"
    playbook.write_text(text)
    # None takes a variable away, so that the role's default holds.
    variables = {name: value for name, value in {**VARIABLES, **variables}.items() if value is not None}
    environment = {
        **os.environ,
        **variables.pop("environment", {}),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", *options, str(playbook)]
    argv += ["-e", json.dumps(variables)]
    done = subprocess.run(argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120, check=False)
    begin = re.search(r"^\{", done.stdout, re.MULTILINE)  # what is shown while it goes comes before, the times of the stages after
    assert begin, done.stdout + done.stderr
    plays = json.JSONDecoder().raw_decode(done.stdout[begin.start() :])[0]["plays"]
    return done.returncode, [task["hosts"]["localhost"] for play in plays for task in play["tasks"] if task["hosts"]]


def manifests(folder: Path, **variables: t.Any) -> dict[str, str]:
    rc, tasks = check(folder, **variables)
    assert rc == 0, tasks
    applied = next(task for task in tasks if "resources" in task)
    assert applied["changed"] and "would be created" in applied["msg"]
    return {difference["after_header"].removesuffix(" (create)"): difference["after"] for difference in applied["diff"]}


BOTH = [f"{kind} rust-services/{app}" for app in ("service-a", "service-b") for kind in ("ServiceAccount", "Service", "Deployment", "PodDisruptionBudget")]


def test_everything_is_planned_with_istio_routing(tmp_path: Path) -> None:
    planned = manifests(tmp_path)
    assert {*BOTH, "Namespace rust-services", "Gateway rust-services/application-gateway", "VirtualService rust-services/service-b"} <= set(planned)
    assert "istio-injection: enabled" in planned["Namespace rust-services"]
    assert "mode: STRICT" in planned["PeerAuthentication rust-services/default"]
    assert all("meshgate.io/cluster: sandbox" in text for text in planned.values())


def test_everything_is_planned_with_the_gateway_api(tmp_path: Path) -> None:
    variables = {"rust_services_routing_api": "gateway_api", "rust_services_hosts": ["api.example.com", "*.example.org"], "rust_services_namespace": "shop"}
    planned = manifests(tmp_path, **variables, rust_services_istio_revision="canary", rust_services_authorization=False)
    assert "VirtualService shop/service-b" not in planned and "AuthorizationPolicy shop/service-b" not in planned
    gateway = planned["Gateway istio-ingress/application-gateway"]
    assert gateway.count("hostname: ") == 2 and "value: istio-ingressgateway.istio-ingress.svc.cluster.local" in gateway
    assert "api.example.com" in planned["HTTPRoute shop/service-b"]
    assert "meshgate.io/istio-revision: canary" in planned["Deployment shop/service-a"]
    namespace = planned["Namespace shop"]
    assert "istio.io/rev: canary" in namespace and "istio-injection" not in namespace


def test_variables_reach_the_pods(tmp_path: Path) -> None:
    planned = manifests(
        tmp_path,
        rust_services_replicas=3,
        rust_services_env={"DD_TRACING_ENABLED": "true", "RUST_LOG": "debug"},
        rust_services_node_selector={"kubernetes.io/arch": "arm64"},
        rust_services_tolerations=[{"key": "dedicated", "operator": "Exists"}],
        rust_services_image_pull_secrets=["registry"],
    )
    for app in ("service-a", "service-b"):
        deployment = planned[f"Deployment rust-services/{app}"]
        for part in (
            "replicas: 3",
            "value: 'true'",
            "value: debug",
            "kubernetes.io/arch: arm64",
            "key: dedicated",
            "name: registry",
            "readOnlyRootFilesystem: true",
        ):
            assert part in deployment, part
    assert "value: http://service-a" in planned["Deployment rust-services/service-b"]


def test_an_autoscaler_takes_the_replicas_over(tmp_path: Path) -> None:
    planned = manifests(
        tmp_path,
        rust_services_autoscaling=True,
        rust_services_autoscaling_max=6,
        rust_services_autoscaling_cpu_percent=60,
        eks_cluster_facts={"addons": {"metrics-server": "v0.8.0-eksbuild.1"}},
    )
    for app in ("service-a", "service-b"):
        assert "replicas: " not in planned[f"Deployment rust-services/{app}"]
        autoscaler = yaml.safe_load(planned[f"HorizontalPodAutoscaler rust-services/{app}"])["spec"]
        assert autoscaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": app}
        assert (autoscaler["minReplicas"], autoscaler["maxReplicas"]) == (2, 6)
        assert autoscaler["metrics"] == [
            {
                "type": "ContainerResource",
                "containerResource": {"container": app, "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
            }
        ]


def test_pods_are_spread_over_nodes_and_zones(tmp_path: Path) -> None:
    pod = yaml.safe_load(manifests(tmp_path)["Deployment rust-services/service-a"])["spec"]["template"]["spec"]
    mine = {"matchLabels": {"app": "service-a"}}
    [over_nodes] = pod["topologySpreadConstraints"]
    assert (over_nodes["topologyKey"], over_nodes["maxSkew"], over_nodes["labelSelector"]) == ("kubernetes.io/hostname", 1, mine)
    [over_zones] = pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert over_zones["podAffinityTerm"] == {"topologyKey": "topology.kubernetes.io/zone", "labelSelector": mine}


@pytest.mark.parametrize(
    ("variables", "accepted"),
    [
        ({"rust_services_autoscaling": True, "eks_cluster_facts": {"addons": {"coredns": "v1"}}}, "accepted: true only with metrics-server"),
        ({"rust_services_autoscaling": True, "rust_services_resources": {}}, "accepted: true only with rust_services_resources.requests.cpu"),
        ({"rust_services_autoscaling_max": 1, "rust_services_autoscaling": True}, "accepted: at least rust_services_replicas (2)"),
        ({"rust_services_namespace": "Rust_Services"}, "accepted: a namespace"),
        ({"rust_services_namespace": "kube-system"}, "accepted: a namespace"),
        ({"rust_services_images": {"service-a": "a:1", "service-b": ""}}, "accepted: {service-a: IMAGE"),
        ({"rust_services_replicas": 0}, "accepted: 1 to 100"),
        ({"rust_services_hosts": []}, "accepted: a list of host names"),
        ({"rust_services_hosts": ["https://api.example.com"]}, "accepted: a list of host names"),
        ({"rust_services_env": {"NOT A NAME": "x"}}, "accepted: names of environment variables"),
        ({"rust_services_gateway_selector": {}}, "accepted: the labels"),
        ({"rust_services_routing_api": "nginx"}, "istio, gateway_api"),
    ],
)
def test_what_cannot_be_right_is_refused_first(tmp_path: Path, variables: dict[str, t.Any], accepted: str) -> None:
    rc, tasks = check(tmp_path, **variables)
    name = next(iter(variables))
    told = json.dumps(tasks[-1], ensure_ascii=False)
    assert rc != 0 and not any("resources" in task for task in tasks)
    assert name in told and accepted in told, told


def test_images_of_another_architecture_are_refused(tmp_path: Path) -> None:
    image = {"name": "service:1", "architectures": ["amd64"]}
    rc, tasks = check(
        tmp_path,
        rust_services_images={"service-a": "service:1", "service-b": "service:1"},
        toolchain_facts={"images": {"service_a": image, "service_b": image}},
        eks_cluster_facts={"node_architectures": ["arm64"]},
    )
    assert rc != 0 and "accepted: images for the nodes' architectures (arm64); these are for amd64" in json.dumps(tasks[-1])


def test_only_the_nodes_that_are_selected_must_run_the_images(tmp_path: Path) -> None:
    image = {"name": "service:1", "architectures": ["arm64"]}
    planned = manifests(
        tmp_path,
        rust_services_images={"service-a": "service:1", "service-b": "service:1"},
        rust_services_node_selector={"kubernetes.io/arch": "arm64"},
        toolchain_facts={"images": {"service_a": image, "service_b": image}},
        eks_cluster_facts={"node_architectures": ["amd64", "arm64"]},
    )
    pod = yaml.safe_load(planned["Deployment rust-services/service-b"])["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"kubernetes.io/arch": "arm64"}


# --- the images in ECR ------------------------------------------------------------------------------------------------------

PUSH = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Push
      ansible.builtin.include_role:
        name: meshgate.eks_istio.rust_services
        tasks_from: images
"""


@pytest.fixture(scope="module")
def account() -> t.Iterator[Account]:
    with emulator() as endpoint:
        yield Account(endpoint)


@pytest.fixture
def built(tmp_path: Path) -> dict[str, t.Any]:
    """What role toolchain says of the two services' images, for both architectures."""
    images = {}
    for service in ("service_a", "service_b"):
        both = {arch: rig.docker_archive(tmp_path / f"{service}-{arch}.tar", arch, f"{service} {arch}".encode()) for arch in ("amd64", "arm64")}
        images[service] = {"name": f"meshgate.local/{service.replace('_', '-')}:0123abcd", "archives": both, "architectures": list(both)}
    return {"images": images}


def on_aws(account: Account, cluster: str, built: dict[str, t.Any]) -> dict[str, t.Any]:
    return {
        "rust_services_registry": "ecr",
        "toolchain_facts": built,
        "eks_cluster_facts": {"exists": False, "name": cluster, "region": "us-west-2", "account_id": "123456789012", "node_architectures": ["arm64"]},
        "rust_services_images": None,
        "environment": {"AWS_ENDPOINT_URL": account.endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "emulated-key", "AWS_REGION": "us-west-2"},
    }


def pushes(tasks: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    return next(task for task in tasks if any("uploaded" in item for item in task.get("results", [])))


def test_our_images_are_pushed_once_and_named_in_the_pods(tmp_path: Path, account: Account, built: dict[str, t.Any]) -> None:
    variables = on_aws(account, "Shop_1", built)
    names = {service: f"123456789012.dkr.ecr.us-west-2.amazonaws.com/shop_1/{service}:0123abcd" for service in ("service-a", "service-b")}
    rc, tasks = check(tmp_path, **variables)
    assert rc == 0, tasks
    would = [item["msg"] for task in tasks for item in task.get("results", []) if "uploaded" in item]
    assert [task["msg"] for task in tasks if task.get("msg") == would] == [would]
    assert would == [f"would create repository shop_1/{service}; would push shop_1/{service}:0123abcd" for service in names]
    applied = next(task for task in tasks if "resources" in task)
    deployments = {diff["after_header"].split()[1]: diff["after"] for diff in applied["diff"] if diff["after_header"].startswith("Deployment")}
    assert all(f"image: {name}" in deployments[f"rust-services/{service}"] for service, name in names.items())
    assert account.client("ecr").describe_repositories()["repositories"] == []

    rc, tasks = play(tmp_path, PUSH, [], **variables)
    assert rc == 0 and [item["image"] for item in pushes(tasks)["results"]] == list(names.values()), tasks
    for service in names:
        pushed = account.client("ecr").batch_get_image(repositoryName=f"shop_1/{service}", imageIds=[{"imageTag": "0123abcd"}])["images"][0]
        assert len(json.loads(pushed["imageManifest"])["manifests"]) == 2
    mark = account.mark()
    rc, tasks = play(tmp_path, PUSH, [], **variables)
    assert rc == 0 and not pushes(tasks)["changed"] and account.mutations(mark) == []
    rc, tasks = check(tmp_path, **{**variables, "eks_cluster_facts": {**variables["eks_cluster_facts"], "node_architectures": ["riscv64"]}})
    assert rc != 0 and "accepted: images for the nodes' architectures (riscv64); these are for amd64, arm64" in json.dumps(tasks[-1])


def test_images_of_the_users_own_are_not_pushed_and_their_registry_is_asked(tmp_path: Path, account: Account, built: dict[str, t.Any]) -> None:
    variables = on_aws(account, "own", built)
    made = rig.docker_archive(tmp_path / "own.tar", "amd64", b"of the user's own")
    arguments = {"name": "mine/service", "cluster_name": "somebody", "tag": "1", "archives": [made]}
    assert run(ecr_image, account.endpoint, **arguments)["changed"]
    mine = "123456789012.dkr.ecr.us-west-2.amazonaws.com/mine/service:1"
    elsewhere = "127.0.0.1:9/service:1"
    own = {**variables, "rust_services_images": {"service-a": mine, "service-b": elsewhere}}
    mark = account.mark()
    rc, tasks = check(tmp_path, **own)
    assert rc != 0 and f"rust_services_images has {mine}, which is for linux/amd64" in json.dumps(tasks[-1])
    asked = next(task["images"] for task in tasks if "images" in task)
    assert asked[mine] == {"known": True, "platforms": ["linux/amd64"], "why": ""} and not asked[elsewhere]["known"]
    rc, tasks = check(tmp_path, **{**own, "eks_cluster_facts": {**own["eks_cluster_facts"], "node_architectures": ["amd64"]}})
    assert rc == 0 and account.mutations(mark) == []


@pytest.mark.parametrize(
    ("variables", "accepted"),
    [
        ({"rust_services_ecr_prefix": "Shop/"}, "accepted: lower-case letters and digits"),
        ({"rust_services_ecr_endpoint": "registry"}, "accepted: a URL such as"),
        ({"rust_services_ecr_endpoint": "http://registry.example.com"}, "accepted: a URL such as https://"),
        ({"rust_services_region": ""}, "accepted: the region"),
        ({"rust_services_registry": "quay"}, "none, ecr"),
        ({"toolchain_service_architectures": ["amd64"]}, "accepted: the nodes' architectures, since the services' images are built for them: arm64"),
    ],
)
def test_what_no_registry_would_take_is_refused_first(tmp_path: Path, variables: dict[str, t.Any], accepted: str) -> None:
    groups = [{"name": "mng", "ami_type": "AL2023_ARM_64_STANDARD"}]
    given = {"rust_services_registry": "ecr", "rust_services_images": None, "eks_cluster_node_groups": groups, "eks_cluster_region": "us-west-2"}
    rc, tasks = check(tmp_path, **{**given, "eks_cluster_facts": {"exists": False}, **variables})
    told = json.dumps(tasks[-1], ensure_ascii=False)
    assert rc != 0 and next(iter(variables)) in told and accepted in told, told
