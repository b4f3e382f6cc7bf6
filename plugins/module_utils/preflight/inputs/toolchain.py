# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Validation of the variables of role toolchain. Makes no requests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...toolchain.catalog import OBSERVABILITY
from . import rules as r

READS = ("platform_billed", "observability_components")
# What must have a URL or a name: an inventory's mapping replaces the role's own completely.
URLS = ("kubectl", "helm", "istioctl", "kind", "gateway_api", "alb_controller_assets", "iam_policy")
IMAGES = ("node", "pilot", "proxyv2", "alb_controller", "debian")
DASHBOARDS = tuple(f"istio_dashboard_{name}" for name in ("mesh", "service", "workload", "control_plane"))
SUMS = ("kubectl", "helm", "istioctl", "kind", "gateway_api_standard", "gateway_api_experimental", "alb_controller_chart", "iam_policy", *DASHBOARDS)
NODES_OWN = ("node", "pilot", "proxyv2", "alb_controller", *OBSERVABILITY)
ADDRESS = re.compile(r"https?://[^/]+")
IMAGE = re.compile(r"[a-z0-9][-a-z0-9._:/]*:[-A-Za-z0-9_.{}]+(@sha256:[0-9a-f]{64})?")
SUM = re.compile(rf"{r.SHA256.pattern}|publisher")
DEEP = re.compile(r"[/~].*[^/]/.*[^/]")


def problems(given: Mapping[str, Any]) -> list[str]:
    """The module itself refuses missing programs and a full disk, before it builds anything."""
    rules = r.Rules(given)
    urls, images, mirrors = (rules.mapping(name) for name in ("toolchain_pull_urls", "toolchain_pull_images", "toolchain_mirrors"))
    # Of a text, templates would take the letters.
    as_list = not isinstance(rules.given.get("observability_components"), str)
    rules.need(as_list, "observability_components", """a list, such as [prometheus]; with -e as JSON: -e '{"observability_components": ["prometheus"]}'""")
    observed = [str(name) for name in rules.sequence("observability_components") if name in OBSERVABILITY]
    _complete(rules, "toolchain_pull_urls", urls, (*URLS, *(["istio_dashboards"] if "dashboards" in observed else [])))
    _refuse_those(rules, "toolchain_pull_urls", [url for url in urls.values() if not ADDRESS.match(str(url))], "https URLs")
    open_to_all = [url for url in [*urls.values(), *mirrors.values()] if not r.is_private(str(url))]
    _refuse_those(rules, "toolchain_pull_urls, toolchain_mirrors", open_to_all, "https URLs, and http only on this machine (127.0.0.1, localhost)")
    sums = rules.mapping("toolchain_pull_checksums")
    right = all(name in SUMS and SUM.fullmatch(str(checksum)) for name, checksum in sums.items())
    rules.need(right, "toolchain_pull_checksums", f"SHA-256 sums in hexadecimal, or publisher, each for one of {', '.join(SUMS)}")
    _complete(rules, "toolchain_pull_images", images, (*IMAGES, *observed))
    nameless = [image for image in images.values() if not IMAGE.fullmatch(str(image))]
    _refuse_those(rules, "toolchain_pull_images", nameless, "images' names with their tags, such as docker.io/istio/pilot:1.31.1")
    _on_aws(rules)
    rules.need(rules.number("toolchain_pull_timeout") > 0, "toolchain_pull_timeout", "a number of seconds above 0")
    rules.need(
        bool(DEEP.match(rules.text("toolchain_cache_dir"))),
        "toolchain_cache_dir",
        "an absolute path at least two directories deep, since removal deletes all of it",
    )
    return rules.found


def _complete(rules: r.Rules, name: str, given: dict[str, Any], wanted: Sequence[str]) -> None:
    missing = sorted(set(wanted) - set(given))
    rules.need(not missing, name, f"an entry for each of {', '.join(wanted)}; missing {', '.join(missing)}")


def _refuse_those(rules: r.Rules, names: str, wrong: list[Any], accepted: str) -> None:
    if wrong:
        rules.refuse(names, wrong, accepted)


def _on_aws(rules: r.Rules) -> None:
    own = [name for name in NODES_OWN if name in rules.sequence("toolchain_components")]
    if own and r.truth(rules.given.get("platform_billed")) and rules.text("toolchain_source") != "pull":
        why = "these are built for the nodes of this machine, and nodes on AWS pull their publishers' images (toolchain_pull_images, toolchain_mirrors)"
        rules.found.append(
            f"toolchain_components is {', '.join(rules.sequence('toolchain_components'))}; accepted: on AWS a list without {', '.join(own)}: {why}"
        )
