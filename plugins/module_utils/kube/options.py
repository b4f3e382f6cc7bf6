# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The connection to a cluster: kubernetes.core's options and environment variables, as the documentation fragment `kubectl` describes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

# Together with amazon.aws's options, which already include `validate_certs`: it applies to AWS there, and must not be disabled for a cluster.
BESIDE_AWS: dict[str, dict[str, Any]] = {
    "kubectl": {"type": "str", "default": "kubectl"},
    # A path, or the whole kubeconfig as a dictionary with credentials, which `secrets_of` hides.
    "kubeconfig": {"type": "raw", "no_log": True},
    "context": {"type": "str"},
    "host": {"type": "str"},
    "api_key": {"type": "str", "no_log": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "ca_cert": {"type": "path", "aliases": ["ssl_ca_cert"]},
    "client_cert": {"type": "path", "aliases": ["cert_file"]},
    "client_key": {"type": "path", "aliases": ["key_file"], "no_log": False},
    "proxy": {"type": "str"},
    "no_proxy": {"type": "str"},
    "impersonate_user": {"type": "str"},
    "impersonate_groups": {"type": "list", "elements": "str"},
}
CONNECTION: dict[str, dict[str, Any]] = {**BESIDE_AWS, "validate_certs": {"type": "bool", "aliases": ["verify_ssl"]}}
# The environment variables of kubernetes.core, first by the option's name and then by its alias.
OLDER_NAMES = {"validate_certs": "VERIFY_SSL", "ca_cert": "SSL_CA_CERT", "client_cert": "CERT_FILE", "client_key": "KEY_FILE"}
FALSE = ("0", "false", "no")
# If one of these is set, it selects the cluster: the environment is ignored.
NAMES_A_CLUSTER = ("kubeconfig", "host")
# Besides a kubeconfig and a context, which kubectl accepts as they are.
PLAIN = ("kubeconfig", "context")
SECRET_KEYS = ("token", "password", "client-key-data", "client-certificate-data", "id-token", "refresh-token", "access-token", "client-secret")


@dataclass
class Connection:
    """The options, or else the environment. `kubeconfig` is a path, paths as in $PATH, or a whole kubeconfig."""

    kubeconfig: str | dict[str, Any] = ""
    context: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether --kubeconfig and --context are enough for kubectl, helm and istioctl."""
        return not self.more and isinstance(self.kubeconfig, str)

    @property
    def names_a_cluster(self) -> bool:
        return bool(self.kubeconfig or self.more.get("host"))

    def secrets(self) -> set[str]:
        found = {str(self.more[key]) for key in ("api_key", "password") if self.more.get(key)}
        found |= {word for word in (urlsplit(self.more.get("proxy", "")).password,) if word}
        return found | (secrets_of(self.kubeconfig) if isinstance(self.kubeconfig, dict) else set())


def connection(params: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Connection:
    """Options before environment variables. A module without an option, such as `validate_certs` together with AWS, ignores its variable, too."""
    environment = os.environ if environment is None else environment
    asked = {name: params[name] for name in CONNECTION if name in params and name != "kubectl" and params[name] not in (None, "", [])}
    if beside_aws := "aws_ca_bundle" in params:
        asked.pop("validate_certs", None)
    if not any(name in asked for name in NAMES_A_CLUSTER):
        known = [name for name in (BESIDE_AWS if beside_aws else CONNECTION) if name in params and name != "kubectl"]
        said = {name: _said(name, environment) for name in (PLAIN if "context" in asked else known)}
        asked = {**{name: value for name, value in said.items() if value not in (None, "", [])}, **asked}
    kubeconfig = asked.pop("kubeconfig", "")
    if isinstance(kubeconfig, str):
        kubeconfig = os.pathsep.join(os.path.expanduser(os.path.expandvars(part)) for part in kubeconfig.split(os.pathsep))
    return Connection(kubeconfig, asked.pop("context", ""), asked)


def _said(name: str, environment: Mapping[str, str]) -> Any:
    text = next((environment[key] for key in (f"K8S_AUTH_{word}" for word in (name.upper(), OLDER_NAMES.get(name))) if environment.get(key)), "")
    kind = CONNECTION[name]["type"]
    if kind == "bool":
        return text.lower() not in FALSE if text else None
    if kind == "path":
        return os.path.expanduser(os.path.expandvars(text))
    return [part for part in text.split(",") if part] if kind == "list" else text


def secrets_of(kubeconfig: Any) -> set[str]:
    """The credentials of a kubeconfig's users."""
    if isinstance(kubeconfig, list):
        return {secret for item in kubeconfig for secret in secrets_of(item)}
    if not isinstance(kubeconfig, dict):
        return set()
    own = {str(value) for key, value in kubeconfig.items() if key in SECRET_KEYS and value}
    # The environment of a plugin for credentials.
    own |= {str(item["value"]) for item in (kubeconfig.get("env") or []) if isinstance(item, dict) and item.get("value")}
    return own | {secret for value in kubeconfig.values() for secret in secrets_of(value)}
