# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Who gets the load balancer controller's credentials, on the running platform: its own service account, and nobody else.

The tokens are the API server's own (`kubectl create token`), and the answer is that of the STS call which the controller makes.
"""

from __future__ import annotations

import subprocess

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from harness import AWS_API, CACHE, CLUSTER, STATE

KUBECTL = str(CACHE / "bin" / "kubectl")
KUBECONFIG = STATE / CLUSTER / "kubeconfig"
ENDPOINT = AWS_API
ROLE = f"arn:aws:iam::123456789012:role/{CLUSTER}-aws-load-balancer-controller"
ACCOUNT = "aws-load-balancer-controller"


def token(namespace: str = "kube-system", account: str = ACCOUNT, audience: str = "sts.amazonaws.com") -> str:
    argv = [KUBECTL, f"--kubeconfig={KUBECONFIG}", "--namespace", namespace, "create", "token", account, f"--audience={audience}", "--duration=10m"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


def assume(web_identity: str, role: str = ROLE) -> dict:
    sts = boto3.client("sts", endpoint_url=ENDPOINT, region_name="us-west-2", config=Config(signature_version=UNSIGNED))
    return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="test", WebIdentityToken=web_identity)


def refusal(web_identity: str) -> str:
    with pytest.raises(ClientError) as refused:
        assume(web_identity)
    return refused.value.response["Error"]["Code"]


def test_the_controller_s_own_token_gives_its_role():
    answer = assume(token())
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::123456789012:assumed-role/{CLUSTER}-aws-load-balancer-controller/test"
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


def test_the_controller_called_aws_with_that_role():
    """Its service account, not credentials of the node or of this machine, is what the calls were made with."""
    pods = subprocess.run(
        [KUBECTL, f"--kubeconfig={KUBECONFIG}", "--namespace=kube-system", "get", "deployment", ACCOUNT, "-o", "jsonpath={..env[*].name}"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout.split()
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in pods
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & set(pods)
