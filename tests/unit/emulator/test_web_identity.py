# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""AssumeRoleWithWebIdentity reads the token: its signature, its claims, the provider's client IDs, the role's trust policy."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from typing import Any

import pytest
from aws_rig import ACCOUNT, REGION, boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

SUBJECT = "system:serviceaccount:kube-system:aws-load-balancer-controller"


class Identity:
    """A cluster's issuer with its key, registered as an IAM OIDC provider, and a role that trusts one service account of it."""

    def __init__(self, aws: Any, name: str, key: Any) -> None:
        from meshgate_aws.registry import issuer

        self.aws, self.name, self.key = aws, name, key
        self.issuer = issuer(ACCOUNT, REGION, name)
        self.address = self.issuer.removeprefix("https://")
        self.provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{self.address}"
        jwks = json.dumps(KeySet([key]).as_dict(private=False))
        aws.control("PUT", f"clusters/{name}", {"endpoint": "https://x", "certificate_authority_data": "", "jwks": jwks, "nodes": []})

    def register(self) -> None:
        self.aws.client("iam").create_open_id_connect_provider(Url=self.issuer, ClientIDList=["sts.amazonaws.com"])

    def role(self, **condition: Any) -> str:
        wanted = condition or {"StringEquals": {f"{self.address}:sub": SUBJECT, f"{self.address}:aud": "sts.amazonaws.com"}}
        statement = {"Effect": "Allow", "Principal": {"Federated": self.provider}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": wanted}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return self.aws.client("iam").create_role(RoleName=f"{self.name}-r", AssumeRolePolicyDocument=document)["Role"]["Arn"]

    def token(self, key: Any = None, **claims: Any) -> str:
        now = int(time.time())
        given = {"iss": self.issuer, "aud": ["sts.amazonaws.com"], "sub": SUBJECT, "iat": now, "nbf": now, "exp": now + 600, **claims}
        signer = key or self.key
        algorithm = "ES256" if isinstance(signer, ECKey) else "RS256"
        return jwt.encode({"alg": algorithm, "kid": signer.kid}, {k: v for k, v in given.items() if v is not None}, signer, algorithms=[algorithm])

    def assume(self, role: str, token: str, **more: Any) -> dict[str, Any]:
        # As the SDKs do it: not signed, there are no credentials yet.
        sts = boto3.client("sts", region_name=REGION, endpoint_url=self.aws.url, config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}))
        return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="session", WebIdentityToken=token, **more)

    def refused(self, role: str, token: str, **more: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            self.assume(role, token, **more)
        return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.fixture(params=["RS256", "ES256"])
def identity(aws, name, request) -> Identity:
    kid = {"kid": name}
    key = RSAKey.generate_key(2048, kid) if request.param == "RS256" else ECKey.generate_key("P-256", kid)
    return Identity(aws, name, key)


@pytest.fixture
def rsa(aws, name) -> Identity:
    return Identity(aws, name, RSAKey.generate_key(2048, {"kid": name}))


def test_a_good_token_gives_credentials_of_the_role(aws, identity) -> None:
    # API reference, AssumeRoleWithWebIdentity: Credentials, AssumedRoleUser, SubjectFromWebIdentityToken, Provider, Audience.
    identity.register()
    answer = identity.assume(identity.role(), identity.token())
    assert (answer["SubjectFromWebIdentityToken"], answer["Provider"], answer["Audience"]) == (SUBJECT, identity.provider, "sts.amazonaws.com")
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{identity.name}-r/session"
    assert answer["AssumedRoleUser"]["Arn"] == arn
    given = answer["Credentials"]
    as_role = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
    assert aws.client("sts", **as_role).get_caller_identity()["Arn"] == arn
    start = aws.control("GET", "requests?since=0")["next"]
    aws.client("elbv2", **as_role).describe_load_balancers()
    seen = aws.control("GET", f"requests?since={start}")["requests"]
    assert [(r["service"], r["action"], r["principal"], r["mutating"]) for r in seen] == [("elasticloadbalancing", "DescribeLoadBalancers", arn, False)]


def test_a_token_of_another_service_account_is_denied(rsa) -> None:
    # User guide, "Assign IAM roles to Kubernetes service accounts": the trust policy names the service account in sub.
    rsa.register()
    denied = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    role = rsa.role()
    assert rsa.refused(role, rsa.token(sub="system:serviceaccount:default:default")) == denied
    assert rsa.refused(f"arn:aws:iam::{ACCOUNT}:role/absent", rsa.token()) == denied


def test_the_audience_must_be_a_client_id_and_trusted(aws, rsa) -> None:
    # API reference, InvalidIdentityToken: "The web identity token that was passed could not be validated by AWS"; IAM user guide, "Create an
    # OIDC identity provider in IAM": the audience is the client ID. One that the provider knows must still satisfy the trust policy.
    rsa.register()
    role = rsa.role()
    assert rsa.refused(role, rsa.token(aud=["vault"])) == ("InvalidIdentityToken", "Incorrect token audience")
    aws.client("iam").add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=rsa.provider, ClientID="vault")
    assert rsa.refused(role, rsa.token(aud=["vault"]))[0] == "AccessDenied"


