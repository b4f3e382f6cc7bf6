# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which differences weaken protection, so that a plan can mark them. Makes no requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...common.blocks import opens
from .policies import NEEDED_POLICIES


def weakened(section: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The options of a difference whose change weakens protection."""
    return [key for key in after if (rule := RULES.get((section, key))) and rule(before.get(key), after[key])]


def _switched_off(before: Any, after: Any) -> bool:
    return bool(before) and not after


def _switched_on(before: Any, after: Any) -> bool:
    return bool(after) and not before


def _fewer(before: Any, after: Any) -> bool:
    return bool(set(before or []) - set(after or []))


def _more(before: Any, after: Any) -> bool:
    return any(entry not in (before or []) for entry in after or [])


def _no_longer_extended(before: Any, after: Any) -> bool:
    """EKS upgrades a cluster by itself when the standard support of its version ends."""
    return (before, after) == ("EXTENDED", "STANDARD")


def _forgets_sooner(before: Any, after: Any) -> bool:
    """Days after which logs expire; 0 is never."""
    return bool(after) and (not before or after < before)


def _more_powerful(before: Any, after: Any) -> bool:
    """A role gets a policy that EKS does not need."""
    return any(not arn.endswith(NEEDED_POLICIES) for arn in set(after or []) - set(before or []))


def _trusts_more(before: Any, after: Any) -> bool:
    """A condition or a denial that someone added is removed."""
    return any(statement.get("Condition") or statement.get("Effect") == "Deny" for statement in _statements(before) if statement not in _statements(after))


def _statements(policy: Any) -> list[dict[str, Any]]:
    found = (policy or {}).get("Statement") or []
    return [found] if isinstance(found, dict) else list(found)


def _further(before: Any, after: Any) -> bool:
    return int(after or 1) > int(before or 1)


def _network_policies_off(before: Any, after: Any) -> bool:
    return all(isinstance(side, dict) for side in (before, after)) and (_enforces(before), _enforces(after)) == (True, False)


def _enforces(configuration: dict[str, Any]) -> bool:
    return str(configuration.get("enableNetworkPolicy", "")).lower() == "true"


RULES: dict[tuple[str, str], Callable[[Any, Any], bool]] = {
    ("cluster", "public_access_cidrs"): opens,
    ("cluster", "endpoint_public_access"): _switched_on,
    ("cluster", "logging"): _fewer,
    ("cluster", "deletion_protection"): _switched_off,
    ("cluster", "zonal_shift"): _switched_off,
    ("cluster", "support_type"): _no_longer_extended,
    ("logs", "retention_days"): _forgets_sooner,
    ("iam", "permissions_boundary"): _switched_off,
    ("iam", "policies"): _more_powerful,
    ("iam", "trust"): _trusts_more,
    ("launch_templates", "metadata_hop_limit"): _further,
    ("launch_templates", "key_name"): _switched_on,
    ("addons", "configuration_values"): _network_policies_off,
    ("access", "policies"): _more,
    ("access", "kubernetes_groups"): _more,
}
