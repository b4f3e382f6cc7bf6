# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""STS: AssumeRoleWithWebIdentity that reads the token, as AWS does, and identities that are possible on AWS."""

from __future__ import annotations

import re

from moto.core.responses import ActionResult
from moto.iam.models import iam_backends
from moto.sts import urls
from moto.sts.models import STSBackend, sts_backends
from moto.sts.responses import TokenResponse

from . import webidentity
from .common import error, use_backend, use_response

MIN_DURATION = 900


class StsBackend(STSBackend):
    def get_caller_identity(self, access_key_id: str, region: str) -> tuple[str, str, str]:
        user_id, arn, account = super().get_caller_identity(access_key_id, region)
        # moto returns a user of the service STS for unknown keys, which has no users.
        return user_id, arn.replace(f":sts::{account}:user/", f":iam::{account}:user/"), account


class StsResponse(TokenResponse):
    def assume_role_with_web_identity(self) -> ActionResult:
        role_arn, session = self._get_param("RoleArn"), self._get_param("RoleSessionName")
        if not re.fullmatch(r"[\w+=,.@-]{2,64}", session or ""):
            raise error("ValidationError", f"Value '{session}' at 'roleSessionName' failed to satisfy constraint: [\\w+=,.@-]{{2,64}}")
        account = role_arn.split(":")[4] if role_arn.count(":") >= 5 else self.current_account
        iam = iam_backends[account][self.partition]
        identity = webidentity.verify(self._get_param("WebIdentityToken") or "", account, iam)
        role = next((known for known in iam.roles.values() if known.arn == role_arn), None)
        if role is None or not webidentity.trusted(role.assume_role_policy_document, identity):
            raise error("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        duration = self._get_int_param("DurationSeconds", 3600)
        longest = int(role.max_session_duration or 3600)
        if not MIN_DURATION <= duration <= longest:
            raise error("ValidationError", f"The requested DurationSeconds exceeds the MaxSessionDuration set for this role: {longest}")
        assumed = self.backend.assume_role_with_web_identity(
            region_name=self.region,
            role_session_name=session,
            role_arn=role_arn,
            policy=self._get_param("Policy"),
            duration=duration,
            external_id=None,
        )
        result = {
            "Credentials": assumed,
            "AssumedRoleUser": {"AssumedRoleId": assumed.user_id, "Arn": assumed.arn},
            "SubjectFromWebIdentityToken": identity.claims["sub"],
            "Provider": identity.provider_arn,
            "Audience": identity.audience,
            "PackedPolicySize": 0,
        }
        return ActionResult(result)


def install() -> None:
    use_backend(sts_backends, StsBackend)
    use_response(urls, StsResponse)
