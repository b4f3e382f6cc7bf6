# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A host name for a load balancer: its certificate, the record that validates it, and the alias. One look, then what differs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import acm_certificate as acm
from ansible_collections.meshgate.eks_istio.plugins.module_utils import route53_records as dns
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG, Aws, AwsError, Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.certain import certain
from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import report

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"(\*\.)?({LABEL}\.)+[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?", re.IGNORECASE)
LONGEST_COMMON_NAME = 64  # ACM's RequestCertificate, after RFC 5280


def problem(host: str, certificate: bool) -> str:
    """Why AWS would refuse the name; empty if it would not."""
    if not HOST.fullmatch(host) or len(host) > 253:
        return f"host_name is {host!r}; accepted: a host name of letters, digits and hyphens, such as mesh.example.com or *.example.com"
    if certificate and len(host) > LONGEST_COMMON_NAME:
        return (
            f"host_name is {host!r} with {len(host)} characters; accepted: up to {LONGEST_COMMON_NAME}, the longest name that ACM takes first in a certificate"
        )
    return ""


@dataclass
class Wanted:
    host: str
    cluster: str
    region: str
    zone_id: str = ""
    load_balancer: str = ""
    certificate: bool = True
    overwrite: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    timeout: float = 900
    delay: float = 5


@dataclass
class Step:
    what: str
    before: Any
    after: Any
    call: Callable[[], None]


