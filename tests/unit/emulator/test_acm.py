# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Certificates and DNS records of the emulated AWS. What AWS does is said with the page that says it."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_rig import Emulator, start
from botocore.exceptions import ClientError

ZONE = "example.com"


@pytest.fixture(scope="module")
def aws() -> Iterator[Emulator]:
    """With hours between request and issue, by a clock that only the tests advance."""
    process, url = start(MESHGATE_CERTIFICATE_SECONDS="600", MESHGATE_DNS_SECONDS="60")
    yield Emulator(url)
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def zone(aws: Emulator) -> str:
    return aws.client("route53").create_hosted_zone(Name=ZONE, CallerReference=uuid.uuid4().hex)["HostedZone"]["Id"]


def change(aws: Emulator, zone: str, action: str, name: str, kind: str, *values: str, **more: Any) -> dict[str, Any]:
    record = {"Name": name, "Type": kind, **({"TTL": 300, "ResourceRecords": [{"Value": value} for value in values]} if values else {}), **more}
    changes = [{"Action": action, "ResourceRecordSet": record}]
    return aws.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})["ChangeInfo"]


def request(aws: Emulator, name: str, **more: Any) -> str:
    return aws.client("acm").request_certificate(DomainName=name, ValidationMethod="DNS", **more)["CertificateArn"]


def describe(aws: Emulator, arn: str) -> dict[str, Any]:
    return aws.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]


def later(aws: Emulator, seconds: float) -> None:
    aws.control("POST", "clock", {"advance": seconds})


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    said = error.value.response["Error"]
    return said["Code"], said["Message"]


def test_a_certificate_is_issued_only_once_its_record_is_in_public_dns(aws: Emulator, zone: str) -> None:
    """ACM user guide, "DNS validation": ACM issues the certificate when it finds the CNAME that it generated for domain and account."""
    arn = request(aws, "mesh.example.com", SubjectAlternativeNames=["*.mesh.example.com"])
    pending = describe(aws, arn)
    assert (pending["Status"], pending["Type"], pending["InUseBy"]) == ("PENDING_VALIDATION", "AMAZON_ISSUED", [])
    assert "NotAfter" not in pending
    # RequestCertificate: it may take several seconds until information about the certificate can be retrieved.
    assert all("ResourceRecord" not in option for option in pending["DomainValidationOptions"])
    later(aws, 301)
    options = {option["DomainName"]: option["ResourceRecord"] for option in describe(aws, arn)["DomainValidationOptions"]}
    record = options["mesh.example.com"]
    assert options["*.mesh.example.com"] == record  # "DNS validation": one record for a name and its wildcard
    assert record["Name"].startswith("_") and record["Name"].endswith(".mesh.example.com.")
    later(aws, 700)
    assert describe(aws, arn)["Status"] == "PENDING_VALIDATION"

    change(aws, zone, "CREATE", record["Name"], "CNAME", "_wrong.acm-validations.aws.")
    later(aws, 700)
    assert describe(aws, arn)["Status"] == "PENDING_VALIDATION"
    change(aws, zone, "UPSERT", record["Name"], "CNAME", record["Value"])
    assert describe(aws, arn)["Status"] == "PENDING_VALIDATION"
    later(aws, 601)
    issued = describe(aws, arn)
    assert issued["Status"] == "ISSUED"
    assert {option["ValidationStatus"] for option in issued["DomainValidationOptions"]} == {"SUCCESS"}
    assert issued["NotAfter"] > issued["NotBefore"]
    # The record is of account and domain, so the next certificate of that name needs no other one.
    another = request(aws, "mesh.example.com")
    assert describe(aws, another)["Status"] == "PENDING_VALIDATION"
    later(aws, 601)
    assert describe(aws, another)["Status"] == "ISSUED"


def test_a_private_zone_validates_nothing_and_patience_ends_after_72_hours(aws: Emulator) -> None:
    """ACM user guide, "Troubleshoot DNS validation": public DNS only; "Validation timed out" after 72 hours."""
    private = aws.client("route53").create_hosted_zone(
        Name="inner.test", CallerReference=uuid.uuid4().hex, HostedZoneConfig={"PrivateZone": True}, VPC={"VPCRegion": "us-west-2", "VPCId": "vpc-1"}
    )["HostedZone"]["Id"]
    arn = request(aws, "mesh.inner.test")
    later(aws, 301)
    record = describe(aws, arn)["DomainValidationOptions"][0]["ResourceRecord"]
    change(aws, private, "CREATE", record["Name"], "CNAME", record["Value"])
    later(aws, 3600)
    assert describe(aws, arn)["Status"] == "PENDING_VALIDATION"
    later(aws, 72 * 3600)
    assert describe(aws, arn)["Status"] == "VALIDATION_TIMED_OUT"


def test_a_common_name_has_64_octets_and_a_token_makes_a_request_once(aws: Emulator) -> None:
    """API reference, RequestCertificate: DomainName, and IdempotencyToken ("multiple calls with the same token ... one certificate")."""
    with pytest.raises(ClientError) as error:
        request(aws, f"{'a' * 60}.example.com")
    assert "longer than 64" in refused(error)[1]
    once = request(aws, "once.example.com", IdempotencyToken="once")
    assert request(aws, "once.example.com", IdempotencyToken="once") == once
    aws.client("acm").delete_certificate(CertificateArn=once)
    assert request(aws, "once.example.com", IdempotencyToken="once") != once


