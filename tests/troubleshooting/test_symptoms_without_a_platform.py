# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Symptoms that need no cluster: of this machine, of the account, of the kubeconfig; and that no symptom is without its test."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from aws_harness import Account, emulator
from harness import Play
from looking import by_module, by_playbook, first, seen

from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis.symptoms import SYMPTOMS

HERE = Path(__file__).resolve().parent
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with emulator() as endpoint:
        yield Account(endpoint)


@pytest.fixture(scope="module")
def cluster(account: Account) -> dict[str, str]:
    """An EKS cluster with one node group, as AWS knows it."""
    eks, subnets = account.client("eks"), account.subnets(account.vpc())
    role = account.role("cluster", "eks.amazonaws.com")
    eks.create_cluster(name="known", roleArn=role, resourcesVpcConfig={"subnetIds": subnets})
    eks.get_waiter("cluster_active").wait(name="known", WaiterConfig={"Delay": 1})
    eks.create_nodegroup(clusterName="known", nodegroupName="blue", subnets=subnets, nodeRole=account.role("node", "ec2.amazonaws.com"))
    eks.get_waiter("nodegroup_active").wait(clusterName="known", nodegroupName="blue", WaiterConfig={"Delay": 1})
    return {"cluster_name": "known", "endpoint_url": account.endpoint}


@pytest.fixture
def kubectl(tmp_path: Path) -> str:
    """As far as a kubeconfig goes, kubectl is this; the API server that it names does not answer, or answers what the file says."""
    program = tmp_path / "kubectl"
    program.write_text(
        '#!/bin/sh\ncase "$*" in\n'
        '  *"config view"*) sed -n "s/.*server: *//p" "${1#--kubeconfig=}" | tr -d "\\n" ;;\n'
        '  *) echo "The connection to the server was refused - did you specify the right host or port?" >&2; exit 1 ;;\nesac\n'
    )
    program.chmod(0o755)
    return str(program)


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    path = tmp_path / "kubeconfig"
    path.write_text("clusters:\n- cluster:\n    server: https://127.0.0.1:9\n")
    return str(path)


def test_every_symptom_is_produced_by_a_test() -> None:
    # Requests are counted where Prometheus runs.
    files = [*HERE.glob("test_*.py"), *(HERE.parents[1] / "molecule/observability/tests").glob("test_*.py")]
    calls = [node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    produced = {call.args[1].value for call in calls if getattr(call.func, "id", "") == "seen" and isinstance(call.args[1], ast.Constant)}
    assert set(SYMPTOMS) - produced == set()


def test_a_machine_without_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the playbook: it must end well where there is nothing at all, and write what it shows to the file that is asked for."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    written = tmp_path / "report.txt"
    found = by_playbook(Play(), "-e", "eks_cluster_name=nowhere", "-e", "aws_emulator_port=9", "-e", f"diagnose_file={written}")
    assert written.read_text(encoding="utf-8").strip() == found["report"].strip()
    assert written.stat().st_mode & 0o777 == 0o600
    seen(found, "docker", "docker")
    assert first(found) == "docker"
    # What only follows from it is no finding of its own.
    assert [one["symptom"] for one in found["findings"]] == ["docker"]


def test_a_fault_on_purpose_that_nobody_took_back(cluster: dict[str, str], kubeconfig: str, kubectl: str) -> None:
    rule = {"match": {"headers": {"x-break": "yes"}}, "to": [{"app": "front"}], "faults": {"abort": {"percent": 10, "code": 503}, "until": "2026-01-31"}}
    routes = [{"name": "shop", "namespace": "shop", "hosts": ["shop.example.com"], "rules": [rule]}]
    found = by_module(**cluster, kubeconfig=kubeconfig, kubectl=kubectl, routes=routes)
    seen(found, "fault", "route shop of shop, rule 1: its faults were to end on 2026-01-31")


def test_no_tools(cluster: dict[str, str], kubeconfig: str) -> None:
    found = by_module(**cluster, kubeconfig=kubeconfig, kubectl="/nonexistent/kubectl", istioctl="/nonexistent/istioctl")
    seen(found, "tool", "/nonexistent/kubectl: no such program")


def test_no_platform(account: Account) -> None:
    found = by_module(endpoint_url=account.endpoint, kubeconfig="/nonexistent/kubeconfig")
    seen(found, "nothing", "EKS has no cluster sandbox in account 123456789012")
    assert [one["symptom"] for one in found["findings"]] == ["nothing"]


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    found = by_module(access_key=None, secret_key=None, endpoint_url=NOBODY, kubeconfig="/nonexistent/kubeconfig")
    seen(found, "credentials", "no AWS credentials; set AWS_PROFILE")
    assert first(found) == "credentials"


def test_nobody_at_the_address_of_aws(kubeconfig: str, kubectl: str) -> None:
    found = by_module(endpoint_url=NOBODY, kubeconfig=kubeconfig, kubectl=kubectl)
    seen(found, "aws", "nothing answers at http://127.0.0.1:9")


def test_an_account_that_forgot(account: Account, kubeconfig: str, kubectl: str) -> None:
    found = by_module(endpoint_url=account.endpoint, kubeconfig=kubeconfig, kubectl=kubectl)
    seen(found, "account", "EKS has no cluster sandbox")
    seen(found, "api", "https://127.0.0.1:9")


def test_a_sick_node_group(account: Account, cluster: dict[str, str]) -> None:
    issue = {"code": "AsgInstanceLaunchFailures", "message": "You've reached your quota"}
    account.control("PUT", "clusters/known/health", {"node_groups": {"blue": {"status": "DEGRADED", "issues": [issue]}}})
    found = by_module(**cluster, kubeconfig="/nonexistent/kubeconfig")
    seen(found, "eks", "node group blue is DEGRADED", "AsgInstanceLaunchFailures: You've reached your quota")


def test_a_kubeconfig_that_is_not_there(cluster: dict[str, str]) -> None:
    seen(by_module(**cluster, kubeconfig="/nonexistent/kubeconfig"), "kubeconfig", "there is no kubeconfig /nonexistent/kubeconfig")


def test_a_kubeconfig_of_another_cluster(account: Account, cluster: dict[str, str], kubeconfig: str, kubectl: str) -> None:
    endpoint = account.client("eks").describe_cluster(name="known")["cluster"]["endpoint"]
    found = by_module(**cluster, kubeconfig=kubeconfig, kubectl=kubectl)
    seen(found, "kubeconfig", "points at https://127.0.0.1:9", endpoint)
    seen(found, "api", "did you specify the right host or port?")


def test_the_report_is_data_too(account: Account) -> None:
    found = by_module(endpoint_url=account.endpoint, kubeconfig="/nonexistent/kubeconfig")
    assert json.loads(json.dumps(found))["healthy"] is False
    assert found["changed"] is False
    assert {section["title"]: section["state"] for section in found["sections"]}["AWS"] == "wrong"
