#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Create, change, update or delete an EKS add-on."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_addon
author: The meshgate authors (@meshgate)
short_description: Create, change, update or delete an EKS add-on
version_added: "0.1.0"
description:
  - Creates an EKS add-on and waits until it is C(ACTIVE), or changes what differs on one that exists.
  - Chooses a version that fits the cluster's Kubernetes version, and refuses one that does not, naming those that do.
  - Compares configuration values by meaning, whether EKS keeps them as JSON or as YAML.
  - An add-on that fails or stays degraded says why, in the words of EKS's health issues.
  - An add-on whose creation failed is made anew. Its software stays on the cluster meanwhile.
  - Options that are not given are left as they are.
options:
  name:
    description: The add-on's name as C(aws eks describe-addon-versions) lists it, for example V(vpc-cni), V(coredns) or V(metrics-server).
    type: str
    required: true
    aliases: [addon_name]
  cluster_name:
    description: The cluster that it belongs to.
    type: str
    required: true
  state:
    description: Whether the add-on shall exist.
    type: str
    choices: [present, absent]
    default: present
  version:
    description:
      - An exact version such as V(v1.21.1-eksbuild.1), V(default) for AWS's default for the cluster's Kubernetes version, or V(latest) for the newest one
        that fits it. V(default) and V(latest) never go back from a newer version that fits.
      - Without it, a new add-on gets AWS's default. An existing one keeps its version as long as that fits the cluster, and gets the default when it does not.
    type: str
    aliases: [addon_version]
  configuration_values:
    description: The add-on's configuration, all of it. An empty dict goes back to its defaults. C(aws eks describe-addon-configuration) shows the schema.
    type: dict
  role_arn:
    description: The IAM role of the add-on's service account, through the cluster's OIDC provider. An empty string takes it away.
    type: str
    aliases: [service_account_role_arn]
  pod_identity_associations:
    description: The IAM roles of the add-on's service accounts, through EKS Pod Identity, all of them. An empty list removes them.
    type: list
    elements: dict
    suboptions:
      service_account:
        description: The add-on's service account.
        type: str
        required: true
      role_arn:
        description: The IAM role that it gets.
        type: str
        required: true
  resolve_conflicts:
    description:
      - What happens to a field that somebody else has set on the add-on's objects. V(NONE) fails, V(OVERWRITE) sets the add-on's value,
        V(PRESERVE) keeps the other one when updating.
      - To take over the self-managed add-ons of a new cluster, say V(OVERWRITE).
      - Without it, AWS does as with V(NONE).
    type: str
    choices: [NONE, OVERWRITE, PRESERVE]
  preserve:
    description: With O(state=absent), leave the add-on's software on the cluster. EKS only stops managing it.
    type: bool
    default: false
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - meshgate.eks_istio.eks.tags
  - meshgate.eks_istio.eks.wait
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
notes:
  - Add-ons that run as Deployments, V(coredns) and V(metrics-server) among them, become C(ACTIVE) only when the cluster has nodes. Create them with
    O(wait=false) before the node groups, or after them.
  - A degraded add-on in which nothing differs is a warning, not a failure.
seealso:
  - module: meshgate.eks_istio.eks_cluster
  - module: meshgate.eks_istio.eks_pod_identity_association
  - name: Amazon EKS add-ons
    description: What there is, and what each one needs.
    link: https://docs.aws.amazon.com/eks/latest/userguide/eks-add-ons.html
"""

EXAMPLES = r"""
- name: AWS's network plugin with prefixes, at the default version for the cluster
  meshgate.eks_istio.eks_addon:
    cluster_name: sandbox
    name: vpc-cni
    version: default
    resolve_conflicts: OVERWRITE
    configuration_values:
      env:
        ENABLE_PREFIX_DELEGATION: "true"

- name: The EBS driver with a role through Pod Identity
  meshgate.eks_istio.eks_addon:
    cluster_name: sandbox
    name: aws-ebs-csi-driver
    pod_identity_associations:
      - service_account: ebs-csi-controller-sa
        role_arn: arn:aws:iam::123456789012:role/ebs-csi-driver
    tags:
      meshgate.io/cluster: sandbox

- name: Create an add-on that needs nodes before there are any
  meshgate.eks_istio.eks_addon:
    cluster_name: sandbox
    name: metrics-server
    wait: false

- name: The newest version, keeping what was changed by hand
  meshgate.eks_istio.eks_addon:
    cluster_name: sandbox
    name: vpc-cni
    version: latest
    resolve_conflicts: PRESERVE

- name: Let EKS forget an add-on, and keep it running
  meshgate.eks_istio.eks_addon:
    cluster_name: sandbox
    name: metrics-server
    state: absent
    preserve: true
"""

RETURN = r"""
addon:
  description: The add-on as EKS describes it, with keys in snake_case. Empty if there is none.
  returned: always
  type: dict
  sample:
    addon_name: vpc-cni
    addon_version: v1.21.1-eksbuild.1
    status: ACTIVE
