# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The options of every module that reaches a cluster through kubectl: those of kubernetes.core that a kubeconfig can express."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - The kubeconfig file, several files as in E(KUBECONFIG), or the whole kubeconfig as a dictionary. Defaults to E(K8S_AUTH_KUBECONFIG), then to kubectl's
        own default.
      - A task that sets this or O(host) uses that cluster. E(K8S_AUTH_CONTEXT), E(K8S_AUTH_HOST) and the other environment variables are then ignored.
    type: raw
  context:
    description: The context in it. Defaults to E(K8S_AUTH_CONTEXT), then to the current context.
    type: str
  host:
    description:
      - The API server's address, instead of the kubeconfig's. Defaults to E(K8S_AUTH_HOST).
      - Together with O(api_key), with O(username) and O(password), or with O(client_cert) and O(client_key), no kubeconfig is read.
    type: str
  api_key:
    description:
      - A bearer token, instead of the kubeconfig's credentials. Defaults to E(K8S_AUTH_API_KEY).
      - It is passed to kubectl in a temporary kubeconfig that only its owner can read, never on a command line.
    type: str
  username:
    description: The user name, for an API server that accepts passwords. Defaults to E(K8S_AUTH_USERNAME).
    type: str
  password:
    description: The password of O(username). Defaults to E(K8S_AUTH_PASSWORD).
    type: str
  ca_cert:
    description: A file with the CA certificates for the API server's certificate. Defaults to E(K8S_AUTH_SSL_CA_CERT).
    type: path
    aliases: [ssl_ca_cert]
  client_cert:
    description: A file with the client certificate. Defaults to E(K8S_AUTH_CERT_FILE).
    type: path
    aliases: [cert_file]
  client_key:
    description: A file with the key of O(client_cert). Defaults to E(K8S_AUTH_KEY_FILE).
    type: path
    aliases: [key_file]
  proxy:
    description: The HTTP proxy for the API server, instead of E(HTTPS_PROXY). Defaults to E(K8S_AUTH_PROXY).
    type: str
  no_proxy:
    description: Hosts, domains, addresses and CIDR blocks, separated by commas, that do not use O(proxy). Defaults to E(K8S_AUTH_NO_PROXY).
    type: str
  impersonate_user:
    description: The user to impersonate. Defaults to E(K8S_AUTH_IMPERSONATE_USER).
    type: str
  impersonate_groups:
    description: The groups to impersonate. Defaults to E(K8S_AUTH_IMPERSONATE_GROUPS), separated by commas.
    type: list
    elements: str
  kubectl:
    description: The kubectl binary.
    type: str
    default: kubectl
notes:
  - The options C(proxy_headers) and C(persist_config) of M(kubernetes.core.k8s) are not supported. A kubeconfig cannot express a proxy's headers, and
    kubectl always writes renewed credentials back.
"""

    # For modules without AWS's option of this name.
    VALIDATE_CERTS = r"""
options:
  validate_certs:
    description: Whether to verify the API server's certificate. Defaults to E(K8S_AUTH_VERIFY_SSL), then to the kubeconfig's setting.
    type: bool
    aliases: [verify_ssl]
"""
