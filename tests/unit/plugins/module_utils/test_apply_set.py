# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

import copy
import typing as t

import pytest
from fake_kube import FakeKube

from ansible_collections.meshgate.eks_istio.plugins.module_utils import apply_set
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import Resource
from ansible_collections.meshgate.eks_istio.plugins.modules import k8s_apply_set

LABELS = {"meshgate.io/cluster": "sandbox", "app.kubernetes.io/part-of": "greeter"}
KINDS = [("v1", "Namespace"), ("v1", "ConfigMap"), ("v1", "Service")]


class Cluster:
    """An API server in memory: enough of it for objects that are applied, found and deleted."""

    def __init__(self, *objects: dict[str, t.Any], unknown: tuple[str, ...] = ()) -> None:
        self.objects = {apply_set.key(item): item for item in copy.deepcopy(list(objects))}
        self.unknown = unknown
        self.writes: list[str] = []

    def resource(self, api_version: str, kind: str) -> Resource | None:
        return None if kind in self.unknown else Resource(kind, kind != "Namespace")

    def path(self, api_version: str, kind: str, name: str | None = None, namespace: str | None = None) -> str | None:
        return None if kind in self.unknown else "|".join([api_version.rpartition("/")[0], kind, namespace or "", name or ""])

    def map(self, function: t.Callable[[t.Any], t.Any], items: t.Iterable[t.Any]) -> list[t.Any]:
        return [function(item) for item in items]

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> dict[str, t.Any] | None:
        return copy.deepcopy(self.objects.get((api_version.rpartition("/")[0], kind, namespace or "", name)))

    def find(self, api_version: str, kind: str, namespace: str | None = None, labels: str | None = None, fields: str | None = None) -> list[dict[str, t.Any]]:
        wanted = dict(pair.split("=") for pair in labels.split(",")) if labels else {}
        return [
            copy.deepcopy(item)
            for (_group, of_kind, of_namespace, _name), item in self.objects.items()
            if of_kind == kind and (not namespace or of_namespace == namespace) and (not wanted or apply_set.carries(item, wanted))
        ]

    def request(self, method: str, path: str, query: dict[str, str], body: dict[str, t.Any], content_type: str) -> dict[str, t.Any]:
        assert method == "PATCH"
        key = apply_set.key(body)
        after = copy.deepcopy(self.objects.get(key, {}))
        metadata = {**after.get("metadata", {}), **body["metadata"]}
        metadata["labels"] = {**after.get("metadata", {}).get("labels", {}), **body["metadata"].get("labels", {})}
        after = {**after, **copy.deepcopy(body), "metadata": metadata}
        if "dryRun" not in query:
            self.objects[key] = after
            self.writes.append(f"apply {apply_set.title(body)}")
        return after

    def merge(self, api_version: str, kind: str, name: str, namespace: str | None, patch: dict[str, t.Any]) -> None:
        annotations = patch["spec"]["template"]["metadata"]["annotations"]
        self.writes.append(f"merge {kind} {name} {', '.join(annotation.rpartition('/')[2] for annotation in annotations)}")

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None, propagation: str = "Background") -> bool:
        self.writes.append(f"delete {kind} {name}")
        return self.objects.pop((api_version.rpartition("/")[0], kind, namespace or "", name), None) is not None


def item(kind: str, name: str, labels: dict[str, str] | None = None, **rest: t.Any) -> dict[str, t.Any]:
    metadata: dict[str, t.Any] = {"name": name, "labels": dict(labels or {})}
    if kind != "Namespace":
        metadata["namespace"] = "greeter"
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **rest}


def params(*manifests: dict[str, t.Any], adopt: bool = False) -> dict[str, t.Any]:
    kinds = [{"api_version": version, "kind": kind} for version, kind in KINDS]
    return {"manifests": list(manifests), "labels": LABELS, "kinds": kinds, "adopt": adopt, "sidecar": "istio-proxy", "wait": True, "timeout": 1}


class Counting(Cluster):
    """Counts what is asked for by name."""

    asked = 0

    def get(self, *arguments: t.Any) -> dict[str, t.Any] | None:
        self.asked += 1
        return super().get(*arguments)


