# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Create, start, replace, fill and remove a kind cluster. kind.py decides, this executes."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..common.command import last_line, masked
from ..common.ownership import OWNER_LABEL
from ..common.progress import Waiting, report
from ..docker.client import Docker, DockerError, ensure_image, ensure_network, find_program, hidden_from_snap, overlapping, remove_network, taken_ports
from ..kube.api import KubeApi, KubeError
from . import kind as k


class KindError(DockerError):
    """The cluster cannot be provided; says why."""


class NotHealthy(KindError):
    """The cluster is not ready in time."""


def read_json(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except (OSError, ValueError):
        return None


def write_file(path: str, text: str, mode: int = 0o600) -> None:
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, mode)) as stream:
        stream.write(text)
    os.replace(temporary, path)


@dataclass
class Options:
    """Settings not of the cluster, but of its creation."""

    kind: str = "kind"
    kubectl: str = "kubectl"
    replace: bool = False
    merge_kubeconfig: bool = False
    required_ports: dict[str, int] = field(default_factory=dict)
    free_disk_gib: float = 5
    wait: bool = True
    timeout: float = 180


# The module's options that have the same names here.
SETTINGS = (
    "name",
    "state_dir",
    "kubeconfig",
    "node_image",
    "node_archive",
    "workers",
    "pod_subnet",
    "service_subnet",
    "api_port",
    "host_ports",
    "node_labels",
    "default_cni",
)
OPTIONS = ("kind", "kubectl", "replace", "merge_kubeconfig", "free_disk_gib", "wait", "timeout")


