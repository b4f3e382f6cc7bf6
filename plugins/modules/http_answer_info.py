#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Send HTTP requests until the responses are as expected."""

from __future__ import annotations

DOCUMENTATION = r"""
module: http_answer_info
author: The meshgate authors (@meshgate)
short_description: Send HTTP requests until the responses are as expected
version_added: "0.1.0"
description:
  - Sends each request, compares status, body and headers with what is expected, and repeats it until all of them match.
  - On timeout, the message contains what differs in the last responses.
  - Redirects are not followed; their status and C(location) can be checked like any other.
  - The proxy of the environment is used, unless O(connect_to) is set.
options:
  requests:
    description: The requests, each a GET.
    type: list
    elements: dict
    required: true
    suboptions:
      url:
        description: The URL with scheme, host and path.
        type: str
        required: true
      status:
        description: The expected status.
        type: int
        default: 200
      body:
        description: The expected body, completely. If unset, the body is not compared.
        type: str
      headers:
        description: Headers that the response must have, with their values. Names are case-insensitive.
        type: dict
        default: {}
  connect_to:
    description:
      - Host and port to connect to, C(host:port), instead of those of the URLs.
      - The Host header and TLS still use the URL's own host.
    type: str
    default: ""
  validate_certs:
    description: Whether a certificate must be valid for the URL's host.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait until the responses are as expected. With V(0) each request is sent once.
    type: int
    default: 30
attributes:
  check_mode:
    description: Read-only.
    support: full
"""

EXAMPLES = r"""
- name: Request the platform by its load balancer's name, which does not resolve on a laptop
  meshgate.eks_istio.http_answer_info:
    connect_to: 127.0.0.1:8080
    requests:
      - url: http://sandbox-alb-1234567890.us-west-2.elb.amazonaws.com/health
        body: '{"status":"Healthy"}'
        headers: {server: istio-envoy}
"""

RETURN = r"""
answers:
  description: The last response to each request, in order.
  returned: always
  type: list
  elements: dict
  contains:
    url:
      description: The URL.
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
      description: Why there is no response; otherwise empty.
      type: str
complaints:
  description: What is not as expected.
  returned: failure
  type: list
  elements: str
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.http import Expected, ask_until_as_expected


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
