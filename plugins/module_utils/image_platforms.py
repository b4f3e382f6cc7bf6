# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""For which platforms a registry has an image: its manifest says so."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.ecr_image import Credentials
from ansible_collections.meshgate.eks_istio.plugins.module_utils.image_archive import INDEXES, platform_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.image_registry import BearerToken, Registry, RegistryError

ECR = re.compile(r"(?P<account>[0-9]{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")


@dataclass(frozen=True)
class Name:
    """An image's name in its parts, as Docker and containerd read it."""

    host: str
    repository: str
    reference: str


def parse(image: str) -> Name:
    rest, _at, digest = image.partition("@")
    first, slash, path = rest.partition("/")
    named = bool(slash) and ("." in first or ":" in first or first == "localhost")
    host, path = (first, path) if named else ("docker.io", rest)
    path, _colon, tag = path.partition(":")
    if host == "docker.io" and "/" not in path:
        path = f"library/{path}"
    return Name(host, path, digest or tag or "latest")


def look(image: str, ecr: Callable[[str], Aws], secret: Callable[[str], None], timeout: float) -> dict[str, Any]:
    """The image's platforms. Where nobody could say, why: that is no proof of anything."""
    name = parse(image)
    try:
        registry = _registry(name, ecr, secret, timeout)
        found = registry.manifest(name.repository, name.reference)
        if found is None:
            return {"known": False, "platforms": [], "why": f"{name.host} has no {name.repository}:{name.reference}, or shows it to nobody"}
        return {"known": True, "platforms": sorted(_platforms(registry, name, *found)), "why": ""}
    except (AwsError, RegistryError, ValueError, KeyError, TypeError) as error:
        return {"known": False, "platforms": [], "why": str(error)}


def _registry(name: Name, ecr: Callable[[str], Aws], secret: Callable[[str], None], timeout: float) -> Registry:
    private = ECR.fullmatch(name.host)
    if private:
        credentials = Credentials(ecr(private["region"]), secret, private["account"])
        return Registry(credentials.endpoint(), credentials, retries=1, timeout=timeout)
    host = "registry-1.docker.io" if name.host == "docker.io" else name.host
    scheme = "http" if host.partition(":")[0] in ("localhost", "127.0.0.1") else "https"
    endpoint = f"{scheme}://{host}"
    return Registry(endpoint, BearerToken(endpoint, name.repository, timeout), retries=1, timeout=timeout)


def _platforms(registry: Registry, name: Name, content: bytes, media_type: str) -> set[str]:
    manifest = json.loads(content)
    if media_type in INDEXES:
        platforms = (platform_of(entry.get("platform") or {}) for entry in manifest["manifests"])
        return {str(platform) for platform in platforms if platform.architecture not in ("", "unknown")}
    return {str(platform_of(json.loads(registry.blob(name.repository, manifest["config"]["digest"]))))}
