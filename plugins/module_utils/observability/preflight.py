# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What only the cluster can say before Prometheus is installed: whether it makes volumes, and from which addresses its API server comes."""

from __future__ import annotations

import typing as t
from ipaddress import ip_address, ip_network

from ..common.failure import Refused
from ..kube.api import KubeApi
from ..kube.objects import Manifest
from . import volume
from .prometheus import NAME


def look(api: KubeApi, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    if params["storage"]:
        _refuse_volume(api, params)
    slices = api.find("discovery.k8s.io/v1", "EndpointSlice", "default", labels="kubernetes.io/service-name=kubernetes")
    return {"changed": False, "api_server_cidrs": api_server_cidrs(slices)}


def _refuse_volume(api: KubeApi, params: t.Mapping[str, t.Any]) -> None:
    """A volume that is there is not asked for again, and only grows."""
    claim = api.get("v1", "PersistentVolumeClaim", NAME, params["namespace"])
    if claim is None:
        drivers = [item["metadata"]["name"] for item in api.find("storage.k8s.io/v1", "CSIDriver")]
        wrong = volume.problem(params["storage_class"], api.find("storage.k8s.io/v1", "StorageClass"), drivers)
    else:
        wrong = _shrinks(str(claim["spec"]["resources"]["requests"]["storage"]), params["storage"])
    if wrong:
        raise Refused(wrong)


def _shrinks(there: str, wanted: str) -> str:
    if volume.size_of(wanted) >= volume.size_of(there):
        return ""
    return f"observability_prometheus_storage is {wanted!r}; accepted: at least {there}, which its volume has: volumes only grow"


def api_server_cidrs(slices: t.Iterable[Manifest]) -> list[str]:
    """The addresses behind the Service kubernetes. On EKS these are the control plane's interfaces in the VPC, from which it also calls pods."""
    addresses = {ip_address(address) for item in slices for endpoint in item.get("endpoints") or [] for address in endpoint["addresses"]}
    return [str(ip_network(address)) for address in sorted(addresses, key=lambda one: (one.version, int(one)))]
