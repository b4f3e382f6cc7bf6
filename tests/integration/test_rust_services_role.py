# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Role rust_services before there is a cluster: what it would create, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
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
    playbook = folder / "play.yml"
    playbook.write_text(PLAYBOOK)
    environment = {
        **os.environ,
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "--check", "--diff", str(playbook)]
    argv += ["-e", json.dumps({**VARIABLES, **variables})]
    done = subprocess.run(argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout.lstrip().startswith("{"), done.stdout + done.stderr
    plays = json.JSONDecoder().raw_decode(done.stdout)[0]["plays"]  # the times of the stages follow
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


@pytest.mark.parametrize(
    ("variables", "accepted"),
    [
        ({"rust_services_namespace": "Rust_Services"}, "accepted is a namespace"),
        ({"rust_services_namespace": "kube-system"}, "accepted is a namespace"),
        ({"rust_services_images": {"service-a": "a:1", "service-b": ""}}, "accepted is {service-a: IMAGE"),
        ({"rust_services_replicas": 0}, "accepted is 1 to 100"),
        ({"rust_services_hosts": []}, "accepted is a list of host names"),
        ({"rust_services_hosts": ["https://api.example.com"]}, "accepted is a list of host names"),
        ({"rust_services_env": {"NOT A NAME": "x"}}, "accepted is names of environment variables"),
        ({"rust_services_gateway_selector": {}}, "accepted is the labels"),
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
    assert rc != 0 and "accepted is images for the nodes' architectures (arm64); these are for amd64" in json.dumps(tasks[-1])
