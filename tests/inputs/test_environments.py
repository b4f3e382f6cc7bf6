# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What surrounds the run is wrong: Docker, ports, disks, programs, publishers, credentials, the account. Refused as early as a wrong value."""

from __future__ import annotations

import fcntl
import json
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from engine_guard import EngineGuard, engine_answers
from machine import BIN, Machine, free_ports

ANYBODY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})
NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
OTHERS = """apiVersion: v1
kind: Config
current-context: production
clusters:
- cluster:
    server: https://203.0.113.1
  name: production
contexts:
- context:
    cluster: production
    user: production
  name: production
users:
- name: production
"""


@pytest.fixture(scope="session")
def docker() -> None:
    """This machine's engine, which role kind_cluster finds or starts: CI's machine begins without."""
    with open(Path(tempfile.gettempdir()) / "meshgate-inputs.lock", "w", encoding="utf-8") as lock:  # other processes run the rest of these tests
        fcntl.flock(lock, fcntl.LOCK_EX)
        have_docker()
    assert engine_answers()


def have_docker() -> None:
    if not engine_answers():
        book = "[{hosts: localhost, gather_facts: false, tasks: [{include_role: {name: meshgate.eks_istio.kind_cluster, tasks_from: docker}}]}]"
        argv = [str(BIN / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={BIN / 'python'}", "/dev/stdin"]
        subprocess.run(argv, input=book, text=True, check=True, timeout=600, cwd=Path(__file__).resolve().parents[2])


# Docker


def test_docker_that_does_not_answer(machine: Machine, refused) -> None:
    nowhere = f"unix://{machine.folder}/none.sock"
    refused(machine, machine.run({}, environment={"DOCKER_HOST": nowhere}), f"DOCKER_HOST is {nowhere}", "accepted: the address of a running one")


def test_docker_that_is_not_there(machine: Machine, refused) -> None:
    """And nothing to install it with."""
    refusal = machine.run({}, environment={"DOCKER_HOST": None}, hidden=("docker", "apt-get"))
    refused(machine, refusal, "Docker is not installed", "accepted: a running Docker 20.10 or newer")


def test_docker_that_is_too_old(machine: Machine, refused, docker) -> None:
    with tempfile.TemporaryDirectory() as folder:
        old = EngineGuard(Path(folder) / "docker.sock", version="19.03.15")
        refused(machine, machine.run({}, environment={"DOCKER_HOST": old.url}), "docker", "19.03.15", "accepted: 20.10 or newer")
        assert old.refused == []
        old.close()


def test_a_docker_network_where_the_pods_would_be(machine: Machine, refused, docker) -> None:
    inspected = json.loads(subprocess.run(["docker", "network", "inspect", "bridge"], capture_output=True, text=True, check=True).stdout)
    subnet = inspected[0]["IPAM"]["Config"][0]["Subnet"]
    refused(machine, machine.run({"kind_cluster_pod_subnet": subnet}), "kind_cluster_pod_subnet", subnet, "a range that no Docker network uses")


@pytest.mark.slow
def test_a_disk_too_small_for_the_cluster(machine: Machine, refused, docker) -> None:
    refusal = machine.run({"kind_cluster_free_disk_gib": 1e6})
    refused(machine, refusal, "kind_cluster_free_disk_gib is 1e+06", "GiB free", "accepted: at least as much free space as the variable sets")


@pytest.fixture
def stranger(docker) -> Iterator[str]:
    """A container that says it is a node of a kind cluster, as somebody else's would."""
    name = f"inputs-{free_ports(1)[0]}"
    empty = subprocess.Popen(["tar", "--create", "--files-from", "/dev/null"], stdout=subprocess.PIPE)
    image = subprocess.run(["docker", "import", "-"], stdin=empty.stdout, capture_output=True, text=True, check=True).stdout.strip()
    empty.wait()
    create = ["docker", "create", "--name", f"{name}-control-plane", "--label", f"io.x-k8s.kind.cluster={name}", image, "nothing"]
    container = subprocess.run(create, capture_output=True, text=True, check=True).stdout.strip()
    yield name
    subprocess.run(["docker", "rm", "--force", container], capture_output=True, check=True)
    subprocess.run(["docker", "rmi", image], capture_output=True, check=True)


@pytest.mark.slow
def test_somebody_elses_kind_cluster(machine: Machine, refused, stranger: str) -> None:
    refused(machine, machine.run({"eks_cluster_name": stranger}), f"kind_cluster_name is {stranger}", "did not create", "accepted: another name")


# Ports, disks, files


PORTS = ["aws_emulator_port", "aws_emulator_https_port", "kind_cluster_api_port"]


@pytest.mark.parametrize("variable", ["aws_emulator_http_port", *[pytest.param(name, marks=[pytest.mark.slow]) for name in PORTS]])
def test_a_port_that_is_taken(machine: Machine, refused, variable: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refusal = machine.run({variable: port})
    refused(machine, refusal, f"{variable} is {port}", "is in use by", "accepted: a free port")


def test_a_kubeconfig_of_another_cluster(machine: Machine, refused, docker) -> None:
    kubeconfig = machine.folder / "theirs"
    kubeconfig.write_text(OTHERS)
    refusal = machine.run({"platform_kubeconfig": str(kubeconfig)})
    refused(machine, refusal, f"kind_cluster_kubeconfig is {kubeconfig}", "(production)", "accepted: a file that does not exist, or this cluster's own")
    assert kubeconfig.read_text() == OTHERS


def test_a_disk_too_small_to_build_on(machine: Machine, refused, docker) -> None:
    small = machine.folder / "disk"
    refusal = machine.run({"toolchain_source": "build", "toolchain_cache_dir": f"{small}/meshgate"}, small=small)
    refused(machine, refusal, "toolchain_cache_dir", str(small), "GB are free", "needs about")


# Programs and publishers


def test_no_go_to_build_with(machine: Machine, refused, docker) -> None:
    refusal = machine.run({"toolchain_source": "build", "toolchain_components": ["kubectl", "helm", "istioctl", "kind"]}, hidden=("go",))
    refused(machine, refusal, "toolchain_source", "go is missing", "install Go 1.")


@pytest.mark.slow
def test_no_helm_although_nobody_is_to_make_it(machine: Machine, refused) -> None:
    refusal = machine.run({"toolchain_components": ["kubectl", "istioctl", "kind"]}, hidden=("helm",))
    refused(machine, refusal, "alb_controller_helm", "helm", "programs that exist")


def test_an_istioctl_that_is_too_old(machine: Machine, refused) -> None:
    program = machine.folder / "istioctl"
    program.write_text('#!/bin/sh\necho \'{"clientVersion": {"version": "1.9.0"}}\'\n')
    program.chmod(0o755)
    refused(machine, machine.run({"istio_istioctl": str(program)}), "istio_istioctl", str(program), "1.9.0", "accepted: an istioctl of istio_version")


def test_publishers_that_do_not_answer(machine: Machine, refused, docker) -> None:
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
    names = ("kubectl", "helm", "istioctl", "kind", "gateway_api", "alb_controller_assets", "iam_policy")
    given = {
        "toolchain_source": "pull",
        "toolchain_components": ["kubectl", "helm", "istioctl", "kind"],
        "toolchain_pull_urls": {name: f"{nobody}/{name}" for name in names},
    }
    refused(machine, machine.run(given), "toolchain_source is pull", f"{nobody}/kubectl", "accepted: addresses that answer")


@pytest.mark.slow
@pytest.mark.parametrize(("program", "said"), [("", "aws is not on the PATH"), ("echo aws-cli/1.16.0", "aws-cli/1.16.0")])
def test_an_aws_cli_that_makes_no_tokens(machine: Machine, refused, program: str, said: str) -> None:
    if program:
        (machine.folder / "bin").mkdir()
        aws = machine.folder / "bin/aws"
        aws.write_text(f"#!/bin/sh\n{program}\n")
        aws.chmod(0o755)
    path = f"{machine.folder}/bin:{BIN}:/usr/bin:/bin"
    refusal = machine.run({}, inventory="sandbox", environment={"PATH": path}, hidden=() if program else ("aws",))
    refused(machine, refusal, said, "accepted: the AWS CLI from 2.12.3 or 1.27.160")


# Credentials


def test_no_credentials(machine: Machine, refused) -> None:
    refusal = machine.run({}, inventory="sandbox", environment=NO_KEYS)
    refused(machine, refusal, "no AWS credentials", "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")


@pytest.mark.slow
def test_a_profile_that_is_not_there(machine: Machine, refused) -> None:
    refused(machine, machine.run({}, inventory="sandbox", environment={**NO_KEYS, "AWS_PROFILE": "nobody"}), "nobody", "could not be found")


def test_expired_credentials(machine: Machine, refused, proxy) -> None:
    proxy.inject("expired", "sts:GetCallerIdentity", times=99)
    refused(machine, machine.run({}, inventory="sandbox"), "sts:GetCallerIdentity", "the AWS credentials have expired")


def test_credentials_of_another_account(machine: Machine, refused) -> None:
    refusal = machine.run({"eks_cluster_expected_account_id": "999999999999"}, inventory="sandbox")
    refused(machine, refusal, "eks_cluster_expected_account_id is '999999999999'", "credentials belong to account 123456789012")


def test_credentials_that_may_do_nothing(machine: Machine, refused, account: str) -> None:
    iam = client(account, "iam")
    iam.create_user(UserName="guest")
    key = iam.create_access_key(UserName="guest")["AccessKey"]
    keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    refused(
        machine,
        machine.run({}, inventory="sandbox", environment=keys),
        "user/guest lacks",
        "no policy allows it",
        "accepted: the actions of the operator policy",
    )


# The account


def client(endpoint: str, service: str):
    return boto3.client(service, region_name="us-west-2", endpoint_url=endpoint, aws_access_key_id="test", aws_secret_access_key="emulated-secret-key")


@pytest.mark.slow
def test_an_instance_type_that_the_region_does_not_have(machine: Machine, refused) -> None:
    given = {"eks_cluster_node_groups": [{"name": "one", "instance_types": ["m99g.large"], "desired_size": 1}]}
    refused(machine, machine.run(given, inventory="sandbox"), "eks_cluster_node_groups[0].instance_types", "m99g.large", "accepted: types that us-west-2a")


def test_a_version_that_eks_does_not_offer(machine: Machine, refused) -> None:
    refusal = machine.run({"eks_cluster_version": "1.21"}, inventory="sandbox")
    refused(machine, refusal, "eks_cluster_version is '1.21'", "accepted in us-west-2: one of 1.")


def test_no_room_for_another_vpc(machine: Machine, refused, account: str) -> None:
    ec2 = client(account, "ec2")
    for _vpc in range(5 - len(ec2.describe_vpcs()["Vpcs"])):
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    refused(machine, machine.run({}, inventory="sandbox"), "VPCs in us-west-2: 5 of 5 are in use", "accepted: at most 4 in use", "L-F678F1CE")


@pytest.mark.slow
def test_a_role_of_that_name_that_is_somebody_elses(machine: Machine, refused, account: str) -> None:
    client(account, "iam").create_role(RoleName="inputs-us-west-2-eks-node", AssumeRolePolicyDocument=ANYBODY)
    refused(machine, machine.run({}, inventory="sandbox"), "IAM role inputs-us-west-2-eks-node exists and is not managed by this collection")


def test_a_vpc_that_is_not_there(machine: Machine, refused) -> None:
    subnets = {"public": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]}
    refusal = machine.run({"eks_cluster_vpc_id": "vpc-0123456789abcdef0", "eks_cluster_subnet_ids": subnets}, inventory="sandbox")
    refused(machine, refusal, "eks_cluster_vpc_id", "vpc-0123456789abcdef0", "accepted")


@pytest.mark.slow
def test_a_host_name_without_a_zone(machine: Machine, refused) -> None:
    refusal = machine.run({"istio_ingress_host_name": "mesh.example.com"}, inventory="sandbox")
    refused(machine, refusal, "mesh.example.com", "hosted zone")


@pytest.mark.slow
def test_an_api_server_of_which_nobody_said_whom_it_answers(machine: Machine, refused) -> None:
    refusal = machine.run({"eks_cluster_public_access_cidrs": []}, inventory="sandbox")
    refused(
        machine, refusal, "eks_cluster_public_access_cidrs", "not set", "[203.0.113.0/24], [0.0.0.0/0] for everyone", "eks_cluster_endpoint_access: private"
    )


@pytest.mark.slow
def test_a_bucket_that_is_not_there(machine: Machine, refused) -> None:
    refused(machine, machine.run({"istio_ingress_access_logs": {"bucket": "no-such-logs"}}, inventory="sandbox"), "no-such-logs", "bucket")


@pytest.mark.slow
def test_an_aws_that_does_not_answer(machine: Machine, refused) -> None:
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    refused(machine, machine.run({}, inventory="sandbox", environment={"AWS_ENDPOINT_URL": nowhere}), "sts:GetCallerIdentity", nowhere)