class HostName:
    """Looks when it is made. `steps` says what differs, in the order in which it must be done."""

    def __init__(self, aws: Aws, wanted: Wanted, absent: bool = False) -> None:
        self.aws, self.wanted = aws, wanted
        aws.prepare("acm", "route53", "elbv2")
        self.zone, self.certificates, self.balancer = aws.together(self._zone_or_none if absent else self._zone, self._certificates, self._balancer)
        if self.zone and self.zone.private and wanted.certificate and not absent:
            raise Refused(f"hosted_zone_id is {self.zone.id}, which is private: ACM validates in public DNS only")
        self.records = dns.records_at(aws, self.zone, wanted.host) if self.zone else []
        self.certificate = acm.best(self.certificates)

    def _zone(self) -> dns.Zone | None:
        return dns.find_zone(self.aws, self.wanted.host, self.wanted.zone_id)

    def _zone_or_none(self) -> dns.Zone | None:
        try:
            return self._zone()
        except Refused:
            return None

    def _certificates(self) -> list[acm.Certificate]:
        return acm.of_cluster(self.aws, self.wanted.cluster, self.wanted.host)

    def _balancer(self) -> dict[str, Any] | None:
        if not self.wanted.load_balancer:
            return None
        found = self.aws.find("elbv2", "describe_load_balancers", "LoadBalancers", Names=[self.wanted.load_balancer])
        return found[0] if found else None

    @property
    def hostname(self) -> str:
        return str((self.balancer or {}).get("DNSName", "")).lower()

    def _is_ours(self, record: dns.Record) -> bool:
        return dns.leads_to(record, self.hostname, self.wanted.load_balancer, self.wanted.region)

    # -- present ----------------------------------------------------------------------------------------------------

    def steps(self) -> list[Step]:
        alias = self._alias_steps()  # refuses, before a certificate is requested
        return [*(self._certificate_steps() if self.wanted.certificate else []), *alias]

    def _all_tags(self) -> dict[str, str]:
        return {**self.wanted.tags, OWNER_TAG: self.wanted.cluster}

    def _certificate_steps(self) -> list[Step]:
        host, known = self.wanted.host, self.certificate
        name = f"certificate {host}"
        steps = [self._removal(one) for one in self.certificates if one is not known and not one.users]
        if known is None:
            return [
                *steps,
                Step(name, None, {"tags": self._all_tags(), "validation": "DNS"}, self._request),
                Step(f"{name}, validation record", None, "CNAME as ACM says", self._validate),
                Step(f"{name}, issued", None, "ISSUED", self._await_issued),
            ]
        missing = {key: value for key, value in self._all_tags().items() if known.tags.get(key) != value}
        if missing:
            steps.append(Step(f"{name}, tags", {key: known.tags.get(key) for key in missing}, missing, lambda: self._tag(missing)))
        # Also once it is issued: ACM renews it only while the record is there.
        live = self._validation_record()
        right = known.record is not None and live is not None and dns.target_of(live) == known.record["Value"].rstrip(".")
        if not right:
            before = dns.target_of(live) if live else None
            after = known.record["Value"].rstrip(".") if known.record else "CNAME as ACM says"
            steps.append(Step(f"{name}, validation record", before, after, self._validate))
        if known.status != "ISSUED":
            steps.append(Step(f"{name}, issued", known.status, "ISSUED", self._await_issued))
        return steps

    def _removal(self, one: acm.Certificate) -> Step:
        """What failed, and what a lost answer has doubled."""

        def call() -> None:
            acm.delete(self.aws, one, self.wanted.timeout, self.wanted.delay)

        return Step(f"certificate {one.domain}, {one.status} {one.arn.rpartition('/')[2]}", one.status, None, call)

    def _tag(self, tags: dict[str, str]) -> None:
        known = certain(self.certificate)
        self.aws.call("acm", "add_tags_to_certificate", CertificateArn=known.arn, Tags=[{"Key": k, "Value": v} for k, v in sorted(tags.items())])
        known.tags.update(tags)

    def _request(self) -> None:
        host = self.wanted.host
        arn = acm.request(self.aws, host, self._all_tags())
        report(f"certificate {host}: requested ({arn})")
        self.certificate = acm.Certificate(arn, host, self._all_tags())

    def _validation_record(self) -> dns.Record | None:
        known = self.certificate
        if not (known and known.record and self.zone):
            return None
        name = known.record["Name"]
        live = next((record for record in dns.records_at(self.aws, self.zone, name) if record["Type"] == "CNAME"), None)
        if live and dns.target_of(live) != known.record["Value"].rstrip(".") and not self.wanted.overwrite:
            raise Refused(f"the record {name} leads to {dns.target_of(live)} and not to {known.record['Value']}; it is replaced with overwrite only")
        return live

    def _validate(self) -> None:
        known, zone, wanted = certain(self.certificate), certain(self.zone), self.wanted
        if not known.record:
            what = f"certificate {wanted.host}, ACM's validation record"
            known.detail = acm.await_detail(
                self.aws, known.arn, what, lambda detail: acm.Certificate("", "", detail=detail).record, wanted.timeout, wanted.delay
            )
        live = self._validation_record()
        record = certain(known.record)
        if live and dns.target_of(live) == record["Value"].rstrip("."):
            return  # another certificate's of this name, and theirs
        # The tag first: a run that ends here would else leave a record that nobody knows to be ours.
        self._tag({acm.ZONE_TAG: zone.id})
        dns.change(self.aws, zone, [("UPSERT", dns.cname(record["Name"], record["Value"]))], wanted.timeout, wanted.delay)

    def _await_issued(self) -> None:
        known, wanted = certain(self.certificate), self.wanted
        what = f"certificate {wanted.host}"
        try:
            known.detail = acm.await_detail(self.aws, known.arn, what, lambda detail: detail.get("Status") == "ISSUED", wanted.timeout, wanted.delay)
        except AwsError as error:
            if error.code != "Timeout":
                raise
            zone = self.zone.name.rstrip(".") if self.zone else ""
            raise AwsError(f"{error}. ACM looks in public DNS: the registrar of {zone} must name the hosted zone's name servers", error.code) from error

    def _alias_steps(self) -> list[Step]:
        """A and, for a load balancer of both families, AAAA; and nothing else under that name."""
        wanted, balancer, zone = self.wanted, self.balancer, certain(self.zone)
        if not wanted.load_balancer:
            return []  # the certificate only
        others = [record for record in self.records if record["Type"] in ("A", "AAAA", "CNAME") and not self._is_ours(record)]
        # What leads to its predecessor of the same name is ours, too. Before it is there, every name is its predecessor's (_is_ours).
        if balancer:
            others = [r for r in others if not dns.leads_to(r, "", wanted.load_balancer, wanted.region)]
        if others and not wanted.overwrite:
            shown = ", ".join(f"{record['Type']} {dns.target_of(record)}" for record in others)
            raise Refused(f"the zone {zone.name} has {wanted.host} already: {shown}; it is replaced with overwrite only")
        if not balancer:
            return []
        kinds = ["A", "AAAA"] if str(balancer.get("IpAddressType", "")).startswith("dualstack") else ["A"]
        right = {record["Type"]: record for record in self.records if self._is_ours(record) and record["Type"] in kinds}
        wrong = [record for record in self.records if record["Type"] in ("A", "AAAA", "CNAME") and right.get(record["Type"]) is not record]
        steps: list[tuple[str, str | None, str | None]] = []
        changes: list[tuple[str, dns.Record]] = []
        for record in wrong:
            if record["Type"] not in kinds or record.get("SetIdentifier"):
                changes.append(("DELETE", record))
                steps.append((f"record {record['Type']} {wanted.host}", dns.target_of(record), None))
        for kind in kinds:
            if kind not in right:
                before = next((dns.target_of(record) for record in wrong if record["Type"] == kind), None)
                changes.append(("UPSERT", dns.alias(wanted.host, kind, balancer["DNSName"], balancer["CanonicalHostedZoneId"])))
                steps.append((f"record {kind} {wanted.host}", before, self.hostname))
        done: list[bool] = []

        def once() -> None:
            """All records change in one batch, so that no name is ever without one."""
            if not done:
                done.append(True)
                dns.change(self.aws, zone, changes, wanted.timeout, wanted.delay)

        return [Step(what, before, after, once) for what, before, after in steps]

    # -- absent -----------------------------------------------------------------------------------------------------

    def removal(self) -> list[Step]:
        """The records that lead to our load balancer, our validation record, our certificates. The rest stays."""
        steps = []
        ours = [record for record in self.records if self._is_ours(record) or dns.leads_to(record, "", self.wanted.load_balancer, self.wanted.region)]
        for record in ours:
            steps.append(Step(f"record {record['Type']} {self.wanted.host}", dns.target_of(record), None, self._dropping(record)))
        validation = {step.before: step for one in self.certificates for step in self._record_removal(one)}  # two of ours share one record
        return [*steps, *validation.values(), *map(self._removal, self.certificates)]

    def _dropping(self, record: dns.Record) -> Callable[[], None]:
        zone = certain(self.zone)
        return lambda: dns.change(self.aws, zone, [("DELETE", record)], self.wanted.timeout, self.wanted.delay)

    def _record_removal(self, one: acm.Certificate) -> list[Step]:
        """Only if we made it, and no certificate of somebody else's for the same name is renewed by it."""
        zone_id, record = one.tags.get(acm.ZONE_TAG, ""), one.record
        if not zone_id or not record:
            return []
        base = one.domain.removeprefix("*.").lower()
        mine = {other.arn for other in self.certificates}
        for other in acm.summaries(self.aws):
            names = {str(name).removeprefix("*.").lower() for name in [other["DomainName"], *(other.get("SubjectAlternativeNameSummaries") or [])]}
            if base in names and other["CertificateArn"] not in mine:
                return []
        try:
            zone = dns.find_zone(self.aws, base, zone_id)
        except Refused:
            return []
        live = [r for r in dns.records_at(self.aws, zone, record["Name"]) if r["Type"] == "CNAME" and dns.target_of(r) == record["Value"].rstrip(".")]

        def call() -> None:
            acm.await_unused(self.aws, one, self.wanted.timeout, self.wanted.delay)  # what stays in use must also stay renewable
            dns.change(self.aws, zone, [("DELETE", record) for record in live], self.wanted.timeout, self.wanted.delay)

        return [Step(f"certificate {one.domain}, validation record", dns.target_of(live[0]), None, call)] if live else []

    def result(self) -> dict[str, Any]:
        known = self.certificate
        return {
            "certificate_arn": known.arn if known else "",
            "certificate_status": known.status if known else "",
            "hosted_zone_id": self.zone.id if self.zone else "",
            "load_balancer_hostname": self.hostname,
        }
