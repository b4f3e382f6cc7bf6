# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""IAM: what moto lacks around OIDC providers, and refusals to delete policies that are in use."""

from __future__ import annotations

import hashlib
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.iam import models as moto_models
from moto.iam import urls
from moto.iam.models import IAMBackend, iam_backends
from moto.iam.responses import IamResponse

from .common import error, use_backend, use_response
from .simulate import PAGE, simulate

MAX_CLIENT_IDS = 100


class IamBackend(IAMBackend):
    def create_open_id_connect_provider(self, url: str, thumbprint_list: list[str], client_id_list: list[str], tags: list[dict[str, str]]) -> Any:
        if not url.startswith("https://"):
            raise error("InvalidInput", "Invalid Open ID Connect Provider URL: it must begin with https://")
        address = url.removeprefix("https://")
        if any(arn.split(":oidc-provider/")[-1] == address for arn in self.open_id_providers):
            raise error("EntityAlreadyExists", f"Provider with url {url} already exists.")
        # "If you do not include the list, IAM will retrieve and use the top intermediate CA thumbprint" of the provider's certificate.
        thumbprints = thumbprint_list or [hashlib.sha1(address.split("/")[0].encode(), usedforsecurity=False).hexdigest()]
        return super().create_open_id_connect_provider(url, thumbprints, client_id_list, tags)

    def add_client_id(self, arn: str, client_id: str) -> None:
        provider = self.get_open_id_connect_provider(arn)
        if client_id not in provider.client_id_list:
            if len(provider.client_id_list) >= MAX_CLIENT_IDS:
                raise error("LimitExceeded", f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {MAX_CLIENT_IDS}")
            provider.client_id_list.append(client_id)

    def remove_client_id(self, arn: str, client_id: str) -> None:
        provider = self.get_open_id_connect_provider(arn)
        provider.client_id_list = [known for known in provider.client_id_list if known != client_id]

    def remove_role_from_instance_profile(self, profile_name: str, role_name: str) -> None:
        if role_name not in [role.name for role in self.get_instance_profile(profile_name).roles]:
            raise error("NoSuchEntity", f"Role {role_name} not found in instance profile {profile_name}")
        super().remove_role_from_instance_profile(profile_name, role_name)

    def delete_policy(self, policy_arn: str) -> None:
        policy = self.get_policy(policy_arn)
        if policy.attachment_count:
            raise error("DeleteConflict", "Cannot delete a policy attached to entities.")
        if len(policy.versions) > 1:
            raise error("DeleteConflict", "This policy has more than one version. Before you delete a policy, you must delete the policy's versions.")
        super().delete_policy(policy_arn)


class IamResponses(IamResponse):
    def add_client_id_to_open_id_connect_provider(self) -> ActionResult:
        self.backend.add_client_id(self._get_param("OpenIDConnectProviderArn"), self._get_param("ClientID"))  # type: ignore[attr-defined]
        return EmptyResult()

    def remove_client_id_from_open_id_connect_provider(self) -> ActionResult:
        self.backend.remove_client_id(self._get_param("OpenIDConnectProviderArn"), self._get_param("ClientID"))  # type: ignore[attr-defined]
        return EmptyResult()

    def simulate_principal_policy(self) -> ActionResult:
        source, actions = self._get_param("PolicySourceArn"), self._get_param("ActionNames", [])
        results = simulate(self.backend, source, actions, self._get_param("ResourceArns", []), self._get_param("ContextEntries", []))
        first, size = int(self._get_param("Marker") or 0), self._get_int_param("MaxItems") or PAGE
        answer: dict[str, Any] = {"EvaluationResults": results[first : first + size], "IsTruncated": len(results) > first + size}
        if answer["IsTruncated"]:
            answer["Marker"] = str(first + size)
        return ActionResult(answer)


def install() -> None:
    # "AWS services that work with IAM": how services write their own names in AWSServiceRoleFor...
    moto_models.SERVICE_NAME_CONVERSION.update(
        {"elasticloadbalancing": "ElasticLoadBalancing", "eks": "AmazonEKS", "eks-nodegroup": "AmazonEKSNodegroup", "spot": "EC2Spot"}
    )
    use_backend(iam_backends, IamBackend)
    use_response(urls, IamResponses)
