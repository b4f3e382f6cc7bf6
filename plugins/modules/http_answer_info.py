#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ask over HTTP until the answers are as expected."""

from __future__ import annotations

DOCUMENTATION = r"""
module: http_answer_info
author: The meshgate authors (@meshgate)
short_description: Ask over HTTP until the answers are as expected
version_added: "0.1.0"
description:
  - Sends each request, compares status, body and headers with what is expected, and asks again until all of them agree.
  - Fails with what is different in the last answers when the time is over.
  - Redirects are not followed; their status and C(location) can be expected as any other.
  - The environment's proxy is used, unless O(connect_to) is given.
options:
  requests:
    description: The requests, each a GET.
    type: list
    elements: dict
    required: true
    suboptions:
      url:
        description: The address with scheme, name and path.
        type: str
        required: true
      status:
        description: The status that is expected.
        type: int
        default: 200
      body:
        description: The whole body that is expected. Without it, no body is compared.
        type: str
      headers:
        description: Headers that the answer must have, with their values. Names are compared without regard to case.
        type: dict
        default: {}
  connect_to:
    description:
      - Host and port to connect to, C(host:port), instead of those of the addresses.
      - The request still names the address's own host, and TLS asks for it.
    type: str
    default: ""
  validate_certs:
    description: Whether a certificate must be valid for the address's host.
    type: bool
    default: true
  wait_timeout:
    description: Seconds until the answers must be as expected. With V(0) each request is sent once.
    type: int
    default: 30
attributes:
  check_mode:
    description: Only reads.
    support: full
"""

EXAMPLES = r"""
- name: Ask the platform by its load balancer's name, on a laptop where nobody resolves it
  meshgate.eks_istio.http_answer_info:
    connect_to: 127.0.0.1:8080
    requests:
      - url: http://sandbox-alb-1234567890.us-west-2.elb.amazonaws.com/health
        body: '{"status":"Healthy"}'
        headers: {server: istio-envoy}
"""

RETURN = r"""
answers:
  description: The last answer to each request, in their order.
  returned: always
  type: list
  elements: dict
  contains:
    url:
      description: The address.
      type: str
    status:
      description: The status; 0 if nothing answered.
      type: int
    body:
      description: The body as text.
      type: str
    headers:
      description: The headers, their names in lower case.
      type: dict
    error:
      description: Why there is no answer; else empty.
      type: str
complaints:
  description: What is not as expected.
  returned: failure
  type: list
  elements: str
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.http_answers import Expected, ask_until_as_expected


def main() -> None:
    request = {
        "url": {"type": "str", "required": True},
        "status": {"type": "int", "default": 200},
        "body": {"type": "str"},
        "headers": {"type": "dict", "default": {}},
    }
    module = AnsibleModule(
        argument_spec={
            "requests": {"type": "list", "elements": "dict", "required": True, "options": request},
            "connect_to": {"type": "str", "default": ""},
            "validate_certs": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    params = module.params
    wrong = [entry["url"] for entry in params["requests"] if not entry["url"].startswith(("http://", "https://"))]
    if wrong:
        module.fail_json(msg=f"requests has the url {wrong[0]!r}; accepted: one that begins with http:// or https://")
    expected = [Expected(**entry) for entry in params["requests"]]
    answers, complaints = ask_until_as_expected(expected, params["connect_to"], params["validate_certs"], params["wait_timeout"])
    shown = [{"url": request.url, **asdict(answer)} for request, answer in zip(expected, answers, strict=True)]
    if complaints:
        module.fail_json(msg="; ".join(complaints), answers=shown, complaints=complaints)
    module.exit_json(changed=False, answers=shown)


if __name__ == "__main__":
    main()
