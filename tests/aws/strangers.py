# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Planted strangers: what others have in the same account, made to look like ours. One list for every run that must not touch them.

`plant_around` puts what is beside a platform, `plant_inside` what is in its own VPC or is made of its parts. `Planted.touched` says what differs from before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import boto3
from cloud import CREDENTIALS, REGION

ELSEWHERE = "eu-west-1"
MARK, REGION_MARK = "meshgate.io/cluster", "meshgate.io/region"
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]})
# What AWS itself changes without anybody touching the thing.
VOLATILE = ("ResponseMetadata", "RoleLastUsed", "AttachmentCount", "AvailableIpAddressCount", "lastRecordedPullTime", "storedBytes")


def trust(**principal: str) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def tags(**given: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in given.items()]


@dataclass
class Ground:
    """An emulated account, the platform's name in it, and what strangers need of their own. `parts` has ours, for those who get in its way."""

    endpoint: str
    name: str
    region: str = REGION
    parts: dict[str, Any] = field(default_factory=dict)
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def client(self, service: str, region: str = "") -> Any:
        key = (service, region or self.region)
        if key not in self._clients:
            self._clients[key] = boto3.client(service, region_name=key[1], endpoint_url=self.endpoint, **CREDENTIALS)
        return self._clients[key]

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    # How a cluster's name is written into tags, by those for whom a name is enough.

    @property
    def of_kubernetes(self) -> list[dict[str, str]]:
        return [{"Key": f"kubernetes.io/cluster/{self.name}", "Value": "owned"}]

    @property
    def of_the_controller(self) -> list[dict[str, str]]:
        return [{"Key": "elbv2.k8s.aws/cluster", "Value": self.name}]

    @property
    def ours(self) -> list[dict[str, str]]:
        return [{"Key": MARK, "Value": self.name}]

    # Another team's network, made once

    def _once(self, key: str, make: Callable[[], Any]) -> Any:
        if key not in self.parts:
            self.parts[key] = make()
        return self.parts[key]

    def their_vpc(self, region: str = "") -> str:
        def make() -> str:
            return str(self.client("ec2", region).create_vpc(CidrBlock="172.20.0.0/16")["Vpc"]["VpcId"])

        return str(self._once(f"their vpc {region}", make))

    def their_subnets(self, region: str = "") -> list[str]:
        def make() -> list[str]:
            ec2, home = self.client("ec2", region), region or self.region
            given = [{"CidrBlock": f"172.20.{number}.0/24", "AvailabilityZone": f"{home}{zone}"} for number, zone in enumerate("ab")]
            return [ec2.create_subnet(VpcId=self.their_vpc(region), **one)["Subnet"]["SubnetId"] for one in given]

        return list(self._once(f"their subnets {region}", make))

    def their_role(self, service: str) -> str:
        def make() -> str:
            return str(
                self.client("iam").create_role(RoleName=f"theirs-{service}", AssumeRolePolicyDocument=trust(Service=f"{service}.amazonaws.com"))["Role"]["Arn"]
            )

        return str(self._once(f"their role {service}", make))

    def their_balancer(self) -> str:
        def make() -> str:
            given = {"Name": f"their-{self.name}-alb", "Subnets": self.their_subnets(), "Type": "network"}
            return str(self.client("elbv2").create_load_balancer(**given)["LoadBalancers"][0]["LoadBalancerArn"])

        return str(self._once("their balancer", make))


@dataclass(frozen=True)
class Stranger:
    """Somebody's thing: how it is planted, and what it looks like. `plant` answers its id, `look` all that AWS says about it."""

    title: str
    plant: Callable[[Ground], str]
    look: Callable[[Ground, str], Any]
    # It has the cluster's name in a tag or in its own: a removal that leaves it alone says so.
    named: bool = False
    # In the way of a removal, under this kind's name.
    in_the_way: str = ""


@dataclass
class Planted:
    ground: Ground
    ids: dict[str, str]
    before: dict[str, str]
    strangers: tuple[Stranger, ...]

    def remember(self) -> Planted:
        """Take them as they are now, once AWS is done with making them."""
        self.before = _pictures(self.ground, self.strangers, self.ids)
        return self

    def touched(self) -> list[str]:
        """Whose thing is not what it was."""
        after = _pictures(self.ground, self.strangers, self.ids)
        return [f"{title}: {self.before[title]} became {after[title]}" for title in self.before if self.before[title] != after[title]]

    def named(self) -> dict[str, str]:
        """Ids of what must be named as left alone."""
        return {one.title: self.ids[one.title] for one in self.strangers if one.named}


