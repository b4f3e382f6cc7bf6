# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Add-ons, their updates, and what DescribeUpdate, ListUpdates, the catalogue and the tag calls read."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

from ..common import error, seconds
from . import checks
from .access import Access
from .catalogue import ADDON_NAMESPACE, ADDONS, DEFAULT_VERSION, VERSIONS, addon_versions, default_addon_version
from .clusters import page
from .state import Cluster, Data, Resource, arn_of


class Addons(Access):
    def _addon(self, p: Data) -> tuple[Cluster, Resource]:
        cluster = self.cluster(p["clusterName"])
        name = p["addonName"]
        if name not in cluster.addons:
            raise error("ResourceNotFoundException", f"No addon: {name} found in cluster: {p['clusterName']}", clusterName=p["clusterName"], addonName=name)
        return cluster, self._health(cluster, cluster.addons[name])

    def _addon_version(self, cluster: Cluster, p: Data, default: str | None = None) -> str:
        offered = addon_versions(p["addonName"], cluster.data["version"])
        version = p.get("addonVersion") or default or default_addon_version(p["addonName"], cluster.data["version"])
        if version not in offered and version != default:
            raise checks.invalid(f"Addon version specified is not supported: {version}", clusterName=p["clusterName"], addonName=p["addonName"])
        if p.get("configurationValues"):
            _check_configuration(p)
        return version

    def create_addon(self, p: Data) -> Data:
        cluster = self.cluster(p["clusterName"], active=True)
        name = p["addonName"]
        if name not in ADDONS:
            raise checks.invalid(f"Addon {name} specified is not supported", clusterName=p["clusterName"], addonName=name)
        if name in cluster.addons:
            raise error("ResourceInUseException", "Addon already exists.", clusterName=p["clusterName"], addonName=name)
        version = self._addon_version(cluster, p)
        now = datetime.now(UTC)
        addon = Resource(
            {
                "addonName": name,
                "clusterName": p["clusterName"],
                "status": "CREATING",
                "addonVersion": version,
                "health": {"issues": []},
                "addonArn": f"arn:{self.partition}:eks:{self.region_name}:{self.account_id}:addon/{p['clusterName']}/{name}/{uuid.uuid4()}",
                "createdAt": now,
                "modifiedAt": now,
                "serviceAccountRoleArn": p.get("serviceAccountRoleArn"),
                "tags": p.get("tags") or {},
                "publisher": "eks",
                "owner": "aws",
                "configurationValues": p.get("configurationValues"),
                "podIdentityAssociations": None,
                "namespaceConfig": p.get("namespaceConfig") or {"namespace": ADDON_NAMESPACE},
            }
        )
        self._associate(addon, p)
        cluster.addons[name] = addon
        self.schedule.after(self.addon_seconds(), lambda: self._activate_resource(addon))
        return {"addon": addon.data}

    def addon_seconds(self) -> float:
        return seconds("MESHGATE_ADDON_SECONDS", min(self.nodegroup_seconds(), 5.0))

    def _health(self, cluster: Cluster, addon: Resource) -> Resource:
        """A Deployment without a node to run on: DEGRADED, InsufficientNumberOfReplicas (API reference, Addon.status and AddonIssue.code)."""
        name, data = addon.data["addonName"], addon.data
        if data["status"] in ("ACTIVE", "DEGRADED") and ADDONS[name].get("replicas"):
            groups = [group.data for group in cluster.nodegroups.values() if group.data["status"] in ("ACTIVE", "UPDATING", "DEGRADED")]
            ready = any(group["scalingConfig"]["desiredSize"] > 0 for group in groups) or bool(cluster.fargate_profiles)
            issue = {
                "code": "InsufficientNumberOfReplicas",
                "message": "The add-on is unhealthy because it doesn't have the desired number of replicas.",
                "resourceIds": [],
            }
            data["status"], data["health"] = ("ACTIVE", {"issues": []}) if ready else ("DEGRADED", {"issues": [issue]})
        return addon

    def _associate(self, addon: Resource, p: Data) -> None:
        """An add-on owns its Pod Identity associations."""
        if p.get("podIdentityAssociations") is None:
            return
        cluster = self.cluster(p["clusterName"])
        for old in [a for a in cluster.pod_identities.values() if a["ownerArn"] == addon.data["addonArn"]]:
            del cluster.pod_identities[old["associationId"]]
        arns = []
        for wanted in p["podIdentityAssociations"]:
            given = {"clusterName": p["clusterName"], "namespace": ADDON_NAMESPACE, **wanted}
            arns.append(self.create_pod_identity_association(given, addon.data["addonArn"])["association"]["associationArn"])
        addon.data["podIdentityAssociations"] = arns or None

    def describe_addon(self, p: Data) -> Data:
        return {"addon": self._addon(p)[1].data}

    def list_addons(self, p: Data) -> Data:
        return page(sorted(self.cluster(p["clusterName"]).addons), p, "addons")

    def update_addon(self, p: Data) -> Data:
        cluster, addon = self._addon(p)
        if addon.data["status"] in ("CREATING", "UPDATING", "DELETING"):
            # eksctl-io/eksctl#8091 quotes it, at a moment when the client had seen ACTIVE.
            message = f"Addon {p['addonName']} cannot be updated as it is currently in {addon.data['status']} state"
            raise error("ResourceInUseException", message, clusterName=p["clusterName"], addonName=p["addonName"])
        version = self._addon_version(cluster, p, addon.data["addonVersion"])
        params = [
            ("AddonVersion", p.get("addonVersion")),
            ("ServiceAccountRoleArn", p.get("serviceAccountRoleArn")),
            ("ResolveConflicts", p.get("resolveConflicts")),
            ("ConfigurationValues", p.get("configurationValues")),
            ("PodIdentityAssociations", p.get("podIdentityAssociations")),
        ]
        update = addon.begin("AddonUpdate", params)

        def change() -> None:
            addon.data["addonVersion"] = version
            # "If you don't specify an existing IAM role, then the add-on uses the permissions assigned to the node IAM role" (UpdateAddon).
            addon.data["serviceAccountRoleArn"] = p.get("serviceAccountRoleArn")
            if p.get("configurationValues") is not None:
                addon.data["configurationValues"] = p["configurationValues"] or None
            self._associate(addon, p)

        self.schedule.after(self.addon_seconds(), lambda: addon.end(update, change))
        return {"update": update}

    def delete_addon(self, p: Data) -> Data:
        cluster, addon = self._addon(p)
        addon.data["status"] = "DELETING"

        def gone() -> None:
            cluster.addons.pop(p["addonName"], None)
            for old in [a for a in cluster.pod_identities.values() if a["ownerArn"] == addon.data["addonArn"]]:
                del cluster.pod_identities[old["associationId"]]

        self.schedule.after(self.addon_seconds(), gone)
        return {"addon": addon.data}

    # The catalogue

    def describe_addon_versions(self, p: Data) -> Data:
        kubernetes = [p["kubernetesVersion"]] if p.get("kubernetesVersion") else list(VERSIONS)
        if p.get("addonName") and p["addonName"] not in ADDONS:
            raise checks.invalid(f"Addon {p['addonName']} specified is not supported", addonName=p["addonName"])
        found = []
        for name, addon in ADDONS.items():
            if (p.get("addonName") or name) != name:
                continue
            fits: dict[str, list[Data]] = {}
            for minor in [version for version in kubernetes if version in VERSIONS]:
                default = default_addon_version(name, minor)
                for version in addon_versions(name, minor):
                    fits.setdefault(version, []).append({"clusterVersion": minor, "platformVersions": ["*"], "defaultVersion": version == default})
            versions = [
                {
                    "addonVersion": version,
                    "architecture": ["amd64", "arm64"],
                    "computeTypes": ["ec2"],
                    "compatibilities": compatible,
                    "requiresConfiguration": False,
                    "requiresIamPermissions": addon["iam"],
                }
                for version, compatible in fits.items()
            ]
            entry = {"addonName": name, "type": addon["type"], "addonVersions": versions, "publisher": "eks", "owner": "aws"}
            found.append({**entry, "defaultNamespace": ADDON_NAMESPACE})
        return page(found, p, "addons")

    def describe_cluster_versions(self, p: Data) -> Data:
        today = datetime.now(UTC)
        found = []
        for version, facts in reversed(VERSIONS.items()):
            ends = {key: datetime.fromisoformat(facts[key]).replace(tzinfo=UTC) for key in ("release", "standard", "extended")}
            status = "standard" if today < ends["standard"] else "extended" if today < ends["extended"] else "unsupported"
            shown = status if status == "unsupported" else f"{status}-support"
            entry = {
                "clusterVersion": version,
                "clusterType": "eks",
                "defaultPlatformVersion": facts["platform"],
                "defaultVersion": version == DEFAULT_VERSION,
                "releaseDate": ends["release"],
                "endOfStandardSupportDate": ends["standard"],
                "endOfExtendedSupportDate": ends["extended"],
                "status": shown,
                "versionStatus": shown.upper().replace("-", "_"),
                "kubernetesPatchVersion": facts["patch"],
            }
            wanted = (
                (not p.get("clusterVersions") or version in p["clusterVersions"])
                and (not p.get("defaultOnly") or entry["defaultVersion"])
                and (not p.get("status") or entry["status"] == p["status"])
                and (not p.get("versionStatus") or entry["versionStatus"] == p["versionStatus"])
                and (p.get("includeAll") or status != "unsupported")
            )
            if wanted:
                found.append(entry)
        return page(found, p, "clusterVersions")

    # Updates, tags

    def _updated(self, p: Data) -> Resource:
        cluster = self.cluster(p["name"])
        if p.get("nodegroupName"):
            return self.nodegroup(cluster, p["nodegroupName"])
        if p.get("addonName"):
            return self._addon({"clusterName": p["name"], "addonName": p["addonName"]})[1]
        return cluster

    def describe_update(self, p: Data) -> Data:
        updates = self._updated(p).updates
        if p["updateId"] not in updates:
            raise error("ResourceNotFoundException", f"No update found for ID: {p['updateId']}", clusterName=p["name"])
        return {"update": updates[p["updateId"]]}

    def list_updates(self, p: Data) -> Data:
        return page(list(self._updated(p).updates), p, "updateIds")

    def list_insights(self, p: Data) -> Data:
        """The emulated cluster never blocks an upgrade."""
        self.cluster(p["clusterName"])
        return page([], p, "insights")

    def _tags(self, arn: str) -> dict[str, str]:
        self.schedule.settle()
        for cluster in self.clusters.values():
            for data in cluster.tagged():
                if arn_of(data) == arn:
                    tags: dict[str, str] = data["tags"]
                    return tags
        raise error("ResourceNotFoundException", f"The resource with arn {arn} was not found")

    def tag_resource(self, p: Data) -> Data:
        if reserved := [key for key in p["tags"] if key.lower().startswith("aws:")]:
            raise error("BadRequestException", f"Tag keys cannot start with aws: {', '.join(reserved)}")
        self._tags(p["resourceArn"]).update(p["tags"])
        return {}

    def untag_resource(self, p: Data) -> Data:
        tags = self._tags(p["resourceArn"])
        for key in p["tagKeys"]:
            tags.pop(key, None)
        return {}

    def list_tags_for_resource(self, p: Data) -> Data:
        return {"tags": self._tags(p["resourceArn"])}


def _check_configuration(p: Data) -> None:
    import yaml

    try:
        values = json.loads(p["configurationValues"])
    except ValueError:
        try:
            values = yaml.safe_load(p["configurationValues"])
        except yaml.YAMLError:
            values = None
    if not isinstance(values, dict):
        raise checks.invalid("ConfigurationValue is not in valid JSON or YAML format.", clusterName=p["clusterName"], addonName=p["addonName"])
