# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The toolchain as a whole: what is wanted, what is there, where the rest comes from, and the facts that say where it lies."""

from __future__ import annotations

import os
import re
import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import toolchain_pull as pull
from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import report
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain_build import Builder, archive_name
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain_cache import LOCK, Cache
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain_catalog import PROGRAMS, REQUESTABLE, TOOLS, Catalog
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain_command import ToolchainError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain_images import Images
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain_needs import check_needs

# The order in which things become ready: what a cluster needs first.
BUILD_ORDER = ("kubectl", "kind", "helm", "alb_controller_assets", "gateway_api", "node", "istioctl", "aws_emulator", "service_a", "service_b")
# Which pinned version each component has, in pull mode.
VERSION_OF = {
    "kubectl": "kubernetes",
    "helm": "helm",
    "istioctl": "istio",
    "kind": "kind",
    "gateway_api": "gateway_api",
    "alb_controller_assets": "alb_controller",
    "node": "kubernetes",
    "pilot": "istio",
    "proxyv2": "istio",
    "alb_controller": "alb_controller",
}
# Kinds of components that are fetched and unpacked rather than compiled.
FETCHED = ("debootstrap", "python")
# Docker talks to a registry of this machine without TLS.
LOCAL = re.compile(r"https://(localhost|127\.)")
# A stock Envoy lacks three filters that Istio's own has. Nobody with Istio's images needs these settings.
STOCK_ENVOY_VALUES = {"pilot": {"env": {"PILOT_ENABLE_ALPN_FILTER": "false", "PILOT_ENABLE_METADATA_EXCHANGE": "false"}}, "telemetry": {"enabled": False}}