def _pictures(ground: Ground, strangers: Iterable[Stranger], ids: dict[str, str]) -> dict[str, str]:
    return {one.title: json.dumps(_plain(_seen(one, ground, ids[one.title])), sort_keys=True, default=str) for one in strangers}


def _seen(one: Stranger, ground: Ground, identity: str) -> Any:
    """What is gone is a difference and no error of the test."""
    try:
        return one.look(ground, identity)
    except ground.client("ec2").exceptions.ClientError as error:
        return error.response["Error"]["Code"]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key not in VOLATILE}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def plant(ground: Ground, strangers: tuple[Stranger, ...]) -> Planted:
    ids = {one.title: one.plant(ground) for one in strangers}
    return Planted(ground, ids, _pictures(ground, strangers, ids), strangers)


def plant_around(endpoint: str, name: str) -> Planted:
    """Everything that lies beside a platform of this name; call it before the platform is made, or after."""
    return plant(Ground(endpoint, name), AROUND)


def plant_inside(endpoint: str, name: str, vpc: str, subnets: list[str], **parts: Any) -> Planted:
    """Everything that gets in the way of the removal of a platform that is there."""
    return plant(Ground(endpoint, name, parts={"vpc": vpc, "subnets": subnets, **parts}), INSIDE)


# -- EC2, by one filter each ---------------------------------------------------------------------------------------------------


def _described(operation: str, key: str, parameter: str, region: str = "") -> Callable[[Ground, str], Any]:
    return lambda ground, identity: getattr(ground.client("ec2", region), operation)(**{parameter: [identity]})[key]


def _specified(kind: str, given: list[dict[str, str]]) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": given}]


GROUP = _described("describe_security_groups", "SecurityGroups", "GroupIds")
SUBNET = _described("describe_subnets", "Subnets", "SubnetIds")
TABLE = _described("describe_route_tables", "RouteTables", "RouteTableIds")
ENDPOINT = _described("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointIds")
INTERFACE = _described("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceIds")
PEERING = _described("describe_vpc_peering_connections", "VpcPeeringConnections", "VpcPeeringConnectionIds")
VOLUME = _described("describe_volumes", "Volumes", "VolumeIds")
INSTANCE = _described("describe_instances", "Reservations", "InstanceIds")
TEMPLATE = _described("describe_launch_templates", "LaunchTemplates", "LaunchTemplateIds")
ADDRESS = _described("describe_addresses", "Addresses", "AllocationIds")


def group(name: str, given: Callable[[Ground], list[dict[str, str]]], vpc: Callable[[Ground], str] = Ground.their_vpc) -> Callable[[Ground], str]:
    def make(ground: Ground) -> str:
        more = {"TagSpecifications": _specified("security-group", given(ground))} if given(ground) else {}
        return str(ground.ec2.create_security_group(GroupName=name, Description="theirs", VpcId=vpc(ground), **more)["GroupId"])

    return make


def interface(ground: Ground) -> str:
    """As the network plugin of a node of theirs, in a cluster of the same name, left it behind."""
    given = _specified(
        "network-interface", [*tags(**{"cluster.k8s.amazonaws.com/name": ground.name, "node.k8s.amazonaws.com/instance_id": "i-0123456789abcdef0"})]
    )
    return str(ground.ec2.create_network_interface(SubnetId=ground.their_subnets()[0], TagSpecifications=given)["NetworkInterface"]["NetworkInterfaceId"])


def instance(given: Callable[[Ground], list[dict[str, str]]], subnet: Callable[[Ground], str]) -> Callable[[Ground], str]:
    def make(ground: Ground) -> str:
        more = {"TagSpecifications": _specified("instance", given(ground))} if given(ground) else {}
        return str(ground.ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet(ground), **more)["Instances"][0]["InstanceId"])

    return make


def volume(region: str, given: Callable[[Ground], list[dict[str, str]]]) -> Callable[[Ground], str]:
    def make(ground: Ground) -> str:
        home = region or ground.region
        return str(
            ground.client("ec2", region).create_volume(AvailabilityZone=f"{home}a", Size=1, TagSpecifications=_specified("volume", given(ground)))["VolumeId"]
        )

    return make


