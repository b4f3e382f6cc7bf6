# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Certificates of ACM that are ours by their tag."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from ..common.ownership import Owner
from . import patience as aws_patience
from .client import Aws, AwsError, is_missing, tag_list, tags_of, wait_for

# The zone in which we made the certificate's validation record. Records have no tags of their own.
ZONE_TAG = "meshgate.io/hosted-zone"
USABLE = ("ISSUED", "PENDING_VALIDATION")
# API reference, Filters: "Default filtering returns only RSA_1024 and RSA_2048 certificates". Those of others may have any key type.
KEY_TYPES = ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]


@dataclass
class Certificate:
    arn: str
    domain: str
    tags: dict[str, str] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def status(self) -> str:
        return str(self.detail.get("Status", ""))

    @property
    def users(self) -> list[str]:
        return list(self.detail.get("InUseBy") or [])

    @property
    def record(self) -> dict[str, str] | None:
        """The CNAME that proves that the domain is ours; ACM may take some seconds to return it."""
        return next((option["ResourceRecord"] for option in self.detail.get("DomainValidationOptions") or [] if option.get("ResourceRecord")), None)


def summaries(aws: Aws) -> list[dict[str, Any]]:
    return aws.pages("acm", "list_certificates", "CertificateSummaryList", Includes={"keyTypes": KEY_TYPES})


def of_owner(aws: Aws, owner: Owner, domain: str = "") -> list[Certificate]:
    """Ours, of one domain or of all."""
    found = []
    for summary in summaries(aws):
        if summary.get("Type", "AMAZON_ISSUED") != "AMAZON_ISSUED" or (domain and summary["DomainName"].lower() != domain.lower()):
            continue
        try:
            tags = tags_of(aws.call("acm", "list_tags_for_certificate", CertificateArn=summary["CertificateArn"])["Tags"])
            if owner.owns(tags):
                found.append(Certificate(summary["CertificateArn"], summary["DomainName"], tags, describe(aws, summary["CertificateArn"])))
        except AwsError as error:
            if not is_missing(error.code):  # deleted meanwhile
                raise
    return found


def describe(aws: Aws, arn: str) -> dict[str, Any]:
    certificate: dict[str, Any] = aws.call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
    return certificate


def best(certificates: list[Certificate]) -> Certificate | None:
    """The one to use: in use before issued before pending, the older before the newer."""
    usable = [certificate for certificate in certificates if certificate.status in USABLE]
    ranked = sorted(usable, key=lambda one: (not one.users, USABLE.index(one.status), str(one.detail.get("CreatedAt", "")), one.arn))
    return ranked[0] if ranked else None


def request(aws: Aws, domain: str, tags: dict[str, str]) -> str:
    """The token belongs to this one call, so that a retry after a lost response creates no second certificate."""
    token = uuid.uuid4().hex
    made = aws.call("acm", "request_certificate", DomainName=domain, ValidationMethod="DNS", IdempotencyToken=token, Tags=tag_list(tags))
    return str(made["CertificateArn"])


def await_detail(aws: Aws, arn: str, what: str, ready: Any, timeout: float, delay: float) -> dict[str, Any]:
    """Poll until it is issued; a failed certificate is reported at once."""

    def look() -> dict[str, Any]:
        try:
            detail = describe(aws, arn)
        except AwsError as error:
            if is_missing(error.code):  # just requested
                return {}
            raise
        if detail["Status"] not in USABLE:
            reason = f": {detail['FailureReason']}" if detail.get("FailureReason") else ""
            raise AwsError(
                f"the certificate {arn} of {detail['DomainName']} is {detail['Status']}{reason}; the next run requests a new one", "CertificateFailed"
            )
        return detail

    return wait_for(what, look, lambda detail: detail.get("Status", "not known yet"), ready, timeout, delay)


def await_unused(aws: Aws, one: Certificate, timeout: float, delay: float) -> None:
    """ACM notices with some delay that a listener is deleted."""

    def look() -> str:
        try:
            return ", ".join(describe(aws, one.arn).get("InUseBy") or [])
        except AwsError as error:
            if is_missing(error.code):
                return ""
            raise

    state = "in use by {}".format
    wait_for(
        f"deletion of the certificate of {one.domain}", look, lambda users: state(users) if users else "not in use", lambda users: not users, timeout, delay
    )


def delete(aws: Aws, one: Certificate, timeout: float, delay: float) -> None:
    """ACM may report it as in use for a while after InUseBy is empty."""
    await_unused(aws, one, timeout, delay)
    aws_patience.delete(aws, "certificate", "acm", "delete_certificate", timeout, delay, CertificateArn=one.arn)
