# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A host name for a load balancer: its certificate, the record that validates it, and the alias. Everything is read once, then compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ..aws import acm
from ..aws import route53 as dns
from ..aws.client import Aws, AwsError
from ..aws.module import Task
from ..common.failure import Refused
from ..common.ownership import OWNER_TAG, Owner
from ..common.progress import report
from ..common.require import require
from ..eks.role_references import enabled_regions

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"(\*\.)?({LABEL}\.)+[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?", re.IGNORECASE)
LONGEST_COMMON_NAME = 64  # ACM's RequestCertificate, after RFC 5280


def problem(host: str, certificate: bool) -> str:
    """Why AWS would refuse the name; empty if it would not."""
    if not HOST.fullmatch(host) or len(host) > 253:
        return f"host_name is {host!r}; accepted: a host name of letters, digits and hyphens, such as mesh.example.com or *.example.com"
    if certificate and len(host) > LONGEST_COMMON_NAME:
        return f"host_name is {host!r} with {len(host)} characters; accepted: up to {LONGEST_COMMON_NAME}, the longest common name that ACM accepts"
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
    require_zone: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    timeout: float = 900
    delay: float = 5

    @property
    def owner(self) -> Owner:
        return Owner(self.cluster, self.region)


def _bases(certificate: dict[str, Any]) -> set[str]:
    """The names by which ACM validates it; a wildcard's is its base's."""
    return {str(name).removeprefix("*.").lower() for name in [certificate["DomainName"], *(certificate.get("SubjectAlternativeNameSummaries") or [])]}


@dataclass
class Step:
    what: str
    before: Any
    after: Any
    call: Callable[[], Any]


