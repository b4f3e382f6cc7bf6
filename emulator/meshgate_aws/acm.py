# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""ACM: a certificate is issued once its validation record is in DNS, and stays while a listener uses it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from moto.acm import models as moto_models
from moto.acm import urls
from moto.acm.models import AWSCertificateManagerBackend, CertBundle, acm_backends
from moto.acm.responses import AWSCertificateManagerResponse
from moto.core.responses import ActionResult
from moto.elbv2.models import elbv2_backends
from moto.route53.models import route53_backends

from . import pages
from .common import backends_of, error, now, seconds, use_backend, use_response
from .route53 import absolute

# User guide, "DNS validation": "Validation timed out" when ACM finds no record for 72 hours.
PATIENCE = 72 * 3600
# RequestCertificate, DomainName: "the length of the domain name (technically, the Common Name) cannot exceed 64 octets".
LONGEST_COMMON_NAME = 64


def _wait() -> float:
    return seconds("MESHGATE_CERTIFICATE_SECONDS", 0.5)


class Bundle(CertBundle):
    def __init__(self, account_id: str, certificate: bytes, private_key: bytes, *rest: Any, **given: Any) -> None:
        super().__init__(account_id, certificate, private_key, *rest, **given)
        self.account_id, self.region = account_id, given.get("region", "us-east-1")
        self.method = "EMAIL"  # RequestCertificate's default
        self.key_algorithm = ""  # of the request; moto's own keys are RSA
        self.requested_at = now()
        self.found_at: float | None = None

    def record(self, domain: str) -> dict[str, str]:
        """User guide, "DNS validation": the record depends on account and domain, so every certificate shares it; a wildcard's is that of its base domain."""
        base = domain.removeprefix("*.")
        token, value = (hashlib.md5(f"{part} {self.account_id} {base}".encode(), usedforsecurity=False).hexdigest() for part in ("name", "value"))
        return {"Name": f"_{token}.{base}.", "Type": "CNAME", "Value": f"_{value}.meshgateaa.acm-validations.aws."}

    def published(self, domain: str) -> bool:
        record = self.record(domain)
        for _account, _partition, backend in backends_of(route53_backends):
            for zone in backend.zones.values():
                if not zone.private_zone and f".{absolute(record['Name'])}".endswith(f".{absolute(zone.name)}"):
                    for kept in zone.rrsets:
                        if (absolute(kept.name), kept.type) == (absolute(record["Name"]), "CNAME"):
                            return [absolute(value) for value in kept.records] == [absolute(record["Value"])]
        return False

    def check(self) -> None:
        if self.status != "PENDING_VALIDATION":
            return
        if now() - self.requested_at > PATIENCE:
            self.status = "VALIDATION_TIMED_OUT"
        elif self.method != "DNS" or not all(self.published(domain) for domain in self.domains):
            self.found_at = None
        else:
            self.found_at = self.found_at or now()
            if now() - self.found_at >= _wait():
                self.status = "ISSUED"

    @property
    def domains(self) -> list[str]:
        return list(dict.fromkeys([self.common_name, *self.sans]))

    def users(self) -> list[str]:
        """InUseBy: the load balancers that currently have a listener with it."""
        return [
            balancer.arn
            for balancer in elbv2_backends[self.account_id][self.region].load_balancers.values()
            if any(self.arn in listener.certificates for listener in balancer.listeners.values())
        ]

    def describe(self) -> dict[str, Any]:
        self.check()
        found = super().describe()["Certificate"]
        found.update(InUseBy=self.users(), SubjectAlternativeNames=self.domains, SubjectAlternativeNameSummaries=self.domains)
        found["KeyAlgorithm"] = self.key_algorithm or found["KeyAlgorithm"]
        if self.type == "AMAZON_ISSUED":
            if self.status != "ISSUED":
                for absent in ("NotBefore", "NotAfter", "Serial", "IssuedAt", "Issuer"):
                    del found[absent]
            found["DomainValidationOptions"] = [self._validation(domain) for domain in self.domains]
        return {"Certificate": found}

    def _validation(self, domain: str) -> dict[str, Any]:
        states = {"ISSUED": "SUCCESS", "PENDING_VALIDATION": "PENDING_VALIDATION"}
        shown: dict[str, Any] = {
            "DomainName": domain,
            "ValidationDomain": domain,
            "ValidationMethod": self.method,
            "ValidationStatus": states.get(self.status, "FAILED"),
        }
        # RequestCertificate: there is a delay of several seconds before information about the certificate can be retrieved.
        if self.method == "DNS" and now() - self.requested_at >= _wait() / 2:
            shown["ResourceRecord"] = self.record(domain)
        return shown


class Backend(AWSCertificateManagerBackend):
    def request_certificate(self, domain_name: str, idempotency_token: str, *rest: Any, **given: Any) -> str:
        if len(domain_name) > LONGEST_COMMON_NAME:
            raise error("InvalidDomainValidationOptionsException", f"The domain name {domain_name} is longer than {LONGEST_COMMON_NAME} octets")
        if (self._idempotency_tokens.get(idempotency_token) or {}).get("arn") not in self._certificates:
            self._idempotency_tokens.pop(idempotency_token, None)
        return super().request_certificate(domain_name, idempotency_token, *rest, **given)

    def list_certificates(self, statuses: list[str], includes: dict[str, Any] | None) -> Iterable[CertBundle]:
        """ListCertificates: "Default filtering returns only RSA_1024 and RSA_2048 certificates"."""
        return super().list_certificates(statuses, {"keyTypes": ["RSA_1024", "RSA_2048"], **(includes or {})})

    def delete_certificate(self, arn: str) -> None:
        """DeleteCertificate: "You cannot delete an ACM certificate that is being used by another AWS service"."""
        known: Any = self._certificates.get(arn)
        if known and known.users():
            raise error("ResourceInUseException", f"Certificate {arn} in account {self.account_id} is in use.")
        super().delete_certificate(arn)


class Response(AWSCertificateManagerResponse):
    def list_certificates(self) -> ActionResult:
        """API reference, ListCertificates: MaxItems and NextToken."""
        start, size = pages.place(self._get_param("NextToken"), "ValidationException"), int(self._get_param("MaxItems") or 1000)
        answer = super().list_certificates()
        found: dict[str, Any] = answer.result  # type: ignore[assignment]
        every = list(found["CertificateSummaryList"])
        found["CertificateSummaryList"] = every[start : start + size]
        found["NextToken"] = pages.token(start + size) if len(every) > start + size else None
        return answer

    def request_certificate(self) -> ActionResult:
        answer = super().request_certificate()
        known: Any = self.acm_backend._certificates[answer.result["CertificateArn"]]  # type: ignore[index]
        known.method = self._get_param("ValidationMethod") or known.method
        known.key_algorithm = self._get_param("KeyAlgorithm") or ""
        return answer


def install() -> None:
    moto_models.CertBundle = Bundle  # type: ignore[misc]
    use_backend(acm_backends, Backend)
    use_response(urls, Response)
