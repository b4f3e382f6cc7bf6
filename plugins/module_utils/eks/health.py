# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""EKS's health issues."""

from __future__ import annotations

from typing import Any


def failure(live: dict[str, Any]) -> str:
    """Why a cluster, a node group or an add-on is unhealthy: EKS's health issues with their resources."""
    issues = (live.get("health") or {}).get("issues") or []
    said = [f"{issue.get('code')}: {issue.get('message')}" + (f" ({', '.join(issue['resourceIds'])})" if issue.get("resourceIds") else "") for issue in issues]
    return "; ".join(said) or "EKS gives no reason"