class HostName:
    """Reads AWS when it is created. `steps` lists what differs, in the order in which it must be done."""

    def __init__(self, aws: Aws, wanted: Wanted, absent: bool = False) -> None:
        self.aws, self.wanted = aws, wanted
        aws.prepare("acm", "route53", "elbv2")
        find = partial(self._zone_unless, Refused) if absent else self._zone if wanted.require_zone else partial(self._zone_unless, dns.NoZone)
        self.zone, self.certificates, self.balancer = aws.run_parallel(find, self._certificates, self._balancer)
        if self.zone and self.zone.private and wanted.certificate and not absent:
            raise Refused(f"hosted_zone_id is {self.zone.id}, which is private: ACM validates in public DNS only")
        self.records = dns.records_at(aws, self.zone, wanted.host) if self.zone else []
        self.certificate = acm.best(self.certificates)

    def _zone(self) -> dns.Zone | None:
        return dns.find_zone(self.aws, self.wanted.host, self.wanted.zone_id)

    def _zone_unless(self, excused: type[Refused]) -> dns.Zone | None:
        try:
            return self._zone()
        except excused:
            return None

    def _certificates(self) -> list[acm.Certificate]:
        return acm.of_owner(self.aws, self.wanted.owner, self.wanted.host)

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
            request = Step(name, None, {"tags": self._all_tags(), "validation": "DNS"}, self._request)
            if self.zone is None:
                return [*steps, request]
            return [
                *steps,
                request,
                Step(f"{name}, validation record", None, "CNAME as ACM says", self._validate),
                Step(f"{name}, issued", None, "ISSUED", self._await_issued),
            ]
        missing = {key: value for key, value in self._all_tags().items() if known.tags.get(key) != value}
        if missing:
            steps.append(Step(f"{name}, tags", {key: known.tags.get(key) for key in missing}, missing, lambda: self._tag(missing)))
        if self.zone is None:
            return steps
        # Also once it is issued: ACM renews it only while the record exists.
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
        """Failed certificates, and duplicates after a lost response."""

        def call() -> None:
            acm.delete(self.aws, one, self.wanted.timeout, self.wanted.delay)

        return Step(f"certificate {one.domain}, {one.status} {one.arn.rpartition('/')[2]}", one.status, None, call)

    def _tag(self, tags: dict[str, str]) -> None:
        known = require(self.certificate)
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
            raise Refused(f"the record {name} points to {dns.target_of(live)} and not to {known.record['Value']}; set overwrite to replace it")
        return live

    def _learn_record(self) -> dict[str, str]:
        known, wanted = require(self.certificate), self.wanted
        if not known.record:
            what = f"certificate {wanted.host}, ACM's validation record"
            known.detail = acm.await_detail(
                self.aws, known.arn, what, lambda detail: acm.Certificate("", "", detail=detail).record, wanted.timeout, wanted.delay
            )
        return require(known.record)

    def _validate(self) -> None:
        zone, wanted = require(self.zone), self.wanted
        record, live = self._learn_record(), self._validation_record()
        if live and dns.target_of(live) == record["Value"].rstrip("."):
            return  # of another certificate of this name, not ours
        # The tag first: otherwise a run that ends here leaves a record that cannot be recognised as ours.
        self._tag({acm.ZONE_TAG: zone.id})
        dns.change(self.aws, zone, [("UPSERT", dns.cname(record["Name"], record["Value"]))], wanted.timeout, wanted.delay)

    def _await_issued(self) -> None:
        known, wanted = require(self.certificate), self.wanted
        what = f"certificate {wanted.host}"
        try:
            known.detail = acm.await_detail(self.aws, known.arn, what, lambda detail: detail.get("Status") == "ISSUED", wanted.timeout, wanted.delay)
        except AwsError as error:
            if error.code != "Timeout":
                raise
            zone = self.zone.name.rstrip(".") if self.zone else ""
            raise AwsError(f"{error}. ACM queries public DNS: the registrar of {zone} must name the hosted zone's name servers", error.code) from error

    def _alias_steps(self) -> list[Step]:
        """A and, for a load balancer of both families, AAAA; and no other record of that name."""
        wanted, balancer, zone = self.wanted, self.balancer, self.zone
        if not wanted.load_balancer or zone is None:
            return []  # the certificate only
        others = [record for record in self.records if record["Type"] in ("A", "AAAA", "CNAME") and not self._is_ours(record)]
        # A record that points to its predecessor of the same name is ours, too. Before it exists, every name counts as its predecessor's (_is_ours).
        if balancer:
            others = [r for r in others if not dns.leads_to(r, "", wanted.load_balancer, wanted.region)]
        if others and not wanted.overwrite:
            shown = ", ".join(f"{record['Type']} {dns.target_of(record)}" for record in others)
            raise Refused(f"the zone {zone.name} has {wanted.host} already: {shown}; set overwrite to replace it")
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
            """All records change in one batch, so that the name always resolves."""
            if not done:
                done.append(True)
                dns.change(self.aws, zone, changes, wanted.timeout, wanted.delay)

        return [Step(what, before, after, once) for what, before, after in steps]

    def records_by_hand(self) -> list[str]:
        """For whoever has the zone, as zone files have them, until the certificate is issued."""
        known = self.certificate
        if self.zone is not None or known is None or known.status == "ISSUED":
            return []
        validation = self._learn_record()
        records = [(validation["Name"], validation["Value"]), *([(self.wanted.host, self.hostname)] if self.hostname else [])]
        return [f"{name.rstrip('.')}. CNAME {value.rstrip('.')}." for name, value in records]

    # -- absent -----------------------------------------------------------------------------------------------------

    def removal(self) -> list[Step]:
        """The records that point to our load balancer, our validation record, our certificates. Everything else stays."""
        steps = []
        ours = [record for record in self.records if self._is_ours(record) or dns.leads_to(record, "", self.wanted.load_balancer, self.wanted.region)]
        for record in ours:
            steps.append(Step(f"record {record['Type']} {self.wanted.host}", dns.target_of(record), None, self._dropping(record)))
        validation = {(step.what, step.before): step for one in self.certificates for step in self._record_removal(one)}  # two of ours share one record
        return [*steps, *validation.values(), *map(self._removal, self.certificates)]

    def _dropping(self, record: dns.Record) -> Callable[[], None]:
        zone = require(self.zone)
        return lambda: dns.change(self.aws, zone, [("DELETE", record)], self.wanted.timeout, self.wanted.delay)

    def _record_removal(self, one: acm.Certificate) -> list[Step]:
        """Only if we created it, and no other certificate for the same name needs it for renewal, in any region."""
        zone_id, record = one.tags.get(acm.ZONE_TAG, ""), one.record
        if not zone_id or not record:
            return []
        base = one.domain.removeprefix("*.").lower()
        if users := self._other_users(base):
            return self._heirs(users, zone_id)
        if self._used_elsewhere(base):
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

    def _other_users(self, base: str) -> list[dict[str, Any]]:
        """Remaining certificates that need the same record for renewal: those of the name, of its wildcard, or with either among their names."""
        going = {one.arn for one in self.certificates}
        return [other for other in acm.summaries(self.aws) if other["CertificateArn"] not in going and base in _bases(other)]

    def _heirs(self, users: list[dict[str, Any]], zone_id: str) -> list[Step]:
        """The record stays for them. It is deleted with the last of ours among them: so far, only this certificate's tag marked it as ours."""
        steps = []
        for user in users:
            arn = user["CertificateArn"]
            tags = self.aws.find("acm", "list_tags_for_certificate", "Tags", CertificateArn=arn)
            its = {tag["Key"]: tag.get("Value", "") for tag in tags or []}
            if self.wanted.owner.owns(its) and acm.ZONE_TAG not in its:
                call = partial(self.aws.call, "acm", "add_tags_to_certificate", CertificateArn=arn, Tags=[{"Key": acm.ZONE_TAG, "Value": zone_id}])
                steps.append(Step(f"certificate {user['DomainName']}, validation record", None, f"is removed with it, from zone {zone_id}", call))
        return steps

    def _used_elsewhere(self, base: str) -> bool:
        """The record is the same for account and domain in all regions ("DNS validation", ACM user guide). A record costs nothing, so in doubt it stays."""
        try:
            regions = enabled_regions(self.aws)
            for region in regions:
                self.aws.in_region(region).prepare("acm")
            found = self.aws.run_parallel(*[partial(acm.summaries, self.aws.in_region(region)) for region in regions])
        except AwsError:
            return True
        going = {one.arn for one in self.certificates}
        return any(other["CertificateArn"] not in going and base in _bases(other) for summaries in found for other in summaries)

    def result(self) -> dict[str, Any]:
        by_hand, known = self.records_by_hand(), self.certificate
        return {
            "certificate_arn": known.arn if known else "",
            "certificate_status": known.status if known else "",
            "hosted_zone_id": self.zone.id if self.zone else "",
            "load_balancer_hostname": self.hostname,
            "records_by_hand": by_hand,
        }


