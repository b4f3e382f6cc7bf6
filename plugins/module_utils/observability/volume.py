# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How much a volume of Prometheus holds, and whether a cluster can make one. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..kube.objects import Manifest, annotations_of
from ..kube.quantities import amount

# What a pod without a volume of its own may use of its node.
SCRATCH = "2Gi"
# https://prometheus.io/docs/prometheus/latest/storage/: 1 to 2 bytes a sample, and at most 80 % of the volume for blocks, since the log of writes needs room.
BYTES_OF_A_SAMPLE = 1.5
SHARE_OF_BLOCKS = 0.8
# Of a mesh with a gateway and ten proxies. A larger mesh has more, and Prometheus then deletes its oldest blocks before the volume is full.
SERIES = 10_000
_SECONDS = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3_600, "m": 60}
_DURATION = re.compile(r"([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?")
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_NO_PROVISIONER = "kubernetes.io/no-provisioner"
# https://kubernetes.io/docs/concepts/storage/volumes/#awselasticblockstore-migration
_MIGRATED = {"kubernetes.io/aws-ebs": "ebs.csi.aws.com"}


def size_of(quantity: str) -> int:
    """Bytes; 0 for what is no size.

    >>> size_of("20Gi"), size_of("20 GB")
    (21474836480, 0)
    """
    return int(amount(quantity) or 0)


def seconds_of(duration: str) -> int:
    """As Prometheus writes durations; 0 for what is none.

    >>> seconds_of("1d12h"), seconds_of("36 hours")
    (129600, 0)
    """
    found = _DURATION.fullmatch(duration)
    return sum(int(part[:-1]) * _SECONDS[part[-1]] for part in found.groups() if part) if found else 0


def room_for_blocks(quantity: str) -> int:
    return int(size_of(quantity) * SHARE_OF_BLOCKS)


def needed(retention: str, scrape_interval: int) -> int:
    """The bytes of so many seconds of a small mesh's samples."""
    return int(seconds_of(retention) / scrape_interval * SERIES * BYTES_OF_A_SAMPLE)


def longest(quantity: str, scrape_interval: int) -> str:
    """The longest retention for which a volume has room, in days or hours."""
    hours = int(room_for_blocks(quantity) / (SERIES * BYTES_OF_A_SAMPLE) * scrape_interval / 3_600)
    return f"{hours // 24}d" if hours >= 48 else f"{hours}h"


def smallest(retention: str, scrape_interval: int) -> str:
    """The smallest volume that has room for a retention."""
    return f"{-(-int(needed(retention, scrape_interval) / SHARE_OF_BLOCKS) // 2**30)}Gi"


def problem(wanted: str, classes: Iterable[Manifest], drivers: Iterable[str]) -> str:
    """Why a cluster with these StorageClasses and CSIDrivers makes no volume of the class (empty: of the default one); empty if it does."""
    known = {item["metadata"]["name"]: item for item in classes}
    named = (
        f"observability_prometheus_storage_class is {wanted!r}"
        if wanted
        else "observability_prometheus_storage is set, and observability_prometheus_storage_class is not"
    )
    usable = sorted(name for name, item in known.items() if not _lacks(item, drivers))
    accepted = f"accepted: a StorageClass that makes volumes ({', '.join(usable) or 'the cluster has none'}), or no observability_prometheus_storage"
    found = known.get(wanted) if wanted else next((item for item in known.values() if annotations_of(item).get(_DEFAULT_CLASS) == "true"), None)
    if found is None:
        return f"{named}; the cluster has no {'such class' if wanted else 'default class'}; {accepted}"
    lacks = _lacks(found, drivers)
    return f"{named}; class {found['metadata']['name']} {lacks}; {accepted}" if lacks else ""


def _lacks(storage_class: Mapping[str, str], drivers: Iterable[str]) -> str:
    """What a class needs and has not. A provisioner that is not a CSI driver, such as kind's, cannot be seen."""
    provisioner = str(storage_class["provisioner"])
    driver = _MIGRATED.get(provisioner, provisioner)
    if provisioner == _NO_PROVISIONER:
        return "makes no volumes by itself"
    if ".csi." in driver and driver not in drivers:
        return f"needs the driver {driver}, which is not installed (on EKS it is the add-on aws-ebs-csi-driver, in eks_cluster_addons)"
    return ""
