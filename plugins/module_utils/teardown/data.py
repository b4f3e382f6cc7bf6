# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What cannot be recreated: volumes, logs, and images that others have pushed. An option decides whether it is refused, kept or deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .found import Found

OPTION = {"volume": "volumes", "snapshot": "volumes", "log group": "logs", "ECR repository": "images"}
HOLDS = {"volumes": "it contains data", "logs": "it contains the control plane's logs", "images": "nothing proves that this collection pushed its images {}"}


def answer(entry: Found, options: Mapping[str, Any]) -> str:
    """The option's value: refuse, keep or delete. Empty if nothing would be lost."""
    option = OPTION.get(entry.type)
    if not option or (option == "volumes" and not _holds_data(entry)):
        return ""
    said = str(options[option])
    return "" if said == "refuse" and option == "images" and not entry.raw.get("foreign_images") else said


def _holds_data(entry: Found) -> bool:
    """Data of the cluster's users. The disks of nodes are deleted with their instances."""
    return not any(attachment.get("DeleteOnTermination") for attachment in entry.raw.get("Attachments") or [])


def stays(entry: Found, options: Mapping[str, Any]) -> bool:
    return answer(entry, options) == "keep"


def refusals(found: Iterable[Found], options: Mapping[str, Any]) -> list[str]:
    """What blocks a removal until its option is set."""
    return [f"{entry}: {_holds(entry)}; choose whether to keep or delete it ({OPTION[entry.type]})" for entry in found if answer(entry, options) == "refuse"]


def _holds(entry: Found) -> str:
    images = entry.raw.get("foreign_images") or []
    return HOLDS[OPTION[entry.type]].format(", ".join(images[:5]) + (f" and {len(images) - 5} more" if len(images) > 5 else ""))