def covers(name: str, host: str) -> bool:
    """Whether a certificate of the first name is one for the second, too: a wildcard stands for one label (RFC 9525, section 6.3).

    >>> covers("*.example.com", "shop.example.com"), covers("*.example.com", "a.shop.example.com"), covers("*.example.com", "example.com")
    (True, False, False)
    """
    return name == host or (name.startswith("*.") and host.partition(".")[2] == name[2:])


def uncovered(hosts: Iterable[str], name: str) -> list[str]:
    """The hosts that a certificate of the name is not for, nor that of a wildcard among them."""
    wanted = {host.lower() for host in hosts} - {name.lower()}
    return sorted(host for host in wanted if not any(covers(other, host) for other in {name.lower(), *wanted} - {host}))


# What the module alb_domain does


def named(options: Mapping[str, Any], region: str) -> Wanted:
    """The host name from the options of module alb_domain, or from those that alb_preflight_info shares with it."""
    return Wanted(
        host=options["host_name"].lower(),
        cluster=options["cluster_name"],
        region=region,
        zone_id=options["hosted_zone_id"],
        load_balancer=options["load_balancer_name"],
        certificate=options["certificate"],
        overwrite=options["overwrite"],
        require_zone=options["require_zone"],
    )


def wanted_of(module: Task) -> Wanted:
    params = module.params
    return replace(
        named(params, module.region),
        tags={str(key): str(value) for key, value in params["certificate_tags"].items()},
        timeout=params["wait_timeout"],
        delay=params["wait_delay"],
    )


def manage(module: Task, aws: Aws) -> dict[str, Any]:
    wanted, absent = wanted_of(module), module.params["state"] == "absent"
    if (absent or module.check_mode) and aws.emulator_is_down("acm"):
        nothing = {"certificate_arn": "", "certificate_status": "", "hosted_zone_id": "", "load_balancer_hostname": "", "records_by_hand": []}
        said = "an emulated AWS that is not running contains nothing"
        return {"changed": not absent, "actions": [] if absent else [f"certificate {wanted.host}"], "msg": said, **nothing}
    name = HostName(aws, wanted, absent)
    steps = name.removal() if absent else name.steps()
    for step in steps if not module.check_mode else []:
        step.call()
    shown = {"before": {step.what: step.before for step in steps}, "after": {step.what: step.after for step in steps}}
    if absent:
        name.certificate = None
    return {"changed": bool(steps), "actions": [step.what for step in steps], "diff": shown, **name.result()}