def test_many_new_objects_of_a_kind_are_looked_for_by_one_list():
    wanted = [item("ConfigMap", f"map-{number}") for number in range(apply_set._MANY)]
    api = Counting(item("ConfigMap", "map-3"), item("ConfigMap", "map-elsewhere"))
    _members, live = apply_set.look(api, apply_set.labelled(wanted, LABELS), KINDS, LABELS)
    assert [found["metadata"]["name"] for found in live if found] == ["map-3"]
    assert api.asked == 0


def test_many_of_a_kind_without_namespaces_are_asked_for_one_by_one():
    wanted = [item("Namespace", f"place-{number}") for number in range(apply_set._MANY)]
    for one in wanted:
        one["metadata"]["namespace"] = "of-no-matter"
    api = Counting({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "place-3", "namespace": "of-no-matter"}})
    api.get = lambda version, kind, name, namespace: {"metadata": {"name": name}} if name == "place-3" else None
    _members, live = apply_set.look(api, apply_set.labelled(wanted, LABELS), [], LABELS)
    assert [found["metadata"]["name"] for found in live if found] == ["place-3"]


def actions(result: dict[str, t.Any]) -> dict[str, str]:
    return {f"{r['kind']} {r['name']}": r["action"] for r in result["resources"]}


WANTED = (item("Namespace", "greeter"), item("ConfigMap", "words", data={"hello": "world"}), item("Service", "greeter"))


def test_a_set_is_created_marked_and_then_unchanged() -> None:
    cluster = Cluster()
    asked = k8s_apply_set.present(cluster, params(*WANTED), check_mode=True)
    assert asked["changed"] and not cluster.writes
    done = k8s_apply_set.present(cluster, params(*WANTED), check_mode=False)
    assert actions(done) == actions(asked) == {"Namespace greeter": "create", "ConfigMap words": "create", "Service greeter": "create"}
    assert all(apply_set.carries(live, LABELS) for live in cluster.objects.values())
    assert not k8s_apply_set.present(cluster, params(*WANTED), check_mode=False)["changed"]


def test_a_set_that_stands_is_listed_and_not_asked_for_one_by_one() -> None:
    """A hundred services are six hundred objects, and each call costs milliseconds."""

    class Counting(Cluster):
        gets: t.ClassVar[list[str]] = []

        def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> dict[str, t.Any] | None:
            self.gets.append(name)
            return super().get(api_version, kind, name, namespace)

    cluster = Counting()
    k8s_apply_set.present(cluster, params(*WANTED), check_mode=False)
    cluster.gets.clear()
    assert not k8s_apply_set.present(cluster, params(*WANTED), check_mode=False)["changed"]
    assert cluster.gets == []


def test_what_names_no_namespace_is_found_in_default() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    words = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "words"}, "data": {"hello": "world"}}
    cluster = FakeKube([namespace])
    given = {**params(words), "kinds": []}  # nothing is listed
    assert k8s_apply_set.present(cluster, given, check_mode=False)["changed"]
    assert not k8s_apply_set.present(cluster, given, check_mode=False)["changed"]


def test_a_drifted_object_is_the_only_one_written() -> None:
    cluster = Cluster()
    k8s_apply_set.present(cluster, params(*WANTED), check_mode=False)
    cluster.objects[apply_set.key(WANTED[1])]["data"] = {"hello": "drift"}
    cluster.writes.clear()
    result = k8s_apply_set.present(cluster, params(*WANTED), check_mode=False)
    assert actions(result) == {"ConfigMap words": "update"}
    assert cluster.writes == ["apply ConfigMap greeter/words"]
    assert "drift" in result["diff"][0]["before"] and "words" in result["diff"][0]["before_header"]


def test_what_left_the_set_is_pruned_and_nothing_else() -> None:
    cluster = Cluster(item("Service", "other"), item("Service", "neighbour", {**LABELS, "meshgate.io/cluster": "another"}))
    k8s_apply_set.present(cluster, params(*WANTED), check_mode=False)
    result = k8s_apply_set.present(cluster, params(*WANTED[:2]), check_mode=False)
    assert actions(result) == {"Service greeter": "delete"}
    assert {live["metadata"]["name"] for live in cluster.find("v1", "Service")} == {"other", "neighbour"}


