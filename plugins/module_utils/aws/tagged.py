# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Resources with given tags, from the Resource Groups Tagging API, regardless of their names."""

from __future__ import annotations

from collections.abc import Mapping

from .client import Aws
from .partitions import partition_of

# Global resources are listed in only one region of each partition: https://github.com/cloud-custodian/cloud-custodian/pull/2729
GLOBAL_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


def arns(aws: Aws, tags: Mapping[str, str], kinds: tuple[str, ...] = ()) -> list[str]:
    """The ARNs of everything in the clients' region with all of these tags, of some kinds (C(ecr:repository), C(logs)) or of every kind.

    Deleted resources may still be listed for a while, so describe an ARN before acting on it. IAM's roles and users are never listed: "the
    GetResources operation does not currently support IAM users and roles" (API reference, supported services).
    """
    filters = [{"Key": key, "Values": [value]} for key, value in sorted(tags.items())]
    more = {"ResourceTypeFilters": list(kinds)} if kinds else {}
    found = aws.pages("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", TagFilters=filters, ResourcesPerPage=100, **more)
    return [entry["ResourceARN"] for entry in found]


def prepare_global(aws: Aws, region: str) -> None:
    """Create the client for `global_arns`, which is not thread-safe."""
    if home := GLOBAL_REGIONS.get(partition_of(region)):
        aws.in_region(home).prepare("resourcegroupstaggingapi")


def global_arns(aws: Aws, region: str, tags: Mapping[str, str], kinds: tuple[str, ...] = ("iam",)) -> list[str]:
    """The same for global resources, for a cluster in `region`."""
    home = GLOBAL_REGIONS.get(partition_of(region))
    return arns(aws.in_region(home), tags, kinds) if home else []
