# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The platform's cluster: what is there, by the `kubernetes` client, and what a user does to it, by kubectl.

The client has no line in common with what made the platform, so that both cannot be wrong in the same way.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import kubernetes
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

Item = dict[str, Any]
# Of kinds that several groups have, or that tests ask for by name: which is meant.
API_VERSIONS = {
    "AuthorizationPolicy": "security.istio.io/v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "Deployment": "apps/v1",
    "EnvoyFilter": "networking.istio.io/v1alpha3",
    "GatewayClass": "gateway.networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "Ingress": "networking.k8s.io/v1",
    "Lease": "coordination.k8s.io/v1",
    "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "ReplicaSet": "apps/v1",
    "TargetGroupBinding": "elbv2.k8s.aws/v1beta1",
    "Telemetry": "telemetry.istio.io/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "VirtualService": "networking.istio.io/v1",
}


class Cluster:
    def __init__(self, kubeconfig: Path, kubectl: Path) -> None:
        self.kubeconfig, self.program = kubeconfig, kubectl
        self._made_of = 0
        self._client: DynamicClient | None = None

    @property
    def client(self) -> DynamicClient:
        """Made anew when the cluster was: its kubeconfig is another one then."""
        now = os.stat(self.kubeconfig).st_mtime_ns
        if self._client is None or now != self._made_of:
            self._client, self._made_of = DynamicClient(kubernetes.config.new_client_from_config(str(self.kubeconfig))), now
        return self._client

    def _ask(self, kind: str, namespace: str | None, **what: Any) -> Item:
        resource = self.client.resources.get(api_version=API_VERSIONS.get(kind, "v1"), kind=kind)
        answer: Item = resource.get(namespace=namespace, _request_timeout=60, **{key: value for key, value in what.items() if value}).to_dict()
        return answer

    def get(self, kind: str, name: str, namespace: str | None = None) -> Item:
        """An object that must be there."""
        return self._ask(kind, namespace, name=name)

    def has(self, kind: str, name: str, namespace: str | None = None) -> bool:
        try:
            return bool(self.get(kind, name, namespace))
        except NotFoundError:
            return False

    def find(self, kind: str, namespace: str | None = None, labels: str = "", fields: str = "") -> list[Item]:
        found = self._ask(kind, namespace, label_selector=labels, field_selector=fields)["items"]
        return [{**item, "kind": kind} for item in found or []]

    def logs(self, namespace: str, pod: str, container: str, lines: int) -> str:
        core = kubernetes.client.CoreV1Api(self.client.client)
        return core.read_namespaced_pod_log(pod, namespace, container=container, tail_lines=lines, _request_timeout=60)

    def token(self, namespace: str, account: str, audience: str, seconds: int = 600) -> str:
        """A service account's token for somebody who asks for that audience, as kubelet gets it for a pod."""
        core: Any = kubernetes.client.CoreV1Api(self.client.client)
        wanted = {"spec": {"audiences": [audience], "expirationSeconds": seconds}}
        return str(core.create_namespaced_service_account_token(account, namespace, wanted, _request_timeout=60).status.token)

    def kubectl(self, *arguments: str, text: str | None = None, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """What a user types."""
        argv = [str(self.program), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=180, check=False)
        if ok:
            assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done
