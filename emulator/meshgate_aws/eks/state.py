# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The objects of the EKS backend, each holding its API representation."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Data = dict[str, Any]


def _written(value: Any) -> str:
    """An update's parameter: a string as it is, everything else as JSON (examples of aws-cli: eks describe-update, update-nodegroup-config)."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


@dataclass
class Resource:
    """A resource with a status and a history of updates."""

    data: Data
    updates: dict[str, Data] = field(default_factory=dict)

    def begin(self, kind: str, params: list[tuple[str, Any]]) -> Data:
        update: Data = {
            "id": str(uuid.uuid4()),
            "status": "InProgress",
            "type": kind,
            "params": [{"type": key, "value": _written(value)} for key, value in params if value is not None],
            "createdAt": datetime.now(UTC),
            "errors": [],
        }
        self.updates[update["id"]] = update
        self.data["status"] = "UPDATING"
        return update

    def end(self, update: Data, change: Callable[[], None]) -> None:
        change()
        update["status"] = "Successful"
        if self.data["status"] == "UPDATING":
            self.data["status"] = "ACTIVE"
        if "modifiedAt" in self.data:
            self.data["modifiedAt"] = datetime.now(UTC)


@dataclass
class Cluster(Resource):
    issuer: str = ""
    # The update that EKS is working on, whatever the status is.
    running: str = ""
    nodegroups: dict[str, Resource] = field(default_factory=dict)
    fargate_profiles: dict[str, Resource] = field(default_factory=dict)
    addons: dict[str, Resource] = field(default_factory=dict)
    access_entries: dict[str, Data] = field(default_factory=dict)
    access_policies: dict[str, dict[str, Data]] = field(default_factory=dict)
    pod_identities: dict[str, Data] = field(default_factory=dict)

    def tagged(self) -> list[Data]:
        """Everything of the cluster that TagResource reaches, as API representations."""
        resources = [self, *self.nodegroups.values(), *self.fargate_profiles.values(), *self.addons.values()]
        return [resource.data for resource in resources] + list(self.access_entries.values()) + list(self.pod_identities.values())


ARN_KEYS = ("arn", "nodegroupArn", "fargateProfileArn", "addonArn", "accessEntryArn", "associationArn")


def arn_of(data: Data) -> str:
    return str(next((data[key] for key in ARN_KEYS[1:] if key in data), data.get("arn", "")))
