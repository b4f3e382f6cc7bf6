# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whose the fields of an object are. The entries are as an API server of 1.36 wrote them after kubectl set env, patch, annotate, rollout and scale."""

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.managed_fields import added_by_hand, stripped, taken_over, union, without

TILL = 'k:{"name":"till"}'
ENV = {"f:spec": {"f:template": {"f:spec": {"f:containers": {TILL: {"f:env": {'k:{"name":"B"}': {".": {}, "f:name": {}, "f:value": {}}}}}}}}}
APPLIED = {"f:spec": {"f:template": {"f:spec": {"f:containers": {TILL: {".": {}, "f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}}}, "f:image": {}}}}}}}


def entry(manager: str, fields: dict[str, t.Any], operation: str = "Update", **more: t.Any) -> dict[str, t.Any]:
    return {"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": copy.deepcopy(fields), **more}


def deployment(*entries: dict[str, t.Any], kind: str = "Deployment") -> dict[str, t.Any]:
    container = {"name": "till", "image": "till:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    metadata = {"name": "till", "managedFields": list(entries)}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": {"template": {"spec": {"containers": [container]}}}}


OURS = entry("meshgate", APPLIED, "Apply")


@pytest.mark.parametrize(
    "manager", ["kubectl-set", "kubectl-edit", "kubectl-client-side-apply", "kubectl", "helm", "k9s", "node-fetch", "OpenAPI-Generator", "Terraform"]
)
def test_what_people_write_is_theirs_and_is_taken_away_alone(manager: str) -> None:
    item = deployment(OURS, entry(manager, ENV))
    assert added_by_hand(item, "meshgate") == ENV
    container = stripped(item, ENV)["spec"]["template"]["spec"]["containers"][0]
    assert container == {"name": "till", "image": "till:1", "env": [{"name": "A", "value": "1"}]}


@pytest.mark.parametrize(
    "manager",
    ["kube-controller-manager", "pilot-discovery", "controller", "rollouts-controller", "argocd-controller", "kubectl-rollout", "meshgate", "unknown"],
)
def test_what_others_write_is_left(manager: str) -> None:
    item = deployment(OURS, entry(manager, ENV))
    assert added_by_hand(item, "meshgate") == {} and taken_over(item, "meshgate") == []


def test_what_a_controller_owns_too_is_left() -> None:
    item = deployment(OURS, entry("kubectl-edit", ENV), entry("pilot-discovery", ENV))
    assert added_by_hand(item, "meshgate") == {}


def test_helms_own_fields_are_no_drift_of_a_release_and_are_of_ours() -> None:
    item = deployment(entry("helm", ENV))
    assert added_by_hand(item, "helm") == {} and added_by_hand(item, "meshgate") == ENV


@pytest.mark.parametrize(
    "fields",
    [
        {"f:spec": {"f:replicas": {}}},
        {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}}}}}},
        {"f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/last-applied-configuration": {}}}},
        {"f:metadata": {"f:annotations": {"f:meshgate.io/nudged-at": {}}}},
        {"f:metadata": {"f:finalizers": {".": {}, 'v:"ingress.k8s.aws/resources"': {}}}},
        {"f:status": {"f:replicas": {}}},
    ],
    ids=["replicas", "restart", "last applied", "nudge", "finalizer", "status"],
)
def test_what_is_never_drift(fields: dict[str, t.Any]) -> None:
    assert added_by_hand(deployment(OURS, entry("kubectl-edit", fields)), "meshgate") == {}
    beside = deployment(OURS, entry("kubectl-edit", union([fields, ENV])))
    assert added_by_hand(beside, "meshgate") == ENV
    assert taken_over(beside, "meshgate") == [entry("meshgate", union([APPLIED, ENV]), "Apply")]


@pytest.mark.parametrize("kind", ["Namespace", "CustomResourceDefinition"])
def test_namespaces_and_definitions_are_not_looked_at(kind: str) -> None:
    assert added_by_hand(deployment(OURS, entry("kubectl-label", ENV), kind=kind), "meshgate") == {}


def test_scaling_by_its_subresource_is_not_by_hand() -> None:
    item = deployment(OURS, entry("kubectl", ENV, subresource="scale"))
    assert added_by_hand(item, "meshgate") == {}


def test_fields_of_a_former_owner_go_to_an_applier_that_is_new() -> None:
    assert taken_over(deployment(entry("kubectl-create", ENV)), "meshgate") == [entry("meshgate", ENV, "Apply")]


def test_a_list_of_values_and_a_map_lose_what_was_added_and_no_more() -> None:
    item = {"metadata": {"finalizers": ["a", "b"], "annotations": {"x": "1", "y": "2"}, "labels": {"only": "one"}}}
    fields = {"f:metadata": {"f:finalizers": {'v:"a"': {}}, "f:annotations": {"f:x": {}}, "f:labels": {".": {}, "f:only": {}}}}
    assert stripped(item, fields) == {"metadata": {"finalizers": ["b"], "annotations": {"y": "2"}}}


def test_sets_of_fields() -> None:
    assert union([{"f:a": {"f:b": {}}}, {"f:a": {"f:c": {}}}]) == {"f:a": {"f:b": {}, "f:c": {}}}
    assert without({"f:a": {"f:b": {}, "f:c": {}}, "f:d": {}}, {"f:a": {"f:c": {}}}) == {"f:a": {"f:b": {}}, "f:d": {}}
    assert without({"f:a": {}}, {"f:a": {"f:b": {}}}) == {}