class Cluster:
    def __init__(self, settings: k.Settings, options: Options, docker: Docker | None = None, check_mode: bool = False) -> None:
        self.settings, self.options, self.check_mode = settings, options, check_mode
        self.docker = docker or Docker()
        self.runner = self.docker.runner
        self.actions: list[str] = []
        self.warnings: list[str] = []
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}
        self.awaited = True

    # -- reading ----------------------------------------------------------------------------------------------------

    def containers(self) -> list[dict[str, Any]]:
        found = self.docker.containers(f"label={k.CLUSTER_LABEL}={self.settings.name}")
        return sorted(found, key=lambda container: container["Name"])

    def names(self, containers: list[dict[str, Any]]) -> list[str]:
        return [container["Name"].lstrip("/") for container in containers]

    def record(self) -> dict[str, Any]:
        return read_json(self.settings.record_file) or {}

    def write_record(self, record: dict[str, Any]) -> None:
        write_file(self.settings.record_file, json.dumps(record, indent=2) + "\n", 0o644)

    def control_plane(self, containers: list[dict[str, Any]]) -> dict[str, Any]:
        return next((item for item in containers if (item["Config"].get("Labels") or {}).get(k.ROLE_LABEL) == "control-plane"), containers[0])

    def kubeconfig_values(self, containers: list[dict[str, Any]]) -> dict[str, str]:
        """Return server and CA of our kubeconfig, empty if it is missing or not this cluster's."""
        try:
            with open(self.settings.kubeconfig, encoding="utf-8") as stream:
                text = stream.read()
        except OSError:
            return {}
        values = k.parse_kubeconfig(text, self.settings.context)
        port = k.api_port(self.control_plane(containers)) if containers else 0
        if not values and k.foreign_contexts(text, self.settings.context):
            raise KindError(
                f"kind_cluster_kubeconfig is {self.settings.kubeconfig}, the kubeconfig of another cluster "
                f"({', '.join(k.foreign_contexts(text, self.settings.context)[:3])}); accepted: a file that does not exist, or this cluster's own"
            )
        return values if values.get("server") == f"https://127.0.0.1:{port}" else {}

    # -- everything -------------------------------------------------------------------------------------------------

    def ensure(self) -> dict[str, Any]:
        """Create or change the cluster and return the module's result."""
        found = k.problems(self.settings, archives=not self.check_mode)
        if found:
            raise KindError("\n".join(found))
        info = self.docker.server()
        if info is None:
            if not self.check_mode:
                raise KindError("docker: the engine does not answer; accepted: a running Docker (module docker_engine or role kind_cluster starts one)")
            if self.record():
                return self.would("start", {}, "its nodes are stopped with Docker")
            taken = taken_ports(self.docker, self.ports())
            if taken:
                raise KindError("\n".join(taken))
            return self.would("create", k.config(self.settings, 0), "")
        wanted = k.config(self.settings, int(info.get("CgroupVersion") or 0))
        containers = self.containers()
        recorded = read_json(self.settings.config_file)
        plan = k.decide(containers, self.settings, wanted, recorded, self.record(), self.options.replace)
        if plan.action == "refuse":
            raise KindError(plan.reason)
        if plan.action in ("create", "replace"):
            self.kubeconfig_values(containers)
            self.check_creation(info, ours=containers)
        if self.check_mode and plan.action != "none":
            return self.would(plan.action, wanted, plan.reason, recorded if containers else None)

        if plan.action == "replace":
            self.replace(containers, plan.reason, wanted, recorded)
        elif plan.action == "create":
            self.create(wanted)
        try:
            if plan.action == "start":
                self.start(containers)
            # An existing one must prove that it came back, even without waiting.
            self.awaited = self.options.wait or plan.action not in ("create", "replace")
            answer = self.settle(containers if plan.action == "none" else self.containers())
        except NotHealthy as error:
            if plan.action in ("create", "replace"):
                raise
            if self.check_mode:
                return self.would("replace", wanted, str(error), recorded)
            self.replace(self.containers(), f"it does not restart: {str(error).splitlines()[0]}", wanted, recorded)
            answer = self.settle(self.containers())
        return self.result(answer)

    def would(self, action: str, wanted: dict[str, Any], reason: str, recorded: Any = None) -> dict[str, Any]:
        self.actions.append(f"{action} kind cluster {self.settings.name}" + (f" ({reason})" if reason else ""))
        if action == "start":
            self.before, self.after = {"nodes": "stopped"}, {"nodes": "running"}
        else:
            self.before, self.after = {"cluster": recorded}, {"cluster": wanted}
        return self.result(k.facts(self.settings, False))

    def result(self, facts: dict[str, Any]) -> dict[str, Any]:
        verb = "would: " if self.check_mode else ""
        return {
            "changed": bool(self.actions),
            "actions": self.actions,
            "msg": verb + "; ".join(self.actions) if self.actions else f"kind cluster {self.settings.name} is up to date",
            "cluster": facts,
            "ready": bool(facts["exists"]) and self.awaited,
            "diff": {"before": self.before, "after": self.after},
            "warnings": self.warnings,
        }

    # -- creating ---------------------------------------------------------------------------------------------------

    def ports(self) -> dict[str, int]:
        """Return the ports of this machine that must be free, by the variable that sets them."""
        host_ports = {f"kind_cluster_host_ports[{index}].host_port": item["host_port"] for index, item in enumerate(self.settings.host_ports)}
        return {"kind_cluster_api_port": self.settings.api_port, **host_ports, **self.options.required_ports}

    def check_creation(self, info: dict[str, Any], ours: list[dict[str, Any]]) -> None:
        """Refuse what would fail in the middle."""
        settings = self.settings
        found = []
        if not self.check_mode and not find_program(self.options.kind):
            found.append(f"kind_cluster_kind is {self.options.kind}: no such program; accepted: the path of kind (role toolchain returns one)")
        hidden = hidden_from_snap(self.docker.program, settings.state_dir)
        if hidden:
            found.append(f"kind_cluster_state_dir is {settings.state_dir}: {hidden} (MESHGATE_STATE)")
        helpers = self.docker.containers(f"label={OWNER_LABEL}={settings.name}")
        found += taken_ports(self.docker, self.ports(), [*ours, *helpers])
        networks = self.docker.networks()
        for variable, cidr in (("kind_cluster_pod_subnet", settings.pod_subnet), ("kind_cluster_service_subnet", settings.service_subnet)):
            other = overlapping(cidr, networks)
            if other:
                found.append(f"{variable} is {cidr}, which overlaps the Docker network {other}; accepted: a range that no Docker network uses")
        root = info.get("DockerRootDir", "")
        if os.path.isdir(root):
            free = shutil.disk_usage(root).free / 2**30
            if free < self.options.free_disk_gib:
                found.append(
                    f"kind_cluster_free_disk_gib is {self.options.free_disk_gib:g}: Docker's directory {root} has {free:.1f} GiB free; "
                    "accepted: at least as much free space as the variable sets (docker system prune frees some)"
                )
        if found:
            raise KindError("\n".join(found))
        if self.check_mode and not settings.node_image:
            return
        image, _loaded = ensure_image(self.docker, settings.node_image, settings.node_archive, "kind_cluster_node_image", self.check_mode)
        if image and not any("entrypoint" in word for word in image.get("Config", {}).get("Entrypoint") or []):
            raise KindError(f"kind_cluster_node_image is {settings.node_image}, which has no kind entrypoint; accepted: a node image made for kind")

    def replace(self, containers: list[dict[str, Any]], reason: str, wanted: dict[str, Any], recorded: Any) -> None:
        text = f"kind cluster {self.settings.name} is replaced, with everything that runs on it: {reason}"
        report(text)
        self.warnings.append(text)
        self.before = {"cluster": recorded}
        self.delete(containers)
        self.create(wanted)
        self.actions[-1] = f"replace kind cluster {self.settings.name} ({reason})"

    def create(self, wanted: dict[str, Any]) -> None:
        settings = self.settings
        os.makedirs(settings.mark_dir, exist_ok=True)
        os.makedirs(os.path.dirname(settings.kubeconfig), mode=0o700, exist_ok=True)
        if os.path.exists(settings.record_file):
            os.unlink(settings.record_file)
        write_file(settings.config_file, json.dumps(wanted, indent=2) + "\n", 0o644)
        ensure_network(self.docker, settings.name)
        command = [
            self.options.kind,
            "create",
            "cluster",
            "--name",
            settings.name,
            "--config",
            settings.config_file,
            "--kubeconfig",
            settings.kubeconfig,
            "--wait",
            "0s",
            "--retain",
        ]
        over = threading.Event()
        with ThreadPoolExecutor(max_workers=max(1, settings.workers + 1)) as pool:
            imports = {name: pool.submit(self.prepare_node, name, over) for name in settings.node_names()}
            try:
                self.run_kind(command)
            except BaseException:
                over.set()
                raise
            imported = {name: future.result() for name, future in imports.items()}
        containers = {container["Id"]: {"images": imported.get(name, {})} for container, name in ((c, c["Name"].lstrip("/")) for c in self.containers())}
        self.write_record({"containers": containers, "drop_in": k.kubelet_drop_in(settings)})
        self.actions.append(f"create kind cluster {settings.name}")
        self.after = {"cluster": wanted}

    def run_kind(self, command: list[str]) -> None:
        """Run kind, report its steps as progress, and fail with its and the nodes' output."""
        report(f"kind cluster {self.settings.name}: creating {self.settings.workers + 1} node(s)")
        # kind must use the same Docker as we do, whatever the user's shell is configured for.
        environment = {
            "KIND_EXPERIMENTAL_DOCKER_NETWORK": None,
            "KIND_EXPERIMENTAL_PROVIDER": "docker",
            "PATH": os.pathsep.join([os.path.dirname(self.docker.program or ""), os.environ.get("PATH", "")]),
        }
        answer = self.runner.stream(command, self.say_step, environment)
        if answer.rc:
            output = masked(answer.stdout or answer.stderr)  # kind prints failed commands, with the proxies that it passes to nodes
            lines = output.splitlines()
            said = [line.strip() for line in lines if line.startswith(("ERROR", "error"))]
            raise KindError(f"kind could not create the cluster: {' '.join(said) or output.strip()[-300:]}\n{self.diagnosis(None)}", command, output, "")

    def say_step(self, line: str) -> None:
        step = re.match(r"\s*•\s*([\x20-\x7e]+)", line)
        if step:
            report(f"kind cluster {self.settings.name}: {step.group(1).strip(' .')}")

    # -- images -----------------------------------------------------------------------------------------------------

    def prepare_node(self, node: str, over: threading.Event) -> dict[str, str]:
        """As soon as the node's containerd answers, while Kubernetes is being set up beside it: our kubelet drop-in, and the images."""
        self.await_containerd(node, over)
        if over.is_set():
            return {}
        self.install_drop_in(node)
        present = self.present_images(node)
        # Images that are part of the node image exist already.
        return self.import_images(node, k.missing_images(self.settings.images, {i["name"]: k.image_key(i["archive"]) for i in self.settings.images}, present))

    def await_containerd(self, node: str, over: threading.Event) -> None:
        """Wait until containerd answers in a node that was just created, or just started by Docker itself after a reboot."""
        deadline = time.monotonic() + self.options.timeout
        while not over.is_set() and self.docker.run("exec", node, "ctr", "--namespace=k8s.io", "version", check=False).rc:
            if time.monotonic() > deadline:
                raise NotHealthy(f"node {node}: containerd does not answer after {self.options.timeout:.0f} s\n{self.diagnosis(None)}")
            over.wait(0.3)

    def install_drop_in(self, node: str) -> None:
        self.docker.run("exec", "-i", node, "sh", "-ec", k.INSTALL_DROP_IN, text=k.kubelet_drop_in(self.settings))

    def present_images(self, node: str) -> set[str]:
        return set(self.docker.run("exec", node, "ctr", "--namespace=k8s.io", "images", "ls", "-q").stdout.split())

    def import_images(self, node: str, images: list[dict[str, str]]) -> dict[str, str]:
        """Import archives into a node; return what to store about all images."""
        for image in images:
            began = time.monotonic()
            with open(image["archive"], "rb") as archive:
                self.docker.run("exec", "-i", node, "ctr", "--namespace=k8s.io", "images", "import", "--all-platforms", "-", stdin=archive, timeout=600)
            report(f"node {node}: image {image['name']} imported ({time.monotonic() - began:.1f} s)")
        if images:
            present = self.present_images(node)
            absent = [image["name"] for image in images if k.canonical(image["name"]) not in present]
            if absent:
                raise KindError(f"kind_cluster_images: the archives do not contain {', '.join(absent)}; accepted: for each image an archive that does")
        return {image["name"]: k.image_key(image["archive"]) for image in self.settings.images}

    def fill(self, containers: list[dict[str, Any]], over: threading.Event) -> None:
        """Import into running nodes what they lack, unless they do not answer in time."""
        if not self.settings.images:
            return
        record = self.record()
        known = record.get("containers") or {}

        def fill_node(container: dict[str, Any]) -> list[str]:
            name = container["Name"].lstrip("/")
            try:
                present = self.present_images(name)
            except DockerError:  # a node that Docker is just starting after a reboot
                self.await_containerd(name, over)
                if over.is_set():
                    return []
                present = self.present_images(name)
            remembered = (known.get(container["Id"]) or {}).get("images") or {}
            missing = k.missing_images(self.settings.images, remembered, present)
            if missing and not self.check_mode:
                known.setdefault(container["Id"], {})["images"] = self.import_images(name, missing)
            return [f"import image {image['name']} into node {name}" for image in missing]

        with ThreadPoolExecutor(max_workers=4) as pool:
            done = [line for lines in pool.map(fill_node, containers) for line in lines]
        if done and not self.check_mode:
            self.write_record({**record, "containers": known})
        self.actions += done

    # -- starting and settling --------------------------------------------------------------------------------------

    def start(self, containers: list[dict[str, Any]]) -> None:
        stopped = [container for container in containers if not k.is_running(container)]
        names = self.names(stopped)
        report(f"kind cluster {self.settings.name}: starting {', '.join(names)}")
        try:
            self.docker.run("start", *names)
        except DockerError as error:
            raise NotHealthy(str(error), error.command, error.stdout, error.stderr) from error
        self.actions.append(f"start {', '.join(names)}")
        self.before, self.after = {"nodes": "stopped"}, {"nodes": "running"}

    def settle(self, containers: list[dict[str, Any]]) -> dict[str, Any]:
        """Bring kubeconfig, images and routes up to date, wait for nodes and DNS; return the facts."""
        values = self.kubeconfig_values(containers)
        if not values:
            self.actions.append(f"write kubeconfig {self.settings.kubeconfig}")
            if not self.check_mode:
                self.export_kubeconfig()
                values = self.kubeconfig_values(containers)
        if self.check_mode and not values:
            return k.facts(self.settings, False)
        if self.record().get("drop_in") != k.kubelet_drop_in(self.settings):
            self.actions.append("set the nodes' iptables rules")
            if not self.check_mode:
                for name in self.names(containers):
                    self.await_containerd(name, threading.Event())
                    self.install_drop_in(name)
                self.write_record({**self.record(), "drop_in": k.kubelet_drop_in(self.settings)})
        over = threading.Event()
        with ThreadPoolExecutor(max_workers=1) as pool:
            filling = pool.submit(self.fill, containers, over)
            try:
                nodes, jwks = self.await_nodes(containers)
            except BaseException:
                over.set()
                raise
            filling.result()
        self.set_routes(nodes)
        if self.options.merge_kubeconfig:
            self.merge_kubeconfig(values)
        return self.facts_of(values, jwks, nodes)

    def facts_of(self, values: dict[str, str], jwks: str, nodes: list[dict[str, Any]]) -> dict[str, Any]:
        """The facts of a cluster that answers, from its kubeconfig's values."""
        return k.facts(
            self.settings,
            True,
            endpoint=values["server"],
            certificate_authority_data=values["certificate-authority-data"],
            jwks=jwks,
            nodes=nodes,
        )

    def export_kubeconfig(self) -> None:
        command = [self.options.kind, "export", "kubeconfig", "--name", self.settings.name, "--kubeconfig", self.settings.kubeconfig]
        os.makedirs(os.path.dirname(self.settings.kubeconfig), mode=0o700, exist_ok=True)
        done = self.runner(command, 60)
        if done.rc:
            raise NotHealthy(f"kind cannot read the cluster's kubeconfig: {done.stderr.strip()}", command, done.stdout, done.stderr)

    def merge_kubeconfig(self, values: dict[str, str]) -> None:
        """Add the cluster to the user's own kubeconfig, if requested."""
        view = [self.options.kubectl, "config", "view", "--raw", "--minify", "--context", self.settings.context, "-o", "json"]
        done = self.runner(view, 30)
        clusters = json.loads(done.stdout).get("clusters") or [{}] if done.rc == 0 else [{}]
        mine = clusters[0].get("cluster") or {}
        if mine.get("server") == values["server"] and mine.get("certificate-authority-data") == values["certificate-authority-data"]:
            return
        self.actions.append(f"add context {self.settings.context} to the user's kubeconfig")
        if not self.check_mode:
            done = self.runner([self.options.kind, "export", "kubeconfig", "--name", self.settings.name], 60)
            if done.rc:
                raise KindError(f"kind cannot add the cluster to your own kubeconfig: {last_line(done.stderr)}", stdout=done.stdout, stderr=done.stderr)

    @contextmanager
    def api(self) -> Iterator[KubeApi]:
        try:
            with KubeApi(self.options.kubectl, self.settings.kubeconfig, self.settings.context, timeout=10) as api:
                yield api
        except KubeError as error:
            raise KindError(str(error)) from error

    def await_nodes(self, containers: list[dict[str, Any]]) -> tuple[list[dict[str, str]], str]:
        """Wait until every node is Ready, DNS answers and, after a reboot, the API's state is current; or only until the nodes have joined."""
        started = {container["Name"].lstrip("/"): container["State"]["StartedAt"] for container in containers}
        waiting = Waiting(f"kind cluster {self.settings.name}", every=10)
        with self.api() as api:
            while True:
                nodes: list[dict[str, Any]] = []
                try:
                    nodes = api.find("v1", "Node")
                    state = self.not_yet(api, nodes, started) if self.awaited else self.not_joined(nodes, started)
                except KubeError as error:
                    state = f"API server: {str(error).strip()[:160]}"
                if not state:
                    jwks = api.request("GET", "/openid/v1/jwks")
                    return [self.describe(node) for node in sorted(nodes, key=lambda item: item["metadata"]["name"])], json.dumps(jwks, sort_keys=True)
                waiting.saw(state)
                if waiting.elapsed > self.options.timeout:
                    raise NotHealthy(f"kind cluster {self.settings.name} is not ready after {waiting.elapsed:.0f} s: {state}\n{self.diagnosis(api)}")
                time.sleep(0.3)

    def not_joined(self, nodes: list[dict[str, Any]], started: dict[str, str]) -> str:
        """Return which node cannot be described yet, or an empty string."""
        absent = started.keys() - {node["metadata"]["name"] for node in nodes}
        if absent:
            return f"node {sorted(absent)[0]} has not joined"
        lacking = [node["metadata"]["name"] for node in nodes if not (node.get("spec") or {}).get("podCIDR")]
        return f"node {lacking[0]} has no pod CIDR yet" if lacking else ""

    def not_yet(self, api: KubeApi, nodes: list[dict[str, Any]], started: dict[str, str]) -> str:
        """Return what is still awaited, or an empty string."""
        if missing := self.not_joined(nodes, started):
            return missing
        for node in nodes:
            if not k.node_ready(node):
                return f"node {node['metadata']['name']} is not Ready: {k.node_reason(node)}"
        for lease in api.find("coordination.k8s.io/v1", "Lease", "kube-node-lease"):
            name = lease["metadata"]["name"]
            if lease["spec"].get("renewTime", "")[:19] < started.get(name, "")[:19]:
                return f"the kubelet of {name} has not reported since its start"
        stale = k.stale_pods(api.find("v1", "Pod"), started)
        if stale:
            return f"{len(stale)} pods are not synced yet since the start ({stale[0]})"
        dns = api.get("apps/v1", "Deployment", "coredns", "kube-system")
        if dns is not None and not (dns.get("status") or {}).get("readyReplicas"):
            return "CoreDNS is not ready"
        return ""

    @staticmethod
    def describe(node: dict[str, Any]) -> dict[str, str]:
        addresses = {item["type"]: item["address"] for item in node["status"].get("addresses") or []}
        control_plane = "node-role.kubernetes.io/control-plane" in (node["metadata"].get("labels") or {})
        return {
            "name": node["metadata"]["name"],
            "ip": addresses.get("InternalIP", ""),
            "pod_cidr": node["spec"]["podCIDR"],
            "role": "control-plane" if control_plane else "worker",
        }

    def set_routes(self, nodes: list[dict[str, str]]) -> None:
        """Give each node a route to the pods of every other one: the point-to-point CNI has none. They are lost when a node restarts."""
        if self.settings.default_cni or len(nodes) < 2:
            return
        for name, wanted in k.routes(nodes).items():
            shown = self.docker.run("exec", name, "ip", "-4", "route", "show").stdout
            for cidr, via in k.missing_routes(wanted, shown).items():
                self.actions.append(f"route {cidr} via {via} on node {name}")
                if not self.check_mode:
                    self.docker.run("exec", name, "ip", "-4", "route", "replace", cidr, "via", via)

    # -- failing ----------------------------------------------------------------------------------------------------

    def diagnosis(self, api: KubeApi | None) -> str:
        """Gather what a person would check first."""
        parts: list[str] = []

        def gather(title: str, read: Callable[[], str]) -> None:
            try:
                text = read().strip()
            except (DockerError, KubeError):
                return
            if text:
                parts.append(f"--- {title}\n{text}")

        for container in self.containers():
            name = container["Name"].lstrip("/")
            if not k.is_running(container):
                parts.append(f"--- node {name} is {container['State'].get('Status')} (exit code {container['State'].get('ExitCode')})")
                gather(f"end of the log of node {name}", partial(self.docker.logs, name, 15))
                continue
            for unit in ("kubelet", "containerd"):
                gather(f"{name}: end of the {unit} log", partial(self.journal, name, unit))
        if api is not None:
            gather("warnings in kube-system", partial(self.warnings_of, api))
        return "\n".join(parts)

    def journal(self, node: str, unit: str) -> str:
        return self.docker.run("exec", node, "journalctl", "-u", unit, "-n", "8", "-o", "cat", "--no-pager", check=False).stdout

    @staticmethod
    def warnings_of(api: KubeApi) -> str:
        events = api.find("v1", "Event", "kube-system", fields="type=Warning")[-8:]
        return "\n".join(f"{event['involvedObject'].get('name')}: {event.get('reason')}: {event.get('message')}" for event in events)

    # -- removing ---------------------------------------------------------------------------------------------------

    def delete(self, containers: list[dict[str, Any]]) -> None:
        if containers:
            self.docker.run("rm", "--force", "--volumes", *[container["Id"] for container in containers], timeout=300)
        for path in (self.settings.record_file, self.settings.config_file):
            if os.path.exists(path):
                os.unlink(path)
        self.forget_kubeconfig()

    def forget_kubeconfig(self) -> bool:
        """Remove our kubeconfig, unless it contains other clusters."""
        try:
            with open(self.settings.kubeconfig, encoding="utf-8") as stream:
                text = stream.read()
        except OSError:
            return False
        if k.foreign_contexts(text, self.settings.context):
            return False
        if not self.check_mode:
            os.unlink(self.settings.kubeconfig)
        return True

    def remove(self) -> dict[str, Any]:
        """Remove the cluster if it is ours, and what belongs to it on this machine."""
        if self.docker.server() is None:
            if self.docker.program and os.path.exists(self.settings.config_file):
                raise KindError("docker: the engine does not answer, so the kind cluster cannot be removed; accepted: a running Docker")
            containers: list[dict[str, Any]] = []
            network = False
        else:
            containers = self.containers()
            if not all(k.is_ours(container) for container in containers):
                self.warnings.append(f"kind cluster {self.settings.name} is not managed by this collection and stays")
                return self.result(k.facts(self.settings, False))
            if containers:
                self.actions.append(f"remove kind cluster {self.settings.name} ({', '.join(self.names(containers))})")
                self.before, self.after = {"cluster": read_json(self.settings.config_file)}, {"cluster": None}
                if not self.check_mode:
                    report(f"kind cluster {self.settings.name}: removing {len(containers)} node(s)")
                    self.delete(containers)
            network = remove_network(self.docker, self.settings.name, self.check_mode, leaving=self.names(containers) if self.check_mode else ())
        if network:
            self.actions.append("remove docker network kind")
        if self.options.merge_kubeconfig and containers and not self.check_mode and find_program(self.options.kind):
            self.runner([self.options.kind, "delete", "cluster", "--name", self.settings.name], 60)
        if os.path.isdir(self.settings.mark_dir):
            if not containers:
                self.actions.append(f"remove {self.settings.mark_dir}")
            if not self.check_mode:
                shutil.rmtree(self.settings.mark_dir)
        if self.forget_kubeconfig() and not containers:
            self.actions.append(f"remove {self.settings.kubeconfig}")
        if not self.check_mode and os.path.isdir(self.settings.state_dir) and not os.listdir(self.settings.state_dir):
            os.rmdir(self.settings.state_dir)
        result = self.result(k.facts(self.settings, False))
        if not self.actions:
            result["msg"] = f"no kind cluster {self.settings.name} of this collection exists"
        return result

    # -- reading only -----------------------------------------------------------------------------------------------

    def inform(self) -> dict[str, Any]:
        """Return the facts of the current state; wait only for an existing cluster, if `wait` is set."""
        present = self.docker.server() is not None and self.containers() or []
        ours = bool(present) and all(k.is_ours(container) for container in present)
        values = self.kubeconfig_values(present) if ours and all(k.is_running(container) for container in present) else {}
        facts = k.facts(self.settings, False)
        if values and self.options.wait:
            nodes, jwks = self.await_nodes(present)
            facts = self.facts_of(values, jwks, nodes)
        elif values:
            try:
                with KubeApi(self.options.kubectl, self.settings.kubeconfig, self.settings.context, timeout=5) as api:
                    nodes = [self.describe(node) for node in api.find("v1", "Node")]
                    jwks = json.dumps(api.request("GET", "/openid/v1/jwks"), sort_keys=True)
                facts = self.facts_of(values, jwks, nodes)
            except (KubeError, KeyError):
                pass  # a cluster whose API does not answer does not exist for its users
        return {"changed": False, "cluster": facts, "present": ours}


def cluster_of(given: dict[str, Any], check_mode: bool) -> Cluster:
    """From a module's options. Reading needs only the cluster and its connection."""
    settings = {name: given[name] for name in SETTINGS if name in given}
    settings["issuer"] = given["service_account_issuer"]
    settings["registry_config"] = given.get("registry_config") or ""
    settings["images"] = [{"name": name, "archive": str(archive)} for name, archive in (given.get("images") or {}).items()]
    options = {name: given[name] for name in OPTIONS if name in given}
    options["required_ports"] = {variable: int(port) for variable, port in (given.get("required_ports") or {}).items()}
    return Cluster(k.Settings(**{"node_image": "", **settings}), Options(**options), check_mode=check_mode)
