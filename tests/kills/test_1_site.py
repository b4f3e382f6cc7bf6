# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""site.yml is killed again and again, each run a little later than the one before; then the platform is as if nothing had happened."""

from __future__ import annotations

import subprocess
import sys
import time

from census import added, complaints
from chain import LOGS, After
from harness import REPO, our_containers
from story import FULL

# What a run that nobody killed leaves, by name. A load balancer of three zones and one NAT gateway have interfaces, as have the nodes with their pods.
PLATFORM = {
    "vpcs": ["sandbox-vpc"],
    "subnets": [f"sandbox-{kind}-us-west-2{zone}" for kind in ("private", "public") for zone in "abc"],
    "route tables": [*(f"sandbox-private-us-west-2{zone}" for zone in "abc"), "sandbox-public", "unnamed"],
    "internet gateways": ["sandbox-igw"],
    "NAT gateways": ["sandbox-nat-us-west-2a"],
    "addresses": ["sandbox-nat-us-west-2a"],
    "security groups": ["default", "eks-cluster-sg-sandbox", "sandbox-alb"],
    "network interfaces": ["unnamed"] * 11,
    "volumes": ["sandbox-mng"] * 2,
    "launch templates": ["sandbox-mng"],
    "instances": ["sandbox-mng"] * 2,
    "load balancers": ["sandbox-alb"],
    "listeners": ["sandbox-alb:80"],
    "target groups": ["port 8080"],
    "roles": ["sandbox-us-west-2-aws-load-balancer-controller", "sandbox-us-west-2-eks-cluster", "sandbox-us-west-2-eks-node"],
    "policies": ["sandbox-us-west-2-aws-load-balancer-controller"],
    "policy versions": ["sandbox-us-west-2-aws-load-balancer-controller v1"],
    "OIDC providers": ["provider"],
    "clusters": ["sandbox"],
    "node groups": ["mng"],
    "add-ons": ["coredns", "eks-pod-identity-agent", "kube-proxy", "metrics-server", "vpc-cni"],
    # The first is EKS's own.
    "access entries": ["AWSServiceRoleForAmazonEKS", "moto", "sandbox-us-west-2-eks-node"],
    "log groups": ["/aws/eks/sandbox/cluster"],
}


def test_the_machine_is_empty(story):
    run = story.teardown()
    assert run.code == 0, run.end()
    assert our_containers() == []


def test_it_goes_on_from_the_last_kill_until_it_is_killed(story, site_stop, request):
    run = story.site(site_stop)
    if FULL and run.code == 0 and site_stop.point not in run.executed:
        # The runs before had left nothing for this task to do: the first one has.
        story.teardown()
        run = story.site(site_stop)
    assert run.was_killed, run.end()
    if isinstance(site_stop, After):
        assert run.executed[-1] == site_stop.point
    else:
        assert (run.started[-1], site_stop.point in run.executed) == (site_stop.point, False)
    request.node.user_properties.append(("killed site", type(site_stop).__name__))


def test_the_next_run_finds_all_done_and_the_services_answer(story):
    run = story.site()
    assert run.code == 0, run.end()
    assert run.changed == 0, run.changes()
    assert "Request the services | playbook | Send requests through the load balancer" in run.executed


def test_nothing_is_there_twice_in_aws(story):
    assert added(story.account(), story.before) == PLATFORM


def test_nothing_is_there_twice_in_kubernetes(cluster):
    deadline = time.monotonic() + 60  # pods that are replaced may take their time to leave
    while (found := complaints(cluster)) and time.monotonic() < deadline:
        time.sleep(1)
    assert found == []


def test_nothing_is_there_twice_in_docker():
    assert our_containers() == ["meshgate-alb", "meshgate-aws", "sandbox-control-plane"]


def test_no_output_of_these_runs_holds_a_secret(story, cluster):
    """They are at -vvv, and together they execute every task."""
    story.remember_secrets(cluster)
    logs = sorted(str(log) for log in LOGS.glob("*-site.log"))
    done = subprocess.run([sys.executable, REPO / "tests/inputs/secrets/secret_scan.py", *logs], capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
