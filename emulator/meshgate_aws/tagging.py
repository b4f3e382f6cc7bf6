# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The Resource Groups Tagging API: resources of EKS, ECR, EC2 and IAM that moto's does not list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.resource_tagging import TaggedResource, make_tag_matcher, match_resource_type
from moto.ec2.models import ec2_backends
from moto.ecr.models import ecr_backends
from moto.eks.models import eks_backends
from moto.iam.models import iam_backends
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend, resourcegroupstaggingapi_backends
from moto.utilities.utils import get_partition

from .common import use_backend
from .eks.state import arn_of

# "Global resources only return with the resourcegroupstaggingapi if the region is us-east-1": https://github.com/cloud-custodian/cloud-custodian/pull/2729
GLOBAL_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


class TaggingBackend(ResourceGroupsTaggingAPIBackend):
    def _get_resources_generator(
        self,
        tag_filters: list[dict[str, Any]] | None = None,
        resource_type_filters: list[str] | None = None,
        resource_arn_list: list[str] | None = None,
    ) -> Iterator[TaggedResource]:
        yield from super()._get_resources_generator(tag_filters, resource_type_filters, resource_arn_list)
        has_tags = make_tag_matcher(tag_filters)
        for resource in self._more():
            wanted = match_resource_type(resource.resource_type, resource_type_filters) and resource.arn in (resource_arn_list or [resource.arn])
            if resource.tags and wanted and has_tags(resource.tags):
                yield resource

    def _more(self) -> Iterator[TaggedResource]:
        yield from self._eks()
        yield from self._ecr()
        yield from self._ec2()
        if self.region_name == GLOBAL_REGIONS.get(get_partition(self.region_name)):
            yield from self._iam()

    def _eks(self) -> Iterator[TaggedResource]:
        backend: Any = eks_backends[self.account_id][self.region_name]
        for cluster in backend.clusters.values():
            for data in cluster.tagged():
                arn = arn_of(data)
                yield TaggedResource(arn, dict(data.get("tags") or {}), "eks:" + arn.split(":")[5].split("/")[0])

    def _ecr(self) -> Iterator[TaggedResource]:
        backend = ecr_backends[self.account_id][self.region_name]
        for repository in backend.repositories.values():
            yield TaggedResource(repository.arn, backend.tagger.get_tag_dict_for_resource(repository.arn), "ecr:repository")

    def _ec2(self) -> Iterator[TaggedResource]:
        backend = ec2_backends[self.account_id][self.region_name]
        named: dict[str, list[str]] = {
            "launch-template": [*backend.launch_templates],
            "elastic-ip": [str(address.allocation_id) for address in backend.addresses],
        }
        for kind, resources in named.items():
            for identity in resources:
                arn = f"arn:{get_partition(self.region_name)}:ec2:{self.region_name}:{self.account_id}:{kind}/{identity}"
                yield TaggedResource(arn, dict(backend.tags.get(identity, {})), f"ec2:{kind}")

    def _iam(self) -> Iterator[TaggedResource]:
        """API reference, supported services: "The GetResources operation does not currently support IAM users and roles"."""
        backend = iam_backends[self.account_id][get_partition(self.region_name)]
        for policy in backend.managed_policies.values():
            yield TaggedResource(policy.arn, _values(policy.get_tags() if policy.arn.split(":")[4] == self.account_id else []), "iam:policy")
        for profile in backend.instance_profiles.values():
            yield TaggedResource(profile.arn, _values(profile.tags), "iam:instance-profile")
        for provider in backend.open_id_providers.values():
            yield TaggedResource(provider.arn, _values(provider.tags), "iam:oidc-provider")


def _values(tags: Any) -> dict[str, str]:
    """moto's classes store tags in two forms."""
    return {tag["Key"]: tag["Value"] for tag in (tags.values() if isinstance(tags, dict) else tags or [])}


def install() -> None:
    use_backend(resourcegroupstaggingapi_backends, TaggingBackend)
