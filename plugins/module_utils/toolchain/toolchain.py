# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The toolchain as a whole: what is requested, what exists, where the rest comes from, and the facts with the paths."""

from __future__ import annotations

import os
import re
import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ..common import fetch
from ..common.progress import report
from . import pull, registry
from .build import Builder, archive_name
from .cache import LOCK, Cache
from .catalog import OBSERVABILITY, REQUESTABLE, TOOLS, Catalog, read_checksums
from .command import ToolchainError
from .images import Images
from .needs import check_needs

# The order in which things become ready: what a cluster needs first.
BUILD_ORDER = (
    "kubectl",
    "kind",
    "helm",
    "alb_controller_assets",
    "gateway_api",
    "node",
    "istioctl",
    "aws_emulator",
    "service_a",
    "service_b",
    "demo",
    "istio_dashboards",
    "prometheus",
    "alertmanager",
    "kiali",
    "tracing",
    "dashboards",
)
# The pinned version of each component, in pull mode.
VERSION_OF = {
    "kubectl": "kubernetes",
    "helm": "helm",
    "istioctl": "istio",
    "kind": "kind",
    "gateway_api": "gateway_api",
    "alb_controller_assets": "alb_controller",
    "node": "kind_node",
    "pilot": "istio",
    "proxyv2": "istio",
    "alb_controller": "alb_controller",
    "prometheus": "prometheus_image",
    "alertmanager": "alertmanager_image",
    "kiali": "kiali_image",
    "dashboards": "grafana_image",
    "tracing": "jaeger_image",
    "istio_dashboards": "istio",
}
# What nodes pull by themselves, unless it is part of their image.
NODES_PULL = ("pilot", "proxyv2", "alb_controller", *OBSERVABILITY)
# In toolchain_pull_checksums: accept the publisher's own checksum file, or, if there is none, the content of the URL.
PUBLISHER = "publisher"
# Kinds of components that are fetched and unpacked rather than compiled.
FETCHED = ("debootstrap", "python")
# Docker uses no TLS for a registry on this machine.
LOCAL = re.compile(r"https://(localhost|127\.)")
# The files with checksums in checksums.yml, by component. All others are one file under the component's own name.
FILES_OF = {
    "gateway_api": ("gateway_api_standard", "gateway_api_experimental"),
    "alb_controller_assets": ("alb_controller_chart", "iam_policy"),
    "istio_dashboards": ("istio_dashboard_mesh", "istio_dashboard_service", "istio_dashboard_workload", "istio_dashboard_control_plane"),
}
# A stock Envoy lacks three filters that Istio's own has. Istio's images do not need these settings.
STOCK_ENVOY_VALUES = {"pilot": {"env": {"PILOT_ENABLE_ALPN_FILTER": "false", "PILOT_ENABLE_METADATA_EXCHANGE": "false"}}, "telemetry": {"enabled": False}}


@dataclass
class Request:
    """The user's request."""

    root: str
    cache_dir: str
    source: str
    components: list[str]
    urls: dict[str, Any]
    images: dict[str, str]
    service_architectures: list[str] = field(default_factory=list)
    pull_timeout: float = 3.0
    mirrors: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)
    programs: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, params: dict[str, Any]) -> Request:
        """From the options of module toolchain_artifacts."""
        return cls(
            root=params["root"],
            cache_dir=params["cache_dir"],
            source=params["source"],
            components=params["components"],
            urls=params["pull_urls"],
            images=params["pull_images"],
            service_architectures=params["service_architectures"],
            pull_timeout=params["pull_timeout"],
            mirrors=params["mirrors"],
            checksums=params["checksums"],
            programs=params["programs"],
        )

    def __post_init__(self) -> None:
        """Apply the mirrors. A mirror that matches nothing is a typing error, which would otherwise show only after everything was fetched from elsewhere."""
        addresses = [*map(str, self.urls.values()), *self.images.values()]
        idle = [prefix for prefix, mirror in self.mirrors.items() if all(pull.mirrored(address, {prefix: mirror}) == address for address in addresses)]
        if idle:
            publishers = sorted({re.sub(r"((https?://)?[^/]*).*", r"\1", address) for address in addresses})
            raise ToolchainError(
                f"toolchain_mirrors: nothing is pulled from {', '.join(idle)}; accepted: prefixes of addresses such as those of {', '.join(publishers)}"
            )
        self.urls = {name: pull.mirrored(str(address), self.mirrors) for name, address in self.urls.items()}
        self.images = {name: pull.mirrored(image, self.mirrors) for name, image in self.images.items()}
        plain = fetch.plain(self.urls.values())
        if plain:
            raise ToolchainError(
                f"toolchain_pull_urls, toolchain_mirrors: {', '.join(plain)} is plain HTTP, which can be tampered with in transit; "
                "accepted: https URLs, and http only on this machine"
            )


