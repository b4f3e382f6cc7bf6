# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The scanner finds what was planted, in each way in which Ansible can print it; then what is masked it does not find."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from secret_scan import findings

REPOSITORY = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
PLANTED = {"AWS secret key": secrets.token_urlsafe(30), "password": "a b/" + secrets.token_urlsafe(12)}
KEY = "-----BEGIN EC PRIVATE KEY-----\n" + "\n".join(secrets.token_hex(32) for _line in range(3)) + "\n-----END EC PRIVATE KEY-----\n"
KEY_BODY = {"CA key": KEY}


def ansible(tmp_path: Path, *tasks: dict, environment: dict | None = None) -> str:
    """What a run at -vvv says."""
    book = tmp_path / "book.yml"
    book.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "environment": environment or {}, "tasks": list(tasks)}]))
    argv = [str(BIN / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", "-vvv", "--diff", str(book)]
    surroundings = {**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(argv, cwd=REPOSITORY, env=surroundings, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout + done.stderr


def test_planted_secrets_are_found_however_ansible_prints_them(tmp_path: Path) -> None:
    key, password = PLANTED["AWS secret key"], PLANTED["password"]
    ways = {
        "a message": ansible(tmp_path, {"ansible.builtin.debug": {"msg": f"the password is {password}"}}),
        "a module's arguments": ansible(tmp_path, {"ansible.builtin.command": {"argv": ["true", key]}}),
        "a task's environment": ansible(tmp_path, {"ansible.builtin.command": "true"}, environment={"AWS_SECRET_ACCESS_KEY": key}),
        "a diff": ansible(tmp_path, {"ansible.builtin.copy": {"content": f"{KEY}\n{password}\n", "dest": str(tmp_path / "file")}}),
        "a Kubernetes Secret": ansible(tmp_path, {"ansible.builtin.debug": {"msg": {"data": base64.b64encode(password.encode()).decode()}}}),
    }
    assert [way for way, said in ways.items() if not findings(said, {**PLANTED, **KEY_BODY})] == []


@pytest.mark.parametrize("written", [str, repr, json.dumps, lambda text: base64.b64encode(text.encode()).decode()])
def test_a_key_is_found_by_its_lines(written) -> None:
    body = "\n".join(KEY.splitlines()[1:-1])
    assert [found.partition(": ")[2] for found in findings("said: " + written(body), {"CA key": body})] == ["CA key"]


def test_what_a_key_repeats_of_its_public_half_may_be_said() -> None:
    """A cluster's JWKS has the modulus of the key that signs its tokens, and so has the key's file."""
    made = rsa.generate_private_key(65537, 2048)
    formats = (serialization.PrivateFormat.TraditionalOpenSSL, serialization.PrivateFormat.PKCS8)
    keys = [made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode() for form in formats]
    modulus = made.public_key().public_numbers().n.to_bytes(256, "big")
    for key in keys:
        for shift in range(3):
            assert findings(base64.b64encode(bytes(shift) + modulus).decode(), {"key": key}) == []
        private = key.splitlines()[-4]
        assert findings(f"said: {private}", {"key": key}) == ["line 1: key"]


@pytest.mark.parametrize(
    ("said", "looks_like"),
    [
        (KEY, "a private key"),
        (base64.b64encode(KEY.encode()).decode(), "a private key in base64"),
        ("eyJhbGciOiJSUzI1NiIsImtpZCI6.eyJhdWQiOlsic3RzLmFtYXpv.c2lnbmF0dXJlLWlzLWhlcmU0", "a JSON web token"),
        ("k8s-aws-v1.aHR0cHM6Ly9zdHMudXMtd2VzdC0yLmFtYXpvbmF3cw", "an EKS token"),
        ("AQoEXAMPLEH4aoAH0gNCAPyJxz4BlCFFxWNE1OPTgk5TthT+FvwqnKwRcOIfrRh3c", "an AWS session token"),
        ("https://sts.amazonaws.com/?X-Amz-Signature=0123456789abcdef0123", "a signed address"),
        ('{"Authorization": "Basic QVdTOnRoZS1wYXNzd29yZA=="}', "an Authorization header"),
    ],
)
def test_what_looks_like_a_secret_is_found_without_knowing_it(said: str, looks_like: str) -> None:
    assert f"line 2: {looks_like}" in findings(f"first\n{said}\n", {})


def test_what_ansible_masks_is_not_found(tmp_path: Path) -> None:
    said = ansible(tmp_path, {"ansible.builtin.debug": {"msg": PLANTED["password"]}, "no_log": True})
    assert findings(said, PLANTED) == []
    assert findings("Authorization: Bearer ********, token: VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", {}) == []