@dataclass
class Request:
    """What a user asked for."""

    root: str
    cache_dir: str
    source: str
    components: list[str]
    urls: dict[str, Any]
    images: dict[str, str]
    service_architectures: list[str] = field(default_factory=list)
    pull_timeout: float = 3.0
    mirrors: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Lead what is pulled to its mirrors. A mirror of nothing is a typing error that would be found when everything was fetched from elsewhere."""
        addresses = [*map(str, self.urls.values()), *self.images.values()]
        idle = [prefix for prefix, mirror in self.mirrors.items() if all(pull.mirrored(address, {prefix: mirror}) == address for address in addresses)]
        if idle:
            publishers = sorted({re.match(r"(https?://)?[^/]*", address)[0] for address in addresses})  # type: ignore[index]
            raise ToolchainError(
                f"toolchain_mirrors: nothing is pulled from {', '.join(idle)}; accepted: beginnings of addresses as in {', '.join(publishers)}"
            )
        self.urls = {name: pull.mirrored(str(address), self.mirrors) for name, address in self.urls.items()}
        self.images = {name: pull.mirrored(image, self.mirrors) for name, image in self.images.items()}


class Toolchain:
    def __init__(self, request: Request, images: Images | None = None) -> None:
        self.request = request
        self.wanted = list(dict.fromkeys(request.components))
        unknown = sorted(set(self.wanted) - set(REQUESTABLE))
        if unknown:
            raise ToolchainError(f"toolchain_components: unknown {', '.join(unknown)}; accepted: {', '.join(REQUESTABLE)}")
        self.cache = Cache(request.cache_dir)
        self.images = images or Images()
        self.origin = ""
        self._set_origin("pull" if request.source == "pull" else "build")

    # --- what is there ------------------------------------------------------------------------------------------------------
    def _set_origin(self, origin: str) -> None:
        """Keys and image names depend on where things come from."""
        if origin == self.origin:
            return
        self.origin = origin
        base = self.request.images.get("debian", "") if origin == "pull" else ""
        self.catalog = Catalog(self.request.root, service_architectures=self.request.service_architectures, base_image=base)
        self.builder = Builder(self.catalog, self.cache, self.images)

    def is_pulled(self, name: str) -> bool:
        return self.origin == "pull" and name in VERSION_OF

    def pulled_image(self, name: str) -> str:
        return self.request.images[name].format(version=self.catalog.versions[VERSION_OF[name]])

    def address(self, name: str, **more: str) -> str:
        facts = {"version": self.catalog.versions[VERSION_OF[name]], "os": pull.os_name(name), "arch": self.catalog.architecture, **more}
        return str(self.request.urls[name]).format(**facts)

    def key(self, name: str) -> str:
        if not self.is_pulled(name):
            return self.catalog[name].key
        addresses = self.request.images[name] if name in self.request.images else [self.request.urls.get(name), self.request.urls.get("iam_policy")]
        return pull.key(name, self.catalog.versions[VERSION_OF[name]], addresses, self.catalog.architecture)

    def image_name(self, name: str) -> str:
        return self.pulled_image(name) if self.is_pulled(name) else self.catalog[name].image

    def missing(self) -> list[str]:
        """What is wanted and not there. An image counts as there when its archive is, or else when Docker has it."""
        in_docker = [name for name in self.wanted if self._lives_in_docker(name)]
        self.images.look([self.image_name(name) for name in in_docker])
        return [name for name in self.wanted if not self._is_there(name)]

    def _lives_in_docker(self, name: str) -> bool:
        component = self.catalog[name]
        return component.is_image and (name == "node" if self.is_pulled(name) else bool(component.entry.get("keep")))

    def _is_there(self, name: str) -> bool:
        if self.is_pulled(name) and self.catalog[name].is_image:
            # The cluster's nodes pull these themselves; only the node's own image must be here.
            return name != "node" or self.images.has(self.image_name(name))
        if not self.catalog[name].entry.get("archive", True):
            return self.images.has(self.image_name(name))
        return self.cache.has(name, self.key(name))

    def to_load(self) -> list[str]:
        """Images whose archive is there but which Docker lost or never had."""
        return [name for name in self.wanted if self._lives_in_docker(name) and self._is_there(name) and not self.images.has(self.image_name(name))]

    def decide(self) -> list[str]:
        """Choose where what is missing comes from, and return it. What is cached is never asked for anywhere."""
        missing = self.missing()
        if self.request.source != "auto" or not self._pullable(missing):
            return missing
        self._set_origin("pull")
        of_pull = self.missing()
        if not self._pullable(of_pull) or not pull.unreachable(self._hosts(), self.request.pull_timeout):
            return of_pull
        self._set_origin("build")
        return missing

    def _refuse_silence(self) -> None:
        """Where nothing else than pulling is wanted, say at once who does not answer, not after what the others sent."""
        silent = pull.unreachable([address for address in self._hosts() if not LOCAL.match(address)], self.request.pull_timeout, whatever=True)
        if silent:
            raise ToolchainError(
                f"toolchain_source is pull, and {', '.join(silent)} did not answer within {self.request.pull_timeout:g} s; accepted: addresses that answer "
                "(toolchain_pull_urls, toolchain_pull_images), a longer toolchain_pull_timeout, or toolchain_source auto or build"
            )

    @staticmethod
    def _pullable(missing: list[str]) -> list[str]:
        """What publishers have; for the services' and the emulator's images, whose code changes, nobody need be asked."""
        return [name for name in missing if name in VERSION_OF]

    def _hosts(self) -> list[str]:
        """One address of each program's publisher, and the registries that stand for all images."""
        tools = [self.address(name) + pull.CHECKSUM_SUFFIX[name] for name in self.wanted if name in TOOLS]
        registries = {registry_of(self.request.images[name]) for name in ("node", "pilot") if name in self.wanted}
        return tools + [f"https://{registry}/v2/" for registry in sorted(registries)]

    # --- making it ------------------------------------------------------------------------------------------------------------
    def plan(self, missing: list[str]) -> list[str]:
        """The components to make, in the order in which they are made."""
        order = sorted(missing, key=lambda name: BUILD_ORDER.index(name) if name in BUILD_ORDER else len(BUILD_ORDER))
        plan: list[str] = []
        for name in order:
            for step in [name] if self.is_pulled(name) else self._to_build(name):
                if step not in plan:
                    plan.append(step)
        return plan

    def _to_build(self, name: str) -> list[str]:
        """A component and what must be made before it: nothing below something that is there."""
        component = self.catalog[name]
        if component.kind == "published":
            return []
        only_in_docker = component.is_image and not component.entry.get("archive", True)
        if self.images.has(component.image) if only_in_docker else self.cache.has(name, component.key):
            return []
        return [step for need in component.needs for step in self._to_build(need)] + [name]

    def make(self, missing: list[str]) -> list[str]:
        """Make what is missing; return what was made."""
        if self.request.source == "pull" and self._pullable(missing):
            self._refuse_silence()
        check_needs(self.catalog, self.plan(missing), self.images, self.cache.root, self.is_pulled)
        with self.cache.lock():
            # Somebody else may have made it while we waited for the lock.
            missing = self.missing()
            plan = self.plan(missing)
            if any(self.catalog[name].is_image for name in plan):
                self.images.sweep()
            download = self.builder.download([name for name in plan if not self.is_pulled(name)])
            started = time.monotonic()
            # What waits for the network more than for a processor is made beside what compiles.
            with ThreadPoolExecutor(max_workers=1) as pool:
                early = {name: pool.submit(self.builder.build, self.catalog[name]) for name in plan if self.catalog[name].kind in FETCHED}
                for number, name in enumerate(plan, 1):
                    self._make_one(name, f"{number} of {len(plan)}", started, early.get(name))
            download.join()
            self._load_kept()
            self._tidy(plan)
        return plan

    def _make_one(self, name: str, position: str, started: float, begun_early: Future[None] | None) -> None:
        verb = "pulling" if self.is_pulled(name) else "building"
        report(f"[{position}, {time.monotonic() - started:.0f} s] {verb} {name}")
        begun = time.monotonic()
        if self.is_pulled(name):
            self._pull(name)
        elif begun_early:
            begun_early.result()
        else:
            self.builder.build(self.catalog[name])
        report(f"[{position}, {time.monotonic() - started:.0f} s] {name} ready after {time.monotonic() - begun:.0f} s")

    def _pull(self, name: str) -> None:
        if self.catalog[name].is_image:
            self.images.pull(self.pulled_image(name), os.path.join(self.cache.scratch, name))
            return
        with self.cache.making(name, self.key(name)) as folder:
            if name in TOOLS:
                pull.fetch_program(name, self.address(name), f"{pull.host_os()}-{self.catalog.architecture}", folder)
            elif name == "gateway_api":
                pull.fetch_gateway_api({channel: self.address(name, channel=channel) for channel in ("standard", "experimental")}, folder)
            else:
                version = self.catalog.versions[VERSION_OF[name]]
                policy = self.request.urls["iam_policy"].format(version=version)
                pull.fetch_controller_assets(self.request.urls[name], policy, version, folder, self.request.mirrors)

    def load(self, names: list[str]) -> None:
        for name in names:
            report(f"loading image {self.image_name(name)}")
            self.images.have(self.image_name(name), os.path.join(self.cache.path(name, self.key(name)), "image.tar"))

    def _load_kept(self) -> None:
        self.load(self.to_load())

    def _tidy(self, plan: list[str]) -> None:
        """Images that were built only to go into others have their archives; Docker need not hold them too."""
        passing = [component.image for component in self.catalog.components.values() if component.is_image and not component.entry.get("keep")]
        self.images.look(passing)
        for image in passing:
            if self.images.has(image):
                self.images.forget(image)
        if "aws_emulator" in plan:
            self.images.forget_older(self.catalog["aws_emulator"].entry["name"], self.catalog["aws_emulator"].image)
        self.images.prune()
        self.cache.finish()

    # --- what others use --------------------------------------------------------------------------------------------------------
    def result(self, name: str, *path: str) -> str:
        return os.path.join(self.cache.path(name, self.key(name)), *path)

    def facts(self, missing: list[str]) -> dict[str, Any]:
        facts: dict[str, Any] = {"missing": missing, "images": {}, "assets": {}, "istio": {}, "bin_dir": ""}
        for name in [name for name in self.wanted if name in PROGRAMS]:
            facts[name] = os.path.join(self.result(name), name)
        facts["bin_dir"] = self.cache.bin
        for name in self.wanted:
            if self.catalog[name].is_image:
                facts["images"][name] = self._image_facts(name)
        if "pilot" in self.wanted and "proxyv2" in self.wanted:
            hub, _slash, rest = self.image_name("pilot").rpartition("/")
            facts["istio"] = {"hub": hub, "tag": rest.partition(":")[2], "values": {} if self.is_pulled("pilot") else STOCK_ENVOY_VALUES}
        if "alb_controller_assets" in self.wanted:
            chart = self.result("alb_controller_assets", "chart")
            crds = [os.path.join(chart, "crds", name) for name in ("crds.yaml", "gateway-crds.yaml")]
            facts["assets"]["alb_controller"] = {"chart": chart, "crds": crds, "iam_policy": self.result("alb_controller_assets", "iam_policy.json")}
        if "gateway_api" in self.wanted:
            facts["assets"]["gateway_api"] = {channel: self.result("gateway_api", channel) for channel in ("standard", "experimental")}
        return facts

    def _image_facts(self, name: str) -> dict[str, Any]:
        pulled = self.is_pulled(name)
        in_node = not pulled and name in self.catalog["node"].entry["images"]
        # Only what somebody still has to load: the nodes pull from a publisher themselves, and bring with them what was built into them.
        archive = "" if pulled or in_node or not self.catalog[name].entry.get("archive", True) else self.result(name, "image.tar")
        facts: dict[str, Any] = {"name": self.image_name(name), "archive": archive, "origin": "pull" if pulled else "build", "in_node": in_node}
        if self.catalog[name].entry.get("per_architecture"):
            facts["architectures"] = self.catalog.service_architectures
            facts["archives"] = archives = {architecture: self.result(name, archive_name(architecture)) for architecture in self.catalog.service_architectures}
            facts["archive"] = archives.get(self.catalog.architecture, "")
        return facts

    def settle(self) -> None:
        """Lead the stable paths, ROOT/bin/TOOL, to the tools of this run, and say which results are in use."""
        self.cache.link({name: os.path.join(self.result(name), name) for name in self.wanted if name in PROGRAMS})
        for name in self.catalog.closure(self.wanted):
            if self.cache.has(name, self.key(name)):
                self.cache.touch(name, self.key(name))


