# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What all components have in common: one pod without privileges, a Service, and a NetworkPolicy for those who may reach it. Plain data in, manifests out."""

from __future__ import annotations

import hashlib
import json
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..kube.objects import Manifest

Wanted = Mapping[str, t.Any]
_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Part:
    """A component in Istio's namespace. C(labels) are those by which Istio's tools find its pods, C(user) is what its publisher's image runs as."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    user: int

    def metadata(self, name: str = "") -> Manifest:
        return {"name": name or self.name, "namespace": self.namespace, "labels": dict(self.labels)}

    def account(self) -> Manifest:
        return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": self.metadata(), "automountServiceAccountToken": False}

    def config_map(self, data: Mapping[str, str], name: str = "") -> Manifest:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": self.metadata(name), "data": dict(data)}

    def service(self, ports: Mapping[str, int], name: str = "") -> Manifest:
        """C(ports): their names, which the container's ports have, too."""
        listed = [{"name": port, "port": number, "targetPort": port, "protocol": "TCP"} for port, number in ports.items()]
        return {"apiVersion": "v1", "kind": "Service", "metadata": self.metadata(name), "spec": {"selector": dict(self.labels), "ports": listed}}

    def deployment(self, container: Manifest, volumes: Sequence[Manifest], token: bool = False, grace: int = 30, restart_for: t.Any = None) -> Manifest:
        """One pod, which ends before the next one starts: two would write into one volume.

        C(restart_for) is what the program reads only when it starts.
        """
        metadata: Manifest = {"labels": {**self.labels, "sidecar.istio.io/inject": "false"}}
        if restart_for is not None:
            metadata["annotations"] = {"meshgate.io/configuration": _digest(restart_for)}
        template = {"metadata": metadata, "spec": self._pod(container, volumes, token, grace)}
        spec = {"replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": dict(self.labels)}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": self.metadata(), "spec": spec}

    def _pod(self, container: Manifest, volumes: Sequence[Manifest], token: bool, grace: int) -> Manifest:
        return {
            "serviceAccountName": self.name,
            "automountServiceAccountToken": token,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": grace,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": self.user,
                "runAsGroup": self.user,
                "fsGroup": self.user,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": list(volumes),
        }

    def container(self, wanted: Wanted, ports: Mapping[str, int], **more: t.Any) -> Manifest:
        return {
            "name": self.name,
            "image": wanted["image"],
            "imagePullPolicy": "IfNotPresent",
            "ports": [{"name": name, "containerPort": number, "protocol": "TCP"} for name, number in ports.items()],
            "resources": wanted["resources"],
            "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
            **more,
        }

    def policy(self, rules: Iterable[tuple[Sequence[Manifest], Iterable[int]]]) -> Manifest:
        """C(rules): who reaches which ports. None of the components has a password; a port-forward comes from inside the pod."""
        ingress = [{"from": list(readers), "ports": [{"port": port, "protocol": "TCP"} for port in ports]} for readers, ports in rules if readers]
        spec = {"podSelector": {"matchLabels": dict(self.labels)}, "policyTypes": ["Ingress"], "ingress": ingress}
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": self.metadata(), "spec": spec}

    def cluster_rights(self, rules: Sequence[Manifest]) -> list[Manifest]:
        name = f"{self.name}-{self.namespace}"
        role = {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": list(rules)}
        return [role, self._binding("ClusterRole", {"name": name}, "ClusterRoleBinding")]

    def rights(self, namespace: str, rules: Sequence[Manifest]) -> list[Manifest]:
        """In one namespace."""
        metadata = {"name": f"{self.name}-{self.namespace}", "namespace": namespace}
        role = {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": list(rules)}
        return [role, self._binding("Role", metadata, "RoleBinding")]

    def _binding(self, role: str, metadata: Manifest, kind: str) -> Manifest:
        return {
            "apiVersion": f"{_RBAC}/v1",
            "kind": kind,
            "metadata": metadata,
            "roleRef": {"apiGroup": _RBAC, "kind": role, "name": metadata["name"]},
            "subjects": [{"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace}],
        }


def api_server(wanted: Wanted) -> list[Manifest]:
    """It asks for those who have rights on its proxy."""
    return [{"ipBlock": {"cidr": cidr}} for cidr in wanted["api_server_cidrs"]]


def pods(name: str) -> Manifest:
    """Of another component, in the same namespace."""
    return {"podSelector": {"matchLabels": {"app.kubernetes.io/name": name}}}


def probe(path: str, port: str = "http", **more: t.Any) -> Manifest:
    return {"httpGet": {"path": path, "port": port}, **more}


def _digest(given: t.Any) -> str:
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:16]
