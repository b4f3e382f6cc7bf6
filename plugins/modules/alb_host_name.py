#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A host name for a load balancer, with its certificate."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alb_host_name
author: The meshgate authors (@meshgate)
short_description: Give a load balancer a host name, with its certificate from ACM and its records in Route 53
version_added: "0.1.0"
description:
  - Requests a certificate for the name from AWS Certificate Manager, makes the record that validates it in Route 53, and waits until it is issued.
  - Makes the alias record of type A that leads from the name to the load balancer, and of type AAAA for a load balancer that is also reached by IPv6.
  - Without a load balancer, or before it is there, only the certificate is seen to. So it can be run before and after what makes the load balancer.
  - A certificate is ours if it carries the tag C(meshgate.io/cluster) with O(cluster_name); certificates of others for the same name are left alone. Records
    have no tags. One is ours if it leads to the load balancer, or to a former one of that name.
  - A certificate of ours that failed, or that a lost answer has doubled, is deleted.
options:
  state:
    description: V(absent) removes the records that lead to the load balancer, the validation record if this module made it, and the certificate.
    type: str
    choices: [present, absent]
    default: present
  host_name:
    description: The name, such as V(mesh.example.com). A wildcard such as V(*.example.com) covers one label.
    type: str
    required: true
  hosted_zone_id:
    description: The hosted zone of the records. Empty for the public zone of this account whose name is the longest end of O(host_name).
    type: str
    default: ""
  cluster_name:
    description: The cluster whose ownership tag the certificate carries.
    type: str
    required: true
  load_balancer_name:
    description: The load balancer's name. Empty to see to the certificate only.
    type: str
    default: ""
  certificate:
    description: Whether a certificate is wanted. Without one, O(hosted_zone_id) may also be a private zone.
    type: bool
    default: true
  overwrite:
    description: Replace records of that name that lead elsewhere.
    type: bool
    default: false
  certificate_tags:
    description: More tags of the certificate.
    type: dict
    default: {}
  wait_timeout:
    description: Seconds to wait for each of ACM's and Route 53's steps, and until a certificate that is to go is no longer in use.
    type: int
    default: 900
  wait_delay:
    description: Seconds between two looks, at most.
    type: int
    default: 5
attributes:
  check_mode:
    description: Says what would change. The content of a validation record is known only once the certificate was requested.
    support: full
  diff_mode:
    description: The records and the certificate, before and after.
    support: full
notes:
  - ACM validates in public DNS. The registrar of the domain must name the hosted zone's name servers.
  - The validation record stays, since ACM renews the certificate only while it is there. On removal it stays, too, if another certificate of this account and
    region has the same name.
seealso:
  - name: DNS validation
    description: How ACM sees that a domain is yours.
    link: https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
  - name: Routing traffic to an ELB load balancer
    description: What an alias record is.
    link: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-to-elb-load-balancer.html
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: A certificate, before the Ingress that needs it
  meshgate.eks_istio.alb_host_name:
    host_name: mesh.example.com
    cluster_name: sandbox
    region: us-west-2
  register: host

- name: The name leads to the load balancer
  meshgate.eks_istio.alb_host_name:
    host_name: mesh.example.com
    cluster_name: sandbox
    load_balancer_name: sandbox-alb
    region: us-west-2

- name: Remove the records and the certificate
  meshgate.eks_istio.alb_host_name:
    state: absent
    host_name: mesh.example.com
    cluster_name: sandbox
    load_balancer_name: sandbox-alb
    region: us-west-2
"""

RETURN = r"""
certificate_arn:
  description: The certificate, empty if there is none, as in check mode when one would be requested, and for O(state=absent).
  returned: success
  type: str
  sample: arn:aws:acm:us-west-2:123456789012:certificate/11111111-2222-3333-4444-555555555555
certificate_status:
  description: ACM's status of it.
  returned: success
  type: str
  sample: ISSUED
hosted_zone_id:
  description: The zone of the records, empty if there is none for the name.
  returned: success
  type: str
  sample: Z0123456789ABCDEFGHIJ
load_balancer_hostname:
  description: The load balancer to which the name leads, empty while it is not there.
  returned: success
  type: str
  sample: sandbox-alb-1234567890.us-west-2.elb.amazonaws.com
actions:
  description: What was or would be changed.
  returned: success
  type: list
  elements: str
  sample: ["record A mesh.example.com"]
"""

from urllib.parse import urlsplit

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb_host_name import HostName, Wanted, problem
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import AwsError, Unreachable, for_module


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "host_name": {"type": "str", "required": True},
            "hosted_zone_id": {"type": "str", "default": ""},
            "cluster_name": {"type": "str", "required": True},
            "load_balancer_name": {"type": "str", "default": ""},
            "certificate": {"type": "bool", "default": True},
            "overwrite": {"type": "bool", "default": False},
            "certificate_tags": {"type": "dict", "default": {}},
            "wait_timeout": {"type": "int", "default": 900},
            "wait_delay": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    params = module.params
    wrong = problem(params["host_name"], params["certificate"])
    if wrong:
        module.fail_json(msg=wrong)
    absent = params["state"] == "absent"
    wanted = Wanted(
        host=params["host_name"].lower(),
        cluster=params["cluster_name"],
        region=module.region,
        zone_id=params["hosted_zone_id"],
        load_balancer=params["load_balancer_name"],
        certificate=params["certificate"],
        overwrite=params["overwrite"],
        tags={str(key): str(value) for key, value in params["certificate_tags"].items()},
        timeout=params["wait_timeout"],
        delay=params["wait_delay"],
    )
    aws = for_module(module)
    try:
        name = HostName(aws, wanted, absent)
        steps = name.removal() if absent else name.steps()
        for step in steps if not module.check_mode else []:
            step.call()
    except Unreachable as error:
        local = urlsplit(aws.client("acm").meta.endpoint_url).hostname in ("127.0.0.1", "localhost", "::1")
        if local and (absent or module.check_mode):
            nothing = {"certificate_arn": "", "certificate_status": "", "hosted_zone_id": "", "load_balancer_hostname": ""}
            said = "an emulated AWS of this machine that does not run holds nothing"
            module.exit_json(changed=not absent, actions=[] if absent else [f"certificate {wanted.host}"], msg=said, **nothing)
        module.fail_json(msg=str(error))
    except AwsError as error:
        module.fail_json(msg=str(error))
    shown = {"before": {step.what: step.before for step in steps}, "after": {step.what: step.after for step in steps}}
    if absent:
        name.certificate = None
    module.exit_json(changed=bool(steps), actions=[step.what for step in steps], diff=shown, **name.result())


if __name__ == "__main__":
    main()