def template(name: str, given: Callable[[Ground], list[dict[str, str]]]) -> Callable[[Ground], str]:
    def make(ground: Ground) -> str:
        data = {"MetadataOptions": {"HttpTokens": "required"}}
        more = {"TagSpecifications": _specified("launch-template", given(ground))} if given(ground) else {}
        made = ground.ec2.create_launch_template(LaunchTemplateName=name.format(ground.name), LaunchTemplateData=data, **more)
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    return make


def address(given: Callable[[Ground], list[dict[str, str]]]) -> Callable[[Ground], str]:
    return lambda ground: str(ground.ec2.allocate_address(Domain="vpc", TagSpecifications=_specified("elastic-ip", given(ground)))["AllocationId"])


def route(ground: Ground) -> str:
    """A table of theirs with a route over a peering of theirs."""
    table = ground.ec2.create_route_table(VpcId=ground.their_vpc())["RouteTable"]["RouteTableId"]
    ground.ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.77.0.0/16", VpcPeeringConnectionId=peering(ground))
    return str(table)


def peering(ground: Ground, vpc: str = "") -> str:
    other = ground.ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    made = ground.ec2.create_vpc_peering_connection(VpcId=vpc or ground.their_vpc(), PeerVpcId=other)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    ground.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=made)
    return str(made)


def guard_duty_endpoint(ground: Ground) -> str:
    given = _specified("vpc-endpoint", tags(GuardDutyManaged="true"))
    service = f"com.amazonaws.{ground.region}.guardduty-data"
    made = ground.ec2.create_vpc_endpoint(
        VpcId=ground.their_vpc(), ServiceName=service, VpcEndpointType="Interface", SubnetIds=ground.their_subnets(), TagSpecifications=given
    )
    return str(made["VpcEndpoint"]["VpcEndpointId"])


def vpc_elsewhere(ground: Ground) -> str:
    """The network of our namesake in another region, with our own mark."""
    return str(ground.client("ec2", ELSEWHERE).create_vpc(CidrBlock="192.168.0.0/16", TagSpecifications=_specified("vpc", ground.ours))["Vpc"]["VpcId"])


# -- Load balancing ------------------------------------------------------------------------------------------------------------


def balancer(kind: str, name: str, given: Callable[[Ground], list[dict[str, str]]], subnets: Callable[[Ground], list[str]]) -> Callable[[Ground], str]:
    def make(ground: Ground) -> str:
        more = {"Tags": given(ground)} if given(ground) else {}
        return str(ground.client("elbv2").create_load_balancer(Name=name, Subnets=subnets(ground), Type=kind, **more)["LoadBalancers"][0]["LoadBalancerArn"])

    return make


