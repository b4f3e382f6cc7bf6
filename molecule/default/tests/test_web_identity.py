# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Who gets the load balancer controller's credentials, on the running platform: its own service account, and nobody else.

The tokens are the API server's own, as its TokenRequest gives them, and the answer is that of the STS call which the controller makes.
"""

from __future__ import annotations

from functools import cache

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from harness import AWS_API, the_cluster

ENDPOINT = AWS_API
ACCOUNT = "aws-load-balancer-controller"


def token(namespace: str = "kube-system", account: str = ACCOUNT, audience: str = "sts.amazonaws.com") -> str:
    return the_cluster().token(namespace, account, audience)


@cache
def its_role() -> str:
    """The controller's, whatever its name begins with."""
    iam = boto3.client("iam", endpoint_url=ENDPOINT, region_name="us-west-2", aws_access_key_id="test", aws_secret_access_key="test")
    return next(role["Arn"] for role in iam.list_roles()["Roles"] if role["RoleName"].endswith(ACCOUNT))


def assume(web_identity: str, role: str = "") -> dict:
    role = role or its_role()
    sts = boto3.client("sts", endpoint_url=ENDPOINT, region_name="us-west-2", config=Config(signature_version=UNSIGNED))
    return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="test", WebIdentityToken=web_identity)


def refusal(web_identity: str) -> str:
    with pytest.raises(ClientError) as refused:
        assume(web_identity)
    return refused.value.response["Error"]["Code"]


def test_the_controller_s_own_token_gives_its_role():
    answer = assume(token())
    assert answer["AssumedRoleUser"]["Arn"] == its_role().replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/test"
    keys = answer["Credentials"]
    client = boto3.client(
        "sts",
        endpoint_url=ENDPOINT,
        region_name="us-west-2",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    assert client.get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]


@pytest.mark.parametrize(
    ("namespace", "account"),
    [("kube-system", "default"), ("default", "default")],
)
def test_another_service_account_is_denied(namespace, account):
    assert refusal(token(namespace, account)) == "AccessDenied"


def test_another_audience_is_denied():
    assert refusal(token(audience="https://kubernetes.default.svc")) in ("AccessDenied", "InvalidIdentityToken")


def test_a_token_that_somebody_changed_is_denied():
    head, payload, signature = token().split(".")
    forged = "A" if signature[10] != "A" else "B"
    assert refusal(".".join([head, payload, signature[:10] + forged + signature[11:]])) == "InvalidIdentityToken"


def test_the_controller_called_aws_with_that_role(cluster):
    """Its service account, not credentials of the node or of this machine, is what the calls were made with."""
    containers = cluster.get("Deployment", ACCOUNT, "kube-system")["spec"]["template"]["spec"]["containers"]
    given = {one["name"] for container in containers for one in container["env"]}
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in given
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & given
