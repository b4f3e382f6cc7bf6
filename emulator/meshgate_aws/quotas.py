# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Service Quotas: the quotas that a cluster meets, with AWS's documented defaults. moto has those of VPC alone."""

from __future__ import annotations

import json
from typing import Any

from moto.servicequotas import urls
from moto.servicequotas.models import ServiceQuotasBackend, servicequotas_backends
from moto.servicequotas.responses import ServiceQuotasResponse

from .common import error, use_backend, use_response

SERVICES = {
    "ec2": "Amazon Elastic Compute Cloud (Amazon EC2)",
    "eks": "Amazon Elastic Kubernetes Service (Amazon EKS)",
    "elasticloadbalancing": "Elastic Load Balancing (ELB)",
    "vpc": "Amazon Virtual Private Cloud (Amazon VPC)",
}
# AWS General Reference, the endpoints and quotas of each service.
DEFAULTS: tuple[tuple[str, str, str, float], ...] = (
    ("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", 5),
    ("ec2", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 5),
    ("ec2", "L-74FC7D96", "Running On-Demand F instances", 0),
    ("ec2", "L-DB2E81BA", "Running On-Demand G and VT instances", 0),
    ("ec2", "L-417A185B", "Running On-Demand P instances", 0),
    ("ec2", "L-1945791B", "Running On-Demand Inf instances", 0),
    ("ec2", "L-7295265B", "Running On-Demand X instances", 0),
    ("ec2", "L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 5),
    ("ec2", "L-88CF9481", "All F Spot Instance Requests", 0),
    ("ec2", "L-3819A6DF", "All G and VT Spot Instance Requests", 0),
    ("ec2", "L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests", 0),
    ("ec2", "L-B5D1601B", "All Inf Spot Instance Requests", 0),
    ("ec2", "L-E3A00192", "All X Spot Instance Requests", 0),
    ("eks", "L-1194D53C", "Clusters", 100),
    ("elasticloadbalancing", "L-53DA6B97", "Application Load Balancers per Region", 50),
    ("vpc", "L-F678F1CE", "VPCs per Region", 5),
    ("vpc", "L-FE5A380F", "NAT gateways per Availability Zone", 5),
)


class QuotasBackend(ServiceQuotasBackend):
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.applied: dict[tuple[str, str], float] = {}

    def default(self, service: str, code: str) -> dict[str, Any]:
        if service not in SERVICES:
            raise error("NoSuchResourceException", f"The request failed because the specified service does not exist: {service}")
        for known, quota, name, value in DEFAULTS:
            if (known, quota) == (service, code):
                return self._quota(service, code, name, value, "")
        raise error("NoSuchResourceException", "The request failed because the specified quota does not exist.")

    def _quota(self, service: str, code: str, name: str, value: float, account: str) -> dict[str, Any]:
        return {
            "ServiceCode": service,
            "ServiceName": SERVICES[service],
            "QuotaArn": f"arn:{self.partition}:servicequotas:{self.region_name}:{account}:{service}/{code}",
            "QuotaCode": code,
            "QuotaName": name,
            "Value": float(value),
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }

    def get_service_quota(self, service_code: str, quota_code: str) -> dict[str, Any]:
        default = self.default(service_code, quota_code)
        value = self.applied.get((service_code, quota_code), default["Value"])
        return self._quota(service_code, quota_code, default["QuotaName"], value, self.account_id)

    def request_increase(self, service: str, code: str, wanted: float) -> dict[str, Any]:
        """AWS decides within minutes or days; the emulated one at once."""
        now = self.get_service_quota(service, code)
        if wanted <= now["Value"]:
            raise error("IllegalArgumentException", f"You must provide a quota value greater than the current quota value: {now['Value']}")
        self.applied[(service, code)] = wanted
        kept = {key: now[key] for key in ("ServiceCode", "ServiceName", "QuotaCode", "QuotaName", "QuotaArn", "Unit", "GlobalQuota")}
        return {**kept, "Id": f"{service}-{code}".lower(), "DesiredValue": wanted, "Status": "APPROVED"}


class QuotasResponse(ServiceQuotasResponse):
    def _answer(self, call: str, key: str, *names: str) -> str:
        given = json.loads(self.body)
        return json.dumps({key: getattr(self.backend, call)(*(given[name] for name in names))})

    def get_service_quota(self) -> str:
        return self._answer("get_service_quota", "Quota", "ServiceCode", "QuotaCode")

    def get_aws_default_service_quota(self) -> str:
        return self._answer("default", "Quota", "ServiceCode", "QuotaCode")

    def request_service_quota_increase(self) -> str:
        return self._answer("request_increase", "RequestedQuota", "ServiceCode", "QuotaCode", "DesiredValue")


def install() -> None:
    use_backend(servicequotas_backends, QuotasBackend)
    use_response(urls, QuotasResponse)
