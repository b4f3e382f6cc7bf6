# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The two containers that emulate AWS: its API, and the load balancer's data path."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

from ..common.progress import Waiting, report
from ..docker import containers
from ..docker.client import NETWORK, Docker, DockerError, ensure_image, ensure_network, fixed_address, remove_network, subnets, taken_ports
from ..docker.containers import Container
from .emulator_client import EmulatorClient, EmulatorError

API, LOAD_BALANCER = "meshgate-aws", "meshgate-alb"
API_PORT = 4566
CLUSTER_KEYS = ("endpoint", "certificate_authority_data", "jwks")
NODE_KEYS = ("name", "ip", "pod_cidr")
# Containers are stateless: they write only to memory.
CONFINED = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--restart", "unless-stopped"]


@dataclass
class Emulator:
    """The desired state."""

    name: str
    owner: str
    image: str = ""
    archive: str = ""
    ports: dict[str, int] = field(default_factory=lambda: {"api": API_PORT, "http": 8080, "https": 8443})
    region: str = "us-west-2"
    cluster: dict[str, Any] = field(default_factory=dict)
    wait: bool = True
    timeout: float = 60

    def described(self, addresses: dict[str, str] | None = None) -> list[Container]:
        """Describe the containers; `addresses` are fixed ones on the cluster's network, if it supports them."""
        fixed = addresses or {}
        return [self._api(fixed.get(API, "")), self._load_balancer(fixed.get(LOAD_BALANCER, ""))]

    def _container(self, name: str, address: str, arguments: list[str], command: list[str]) -> Container:
        network = ["--network", NETWORK, *(["--ip", address] if address else [])]
        return Container(
            name=name, image=self.image, owner=self.owner, entrypoint="python3", arguments=[*network, *CONFINED, *arguments], command=["-m", *command]
        )

    def _api(self, address: str) -> Container:
        arguments = ["--user", "65534:65534", "--env", "HOME=/tmp", "--env", f"AWS_DEFAULT_REGION={self.region}"]
        published = ["--publish", f"127.0.0.1:{self.ports['api']}:{API_PORT}"]
        return self._container(API, address, [*arguments, *published], ["meshgate_aws.api", "--host", "0.0.0.0", "--port", str(API_PORT)])

    def _load_balancer(self, address: str) -> Container:
        writable = ["--tmpfs", "/run", "--tmpfs", "/var/log/alb:mode=0777"]
        # It adds routes to the pods, then runs Envoy as `nobody`.
        capabilities = [word for name in ("NET_ADMIN", "SETUID", "SETGID") for word in ("--cap-add", name)]
        published = ["--publish", f"127.0.0.1:{self.ports['http']}:80", "--publish", f"127.0.0.1:{self.ports['https']}:443"]
        command = ["meshgate_aws.alb", "--api", f"http://{API}:{API_PORT}", "--manage-routes"]
        return self._container(LOAD_BALANCER, address, [*writable, *capabilities, *published], command)

    def facts(self) -> dict[str, Any]:
        return {
            "endpoint": f"http://127.0.0.1:{self.ports['api']}",
            "cluster_endpoint": f"http://{API}:{API_PORT}",
            "containers": {"api": API, "load_balancer": LOAD_BALANCER},
            "ports": dict(self.ports),
        }

    def cluster_body(self) -> dict[str, Any]:
        """Return the emulator's registration of the Kubernetes cluster behind the EKS cluster."""
        nodes = [{key: node.get(key, "") for key in NODE_KEYS} for node in self.cluster.get("nodes") or []]
        return {**{key: self.cluster.get(key, "") for key in CLUSTER_KEYS}, "nodes": nodes}


def balancer_cidrs(network: dict[str, Any] | None) -> list[str]:
    """The source of the emulated load balancer's requests: its own address, or its network if docker chooses the address."""
    if network is None:
        return []
    address = fixed_address(network, 2)
    return [f"{address}/32"] if address else [str(subnet) for subnet in subnets(network)]


def problems(emulator: Emulator) -> list[str]:
    variables = {"api": "aws_emulator_port", "http": "aws_emulator_http_port", "https": "aws_emulator_https_port"}
    found = [f"{variables[which]} is {port}; accepted: a port from 1 to 65535" for which, port in emulator.ports.items() if not 1 <= port <= 65535]
    ports = list(emulator.ports.values())
    found += [
        f"{variables[which]} is {port}: another port of the emulator is the same; accepted: three different ports"
        for which, port in emulator.ports.items()
        if ports.count(port) > 1
    ]
    if not emulator.image:
        found.append("aws_emulator_image is empty; accepted: the name of the emulator's image (role toolchain returns one)")
    return found


def brief(body: dict[str, Any] | None) -> dict[str, Any] | None:
    """Shorten keys and certificates for a diff: a reader only needs to see whether they differ."""
    if body is None:
        return None
    return {
        key: f"{hashlib.sha256(value.encode()).hexdigest()[:12]}..." if key in ("jwks", "certificate_authority_data") else value for key, value in body.items()
    }


