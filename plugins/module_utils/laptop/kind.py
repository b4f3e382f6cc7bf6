# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Our kind cluster: its settings, the kind configuration from them, and what must be done with the current state."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
ROLE_LABEL = "io.x-k8s.kind.role"
# Our directory is mounted here in every node: that is how `docker inspect` recognises our cluster, also if a
# node is stopped or incomplete, since kind does not support custom labels.
MARK = "/etc/meshgate.io/cluster"
# Containerd's configuration of registries in a node: https://github.com/containerd/containerd/blob/main/docs/hosts.md
REGISTRY_CONFIG = "/etc/containerd/certs.d"
EKS_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
KIND_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,48}")
LABEL_NAME = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")

# A kubelet may set only Kubernetes labels of its own domains.
RESERVED = re.compile(r"(.+\.)?(kubernetes|k8s)\.io")
ALLOWED = re.compile(r"(.+\.)?(kubelet|node)\.kubernetes\.io/|topology\.kubernetes\.io/(region|zone)$|kubernetes\.io/(hostname|arch|os)$")


@dataclass
class Settings:
    """The requested cluster."""

    name: str
    node_image: str
    node_archive: str = ""
    workers: int = 0
    pod_subnet: str = "10.244.0.0/16"
    service_subnet: str = "10.96.0.0/16"
    api_port: int = 0
    host_ports: list[dict[str, Any]] = field(default_factory=list)
    node_labels: dict[str, str] = field(default_factory=dict)
    issuer: str = ""
    default_cni: bool = False
    registry_config: str = ""
    images: list[dict[str, str]] = field(default_factory=list)
    state_dir: str = ""
    kubeconfig: str = ""

    @property
    def context(self) -> str:
        return f"kind-{self.name}"

    @property
    def mark_dir(self) -> str:
        return os.path.join(self.state_dir, "kind")

    @property
    def config_file(self) -> str:
        return os.path.join(self.mark_dir, "config.json")

    @property
    def record_file(self) -> str:
        return os.path.join(self.mark_dir, "created.json")

    def node_names(self) -> list[str]:
        """Names that kind assigns."""
        workers = [f"{self.name}-worker{number if number > 1 else ''}" for number in range(1, self.workers + 1)]
        return [f"{self.name}-control-plane", *workers]


def _cidr(variable: str, value: str, largest: int, smallest: int) -> tuple[ipaddress.IPv4Network | None, list[str]]:
    accepted = f"accepted: a private IPv4 range from /{largest} to /{smallest}, such as 10.244.0.0/16"
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        return None, [f"{variable} is {value!r}: {error}; {accepted}"]
    if not largest <= network.prefixlen <= smallest or not network.is_private:
        return None, [f"{variable} is {value!r}; {accepted}"]
    return network, []


def problems(settings: Settings, archives: bool = True) -> list[str]:
    """Return the problems of the settings, one sentence each: variable, value, what is accepted.

    `archives`: whether images must have names and files already; in check mode, role toolchain may not have built them yet.
    """
    found: list[str] = []
    named = f"kind_cluster_name is {settings.name!r}; accepted:"
    if not EKS_NAME.fullmatch(settings.name):
        found.append(f"{named} what AWS accepts, 1 to 100 letters, digits, hyphens and underscores, beginning with a letter or digit")
    elif not KIND_NAME.fullmatch(settings.name):
        found.append(f"{named} since it becomes a host name, 1 to 49 lower-case letters, digits and hyphens, beginning with a letter or digit")
    if not 0 <= settings.workers <= 20:
        found.append(f"kind_cluster_workers is {settings.workers}; accepted: 0 to 20")
    if archives and not settings.node_image:
        found.append("kind_cluster_node_image is empty; accepted: the name of a kind node image (role toolchain returns one)")
    found += _network_problems(settings)
    ports = [("kind_cluster_api_port", settings.api_port, 0), *(("kind_cluster_host_ports", item.get("host_port", 0), 1) for item in settings.host_ports)]
    found += [
        f"{variable} is {port}; accepted: a port from {least or 1} to 65535" + (" or 0 for any free one" if not least else "")
        for variable, port, least in ports
        if not least <= port <= 65535
    ]
    used = [port for _variable, port, _least in ports if port]
    twice = sorted({port for port in used if used.count(port) > 1})
    found += [f"kind_cluster_host_ports has {port}, which is given twice; accepted: different ports" for port in twice]
    found += _label_problems(settings)
    if settings.registry_config and not (os.path.isabs(settings.registry_config) and os.path.isdir(settings.registry_config)):
        found.append(
            f"kind_cluster_registry_config is {settings.registry_config!r}, which does not exist; "
            "accepted: the absolute path of a directory that has a subdirectory with a hosts.toml for each registry, as containerd reads them"
        )
    for image in settings.images if archives else []:
        if not os.path.exists(image["archive"]):
            found.append(f"kind_cluster_images has {image['name']}, but {image['archive']} does not exist; accepted: a file written by `docker save`")
    return found


