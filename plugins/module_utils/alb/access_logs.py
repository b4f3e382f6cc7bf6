# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether a load balancer may write its access logs to a bucket.

Elastic Load Balancing's user guide, "Enable access logs for your Application Load Balancer": the bucket is in the load balancer's
region, is encrypted with S3's own keys if at all, and its policy lets ELB put objects below [prefix/]AWSLogs/<account>/.
"""

from __future__ import annotations

import fnmatch
import json
import re
from dataclasses import dataclass
from typing import Any

from ..aws.client import Aws, AwsError

PRINCIPAL = "logdelivery.elasticloadbalancing.amazonaws.com"
# The same page, "legacy bucket policy": regions from before August 2022 also have an account for ELB.
ELB_ACCOUNTS = {
    "af-south-1": "098369216593",
    "ap-east-1": "754344448648",
    "ap-northeast-1": "582318560864",
    "ap-northeast-2": "600734575887",
    "ap-northeast-3": "383597477331",
    "ap-south-1": "718504428378",
    "ap-southeast-1": "114774131450",
    "ap-southeast-2": "783225319266",
    "ap-southeast-3": "589379963580",
    "ca-central-1": "985666609251",
    "cn-north-1": "638102146993",
    "cn-northwest-1": "037604701340",
    "eu-central-1": "054676820928",
    "eu-north-1": "897822967062",
    "eu-south-1": "635631232127",
    "eu-west-1": "156460612806",
    "eu-west-2": "652711504416",
    "eu-west-3": "009996457667",
    "me-south-1": "076674570225",
    "sa-east-1": "507241528517",
    "us-east-1": "127311923021",
    "us-east-2": "033677994240",
    "us-gov-east-1": "190560391635",
    "us-gov-west-1": "048591011584",
    "us-west-1": "027434742980",
    "us-west-2": "797873946194",
}
# S3 user guide, "General purpose bucket naming rules".
BUCKET = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9](?<!-s3alias)(?<!--ol-s3)")


@dataclass
class Wanted:
    bucket: str
    prefix: str
    account: str
    partition: str
    region: str

    @property
    def objects(self) -> str:
        """The ARN of the objects that ELB writes."""
        below = f"{self.prefix}/" if self.prefix else ""
        return f"arn:{self.partition}:s3:::{self.bucket}/{below}AWSLogs/{self.account}/*"

    @property
    def principals(self) -> set[str]:
        """ELB, as a policy's principal."""
        account = ELB_ACCOUNTS.get(self.region, "")
        return {PRINCIPAL, "*"} | ({account, f"arn:{self.partition}:iam::{account}:root"} if account else set())

    @property
    def context(self) -> dict[str, str]:
        """The context of ELB's requests."""
        return {
            "s3:x-amz-acl": "bucket-owner-full-control",
            "aws:sourceaccount": self.account,
            "aws:sourcearn": f"arn:{self.partition}:elasticloadbalancing:{self.region}:{self.account}:loadbalancer/app/x/0",
            "aws:securetransport": "true",
        }


def problem_of_input(bucket: str, prefix: str) -> str:
    """What S3 or ELB would refuse; empty if nothing."""
    if not BUCKET.fullmatch(bucket) or re.fullmatch(r"[0-9]+(\.[0-9]+){3}", bucket):
        return f"bucket is {bucket!r}; accepted: a bucket's name, of 3 to 63 lower-case letters, digits, dots and hyphens"
    if "AWSLogs" in prefix or prefix.startswith("/") or prefix.endswith("/") or len(prefix) > 512:
        return f"prefix is {prefix!r}; accepted: a prefix that neither begins nor ends with a slash and does not contain AWSLogs, which ELB adds itself"
    return ""


