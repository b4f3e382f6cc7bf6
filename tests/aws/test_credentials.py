# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Bad credentials are said in one line, before anything is done."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest
from cloud import Cloud

NONE = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_SESSION_TOKEN": None, "AWS_PROFILE": None}


def said(aws: Cloud, **more) -> str:
    run = aws.role("eks_cluster", ok=False, **more)
    assert run.code != 0
    assert aws.faults.mutations() == []
    (failed,) = [line for line in run.failures().splitlines() if line.strip()]
    return failed


def test_none(aws: Cloud) -> None:
    assert "no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in said(aws, environment=NONE)


def test_a_profile_that_is_not_there(aws: Cloud) -> None:
    line = said(aws, environment={**NONE, "AWS_PROFILE": "nobody"})
    assert "nobody" in line and "could not be found" in line


@pytest.mark.parametrize("action", ["main", "remove"])
def test_expired(aws: Cloud, action: str) -> None:
    for call in ("sts:GetCallerIdentity", "eks:DescribeCluster", "eks:ListClusters", "ec2:DescribeVpcs", "ec2:DescribeAvailabilityZones"):
        aws.faults.inject("expired", call)
    assert "the AWS credentials have expired" in said(aws, tasks_from=action)


def test_of_another_account(aws: Cloud) -> None:
    line = said(aws, eks_cluster_expected_account_id="999999999999")
    assert "123456789012" in line and "999999999999" in line


# Profiles as people have them, and what is said: one line that names the profile's fault and the way on, never a traceback.
# https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-role.html (mfa_serial), .../cli-configure-sso.html, .../cli-configure-sourcing-external.html
PROFILES: dict[str, tuple[dict[str, dict[str, str]], list[str]]] = {
    "mfa": (
        {"mfa": {"role_arn": "arn:aws:iam::1:role/r", "source_profile": "keys", "mfa_serial": "arn:aws:iam::1:mfa/me"}},
        ["Enter MFA code for arn:aws:iam::1:mfa/me is asked", "aws sts get-session-token", "credential_process", "AWS_PROFILE"],
    ),
    "sso": (
        {"sso": {"sso_session": "corp", "sso_account_id": "1", "sso_role_name": "dev"}},
        ["SSO", "corp"],
    ),
    "loop": (
        {"loop": {"role_arn": "arn:aws:iam::1:role/a", "source_profile": "pool"}, "pool": {"role_arn": "arn:aws:iam::1:role/b", "source_profile": "loop"}},
        ["loop", "pool"],
    ),
    "web": (
        {"web": {"role_arn": "arn:aws:iam::1:role/r", "web_identity_token_file": "/nowhere/token"}},
        ["credentials of profile web", "No such file or directory: '/nowhere/token'", "AWS_PROFILE"],
    ),
    "process": ({"process": {"credential_process": "/nowhere/helper"}}, ["credentials of profile process", "/nowhere/helper", "AWS_PROFILE"]),
    "prints": ({"prints": {"credential_process": "/bin/echo hello"}}, ["credentials of profile prints", "AWS_PROFILE"]),
    "fails": ({"fails": {"credential_process": "/bin/false"}}, ["credentials of profile fails", "custom-process"]),
}


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_that_leads_to_no_credentials_is_said_in_one_line(aws: Cloud, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sections, words = PROFILES[name]
    config = configparser.ConfigParser()
    for profile, values in sections.items():
        config[f"profile {profile}"] = values
    config["profile keys"] = {"aws_access_key_id": "test", "aws_secret_access_key": "emulated-secret-key"}
    config["sso-session corp"] = {"sso_start_url": "https://corp.awsapps.com/start", "sso_region": "us-west-2"}
    with open(tmp_path / "config", "w") as stream:
        config.write(stream)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in NONE:
        monkeypatch.delenv(variable, raising=False)
    for module, options in (("eks_cluster_info", {"name": "sandbox"}), ("alb_drain", {"cluster_name": "sandbox", "without_cluster": True})):
        done = aws.module(module, access_key=None, secret_key=None, profile=name, **options)
        assert done.get("failed") and "Traceback" not in str(done) and "\n" not in done["msg"]
        assert [word for word in words if word not in done["msg"]] == [], done["msg"]
    assert aws.faults.calls == []
