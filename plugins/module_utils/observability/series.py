# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Who asks and who is asked, as the labels of the mesh's metrics say it."""

from __future__ import annotations

from collections.abc import Mapping

Place = tuple[str, str]

# For `by`: what is asked, and both ends of a call.
DESTINATION = "destination_service_namespace, destination_service_name"
ENDS = f"source_workload_namespace, source_workload, {DESTINATION}"


def source(labels: Mapping[str, str]) -> Place:
    """Namespace and workload."""
    return labels.get("source_workload_namespace", ""), labels.get("source_workload", "")


def destination(labels: Mapping[str, str]) -> Place:
    """Namespace and Service."""
    return labels.get("destination_service_namespace", ""), labels.get("destination_service_name", "")
