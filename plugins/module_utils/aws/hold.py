# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the module platform_claim does: claim a platform, or release the claim."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..common.failure import Refused
from ..common.run_identity import Run
from .client import Aws, AwsError
from .module import Task
from .platform_claim import Claim, Claims, refusal, unable

NOTHING: dict[str, Any] = {"claim": {}, "account_id": ""}


def result(cluster: str, claim: Claim | None) -> dict[str, Any]:
    return {"cluster_name": cluster, "id": claim.run.id, "run": asdict(claim.run), "purpose": claim.purpose, "until": claim.until} if claim else {}


def work(module: Task, claims: Claims) -> Claim | None:
    """The claim of this run afterwards."""
    params = module.params
    if module.check_mode:
        another = claims.held_by_another()
        if another:
            module.warn(refusal(params["cluster_name"], another))
        return None
    if params["state"] == "absent":
        claims.release()
        return None
    return claims.acquire(params["purpose"], params["take_over"])


def claim(module: Task, aws: Aws) -> Claim | None:
    claims = Claims(aws, module.params["cluster_name"], Run(**module.params["run"]))
    try:
        return work(module, claims)
    except AwsError as error:
        if not unable(error):
            raise
        module.warn(
            f"nothing prevents another run from working on {module.params['cluster_name']} at the same time: {error}. docs/aws.md lists the permissions"
        )
        another = None
        try:
            another = claims.held_by_another()
        except AwsError:
            return None
        if another and not module.check_mode and module.params["state"] == "present":
            raise Refused(refusal(module.params["cluster_name"], another), code="Claimed") from error
        return None


def hold(module: Task, aws: Aws) -> dict[str, Any]:
    account = aws.identify()["Account"]
    return {"claim": result(module.params["cluster_name"], claim(module, aws)), "account_id": account}
