# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A public zone in the account, in which certificates of the hosts below it are validated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def zone(route53: Any, name: str) -> Iterator[str]:
    """Its id. One that is there already stays."""
    there = [found["Id"] for found in route53.list_hosted_zones()["HostedZones"] if found["Name"] == f"{name}."]
    made = there[0] if there else route53.create_hosted_zone(Name=name, CallerReference=f"checks-{name}")["HostedZone"]["Id"]
    try:
        yield made
    finally:
        if not there:
            _delete(route53, made)


def _delete(route53: Any, made: str) -> None:
    records = [record for record in route53.list_resource_record_sets(HostedZoneId=made)["ResourceRecordSets"] if record["Type"] not in ("NS", "SOA")]
    changes = [{"Action": "DELETE", "ResourceRecordSet": record} for record in records]
    if changes:
        route53.change_resource_record_sets(HostedZoneId=made, ChangeBatch={"Changes": changes})
    route53.delete_hosted_zone(Id=made)
