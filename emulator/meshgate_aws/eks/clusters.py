# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Clusters: CreateCluster, DescribeCluster, ListClusters, DeleteCluster and their updates."""

from __future__ import annotations

import base64
import json
import random
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.ec2.models import ec2_backends

from .. import pages, registry
from ..common import Schedule, error, seconds
from . import checks
from .catalogue import DEFAULT_VERSION, KUBELET_MAX_SKEW, VERSIONS, minor
from .state import Cluster, Data

LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
# One member of UpdateClusterConfig's request -> the type of update that it makes.
CONFIG_UPDATES = {
    "logging": ("LoggingUpdate", "ClusterLogging"),
    "accessConfig": ("AccessConfigUpdate", "AuthenticationMode"),
    "upgradePolicy": ("UpgradePolicyUpdate", "UpgradePolicy"),
    "zonalShiftConfig": ("ZonalShiftConfigUpdate", "ZonalShiftConfig"),
    "deletionProtection": ("DeletionProtectionUpdate", "DeletionProtection"),
    "remoteNetworkConfig": ("RemoteNetworkConfigUpdate", "RemoteNetworkConfig"),
    "computeConfig": ("AutoModeUpdate", "ComputeConfig"),
    "controlPlaneScalingConfig": ("ControlPlaneScalingConfigUpdate", "UpdatedTier"),
}
MOST_RESULTS = 100
# API reference, UpdateClusterConfig: "this status transition is eventually consistent". For this part of an update the old status is shown.
UNSEEN = 0.2


def page(names: list[Any], p: Data, key: str) -> Data:
    """One page of a list, as every EKS List call gives it (API reference, maxResults): 1 to 100, nextToken to continue."""
    start, size = pages.place(p.get("nextToken"), "InvalidParameterException"), MOST_RESULTS if p.get("maxResults") is None else int(p["maxResults"])
    if not 1 <= size <= MOST_RESULTS:
        raise checks.invalid(f"maxResults must be between 1 and {MOST_RESULTS}")
    end = start + size
    return {key: names[start:end], "nextToken": pages.token(end) if end < len(names) else None}


