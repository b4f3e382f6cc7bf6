# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""IAM: what moto lacks around OIDC providers, and refusals to delete policies that are in use."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.iam import models as moto_models
from moto.iam import urls
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, iam_backends
from moto.iam.responses import IamResponse

from . import pages
from .common import error, use_backend, use_response
from .pages import IAM_LISTS
from .simulate import PAGE, simulate

MAX_CLIENT_IDS = 100
# Paths of roles that services and IAM Identity Center keep for themselves.
PROTECTED = ("/aws-service-role/", "/aws-reserved/")


class IamBackend(IAMBackend):
    # IAM's messages for what does not exist: prowler-cloud/prowler#2872 (roles), aws/aws-cli#6139 (inline policies). moto looks for its own exception.

    def get_role(self, role_name: str) -> Any:
        for role in self.get_roles():
            if role.name == role_name:
                return role
        raise NotFoundException(f"The role with name {role_name} cannot be found.")

    def get_role_policy(self, role_name: str, policy_name: str) -> tuple[str, str]:
        found = self.get_role(role_name).policies.get(policy_name)
        if found is None:
            raise NotFoundException(f"The role policy with name {policy_name} cannot be found.")
        return policy_name, found

    def get_policy(self, policy_arn: str) -> Any:
        if policy_arn not in self.managed_policies:
            raise NotFoundException(f"Policy {policy_arn} was not found.")
        return self.managed_policies[policy_arn]

    def get_instance_profile(self, profile_name: str) -> Any:
        for profile in self.get_instance_profiles():
            if profile.name == profile_name:
                return profile
        raise NotFoundException(f"Instance Profile {profile_name} cannot be found.")

    def get_instance_profiles_for_role(self, role_name: str) -> Any:
        self.get_role(role_name)
        return super().get_instance_profiles_for_role(role_name)

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

    def create_service_linked_role(self, service_name: str, description: str, suffix: str) -> Any:
        taken = next((role for role in self.roles.values() if role.path == f"/aws-service-role/{service_name}/"), None)
        if taken is not None and not suffix:
            # Instructions for Karpenter and data-on-eks quote it.
            raise error("InvalidInput", f"Service role name {taken.name} has been taken in this account, please try a different suffix.")
        return super().create_service_linked_role(service_name, description, suffix)

    def _changes(self, role_name: str) -> None:
        """rebuy-de/aws-nuke#441 and #1028 (roles of IAM Identity Center), gruntwork-io/cloud-nuke#880 (service-linked ones) quote it."""
        role = next((role for role in self.roles.values() if role.name == role_name), None)
        if role is not None and role.path.startswith(PROTECTED):
            message = f"Cannot perform the operation on the protected role '{role_name}' - this role is only modifiable by AWS"
            raise error("UnmodifiableEntity", message)

    def delete_role(self, role_name: str) -> None:
        self._changes(role_name)
        super().delete_role(role_name)

    def delete_service_linked_role(self, role_name: str) -> str:
        path = self.get_role(role_name).path
        super().delete_role(role_name)
        return f"task{path}{role_name}/{uuid.uuid4()}"

    def attach_role_policy(self, policy_arn: str, role_name: str) -> None:
        self._changes(role_name)
        super().attach_role_policy(policy_arn, role_name)

    def detach_role_policy(self, policy_arn: str, role_name: str) -> None:
        self._changes(role_name)
        super().detach_role_policy(policy_arn, role_name)

    def put_role_policy(self, role_name: str, policy_name: str, policy_json: str) -> None:
        self._changes(role_name)
        super().put_role_policy(role_name, policy_name, policy_json)

    def update_assume_role_policy(self, role_name: str, policy_document: str) -> None:
        self._changes(role_name)
        super().update_assume_role_policy(role_name, policy_document)

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
    def list_entities_for_policy(self) -> ActionResult:
        """All of an account's entities, in their own pages; moto returns the first hundred roles."""
        arn, wanted = self._get_param("PolicyArn"), self._get_param("EntityFilter")
        self.backend.get_policy(arn)
        kinds: dict[str, Iterable[Any]] = {"Role": self.backend.get_roles(), "User": self.backend.users.values(), "Group": self.backend.groups.values()}
        found = [(kind, one) for kind, every in kinds.items() if wanted in (None, kind) for one in every if arn in one.managed_policies]
        start, size = pages.place(self._get_param("Marker"), "ValidationError"), int(self._get_param("MaxItems") or 100)
        answer: dict[str, Any] = {f"Policy{kind}s": [one for its, one in found[start : start + size] if its == kind] for kind in kinds}
        more = len(found) > start + size
        return ActionResult({**answer, "IsTruncated": more, "Marker": pages.token(start + size) if more else None})

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
    for name, key in IAM_LISTS.items():
        setattr(IamResponses, name, pages.iam(getattr(IamResponse, name), key))
    # "AWS services that work with IAM": how services write their own names in AWSServiceRoleFor...
    moto_models.SERVICE_NAME_CONVERSION.update(
        {"elasticloadbalancing": "ElasticLoadBalancing", "eks": "AmazonEKS", "eks-nodegroup": "AmazonEKSNodegroup", "spot": "EC2Spot"}
    )
    use_backend(iam_backends, IamBackend)
    use_response(urls, IamResponses)
