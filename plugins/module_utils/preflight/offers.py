# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What AWS offers in the platform's region, and the AWS CLI that its kubeconfig calls. Pure, except for the CLI's version."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

from ..common.command import Runner
from ..eks.input_names import Names, variable

# EKS user guide, "Connect kubectl to an EKS cluster by creating a kubeconfig file": "Version 2.12.3 or later or version 1.27.160 or later".
LEAST_CLI = {1: (1, 27, 160), 2: (2, 12, 3)}
SOON = timedelta(days=60)
Entry = tuple[Any, ...]


def instance_type_checks(given: dict[str, Any], offerings: list[dict[str, Any]], zones: list[str], there: set[str], names: Names = variable) -> list[Entry]:
    """For each new node group, every zone must offer one of its types."""
    offered: dict[str, set[str]] = {}
    for offering in offerings:
        offered.setdefault(offering["InstanceType"], set()).add(offering["Location"])
    found = []
    for number, group in enumerate(given["node_groups"]):
        if group["name"] in there:
            continue
        name, types = f"{names('node_groups')}[{number}].instance_types", group["instance_types"]
        everywhere = sorted(set.union(set(), *(offered.get(kind, set()) for kind in types)))
        missing = [zone for zone in zones if zone not in everywhere]
        accepted = f"types that {', '.join(zones)} offer"
        nowhere = [kind for kind in types if not offered.get(kind)]
        if nowhere:
            message = f"{name} is {types}, but {given['region']} does not offer {', '.join(nowhere)}; accepted: {accepted}"
        elif missing:
            message = f"{name} is {types}, which {', '.join(missing)} {'does' if len(missing) == 1 else 'do'} not offer; accepted: {accepted},"
            message += f" or {names('availability_zones')} from {', '.join(everywhere)}"
        else:
            message = f"{', '.join(types)} of node group {group['name']}: offered in {', '.join(zones)}"
        found.append(("instance types", not nowhere and not missing, everywhere, accepted, message))
    return found


def version_check(
    given: dict[str, Any], offers: list[dict[str, Any]], live_version: str, today: datetime | None = None, names: Names = variable
) -> tuple[Entry, dict[str, Any]]:
    """Whether EKS offers the version, and until when it has standard support."""
    wanted, today = str(given["version"]), today or datetime.now(UTC)
    offered = [entry["clusterVersion"] for entry in offers if entry.get("versionStatus") != "UNSUPPORTED"]
    accepted = "one of " + ", ".join(sorted(offered, key=lambda text: [int(part) for part in text.split(".")]))
    offer = next((entry for entry in offers if entry["clusterVersion"] == wanted and wanted in offered), {})
    if not offer:
        # A cluster that already runs it keeps it until EKS upgrades it.
        ok = live_version == wanted
        return ("EKS version", ok, wanted, accepted, f"{names('version')} is {wanted!r}; accepted in {given['region']}: {accepted}", ok), {}
    if offer.get("versionStatus") == "EXTENDED_SUPPORT":
        until = _day(offer.get("endOfExtendedSupportDate"))
        message = f"Kubernetes {wanted} is in extended support{' until ' + until if until else ''}: the control plane costs 0.60 instead of 0.10 USD an hour"
        return ("EKS version", True, wanted, accepted, message, True), offer
    ends = offer.get("endOfStandardSupportDate")
    if ends and ends - today < SOON:
        later = "EKS then upgrades the cluster automatically" if given.get("support_type") == "STANDARD" else "it then costs 0.60 instead of 0.10 USD an hour"
        return ("EKS version", True, wanted, accepted, f"Kubernetes {wanted} leaves standard support on {_day(ends)}; {later}", True), offer
    return ("EKS version", True, wanted, accepted, f"Kubernetes {wanted} is in standard support until {_day(ends) or 'further notice'}"), offer


def _day(moment: Any) -> str:
    return moment.date().isoformat() if isinstance(moment, datetime) else ""


def aws_cli(runner: Runner | None = None) -> str:
    """The version of the AWS CLI on the PATH; empty without one."""
    program = shutil.which("aws")
    if program is None:
        return ""
    done = (runner or Runner())([program, "--version"], 60)
    return (done.stdout or done.stderr).strip()


def cli_check(said: str) -> Entry:
    accepted = "the AWS CLI from 2.12.3 or 1.27.160 on the PATH"
    if not said:
        return ("AWS CLI", False, "", accepted, f"aws is not on the PATH, which the kubeconfig calls for tokens; accepted: {accepted}")
    version = re.match(r"aws-cli/(\d+)\.(\d+)\.(\d+)", said)
    numbers = tuple(int(part) for part in version.groups()) if version else (0, 0, 0)
    if numbers < LEAST_CLI.get(numbers[0], LEAST_CLI[2]):
        return ("AWS CLI", False, said, accepted, f"the kubeconfig calls aws for tokens, and aws --version says {said!r}; accepted: {accepted}")
    return ("AWS CLI", True, said, accepted, f"aws {'.'.join(map(str, numbers))}")
