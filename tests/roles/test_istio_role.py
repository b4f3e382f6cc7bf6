# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Role istio before there is a cluster: what it says it would do, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
CERTIFICATE = "arn:aws:acm:us-west-2:123456789012:certificate/11111111-2222-3333-4444-555555555555"
LB_ATTRIBUTES = "alb.ingress.kubernetes.io/load-balancer-attributes"
# The variables that are wrong, and what the message must hold: the variable, the value, what is accepted.
BUILT = {"istio": {"hub": "meshgate.local/istio", "tag": "1.31.1-0123abcd", "values": {}}}
EKS = {"eks_cluster_facts": {"exists": False, "endpoint": "https://0123.gr7.us-west-2.eks.amazonaws.com"}}
REFUSED: list[tuple[dict[str, t.Any], list[str]]] = [
    ({"toolchain_facts": BUILT, "platform_billed": True}, ["istio_hub is 'meshgate.local/istio'", "docker.io/istio"]),
    ({"istio_hub": "meshgate.local/istio", **EKS}, ["istio_hub is 'meshgate.local/istio'", "docker.io/istio"]),
    ({"istio_operator_spec": {"values": {"global": {"hub": "meshgate.local/istio"}}}, **EKS}, ["istio_hub is 'meshgate.local/istio'", "a laptop only"]),
    ({"toolchain_facts": {}, "istio_hub": "", "platform_billed": True}, ["istio_hub is '';", "docker.io/istio"]),
    ({"istio_version": "latest"}, ["istio_version is 'latest'", "1.31.1"]),
    ({"istio_profile": "production"}, ["istio_profile", "production", "minimal"]),
    ({"istio_revision": "1.31"}, ["istio_revision is '1.31'", "hyphens"]),
    ({"istio_ingress_namespace": "istio-system"}, ["istio_ingress_namespace are istio-system, istio-system", "different"]),
    ({"istio_ingress_replicas": 0}, ["istio_ingress_replicas", "are 0, 0", "at least 1"]),
    ({"istio_ingress_replicas": 3, "istio_ingress_max_replicas": 2}, ["istio_ingress_max_replicas are 3, 2"]),
    ({"istio_ingress_http_port": 443}, ["istio_ingress_http_port", "443, 443", "different ports"]),
    ({"istio_ingress_https_port": 70000}, ["istio_ingress_https_port", "70000", "65535"]),
    ({"istio_ingress_scheme": "public"}, ["istio_ingress_scheme", "public", "internet-facing"]),
    ({"istio_ingress_certificate_arn": "my-certificate"}, ["istio_ingress_certificate_arn is 'my-certificate'", "ACM"]),
    (
        {"istio_ingress_certificate_arn": CERTIFICATE, "istio_region": "eu-west-1"},
        ["istio_ingress_certificate_arn, istio_region are", "the load balancer's region"],
    ),
    ({"istio_ingress_redirect": True}, ["istio_ingress_redirect is True", "istio_ingress_certificate_arn"]),
    ({"istio_ingress_source_cidrs": ["balancer"]}, ["istio_ingress_source_cidrs is ['balancer']", "10.0.0.0/20"]),
    ({"istio_ingress_max_connections": -1}, ["istio_ingress_max_connections is -1", "0 for no limit"]),
    ({"istio_ingress_request_headers_timeout": 0}, ["istio_ingress_request_headers_timeout is 0;", "at least 1"]),
    ({"istio_ingress_ssl_policy": "strict", "istio_ingress_certificate_arn": CERTIFICATE}, ["istio_ingress_ssl_policy is 'strict'"]),
    ({"istio_ingress_waf_acl_arn": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/b"}, ["istio_ingress_waf_acl_arn", "regional"]),
    ({"istio_ingress_ssl_policy": "ELBSecurityPolicy-Strict", "istio_ingress_host_name": "a.test"}, ["istio_ingress_ssl_policy is 'ELBSecurityPolicy-Strict'"]),
    (
        {"istio_ingress_waf_acl_arn": "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/a/b"},
        ["istio_ingress_waf_acl_arn, istio_region", "the load balancer's region"],
    ),
    ({"istio_ingress_host_name": "mesh_example.com"}, ["istio_ingress_host_name is 'mesh_example.com'", "mesh.example.com"]),
    ({"istio_ingress_host_name": f"{'a' * 60}.example.com"}, ["istio_ingress_host_name is 'aaaa", "at most 64 characters"]),
    ({"istio_ingress_hosted_zone_id": "Z0123456789"}, ["istio_ingress_hosted_zone_id is 'Z0123456789'", "together with istio_ingress_host_name"]),
    ({"istio_ingress_hosted_zone_id": "example.com", "istio_ingress_host_name": "a.example.com"}, ["istio_ingress_hosted_zone_id is 'example.com'"]),
    ({"istio_ingress_access_logs": {"prefix": "mesh"}}, ["istio_ingress_access_logs is {'prefix': 'mesh'}", "a bucket"]),
    ({"istio_ingress_access_logs": {"bucket": "logs", "kms": True}}, ["istio_ingress_access_logs is", "bucket: my-logs"]),
    ({"istio_ingress_access_logs": {"bucket": "logs"}, "istio_ingress_annotations": {LB_ATTRIBUTES: "access_logs.s3.enabled=false"}}, ["in one of them"]),
    ({"istio_ingress_load_balancer_name": "internal-alb"}, ["istio_ingress_load_balancer_name is 'internal-alb'", "internal-"]),
    ({"istio_ingress_load_balancer_name": "a" * 33}, ["istio_ingress_load_balancer_name", "32"]),
    ({"istio_ingress_group_name": "Sandbox"}, ["istio_ingress_group_name is 'Sandbox'", "lower-case"]),
    ({"istio_ingress_security_group_ids": ["sandbox-alb"]}, ["istio_ingress_security_group_ids is ['sandbox-alb']", "sg-0123"]),
    ({"istio_ingress_tags": {"team": "a,b"}}, ["istio_ingress_tags is {'team': 'a,b'}", "without commas"]),
    ({"istio_ingress_inbound_cidrs": ["everybody"]}, ["istio_ingress_inbound_cidrs is ['everybody']", "203.0.113.0/24"]),
    ({"istio_ingress_healthcheck_path": "healthz"}, ["istio_ingress_healthcheck_path is 'healthz'", "slash"]),
    ({"istio_ingress_healthcheck_interval": 4}, ["istio_ingress_healthcheck_interval", "are 4, 2", "5 to 300"]),
    ({"istio_ingress_healthcheck_timeout": 5}, ["istio_ingress_healthcheck_timeout are 5, 5", "less than the interval"]),
    ({"istio_ingress_healthy_threshold": 1}, ["istio_ingress_healthy_threshold", "2 to 10"]),
    ({"istio_ingress_deregistration_delay": 3601}, ["istio_ingress_deregistration_delay is 3601", "3600"]),
    ({"istio_ingress_prestop_seconds": 3, "istio_ingress_drain_seconds": 0}, ["istio_ingress_drain_seconds is 0;", "at least 1"]),
    ({"istio_ingress_connect_to": "127.0.0.1"}, ["istio_ingress_connect_to is '127.0.0.1'", "host:port"]),
    ({"istio_ingress_connect_to": "127.0.0.1:80", "istio_ingress_wait_for": ["dns"]}, ["istio_ingress_connect_to", "dns"]),
]


def play(folder: Path, cases: list[dict[str, t.Any]], *options: str, tasks_from: str = "main") -> tuple[list[str], str]:
    """Run the role once a case, in one run of Ansible: what each was refused with, empty if it was not, and the whole output."""
    tasks = []
    for number, variables in enumerate(cases):
        role = {"name": "meshgate.eks_istio.istio", "tasks_from": tasks_from}
        run = {"name": f"Case {number}", "ansible.builtin.include_role": role, "vars": {"istio_kubeconfig": "/nonexistent/kubeconfig", **variables}}
        failed = "{{ (ansible_failed_result.results | default([ansible_failed_result])) | map(attribute='msg') | join(' ') }}"
        tasks.append({"block": [run], "rescue": [{"name": "Note it", "ansible.builtin.set_fact": {f"said_{number}": failed}}]})
    content = "{{ {" + ", ".join(f"'{n}': said_{n} | default('')" for n in range(len(cases))) + "} | to_json }}"
    told = {"name": "Tell", "ansible.builtin.copy": {"dest": str(folder / "said.json"), "content": content, "mode": "0600"}}
    told["check_mode"] = False
    document = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [*tasks, told]}]
    (folder / "play.yml").write_text(json.dumps(document))
    environment = {**os.environ, "ANSIBLE_PYTHON_INTERPRETER": sys.executable, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg")}
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", *options, str(folder / "play.yml")]
    done = subprocess.run(argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert (folder / "said.json").exists(), done.stdout + done.stderr
    said = json.loads((folder / "said.json").read_text())
    return [said[str(number)] for number in range(len(cases))], done.stdout


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return play(tmp_path_factory.mktemp("refused"), [variables for variables, _unused in REFUSED], "--check")[0]


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=lambda number: "+".join(REFUSED[number][0]))
def test_what_cannot_be_right_is_refused_with_variable_value_and_what_is_accepted(refusals: list[str], number: int) -> None:
    for words in REFUSED[number][1]:
        assert words in refusals[number]


STOCK = {"istio": {"hub": "meshgate.local/istio", "tag": "1.31.1-0123abcd", "values": {}, "stock_envoy": True}}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"toolchain_facts": STOCK}, True),
        ({"toolchain_facts": STOCK, "istio_hub": "docker.io/istio"}, False),
        ({"toolchain_facts": STOCK, "istio_operator_spec": {"hub": "docker.io/istio"}}, False),
        ({"toolchain_facts": {"istio": {**STOCK["istio"], "hub": "docker.io/istio", "stock_envoy": False}}}, False),
        ({"toolchain_facts": {"istio": {}}}, False),
        ({}, False),
    ],
)
def test_only_images_with_a_stock_envoy_get_the_filter_that_counts(tmp_path: Path, variables: dict[str, t.Any], expected: bool) -> None:
    files = [str(REPOSITORY / "roles/istio" / part / "main.yml") for part in ("defaults", "vars")]
    content = "{{ [_istio_stock_envoy, _istio_metrics_filter] | to_json }}"
    written = {"name": "Write it", "ansible.builtin.copy": {"dest": str(tmp_path / "made.json"), "content": content, "mode": "0600"}}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars_files": files, "tasks": [written]}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    (tmp_path / "given.json").write_text(json.dumps(variables))
    environment = {**os.environ, "ANSIBLE_PYTHON_INTERPRETER": sys.executable, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg")}
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-e", f"@{tmp_path / 'given.json'}", str(tmp_path / "play.yml")]
    subprocess.run(argv, cwd=REPOSITORY, env=environment, check=True, capture_output=True, timeout=120)
    stock, made = json.loads((tmp_path / "made.json").read_text())
    assert (stock, made["kind"], made["metadata"]["namespace"]) == (expected, "EnvoyFilter", "istio-system")


def test_without_a_cluster_check_mode_says_what_would_be_installed(tmp_path: Path) -> None:
    said, output = play(tmp_path, [{"istio_ingress_certificate_arn": CERTIFICATE}], "--check")
    assert said == [""]
    assert "would be installed, and the load balancer sandbox-alb created in front of its gateway" in " ".join(output.split())


def test_without_a_cluster_a_run_is_refused(tmp_path: Path) -> None:
    said, _unused = play(tmp_path, [{}])
    assert said[0].startswith("istio_kubeconfig is /nonexistent/kubeconfig: the cluster does not answer")
