# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Blocks of IP addresses, as CIDR writes them."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any


def opens(before: Any, after: Any) -> bool:
    """Whether the second list of blocks has addresses that the first has not."""
    known = [ip_network(block) for block in before or []]
    return any(not _within(ip_network(block), known) for block in after or [])


def _within(block: IPv4Network | IPv6Network, others: list[IPv4Network | IPv6Network]) -> bool:
    return any(block.version == other.version and block.subnet_of(other) for other in others)  # type: ignore[arg-type]
