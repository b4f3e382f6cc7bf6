# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One emulated AWS account with everything that a test does to it: plain boto3, our modules, our roles, faults."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import account as platform_account
import aws_harness
import boto3
import yaml
from fault_proxy import FaultProxy
from harness import Play, Run

REPOSITORY = Path(__file__).resolve().parents[2]
REGION = "us-west-2"
CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "emulated-secret-key"}
# The emulated AWS's minutes.
QUICK = {"MESHGATE_CLUSTER_SECONDS": "0.1", "MESHGATE_NODEGROUP_SECONDS": "0.1", "MESHGATE_ADDON_SECONDS": "0.1", "MESHGATE_DELETED_SECONDS": "3600"}
# Nothing that a test made outlives it.
WAITS = {"eks_cluster_wait_timeout": 60, "eks_cluster_wait_delay": 0.1, "eks_cluster_remove_logs": "delete"}


class Cloud(aws_harness.Account):
    """`client` and `contents` ask the account directly; modules and roles go through the fault proxy."""

    def __init__(self, endpoint: str, proxy: FaultProxy, folder: Path) -> None:
        super().__init__(endpoint)
        self.faults = proxy
        self.faults.reset(endpoint)
        self.folder = folder
        self._clients: dict[tuple[str, str], Any] = {}
        self._plays = 0

    def client(self, service: str, region: str = REGION) -> Any:
        if (service, region) not in self._clients:
            self._clients[service, region] = boto3.client(service, region_name=region, endpoint_url=self.endpoint, **CREDENTIALS)
        return self._clients[service, region]

    def contents(self) -> dict[str, list[str]]:
        """Ids of everything in the account, by kind."""
        return platform_account.contents(self.client)

    def module(self, name: str, /, check: bool = False, **parameters: Any) -> dict[str, Any]:
        """What a module of ours returns; a failure is returned, too."""
        found = importlib.import_module(f"ansible_collections.meshgate.eks_istio.plugins.modules.{name}")
        return aws_harness.run(found, self.faults.url, check, **parameters)

    def role_for(self, service: str, name: str) -> str:
        """The ARN of an IAM role that a service may assume."""
        return aws_harness.Account(self.endpoint).role(name, service)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        from urllib.request import Request, urlopen

        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.endpoint}/_meshgate/{path}", data, {"Content-Type": "application/json"}, method=method)
        with urlopen(request, timeout=70) as answer:
            return json.load(answer)

    def environment(self) -> dict[str, str]:
        """What an AWS client of another process needs to come here, through the fault proxy."""
        return {
            "AWS_ENDPOINT_URL": self.faults.url,
            "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def role(  # type: ignore[override]
        self, name: str, tasks_from: str = "main", check: bool = False, ok: bool = True, environment: dict[str, str | None] | None = None, **variables: Any
    ) -> Run:
        """Run one role by ansible-playbook. `environment` replaces variables of the environment, None removes them."""
        include = {"name": f"meshgate.eks_istio.{name}", "tasks_from": tasks_from}
        tasks = [{"name": f"Role {name}", "ansible.builtin.include_role": include}]
        return self.play(
            [{"name": name, "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}], check, ok, environment, variables
        )

    def play(
        self,
        plays: list[dict[str, Any]],
        check: bool = False,
        ok: bool = True,
        environment: dict[str, str | None] | None = None,
        variables: dict[str, Any] | None = None,
    ) -> Run:
        self._plays += 1
        book, given = self.folder / f"play-{self._plays}.yml", self.folder / f"vars-{self._plays}.json"
        book.write_text(yaml.safe_dump(plays, sort_keys=False))
        interpreter = {"ansible_python_interpreter": sys.executable}
        given.write_text(json.dumps({**WAITS, "eks_cluster_state_dir": str(self.folder / "state"), **interpreter, **(variables or {})}))
        argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", str(book), "-e", f"@{given}", "--diff"]
        surroundings = {
            **os.environ,
            **self.environment(),
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_ASYNC_DIR": str(self.folder / "async"),
            **(environment or {}),
        }
        kept = {key: value for key, value in surroundings.items() if value is not None}
        # What modules did before, in the test's own process, is not this run's.
        self.faults.unmarked.clear()
        started = time.monotonic()
        command = [*argv, "--check"] if check else argv
        done = subprocess.run(command, cwd=REPOSITORY, env=kept, capture_output=True, text=True, timeout=600, check=False)
        run = Play._read(done, time.monotonic() - started)
        assert not self.faults.unmarked, f"the operator policy lets nobody do this without the owner's mark: {self.faults.unmarked}"
        if ok:
            assert done.returncode == 0, run.failures() or done.stdout[-4000:] + done.stderr[-2000:]
        return run

    def aws_cli(self, *arguments: str) -> Any:
        """What the AWS CLI, a client that is not ours, says."""
        argv = [str(Path(sys.executable).parent / "aws"), "--output", "json", *arguments]
        done = subprocess.run(
            argv, env={**os.environ, **self.environment(), "AWS_ENDPOINT_URL": self.endpoint}, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def picture(self) -> dict[str, list[str]]:
        """Everything in the account in a form in which two accounts can be compared: no ids, no times, lists in order."""
        ec2, iam, eks, elb = (self.client(name) for name in ("ec2", "iam", "eks", "elbv2"))
        seen: dict[str, list[Any]] = {
            "vpcs": ec2.describe_vpcs()["Vpcs"],
            "subnets": ec2.describe_subnets()["Subnets"],
            "route_tables": ec2.describe_route_tables()["RouteTables"],
            "internet_gateways": ec2.describe_internet_gateways()["InternetGateways"],
            "nat_gateways": [item for item in ec2.describe_nat_gateways()["NatGateways"] if item["State"] not in ("deleted", "deleting")],
            "addresses": ec2.describe_addresses()["Addresses"],
            "security_groups": ec2.describe_security_groups()["SecurityGroups"],
            "launch_templates": ec2.describe_launch_templates()["LaunchTemplates"],
            "endpoints": ec2.describe_vpc_endpoints()["VpcEndpoints"],
            "load_balancers": elb.describe_load_balancers()["LoadBalancers"],
            "target_groups": elb.describe_target_groups()["TargetGroups"],
            "log_groups": self.client("logs").describe_log_groups()["logGroups"],
            "certificates": self._certificates(),
            "records": self._records(),
            "repositories": self._repositories(),
            "roles": [self._role(role["RoleName"]) for role in iam.list_roles()["Roles"] if not role["Path"].startswith("/aws-service-role/")],
            "policies": [self._policy(policy["Arn"]) for policy in iam.list_policies(Scope="Local")["Policies"]],
            "oidc_providers": [
                iam.get_open_id_connect_provider(OpenIDConnectProviderArn=item["Arn"])
                for item in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
            ],
            "clusters": [self._cluster(name) for name in eks.list_clusters()["clusters"]],
        }
        return {kind: sorted(json.dumps(_plain(item), sort_keys=True, default=str) for item in items) for kind, items in seen.items()}

    def _certificates(self) -> list[Any]:
        acm = self.client("acm")
        return [acm.describe_certificate(CertificateArn=item["CertificateArn"])["Certificate"] for item in acm.list_certificates()["CertificateSummaryList"]]

    def _records(self) -> list[Any]:
        route53 = self.client("route53")
        zones = route53.list_hosted_zones()["HostedZones"]
        return [record for zone in zones for record in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]]

    def _repositories(self) -> list[Any]:
        ecr, found = self.client("ecr"), []
        for item in ecr.describe_repositories()["repositories"]:
            images = ecr.list_images(repositoryName=item["repositoryName"])["imageIds"]
            found.append([item, ecr.list_tags_for_resource(resourceArn=item["repositoryArn"])["tags"], images])
        return found

    def _role(self, name: str) -> Any:
        iam = self.client("iam")
        return [
            iam.get_role(RoleName=name)["Role"],
            sorted(item["PolicyArn"] for item in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]),
            {
                inline: iam.get_role_policy(RoleName=name, PolicyName=inline)["PolicyDocument"]
                for inline in iam.list_role_policies(RoleName=name)["PolicyNames"]
            },
        ]

    def _policy(self, arn: str) -> Any:
        iam = self.client("iam")
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        default = next(item["VersionId"] for item in versions if item["IsDefaultVersion"])
        tags = iam.list_policy_tags(PolicyArn=arn)["Tags"]
        return [arn, len(versions), iam.get_policy_version(PolicyArn=arn, VersionId=default)["PolicyVersion"]["Document"], tags]

    def _cluster(self, name: str) -> Any:
        eks = self.client("eks")
        groups = [eks.describe_nodegroup(clusterName=name, nodegroupName=item)["nodegroup"] for item in eks.list_nodegroups(clusterName=name)["nodegroups"]]
        addons = [eks.describe_addon(clusterName=name, addonName=item)["addon"] for item in eks.list_addons(clusterName=name)["addons"]]
        cluster = eks.describe_cluster(name=name)["cluster"]
        entries = []
        if cluster["accessConfig"]["authenticationMode"] != "CONFIG_MAP":
            for arn in eks.list_access_entries(clusterName=name)["accessEntries"]:
                entry = eks.describe_access_entry(clusterName=name, principalArn=arn)["accessEntry"]
                entries.append([entry, eks.list_associated_access_policies(clusterName=name, principalArn=arn)["associatedAccessPolicies"]])
        identities = [
            eks.describe_pod_identity_association(clusterName=name, associationId=item["associationId"])["association"]
            for item in eks.list_pod_identity_associations(clusterName=name)["associations"]
        ]
        return [cluster, groups, addons, entries, identities]


# Ids and addresses that AWS chooses; `eks-cluster-sg-<name>-<number>`, and the unique part of an issuer's address.
CHOSEN = [
    (re.compile(r"\b(vpc|subnet|igw|nat|eni|rtb|rtbassoc|eipalloc|eipassoc|eipassn|sgr|sg|lt|asg|vpce|vpc-cidr-assoc|i|a|acl|dopt)-[0-9a-f]{8,}\b"), r"\1"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "uuid"),
    (re.compile(r"(eks-cluster-sg-[\w-]+?)-\d{6,}"), r"\1"),
    (re.compile(r"\b[0-9A-F]{32}\b"), "ISSUER"),
    (re.compile(r"\ba-[0-9a-z]{17}\b"), "association"),
    (re.compile(r"-\d{6,}(\.[\w-]+\.elb\.)"), r"\1"),
    (re.compile(r"(:loadbalancer/app/[\w-]+|:targetgroup/[\w-]+)/[0-9a-f]{16}"), r"\1"),
    (re.compile(r"\b(AROA|ANPA|AIPA)[A-Z0-9]{10,}"), r"\1"),
]
VOLATILE = (
    "ResponseMetadata",
    "creationTime",
    "AvailableIpAddressCount",
    "PublicIp",
    "PrivateIp",
    "PrivateIpAddress",
    "certificateAuthority",
    "RoleLastUsed",
    "Serial",
    "SerialNumber",
)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in sorted(value.items()) if key not in VOLATILE and not _is_time(item)}
    if isinstance(value, (list, tuple)):
        return sorted((_plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True, default=str))
    if isinstance(value, str):
        for pattern, replacement in CHOSEN:
            value = pattern.sub(replacement, value)
    return value


def _is_time(value: Any) -> bool:
    return hasattr(value, "isoformat")
