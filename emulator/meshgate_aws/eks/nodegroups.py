# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Managed node groups and Fargate profiles."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from moto.ec2.models import ec2_backends

from ..common import error, seconds
from . import checks
from .catalogue import VERSIONS, ami_architecture, minor, release_version
from .clusters import Clusters, page
from .state import Cluster, Data, Resource

DEFAULT_AMI_TYPE = "AL2023_x86_64_STANDARD"
LAST_AL2_MINOR = 32


class Nodegroups(Clusters):
    def nodegroup_seconds(self) -> float:
        return seconds("MESHGATE_NODEGROUP_SECONDS", 0.5)

    def nodegroup(self, cluster: Cluster, name: str) -> Resource:
        if name not in cluster.nodegroups:
            raise error("ResourceNotFoundException", f"No node group found for name: {name}.", clusterName=cluster.data["name"], nodegroupName=name)
        return cluster.nodegroups[name]

    def create_nodegroup(self, p: Data) -> Data:
        cluster = self.cluster(p["clusterName"], active=True)
        name = p["nodegroupName"]
        if cluster.running:
            # eksctl-io/eksctl#2244 quotes it; the status may well say ACTIVE.
            raise error("InvalidRequestException", f"Cluster '{p['clusterName']}' is not in ACTIVE status", clusterName=p["clusterName"])
        if name in cluster.nodegroups:
            raise error(
                "ResourceInUseException",
                f"NodeGroup already exists with name {name} and cluster name {p['clusterName']}",
                clusterName=p["clusterName"],
                nodegroupName=name,
            )
        checks.role(self.account_id, self.partition, p["nodeRole"], "ec2.amazonaws.com")
        checks.linked_role(self.account_id, self.partition, "eks-nodegroup.amazonaws.com")
        checks.subnets(self.account_id, self.region_name, p["subnets"], 1)
        template = self._launch_template(p)
        image = self._template_data(template).get("ImageId")
        version = p.get("version") or cluster.data["version"]
        if version not in VERSIONS or minor(version) > minor(cluster.data["version"]):
            raise checks.invalid(f"Requested nodegroup version {version} is not allowed for cluster version {cluster.data['version']}")
        scaling = {"minSize": 1, "maxSize": 2, "desiredSize": 2, **(p.get("scalingConfig") or {})}
        checks.scaling(scaling)
        checks.taints(p.get("taints") or [])
        ami_type = "CUSTOM" if image else p.get("amiType") or DEFAULT_AMI_TYPE
        if ami_type.startswith("AL2_") and minor(version) > LAST_AL2_MINOR:
            raise checks.invalid(f"AMI Type {ami_type} is only supported for kubernetes versions 1.{LAST_AL2_MINOR} or earlier")
        types = p.get("instanceTypes") or ([] if template else ["t3.medium"])
        if ami_type != "CUSTOM":
            checks.instance_types(types, ami_type, ami_architecture(ami_type))
        unique = str(uuid.uuid4())
        remote = p.get("remoteAccess")
        now = datetime.now(UTC)
        group = Resource(
            {
                "nodegroupName": name,
                "nodegroupArn": f"arn:{self.partition}:eks:{self.region_name}:{self.account_id}:nodegroup/{p['clusterName']}/{name}/{unique}",
                "clusterName": p["clusterName"],
                "version": version,
                "releaseVersion": image or p.get("releaseVersion") or release_version(version, ami_type),
                "createdAt": now,
                "modifiedAt": now,
                "status": "CREATING",
                "capacityType": p.get("capacityType") or "ON_DEMAND",
                "scalingConfig": scaling,
                "instanceTypes": types or None,
                "subnets": p["subnets"],
                "remoteAccess": remote,
                "amiType": ami_type,
                "nodeRole": p["nodeRole"],
                "labels": p.get("labels") or {},
                "taints": p.get("taints") or [],
                "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{unique}"}]},
                "diskSize": None if template else p.get("diskSize") or 20,
                "health": {"issues": []},
                "updateConfig": p.get("updateConfig") or {"maxUnavailable": 1},
                "nodeRepairConfig": p.get("nodeRepairConfig"),
                "launchTemplate": template,
                "tags": p.get("tags") or {},
            }
        )
        if remote and remote.get("ec2SshKey"):
            group.data["resources"]["remoteAccessSecurityGroup"] = self._remote_access_group(cluster, name, unique, remote)
        cluster.nodegroups[name] = group
        self.admit_nodes(cluster, p["nodeRole"])
        self.schedule.after(self.nodegroup_seconds(), lambda: self._activate_resource(group))
        return {"nodegroup": group.data}

    def admit_nodes(self, cluster: Cluster, role: str) -> None:
        raise NotImplementedError

    def _activate_resource(self, resource: Resource) -> None:
        if resource.data["status"] == "CREATING":
            resource.data["status"] = "ACTIVE"

    def _remote_access_group(self, cluster: Cluster, name: str, unique: str, remote: Data) -> str:
        ec2 = ec2_backends[self.account_id][self.region_name]
        vpc_id = cluster.data["resourcesVpcConfig"]["vpcId"]
        group = ec2.create_security_group(
            f"eks-remoteAccess-{unique}",
            "Security group for all nodes in the nodeGroup to allow SSH access",
            vpc_id=vpc_id,
            tags={"eks": name, "eks:nodegroup-name": name, "eks:cluster-name": cluster.data["name"]},
        )
        sources = [{"GroupId": group_id} for group_id in remote.get("sourceSecurityGroups") or []]
        ranges = [] if sources else [{"CidrIp": "0.0.0.0/0"}]
        ec2.authorize_security_group_ingress(group.id, "tcp", "22", "22", ranges, source_groups=sources, vpc_id=vpc_id)
        return group.id

    def _launch_template(self, p: Data) -> Data | None:
        wanted = p.get("launchTemplate")
        if not wanted:
            return None
        if p.get("diskSize"):
            raise checks.invalid("Disk size must be specified within the launch template.")
        if p.get("remoteAccess"):
            raise checks.invalid("Remote access configuration cannot be specified with a launch template.")
        if wanted.get("id") and wanted.get("name"):
            # The API reference says so (LaunchTemplateSpecification).
            raise checks.invalid("You must specify either the launch template ID or the launch template name in the request, but not both.")
        ec2 = ec2_backends[self.account_id][self.region_name]
        for template in ec2.launch_templates.values():
            if wanted.get("id") == template.id or wanted.get("name") == template.name:
                found = {"id": template.id, "name": template.name, "version": str(wanted.get("version") or template.default_version_number)}
                checks.beside_template(p, self._template_data(found))
                return found
        raise checks.invalid(f"Launch template {wanted.get('id') or wanted.get('name')} not found")

    def _template_data(self, template: Data | None) -> Data:
        if template is None:
            return {}
        return dict(ec2_backends[self.account_id][self.region_name].launch_templates[template["id"]].get_version(template["version"]).data)

    def describe_nodegroup(self, p: Data) -> Data:
        return {"nodegroup": self.nodegroup(self.cluster(p["clusterName"]), p["nodegroupName"]).data}

    def list_nodegroups(self, p: Data) -> Data:
        return page(sorted(self.cluster(p["clusterName"]).nodegroups), p, "nodegroups")

    def delete_nodegroup(self, p: Data) -> Data:
        cluster = self.cluster(p["clusterName"])
        group = self.nodegroup(cluster, p["nodegroupName"])
        if group.data["status"] == "UPDATING":
            raise self._busy(cluster, group)
        if group.data["status"] != "DELETING":
            group.data["status"] = "DELETING"
            self.schedule.after(self.nodegroup_seconds(), lambda: self._remove_nodegroup(cluster, group))
        return {"nodegroup": group.data}

    def _remove_nodegroup(self, cluster: Cluster, group: Resource) -> None:
        cluster.nodegroups.pop(group.data["nodegroupName"], None)
        if group_id := group.data["resources"].get("remoteAccessSecurityGroup"):
            ec2_backends[self.account_id][self.region_name].delete_security_group(group_id=group_id)

    def _busy(self, cluster: Cluster, group: Resource) -> Exception:
        name = group.data["nodegroupName"]
        return error(
            "ResourceInUseException",
            f"Nodegroup cannot be updated as it is currently not in Active State: {group.data['status']}",
            clusterName=cluster.data["name"],
            nodegroupName=name,
        )

    def _update_group(self, cluster: Cluster, group: Resource, kind: str, params: list[tuple[str, Any]], change: Any) -> Data:
        if group.data["status"] != "ACTIVE":
            raise self._busy(cluster, group)
        update = group.begin(kind, params)
        self.schedule.after(self.nodegroup_seconds(), lambda: group.end(update, change))
        return {"update": update}

    def update_nodegroup_config(self, p: Data) -> Data:
        cluster = self.cluster(p["clusterName"], active=True)
        group = self.nodegroup(cluster, p["nodegroupName"])
        labels, taints = p.get("labels") or {}, p.get("taints") or {}
        scaling = {**group.data["scalingConfig"], **(p.get("scalingConfig") or {})}
        checks.scaling(scaling)
        checks.exclusive(p.get("updateConfig") or {}, "maxUnavailable", "maxUnavailablePercentage")
        params = [
            ("LabelsToAdd", labels.get("addOrUpdateLabels") or None),
            ("LabelsToRemove", labels.get("removeLabels") or None),
            ("TaintsToAdd", taints.get("addOrUpdateTaints") or None),
            ("TaintsToRemove", taints.get("removeTaints") or None),
            *((key[0].upper() + key[1:], value) for key, value in (p.get("scalingConfig") or {}).items()),
            *((key[0].upper() + key[1:], value) for key, value in (p.get("updateConfig") or {}).items()),
            ("NodeRepairConfig", p.get("nodeRepairConfig") or None),
        ]
        if not any(value is not None for _key, value in params):
            raise checks.invalid("At least one parameter must be provided to update the nodegroup configuration")

        def change() -> None:
            data = group.data
            removed = set(labels.get("removeLabels") or [])
            data["labels"] = {k: v for k, v in {**data["labels"], **(labels.get("addOrUpdateLabels") or {})}.items() if k not in removed}
            gone = [*(taints.get("removeTaints") or []), *(taints.get("addOrUpdateTaints") or [])]
            kept = [t for t in data["taints"] if not any((t["key"], t["effect"]) == (g["key"], g["effect"]) for g in gone)]
            data["taints"] = kept + (taints.get("addOrUpdateTaints") or [])
            data["scalingConfig"] = scaling
            data["updateConfig"] = p.get("updateConfig") or data["updateConfig"]
            data["nodeRepairConfig"] = p.get("nodeRepairConfig") or data["nodeRepairConfig"]

        return self._update_group(cluster, group, "ConfigUpdate", params, change)

    def update_nodegroup_version(self, p: Data) -> Data:
        cluster = self.cluster(p["clusterName"], active=True)
        group = self.nodegroup(cluster, p["nodegroupName"])
        version = p.get("version") or (group.data["version"] if p.get("launchTemplate") or p.get("releaseVersion") else cluster.data["version"])
        if version not in VERSIONS or not minor(group.data["version"]) <= minor(version) <= minor(cluster.data["version"]):
            # aws-controllers-k8s/community#2957 quotes it.
            raise checks.invalid(
                f"Nodegroup Kubernetes version should be equal to Cluster kubernetes version {cluster.data['version']} "
                f"or NodeGroup kubernetes version {group.data['version']}",
                nodegroupName=p["nodegroupName"],
            )
        release = p.get("releaseVersion") or release_version(version, group.data["amiType"])
        template = group.data["launchTemplate"]
        if p.get("launchTemplate"):
            if not template:
                raise checks.invalid("Launch template details can't be set: the nodegroup was created without one", nodegroupName=p["nodegroupName"])
            self._same_place_of_type(group, p)
            template = self._launch_template(p)

        def change() -> None:
            group.data.update(version=version, releaseVersion=release, launchTemplate=template)

        params = [("Version", version), ("ReleaseVersion", release), ("LaunchTemplateVersion", template and template["version"])]
        return self._update_group(cluster, group, "VersionUpdate", params, change)

    def _same_place_of_type(self, group: Resource, p: Data) -> None:
        """terraform-aws-modules/terraform-aws-eks#1514: the instance type stays where it was set when the group was created."""
        before = bool(self._template_data(group.data["launchTemplate"]).get("InstanceType"))
        after = bool(self._template_data(self._launch_template(p)).get("InstanceType"))
        if before != after:
            how = "specify" if before else "not specify"
            raise checks.invalid(f"You must continue to {how} an instance type within the launch template", nodegroupName=p["nodegroupName"])

    # Fargate profiles

    def create_fargate_profile(self, p: Data) -> Data:
        cluster = self.cluster(p["clusterName"], active=True)
        name = p["fargateProfileName"]
        if name in cluster.fargate_profiles:
            raise error("ResourceInUseException", "A Fargate Profile already exists with this name in this cluster.", clusterName=p["clusterName"])
        if any(other.data["status"] == "CREATING" for other in cluster.fargate_profiles.values()):
            message = f"Cannot create Fargate Profile {name} because cluster currently has Fargate profile in status CREATING"
            raise error("ResourceInUseException", message, clusterName=p["clusterName"])
        if not p.get("selectors"):
            raise checks.invalid("Fargate Profile requires at least one selector.")
        profile = Resource(
            {
                "fargateProfileName": name,
                "fargateProfileArn": f"arn:{self.partition}:eks:{self.region_name}:{self.account_id}:fargateprofile/{p['clusterName']}/{name}/{uuid.uuid4()}",
                "clusterName": p["clusterName"],
                "createdAt": datetime.now(UTC),
                "podExecutionRoleArn": p["podExecutionRoleArn"],
                "subnets": p.get("subnets") or [],
                "selectors": p["selectors"],
                "status": "CREATING",
                "tags": p.get("tags") or {},
                "health": {"issues": []},
            }
        )
        cluster.fargate_profiles[name] = profile
        self.schedule.after(self.nodegroup_seconds(), lambda: self._activate_resource(profile))
        return {"fargateProfile": profile.data}

    def _profile(self, p: Data) -> tuple[Cluster, Resource]:
        cluster = self.cluster(p["clusterName"])
        name = p["fargateProfileName"]
        if name not in cluster.fargate_profiles:
            raise error("ResourceNotFoundException", f"No Fargate Profile found with name: {name}.", clusterName=p["clusterName"], fargateProfileName=name)
        return cluster, cluster.fargate_profiles[name]

    def describe_fargate_profile(self, p: Data) -> Data:
        return {"fargateProfile": self._profile(p)[1].data}

    def list_fargate_profiles(self, p: Data) -> Data:
        return page(sorted(self.cluster(p["clusterName"]).fargate_profiles), p, "fargateProfileNames")

    def delete_fargate_profile(self, p: Data) -> Data:
        cluster, profile = self._profile(p)
        if any(other.data["status"] == "DELETING" for other in cluster.fargate_profiles.values()):
            # API reference, DeleteFargateProfile: only one of a cluster at a time.
            message = "Cannot delete Fargate Profile because cluster currently has Fargate profile in status DELETING"
            raise error("ResourceInUseException", message, clusterName=p["clusterName"])
        profile.data["status"] = "DELETING"
        self.schedule.after(self.nodegroup_seconds(), lambda: self._remove_profile(cluster, p["fargateProfileName"]))
        return {"fargateProfile": profile.data}

    def _remove_profile(self, cluster: Cluster, name: str) -> None:
        cluster.fargate_profiles.pop(name, None)