def test_the_issuer_must_be_a_provider_of_the_account(rsa) -> None:
    # API reference, errors of AssumeRoleWithWebIdentity: InvalidIdentityToken.
    role = rsa.role()
    code, message = rsa.refused(role, rsa.token())
    assert (code, message) == ("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {rsa.issuer}")
    rsa.register()
    assert rsa.assume(role, rsa.token())


def test_the_signature_and_the_times_are_checked(rsa) -> None:
    # API reference, errors of AssumeRoleWithWebIdentity: InvalidIdentityToken, ExpiredTokenException.
    rsa.register()
    role = rsa.role()
    other = RSAKey.generate_key(2048, {"kid": rsa.name})
    header, _payload, signature = rsa.token().split(".")
    _header, foreign, _signature = rsa.token(sub="system:serviceaccount:default:default").split(".")
    past = int(time.time()) - 60
    assert rsa.refused(role, rsa.token(key=other))[0] == "InvalidIdentityToken"
    assert rsa.refused(role, f"{header}.{foreign}.{signature}")[0] == "InvalidIdentityToken"
    assert rsa.refused(role, "not-a-token")[0] == "InvalidIdentityToken"
    assert rsa.refused(role, rsa.token(exp=past))[0] == "ExpiredTokenException"
    assert rsa.refused(role, rsa.token(exp=None))[0] == "InvalidIdentityToken"
    assert rsa.refused(role, rsa.token(nbf=past + 4000))[0] == "InvalidIdentityToken"


def test_an_unsigned_token_is_no_token(rsa) -> None:
    import base64

    rsa.register()
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    assert rsa.refused(rsa.role(), f"{header}.{rsa.token().split('.')[1]}.")[0] == "InvalidIdentityToken"


def test_a_session_is_not_longer_than_its_role_allows(rsa) -> None:
    # API reference, DurationSeconds: "from 900 seconds up to the maximum session duration setting for the role".
    rsa.register()
    role = rsa.role()
    assert rsa.refused(role, rsa.token(), DurationSeconds=7200)[0] == "ValidationError"
    assert rsa.assume(role, rsa.token(), DurationSeconds=3600)


def test_get_requests_work_as_well(aws, rsa) -> None:
    # The query API takes its parameters in the URL too; some shell scripts call it with curl.
    rsa.register()
    query = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": rsa.role(), "RoleSessionName": "s1", "WebIdentityToken": rsa.token()}
    with urllib.request.urlopen(f"{aws.url}/?{urllib.parse.urlencode(query)}", timeout=10) as answer:
        assert b"<AccessKeyId>" in answer.read()


CONDITIONS = [
    ({"StringEquals": {"sub": SUBJECT}}, True),
    ({"StringEquals": {"sub": [SUBJECT, "other"]}}, True),
    ({"StringEquals": {"sub": "system:serviceaccount:kube-system:*"}}, False),
    ({"StringLike": {"sub": "system:serviceaccount:kube-system:*"}}, True),
    ({"StringLike": {"sub": "system:serviceaccount:*:default"}}, False),
    ({"StringNotEquals": {"sub": "other"}}, True),
    ({"StringNotLike": {"sub": "system:*"}}, False),
    ({"StringEqualsIgnoreCase": {"sub": SUBJECT.upper()}}, True),
    ({"ForAnyValue:StringEquals": {"aud": ["x", "sts.amazonaws.com"]}}, True),
    ({"ForAllValues:StringEquals": {"aud": ["x"]}}, False),
    ({"StringEquals": {"amr": "x"}}, False),
    ({"StringEqualsIfExists": {"amr": "x"}}, True),
    ({"Null": {"sub": "false"}}, True),
    ({"StringEquals": {"sub": SUBJECT, "aud": "other"}}, False),
    ({"NoSuchOperator": {"sub": SUBJECT}}, False),
]


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS)
def test_conditions_of_the_trust_policy(condition: dict[str, Any], expected: bool) -> None:
    # IAM user guide, "IAM JSON policy elements: Condition operators" and "Multivalued context keys".
    from meshgate_aws.webidentity import Identity as Proven
    from meshgate_aws.webidentity import trusted

    proven = Proven("arn:aws:iam::1:oidc-provider/issuer", "issuer", "sts.amazonaws.com", {"sub": SUBJECT, "aud": ["sts.amazonaws.com"]})
    full = {operator: {f"issuer:{key}": value for key, value in keys.items()} for operator, keys in condition.items()}
    statement = {"Effect": "Allow", "Principal": {"Federated": proven.provider_arn}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": full}
    assert trusted({"Statement": [statement]}, proven) is expected
    assert trusted({"Statement": [statement, {**statement, "Effect": "Deny"}]}, proven) is False
    assert trusted({"Statement": [{**statement, "Action": "sts:AssumeRole"}]}, proven) is False
    assert trusted({"Statement": [{**statement, "Principal": {"Federated": "arn:aws:iam::1:oidc-provider/other"}}]}, proven) is False
