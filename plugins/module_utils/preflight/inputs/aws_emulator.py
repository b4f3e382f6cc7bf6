# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Validation of the variables of role aws_emulator. Makes no requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import rules as r

READS = ()
PORTS = ("aws_emulator_port", "aws_emulator_http_port", "aws_emulator_https_port")


def problems(given: Mapping[str, Any]) -> list[str]:
    """The module itself refuses ports in use, and containers of those names that are not ours, before it creates anything."""
    rules = r.Rules(given)
    ports = [int(rules.number(name)) for name in PORTS]
    rules.need_all(len(set(ports)) == len(ports) and all(0 < port < 65536 for port in ports), PORTS, "three different ports from 1 to 65535")
    rules.need(rules.number("aws_emulator_timeout") > 0, "aws_emulator_timeout", "a number of seconds above 0")
    return rules.found