"""

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_addon, eks_options
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.certain import certain

OPTIONS = {
    "version": {"type": "str", "aliases": ["addon_version"]},
    "configuration_values": {"type": "dict"},
    "role_arn": {"type": "str", "aliases": ["service_account_role_arn"]},
    "pod_identity_associations": {
        "type": "list",
        "elements": "dict",
        "options": {"service_account": {"type": "str", "required": True}, "role_arn": {"type": "str", "required": True}},
    },
    "resolve_conflicts": {"type": "str", "choices": list(eks_addon.CONFLICTS)},
}


def result(addon: dict | None) -> dict:
    return {"addon": camel_dict_to_snake_dict(addon, ignore_list=["tags"]) if addon else {}}


def problems(params: dict) -> list[str]:
    found = eks_options.name_problems(params, cluster_name=eks_options.NAME) + eks_options.tag_problems(params["tags"])
    if not eks_addon.NAME.fullmatch(params["name"]):
        found.append(f"name is {params['name']!r}; accepted: the name of an add-on such as vpc-cni")
    if params["version"] and not eks_addon.VERSION.fullmatch(params["version"]):
        found.append(f"version is {params['version']!r}; accepted: default, latest, or a version such as v1.21.1-eksbuild.1")
    if params["role_arn"]:
        found += eks_options.name_problems(params, role_arn=eks_options.ROLE_ARN)
    for one in params["pod_identity_associations"] or []:
        found += eks_options.name_problems(one, service_account=eks_options.SERVICE_ACCOUNT, role_arn=eks_options.ROLE_ARN)
    if params["role_arn"] and params["pod_identity_associations"]:
        found.append("role_arn and pod_identity_associations are both given; accepted: one of them")
    return found


def present(module: AnsibleAWSModule, aws: Aws) -> dict:
    params = module.params
    cluster, name, waits = params["cluster_name"], params["name"], (params["wait_timeout"], params["wait_delay"])
    wanted = {"name": name, "tags": eks_options.text_tags(params["tags"]), **{key: params[key] for key in OPTIONS}}
    kubernetes = eks_addon.kubernetes_version(aws, cluster)
    if kubernetes is None:
        if not module.check_mode:
            raise Refused(f"EKS cluster {cluster} does not exist; create it before its add-on {name}")
        return {"changed": True, "diff": {"before": {}, "after": eks_options.given(wanted)}, "addon": {}}
    live = eks_addon.read(aws, cluster, name)
    if live and live.addon["status"] == "DELETING":
        if not module.check_mode:
            eks_addon.wait_until_gone(aws, cluster, name, *waits)
        live = None
    versions = eks_addon.offered(aws, name, kubernetes)
    plan = eks_addon.plan_addon(live, wanted, versions, kubernetes, params["purge_tags"])
    if live and plan.action and live.addon["status"] in eks_addon.UNDER_WAY and not module.check_mode:
        # What an earlier run began may be what is wanted.
        eks_addon.wait_until_settled(aws, cluster, name, *waits)
        live = eks_addon.read(aws, cluster, name)
        plan = eks_addon.plan_addon(live, wanted, versions, kubernetes, params["purge_tags"])
    diff = plan.as_diff()
    if module.check_mode:
        return {"changed": plan.changed, "diff": diff, **result(live.addon if live else None)}
    if plan.changed:
        return {"changed": True, "diff": diff, **result(eks_addon.apply(aws, cluster, name, live, plan, waits, params["wait"]))}
    addon = certain(live).addon
    if params["wait"] and addon["status"] in eks_addon.UNDER_WAY:
        addon = eks_addon.wait_until_active(aws, cluster, name, *waits)
    if addon["status"] == "DEGRADED":
        module.warn(f"add-on {name} is DEGRADED: {eks_addon.failure(addon)}")
    return {"changed": False, "diff": diff, **result(addon)}


def absent(module: AnsibleAWSModule, aws: Aws) -> dict:
    params = module.params
    cluster, name, waits = params["cluster_name"], params["name"], (params["wait_timeout"], params["wait_delay"])
    live = eks_addon.read(aws, cluster, name)
    if live is None:
        return {"changed": False, "diff": {"before": {}, "after": {}}, "addon": {}}
    diff = {"before": eks_addon.view(live), "after": {}}
    if module.check_mode:
        return {"changed": True, "diff": diff, **result(live.addon)}
    eks_addon.remove(aws, cluster, live.addon, params["preserve"], waits, params["wait"])
    return {"changed": True, "diff": diff, "addon": {}}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"type": "str", "required": True, "aliases": ["addon_name"]},
            "preserve": {"type": "bool", "default": False},
            **eks_options.CLUSTER,
            **eks_options.STATE,
            **eks_options.TAGS,
            **eks_options.WAIT,
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    eks_options.run(module, problems(module.params), present, absent)


if __name__ == "__main__":
    main()
