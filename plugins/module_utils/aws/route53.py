# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Hosted zones and records of Route 53, as far as a load balancer's name needs them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..common.failure import Refused
from .client import Aws, AwsError, wait_for

Record = dict[str, Any]
VALIDATION_TTL = 300


class NoZone(Refused):
    """The account has no public hosted zone for a name."""


@dataclass(frozen=True)
class Zone:
    id: str
    name: str
    private: bool = False

    def holds(self, host: str) -> bool:
        return f".{absolute(host)}".endswith(f".{self.name}")


def absolute(name: str) -> str:
    """A name as Route 53 returns it: lower-case, with a dot at the end and an asterisk as its octal code."""
    return name.lower().rstrip(".").replace("*", r"\052") + "."


def _zone(answer: dict[str, Any]) -> Zone:
    return Zone(answer["Id"].removeprefix("/hostedzone/"), absolute(answer["Name"]), bool((answer.get("Config") or {}).get("PrivateZone")))


def find_zone(aws: Aws, host: str, zone_id: str) -> Zone:
    """The given zone, or the public one with the longest name that the host name ends in."""
    if zone_id:
        try:
            zone = _zone(aws.call("route53", "get_hosted_zone", Id=zone_id)["HostedZone"])
        except AwsError as error:
            if error.code in ("NoSuchHostedZone", "InvalidInput"):
                raise Refused(f"hosted_zone_id is {zone_id}; accepted: the id of a hosted zone of this account") from error
            raise
        if not zone.holds(host):
            raise Refused(f"hosted_zone_id is {zone_id}, the zone {zone.name}, which does not hold {host}")
        return zone
    zones = [zone for zone in _zones(aws) if zone.holds(host) and not zone.private]
    longest = [zone for zone in zones if len(zone.name) == max(len(other.name) for other in zones)]
    if not longest:
        raise NoZone(f"host_name is {host}, for which this account has no public hosted zone; accepted: a name in one of its public hosted zones")
    if len(longest) > 1:
        raise Refused(f"host_name is {host}, and {len(longest)} public zones are named {longest[0].name}: select one with hosted_zone_id ({_ids(longest)})")
    return longest[0]


def _ids(zones: list[Zone]) -> str:
    return ", ".join(sorted(zone.id for zone in zones))


def _zones(aws: Aws) -> list[Zone]:
    found: list[Zone] = []
    marker: dict[str, Any] = {}
    while True:
        answer = aws.call("route53", "list_hosted_zones", **marker)
        found += map(_zone, answer["HostedZones"])
        if not answer.get("IsTruncated"):
            return found
        marker = {"Marker": answer["NextMarker"]}


def records_at(aws: Aws, zone: Zone, name: str) -> list[Record]:
    """All records of one name. Route 53 lists in the order of names, from any name on."""
    found: list[Record] = []
    start: dict[str, Any] = {"StartRecordName": name}
    while True:
        answer = aws.call("route53", "list_resource_record_sets", HostedZoneId=zone.id, MaxItems="20", **start)
        page = [record for record in answer["ResourceRecordSets"] if absolute(record["Name"]) == absolute(name)]
        found += page
        if len(page) < len(answer["ResourceRecordSets"]) or not answer.get("IsTruncated"):
            return found
        start = {"StartRecordName": answer["NextRecordName"], "StartRecordType": answer["NextRecordType"]}
        if answer.get("NextRecordIdentifier"):
            start["StartRecordIdentifier"] = answer["NextRecordIdentifier"]


def cname(name: str, value: str) -> Record:
    return {"Name": name, "Type": "CNAME", "TTL": VALIDATION_TTL, "ResourceRecords": [{"Value": value}]}


def alias(name: str, kind: str, target: str, target_zone: str) -> Record:
    return {"Name": name, "Type": kind, "AliasTarget": {"HostedZoneId": target_zone, "DNSName": target, "EvaluateTargetHealth": True}}


def target_of(record: Record) -> str:
    """The target of a record, in one word."""
    if record.get("AliasTarget"):
        return absolute(record["AliasTarget"]["DNSName"]).removeprefix("dualstack.").rstrip(".")
    return ", ".join(value["Value"].rstrip(".") for value in record.get("ResourceRecords") or [])


def leads_to(record: Record, hostname: str, balancer: str, region: str) -> bool:
    """Whether an alias points to our load balancer: by its DNS name, or once it is deleted, by the DNS names of ELB for that name."""
    if not record.get("AliasTarget") or record["Type"] not in ("A", "AAAA") or record.get("SetIdentifier"):
        return False
    if hostname:
        return target_of(record) == hostname.lower()
    pattern = rf"(internal-)?{re.escape(balancer.lower())}-[0-9]+\.{re.escape(region)}\.elb\.amazonaws\.com(\.cn)?"
    return bool(balancer) and re.fullmatch(pattern, target_of(record)) is not None


def change(aws: Aws, zone: Zone, changes: list[tuple[str, Record]], timeout: float, delay: float) -> None:
    """Change everything at once, and wait until all of Route 53's servers are in sync."""
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record} for action, record in changes]}
    try:
        made = aws.call("route53", "change_resource_record_sets", HostedZoneId=zone.id, ChangeBatch=batch)["ChangeInfo"]
    except AwsError as error:
        # A batch whose response was lost is refused when it is repeated: its deletions are done.
        if error.code == "InvalidChangeBatch" and all(_is_done(aws, zone, action, record) for action, record in changes):
            return
        raise
    names = ", ".join(dict.fromkeys(record["Name"].rstrip(".") for _action, record in changes))

    def look() -> str:
        return str(aws.call("route53", "get_change", Id=made["Id"])["ChangeInfo"]["Status"])

    wait_for(f"Route 53's change of {names}", look, str, lambda status: status == "INSYNC", timeout, delay)


def _is_done(aws: Aws, zone: Zone, action: str, record: Record) -> bool:
    live = [one for one in records_at(aws, zone, record["Name"]) if one["Type"] == record["Type"] and one.get("SetIdentifier") == record.get("SetIdentifier")]
    return not live if action == "DELETE" else [target_of(one) for one in live] == [target_of(record)]
