# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A CRD is a hundred kilobytes: the server is asked only about those that differ."""

from __future__ import annotations

import copy

from fake_kube import FakeKube

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.apply import Ignore
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.crds import API, KIND, plan_crds

REVISION = "istio.io/rev"
SHARED = [Ignore(("metadata", "labels", REVISION))]


def crd(revision: str, scope: str = "Namespaced") -> dict:
    metadata = {"name": "gateways.networking.istio.io", "labels": {REVISION: revision, "app": "istio"}}
    return {"apiVersion": API, "kind": KIND, "metadata": metadata, "spec": {"scope": scope, "versions": [{"name": "v1"}]}}


def planned(live: dict, wanted: dict, ignore: list[Ignore]) -> tuple[list[str], int]:
    """What would be done, and how often the server was asked."""
    api = FakeKube([live])
    asked = []
    api.request = lambda *arguments, **more: asked.append(arguments) or FakeKube.request(api, *arguments, **more)  # type: ignore[method-assign]
    before = copy.deepcopy(wanted)
    changes = plan_crds(api, [wanted], "istioctl", {live["metadata"]["name"]: live}, ignore)
    assert wanted == before
    return [change.action for change in changes], len(asked)


def test_what_is_the_same_at_first_sight_is_not_asked_about():
    assert planned(crd("default"), crd("default"), []) == (["unchanged"], 0)


def test_a_label_that_is_no_difference_is_not_asked_about_either():
    """A second revision of Istio came and went: the CRDs keep its label."""
    assert planned(crd("canary"), crd("default"), SHARED) == (["unchanged"], 0)


def test_a_label_that_differs_is():
    assert planned(crd("canary"), crd("default"), []) == (["update"], 1)


def test_a_spec_that_differs_is():
    assert planned(crd("canary", "Cluster"), crd("default"), SHARED) == (["update"], 1)
