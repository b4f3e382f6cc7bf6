"""What a list of manifests would change, and that it is said without giving secrets away."""

from __future__ import annotations

import pytest
from fake_kube import FakeKube

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.apply import (
    ApplyError,
    Ignore,
    apply,
    as_text,
    changed,
    delete,
    diff,
    documents,
    mask,
    normalise,
    plan,
    plan_delete,
)


def config_map(name="settings", namespace="default", **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def actions(changes):
    return {change.id: change.action for change in changes}


def test_what_is_the_same_but_for_the_servers_bookkeeping_is_unchanged():
    live = {**config_map(a="1"), "status": {"x": 1}}
    live["metadata"] = {**live["metadata"], "uid": "u", "resourceVersion": "7", "generation": 3, "creationTimestamp": "now"}
    api = FakeKube([namespace("default"), live])
    changes = plan(api, [config_map(a="1")], "me")
    assert actions(changes) == {"ConfigMap default/settings": "unchanged"}
    assert not changed(changes)
    assert diff(changes) == {"before": "", "after": ""}


def test_a_difference_is_an_update_and_planning_writes_nothing():
    api = FakeKube([namespace("default"), config_map(a="1")])
    changes = plan(api, [config_map(a="2")], "me")
    assert actions(changes) == {"ConfigMap default/settings": "update"}
    assert changes[0].before["data"] == {"a": "1"}
    assert changes[0].after["data"] == {"a": "2"}
    assert api.get("v1", "ConfigMap", "settings", "default")["data"] == {"a": "1"}
    assert all(request[-1] == "dry" for request in api.requests)


def test_an_object_in_a_namespace_that_is_yet_to_come_is_a_create():
    changes = plan(FakeKube(), [namespace("new"), config_map(namespace="new", a="1")], "me")
    assert actions(changes) == {"Namespace new": "create", "ConfigMap new/settings": "create"}


def test_an_object_of_a_kind_that_is_yet_to_come_is_a_create():
    route = {"apiVersion": "example.com/v1", "kind": "Route", "metadata": {"name": "r"}}
    assert actions(plan(FakeKube(unknown_kinds=["Route"]), [route], "me")) == {"Route r": "create"}


def test_a_refusal_names_the_object():
    class Refusing(FakeKube):
        def request(self, *args, **kwargs):
            raise KubeError("admission webhook says no", 403, "Forbidden")

    with pytest.raises(ApplyError, match=r"ConfigMap default/settings: admission webhook says no"):
        plan(Refusing(), [config_map(a="1")], "me")


def test_apply_does_what_was_planned_namespaces_first():
    api = FakeKube()
    apply(api, [config_map(namespace="new", a="1"), namespace("new")], "me")
    assert not changed(plan(api, [config_map(namespace="new", a="1"), namespace("new")], "me"))


def test_delete_says_what_it_deleted_and_leaves_out_what_was_gone():
    api = FakeKube([config_map()])
    live = api.find("v1", "ConfigMap")
    assert actions(plan_delete(live)) == {"ConfigMap default/settings": "delete"}
    assert actions(delete(api, live)) == {"ConfigMap default/settings": "delete"}
    assert delete(api, live) == []


def webhook(bundle, policy="Fail"):
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "validator"},
        "webhooks": [{"name": "a", "failurePolicy": policy, "clientConfig": {"caBundle": bundle}}],
    }


RULE = Ignore(("webhooks", "*", "clientConfig", "caBundle"), kind="*WebhookConfiguration")


def test_a_difference_that_is_ignored_is_none():
    api = FakeKube([webhook("LIVE")])
    assert actions(plan(api, [webhook("")], "me", ignore=[RULE])) == {"ValidatingWebhookConfiguration validator": "unchanged"}


def test_beside_an_ignored_difference_another_one_is_seen():
    changes = plan(FakeKube([webhook("LIVE", "Ignore")]), [webhook("", "Fail")], "me", ignore=[RULE])
    assert actions(changes) == {"ValidatingWebhookConfiguration validator": "update"}
    assert changes[0].after["webhooks"][0]["clientConfig"]["caBundle"] == "LIVE"


def test_an_ignored_field_that_is_not_live_is_dropped_from_what_is_wanted():
    live = webhook("LIVE")
    del live["webhooks"][0]["clientConfig"]["caBundle"]
    assert not changed(plan(FakeKube([live]), [webhook("x")], "me", ignore=[RULE]))


def test_an_ignore_rule_may_depend_on_the_objects():
    never = Ignore(RULE.path, when=lambda live, wanted: False)
    assert changed(plan(FakeKube([webhook("LIVE")]), [webhook("")], "me", ignore=[never]))


def test_a_secrets_values_are_in_no_diff_but_that_they_differ_is():
    live = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"key": "b2xkLXNlY3JldA==", "same": "c2FtZQ=="}}
    wanted = {**live, "data": {"key": "bmV3LXNlY3JldA==", "same": "c2FtZQ=="}}
    changes = plan(FakeKube([namespace("default"), live]), [wanted], "me")
    text = str(diff(changes))
    assert changed(changes)
    assert "b2xkLXNlY3JldA==" not in text and "bmV3LXNlY3JldA==" not in text and "c2FtZQ==" not in text
    assert changes[0].after["data"] == {"key": "hidden, differs", "same": "hidden"}
    assert mask(live)["data"] == {"key": "hidden", "same": "hidden"}


def test_a_new_crd_is_told_by_its_versions():
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "routes.example.com"},
        "spec": {"versions": [{"name": "v1", "schema": {"very": "long"}}]},
    }
    assert "very" not in diff(plan(FakeKube(), [crd], "me"))["after"]


def test_empty_documents_are_dropped_and_lists_flattened():
    listed = {"apiVersion": "v1", "kind": "List", "items": [config_map("a"), None, config_map("b")]}
    assert [m["metadata"]["name"] for m in documents([None, {}, listed, config_map("c")])] == ["a", "b", "c"]


def test_an_annotation_of_kubectl_is_bookkeeping_too():
    live = config_map()
    live["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    assert "annotations" not in normalise(live)["metadata"]


def test_text_of_several_lines_is_shown_in_lines_with_signs_for_what_yaml_cannot_show():
    text = as_text({"a": "one  \n\ttwo\n"})
    assert text == "a: |\n  one··\n  →two\n"


BY_HAND = {"manager": "kubectl-edit", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:b": {}}}}


class Busy(FakeKube):
    """A controller writes the object just before each of so many writes that carry its resourceVersion."""

    conflicts = 0

    def request(self, method, path, query=None, body=None, content_type=""):
        if method != "PUT":
            answer = super().request(method, path, query, body, content_type)
            return {**answer, "metadata": {**answer["metadata"], "managedFields": [BY_HAND]}}
        if self.conflicts:
            self.conflicts -= 1
            raise KubeError("Operation cannot be fulfilled on configmaps: the object has been modified", 409, "Conflict")
        return body


def test_a_plan_survives_a_controller_that_writes_in_between():
    api = Busy([namespace("default"), config_map(a="1", b="2")])
    api.conflicts = 4
    changes = plan(api, [config_map(a="1")], "me")
    assert actions(changes) == {"ConfigMap default/settings": "update"} and changes[0].after["data"] == {"a": "1"}


def test_a_conflict_without_end_is_reported():
    api = Busy([namespace("default"), config_map(a="1", b="2")])
    api.conflicts = 5
    with pytest.raises(KubeError, match="the object has been modified"):
        plan(api, [config_map(a="1")], "me")
