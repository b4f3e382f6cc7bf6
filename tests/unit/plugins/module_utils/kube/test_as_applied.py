# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether an object is as it was applied last: the managedFields are what an API server wrote (tests/roles compares with a real one)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.as_applied import as_applied

LABELS = {"meshgate.io/set": "shop"}
MANIFEST: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "front", "namespace": "shop", "labels": LABELS},
    "spec": {
        "selector": {"matchLabels": {"app": "front"}},
        "template": {
            "metadata": {"labels": {"app": "front"}},
            "spec": {
                "containers": [
                    {
                        "name": "front",
                        "image": "front:1",
                        "args": ["--port", "8080"],
                        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}],
                        "ports": [{"containerPort": 8080}],
                        "resources": {"requests": {"cpu": "10m"}},
                        "volumeMounts": [{"mountPath": "/tmp", "name": "tmp"}],
                    }
                ],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            },
        },
    },
}
ITEM: dict[str, Any] = {".": {}, "f:name": {}}
FIELDS: dict[str, Any] = {
    "f:metadata": {"f:labels": {"f:meshgate.io/set": {}}},
    "f:spec": {
        "f:selector": {},
        "f:template": {
            "f:metadata": {"f:labels": {"f:app": {}}},
            "f:spec": {
                "f:containers": {
                    'k:{"name":"front"}': {
                        **ITEM,
                        "f:args": {},
                        "f:env": {'k:{"name":"A"}': {**ITEM, "f:value": {}}, 'k:{"name":"B"}': {**ITEM, "f:value": {}}},
                        "f:image": {},
                        "f:ports": {'k:{"containerPort":8080,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                        "f:resources": {"f:requests": {"f:cpu": {}}},
                        "f:volumeMounts": {'k:{"mountPath":"/tmp"}': {**ITEM, "f:mountPath": {}}},
                    }
                },
                "f:volumes": {'k:{"name":"tmp"}': {**ITEM, "f:emptyDir": {}}},
            },
        },
    },
}


def live() -> dict[str, Any]:
    """With what the server adds."""
    item = copy.deepcopy(MANIFEST)
    entry = {"manager": "meshgate", "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": copy.deepcopy(FIELDS)}
    item["metadata"] |= {"uid": "1", "resourceVersion": "7", "managedFields": [entry]}
    item["spec"]["replicas"] = 1
    (container,) = item["spec"]["template"]["spec"]["containers"]
    container["ports"][0]["protocol"] = "TCP"
    container["imagePullPolicy"] = "IfNotPresent"
    item["status"] = {"replicas": 1}
    return item


def container_of(item: dict[str, Any]) -> dict[str, Any]:
    return item["spec"]["template"]["spec"]["containers"][0]


def entry_of(item: dict[str, Any]) -> dict[str, Any]:
    return item["metadata"]["managedFields"][0]


def test_what_was_applied_is_as_it_was() -> None:
    assert as_applied(MANIFEST, live(), "meshgate")


MANIFESTS: dict[str, Any] = {
    "another value": lambda item: container_of(item).update(image="front:2"),
    "a value less": lambda item: container_of(item).pop("args"),
    "a value more": lambda item: item["spec"].update(replicas=1),  # the server's default, which nobody owns yet
    "an item more": lambda item: container_of(item)["env"].append({"name": "C", "value": "1"}),
    "an item less": lambda item: container_of(item)["env"].pop(),
    "another order": lambda item: container_of(item)["env"].reverse(),
    "an item twice": lambda item: container_of(item)["env"].append({"name": "A", "value": "1"}),
    "another key": lambda item: container_of(item)["ports"][0].update(protocol="UDP"),
    "a number for a text": lambda item: container_of(item)["env"][0].update(value=1),
    "another way to write a quantity": lambda item: container_of(item)["resources"]["requests"].update(cpu="0.010"),
    "a null": lambda item: item["spec"].update(paused=None),
    "a label more": lambda item: item["metadata"]["labels"].update(a="b"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_another_manifest_is_for_the_server_to_compare(name: str) -> None:
    wanted = copy.deepcopy(MANIFEST)
    MANIFESTS[name](wanted)
    assert not as_applied(wanted, live(), "meshgate")


LIVE: dict[str, Any] = {
    "a value that somebody changed": lambda item: container_of(item).update(image="front:2"),
    "a value that somebody took away": lambda item: container_of(item).pop("args"),
    "an order that somebody changed": lambda item: container_of(item)["env"].reverse(),
    "a field that somebody else owns now": lambda item: entry_of(item)["fieldsV1"]["f:spec"].pop("f:selector"),
    "a field of an earlier manifest": lambda item: entry_of(item)["fieldsV1"]["f:spec"].update({"f:replicas": {}}),
    "an applier of another name": lambda item: entry_of(item).update(manager="helm"),
    "an update in place of an apply": lambda item: entry_of(item).update(operation="Update"),
    "another version of the API": lambda item: entry_of(item).update(apiVersion="apps/v1beta1"),
    "nobody's fields": lambda item: item["metadata"].pop("managedFields"),
    "an addition by hand": lambda item: item["metadata"]["managedFields"].append(
        {"manager": "kubectl-edit", "operation": "Update", "apiVersion": "apps/v1", "fieldsV1": {"f:spec": {"f:minReadySeconds": {}}}}
    ),
}


@pytest.mark.parametrize("name", LIVE)
def test_another_object_is_for_the_server_to_compare(name: str) -> None:
    item = live()
    LIVE[name](item)
    assert not as_applied(MANIFEST, item, "meshgate")


@pytest.mark.parametrize(
    ("wanted", "there", "same"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a", "b"], ["a", "x", "b"], True),  # somebody's own
        (["b", "a"], ["a", "b"], False),
        (["a"], ["a", "b"], False),
        (["a", "b"], ["a"], False),
    ],
)
def test_a_set_of_values(wanted: list[str], there: list[str], same: bool) -> None:
    """`metadata.finalizers`, for one."""
    given = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b", "finalizers": wanted}}
    fields = {"f:metadata": {"f:finalizers": {'v:"a"': {}, 'v:"b"': {}}}}
    entry = {"manager": "meshgate", "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}
    item = {**given, "metadata": {**given["metadata"], "finalizers": there, "managedFields": [entry]}}
    assert as_applied(given, item, "meshgate") == same