def look_balancer(ground: Ground, arn: str) -> Any:
    elb = ground.client("elbv2")
    return [elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"], elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]]


def target_group(name: str, given: Callable[[Ground], list[dict[str, str]]], vpc: Callable[[Ground], str]) -> Callable[[Ground], str]:
    def make(ground: Ground) -> str:
        more = {"Tags": given(ground)} if given(ground) else {}
        made = ground.client("elbv2").create_target_group(Name=name, Protocol="TCP", Port=80, VpcId=vpc(ground), TargetType="ip", **more)
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    return make


def look_target_group(ground: Ground, arn: str) -> Any:
    elb = ground.client("elbv2")
    return [elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"], elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]]


def classic(ground: Ground) -> str:
    listener = [{"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": 30080}]
    ground.client("elb").create_load_balancer(LoadBalancerName="theirs-classic", Listeners=listener, Subnets=ground.their_subnets(), Tags=ground.of_kubernetes)
    return "theirs-classic"


def look_classic(ground: Ground, name: str) -> Any:
    return ground.client("elb").describe_load_balancers(LoadBalancerNames=[name])["LoadBalancerDescriptions"]


# -- IAM -----------------------------------------------------------------------------------------------------------------------


def role(name: str, given: Callable[[Ground], list[dict[str, str]]], **principal: str) -> Callable[[Ground], str]:
    def make(ground: Ground) -> str:
        named = name.format(ground.name)
        more = {"Tags": given(ground)} if given(ground) else {}
        ground.client("iam").create_role(RoleName=named, AssumeRolePolicyDocument=trust(**(principal or {"Service": "ec2.amazonaws.com"})), **more)
        ground.client("iam").put_role_policy(RoleName=named, PolicyName="theirs", PolicyDocument=DOCUMENT)
        return named

    return make


def look_role(ground: Ground, name: str) -> Any:
    iam = ground.client("iam")
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return [iam.get_role(RoleName=name)["Role"], iam.list_role_policies(RoleName=name)["PolicyNames"], attached, iam.list_role_tags(RoleName=name)["Tags"]]


def policy(name: str, given: Callable[[Ground], list[dict[str, str]]]) -> Callable[[Ground], str]:
    def make(ground: Ground) -> str:
        more = {"Tags": given(ground)} if given(ground) else {}
        return str(ground.client("iam").create_policy(PolicyName=name.format(ground.name), PolicyDocument=DOCUMENT, **more)["Policy"]["Arn"])

    return make


def look_policy(ground: Ground, arn: str) -> Any:
    iam = ground.client("iam")
    return [iam.list_policy_versions(PolicyArn=arn)["Versions"], iam.list_policy_tags(PolicyArn=arn)["Tags"]]


def profile(ground: Ground) -> str:
    """Named after the cluster, with a role of theirs in it."""
    name = f"{ground.name}-batch"
    ground.client("iam").create_instance_profile(InstanceProfileName=name)
    ground.client("iam").add_role_to_instance_profile(InstanceProfileName=name, RoleName=ground.their_role("ec2").rpartition("/")[2])
    return name


def look_profile(ground: Ground, name: str) -> Any:
    found = ground.client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    return [found["Arn"], [role["RoleName"] for role in found["Roles"]], found.get("Tags")]


def provider(address: str, given: Callable[[Ground], list[dict[str, str]]]) -> Callable[[Ground], str]:
    def make(ground: Ground) -> str:
        more = {"Tags": given(ground)} if given(ground) else {}
        made = ground.client("iam").create_open_id_connect_provider(Url=address, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["9" * 40], **more)
        return str(made["OpenIDConnectProviderArn"])

    return make


def look_provider(ground: Ground, arn: str) -> Any:
    return ground.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)


# -- EKS, logs, certificates, names, images --------------------------------------------------------------------------------------


def cluster(name: str, region: str, given: Callable[[Ground], dict[str, str]]) -> Callable[[Ground], str]:
    def make(ground: Ground) -> str:
        eks, named = ground.client("eks", region), name.format(ground.name)
        vpc = {"subnetIds": ground.their_subnets(region)}
        eks.create_cluster(name=named, roleArn=ground.their_role("eks"), resourcesVpcConfig=vpc, tags=given(ground))
        return named

    return make


def look_cluster(region: str) -> Callable[[Ground, str], Any]:
    def look(ground: Ground, name: str) -> Any:
        found = ground.client("eks", region).describe_cluster(name=name)["cluster"]
        return [found["arn"], found["version"], found["tags"], found["resourcesVpcConfig"], found["logging"]]

    return look


def logs(name: str, region: str = "") -> Callable[[Ground], str]:
    def make(ground: Ground) -> str:
        ground.client("logs", region).create_log_group(logGroupName=name.format(ground.name))
        return name.format(ground.name)

    return make


def look_logs(region: str = "") -> Callable[[Ground, str], Any]:
    return lambda ground, name: ground.client("logs", region).describe_log_groups(logGroupNamePrefix=name)["logGroups"]


def certificate(domain: str, given: Callable[[Ground], list[dict[str, str]]]) -> Callable[[Ground], str]:
    def make(ground: Ground) -> str:
        more = {"Tags": given(ground)} if given(ground) else {}
        return str(ground.client("acm").request_certificate(DomainName=domain, ValidationMethod="DNS", **more)["CertificateArn"])

    return make


def look_certificate(ground: Ground, arn: str) -> Any:
    acm = ground.client("acm")
    found = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    return [found["DomainName"], acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]]


def record(ground: Ground) -> str:
    dns = ground.client("route53")
    zone = dns.create_hosted_zone(Name="theirs.example", CallerReference="theirs")["HostedZone"]["Id"]
    (theirs,) = ground.client("elbv2").describe_load_balancers(LoadBalancerArns=[ground.their_balancer()])["LoadBalancers"]
    target = {"HostedZoneId": theirs["CanonicalHostedZoneId"], "DNSName": theirs["DNSName"], "EvaluateTargetHealth": False}
    made = {"Name": "shop.theirs.example", "Type": "A", "AliasTarget": target}
    dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": made}]})
    return str(zone)


def look_record(ground: Ground, zone: str) -> Any:
    return ground.client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]


