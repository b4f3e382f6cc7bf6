# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The node groups and their launch templates, wanted and compared."""

from __future__ import annotations

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_nodegroup
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG, AwsError, Refused, tag_list
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_input_groups import node_group
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_diff import Difference, compare, wanted_tags
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_live import Live, ours

# What is launched, and what is made with it.
TAGGED = ("instance", "volume", "network-interface")


class NodeGroups:
    def __init__(self, given: dict[str, Any], live: Live, role_arn: str, network: Any, tags: dict[str, str]) -> None:
        self.given, self.live, self.tags = given, live, tags
        self.name = given["name"]
        self._prefix = f"{self.name}-"
        self.launch_templates: list[dict[str, Any]] = []
        self.groups = [self._group(group, role_arn, network) for group in given["node_groups"]]

    def _group(self, given: dict[str, Any], role_arn: str, network: Any) -> dict[str, Any]:
        group = node_group(given, network.default_kind())
        kind = group.pop("subnets")
        # Half a network is not compared: it is completed first.
        ids = network.subnet_ids(kind) if network.complete() else None
        group = {**group, "node_role": role_arn, "subnet_ids": ids, "version": str(self.given["version"]), "tags": self.tags, "launch_template": None}
        live = self.live.node_groups.get(group["name"])
        if live and live["status"] != "DELETING" and not (live.get("launchTemplate") or {}).get("name", "").startswith(self._prefix):
            # EKS gives a launch template to no group that was made without one, and takes none away: such a group keeps what it has.
            return group
        template = self._launch_template(group)
        self.launch_templates.append(template)
        return {**group, "disk_size": None, "launch_template": {"name": template["name"], "version": template["version"]}}

    # Launch templates: what EKS takes only from there

    def _launch_template(self, group: dict[str, Any]) -> dict[str, Any]:
        name = self._prefix + group["name"]
        live = self.live.launch_templates.get(name)
        data = self._data(group)
        # A template's versions are numbered by EC2, one by one.
        latest = int(live["LatestVersionNumber"]) if live else 0
        version = latest if live and same(live["Data"], data) else latest + 1
        return {"name": name, "id": (live or {}).get("LaunchTemplateId"), "version": str(version), "data": data, "tags": {**self.tags, "Name": name}}

    def _data(self, group: dict[str, Any]) -> dict[str, Any]:
        volume = {"VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}
        sized = {**volume, "VolumeSize": group["disk_size"]}
        # Bottlerocket keeps its system on the first volume, and images, logs and volumes of pods on the second.
        volumes = {"/dev/xvda": volume, "/dev/xvdb": sized} if group["ami_type"].startswith("BOTTLEROCKET") else {"/dev/xvda": sized}
        tags = tag_list({**self.tags, "Name": self._prefix + group["name"]})
        data: dict[str, Any] = {
            "MetadataOptions": {
                "HttpEndpoint": "enabled",
                "HttpTokens": "required",
                "HttpPutResponseHopLimit": int(self.given.get("node_metadata_hop_limit") or 1),
            },
            "BlockDeviceMappings": [{"DeviceName": device, "Ebs": ebs} for device, ebs in volumes.items()],
            "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in TAGGED],
        }
        if self.given.get("node_key_name"):
            data["KeyName"] = self.given["node_key_name"]
        return data

    def surplus_launch_templates(self) -> list[str]:
        """Launch templates of ours whose node group is gone."""
        kept = {template["name"] for template in self.launch_templates}
        used = {(group.get("launchTemplate") or {}).get("name") for group in self.live.node_groups.values()}
        return sorted(name for name, template in self.live.launch_templates.items() if name not in kept | used and ours(template, self.name))

    def template_differences(self) -> list[Difference]:
        found = []
        for wanted in self.launch_templates:
            live = self.live.launch_templates.get(wanted["name"])
            before = {**view((live or {}).get("Data") or {}), "tags": wanted_tags(live, wanted["tags"])}
            after = {**view(wanted["data"]), "tags": wanted["tags"]}
            found += compare("launch_templates", f"launch template {wanted['name']}", live is not None, before, after)
        return found + [Difference("launch_templates", f"launch template {name}", "delete") for name in self.surplus_launch_templates()]

    # Node groups

    def surplus(self) -> list[str]:
        """Node groups of ours that are not asked for any more."""
        wanted = {group["name"] for group in self.groups}
        return sorted(name for name, group in self.live.node_groups.items() if name not in wanted and (group.get("tags") or {}).get(OWNER_TAG) == self.name)

    def differences(self) -> list[Difference]:
        found = self.template_differences()
        for wanted in self.groups:
            group, resource = self.live.node_groups.get(wanted["name"]), f"node group {wanted['name']}"
            if group is None or group["status"] == "DELETING":
                shown = {key: value for key, value in wanted.items() if value not in (None, {}, []) and key != "name"}
                found.append(Difference("node_groups", resource, "create", {}, shown))
                continue
            if (group.get("tags") or {}).get(OWNER_TAG) != self.name and not self.given.get("adopt"):
                raise Refused(
                    f"{resource} exists and is not ours (no tag {OWNER_TAG}={self.name}); choose another name, or eks_cluster_adopt: true takes it over"
                )
            if group["status"] in ("CREATE_FAILED", "DELETE_FAILED"):
                raise AwsError(f"{resource} is {group['status']}: {eks_nodegroup.failure(group)}. Delete it and run again")
            plan = eks_nodegroup.plan_nodegroup(group, wanted, purge_tags=False)
            if group["status"] == "CREATING":
                plan.before["status"], plan.after["status"] = group["status"], "ACTIVE"
            if plan.after:
                found.append(Difference("node_groups", resource, "update", plan.before, plan.after))
        return found + [Difference("node_groups", f"node group {name}", "delete") for name in self.surplus()]


def view(data: dict[str, Any]) -> dict[str, Any]:
    """What we say in a launch template, in few words. Two templates are the same if this is."""
    metadata = data.get("MetadataOptions") or {}
    volumes = {entry["DeviceName"]: entry.get("Ebs") or {} for entry in data.get("BlockDeviceMappings") or []}
    tagged = {entry["ResourceType"]: {tag["Key"]: tag["Value"] for tag in entry["Tags"]} for entry in data.get("TagSpecifications") or []}
    return {
        "metadata": f"{metadata.get('HttpEndpoint', 'enabled')}, tokens {metadata.get('HttpTokens', 'optional')}",
        "metadata_hop_limit": metadata.get("HttpPutResponseHopLimit", 1),
        "volumes": {device: _volume(ebs) for device, ebs in volumes.items()},
        "key_name": data.get("KeyName", ""),
        **{f"{kind}_tags": tagged.get(kind, {}) for kind in TAGGED},
    }


def _volume(ebs: dict[str, Any]) -> str:
    size = f"{ebs['VolumeSize']} GiB " if ebs.get("VolumeSize") else ""
    return f"{size}{ebs.get('VolumeType', 'gp2')}{' encrypted' if ebs.get('Encrypted') else ''}{'' if ebs.get('DeleteOnTermination', True) else ' kept'}"


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return view(one) == view(other)
