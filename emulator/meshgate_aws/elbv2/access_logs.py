# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What ELB does with a bucket for access logs before it accepts it: it writes a test file there, or is refused."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

from moto.s3.models import s3_backends

from ..common import error

PRINCIPAL = "logdelivery.elasticloadbalancing.amazonaws.com"


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _allows(policy: bytes | None, arn: str) -> bool:
    """By the service's name alone, regardless of conditions: what AWS recommends for every region."""
    for statement in _list(json.loads(policy or b"{}").get("Statement", [])):
        principal = statement.get("Principal")
        names = ["*"] if principal == "*" else _list((principal or {}).get("Service", []))
        put = any(fnmatch.fnmatchcase("s3:putobject", str(one).lower()) for one in _list(statement.get("Action", [])))
        here = any(fnmatch.fnmatchcase(arn, one) for one in _list(statement.get("Resource", [])))
        if statement.get("Effect") == "Allow" and put and here and {"*", PRINCIPAL} & set(names):
            return True
    return False


def check(account: str, partition: str, region: str, attributes: dict[str, Any]) -> None:
    """User guide, "Enable access logs for your Application Load Balancer", with its "Verify bucket permissions" and "Troubleshooting".

    ELB "creates a test file in the S3 bucket to verify that the bucket policy specifies the required permissions".
    """
    if str(attributes.get("access_logs.s3.enabled")).lower() != "true":
        return
    name, prefix = attributes.get("access_logs.s3.bucket", ""), attributes.get("access_logs.s3.prefix", "")
    backend = s3_backends[account][partition]
    bucket = backend.buckets.get(name)
    if bucket is None:
        raise error("InvalidConfigurationRequest", f"S3Bucket: {name} does not exist")
    if bucket.region_name != region:
        raise error("InvalidConfigurationRequest", f"S3Bucket: {name} is not located in the same region with ELB: {name}")
    key = f"{prefix}/" if prefix else ""
    key += f"AWSLogs/{account}/ELBAccessLogTestFile"
    if not _allows(bucket.policy, f"arn:{partition}:s3:::{name}/{key}"):
        raise error("InvalidConfigurationRequest", f"Access Denied for bucket: {name}. Please check S3bucket permission")
    backend.put_object(name, key, b"Enable AccessLog for ELB")