def repository(name: str, given: Callable[[Ground], list[dict[str, str]]]) -> Callable[[Ground], str]:
    def make(ground: Ground) -> str:
        named, ecr = name.format(ground.name), ground.client("ecr")
        ecr.create_repository(repositoryName=named, **({"tags": given(ground)} if given(ground) else {}))
        push(ecr, named)
        return named

    return make


def push(ecr: Any, name: str) -> None:
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []})
    ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag="theirs-1")


def look_repository(ground: Ground, name: str) -> Any:
    ecr = ground.client("ecr")
    found = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    return [found["repositoryArn"], ecr.list_images(repositoryName=name)["imageIds"], ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]]


def none(_ground: Ground) -> list[dict[str, str]]:
    return []


def another_cluster(ground: Ground) -> list[dict[str, str]]:
    """The mark of a platform whose name begins with ours."""
    return tags(**{MARK: f"{ground.name}es", REGION_MARK: ground.region})


def namesake(ground: Ground) -> list[dict[str, str]]:
    """Our namesake of another region."""
    return tags(**{MARK: ground.name, REGION_MARK: ELSEWHERE})


AROUND = (
    Stranger("a role that is named like ours", role("{}-eks-reports", none), look_role),
    Stranger("a role of a cluster whose name begins with ours", role("{}es-eks-cluster", another_cluster), look_role),
    Stranger("a role of our namesake in another region", role("{}-eks-cluster-there", namesake), look_role),
    Stranger("a role that another account may assume", role("{}-audit", none, AWS="arn:aws:iam::999999999999:root"), look_role),
    Stranger("a policy that is named like ours", policy("{}-reports", none), look_policy),
    Stranger("a policy of our namesake in another region", policy("{}-alb-there", namesake), look_policy),
    Stranger("an OIDC provider without a tag", provider(f"https://oidc.eks.{REGION}.amazonaws.com/id/THEIRS", none), look_provider),
    Stranger("an OIDC provider of our namesake", provider(f"https://oidc.eks.{ELSEWHERE}.amazonaws.com/id/NAMESAKE", namesake), look_provider),
    Stranger("an instance profile that is named like ours", profile, look_profile),
    Stranger("a subnet of another team", lambda ground: ground.their_subnets()[0], SUBNET),
    Stranger("a security group of Kubernetes", group("theirs-k8s", lambda ground: ground.of_kubernetes), GROUP, named=True),
    Stranger("a security group of a controller", group("theirs-alb", lambda ground: ground.of_the_controller), GROUP, named=True),
    Stranger("a route over a peering", route, TABLE),
    Stranger("a peering", peering, PEERING),
    Stranger("an interface of a node", interface, INTERFACE, named=True),
    Stranger("an instance of Kubernetes", instance(lambda ground: ground.of_kubernetes, lambda ground: ground.their_subnets()[0]), INSTANCE, named=True),
    Stranger("an endpoint that GuardDuty made", guard_duty_endpoint, ENDPOINT),
    Stranger("a security group that GuardDuty made", group("GuardDutyManagedSecurityGroup-theirs", lambda ground: tags(GuardDutyManaged="true")), GROUP),
    Stranger("an elastic IP of Kubernetes", address(lambda ground: ground.of_kubernetes), ADDRESS, named=True),
    Stranger("a launch template that is named like ours", template("{}-theirs", none), TEMPLATE),
    Stranger("a launch template of Kubernetes", template("nodes-by-hand", lambda ground: ground.of_kubernetes), TEMPLATE, named=True),
    Stranger("a volume of another cluster", volume("", another_cluster), VOLUME),
    Stranger(
        "a volume of our namesake in another region",
        volume(ELSEWHERE, lambda ground: ground.of_kubernetes),
        _described("describe_volumes", "Volumes", "VolumeIds", ELSEWHERE),
    ),
    Stranger("a VPC of our namesake in another region", vpc_elsewhere, _described("describe_vpcs", "Vpcs", "VpcIds", ELSEWHERE)),
    Stranger(
        "an application load balancer of a controller",
        balancer("application", "theirs-alb", lambda ground: ground.of_the_controller, Ground.their_subnets),
        look_balancer,
        named=True,
    ),
    Stranger(
        "a network load balancer of Kubernetes",
        balancer("network", "theirs-nlb", lambda ground: ground.of_kubernetes, Ground.their_subnets),
        look_balancer,
        named=True,
    ),
    Stranger("a classic load balancer of Kubernetes", classic, look_classic, named=True),
    Stranger(
        "a target group of a controller", target_group("theirs-tg", lambda ground: ground.of_the_controller, Ground.their_vpc), look_target_group, named=True
    ),
    Stranger("a log group below the cluster's name", logs("/aws/eks/{}/application"), look_logs(), named=True),
    Stranger("a log group of container insights", logs("/aws/containerinsights/{}/performance"), look_logs()),
    Stranger("the logs of our namesake in another region", logs("/aws/eks/{}/cluster", ELSEWHERE), look_logs(ELSEWHERE)),
    Stranger("our namesake in another region", cluster("{}", ELSEWHERE, lambda ground: {MARK: ground.name}), look_cluster(ELSEWHERE)),
    Stranger("a cluster whose name begins with ours", cluster("{}es", "", lambda ground: {MARK: f"{ground.name}es"}), look_cluster("")),
    Stranger("a cluster without a tag", cluster("{}-2", "", lambda ground: {}), look_cluster("")),
    Stranger("a certificate without a tag", certificate("shop.theirs.example", none), look_certificate),
    Stranger("a certificate of another cluster", certificate("www.theirs.example", another_cluster), look_certificate),
    Stranger("a record that leads to a load balancer", record, look_record),
    Stranger("a repository below the cluster's name", repository("{}/theirs", none), look_repository),
    Stranger("a repository of another cluster", repository("{}es/service-a", another_cluster), look_repository),
)