class Clusters:
    account_id: str
    region_name: str
    partition: str
    clusters: dict[str, Cluster]
    schedule: Schedule
    principal: str

    def cluster_seconds(self) -> float:
        return seconds("MESHGATE_CLUSTER_SECONDS", 0.5)

    def cluster(self, name: str, active: bool = False) -> Cluster:
        self.schedule.settle()
        if name not in self.clusters:
            raise error("ResourceNotFoundException", f"No cluster found for name: {name}.", clusterName=name)
        found = self.clusters[name]
        if active and found.data["status"] in ("CREATING", "DELETING", "FAILED"):
            raise error("InvalidRequestException", f"Cluster '{name}' is not in ACTIVE status", clusterName=name)
        return found

    def create_cluster(self, p: Data) -> Data:
        self.schedule.settle()
        name = p["name"]
        if not checks.CLUSTER_NAME.match(name):
            raise checks.invalid(
                f"The cluster name '{name}' is not valid: it must start with a letter or digit and contain only letters, digits, - and _ (100 characters)"
            )
        if name in self.clusters:
            raise error("ResourceInUseException", f"Cluster already exists with name: {name}", clusterName=name)
        version = p.get("version") or DEFAULT_VERSION
        if version not in VERSIONS:
            raise checks.invalid(f"unsupported Kubernetes version {version}")
        checks.role(self.account_id, self.partition, p["roleArn"], "eks.amazonaws.com")
        vpc = dict(p["resourcesVpcConfig"])
        checks.reach(vpc)
        vpc_id = checks.subnets(self.account_id, self.region_name, vpc.get("subnetIds") or [], 2)
        checks.security_groups(self.account_id, self.region_name, vpc.get("securityGroupIds") or [])
        access = p.get("accessConfig") or {}
        bootstrap, mode = access.get("bootstrapClusterCreatorAdminPermissions", True), access.get("authenticationMode") or "CONFIG_MAP"
        if mode == "CONFIG_MAP" and not bootstrap:
            # crossplane-contrib/provider-upjet-aws#1345 quotes it.
            raise checks.invalid("bootstrapClusterCreatorAdminPermissions must be true if cluster authentication mode is set to CONFIG_MAP")
        checks.linked_role(self.account_id, self.partition, "eks.amazonaws.com")
        cluster = Cluster(
            data={
                "name": name,
                "arn": f"arn:{self.partition}:eks:{self.region_name}:{self.account_id}:cluster/{name}",
                "createdAt": datetime.now(UTC),
                "version": version,
                "platformVersion": VERSIONS[version]["platform"],
                "roleArn": p["roleArn"],
                "resourcesVpcConfig": _vpc_config(vpc, vpc_id),
                "kubernetesNetworkConfig": {
                    "serviceIpv4Cidr": "172.20.0.0/16",
                    "ipFamily": "ipv4",
                    "elasticLoadBalancing": {"enabled": False},
                    **(p.get("kubernetesNetworkConfig") or {}),
                },
                "logging": _logging((p.get("logging") or {}).get("clusterLogging") or []),
                "status": "CREATING",
                "tags": p.get("tags") or {},
                "encryptionConfig": p.get("encryptionConfig"),
                "health": {"issues": []},
                # What EKS returns for a plain cluster, without bootstrapClusterCreatorAdminPermissions: a recording of September 2026.
                "accessConfig": {"authenticationMode": mode},
                "upgradePolicy": p.get("upgradePolicy") or {"supportType": "EXTENDED"},
                "zonalShiftConfig": p.get("zonalShiftConfig") or {"enabled": False},
                "remoteNetworkConfig": p.get("remoteNetworkConfig"),
                "computeConfig": p.get("computeConfig") or {"enabled": False, "nodePools": []},
                "storageConfig": p.get("storageConfig") or {"blockStorage": {"enabled": False}},
                "controlPlaneScalingConfig": p.get("controlPlaneScalingConfig") or {"tier": "standard"},
                "deletionProtection": bool(p.get("deletionProtection")),
            },
            issuer=registry.issuer(self.account_id, self.region_name, name),
        )
        cluster.data["resourcesVpcConfig"]["clusterSecurityGroupId"] = self._create_security_group(name, vpc_id)
        self.clusters[name] = cluster
        if mode != "CONFIG_MAP":
            self.admit_eks(cluster)
            if bootstrap:
                self.bootstrap_access(cluster)
        self.schedule.after(self.cluster_seconds(), lambda: self._activate(cluster))
        return {"cluster": self._view(cluster)}

    def bootstrap_access(self, cluster: Cluster) -> None:
        raise NotImplementedError

    def admit_eks(self, cluster: Cluster) -> None:
        raise NotImplementedError

    def _activate(self, cluster: Cluster) -> None:
        if cluster.data["status"] == "CREATING":
            cluster.data["status"] = "ACTIVE"

    def _create_security_group(self, name: str, vpc_id: str) -> str:
        ec2 = ec2_backends[self.account_id][self.region_name]
        group_name = f"eks-cluster-sg-{name}-{random.randrange(10**8, 10**10)}"
        group = ec2.create_security_group(
            group_name,
            "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.",
            vpc_id=vpc_id,
            tags={"Name": group_name, f"kubernetes.io/cluster/{name}": "owned", "aws:eks:cluster-name": name},
        )
        every: Any = None
        ec2.authorize_security_group_ingress(group.id, "-1", every, every, [], source_groups=[{"GroupId": group.id}], vpc_id=vpc_id)
        return group.id

    def _view(self, cluster: Cluster) -> Data:
        """What DescribeCluster returns; endpoint, identity and security group only appear when the cluster is up."""
        data = dict(cluster.data)
        if data["status"] == "CREATING":
            vpc = {k: v for k, v in data["resourcesVpcConfig"].items() if k != "clusterSecurityGroupId"}
            return {**data, "resourcesVpcConfig": vpc, "certificateAuthority": {}}
        backing = registry.get(data["name"]) or {}
        unique = cluster.issuer.rsplit("/", 1)[-1]
        endpoint = f"https://{unique}.gr7.{self.region_name}.eks.amazonaws.com"
        authority = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(unique.encode()) + b"\n-----END CERTIFICATE-----\n").decode()
        return {
            **data,
            "endpoint": backing.get("endpoint") or endpoint,
            "certificateAuthority": {"data": backing.get("certificate_authority_data") or authority},
            "identity": {"oidc": {"issuer": cluster.issuer}},
        }

    def describe_cluster(self, p: Data) -> Data:
        return {"cluster": self._view(self.cluster(p["name"]))}

    def list_clusters(self, p: Data) -> Data:
        self.schedule.settle()
        return page(sorted(self.clusters), p, "clusters")

    def delete_cluster(self, p: Data) -> Data:
        cluster = self.cluster(p["name"])
        name = p["name"]
        if cluster.data["deletionProtection"]:
            raise error("InvalidRequestException", f"Cluster '{name}' can't be deleted because deletion protection is enabled", clusterName=name)
        if cluster.nodegroups:
            names = ",".join(sorted(cluster.nodegroups))
            raise error("ResourceInUseException", "Cluster has nodegroups attached", clusterName=name, nodegroupName=names)
        if cluster.fargate_profiles:
            raise error("ResourceInUseException", "Cluster has Fargate profiles attached", clusterName=name)
        if cluster.data["status"] == "CREATING":
            raise error("ResourceInUseException", "Cluster has creation in progress", clusterName=name)
        if cluster.running:
            # aws/containers-roadmap#1511 quotes it.
            raise error("ResourceInUseException", f"Cannot delete because cluster {name} currently has an update in progress", clusterName=name)
        if cluster.data["status"] != "DELETING":
            cluster.data["status"] = "DELETING"
            self.schedule.after(self.cluster_seconds(), lambda: self._remove(cluster))
        return {"cluster": self._view(cluster)}

    def _remove(self, cluster: Cluster) -> None:
        self.clusters.pop(cluster.data["name"], None)
        ec2 = ec2_backends[self.account_id][self.region_name]
        group_id = cluster.data["resourcesVpcConfig"]["clusterSecurityGroupId"]
        try:
            ec2.delete_security_group(group_id=group_id)
        except Exception as exception:
            # AWS leaves the group behind when something else still refers to it.
            print(f"meshgate_aws: security group {group_id} of EKS cluster {cluster.data['name']} stays: {exception}", flush=True)

    # Updates

    def _update(self, cluster: Cluster, kind: str, params: list[tuple[str, Any]], change: Any) -> Data:
        name = cluster.data["name"]
        if cluster.running:
            # aws-controllers-k8s/community#1192 quotes it, after the client had seen that the status is ACTIVE.
            message = f"Cannot {kind} because cluster {name} currently has update {cluster.running} in progress"
            raise error("ResourceInUseException", message, clusterName=name)
        before, update = cluster.data["status"], cluster.begin(kind, params)
        cluster.running, cluster.data["status"] = update["id"], before
        takes = self.cluster_seconds()
        self.schedule.after(takes * UNSEEN, lambda: self._seen(cluster, update))
        self.schedule.after(takes, lambda: self._over(cluster, update, change))
        return {"update": update}

    def _seen(self, cluster: Cluster, update: Data) -> None:
        if cluster.running == update["id"] and cluster.data["status"] == "ACTIVE":
            cluster.data["status"] = "UPDATING"

    def _over(self, cluster: Cluster, update: Data, change: Any) -> None:
        cluster.running = ""
        cluster.end(update, change)

    def patch(self, cluster: Cluster, takes: float) -> None:
        """AWS's own update of the control plane: the status stays ACTIVE, and every other request is refused (aws/containers-roadmap#1500)."""
        cluster.running = str(uuid.uuid4())
        self.schedule.after(takes, lambda: setattr(cluster, "running", ""))

    def update_cluster_version(self, p: Data) -> Data:
        cluster = self.cluster(p["name"], active=True)
        old, new = cluster.data["version"], p["version"]
        if new not in VERSIONS:
            raise checks.invalid(f"unsupported Kubernetes version {new}", clusterName=p["name"])
        if old == new:
            raise checks.invalid(f"Cluster is already at the desired configuration with version: {new}", clusterName=p["name"])
        if minor(new) != minor(old) + 1:
            raise checks.invalid(f"Unsupported Kubernetes minor version update from {old} to {new}", clusterName=p["name"])
        behind = [n for n, group in cluster.nodegroups.items() if minor(new) - minor(group.data["version"]) > KUBELET_MAX_SKEW]
        if behind and not p.get("force"):
            raise error(
                "InvalidRequestException",
                f"Nodegroups {','.join(behind)} must be updated to match cluster version {old} before updating cluster version "
                f"to {new}: the kubelet may be at most {KUBELET_MAX_SKEW} minor versions older than the control plane",
                clusterName=p["name"],
            )

        def change() -> None:
            cluster.data.update(version=new, platformVersion=VERSIONS[new]["platform"])

        return self._update(cluster, "VersionUpdate", [("Version", new), ("PlatformVersion", VERSIONS[new]["platform"])], change)

    def update_cluster_config(self, p: Data) -> Data:
        cluster = self.cluster(p["name"], active=True)
        wanted = [key for key in (*CONFIG_UPDATES, "resourcesVpcConfig") if p.get(key) is not None]
        if not wanted:
            raise checks.invalid("No changes needed for the config provided", clusterName=p["name"])
        if len(wanted) > 1:
            raise checks.invalid("Only one type of update can be allowed.", clusterName=p["name"])
        if wanted[0] == "resourcesVpcConfig":
            return self._update_vpc(cluster, p["resourcesVpcConfig"])
        key = wanted[0]
        kind, param = CONFIG_UPDATES[key]
        new = p[key]
        if key == "logging":
            new = _logging(new.get("clusterLogging") or [], _enabled(cluster.data["logging"]))
        elif key == "accessConfig":
            self._check_access_mode(cluster, new["authenticationMode"])
        if new == cluster.data.get(key):
            raise checks.invalid(f"No changes needed for the {key} config provided", clusterName=p["name"])

        def change() -> None:
            cluster.data[key] = new
            if key == "accessConfig":
                self.admit_eks(cluster)

        return self._update(cluster, kind, [(param, _shown(key, p[key]))], change)

    def _check_access_mode(self, cluster: Cluster, new: str) -> None:
        order = ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"]
        old = cluster.data["accessConfig"]["authenticationMode"]
        if order.index(new) < order.index(old):
            raise checks.invalid(f"Unsupported authentication mode update from {old} to {new}", clusterName=cluster.data["name"])

    def _update_vpc(self, cluster: Cluster, new: Data) -> Data:
        old = cluster.data["resourcesVpcConfig"]
        name = cluster.data["name"]
        network = {key: new[key] for key in ("subnetIds", "securityGroupIds") if new.get(key) is not None}
        endpoint = {key: new[key] for key in ("endpointPublicAccess", "endpointPrivateAccess", "publicAccessCidrs") if new.get(key) is not None}
        if network and endpoint:
            raise checks.invalid("Only one type of update can be allowed.", clusterName=name)
        checks.reach(new)
        merged = {**old, **network, **endpoint}
        if endpoint and not (merged["endpointPublicAccess"] or merged["endpointPrivateAccess"]):
            raise checks.invalid("Private and public endpoint access cannot be false", clusterName=name)
        if network.get("subnetIds"):
            checks.subnets(self.account_id, self.region_name, network["subnetIds"], 2)
        checks.security_groups(self.account_id, self.region_name, network.get("securityGroupIds") or [])
        if all(sorted(merged[k]) == sorted(old[k]) if isinstance(old[k], list) else merged[k] == old[k] for k in {**network, **endpoint}):
            shown = ", ".join(f"{k}: {v}" for k, v in {**network, **endpoint}.items())
            raise checks.invalid(f"Cluster is already at the desired configuration with {shown}", clusterName=name)
        params = [
            ("EndpointPublicAccess", endpoint.get("endpointPublicAccess")),
            ("EndpointPrivateAccess", endpoint.get("endpointPrivateAccess")),
            ("PublicAccessCidrs", endpoint.get("publicAccessCidrs")),
            ("Subnets", network.get("subnetIds")),
            ("SecurityGroups", network.get("securityGroupIds")),
        ]

        def change() -> None:
            cluster.data["resourcesVpcConfig"] = merged

        return self._update(cluster, "EndpointAccessUpdate" if endpoint else "VpcConfigUpdate", params, change)

    def associate_encryption_config(self, p: Data) -> Data:
        cluster = self.cluster(p["clusterName"], active=True)
        if cluster.data.get("encryptionConfig"):
            raise checks.invalid("Encryption config is already associated with the cluster", clusterName=p["clusterName"])

        def change() -> None:
            cluster.data["encryptionConfig"] = p["encryptionConfig"]

        return self._update(cluster, "AssociateEncryptionConfig", [("EncryptionConfig", p["encryptionConfig"])], change)