def _network_problems(settings: Settings) -> list[str]:
    """A node takes a /24 of the pod range."""
    pods, found = _cidr("kind_cluster_pod_subnet", settings.pod_subnet, 8, 24)
    services, wrong = _cidr("kind_cluster_service_subnet", settings.service_subnet, 12, 24)
    found += wrong
    if pods and services and pods.overlaps(services):
        both = f"kind_cluster_pod_subnet, kind_cluster_service_subnet are {pods}, {services}, which overlap"
        found.append(f"{both}; accepted: two ranges that do not overlap")
    if pods and 2 ** (24 - pods.prefixlen) < settings.workers + 1:
        holds = f"it holds {2 ** (24 - pods.prefixlen)} nodes of a /24 each"
        found.append(f"kind_cluster_pod_subnet is {str(pods)!r}: {holds}; accepted: one for {settings.workers + 1}")
    return found


def _label_problems(settings: Settings) -> list[str]:
    found = []
    for key, value in settings.node_labels.items():
        if not LABEL_NAME.fullmatch(str(key)) or not LABEL_VALUE.fullmatch(str(value)):
            found.append(f"kind_cluster_node_labels has {key}={value}, which is not a Kubernetes label; accepted: such as team=mesh")
        elif RESERVED.fullmatch(key.rpartition("/")[0]) and not ALLOWED.match(key):
            found.append(f"kind_cluster_node_labels has {key}, in a domain where a node may not label itself; accepted: other prefixes, or none")
    return found


def config(settings: Settings, cgroup_version: int) -> dict[str, Any]:
    """Return kind's configuration of the cluster."""
    labels = {"labels": {key: str(value) for key, value in settings.node_labels.items()}} if settings.node_labels else {}
    ports = [
        {"containerPort": item["container_port"], "hostPort": item["host_port"], "listenAddress": item.get("listen_address") or "127.0.0.1", "protocol": "TCP"}
        for item in settings.host_ports
    ]
    mounts = [{"hostPath": settings.mark_dir, "containerPath": MARK, "readOnly": True}]
    if settings.registry_config:
        mounts.append({"hostPath": settings.registry_config, "containerPath": REGISTRY_CONFIG, "readOnly": True})
    common = {"image": settings.node_image, "extraMounts": mounts, **labels}
    networking: dict[str, Any] = {
        "ipFamily": "ipv4",
        "apiServerAddress": "127.0.0.1",
        "podSubnet": settings.pod_subnet,
        "serviceSubnet": settings.service_subnet,
        "disableDefaultCNI": not settings.default_cni,
    }
    if settings.api_port:
        networking["apiServerPort"] = settings.api_port
    result: dict[str, Any] = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": settings.name,
        "networking": networking,
        "nodes": [
            {"role": "control-plane", **common, **({"extraPortMappings": ports} if ports else {})},
            *({"role": "worker", **common} for _number in range(settings.workers)),
        ],
    }
    if settings.registry_config:
        result["containerdConfigPatches"] = [f'[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "{REGISTRY_CONFIG}"']
    if cgroup_version == 1:  # by default the kubelet refuses such a host
        result["kubeadmConfigPatches"] = [json.dumps({"kind": "KubeletConfiguration", "failCgroupV1": False})]
    result["kubeadmConfigPatchesJSON6902"] = [
        {"group": "kubeadm.k8s.io", "version": version, "kind": "ClusterConfiguration", "patch": json.dumps(additions)}
        for version, additions in arguments(settings).items()
    ]
    return result