# -- In the way ----------------------------------------------------------------------------------------------------------------


def our_vpc(ground: Ground) -> str:
    return str(ground.parts["vpc"])


def our_subnets(ground: Ground) -> list[str]:
    return list(ground.parts["subnets"])


def empty_subnet(ground: Ground) -> str:
    block = ground.ec2.describe_vpcs(VpcIds=[our_vpc(ground)])["Vpcs"][0]["CidrBlock"]
    return str(ground.ec2.create_subnet(VpcId=our_vpc(ground), CidrBlock=f"{block.split('.')[0]}.{block.split('.')[1]}.250.0/24")["Subnet"]["SubnetId"])


def peering_with_ours(ground: Ground) -> str:
    return peering(ground, our_vpc(ground))


def gateway_endpoint(ground: Ground) -> str:
    made = ground.ec2.create_vpc_endpoint(VpcId=our_vpc(ground), ServiceName=f"com.amazonaws.{ground.region}.s3", VpcEndpointType="Gateway")
    return str(made["VpcEndpoint"]["VpcEndpointId"])


def connect_endpoint(ground: Ground) -> str:
    return str(ground.ec2.create_instance_connect_endpoint(SubnetId=our_subnets(ground)[0])["InstanceConnectEndpoint"]["InstanceConnectEndpointId"])


def look_connect_endpoint(ground: Ground, identity: str) -> Any:
    return [one for one in ground.ec2.describe_instance_connect_endpoints()["InstanceConnectEndpoints"] if one["InstanceConnectEndpointId"] == identity]


def egress_only_gateway(ground: Ground) -> str:
    return str(ground.ec2.create_egress_only_internet_gateway(VpcId=our_vpc(ground))["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"])


def vpn_gateway(ground: Ground) -> str:
    made = ground.ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ground.ec2.attach_vpn_gateway(VpnGatewayId=made, VpcId=our_vpc(ground))
    return str(made)


def transit_attachment(ground: Ground) -> str:
    gateway = ground.ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    made = ground.ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=gateway, VpcId=our_vpc(ground), SubnetIds=our_subnets(ground)[:1])
    return str(made["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"])


def nat_gateway(ground: Ground) -> str:
    taken = ground.ec2.allocate_address(Domain="vpc")["AllocationId"]
    return str(ground.ec2.create_nat_gateway(SubnetId=our_subnets(ground)[0], AllocationId=taken)["NatGateway"]["NatGatewayId"])


def look_nat_gateway(ground: Ground, identity: str) -> Any:
    return ground.ec2.describe_nat_gateways(NatGatewayIds=[identity])["NatGateways"]


def database(ground: Ground) -> str:
    made = ground.ec2.create_network_interface(SubnetId=our_subnets(ground)[0], Description="a database")
    return str(made["NetworkInterface"]["NetworkInterfaceId"])