def _shown(key: str, value: Any) -> Any:
    """A parameter of an update: the authentication mode alone, as a JSON string within the string (eksworkshop.com, "Cluster Access Management API")."""
    return json.dumps(value["authenticationMode"]) if key == "accessConfig" else value


def _vpc_config(vpc: Data, vpc_id: str) -> Data:
    public = vpc.get("endpointPublicAccess")
    public = True if public is None else public
    return {
        "subnetIds": vpc.get("subnetIds") or [],
        "securityGroupIds": vpc.get("securityGroupIds") or [],
        "vpcId": vpc_id,
        "endpointPublicAccess": public,
        "endpointPrivateAccess": bool(vpc.get("endpointPrivateAccess")),
        "publicAccessCidrs": (vpc.get("publicAccessCidrs") or ["0.0.0.0/0"]) if public else [],
        "controlPlaneEgressMode": "AWS_MANAGED",
    }


def _enabled(logging: Data) -> set[str]:
    return {kind for setup in logging["clusterLogging"] if setup["enabled"] for kind in setup["types"]}


def _logging(setups: list[Data], enabled: set[str] | None = None) -> Data:
    """EKS shows the types that are on in one entry and those that are off in another."""
    on = set(enabled or ())
    for setup in setups:
        on = on | set(setup.get("types") or []) if setup.get("enabled") else on - set(setup.get("types") or [])
    entries = [
        {"types": [kind for kind in LOG_TYPES if kind in on], "enabled": True},
        {"types": [kind for kind in LOG_TYPES if kind not in on], "enabled": False},
    ]
    return {"clusterLogging": [entry for entry in entries if entry["types"]]}