class Runner:
    def __init__(self, emulator: Emulator, docker: Docker | None = None, check_mode: bool = False) -> None:
        self.emulator, self.check_mode = emulator, check_mode
        self.docker = docker or Docker()
        self.client = EmulatorClient(emulator.ports["api"])
        self.actions: list[str] = []
        self.balancer_cidrs: list[str] = []
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}

    def result(self) -> dict[str, Any]:
        verb = "would: " if self.check_mode else ""
        return {
            "changed": bool(self.actions),
            "actions": self.actions,
            "msg": verb + "; ".join(self.actions) if self.actions else "the emulated AWS is up to date",
            "emulator": {**self.emulator.facts(), "load_balancer_cidrs": self.balancer_cidrs},
            "diff": {"before": self.before, "after": self.after},
        }

    def ensure(self) -> dict[str, Any]:
        wanted = self.emulator
        found = problems(wanted)
        if found:
            raise DockerError("\n".join(found))
        live = {item["Name"].lstrip("/"): item for item in self.look()}
        for container in live.values():
            containers.refuse_foreign(container, wanted.owner)
        self.check_ports(live)
        image, loaded = None, True
        if self.reachable:
            image, loaded = ensure_image(self.docker, wanted.image, wanted.archive, "aws_emulator_image", self.check_mode)
        identity = (image or {}).get("Id", "")
        network = self.network()
        addresses = {API: fixed_address(network, 1), LOAD_BALANCER: fixed_address(network, 2)} if network else {}
        self.balancer_cidrs = balancer_cidrs(network)
        described = wanted.described({name: address for name, address in addresses.items() if address})
        plans = [(item, containers.decide(live.get(item.name), item, identity)) for item in described]

        for item, action in plans:
            if action == "none":
                continue
            self.actions.append(f"{action} container {item.name}")
            self.before[item.name] = (live.get(item.name) or {}).get("State", {}).get("Status", "absent")
            self.after[item.name] = (
                "running"
                if action == "start"
                else {
                    "image": f"{item.image} ({identity[7:19]})",
                    "arguments": " ".join(item.arguments),
                    "command": " ".join([item.entrypoint, *item.command]),
                }
            )
            if not self.check_mode:
                report(f"emulated AWS: {action} container {item.name}")
                containers.apply(self.docker, item, action, identity)
        if wanted.wait:
            self.settle(any(action != "none" for _item, action in plans))
        return self.result()

    def look(self) -> list[dict[str, Any]]:
        """Inspect our containers; on a machine without Docker there are none."""
        self.reachable = bool(self.docker.program)
        try:
            return self.docker.inspect([API, LOAD_BALANCER]) if self.reachable else []
        except DockerError as error:
            if not self.check_mode:
                raise
            self.reachable = "Cannot connect" not in str(error)
            if self.reachable:
                raise
            return []

    def network(self) -> dict[str, Any] | None:
        if not self.reachable:
            return None
        if self.check_mode:
            found = [item for item in self.docker.inspect([NETWORK], "network") if item["Name"] == NETWORK]
            return found[0] if found else None
        return ensure_network(self.docker, self.emulator.owner)[0]

    def check_ports(self, live: dict[str, dict[str, Any]]) -> None:
        ports = self.emulator.ports
        found = taken_ports(
            self.docker,
            {"aws_emulator_port": ports["api"], "aws_emulator_http_port": ports["http"], "aws_emulator_https_port": ports["https"]},
            [item for item in live.values() if item["State"].get("Running")],
        )
        if found:
            raise DockerError("\n".join(found))

    def settle(self, touched: bool) -> None:
        """Wait for the API, then register the cluster behind it: it loses its state on every start."""
        if self.check_mode and touched:
            self.register(None)
            return
        waiting = Waiting("emulated AWS", every=5)
        while not self.client.healthy():
            state = self.state_of(API)
            if waiting.elapsed > self.emulator.timeout:
                raise DockerError(f"the emulated AWS does not answer after {waiting.elapsed:.0f} s; {state}; the end of its log:\n{self.docker.logs(API)}")
            waiting.saw(state)
            time.sleep(0.1)
        if self.state_of(LOAD_BALANCER) != f"container {LOAD_BALANCER} is running":
            raise DockerError(f"{self.state_of(LOAD_BALANCER)}; the end of its log:\n{self.docker.logs(LOAD_BALANCER)}")
        self.register(self.client)

    def state_of(self, name: str) -> str:
        found = self.docker.inspect([name])
        return f"container {name} is {found[0]['State'].get('Status') if found else 'absent'}"

    def register(self, client: EmulatorClient | None) -> None:
        emulator = self.emulator
        if not emulator.cluster.get("exists"):
            return
        body = emulator.cluster_body()
        try:
            known = client.cluster(emulator.name) if client else None
            if known == body:
                return
            if client and not self.check_mode and not client.put_cluster(emulator.name, body):
                return
        except EmulatorError as error:
            raise DockerError(str(error)) from error
        self.actions.append(f"register the cluster behind EKS cluster {emulator.name} with the emulated AWS")
        self.before["cluster"], self.after["cluster"] = brief(known), brief(body)

    def remove(self) -> dict[str, Any]:
        if self.docker.server() is None:
            return {**self.result(), "msg": "Docker is not running, so there is no emulated AWS"}
        removed = containers.remove(self.docker, [API, LOAD_BALANCER], self.emulator.owner, self.check_mode)
        self.actions += [f"remove container {name}" for name in removed]
        self.before, self.after = dict.fromkeys(removed, "present"), dict.fromkeys(removed, "absent")
        if remove_network(self.docker, self.emulator.owner, self.check_mode, leaving=removed if self.check_mode else ()):
            self.actions.append(f"remove docker network {NETWORK}")
        return self.result() if self.actions else {**self.result(), "msg": "no emulated AWS of this collection exists"}