def group_with_a_rule(ground: Ground) -> str:
    made = group("theirs-rule", none)(ground)
    rule = [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": ground.parts["group"]}]}]
    ground.ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=rule)
    return made


def node_group(ground: Ground) -> str:
    given = {"clusterName": ground.name, "nodegroupName": "theirs", "subnets": our_subnets(ground), "nodeRole": ground.their_role("ec2")}
    ground.client("eks").create_nodegroup(**given)
    return "theirs"


def look_node_group(ground: Ground, name: str) -> Any:
    found = ground.client("eks").describe_nodegroup(clusterName=ground.name, nodegroupName=name)["nodegroup"]
    return [found["nodegroupArn"], found["scalingConfig"], found.get("tags")]


def listener_with_our_certificate(ground: Ground) -> str:
    arn = ground.their_balancer()
    group_of_it = target_group("theirs-tls", none, Ground.their_vpc)(ground)
    action = [{"Type": "forward", "TargetGroupArn": group_of_it}]
    certificates = [{"CertificateArn": ground.parts["certificate"]}]
    ground.client("elbv2").create_listener(LoadBalancerArn=arn, Protocol="TLS", Port=443, Certificates=certificates, DefaultActions=action)
    return arn


def image_in_our_repository(ground: Ground) -> str:
    push(ground.client("ecr"), ground.parts["repository"])
    return str(ground.parts["repository"])


INSIDE = (
    Stranger("an empty subnet", empty_subnet, SUBNET, in_the_way="subnet"),
    Stranger(
        "a route table", lambda ground: ground.ec2.create_route_table(VpcId=our_vpc(ground))["RouteTable"]["RouteTableId"], TABLE, in_the_way="route table"
    ),
    Stranger("a security group in our VPC", group("theirs-inside", none, our_vpc), GROUP, in_the_way="security group"),
    Stranger("a security group whose rule names ours", group_with_a_rule, GROUP, in_the_way="security group"),
    Stranger(
        "a network ACL",
        lambda ground: ground.ec2.create_network_acl(VpcId=our_vpc(ground))["NetworkAcl"]["NetworkAclId"],
        _described("describe_network_acls", "NetworkAcls", "NetworkAclIds"),
        in_the_way="network ACL",
    ),
    Stranger("a peering with our VPC", peering_with_ours, PEERING, in_the_way="VPC peering connection"),
    Stranger("a gateway endpoint", gateway_endpoint, ENDPOINT, in_the_way="VPC endpoint"),
    Stranger("an EC2 Instance Connect endpoint", connect_endpoint, look_connect_endpoint, in_the_way="EC2 Instance Connect endpoint"),
    Stranger(
        "an egress-only gateway",
        egress_only_gateway,
        _described("describe_egress_only_internet_gateways", "EgressOnlyInternetGateways", "EgressOnlyInternetGatewayIds"),
        in_the_way="egress-only internet gateway",
    ),
    Stranger("a VPN gateway", vpn_gateway, _described("describe_vpn_gateways", "VpnGateways", "VpnGatewayIds"), in_the_way="VPN gateway"),
    Stranger(
        "a transit gateway attachment",
        transit_attachment,
        _described("describe_transit_gateway_vpc_attachments", "TransitGatewayVpcAttachments", "TransitGatewayAttachmentIds"),
        in_the_way="transit gateway attachment",
    ),
    Stranger("a NAT gateway", nat_gateway, look_nat_gateway, in_the_way="NAT gateway"),
    Stranger("an interface", database, INTERFACE, in_the_way="network interface"),
    Stranger("an instance", instance(none, lambda ground: our_subnets(ground)[0]), INSTANCE, in_the_way="instance"),
    Stranger(
        "a node that Karpenter made",
        instance(lambda ground: ground.of_kubernetes, lambda ground: our_subnets(ground)[0]),
        INSTANCE,
        in_the_way="instance",
    ),
    Stranger("a network load balancer in our VPC", balancer("network", "theirs-inside", none, our_subnets), look_balancer, in_the_way="load balancer"),
    Stranger("a target group in our VPC", target_group("theirs-inside", none, our_vpc), look_target_group, in_the_way="target group"),
    Stranger("a node group in our cluster", node_group, look_node_group, in_the_way="node group"),
    Stranger("a load balancer with our certificate", listener_with_our_certificate, look_balancer, in_the_way="load balancer"),
    Stranger("an image in our repository", image_in_our_repository, look_repository, in_the_way="ECR repository"),
)