def arguments(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """Arguments of Kubernetes' own programs, as JSON patches for both versions of kubeadm's configuration.

    By default each controller may send the API server 20 requests a second, and a hundred Deployments wait 15 s for that alone.
    """
    wanted = [("controllerManager", "kube-api-qps", "200"), ("controllerManager", "kube-api-burst", "400")]
    if settings.issuer:
        wanted.append(("apiServer", "service-account-issuer", settings.issuer))
    return {
        "v1beta4": [{"op": "add", "path": f"/{program}/extraArgs/-", "value": {"name": name, "value": value}} for program, name, value in wanted],
        # The format that kind writes for Kubernetes before 1.36.
        "v1beta3": [{"op": "add", "path": f"/{program}/extraArgs/{name}", "value": value} for program, name, value in wanted],
    }


def differences(recorded: Any, wanted: Any, path: str = "") -> list[str]:
    """Name the settings that differ between two configurations of kind."""
    if recorded == wanted:
        return []
    if isinstance(recorded, dict) and isinstance(wanted, dict):
        keys = sorted(recorded.keys() | wanted.keys())
        return [line for key in keys for line in differences(recorded.get(key), wanted.get(key), f"{path}.{key}".lstrip("."))]
    if isinstance(recorded, list) and isinstance(wanted, list) and len(recorded) == len(wanted):
        return [line for index, (one, other) in enumerate(zip(recorded, wanted, strict=True)) for line in differences(one, other, f"{path}[{index}]")]
    if path == "nodes" and isinstance(recorded, list):
        return [f"number of nodes: {len(recorded)}, wanted {len(wanted or [])}"]
    return [f"{path}: {json.dumps(recorded)}, wanted {json.dumps(wanted)}"]


@dataclass
class Plan:
    """What to do: create, start, replace, nothing; or why nothing may be done."""

    action: str
    reason: str = ""


def is_ours(container: dict[str, Any]) -> bool:
    return any(mount.get("Destination") == MARK for mount in container.get("Mounts") or [])


def is_running(container: dict[str, Any]) -> bool:
    return bool((container.get("State") or {}).get("Running"))


# Reads the drop-in from its standard input. The kubelet may already be running, so its commands also run at once.
INSTALL_DROP_IN = """
mkdir -p /etc/systemd/system/kubelet.service.d
cat > /etc/systemd/system/kubelet.service.d/20-meshgate.conf
systemctl daemon-reload
sed -n 's/^ExecStartPre=-//p' /etc/systemd/system/kubelet.service.d/20-meshgate.conf | sh || true
"""


def kubelet_drop_in(settings: Settings) -> str:
    """Return a drop-in that does two things before the kubelet starts, after every start of the node.

    Connections to services that kube-proxy does not know yet are refused. Otherwise they leave the node by its default route: a client
    that starts together with kube-proxy, as CoreDNS does, waits half a minute in vain, and one that connects to port 443
    may get a foreign certificate. What kube-proxy knows has another destination by the time these rules look at it.

    Pods reach the outside of the cluster with their node's address, since there is no route back to theirs. Upstream's CNI does this itself.
    """
    rules = [
        f"filter {chain} -d {settings.service_subnet} -p {protocol} -j REJECT --reject-with {answer}"
        for chain in ("FORWARD", "OUTPUT")
        for protocol, answer in (("tcp", "tcp-reset"), ("udp", "icmp-port-unreachable"))
    ]
    if not settings.default_cni:
        rules.append(f"nat POSTROUTING -s {settings.pod_subnet} ! -d {settings.pod_subnet} -j MASQUERADE")
    lines = []
    for rule in rules:
        table, _space, rest = rule.partition(" ")
        lines.append(f"ExecStartPre=-/bin/sh -c 'iptables -t {table} -C {rest} 2>/dev/null || iptables -t {table} -A {rest}'")
    return "\n".join(["[Service]", *lines]) + "\n"


def decide(
    containers: list[dict[str, Any]],
    settings: Settings,
    wanted: dict[str, Any],
    recorded: dict[str, Any] | None,
    record: dict[str, Any],
    replace: bool,
) -> Plan:
    """Compare the current with the desired state.

    `recorded` is the configuration that the cluster was created from, `record` what was stored when its creation was complete.
    """
    if not containers:
        return Plan("create")
    if not all(is_ours(container) for container in containers):
        return Plan(
            "refuse",
            f"kind_cluster_name is {settings.name}: a kind cluster of this name exists that this role did not create, and the role never adopts one; "
            f"accepted: another name, or remove that cluster (kind delete cluster --name {settings.name})",
        )
    if sorted(record.get("containers") or {}) != sorted(container["Id"] for container in containers):
        return Plan("replace", "an interrupted run left it incomplete")
    changed = differences(recorded or {}, wanted)
    if changed and not replace:
        return Plan(
            "refuse",
            f"kind_cluster_name is {settings.name}: the cluster was created with other settings ({'; '.join(changed)}), "
            "which cannot be changed in an existing kind cluster; "
            "accepted: the settings it has, or kind_cluster_replace=true, which removes it with everything that runs on it and creates a new one",
        )
    if changed:
        return Plan("replace", "; ".join(changed))
    if not all(is_running(container) for container in containers):
        return Plan("start", "its nodes are stopped")
    return Plan("none")


def image_key(archive: str) -> str:
    """Identify an archive's content without reading it."""
    status = os.stat(archive)
    return f"{archive}:{status.st_size}:{status.st_mtime_ns}"


def canonical(name: str) -> str:
    """Return an image's name as containerd lists it."""
    head, slash, _rest = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if "." in head or ":" in head or head == "localhost" else f"docker.io/{name}"


def missing_images(images: Iterable[dict[str, str]], imported: dict[str, str], present: set[str]) -> list[dict[str, str]]:
    """Return the images that a node lacks, or has from another archive."""
    return [image for image in images if canonical(image["name"]) not in present or imported.get(image["name"]) != image_key(image["archive"])]


def parse_kubeconfig(text: str, context: str) -> dict[str, str]:
    """Return server and certificate authority of kind's kubeconfig; it is written line by line, so no YAML parser is needed on the host."""
    found = {name: re.search(rf"^\s*(?:- )?{name}:\s*(\S+)\s*$", text, re.MULTILINE) for name in ("server", "certificate-authority-data", "current-context")}
    values = {name: match.group(1) for name, match in found.items() if match}
    if values.get("current-context") != context or "server" not in values:
        return {}
    return values


def foreign_contexts(text: str, context: str) -> list[str]:
    """Return the contexts of a kubeconfig that are not this cluster's."""
    names = re.findall(r"^(?:- )?\s*name:\s*(\S+)\s*$", text, re.MULTILINE)
    return sorted({name.strip("\"'") for name in names} - {context})


def api_port(container: dict[str, Any]) -> int:
    """Return the port of this machine on which a control plane's API answers."""
    bindings = ((container.get("HostConfig") or {}).get("PortBindings") or {}).get("6443/tcp") or []
    return int(bindings[0]["HostPort"]) if bindings and str(bindings[0].get("HostPort", "")).isdigit() else 0


def address(container: dict[str, Any], network: str = "kind") -> str:
    networks = (container.get("NetworkSettings") or {}).get("Networks") or {}
    return str((networks.get(network) or {}).get("IPAddress") or "")


def node_ready(node: dict[str, Any]) -> bool:
    return any(item["type"] == "Ready" and item["status"] == "True" for item in (node.get("status") or {}).get("conditions") or [])


def node_reason(node: dict[str, Any]) -> str:
    """Return why a node is not Ready."""
    for item in (node.get("status") or {}).get("conditions") or []:
        if item["type"] == "Ready":
            return item.get("message") or item.get("reason") or "not ready"
    return "it has not reported yet"


def stale_pods(pods: Iterable[dict[str, Any]], started: dict[str, str]) -> list[str]:
    """Return pods that "run" since before their node was started: after a reboot the API returns the old state until the kubelet updates it.

    `started` is each node's start time. All times are RFC 3339 in UTC; to the second, they compare as text.
    """
    stale = []
    for pod in pods:
        boot = started.get((pod.get("spec") or {}).get("nodeName", ""), "")[:19]
        running = [(item.get("state") or {}).get("running") or {} for item in (pod.get("status") or {}).get("containerStatuses") or []]
        if any(state.get("startedAt", "9")[:19] < boot for state in running):
            stale.append(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}")
    return stale


def routes(nodes: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    """Return for each node the route to every other node's pods: {node: {pod range: address of that node}}."""
    return {node["name"]: {other["pod_cidr"]: other["ip"] for other in nodes if other["name"] != node["name"] and other["pod_cidr"]} for node in nodes}


def missing_routes(wanted: dict[str, str], shown: str) -> dict[str, str]:
    """Compare with the output of `ip -4 route show`."""
    there = {match.group(1): match.group(2) for match in re.finditer(r"^(\S+) via (\S+)", shown, re.MULTILINE)}
    return {cidr: via for cidr, via in wanted.items() if there.get(cidr) != via}


def facts(settings: Settings, exists: bool, **more: Any) -> dict[str, Any]:
    """Return the facts for other roles; every key is always set."""
    return {
        "exists": exists,
        "name": settings.name,
        "kubeconfig": settings.kubeconfig,
        "context": settings.context,
        "endpoint": "",
        "certificate_authority_data": "",
        "service_account_issuer": settings.issuer,
        "jwks": "",
        "nodes": [],
        "network": "kind",
        **more,
    }
