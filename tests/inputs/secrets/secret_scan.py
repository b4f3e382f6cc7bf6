# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Look in a run's output for the secrets that it used: those of the platform by their values, and anything that looks like one.

As a program, `secret_scan.py LOG...` takes the secrets of the running platform, and ends with 1 where a log has one of them.
"""

from __future__ import annotations

import base64
import configparser
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

REPOSITORY = Path(__file__).resolve().parents[3]
# What everybody may know: certificates, and what Helm keeps of a release.
PUBLIC = re.compile(rb"-----BEGIN CERTIFICATE-----")
HELM = "helm.sh/release.v1"
SHORTEST = 8
# Nobody's value in particular. A mask that Ansible put there is none.
LOOKS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "a private key in base64": re.compile(r"LS0tLS1CRUdJTiB(?:SU0EgUFJJVkFURSBLRVkt|FQyBQUklWQVRFIEtFWS|QUklWQVRFIEtFWS)"),
    "a JSON web token": re.compile(r"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,}"),
    "an EKS token": re.compile(r"\bk8s-aws-v1\.[A-Za-z0-9_-]{20,}"),
    "an AWS session token": re.compile(r"\b(?:FwoG|IQoJ|AQoE|AQoD)[A-Za-z0-9/+=]{40,}"),
    "a signed address": re.compile(r"X-Amz-(?:Signature|Security-Token)=[A-Za-z0-9%]{16,}"),
    "an Authorization header": re.compile(r"[Aa]uthorization['\"]?\s*[:=]\s*['\"]?(?:Basic|Bearer|AWS4-HMAC-SHA256) (?!\*)\S{12,}"),
}


def known_secrets(cluster: Any, aws: Callable[[str], Any]) -> dict[str, str]:
    """Name and value of every secret of the running platform. `cluster` is tests/platform/cluster.Cluster, `aws` a function from service to client."""
    found = {**of_kubeconfig(cluster), **of_secrets(cluster), **of_nodes(cluster), **of_aws(aws)}
    return {name: value for name, value in found.items() if len(value) >= SHORTEST}


def of_kubeconfig(cluster: Any) -> dict[str, str]:
    users = json.loads(cluster.kubectl("config", "view", "--raw", "-o", "json").stdout)["users"] or []
    secret = ("client-key-data", "token", "password")
    found = {f"kubeconfig {user['name']} {key}": user["user"][key] for user in users for key in secret if user["user"].get(key)}
    return {name: decoded(value) if name.endswith("-data") else value for name, value in found.items()}


def of_secrets(cluster: Any) -> dict[str, str]:
    found = {}
    for item in cluster.find("Secret"):
        if item["type"] == HELM:
            continue
        for key, value in (item.get("data") or {}).items():
            content = base64.b64decode(value)
            if not PUBLIC.search(content) or b"PRIVATE KEY" in content:
                found[f"secret {item['metadata']['namespace']}/{item['metadata']['name']} {key}"] = content.decode("utf-8", "replace")
    return found


def of_nodes(cluster: Any) -> dict[str, str]:
    """The keys of Kubernetes' own authorities and accounts. A node that is no container has none that we could read."""
    nodes = [node["metadata"]["name"] for node in cluster.find("Node")]
    listing = 'for file in $(find /etc/kubernetes/pki -name \'*.key\'); do echo "$file"; base64 -w0 "$file"; echo; done'
    found = {}
    for node in nodes:
        done = subprocess.run(["docker", "exec", node, "sh", "-c", listing], capture_output=True, text=True, check=False)
        lines = done.stdout.splitlines()
        found.update({f"{node} {path}": decoded(key) for path, key in zip(lines[::2], lines[1::2], strict=True)})
    return found


def of_aws(aws: Callable[[str], Any]) -> dict[str, str]:
    given = configparser.ConfigParser()
    given.read(REPOSITORY / "roles/aws_emulator/files/credentials")
    found = {"AWS secret key": given["default"]["aws_secret_access_key"]}
    token = aws("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    found["ECR password"] = decoded(token).partition(":")[2]
    return found


def decoded(value: str) -> str:
    return base64.b64decode(value).decode("utf-8", "replace")


def public_half(key: str) -> list[str]:
    """What a private key's file repeats of its public key, which may be said: some of its lines stand as they are in a cluster's JWKS."""
    try:
        public = serialization.load_pem_private_key(key.encode(), None).public_key()
    except ValueError:
        return []
    if isinstance(public, rsa.RSAPublicKey):
        number = public.public_numbers().n
        content = number.to_bytes((number.bit_length() + 7) // 8, "big")
    else:
        content = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    # Base64 depends on where the number begins in the file.
    return [base64.b64encode(bytes(shift) + content).decode() for shift in range(3)]


def forms(secret: str) -> set[str]:
    """How a secret may stand in an output: as it is, in base64, in JSON, in an address. A key of many lines is found by its longest ones."""
    lines = [line.strip() for line in secret.splitlines() if len(line.strip()) >= SHORTEST and "-----" not in line]
    if len(lines) > 1:
        known_to_all = public_half(secret)
        long = {line for line in lines if len(line) >= min(40, max(map(len, lines)))}
        return {line for line in long if not any(line in text for text in known_to_all)} | {base64.b64encode(secret.encode()).decode()[:200]}
    plain = lines[0] if lines else secret
    return {plain, base64.b64encode(secret.encode()).decode().rstrip("="), json.dumps(plain)[1:-1], quote(plain, safe="")}


def findings(text: str, known: dict[str, str]) -> list[str]:
    """What is in the text that should not be: which secret, in which line. The secret itself is not repeated."""
    found = []
    for name, secret in known.items():
        for form in forms(secret):
            at = text.find(form)
            if at >= 0:
                found.append(f"line {line_of(text, at)}: {name}")
                break
    for name, pattern in LOOKS.items():
        if match := pattern.search(text):
            found.append(f"line {line_of(text, match.start())}: {name}")
    return found


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def scan(logs: Iterable[Path], known: dict[str, str]) -> list[str]:
    return [f"{log}, {found}" for log in logs for found in findings(log.read_text(encoding="utf-8", errors="replace"), known)]


def main() -> int:
    sys.path.insert(0, str(REPOSITORY / "tests/platform"))
    import boto3
    from harness import AWS, the_cluster

    logs = [Path(name) for name in sys.argv[1:]]
    known = known_secrets(the_cluster(), lambda service: boto3.client(service, **AWS))
    # A scanner that finds nothing must have been able to: one of the secrets, planted at the end of the last log.
    planted = next(name for name in known if name.startswith("kubeconfig"))
    assert findings(logs[-1].read_text(encoding="utf-8", errors="replace") + json.dumps({"msg": known[planted]}), known), "the planted secret was not found"
    found = scan(logs, known)
    size = sum(os.path.getsize(log) for log in logs) / 1e6
    looked_for = f"{len(known)} secrets of the platform and {len(LOOKS)} forms of others"
    print(f"{looked_for}, in {len(logs)} logs of {size:.1f} MB: found {len(found)}, and the planted one")
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
