# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a container requests and may use, as the API server would take it; it says so only when the pods are created.

https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go (ValidateContainerResourceRequirements)
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping

from .quantities import amount

# Kubernetes' own, and those of devices: DOMAIN/NAME.
_NAME = re.compile(r"cpu|memory|ephemeral-storage|hugepages-[0-9]+[KMG]i|[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_BYTES = ("memory", "ephemeral-storage")
_KINDS = ("requests", "limits")
_ACCEPTED = {"cpu": "cores, such as 100m or 0.5", **dict.fromkeys(_BYTES, "bytes, such as 64Mi or 1Gi")}


def problems(where: str, resources: Mapping[str, t.Any]) -> Iterator[str]:
    """`where`: the variable, or the entry, that has them."""
    for kind, named in resources.items():
        if kind not in _KINDS:
            yield f"{where}.{kind} is not known; accepted: {', '.join(_KINDS)}"
        elif isinstance(named, Mapping):
            for name, value in named.items():
                yield from _of_resource(f"{where}.{kind}.{name}", str(name), value)
        elif named is not None:
            yield f"{where}.{kind} is {named!r}; accepted: quantities by resource, such as {{cpu: 100m, memory: 64Mi}}"
    yield from _above_limits(where, resources.get("requests"), resources.get("limits"))


def _of_resource(where: str, name: str, value: t.Any) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield f"{where} is not known; accepted: cpu, memory, ephemeral-storage, or a device's resource, such as nvidia.com/gpu"
    elif not _is_right(name, value):
        yield f"{where} is {value!r}; accepted: {_ACCEPTED.get(name, 'a quantity, such as 1')}"


def _is_right(name: str, value: t.Any) -> bool:
    """64m of memory are thousandths of a byte: the API server takes them, and no container starts. A null takes a chart's default away."""
    return value is None or (amount(value) is not None and not (name in _BYTES and str(value)[-1] in "mun"))


def _above_limits(where: str, requests: t.Any, limits: t.Any) -> Iterator[str]:
    if not (isinstance(requests, Mapping) and isinstance(limits, Mapping)):
        return
    for name, value in requests.items():
        asked, most = amount(value), amount(limits.get(name))
        if asked is not None and most is not None and asked > most:
            yield f"{where}.requests.{name} is {value!r}; accepted: at most the limit, {limits[name]}"
