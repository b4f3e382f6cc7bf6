# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Route 53: what it refuses in a change batch, and the time until a change is in sync."""

from __future__ import annotations

import random
import string
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.elbv2.models import elbv2_backends
from moto.route53 import models as moto_models
from moto.route53 import urls
from moto.route53.models import Route53Backend, route53_backends
from moto.route53.responses import Route53

from .common import backends_of, error, now, seconds, use_backend, use_response

Record = dict[str, Any]
# (name, type, set identifier) -> the record's content
Records = dict[tuple[str, str, str], Record]


def absolute(name: str) -> str:
    """Names as Route 53 stores them: lower-case, with a dot at the end, an asterisk as its octal code."""
    return name.lower().rstrip(".").replace("*", r"\052") + "."


def _said(record: Record) -> Record:
    alias = record.get("AliasTarget") or {}
    values = [value["Value"] if isinstance(value, dict) else value for value in record.get("ResourceRecords") or []]
    target = {"zone": alias.get("HostedZoneId"), "name": absolute(alias["DNSName"]), "health": str(alias.get("EvaluateTargetHealth")).lower()} if alias else {}
    return {"ttl": str(record.get("TTL") or ""), "values": sorted(values), "alias": target}


def _stored(zone: Any) -> Records:
    found = {}
    for kept in zone.rrsets:
        record = {"AliasTarget": kept.alias_target, "TTL": kept.ttl, "ResourceRecords": kept.records}
        found[(absolute(kept.name), kept.type, kept.set_identifier or "")] = _said(record)
    return found


def _problems(zone: Any, changes: list[dict[str, Any]]) -> list[str]:
    """ChangeResourceRecordSets, "Change Batches and Transactional Changes": a batch is applied completely or not at all."""
    records, found = _stored(zone), []
    for change in changes:
        record = change["ResourceRecordSet"]
        name, kind = absolute(record["Name"]), record["Type"]
        key = (name, kind, record.get("SetIdentifier") or "")
        which = f"resource record set [name='{name}', type='{kind}'" + (f", set-identifier='{key[2]}']" if key[2] else "]")
        if change["Action"] == "DELETE":
            if key not in records:
                found.append(f"Tried to delete {which} but it was not found")
            elif records[key] != _said(record):
                found.append(f"Tried to delete {which} but the values provided do not match the current values")
            records.pop(key, None)
            continue
        if change["Action"] == "CREATE" and key in records:
            found.append(f"Tried to create {which} but it already exists")
        if kind == "CNAME" and name == absolute(zone.name):
            found.append(f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {absolute(zone.name)}")
        for other, other_kind, _identifier in records:
            if other == name and other_kind != kind and "CNAME" in (kind, other_kind):
                found.append(
                    f"RRSet of type {kind} with DNS name {name} is not permitted because a conflicting RRSet of type {other_kind} "
                    f"with the same DNS name already exists in zone {absolute(zone.name)}"
                )
        said = _said(record)
        if said["alias"] and not _exists(zone, records, kind, said["alias"]):
            target, target_zone = said["alias"]["name"], said["alias"]["zone"]
            found.append(f"Tried to create an alias that targets {target}, type {kind} in zone {target_zone}, but the alias target name was not found")
        records[key] = said
    return found


def _exists(zone: Any, records: Records, kind: str, target: dict[str, str]) -> bool:
    """AliasTarget: an ELB's canonical hosted zone and its DNS name, with or without `dualstack.`, or a record of the same zone."""
    if target["zone"] == zone.resource_id:
        return any((name, its_kind) == (target["name"], kind) for name, its_kind, _identifier in records)
    for _account, _region, backend in backends_of(elbv2_backends):
        for balancer in backend.load_balancers.values():
            if (balancer.canonical_hosted_zone_id, absolute(balancer.dns_name)) == (target["zone"], target["name"].removeprefix("dualstack.")):
                return True
    return False


def names_of(target: str) -> list[str]:
    """Host names that public DNS resolves to this one, by an alias or a CNAME record."""
    found = set()
    for _account, _region, backend in backends_of(route53_backends):
        for zone in backend.zones.values():
            if zone.private_zone:
                continue
            for (name, _kind, _identifier), said in _stored(zone).items():
                targets = [said["alias"].get("name", ""), *map(absolute, said["values"])]
                if absolute(target) in [one.removeprefix("dualstack.") for one in targets]:
                    found.add(name.rstrip(".").replace(r"\052", "*"))
    return sorted(found)


class Backend(Route53Backend):
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.in_sync_at: dict[str, float] = {}

    def change_resource_record_sets(self, zoneid: str, change_list: list[dict[str, Any]]) -> None:
        problems = _problems(self.get_hosted_zone(zoneid), change_list)
        if problems:
            raise error("InvalidChangeBatch", f"[{', '.join(problems)}]")
        super().change_resource_record_sets(zoneid, change_list)

    def new_change(self) -> dict[str, Any]:
        unique = "C" + "".join(random.choices(string.ascii_uppercase + string.digits, k=20))
        self.in_sync_at[unique] = now() + seconds("MESHGATE_DNS_SECONDS", 0.2)
        return self.change(unique)

    def change(self, unique: str) -> dict[str, Any]:
        """ChangeInfo.Status: PENDING until the change has propagated to all of Route 53's servers, then INSYNC."""
        if unique not in self.in_sync_at:
            raise error("NoSuchChange", f"A change with the specified change ID does not exist: {unique}")
        status = "INSYNC" if now() >= self.in_sync_at[unique] else "PENDING"
        return {"Id": f"/change/{unique}", "Status": status, "SubmittedAt": datetime.now(UTC)}


def zone_id() -> str:
    """Z and 13 to 20 letters and digits: https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZones.html and every recording."""
    return "Z" + "".join(random.choices(string.ascii_uppercase + string.digits, k=20))


class Response(Route53):
    def list_tags_for_resource(self) -> ActionResult:
        if self._get_param("ResourceType") == "hostedzone":
            self.backend.get_hosted_zone(self._get_param("ResourceId"))
        return super().list_tags_for_resource()

    def change_resource_record_sets(self) -> ActionResult:
        super().change_resource_record_sets()
        return ActionResult({"ChangeInfo": self.backend.new_change()})  # type: ignore[attr-defined]

    def get_change(self) -> ActionResult:
        unique = self._get_param("Id").removeprefix("/change/")
        return ActionResult({"ChangeInfo": self.backend.change(unique)})  # type: ignore[attr-defined]


def install() -> None:
    moto_models.create_route53_zone_id = lambda **_given: zone_id()
    use_backend(route53_backends, Backend)
    use_response(urls, Response)
