# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A namespace whose pods are of the mesh, and talk to each other by mutual TLS only."""

from __future__ import annotations

from ..kube.objects import Manifest


def manifests(name: str, revision: str = "", pod_security: str = "privileged") -> list[Manifest]:
    """C(pod_security): what is enforced. A sidecar's init container sets up the network and needs NET_ADMIN, unless istio-cni does it.

    The apps themselves are held to C(restricted) by a warning, which judges the Deployments, before a sidecar is added.
    """
    labels = {
        **({"istio.io/rev": revision} if revision else {"istio-injection": "enabled"}),
        "pod-security.kubernetes.io/enforce": pod_security,
        "pod-security.kubernetes.io/warn": "restricted",
    }
    mutual = {"mtls": {"mode": "STRICT"}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
        {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": {"name": "default", "namespace": name}, "spec": mutual},
    ]
