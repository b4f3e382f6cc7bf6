# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Images that role toolchain built, of the services and of apps: their names, and on which nodes they run. Makes no requests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

SERVICES = ("service-a", "service-b")
# The name of a repository in ECR.
REPOSITORY = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")


def own_images(made: Mapping[str, Any], registry: str = "", account: str = "", region: str = "", prefix: str = "") -> dict[str, str]:
    """Each service's image: as role toolchain built it, or its name in ECR. Without an account or an image there is no name yet.

    The tag is a key of everything that the image is built from. `made`: role toolchain's facts about images, by component.
    """
    names = {service: str((made.get(service.replace("-", "_")) or {}).get("name") or "") for service in SERVICES}
    if registry != "ecr":
        return names
    place = f"{_registry(account, region)}/{prefix}"
    return {service: f"{place}/{service}:{_tag(name)}" if name and account else "" for service, name in names.items()}


def pushed_images(apps: Iterable[Mapping[str, Any]], made: Mapping[str, Any], account: str, region: str, prefix: str) -> list[dict[str, Any]]:
    """The images of apps that role toolchain built, and what each is called in ECR: repository, tag and, of the whole name, C(image)."""
    used = {one.get("image") for app in apps for one in (app, *(app.get("versions") or []))}
    images = [image for image in made.values() if image.get("name") in used and image.get("name") and image.get("archives")]
    return [_pushed(image, account, region, prefix) for image in images] if account else []


def _pushed(image: Mapping[str, Any], account: str, region: str, prefix: str) -> dict[str, Any]:
    local = str(image["name"])
    repository, tag = f"{prefix}/{local.rpartition(':')[0].rpartition('/')[2]}", _tag(local)
    name = f"{_registry(account, region)}/{repository}:{tag}"
    return {"local": local, "image": name, "repository": repository, "tag": tag, "archives": list(image["archives"].values())}


def _tag(name: str) -> str:
    return name.rpartition(":")[2]


def _registry(account: str, region: str) -> str:
    return f"{account}.dkr.ecr.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def planned_architectures(groups: Iterable[Any]) -> list[str]:
    """The architectures of node groups in an inventory. That of a CUSTOM image is unknown."""
    kinds = [str(group.get("ami_type") or "CUSTOM") for group in groups if isinstance(group, Mapping)]
    return list(dict.fromkeys("arm64" if "ARM_64" in kind else "amd64" for kind in kinds if kind != "CUSTOM"))


def unfit_images(answers: Mapping[str, Any], architectures: Iterable[str], variable: str = "images") -> list[str]:
    """The images that not all nodes of these architectures can run, each as one sentence. Unknown platforms prove nothing."""
    wanted = list(architectures)
    return [
        f"{variable} has {image}, which is for {', '.join(answer['platforms'])}; accepted: an image for the nodes' architectures ({', '.join(wanted)})"
        for image, answer in answers.items()
        if answer.get("known") and set(wanted) - _linux(answer["platforms"])
    ]


def _linux(platforms: Iterable[str]) -> set[str]:
    """The architectures of platforms such as linux/arm64/v8."""
    parts = [platform.split("/") for platform in platforms]
    return {part[1] for part in parts if part[0] == "linux" and len(part) > 1}
