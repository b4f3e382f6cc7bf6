# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Route 53 and ACM of the emulator: ids, pages, and what they do not know."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def make_zone(aws: Any, name: str) -> str:
    return aws.client("route53").create_hosted_zone(Name=f"{name}.example", CallerReference=uuid.uuid4().hex)["HostedZone"]["Id"]


def test_every_zone_id_begins_with_z(aws, name) -> None:
    # Every example of the API reference and of aws-cli (route53 create-hosted-zone: /hostedzone/Z1D633PJN98FT9); our preflight knows a zone by it.
    made = [make_zone(aws, f"{name}{i}") for i in range(40)]
    assert [zone for zone in made if not re.fullmatch(r"/hostedzone/Z[0-9A-Z]{13,20}", zone)] == []


def test_what_route53_does_not_know(aws) -> None:
    # API reference, GetHostedZone: NoSuchHostedZone, 404; GetChange: NoSuchChange.
    route53 = aws.client("route53")
    unknown = ("NoSuchHostedZone", "No hosted zone found with ID: Z0000000000000")
    assert refused(route53.get_hosted_zone, Id="Z0000000000000") == unknown
    assert refused(route53.list_resource_record_sets, HostedZoneId="Z0000000000000") == unknown
    assert refused(route53.list_tags_for_resource, ResourceType="hostedzone", ResourceId="Z0000000000000") == unknown
    assert refused(route53.get_change, Id="C0000000000000")[0] == "NoSuchChange"


def test_records_and_zones_come_in_pages(aws, name) -> None:
    # API reference, ListResourceRecordSets: MaxItems, IsTruncated, NextRecordName and NextRecordType; ListHostedZones: Marker.
    route53, zone = aws.client("route53"), make_zone(aws, name)
    records = [{"Name": f"a{i}.{name}.example", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]} for i in range(5)]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": one} for one in records]})
    first = route53.list_resource_record_sets(HostedZoneId=zone, MaxItems="2")
    assert (len(first["ResourceRecordSets"]), first["IsTruncated"], "NextRecordName" in first) == (2, True, True)
    pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone, PaginationConfig={"PageSize": 2})
    seen = [(one["Name"], one["Type"]) for page in pages for one in page["ResourceRecordSets"]]
    assert len(seen) == len(set(seen)) == 7
    make_zone(aws, f"{name}2")
    every = route53.list_hosted_zones()["HostedZones"]
    first = route53.list_hosted_zones(MaxItems="1")
    assert (len(first["HostedZones"]), first["IsTruncated"]) == (1, True)
    pages = route53.get_paginator("list_hosted_zones").paginate(PaginationConfig={"PageSize": 1})
    assert [one["Id"] for page in pages for one in page["HostedZones"]] == [one["Id"] for one in every]


def test_certificates_come_in_pages(aws, name) -> None:
    # API reference, ListCertificates: MaxItems, NextToken. DescribeCertificate: ResourceNotFoundException.
    acm = aws.client("acm")
    made = {acm.request_certificate(DomainName=f"{i}.{name}.example")["CertificateArn"] for i in range(3)}
    first = acm.list_certificates(MaxItems=2)
    assert (len(first["CertificateSummaryList"]), "NextToken" in first) == (2, True)
    pages = acm.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": 2})
    assert made <= {one["CertificateArn"] for page in pages for one in page["CertificateSummaryList"]}
    unknown = f"{made.pop().rsplit('/', 1)[0]}/{uuid.uuid4()}"
    assert refused(acm.describe_certificate, CertificateArn=unknown)[0] == "ResourceNotFoundException"