def test_a_renamed_namespace_is_not_pruned() -> None:
    cluster = Cluster()
    k8s_apply_set.present(cluster, params(*WANTED), check_mode=False)
    k8s_apply_set.present(cluster, params(item("ConfigMap", "words")), check_mode=False)
    assert cluster.find("v1", "Namespace")


def test_somebody_elses_object_is_refused_and_named() -> None:
    cluster = Cluster(item("ConfigMap", "words", {"app": "theirs"}))
    for check_mode in (True, False):
        with pytest.raises(apply_set.Refused, match="ConfigMap greeter/words: created by somebody else"):
            k8s_apply_set.present(cluster, params(*WANTED), check_mode)
    assert not cluster.writes
    assert k8s_apply_set.present(cluster, params(*WANTED, adopt=True), check_mode=False)["changed"]


def test_somebody_elses_namespace_is_used_and_never_removed() -> None:
    cluster = Cluster(item("Namespace", "greeter", {"team": "x"}))
    k8s_apply_set.present(cluster, params(*WANTED), check_mode=False)
    assert not k8s_apply_set.present(cluster, params(*WANTED), check_mode=False)["changed"]
    k8s_apply_set.absent(cluster, params(), check_mode=False)
    assert [live["metadata"]["name"] for live in cluster.objects.values()] == ["greeter"]


def test_unknown_kinds_are_a_create_in_check_mode_and_refused_before_any_write() -> None:
    cluster = Cluster(unknown=("Service",))
    assert actions(k8s_apply_set.present(cluster, params(*WANTED), check_mode=True))["Service greeter"] == "create"
    with pytest.raises(apply_set.Refused, match="does not know Service of v1"):
        k8s_apply_set.present(cluster, params(*WANTED), check_mode=False)
    assert not cluster.writes


def test_removal_takes_the_set_namespace_last_and_is_then_unchanged() -> None:
    cluster = Cluster(item("ConfigMap", "kube-root-ca.crt"), item("ServiceAccount", "default"))
    k8s_apply_set.present(cluster, params(*WANTED), check_mode=False)
    cluster.writes.clear()
    asked = k8s_apply_set.absent(cluster, params(), check_mode=True)
    assert asked["changed"] and not cluster.writes
    done = k8s_apply_set.absent(cluster, params(), check_mode=False)
    assert actions(done) == actions(asked)
    assert cluster.writes[-1] == "delete Namespace greeter" and len(cluster.writes) == 3
    assert not k8s_apply_set.absent(cluster, params(), check_mode=False)["changed"]


def test_a_namespace_in_use_stays_and_it_is_said() -> None:
    cluster = Cluster(item("Pod", "theirs"), item("Pod", "owned"))
    cluster.objects[("", "Pod", "greeter", "owned")]["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet"}]
    k8s_apply_set.present(cluster, params(*WANTED), check_mode=False)
    result = k8s_apply_set.absent(cluster, params(), check_mode=False)
    assert result["stays"] == ["namespace greeter stays: others use it (Pod greeter/theirs)"]
    again = k8s_apply_set.absent(cluster, params(), check_mode=False)
    assert not again["changed"] and again["stays"]


def test_what_is_already_on_its_way_out_is_no_change() -> None:
    cluster = Cluster(item("Namespace", "greeter", LABELS))
    cluster.objects[apply_set.key(WANTED[0])]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not k8s_apply_set.absent(cluster, params(), check_mode=False)["changed"]


def deployment(name: str) -> dict[str, t.Any]:
    return item("Deployment", name, spec={"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": {}})


def running(name: str, app: str, *containers: str, phase: str = "Running") -> dict[str, t.Any]:
    spec = {"initContainers": [], "containers": [{"name": c} for c in ("app", *containers)]}
    return item("Pod", name, {"app": app}, spec=spec, status={"phase": phase})