def registry_of(image: str) -> str:
    """The registry's host of an image's name."""
    first, slash, _rest = image.partition("/")
    host = first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"
    return "registry-1.docker.io" if host == "docker.io" else host


def ensure(request: Request, check_mode: bool, images: Images | None = None) -> dict[str, Any]:
    """Have everything that is wanted; in check mode say what would be done."""
    toolchain = Toolchain(request, images)
    missing = toolchain.decide()
    load = toolchain.to_load()
    actions = [f"{'pull' if toolchain.is_pulled(name) else 'build'} {name}" for name in toolchain.plan(missing)]
    actions += [f"load {toolchain.image_name(name)} into Docker" for name in load]
    if check_mode:
        return {"changed": bool(actions), "actions": actions, "origin": toolchain.origin, "toolchain": toolchain.facts(missing)}
    if missing:
        toolchain.make(missing)
    elif load:
        toolchain.load(load)
    toolchain.settle()
    return {"changed": bool(actions), "actions": actions, "origin": toolchain.origin, "toolchain": toolchain.facts([])}


def remove(cache_dir: str, check_mode: bool, images: Images | None = None) -> dict[str, Any]:
    """Delete the cache and the images that came from it."""
    there = os.path.isdir(cache_dir)
    if there and os.listdir(cache_dir) and not os.path.isfile(os.path.join(cache_dir, LOCK)):
        raise ToolchainError(f"toolchain_cache_dir {cache_dir} is not a cache that this collection made (it holds no file named {LOCK}): not removed")
    images = images or Images()
    names = images.ours() if images.answers() else []
    if not check_mode:
        if names:
            images.remove(names)
        if there:
            shutil.rmtree(cache_dir)
    actions = [f"remove image {name}" for name in names] + ([f"remove {cache_dir}"] if there else [])
    return {"changed": bool(actions), "actions": actions}
