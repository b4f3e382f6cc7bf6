# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What EKS creates in the account's network: the control plane's interfaces, and a node group's instances with theirs.

It wraps the calls of clusters.py and nodegroups.py, which do not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.ec2.models import ec2_backends

from ..common import seconds
from .nodegroups import Nodegroups
from .state import Cluster, Data, Resource

# An image that moto does not know: EKS's own are published in a parameter of SSM.
IMAGE = "ami-0e5c0a1e5c0a1e5c0"


class Nodes(Nodegroups):
    def _ec2(self) -> Any:
        return ec2_backends[self.account_id][self.region_name]

    # The control plane. "Amazon EKS networking requirements": two to four interfaces in the subnets that were given, described "Amazon EKS NAME".

    def create_cluster(self, p: Data) -> Data:
        answer = super().create_cluster(p)
        self._place_control_plane(self.clusters[p["name"]])
        return answer

    def _update(self, cluster: Cluster, kind: str, params: list[tuple[str, Any]], change: Callable[[], None]) -> Data:
        def changed() -> None:
            change()
            if kind == "VpcConfigUpdate":
                self._place_control_plane(cluster)

        return super()._update(cluster, kind, params, changed)

    def _remove(self, cluster: Cluster) -> None:
        self._drop_control_plane(cluster)
        super()._remove(cluster)

    def _drop_control_plane(self, cluster: Cluster) -> None:
        ec2 = self._ec2()
        description = f"Amazon EKS {cluster.data['name']}"
        for eni in [eni for eni in ec2.enis.values() if eni.description == description and eni.requester_managed]:
            del ec2.enis[eni.id]

    def _place_control_plane(self, cluster: Cluster) -> None:
        self._drop_control_plane(cluster)
        vpc = cluster.data["resourcesVpcConfig"]
        by_zone: dict[str, str] = {}
        for subnet_id in vpc["subnetIds"]:
            by_zone.setdefault(self._ec2().get_subnet(subnet_id).availability_zone, subnet_id)
        for subnet_id in list(by_zone.values())[:4]:
            groups = [vpc["clusterSecurityGroupId"], *vpc["securityGroupIds"]]
            eni = self._ec2().create_network_interface(subnet_id, None, group_ids=groups, description=f"Amazon EKS {cluster.data['name']}")
            eni.status, eni.requester_managed, eni.requester_id = "in-use", True, "amazon-eks"

    # Node groups

    def create_nodegroup(self, p: Data) -> Data:
        answer = super().create_nodegroup(p)
        cluster = self.clusters[p["clusterName"]]
        self._scale(cluster, cluster.nodegroups[p["nodegroupName"]])
        return answer

    def _update_group(self, cluster: Cluster, group: Resource, kind: str, params: list[tuple[str, Any]], change: Callable[[], None]) -> Data:
        def changed() -> None:
            change()
            self._scale(cluster, group)

        return super()._update_group(cluster, group, kind, params, changed)

    def _remove_nodegroup(self, cluster: Cluster, group: Resource) -> None:
        self._terminate(self._instances(group))
        super()._remove_nodegroup(cluster, group)

    def _instances(self, group: Resource) -> list[Any]:
        name = group.data["resources"]["autoScalingGroups"][0]["name"]
        ec2 = self._ec2()
        mine = {key for key, tags in ec2.tags.items() if tags.get("aws:autoscaling:groupName") == name}
        return [i for reservation in ec2.reservations.values() for i in reservation.instances if i.id in mine and i.state != "terminated"]

    def _scale(self, cluster: Cluster, group: Resource) -> None:
        live, wanted = self._instances(group), group.data["scalingConfig"]["desiredSize"]
        self._terminate(live[wanted:])
        for index in range(len(live), wanted):
            self._launch(cluster, group, group.data["subnets"][index % len(group.data["subnets"])])

    def _launch(self, cluster: Cluster, group: Resource, subnet_id: str) -> None:
        ec2, name, data = self._ec2(), cluster.data["name"], group.data
        tags = {
            "eks:cluster-name": name,
            "eks:nodegroup-name": data["nodegroupName"],
            f"kubernetes.io/cluster/{name}": "owned",
            "aws:eks:cluster-name": name,
            "aws:autoscaling:groupName": data["resources"]["autoScalingGroups"][0]["name"],
            "k8s.io/cluster-autoscaler/enabled": "true",
            f"k8s.io/cluster-autoscaler/{name}": "owned",
        }
        template = self._template(data.get("launchTemplate"))
        groups = template.get("SecurityGroupIds") or [cluster.data["resourcesVpcConfig"]["clusterSecurityGroupId"]]
        specified = {spec["ResourceType"]: {tag["Key"]: tag["Value"] for tag in spec["Tags"]} for spec in template.get("TagSpecifications") or []}
        if guard := data["resources"].get("remoteAccessSecurityGroup"):
            groups = [*groups, guard]
        reservation = ec2.run_instances(
            IMAGE,
            1,
            None,
            [],
            instance_type=(data["instanceTypes"] or [template.get("InstanceType") or "t3.medium"])[0],
            is_instance_type_default=False,
            region_name=self.region_name,
            subnet_id=subnet_id,
            security_group_ids=groups,
            tags={"instance": {**specified.get("instance", {}), **tags}, "volume": specified.get("volume", {})},
            nics=[{"DeviceIndex": 0, "SubnetId": subnet_id, "DeleteOnTermination": True}],
        )
        instance = reservation.instances[0]
        # The VPC CNI's second interface, for the pods' addresses (amazon-vpc-cni-k8s, README, "ENI tags related to allocation").
        eni = ec2.create_network_interface(
            subnet_id,
            None,
            group_ids=groups,
            description=f"aws-K8S-{instance.id}",
            tags={"node.k8s.amazonaws.com/instance_id": instance.id, "cluster.k8s.amazonaws.com/name": name},
        )
        instance.attach_eni(eni, 1)

    def _template(self, chosen: Data | None) -> Data:
        found = self._ec2().launch_templates.get((chosen or {}).get("id") or "")
        return dict(found.get_version(chosen["version"]).data) if found and chosen else {}

    def _terminate(self, instances: list[Any]) -> None:
        """The plugin had no time to delete its interfaces (amazon-vpc-cni-k8s, issue 608): they stay, available."""
        ec2 = self._ec2()
        for instance in instances:
            for eni in [eni for index, eni in instance.nics.items() if index > 0]:
                instance.detach_eni(eni)
                if not int(seconds("MESHGATE_LEAKED_INTERFACES", 1)):
                    ec2.enis.pop(eni.id, None)
        if instances:
            ec2.terminate_instances([instance.id for instance in instances])
