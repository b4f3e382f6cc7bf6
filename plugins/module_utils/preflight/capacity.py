# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Capacity: whether the platform's pods still fit when one node fails. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..eks.input_names import Names, variable
from ..eks.platform.node_group_inputs import sizes as sizes_of
from ..kube.quantities import amount

# Requests of the pods of EKS's own add-ons, CPU in millicores and memory in MiB: on every node, and in total.
ON_EVERY_NODE = {"vpc-cni": (50, 0), "kube-proxy": (100, 0)}
IN_ALL = {"coredns": (2, 100, 70), "metrics-server": (2, 100, 200)}
# What an EKS node reserves ("Reserve compute resources for system daemons"; nodeadm, internal/kubelet/config.go): CPU by core, memory by pod.
RESERVED_CPU = ((1, 0.06), (1, 0.01), (2, 0.005), (10**6, 0.0025))
RESERVED_MEMORY, RESERVED_MEMORY_OF_A_POD, EVICTION = 255, 11, 100
# Of an instance's memory, firmware and kernel take this share before Kubernetes counts it (an m6g.large of 8192 MiB says 7749).
SYSTEM_SHARE = 0.055
MILLICORE, MEBIBYTE = Decimal("0.001"), Decimal(2**20)
Size = tuple[float, float]


@dataclass
class Pods:
    """Pods of one kind, and what each requests."""

    name: str
    replicas: int
    cpu: float
    memory: float


def counted(quantity: Any, unit: Decimal) -> float:
    """A Kubernetes quantity in millicores or MiB; 0 if it is invalid."""
    return float((amount(quantity) or 0) / unit)


def pods_of(listed: list[dict[str, Any]], addons: list[str]) -> list[Pods]:
    """The requests of the roles' pods, and those of AWS's add-ons."""
    ours = [Pods(one["name"], int(one["replicas"]), counted(one.get("cpu"), MILLICORE), counted(one.get("memory"), MEBIBYTE)) for one in listed]
    return ours + [Pods(name, *IN_ALL[name]) for name in addons if name in IN_ALL]


def allocatable(kind: dict[str, Any]) -> Size:
    """The allocatable resources of a node of this instance type, from EC2's description: millicores and MiB."""
    cores, reserved = kind["VCpuInfo"]["DefaultVCpus"], 0.0
    left = cores
    for step, share in RESERVED_CPU:
        reserved += min(left, step) * share * 1000
        left -= min(left, step)
    network = kind.get("NetworkInfo") or {}
    pods = min(110, network.get("MaximumNetworkInterfaces", 4) * (network.get("Ipv4AddressesPerInterface", 15) - 1) + 2)
    memory = kind["MemoryInfo"]["SizeInMiB"] * (1 - SYSTEM_SHARE) - RESERVED_MEMORY - RESERVED_MEMORY_OF_A_POD * pods - EVICTION
    return cores * 1000 - reserved, memory


def nodes_of(groups: list[dict[str, Any]], live: dict[str, Any], types: list[dict[str, Any]]) -> list[Size]:
    """The nodes after a run, the smallest type of each group; tainted ones do not count."""
    sizes = {kind["InstanceType"]: allocatable(kind) for kind in types}
    found: list[Size] = []
    for group in groups:
        known = [sizes[kind] for kind in group["instance_types"] if kind in sizes]
        if known and not group.get("taints"):
            found += [min(known)] * int(sizes_of(group, live.get(group["name"]))["desired_size"] or 0)
    return found


def check(
    given: dict[str, Any], live: dict[str, Any], types: list[dict[str, Any]], listed: list[dict[str, Any]], names: Names = variable
) -> tuple[Any, ...] | None:
    """The remaining capacity when the largest node fails; a warning if a pod of the largest kind would not fit."""
    nodes = sorted(nodes_of(given["node_groups"], live, types))
    if not nodes or not listed:
        return None
    addons = [addon["name"] for addon in given.get("addons") or []]
    pods = pods_of(listed, addons)
    everywhere = [ON_EVERY_NODE[name] for name in addons if name in ON_EVERY_NODE]
    room = [sum(node[index] - sum(size[index] for size in everywhere) for node in nodes[:-1]) for index in (0, 1)]
    asked = [sum(one.replicas * size for one, size in ((one, (one.cpu, one.memory)[index]) for one in pods)) for index in (0, 1)]
    left = [round(has - wants) for has, wants in zip(room, asked, strict=True)]
    largest = max(pods, key=lambda one: (one.cpu, one.memory))
    found = {"nodes": len(nodes), "cpu_left_millicores": left[0], "memory_left_mib": left[1]}
    accepted = f"room for one more pod of {largest.name} ({largest.cpu:g}m of CPU, {largest.memory:g} MiB) on the nodes that are left when one fails"
    said = f"when one of {len(nodes)} node{'s' if len(nodes) > 1 else ''} fails, the platform's pods request {asked[0]:g}m of CPU and {asked[1]:g} MiB"
    said += f" of the {max(0, room[0]):g}m and {max(0, room[1]):.0f} MiB of the others, which leaves {left[0]}m and {left[1]} MiB"
    if left[0] >= largest.cpu and left[1] >= largest.memory:
        return ("room when a node fails", True, found, accepted, said)
    advice = "pods would stay Pending until AWS has replaced it" if min(left) < 0 else "no rollout would proceed until AWS has replaced it"
    said += f": {advice}. Add a node (desired_size in {names('node_groups')}) or use a larger instance type"
    return ("room when a node fails", True, found, accepted, said, True)
