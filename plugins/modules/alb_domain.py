#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A host name for a load balancer, with its certificate."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alb_domain
author: The meshgate authors (@meshgate)
short_description: Manage the host name of a load balancer, with its ACM certificate and Route 53 records
version_added: "0.1.0"
description:
  - Requests a certificate for the name from AWS Certificate Manager, creates its validation record in Route 53, and waits until it is issued.
  - Creates an alias record of type A that points the name to the load balancer, and one of type AAAA for a load balancer with IPv6.
  - Without a load balancer, or before it exists, only the certificate is managed. So the module can run before and after the load balancer is created.
  - A certificate is ours if it carries the tag C(meshgate.io/cluster) with O(cluster_name); certificates of others for the same name are left alone. Records
    have no tags. One is ours if it points to the load balancer, or to a former one of that name.
  - A certificate of ours that failed, or that was created twice because a response was lost, is deleted.
options:
  state:
    description: V(absent) removes the records that point to the load balancer, the validation record if this module created it, and the certificate.
    type: str
    choices: [present, absent]
    default: present
  host_name:
    description: The name, such as V(mesh.example.com). A wildcard such as V(*.example.com) covers one label.
    type: str
    required: true
  hosted_zone_id:
    description: The hosted zone of the records. Empty for the public zone of this account with the longest name that O(host_name) ends in.
    type: str
    default: ""
  cluster_name:
    description: The cluster whose ownership tag the certificate carries.
    type: str
    required: true
  load_balancer_name:
    description: The load balancer's name. Empty to manage only the certificate.
    type: str
    default: ""
  certificate:
    description: Whether to request a certificate. Without one, O(hosted_zone_id) may also be a private zone.
    type: bool
    default: true
  require_zone:
    description:
      - Whether to fail if this account has no public hosted zone for O(host_name).
      - If V(false), the certificate is requested all the same, nothing waits for it, and RV(records_by_hand) has the records that whoever has the zone must
        create. A later run finds it issued.
    type: bool
    default: true
  overwrite:
    description: Replace records of that name that point elsewhere.
    type: bool
    default: false
  certificate_tags:
    description: Additional tags of the certificate.
    type: dict
    default: {}
  wait_timeout:
    description: Seconds to wait for each step of ACM and Route 53, and until a certificate that is being removed is no longer in use.
    type: int
    default: 900
  wait_delay:
    description: Maximum seconds between two polls.
    type: int
    default: 5
attributes:
  check_mode:
    description: Reports what would change. The content of a validation record is known only after the certificate was requested.
    support: full
  diff_mode:
    description: The records and the certificate, before and after.
    support: full
notes:
  - ACM validates over public DNS. The domain must be delegated to the hosted zone's name servers.
  - The validation record stays, since ACM renews the certificate only while it exists. On removal it also stays if another certificate of this account and
    region has the same name.
seealso:
  - name: DNS validation
    description: How ACM verifies that you own a domain.
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
- name: Create the certificate before the Ingress that needs it
  meshgate.eks_istio.alb_domain:
    host_name: mesh.example.com
    cluster_name: sandbox
    region: us-west-2
  register: host

- name: Point the host name at the load balancer
  meshgate.eks_istio.alb_domain:
    host_name: mesh.example.com
    cluster_name: sandbox
    load_balancer_name: sandbox-alb
    region: us-west-2

- name: Request the certificate of a host whose zone is somebody else's
  meshgate.eks_istio.alb_domain:
    host_name: shop.example.org
    cluster_name: sandbox
    load_balancer_name: sandbox-alb
    require_zone: false
    region: us-west-2
  register: shop

- name: Print the records to create there
  ansible.builtin.debug:
    msg: "{{ shop.records_by_hand }}"

- name: Remove the records and the certificate
  meshgate.eks_istio.alb_domain:
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
  description: The certificate's status in ACM.
  returned: success
  type: str
  sample: ISSUED
hosted_zone_id:
  description: The zone of the records, empty if there is none for the name.
  returned: success
  type: str
  sample: Z0123456789ABCDEFGHIJ
load_balancer_hostname:
  description: The load balancer that the name points to, empty if it does not exist yet.
  returned: success
  type: str
  sample: sandbox-alb-1234567890.us-west-2.elb.amazonaws.com
records_by_hand:
  description: With O(require_zone=false) and without a zone in this account, the records to create elsewhere, as zone files have them. Empty once the
    certificate is issued. A domain's own name cannot have a CNAME; the provider of its zone has an alias for that.
  returned: success
  type: list
  elements: str
  sample:
    - _3639ac514e785e898d2646601fa951d5.shop.example.org. CNAME _98d2646601fa951d53639ac514e785e8.acm-validations.aws.
    - shop.example.org. CNAME sandbox-alb-1234567890.us-west-2.elb.amazonaws.com.
actions:
  description: What was or would be changed.
  returned: success
  type: list
  elements: str
  sample: ["record A mesh.example.com"]
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb.domain import manage, problem
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import run


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
            "require_zone": {"type": "bool", "default": True},
            "certificate_tags": {"type": "dict", "default": {}},
            "wait_timeout": {"type": "int", "default": 900},
            "wait_delay": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    wrong = problem(module.params["host_name"], module.params["certificate"])
    run(module, manage, [wrong] if wrong else [])


if __name__ == "__main__":
    main()
