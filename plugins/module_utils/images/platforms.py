# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The platforms of an image, from its manifest in the registry."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from ..aws.client import Aws, AwsError
from ..common.failure import Refused
from .archive import INDEXES, platform_of
from .ecr import Credentials
from .registry import Name, Registry, RegistryError, anybodys, parse

ECR = re.compile(r"(?P<account>[0-9]{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")


def look(image: str, ecr: Callable[[str], Aws], secret: Callable[[str], None], timeout: float) -> dict[str, Any]:
    """The image's platforms, or why they are unknown: that proves nothing."""
    name = parse(image)
    try:
        registry = _registry(name, ecr, secret, timeout)
        found = registry.manifest(name.repository, name.reference)
        if found is None:
            return {"known": False, "platforms": [], "why": f"{name.host} has no {name.repository}:{name.reference}, or does not allow anonymous pulls"}
        return {"known": True, "platforms": sorted(_platforms(registry, name, *found)), "why": ""}
    except (AwsError, Refused, RegistryError, ValueError, KeyError, TypeError) as error:
        return {"known": False, "platforms": [], "why": str(error)}


def _registry(name: Name, ecr: Callable[[str], Aws], secret: Callable[[str], None], timeout: float) -> Registry:
    private = ECR.fullmatch(name.host)
    if private:
        credentials = Credentials(ecr(private["region"]), secret, private["account"])
        return Registry(credentials.endpoint(), credentials, retries=1, timeout=timeout)
    return anybodys(name, 1, timeout)


def _platforms(registry: Registry, name: Name, content: bytes, media_type: str) -> set[str]:
    manifest = json.loads(content)
    if media_type in INDEXES:
        platforms = (platform_of(entry.get("platform") or {}) for entry in manifest["manifests"])
        return {str(platform) for platform in platforms if platform.architecture not in ("", "unknown")}
    return {str(platform_of(json.loads(registry.blob(name.repository, manifest["config"]["digest"]))))}


# What the module image_platforms_info does


def look_at_all(module: Any, aws: Aws) -> dict[str, Any]:
    names = sorted(set(module.params["images"]))
    for region in {found["region"] for name in names if (found := ECR.fullmatch(parse(name).host))}:
        # Here, since creating clients is not thread-safe. Problems with the credentials are reported for each image.
        with suppress(AwsError, Refused):
            aws.in_region(region).prepare("ecr")

    def one(name: str) -> dict[str, Any]:
        return look(name, aws.in_region, module.no_log_values.add, module.params["timeout"])

    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = list(pool.map(one, names))
    return {"images": dict(zip(names, answers, strict=True))}