def test_a_certificate_that_a_listener_uses_cannot_be_deleted_and_has_a_key_that_serves(aws: Emulator, zone: str, network: Any, tmp_path: Path) -> None:
    """API reference, DeleteCertificate: ResourceInUseException. The emulated load balancer serves with the pair that its state shows."""
    arn = request(aws, "serves.example.com")
    later(aws, 301)
    record = describe(aws, arn)["DomainValidationOptions"][0]["ResourceRecord"]
    change(aws, zone, "UPSERT", record["Name"], "CNAME", record["Value"])
    describe(aws, arn)
    later(aws, 601)
    assert describe(aws, arn)["Status"] == "ISSUED"
    elbv2 = aws.client("elbv2")
    balancer = elbv2.create_load_balancer(Name="serves", Subnets=network.subnets)["LoadBalancers"][0]
    listener = elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": arn}],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )["Listeners"][0]  # fmt: skip
    assert describe(aws, arn)["InUseBy"] == [balancer["LoadBalancerArn"]]
    summaries = aws.client("acm").list_certificates(CertificateStatuses=["ISSUED"])["CertificateSummaryList"]
    assert [(s["DomainName"], s["InUse"]) for s in summaries if s["CertificateArn"] == arn] == [("serves.example.com", True)]
    with pytest.raises(ClientError) as error:
        aws.client("acm").delete_certificate(CertificateArn=arn)
    assert refused(error)[0] == "ResourceInUseException"

    state = next(b for b in aws.control("GET", "alb")["load_balancers"] if b["name"] == "serves")
    (shown,) = state["listeners"][0]["certificates"]
    assert (shown["arn"], shown["is_default"], shown["domains"]) == (arn, True, ["serves.example.com"])
    pair = tmp_path / "pair.pem"
    pair.write_text(shown["private_key"] + shown["certificate"])
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pair)

    elbv2.delete_listener(ListenerArn=listener["ListenerArn"])
    assert describe(aws, arn)["InUseBy"] == []
    aws.client("acm").delete_certificate(CertificateArn=arn)


def test_a_batch_that_route_53_refuses_changes_nothing(aws: Emulator, zone: str) -> None:
    """API reference, ChangeResourceRecordSets, "Change Batches and Transactional Changes" and InvalidChangeBatch; developer guide, "CNAME"."""
    change(aws, zone, "CREATE", "kept.example.com", "A", "192.0.2.1")
    for arguments, said in (
        (("CREATE", "kept.example.com", "A", "192.0.2.2"), "already exists"),
        (("DELETE", "kept.example.com", "A", "192.0.2.9"), "do not match the current values"),
        (("DELETE", "none.example.com", "A", "192.0.2.9"), "was not found"),
        (("CREATE", "kept.example.com", "CNAME", "other.test."), "conflicting RRSet of type A"),
        (("CREATE", "example.com", "CNAME", "other.test."), "not permitted at apex"),
    ):
        with pytest.raises(ClientError) as error:
            change(aws, zone, *arguments)
        assert refused(error)[0] == "InvalidChangeBatch" and said in refused(error)[1]
    records = aws.client("route53").list_resource_record_sets(HostedZoneId=zone, StartRecordName="kept.example.com", MaxItems="1")["ResourceRecordSets"]
    assert [(r["Name"], r["Type"], r["ResourceRecords"]) for r in records] == [("kept.example.com.", "A", [{"Value": "192.0.2.1"}])]


def test_an_alias_names_a_load_balancer_that_there_is(aws: Emulator, zone: str, network: Any) -> None:
    """API reference, AliasTarget: the load balancer's CanonicalHostedZoneId, and its DNS name, for which the console writes `dualstack.`."""
    balancer = aws.client("elbv2").create_load_balancer(Name="aliased", Subnets=network.subnets)["LoadBalancers"][0]
    target = {"HostedZoneId": balancer["CanonicalHostedZoneId"], "DNSName": f"dualstack.{balancer['DNSName']}", "EvaluateTargetHealth": True}
    made = change(aws, zone, "CREATE", "alias.example.com", "A", AliasTarget=target)
    assert made["Status"] == "PENDING"
    later(aws, 61)
    assert aws.client("route53").get_change(Id=made["Id"])["ChangeInfo"]["Status"] == "INSYNC"
    with pytest.raises(ClientError) as error:
        change(aws, zone, "CREATE", "other.example.com", "A", AliasTarget={**target, "DNSName": "gone-1.us-west-2.elb.amazonaws.com"})
    assert "the alias target name was not found" in refused(error)[1]
    (record,) = aws.client("route53").list_resource_record_sets(HostedZoneId=zone, StartRecordName="alias.example.com", MaxItems="1")["ResourceRecordSets"]
    assert record["AliasTarget"]["HostedZoneId"] == balancer["CanonicalHostedZoneId"]
    change(aws, zone, "DELETE", "alias.example.com", "A", AliasTarget=record["AliasTarget"])
