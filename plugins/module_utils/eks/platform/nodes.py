# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The node groups and their launch templates: desired state and comparison."""

from __future__ import annotations

from typing import Any

from ...aws.client import AwsError, tag_list
from ...common.failure import Refused
from ...common.ownership import OWNER_TAG, Owner
from .. import nodegroup as eks_nodegroup
from ..health import failure
from ..input_names import Names, variable
from .difference import Difference, compare, wanted_tags
from .live import Live, ours
from .node_group_inputs import node_group

# Instances, and what is created with them.
TAGGED = ("instance", "volume", "network-interface")


class NodeGroups:
    def __init__(self, given: dict[str, Any], live: Live, role_arn: str, network: Any, tags: dict[str, str], names: Names = variable) -> None:
        self.given, self.live, self.tags, self.names = given, live, tags, names
        self.name, self.owner = given["name"], Owner(given["name"], given["region"])
        self._prefix = f"{self.name}-"
        self.launch_templates: list[dict[str, Any]] = []
        self.groups = [self._group(group, role_arn, network) for group in given["node_groups"]]

    def _group(self, given: dict[str, Any], role_arn: str, network: Any) -> dict[str, Any]:
        live = self.live.node_groups.get(given["name"])
        live = live if live and live["status"] != "DELETING" else None
        group = node_group(given, network.default_kind(), live)
        kind = group.pop("subnets")
        # An incomplete network is not compared: it is completed first.
        ids = network.subnet_ids(kind) if network.complete() else None
        # EKS cannot change a group's role, so a group keeps its own unless the inventory sets another.
        role_arn = role_arn if self.given.get("node_role_name") else (live or {}).get("nodeRole") or role_arn
        group = {**group, "node_role": role_arn, "subnet_ids": ids, "version": str(self.given["version"]), "tags": self.tags, "launch_template": None}
        if live and not (live.get("launchTemplate") or {}).get("name", "").startswith(self._prefix):
            # EKS cannot add a launch template to a group that was created without one, or remove one: such a group keeps what it has.
            return group
        template = self._launch_template(group)
        self.launch_templates.append(template)
        return {**group, "disk_size": None, "launch_template": {"name": template["name"], "version": template["version"]}}

    # Launch templates: settings that EKS accepts only there

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
        # Bottlerocket has its system on the first volume, and images, logs and volumes of pods on the second.
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
        """Our launch templates whose node group no longer exists."""
        kept = {template["name"] for template in self.launch_templates}
        used = {(group.get("launchTemplate") or {}).get("name") for group in self.live.node_groups.values()}
        return sorted(name for name, template in self.live.launch_templates.items() if name not in kept | used and ours(template, self.owner))

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
        """Node groups that are deleted."""
        return self.unlisted() if self.given.get("remove_node_groups") else []

    def unlisted(self) -> list[str]:
        """Our node groups that are no longer requested."""
        wanted = {group["name"] for group in self.groups}
        return sorted(name for name, group in self.live.node_groups.items() if name not in wanted and self.owner.owns(group.get("tags") or {}))

    def differences(self) -> list[Difference]:
        found = self.template_differences()
        for wanted in self.groups:
            group, resource = self.live.node_groups.get(wanted["name"]), f"node group {wanted['name']}"
            if group is None or group["status"] == "DELETING":
                shown = {key: value for key, value in wanted.items() if value not in (None, {}, []) and key != "name"}
                found.append(Difference("node_groups", resource, "create", {}, shown))
                continue
            if not self.owner.owns(group.get("tags") or {}) and not self.given.get("adopt"):
                raise Refused(
                    f"{resource} exists and is not managed by this collection (no tag {OWNER_TAG}={self.name}); "
                    f"choose another name, or {self.names('adopt')}: true takes it over"
                )
            if group["status"] in ("CREATE_FAILED", "DELETE_FAILED"):
                raise AwsError(f"{resource} is {group['status']}: {failure(group)}. Delete it and run again")
            plan = eks_nodegroup.plan_nodegroup(group, wanted, purge_tags=False)
            if group["status"] == "CREATING":
                plan.before["status"], plan.after["status"] = group["status"], "ACTIVE"
            if plan.after:
                found.append(Difference("node_groups", resource, "update", plan.before, plan.after))
        return found + [Difference("node_groups", f"node group {name}", "delete") for name in self.surplus()]


def view(data: dict[str, Any]) -> dict[str, Any]:
    """A summary of our settings in a launch template. Two templates are the same if their summaries are."""
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