class Toolchain:
    def __init__(self, request: Request, images: Images | None = None) -> None:
        self.request = request
        self.wanted = list(dict.fromkeys(request.components))
        self.cache = Cache(request.cache_dir)
        self.checksums = read_checksums(request.root)
        self.images = images or Images()
        self.origin = ""
        self.warnings: list[str] = []
        self._set_origin("pull" if request.source == "pull" else "build")
        accepted = list(dict.fromkeys((*REQUESTABLE, *self.catalog.programs)))
        unknown = sorted(set(self.wanted) - set(accepted))
        if unknown:
            raise ToolchainError(f"toolchain_components: unknown {', '.join(unknown)}; accepted: {', '.join(accepted)}")

    # --- current state ------------------------------------------------------------------------------------------------------
    def _set_origin(self, origin: str) -> None:
        """Keys and image names depend on the source."""
        if origin == self.origin:
            return
        self.origin = origin
        base = self.request.images.get("debian", "") if origin == "pull" else ""
        self.catalog = Catalog(self.request.root, service_architectures=self.request.service_architectures, base_image=base, programs=self.request.programs)
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
        sums = [self.checksum(file) for file in FILES_OF.get(name, (name,))]
        return pull.key(name, self.catalog.versions[VERSION_OF[name]], [addresses, sums], self.catalog.architecture)

    def checksum(self, file: str) -> str:
        """The expected SHA-256 of a file; empty: its publisher's, or none."""
        given = self.request.checksums.get(file)
        if given:
            return "" if given == PUBLISHER else given
        sums = self.checksums.get(file, {})
        return sums.get(f"{pull.host_os()}-{self.catalog.architecture}") or sums.get("any", "")

    def image_name(self, name: str) -> str:
        return self.pulled_image(name) if self.is_pulled(name) else self.catalog[name].image

    def missing(self) -> list[str]:
        """What is requested and missing. An image exists if its archive does, or else if Docker has it."""
        in_docker = [name for name in self.wanted if self._lives_in_docker(name)]
        self.images.look([self.image_name(name) for name in in_docker])
        return [name for name in self.wanted if not self._is_there(name)]

    def _lives_in_docker(self, name: str) -> bool:
        component = self.catalog[name]
        return component.is_image and (name == "node" if self.is_pulled(name) else bool(component.entry.get("keep")))

    def _is_there(self, name: str) -> bool:
        if self.is_pulled(name) and self.catalog[name].is_image:
            # The cluster's nodes pull these themselves; only the node's own image must exist here.
            return name != "node" or self.images.has(self.image_name(name))
        if not self.catalog[name].entry.get("archive", True):
            return self.images.has(self.image_name(name))
        return self.cache.has(name, self.key(name))

    def to_load(self) -> list[str]:
        """Images whose archive exists but which Docker lost or never had."""
        return [name for name in self.wanted if self._lives_in_docker(name) and self._is_there(name) and not self.images.has(self.image_name(name))]

    def decide(self) -> list[str]:
        """Choose the source of missing artifacts, and return it. Cached ones need no network access, and their source stays."""
        chosen = self.cache.origin
        if self.request.source != "auto":
            self._tell_change(chosen)
            return self.missing()
        if chosen:
            self._set_origin(chosen)
            return self.missing()
        missing = self.missing()
        return self._choose(missing) if self._pullable(missing) else missing

    def _tell_change(self, chosen: str) -> None:
        if chosen and chosen != self.origin:
            self.warnings.append(f"toolchain_source is {self.origin}, and what {self.cache.root} holds came from {chosen}: all of it is fetched or built again")

    def _choose(self, missing: list[str]) -> list[str]:
        """Once for each cache. `missing` is what a build would lack."""
        self._set_origin("pull")
        of_pull = self.missing()
        if not self._pullable(of_pull):
            return of_pull
        why = [f"{address} does not answer within {self.request.pull_timeout:g} s" for address in pull.unreachable(self._hosts(), self.request.pull_timeout)]
        why += [] if why else self._absent(of_pull)
        if not why:
            return of_pull
        self._set_origin("build")
        self.warnings.append(
            f"everything is built from package registries, which takes half an hour the first time, since {', '.join(why)}; "
            "set toolchain_source to pull or build to choose"
        )
        return missing

    def _refuse_silence(self) -> None:
        """If only pulling is allowed, report unreachable publishers at once, not after downloads from the others."""
        silent = pull.unreachable(self._hosts(), self.request.pull_timeout, whatever=True)
        wrong = [f"{', '.join(silent)} did not answer within {self.request.pull_timeout:g} s"] if silent else self._absent(self.missing())
        if wrong:
            asked = "toolchain_source is pull" if self.request.source == "pull" else f"what {self.cache.root} holds was pulled (toolchain_source is auto)"
            raise ToolchainError(
                f"{asked}, and {', '.join(wrong)}; accepted: addresses that answer "
                "(toolchain_pull_urls, toolchain_pull_images, toolchain_mirrors), a longer toolchain_pull_timeout, or toolchain_source build, which takes "
                "half an hour the first time"
            )

    def _absent(self, missing: list[str]) -> list[str]:
        """What registries certainly lack. A rate limit is no reason to build for half an hour: it stops the run with advice.

        Only for a new cluster: the nodes of a running one have their images.
        """
        images = [self.pulled_image(name) for name in self.wanted if self.catalog[name].is_image and name in VERSION_OF] if "node" in missing else []
        answers = registry.wanting(images + self._missing_base(missing), self.request.pull_timeout)
        limited = [f"{answer.image}: {answer.why}" for answer in answers if answer.state == "limited"]
        if limited:
            raise ToolchainError("; ".join(limited) + "; toolchain_source build does not need it")
        return [answer.why for answer in answers]

    def _missing_base(self, missing: list[str]) -> list[str]:
        """The Debian image that Docker pulls for images that are always built on it."""
        base = self.request.images.get("debian", "")
        if not base or not any(self.catalog[name].is_image and name not in VERSION_OF for name in missing):
            return []
        self.images.look([base])
        return [] if self.images.has(base) else [base]

    @staticmethod
    def _pullable(missing: list[str]) -> list[str]:
        """What publishers have; not the services' and the emulator's images, whose code changes."""
        return [name for name in missing if name in VERSION_OF]

    def _hosts(self) -> list[str]:
        """One URL of each program's publisher, and the registries of all images."""
        tools = [self.address(name) + ("" if self.checksum(name) else pull.CHECKSUM_SUFFIX[name]) for name in self.wanted if name in TOOLS]
        registries = {registry_of(self.request.images[name]) for name in ("node", "pilot") if name in self.wanted}
        return tools + [address for host in sorted(registries) if not LOCAL.match(address := f"https://{host}/v2/")]

    # --- building ------------------------------------------------------------------------------------------------------------
    def plan(self, missing: list[str]) -> list[str]:
        """The components to build, in order."""
        order = sorted(missing, key=lambda name: BUILD_ORDER.index(name) if name in BUILD_ORDER else len(BUILD_ORDER))
        plan: list[str] = []
        for name in order:
            for step in [name] if self.is_pulled(name) else self._to_build(name):
                if step not in plan:
                    plan.append(step)
        return plan

    def _to_build(self, name: str) -> list[str]:
        """A component and its missing dependencies: nothing below an existing one."""
        component = self.catalog[name]
        if component.kind == "published":
            return []
        only_in_docker = component.is_image and not component.entry.get("archive", True)
        if self.images.has(component.image) if only_in_docker else self.cache.has(name, component.key):
            return []
        return [step for need in component.needs for step in self._to_build(need)] + [name]

    def make(self, missing: list[str]) -> list[str]:
        """Pull or build what is missing; return what was done."""
        if self.origin == "pull" and (self.request.source == "pull" or self.cache.origin) and self._pullable(missing):
            self._refuse_silence()
        check_needs(self.catalog, self.plan(missing), self.images, self.cache.root, self.is_pulled)
        with self.cache.lock():
            # Another run may have built it while we waited for the lock.
            missing = self.missing()
            plan = self.plan(missing)
            if any(self.catalog[name].is_image for name in plan):
                self.images.sweep()
            download = self.builder.download([name for name in plan if not self.is_pulled(name)])
            started = time.monotonic()
            # What waits for the network more than for a CPU runs in parallel with compiling.
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
                pull.fetch_program(name, self.address(name), f"{pull.host_os()}-{self.catalog.architecture}", folder, self.checksum(name))
            elif name == "gateway_api":
                for channel in ("standard", "experimental"):
                    pull.fetch_gateway_api(channel, self.address(name, channel=channel), folder, self.checksum(f"gateway_api_{channel}"))
            elif name == "istio_dashboards":
                for one, path in self._dashboards().items():
                    pull.fetch_dashboard(
                        one, self.address(name, file=os.path.basename(path)), folder, self.checksum(f"istio_dashboard_{one.replace('-', '_')}")
                    )
            else:
                version = self.catalog.versions[VERSION_OF[name]]
                pull.fetch_chart(self.request.urls[name], version, folder, self.checksum("alb_controller_chart"), self.request.mirrors)
                pull.fetch_iam_policy(self.request.urls["iam_policy"].format(version=version), folder, self.checksum("iam_policy"))

    def load(self, names: list[str]) -> None:
        for name in names:
            report(f"loading image {self.image_name(name)}")
            self.images.have(self.image_name(name), os.path.join(self.cache.path(name, self.key(name)), "image.tar"))

    def _load_kept(self) -> None:
        self.load(self.to_load())

    def _tidy(self, plan: list[str]) -> None:
        """Images that were built only as parts of others have their archives; Docker need not keep them too."""
        passing = [component.image for component in self.catalog.components.values() if component.is_image and not component.entry.get("keep")]
        self.images.look(passing)
        for image in passing:
            if self.images.has(image):
                self.images.forget(image)
        if "aws_emulator" in plan:
            self.images.forget_older(self.catalog["aws_emulator"].entry["name"], self.catalog["aws_emulator"].image)
        self.images.prune()
        self.cache.finish()

    # --- facts ------------------------------------------------------------------------------------------------------------------
    def result(self, name: str, *path: str) -> str:
        return os.path.join(self.cache.path(name, self.key(name)), *path)

    def facts(self, missing: list[str]) -> dict[str, Any]:
        facts: dict[str, Any] = {"missing": missing, "images": {}, "assets": {}, "istio": {}, "bin_dir": ""}
        for name in [name for name in self.wanted if name in self.catalog.programs]:
            facts[name] = os.path.join(self.result(name), name)
        facts["bin_dir"] = self.cache.bin
        for name in self.wanted:
            if self.catalog[name].is_image:
                facts["images"][name] = self._image_facts(name)
        facts["published"] = {name: self.pulled_image(name) for name in NODES_PULL if name in self.request.images}
        facts["istio"] = self._istio()
        if "alb_controller_assets" in self.wanted:
            chart = self.result("alb_controller_assets", "chart")
            crds = [os.path.join(chart, "crds", name) for name in ("crds.yaml", "gateway-crds.yaml")]
            facts["assets"]["alb_controller"] = {"chart": chart, "crds": crds, "iam_policy": self.result("alb_controller_assets", "iam_policy.json")}
        if "gateway_api" in self.wanted:
            facts["assets"]["gateway_api"] = {channel: self.result("gateway_api", channel) for channel in ("standard", "experimental")}
        if "istio_dashboards" in self.wanted:
            facts["assets"]["istio_dashboards"] = {one: self.result("istio_dashboards", f"{one}.json") for one in self._dashboards()}
        return facts

    def _dashboards(self) -> dict[str, str]:
        """Istio's, by our names, with the files in its sources."""
        return {os.path.splitext(name)[0]: path for name, path in self.catalog["istio_dashboards"].entry["files"].items()}

    def _istio(self) -> dict[str, Any]:
        """The images for role istio. If none were requested, as on AWS, the publisher's: an istioctl that was built here would default to ours."""
        if {"pilot", "proxyv2"} <= {*self.wanted} and not self.is_pulled("pilot"):
            return {**hub_and_tag(self.image_name("pilot")), "values": STOCK_ENVOY_VALUES, "stock_envoy": True}
        if not {"pilot", "proxyv2"} <= self.request.images.keys():
            return {}
        pilot, proxy = self.pulled_image("pilot"), self.pulled_image("proxyv2")
        by_digest = {"pilot": {"image": pilot}, "global": {"proxy": {"image": proxy}, "proxy_init": {"image": proxy}}}
        return {**hub_and_tag(pilot), "values": by_digest if "@" in pilot + proxy else {}, "stock_envoy": False}

    def _image_facts(self, name: str) -> dict[str, Any]:
        pulled = self.is_pulled(name)
        in_node = not pulled and name in self.catalog["node"].entry["images"]
        # Only images that still have to be loaded: nodes pull from a publisher themselves, and contain what was built into them.
        archive = "" if pulled or in_node or not self.catalog[name].entry.get("archive", True) else self.result(name, "image.tar")
        facts: dict[str, Any] = {"name": self.image_name(name), "archive": archive, "origin": "pull" if pulled else "build", "in_node": in_node}
        if self.catalog[name].entry.get("per_architecture"):
            facts["architectures"] = self.catalog.service_architectures
            facts["archives"] = archives = {architecture: self.result(name, archive_name(architecture)) for architecture in self.catalog.service_architectures}
            facts["archive"] = archives.get(self.catalog.architecture, "")
        return facts

    def settle(self) -> None:
        """Point the stable paths, ROOT/bin/TOOL, to the tools of this run. Mark the artifacts in use, and record their source, if that was decided."""
        if self._pullable(self.wanted):
            self.cache.keep_origin(self.origin)
        self.cache.link({name: os.path.join(self.result(name), name) for name in self.wanted if name in self.catalog.programs})
        for name in self.catalog.closure(self.wanted):
            if self.cache.has(name, self.key(name)):
                self.cache.touch(name, self.key(name))