def problem(aws: Aws, wanted: Wanted) -> str:
    """Why ELB would not write to the bucket, in one line; empty if it would."""
    name = f"the bucket {wanted.bucket}"
    try:
        region = _region(aws, wanted.bucket)
    except AwsError as error:
        if error.code in ("404", "NoSuchBucket"):
            return f"{name} does not exist; create it in {wanted.region} before the load balancer writes to it"
        if error.code in ("403", "AccessDenied"):
            return f"{name} belongs to another account, or these credentials have no access to it (s3:ListBucket)"
        raise
    if region != wanted.region:
        return f"{name} is in {region}, and must be in the load balancer's region {wanted.region}"
    algorithm = _encryption(aws, wanted.bucket)
    if algorithm not in ("", "AES256"):
        return f"{name} is encrypted with {algorithm}; load balancers write only with S3's own keys (AES256)"
    policy = _policy(aws, wanted.bucket)
    verdict = judge(policy, wanted)
    if verdict == "denied":
        return f"the policy of {name} denies {PRINCIPAL} s3:PutObject on {wanted.objects}"
    if verdict != "allowed":
        return f"the policy of {name} does not allow {PRINCIPAL} s3:PutObject on {wanted.objects}"
    return ""


def _region(aws: Aws, bucket: str) -> str:
    answer = aws.call("s3", "head_bucket", Bucket=bucket)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return str(answer.get("BucketRegion") or headers.get("x-amz-bucket-region") or "")


def _encryption(aws: Aws, bucket: str) -> str:
    try:
        rules = aws.call("s3", "get_bucket_encryption", Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    except AwsError as error:
        if error.code in ("ServerSideEncryptionConfigurationNotFoundError", "AccessDenied"):  # ELB reports it itself, later
            return ""
        raise
    return next((str(rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]) for rule in rules if rule.get("ApplyServerSideEncryptionByDefault")), "")


def _policy(aws: Aws, bucket: str) -> dict[str, Any]:
    try:
        policy: dict[str, Any] = json.loads(aws.call("s3", "get_bucket_policy", Bucket=bucket)["Policy"])
        return policy
    except AwsError as error:
        if error.code == "NoSuchBucketPolicy":
            return {}
        raise


def judge(policy: dict[str, Any], wanted: Wanted) -> str:
    """`allowed`, `denied`, or empty if no statement applies. What cannot be evaluated here is decided in favour of ELB, which checks by itself."""
    effects = set()
    for statement in _list(policy.get("Statement")):
        if not (_principal(statement, wanted) and _action(statement) and _resource(statement, wanted)):
            continue
        met = _conditions(statement.get("Condition") or {}, wanted.context)
        if met or (met is None and statement["Effect"] == "Allow"):
            effects.add(statement["Effect"])
    return "denied" if "Deny" in effects else "allowed" if "Allow" in effects else ""


def _list(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def _principal(statement: dict[str, Any], wanted: Wanted) -> bool:
    given = statement.get("Principal")
    named = {"*"} if given == "*" else {str(one) for values in (given or {}).values() for one in _list(values)}
    return bool(named & wanted.principals)


def _action(statement: dict[str, Any]) -> bool:
    return any(fnmatch.fnmatchcase("s3:putobject", str(one).lower()) for one in _list(statement.get("Action")))


def _resource(statement: dict[str, Any], wanted: Wanted) -> bool:
    """One of the objects that ELB writes represents all of them."""
    given = [str(one) for one in _list(statement.get("Resource"))]
    some = f"{wanted.objects[:-1]}elasticloadbalancing/{wanted.region}/2026/01/01/x.log.gz"
    return any(fnmatch.fnmatchcase(some, one) for one in given)


def _conditions(conditions: dict[str, dict[str, Any]], context: dict[str, str]) -> bool | None:
    """None if an operator or a key is unknown here."""
    unknown = False
    for operator, test in conditions.items():
        for key, values in test.items():
            have = context.get(key.lower())
            verdict = None if have is None else _test(operator.removesuffix("IfExists"), have, [str(value) for value in _list(values)])
            if verdict is False:
                return False
            unknown = unknown or verdict is None
    return None if unknown else True


def _test(operator: str, have: str, values: list[str]) -> bool | None:
    if operator == "StringEquals":
        return have in values
    if operator == "StringNotEquals":
        return have not in values
    if operator in ("StringLike", "ArnLike", "ArnEquals"):
        # The load balancer need not exist yet: what follows the account is left open.
        return any(fnmatch.fnmatchcase(have, value) or value.startswith(have.rsplit("/", 2)[0]) for value in values)
    if operator == "Bool":
        return have in [value.lower() for value in values]
    return None
