# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether registries have the images to pull: their manifests are requested before the source is chosen.

A registry that answers need not have the image. Publishers skip releases (kind publishes node images of only some patch releases), mirrors copy
only requested images, and Docker Hub returns 429 to an address that pulled a hundred times in six hours.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ..docker.client import rate_limit
from ..images.registry import RegistryError, anybodys, parse


@dataclass(frozen=True)
class Answer:
    """`absent` and `limited` are certain. A registry that requires a password, or does not answer us, may still answer Docker."""

    image: str
    state: str
    why: str = ""


def ask(image: str, timeout: float) -> Answer:
    name = parse(image)
    try:
        there = anybodys(name, 0, timeout).has_manifest(name.repository, name.reference)
    except RegistryError as error:
        return Answer(image, "limited" if error.status == 429 else "unknown", _said(error))
    except (ValueError, KeyError, TypeError) as error:
        return Answer(image, "unknown", str(error))
    return Answer(image, "there") if there else Answer(image, "absent", f"{name.host} has no {name.repository}:{name.reference}")


def _said(error: RegistryError) -> str:
    after = f" (Retry-After: {error.retry_after})" if error.retry_after else ""
    return f"{error}{after}; {rate_limit('toomanyrequests')}" if error.status == 429 else str(error)


def wanting(images: list[str], timeout: float) -> list[Answer]:
    """The images that certainly cannot be pulled now."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        return [answer for answer in pool.map(lambda image: ask(image, timeout), images) if answer.state in ("absent", "limited")]
