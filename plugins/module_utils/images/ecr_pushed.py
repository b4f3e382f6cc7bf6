# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which images of a repository this collection pushed: recorded in the repository's tags, by digest, before each push."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..aws.client import Aws

KEY = "meshgate.io/images"
# ECR: 50 tags of a resource, values of 256 characters of letters, digits, spaces and + - = . _ : / @ (API reference, Tag).
KEYS = (KEY, *(f"{KEY}.{number}" for number in range(1, 10)))
DIGITS, IN_ONE = 16, 15


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:DIGITS]


def _in_order(tags: Mapping[str, str]) -> list[str]:
    return [digest for key in KEYS for digest in tags.get(key, "").split()]


def noted(tags: Mapping[str, str]) -> set[str]:
    return set(_in_order(tags))


def to_note(tags: Mapping[str, str], digests: Iterable[str]) -> dict[str, str]:
    """The tags that also record these digests. When all are full, the oldest are dropped, and count as images of others."""
    there = _in_order(tags)
    after = [*there, *dict.fromkeys(short for short in map(_short, digests) if short not in there)]
    after = after[-IN_ONE * len(KEYS) :]
    values = {key: " ".join(after[number * IN_ONE : (number + 1) * IN_ONE]) for number, key in enumerate(KEYS)}
    return {key: value for key, value in values.items() if value and value != tags.get(key)}


def of_others(aws: Aws, repository: str, tags: Mapping[str, str]) -> list[str]:
    """Images in our repository that are not recorded: by their tags, or by digest if they have none."""
    ours = noted(tags)
    images: list[dict[str, Any]] = aws.pages("ecr", "describe_images", "imageDetails", repositoryName=repository)
    return sorted(", ".join(image.get("imageTags") or [image["imageDigest"]]) for image in images if _short(image["imageDigest"]) not in ours)
