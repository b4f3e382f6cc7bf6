# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The options of module eks_platform are the variables of role eks_cluster, each once, and its documentation says what Ansible checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.meshgate.eks_istio.plugins.doc_fragments import eks_platform as fragment
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import input_names
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform import options
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform.inputs import problems
from ansible_collections.meshgate.eks_istio.plugins.modules import eks_platform

ROLE = Path(__file__).resolve().parents[6] / "roles/eks_cluster"
FULL: dict[str, Any] = {
    "name": "sandbox",
    "region": "us-west-2",
    "version": "1.36",
    "tags": {"team": "mesh"},
    "expected_account_id": "123456789012",
    "adopt": True,
    "billed": True,
    "vpc_cidr": "10.0.0.0/16",
    "availability_zones": ["us-west-2a", "us-west-2b"],
    "nat_mode": "disabled",
    "vpc_id": "vpc-01234567",
    "subnet_ids": {"private": ["subnet-01234567"]},
    "endpoint_access": "private",
    "public_access_cidrs": [],
    "authentication_mode": "API",
    "logging": [],
    "log_retention_days": 0,
    "support_type": "EXTENDED",
    "deletion_protection": False,
    "zonal_shift": True,
    "encryption_key_arn": "arn:aws:kms:us-west-2:123456789012:key/a",
    "iam_path": "/mesh/",
    "iam_permissions_boundary": "none",
    "role_name": "plane",
    "node_role_name": "nodes",
    "node_policies": [],
    "node_ssm": False,
    "node_key_name": "office",
    "node_metadata_hop_limit": 2,
    "node_groups": [{"name": "a", "instance_types": ["m6g.large"], "labels": {"empty": None}, "taints": [{"key": "a", "effect": "NO_SCHEDULE"}]}],
    "remove_node_groups": True,
    "addons": [{"name": "vpc-cni", "configuration_values": {"env": None}, "resolve_conflicts": "NONE", "pod_identity": {}}],
    "purge_addons": False,
    "access_entries": [{"principal_arn": "a", "policies": [{"policy": "b"}]}],
    "pod_identity_associations": [{"namespace": "a", "service_account": "b", "role_arn": "c", "target_role_arn": ""}],
    "kubeconfig_manage": False,
    "kubeconfig": "/tmp/kubeconfig",
    "context": "other",
    "kubeconfig_profile": "ops",
    "kubeconfig_role_arn": "arn",
}


def checked(given: dict[str, Any]) -> dict[str, Any]:
    """As Ansible hands them to the module."""
    said = {key: value for key, value in options.options_of(given).items() if key != "region"}
    found = ArgumentSpecValidator({**options.PLATFORM, **options.WORDS, **options.WORK}).validate(said)
    assert not found.error_messages
    return options.inputs_of(found.validated_parameters, given.get("region"))


def test_what_goes_in_comes_out_by_the_roles_names() -> None:
    assert checked(FULL) == FULL


def test_what_nobody_set_is_null_and_an_empty_text_is_nothing() -> None:
    unset = dict.fromkeys(FULL, "") | {"name": "sandbox", "version": "1.36", "region": "us-west-2"}
    defaults = {"nat_mode": "single", "vpc_cidr": "192.168.0.0/16", "iam_path": "/", "node_metadata_hop_limit": 1, "tags": {}, "purge_addons": True}
    found = checked(unset)
    assert {key: value for key, value in found.items() if value not in (None, False, "")} == {
        **defaults,
        "name": "sandbox",
        "version": "1.36",
        "region": "us-west-2",
        "context": "sandbox",
    }
    assert found["kubeconfig_manage"] is None, "no kubeconfig is looked at"
    assert found["access_entries"] is found["logging"] is found["deletion_protection"] is found["public_access_cidrs"] is None


def test_every_variable_of_the_role_is_an_option() -> None:
    inputs = yaml.safe_load((ROLE / "vars/main.yml").read_text(encoding="utf-8"))["_eks_cluster_inputs"]
    assert set(inputs) == {"region", *options.VARIABLES} == set(FULL)
    assert len(set(input_names.OPTIONS.values())) == len(input_names.OPTIONS)


def test_messages_call_the_inputs_as_they_are_asked_to() -> None:
    wrong = {**FULL, "vpc_id": "", "subnet_ids": {}, "vpc_cidr": "192.168.0.0/8", "iam_path": "mesh", "node_groups": []}
    said = "; ".join(problems(wrong, input_names.option))
    assert "network.vpc_cidr is '192.168.0.0/8'; accepted: " in said and "iam.path is 'mesh'" in said and "node_groups is []" in said
    assert "eks_cluster" not in said.replace("EKS", "")
    assert "eks_cluster_vpc_cidr is '192.168.0.0/8'" in "; ".join(problems(wrong))


def documented(suboptions: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {
            **{key: option[key] for key in ("type", "elements", "choices", "default", "required") if key in option},
            **({"options": documented(option["suboptions"])} if "suboptions" in option else {}),
        }
        for name, option in suboptions.items()
    }


def checkable(specification: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: checkable(value) if key == "options" else value for key, value in option.items() if key not in ("no_log", "apply_defaults")}
        for name, option in specification.items()
    }


SPECIFICATION = {**options.PLATFORM, **options.WORDS, **options.WORK}


@pytest.mark.parametrize("name", [name for name in SPECIFICATION if not name.startswith("wait_")])
def test_the_documentation_says_what_ansible_checks(name: str) -> None:
    shared = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
    assert set(shared) == {*options.PLATFORM, *options.WORDS}
    told = documented({**shared, **yaml.safe_load(eks_platform.DOCUMENTATION)["options"]})
    assert told[name] == checkable(SPECIFICATION)[name]
