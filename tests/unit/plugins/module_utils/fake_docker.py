# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A Docker engine in memory that understands the commands which our modules give."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.command import Answer
from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker.client import Docker, DockerError


def node(name: str, cluster: str = "sandbox", role: str = "control-plane", ours: bool = True, running: bool = True) -> dict[str, Any]:
    """A container as kind makes it, as `docker inspect` shows it."""
    return {
        "Id": f"id-{name}",
        "Name": f"/{name}",
        "Created": "2026-01-01T00:00:00.5Z",
        "Config": {"Labels": {"io.x-k8s.kind.cluster": cluster, "io.x-k8s.kind.role": role}},
        "State": {"Running": running, "Status": "running" if running else "exited", "StartedAt": "2026-01-01T00:00:01.5Z", "ExitCode": 0},
        "Mounts": [{"Destination": "/etc/meshgate.io/cluster"}] if ours else [],
        "HostConfig": {"PortBindings": {"6443/tcp": [{"HostIp": "127.0.0.1", "HostPort": "40123"}]}},
        "NetworkSettings": {"Networks": {"kind": {"IPAddress": "172.18.0.2"}}},
    }


class FakeDocker(Docker):
    """State is in its attributes; `calls` tells what was asked."""

    def __init__(self) -> None:
        super().__init__("/usr/bin/docker")
        self.calls: list[tuple[str, ...]] = []
        self.existing: dict[str, dict[str, Any]] = {}
        self.images: dict[str, dict[str, Any]] = {}
        self.nets: dict[str, dict[str, Any]] = {"bridge": {"Name": "bridge", "IPAM": {"Config": [{"Subnet": "172.17.0.0/16"}]}}}
        self.info: dict[str, Any] | None = {"ServerVersion": "20.10.24", "CgroupVersion": "2", "DockerRootDir": "/nowhere", "DefaultRuntime": "runc"}
        self.in_node: set[str] = set()
        self.routes = ""
        self.ipv6 = True
        self.start_fails = ""
        self.booting = 0  # how often containerd will not answer

    def add(self, *containers: dict[str, Any]) -> FakeDocker:
        self.existing |= {item["Name"].lstrip("/"): item for item in containers}
        return self

    def did(self, *words: str) -> bool:
        return any(call[: len(words)] == words for call in self.calls)

    def server(self) -> dict[str, Any] | None:
        return self.info

    def _found(self, name: str) -> dict[str, Any] | None:
        return next((item for key, item in self.existing.items() if name in (key, item["Id"])), None)

    def run(self, *args: str, stdin: Any = None, text: str | None = None, timeout: float = 120, check: bool = True) -> Answer:
        self.calls.append(args)
        answer = getattr(self, f"_{args[0]}")(list(args[1:]))
        rc, out, err = answer if isinstance(answer, tuple) else (0, answer or "", "")
        if rc and check:
            raise DockerError(err, ["docker", *args], out, err)
        return Answer(rc, out, err)

    def _ps(self, args: list[str]) -> str:
        wanted = [word.partition("=")[2] for word in args if word.startswith("label=")]
        networks = [word.partition("=")[2] for word in args if word.startswith("network=")]

        def matches(item: dict[str, Any]) -> bool:
            labels = item["Config"].get("Labels") or {}
            fits = all(labels.get(key) == value if sep else key in labels for key, sep, value in (word.partition("=") for word in wanted))
            if "status=running" in args and not item["State"]["Running"]:
                return False
            return fits and all(name in item.get("NetworkSettings", {}).get("Networks", {}) for name in networks)

        return "\n".join(item["Id"] for item in self.existing.values() if matches(item))

    def _container(self, args: list[str]) -> Any:
        found = [item for item in map(self._found, args[1:]) if item]
        missing = [name for name in args[1:] if not self._found(name)]
        return (1 if missing else 0, json.dumps(found), "\n".join(f"Error: No such container: {name}" for name in missing))

    def _image(self, args: list[str]) -> Any:
        found = [self.images[name] for name in args[1:] if name in self.images]
        return (0, json.dumps(found), "") if len(found) == len(args) - 1 else (1, json.dumps(found), "Error: No such image: x")

    def _network(self, args: list[str]) -> Any:
        if args[0] == "ls":
            return "\n".join(self.nets)
        if args[0] == "inspect":
            found = [self.nets[name] for name in args[1:] if name in self.nets]
            return (0 if found else 1, json.dumps(found), "" if found else "Error: No such network: x")
        if args[0] == "rm":
            del self.nets[args[1]]
            return ""
        if "--ipv6" in args and not self.ipv6:
            return 1, "", "could not find an available, non-overlapping IPv6 address pool"
        given = [args[index + 1] for index, word in enumerate(args) if word == "--subnet"]
        label = args[args.index("--label") + 1].split("=")
        self.nets[args[-1]] = {"Name": args[-1], "Labels": dict([label]), "IPAM": {"Config": [{"Subnet": item} for item in given or ["172.30.0.0/16"]]}}
        return ""

    def _run(self, args: list[str]) -> Any:
        labels = dict(args[index + 1].split("=", 1) for index, word in enumerate(args) if word == "--label")
        name = args[args.index("--name") + 1]
        self.existing[name] = {
            "Id": f"id-{name}",
            "Name": f"/{name}",
            "Config": {"Labels": labels},
            "State": {"Running": True, "Status": "running"},
            "HostConfig": {},
            "NetworkSettings": {"Networks": {"kind": {}}},
        }
        return f"id-{name}"

    def _start(self, args: list[str]) -> Any:
        if self.start_fails:
            return 1, "", self.start_fails
        for name in args:
            self._found(name)["State"].update(Running=True, Status="running")  # type: ignore[index]
        return ""

    def _rm(self, args: list[str]) -> str:
        self.existing = {key: item for key, item in self.existing.items() if key not in args and item["Id"] not in args}
        return ""

    def _exec(self, args: list[str]) -> Any:
        if "ctr" in args and self.booting:
            self.booting -= 1
            return 1, "", "ctr: cannot access socket /run/containerd/containerd.sock"
        if args[-2:] == ["ls", "-q"]:
            return "\n".join(self.in_node)
        if "import" in args:
            self.in_node |= {"docker.io/library/service:1"}
        return self.routes if "route" in args and "show" in args else ""

    def _logs(self, args: list[str]) -> str:
        return "its last words"

    def _load(self, args: list[str]) -> str:
        self.images["loaded:1"] = {"Id": "sha256:1", "Config": {"Entrypoint": ["/usr/local/bin/entrypoint", "/sbin/init"]}}
        return ""

    def _pull(self, args: list[str]) -> Any:
        return 1, "", "no such host"