def test_pods_outside_the_mesh_are_named_and_restarted() -> None:
    wanted = (item("Namespace", "greeter"), deployment("in"), deployment("out"))
    native = running("in-2", "in")
    native["spec"]["initContainers"] = [{"name": "istio-proxy", "restartPolicy": "Always"}]
    cluster = Cluster(running("in-1", "in", "istio-proxy"), native, running("in-3", "in", phase="Failed"), running("out-1", "out"))
    k8s_apply_set.present(cluster, {**params(*wanted), "sidecar": ""}, check_mode=False)
    cluster.writes.clear()
    asked = k8s_apply_set.present(cluster, params(*wanted), check_mode=True)
    assert actions(asked) == {"Deployment out": "restart"} and not cluster.writes
    assert "out-1" in asked["diff"][0]["before"]
    done = k8s_apply_set.present(cluster, params(*wanted), check_mode=False)
    assert done["changed"] and cluster.writes == ["merge Deployment out restartedAt"]


def test_a_set_that_is_still_being_removed_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    going = item("Namespace", "greeter", LABELS)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cluster = Cluster(going)
    asked = k8s_apply_set.present(cluster, params(*WANTED), check_mode=True)
    assert len(asked["resources"]) == 3 and "once Namespace greeter is gone" in asked["msg"]
    waited = []
    monkeypatch.setattr("time.sleep", lambda seconds: (waited.append(seconds), cluster.objects.clear()))
    assert k8s_apply_set.present(cluster, params(*WANTED), check_mode=False)["changed"]
    assert waited and len(cluster.objects) == 3


@pytest.mark.parametrize(
    ("manifests", "said"),
    [
        ([{"kind": "Service"}], "lacks apiVersion, kind or metadata.name"),
        ([{"apiVersion": "v1", "kind": "Service", "metadata": {}}], "lacks apiVersion"),
        ([WANTED[1], WANTED[1]], "ConfigMap greeter/words is there twice"),
    ],
)
def test_manifests_that_cannot_be_right(manifests: list[dict[str, t.Any]], said: str) -> None:
    with pytest.raises(apply_set.Refused, match=said):
        apply_set.labelled(manifests, LABELS)


def test_the_same_object_of_another_version_is_the_same_object() -> None:
    one = {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "g", "namespace": "n"}}
    assert apply_set.superfluous([one], [{**one, "apiVersion": "networking.istio.io/v1beta1"}]) == []
    assert apply_set.superfluous([one], [{**one, "apiVersion": "gateway.networking.k8s.io/v1"}]) == [one]


def route(kind: str, **status: t.Any) -> dict[str, t.Any]:
    metadata = {"name": "r", "namespace": "n", "generation": 2}
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": metadata, "status": status}


def condition(name: str, status: str, message: str = "", generation: int = 2) -> dict[str, t.Any]:
    return {"type": name, "status": status, "message": message, "observedGeneration": generation}


TAKEN = [condition("Accepted", "True"), condition("Programmed", "True"), condition("ResolvedRefs", "True")]


@pytest.mark.parametrize(
    ("live", "said"),
    [
        (route("Gateway", conditions=TAKEN), ""),
        (route("HTTPRoute", parents=[{"conditions": TAKEN}]), ""),
        (route("ReferenceGrant"), ""),
        (route("Gateway"), "Gateway n/r is not Accepted: no controller has looked at it yet"),
        (route("HTTPRoute"), "HTTPRoute n/r is not Accepted: no controller has looked at it yet"),
        (route("Gateway", conditions=[TAKEN[0], condition("Programmed", "False", "no such address")]), "Gateway n/r is not Programmed: no such address"),
        (
            route("HTTPRoute", parents=[{"conditions": [TAKEN[0], condition("ResolvedRefs", "False", "no Service")]}]),
            "HTTPRoute n/r is not ResolvedRefs: no Service",
        ),
        # What was said of an older generation says nothing of this one.
        (route("Gateway", conditions=[condition("Accepted", "True", generation=1)]), "Gateway n/r is not Accepted: no controller has looked at it yet"),
    ],
)
def test_routes_are_awaited_in_their_controllers_words(live: dict[str, t.Any], said: str) -> None:
    assert apply_set.routing_state(Cluster(live), [live]) == said