def hub_and_tag(image: str) -> dict[str, str]:
    """In Istio's format: one for all of its images, without the digests, which differ."""
    hub, _slash, rest = image.partition("@")[0].rpartition("/")
    return {"hub": hub, "tag": rest.partition(":")[2]}


def registry_of(image: str) -> str:
    """The registry's host in an image's name."""
    first, slash, _rest = image.partition("/")
    host = first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"
    return "registry-1.docker.io" if host == "docker.io" else host


def ensure(request: Request, check_mode: bool, images: Images | None = None) -> dict[str, Any]:
    """Provide everything that is requested; in check mode report what would be done."""
    toolchain = Toolchain(request, images)
    missing = toolchain.decide()
    load = toolchain.to_load()
    actions = [f"{'pull' if toolchain.is_pulled(name) else 'build'} {name}" for name in toolchain.plan(missing)]
    actions += [f"load {toolchain.image_name(name)} into Docker" for name in load]
    if check_mode:
        return _result(toolchain, actions, missing)
    if missing:
        toolchain.make(missing)
    elif load:
        toolchain.load(load)
    toolchain.settle()
    return _result(toolchain, actions, [])


def _result(toolchain: Toolchain, actions: list[str], missing: list[str]) -> dict[str, Any]:
    return {
        "changed": bool(actions),
        "actions": actions,
        "origin": toolchain.origin,
        "toolchain": toolchain.facts(missing),
        "warnings": toolchain.warnings,
    }


def remove(cache_dir: str, check_mode: bool, images: Images | None = None) -> dict[str, Any]:
    """Delete the cache and the images that came from it."""
    there = os.path.isdir(cache_dir)
    if there and os.listdir(cache_dir) and not os.path.isfile(os.path.join(cache_dir, LOCK)):
        raise ToolchainError(f"toolchain_cache_dir {cache_dir} is not a cache of this collection (it has no file {LOCK}): not removed")
    images = images or Images()
    names = images.ours() if images.answers() else []
    if not check_mode:
        if names:
            images.remove(names)
        if there:
            shutil.rmtree(cache_dir)
    actions = [f"remove image {name}" for name in names] + ([f"remove {cache_dir}"] if there else [])
    return {"changed": bool(actions), "actions": actions}
