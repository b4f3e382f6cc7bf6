# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Validation of the variables of role gateway_crds. Makes no requests."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from . import rules as r

READS = ("toolchain_facts", "toolchain_components", "eks_cluster_facts")
VERSION = re.compile(rf"{r.RELEASE.pattern}(-rc\.[0-9]+)?")


def problems(given: Mapping[str, Any]) -> list[str]:
    rules = r.Rules(given)
    rules.like("gateway_crds_version", VERSION, "a release of the Gateway API without a leading v, such as 1.6.3")
    source = rules.text("gateway_crds_source")
    rules.need(r.is_private(source), "gateway_crds_source", "a file, a directory or an https URL")
    rules.need(_is_had(rules, source), "gateway_crds_source", "an existing file or a URL")
    if rules.said("gateway_crds_checksum"):
        rules.like("gateway_crds_checksum", r.SHA256, "a SHA-256 of 64 hexadecimal digits, or empty", empty=True)
    r.programs(rules, gateway_crds_kubectl="kubectl")
    return rules.found


def _is_had(rules: r.Rules, source: str) -> bool:
    """In check mode, role toolchain may not have provided its own yet."""
    assets = rules.fact("toolchain_facts", "assets", "gateway_api") or {}
    return source.startswith(("http://", "https://")) or "/" not in source or source in assets.values() or os.path.exists(os.path.expanduser(source))
