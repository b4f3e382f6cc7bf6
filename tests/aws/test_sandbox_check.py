# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""`ansible-playbook playbooks/site.yml -i inventories/sandbox --check`: the whole plan with its price, before anything is created."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture
def site(aws, tmp_path):
    """Run the command as its user would: only the environment says where AWS is."""

    def run(*arguments: str, said: str = '{"eks_cluster_public_access_cidrs": ["203.0.113.0/24"]}', **environment: str) -> subprocess.CompletedProcess[str]:
        surroundings = {
            **os.environ,
            **aws.environment(),
            "AWS_ENDPOINT_URL": aws.endpoint,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "MESHGATE_STATE": str(tmp_path / "state"),
            "MESHGATE_CACHE": str(tmp_path / "cache" / "meshgate"),
            "ANSIBLE_NOCOLOR": "1",
            **environment,
        }
        for name in ("ANSIBLE_STDOUT_CALLBACK", "KUBECONFIG", "AWS_PROFILE"):
            surroundings.pop(name, None)
        argv = [str(BIN / "ansible-playbook"), "playbooks/site.yml", "-i", "inventories/sandbox", "-e", said, *arguments]
        return subprocess.run(argv, cwd=REPOSITORY, env=surroundings, capture_output=True, text=True, timeout=300, check=False)

    return run


def test_check_prints_the_whole_plan_and_what_it_costs(aws, site, tmp_path) -> None:
    before = aws.contents()
    done = site("--check")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    said = " ".join(done.stdout.split())
    # The price is said before the plan.
    costs = said.index("USD an hour, ")
    assert "cost: 0." in said[:costs]
    assert "a month in us-west-2, list prices of " in said
    plan = (
        "would create VPC sandbox-vpc 192.168.0.0/16",
        "would create subnet sandbox-public-us-west-2a 192.168.0.0/19",
        "would create subnet sandbox-private-us-west-2c 192.168.160.0/19",
        "would create NAT gateway sandbox-nat-us-west-2a",
        "would create IAM role sandbox-us-west-2-eks-node",
        "would create EKS cluster sandbox",
        "would create node group mng-arm",
        "would create the IAM role and policy of kube-system/aws-load-balancer-controller",
        "the load balancer sandbox-alb created in front of",
    )
    positions = [said.find(line) for line in plan]
    assert [line for line, position in zip(plan, positions, strict=True) if position < costs] == []
    assert "node m6g.large 2 x 0.077 0.1540/hour 112.42/month" in said
    assert "failed=0" in said
    assert aws.contents() == before
    assert not (tmp_path / "state").exists()
    assert not (tmp_path / "cache").exists()


def test_whom_the_api_answers_has_to_be_said(aws, site) -> None:
    done = site("--check", said="{}")
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert "eks_cluster_public_access_cidrs is 'not set'; accepted: on billed AWS, the networks that may reach the API server" in said
    assert aws.mutations(0) == []


def test_credentials_of_another_account_stop_it_before_anything_else(aws, site) -> None:
    done = site("-e", "eks_cluster_expected_account_id='999999999999'")
    assert done.returncode != 0
    assert "credentials belong to account 123456789012" in " ".join(done.stdout.split())
    assert "Install the toolchain" not in done.stdout
    assert aws.client("eks").list_clusters()["clusters"] == []


def test_without_credentials_it_says_so_in_one_line(site) -> None:
    done = site("--check", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert done.returncode != 0
    assert "sts:GetCallerIdentity: no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout + done.stderr


def test_the_inventory_is_the_seeds_cluster() -> None:
    given = yaml.safe_load((REPOSITORY / "inventories/sandbox/group_vars/all.yml").read_text())
    assert (given["eks_cluster_name"], given["eks_cluster_region"], given["platform_billed"]) == ("sandbox", "us-west-2", True)
    (group,) = given["eks_cluster_node_groups"]
    assert (group["name"], group["instance_types"], group["desired_size"]) == ("mng-arm", ["m6g.large"], 2)


def test_an_inventory_that_does_not_say_who_pays_is_taken_for_billed(aws, tmp_path) -> None:
    """Nobody has to know the word: whom the API server answers has to be said, as on the inventory for AWS."""
    own = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "platform_environment": {}, "platform_context": "own"}
    own |= {
        "toolchain_components": ["kubectl", "helm", "istioctl"],
        "eks_cluster_name": "own",
        "eks_cluster_region": "us-west-2",
        "platform_kubeconfig": str(tmp_path / "kubeconfig"),
    }
    inventory = tmp_path / "own.yml"
    inventory.write_text(yaml.safe_dump({"platform": {"hosts": {"own": own}}}))
    argv = [str(BIN / "ansible-playbook"), "playbooks/site.yml", "-i", str(inventory), "--check"]
    surroundings = {**os.environ, **aws.environment(), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(argv, cwd=REPOSITORY, env=surroundings, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode != 0 and "eks_cluster_public_access_cidrs" in done.stdout, done.stdout[-2000:]
