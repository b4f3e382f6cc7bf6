# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the variables of the role observability must look like. Nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...kube.names import DNS_LABEL, IMAGE
from ...observability import volume
from . import rules as r

READS = ("platform_billed", "toolchain_facts", "toolchain_components", "eks_cluster_facts")
LEAST_VOLUME = "1Gi"


def problems(given: Mapping[str, Any]) -> list[str]:
    rules = r.Rules(given)
    rules.like("observability_namespace", DNS_LABEL, "the name of a namespace")
    rules.need(rules.number("observability_timeout") >= 1, "observability_timeout", "a number of seconds, at least 1")
    r.programs(rules, observability_kubectl="kubectl")
    if "prometheus" in rules.sequence("observability_components"):
        _image(rules, "prometheus")
        _prometheus(rules)
    return rules.found


def _image(rules: r.Rules, component: str) -> None:
    name = f"observability_{component}_image"
    image = rules.text(name)
    if not image and not r.cluster_exists(rules):
        return  # role toolchain is still to say it
    wanted = f"an image, such as the one that role toolchain provides with {component} in toolchain_components"
    rules.like(name, IMAGE, wanted)
    if r.on_aws(rules) and image.startswith(f"{r.LOCAL_IMAGES}/"):
        rules.refuse(name, image, "an image of a registry that nodes on AWS can reach; meshgate.local exists on this machine only")


def _prometheus(rules: r.Rules) -> None:
    interval = rules.number("observability_prometheus_scrape_interval")
    rules.need(1 <= interval <= 300, "observability_prometheus_scrape_interval", "1 to 300 seconds")
    retention, storage = rules.text("observability_prometheus_retention"), rules.text("observability_prometheus_storage")
    rules.need(volume.seconds_of(retention) > 0, "observability_prometheus_retention", "a duration as Prometheus writes it, such as 36h or 15d")
    least = volume.size_of(LEAST_VOLUME)
    rules.need(
        not storage or volume.size_of(storage) >= least, "observability_prometheus_storage", f"empty, or a size of at least {LEAST_VOLUME}, such as 20Gi"
    )
    right = bool(storage) or not rules.text("observability_prometheus_storage_class")
    rules.need(right, "observability_prometheus_storage_class", "empty where observability_prometheus_storage is empty")
    rules.each_like("observability_prometheus_reader_namespaces", DNS_LABEL, "names of namespaces")
    if not rules.found:
        _room(rules, retention, storage or volume.SCRATCH, int(interval))


def _room(rules: r.Rules, retention: str, size: str, interval: int) -> None:
    """Of a larger mesh, Prometheus deletes its oldest samples before the volume is full."""
    more = f"observability_prometheus_storage of at least {volume.smallest(retention, interval)}"
    accepted = f"at most {volume.longest(size, interval)}, for which {size} have room, or {more}"
    rules.need(volume.needed(retention, interval) <= volume.room_for_blocks(size), "observability_prometheus_retention", accepted)
