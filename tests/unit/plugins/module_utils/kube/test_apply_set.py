# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

import copy
import typing as t

import pytest
from fake_kube import FakeKube

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube import apply_set
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeError, Resource
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.objects import carries, identity, title
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.reading import MANY
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.used_data import ANNOTATION, with_digests

LABELS = {"meshgate.io/cluster": "sandbox", "app.kubernetes.io/part-of": "greeter"}
KINDS = [("v1", "Namespace"), ("v1", "ConfigMap"), ("v1", "Service")]


class Cluster:
    """An API server in memory: enough of it for objects that are applied, found and deleted."""

    def __init__(self, *objects: dict[str, t.Any], unknown: tuple[str, ...] = ()) -> None:
        self.objects = {identity(item): item for item in copy.deepcopy(list(objects))}
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
            if of_kind == kind and (not namespace or of_namespace == namespace) and (not wanted or carries(item, wanted))
        ]

    def request(self, method: str, path: str, query: dict[str, str], body: dict[str, t.Any], content_type: str) -> dict[str, t.Any]:
        assert method == "PATCH"
        key = identity(body)
        after = copy.deepcopy(self.objects.get(key, {}))
        metadata = {**after.get("metadata", {}), **body["metadata"]}
        metadata["labels"] = {**after.get("metadata", {}).get("labels", {}), **body["metadata"].get("labels", {})}
        after = {**after, **copy.deepcopy(body), "metadata": metadata}
        if "dryRun" not in query:
            self.objects[key] = after
            self.writes.append(f"apply {title(body)}")
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
    return {
        "manifests": list(manifests),
        "labels": LABELS,
        "prune_kinds": kinds,
        "adopt": adopt,
        "sidecar": "istio-proxy",
        "wait": True,
        "timeout": 1,
        "namespaces": [],
        "replace_pods": False,
    }


class Counting(Cluster):
    """Counts what is asked for by name."""

    asked = 0

    def get(self, *arguments: t.Any) -> dict[str, t.Any] | None:
        self.asked += 1
        return super().get(*arguments)


def test_many_new_objects_of_a_kind_are_looked_for_by_one_list():
    wanted = [item("ConfigMap", f"map-{number}") for number in range(MANY)]
    api = Counting(item("ConfigMap", "map-3"), item("ConfigMap", "map-elsewhere"))
    _members, live = apply_set.look(api, apply_set.labelled(wanted, LABELS), KINDS, LABELS)
    assert [found["metadata"]["name"] for found in live if found] == ["map-3"]
    assert api.asked == 0


def test_many_of_a_kind_without_namespaces_are_asked_for_one_by_one():
    wanted = [item("Namespace", f"place-{number}") for number in range(MANY)]
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
    asked = apply_set.present(cluster, params(*WANTED), check_mode=True)
    assert asked["changed"] and not cluster.writes
    done = apply_set.present(cluster, params(*WANTED), check_mode=False)
    assert actions(done) == actions(asked) == {"Namespace greeter": "create", "ConfigMap words": "create", "Service greeter": "create"}
    assert all(carries(live, LABELS) for live in cluster.objects.values())
    assert not apply_set.present(cluster, params(*WANTED), check_mode=False)["changed"]


def test_a_set_that_stands_is_listed_and_not_asked_for_one_by_one() -> None:
    """A hundred services are six hundred objects, and each call costs milliseconds."""

    class Counting(Cluster):
        gets: t.ClassVar[list[str]] = []

        def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> dict[str, t.Any] | None:
            self.gets.append(name)
            return super().get(api_version, kind, name, namespace)

    cluster = Counting()
    apply_set.present(cluster, params(*WANTED), check_mode=False)
    cluster.gets.clear()
    assert not apply_set.present(cluster, params(*WANTED), check_mode=False)["changed"]
    assert cluster.gets == []


def test_new_objects_are_created_without_being_asked_for_one_by_one() -> None:
    cluster = Counting(item("Namespace", "greeter", LABELS))
    wanted = [item("ConfigMap", f"map-{number}") for number in range(MANY)]
    given = {**params(item("Namespace", "greeter"), *wanted), "wait": False}
    assert len(apply_set.present(t.cast(t.Any, cluster), given, check_mode=False)["resources"]) == len(wanted)
    assert cluster.asked == 0


def test_what_comes_with_its_namespace_is_not_tried_before() -> None:
    """The API server waits a moment for a namespace that is not there, for each object."""

    class Tried(Cluster):
        tried: t.ClassVar[list[str]] = []

        def request(self, method: str, path: str, query: dict[str, str], body: dict[str, t.Any], content_type: str) -> dict[str, t.Any]:
            if "dryRun" in query:
                self.tried.append(title(body))
            return super().request(method, path, query, body, content_type)

    cluster = Tried()
    assert actions(apply_set.present(t.cast(t.Any, cluster), params(*WANTED), check_mode=True)) == dict.fromkeys(
        ("Namespace greeter", "ConfigMap words", "Service greeter"), "create"
    )
    assert cluster.tried == ["Namespace greeter"]


def test_nothing_is_written_where_a_namespace_is_missing() -> None:
    cluster = Cluster(item("Namespace", "greeter"))
    lost = item("ConfigMap", "lost")
    lost["metadata"]["namespace"] = "nowhere"
    with pytest.raises(Refused, match="ConfigMap nowhere/lost: there is no namespace nowhere; create it first"):
        apply_set.present(t.cast(t.Any, cluster), params(item("ConfigMap", "words"), lost), check_mode=False)
    assert cluster.writes == []
    assert apply_set.present(t.cast(t.Any, cluster), params(lost), check_mode=True)["changed"], "what comes first may create the namespace"


def test_who_may_not_look_at_namespaces_still_writes_in_one() -> None:
    class Confined(Cluster):
        def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> dict[str, t.Any] | None:
            if kind == "Namespace":
                raise KubeError("forbidden", 403)
            return super().get(api_version, kind, name, namespace)

    assert apply_set.present(t.cast(t.Any, Confined()), params(item("ConfigMap", "words")), check_mode=False)["changed"]


def test_what_names_no_namespace_is_found_in_default() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    words = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "words"}, "data": {"hello": "world"}}
    cluster = FakeKube([namespace])
    given = {**params(words), "prune_kinds": []}  # nothing is listed
    assert apply_set.present(cluster, given, check_mode=False)["changed"]
    assert not apply_set.present(cluster, given, check_mode=False)["changed"]


def test_a_drifted_object_is_the_only_one_written() -> None:
    cluster = Cluster()
    apply_set.present(cluster, params(*WANTED), check_mode=False)
    cluster.objects[identity(WANTED[1])]["data"] = {"hello": "drift"}
    cluster.writes.clear()
    result = apply_set.present(cluster, params(*WANTED), check_mode=False)
    assert actions(result) == {"ConfigMap words": "update"}
    assert cluster.writes == ["apply ConfigMap greeter/words"]
    assert "drift" in result["diff"][0]["before"] and "words" in result["diff"][0]["before_header"]


def test_what_left_the_set_is_pruned_and_nothing_else() -> None:
    cluster = Cluster(item("Service", "other"), item("Service", "neighbour", {**LABELS, "meshgate.io/cluster": "another"}))
    apply_set.present(cluster, params(*WANTED), check_mode=False)
    result = apply_set.present(cluster, params(*WANTED[:2]), check_mode=False)
    assert actions(result) == {"Service greeter": "delete"}
    assert {live["metadata"]["name"] for live in cluster.find("v1", "Service")} == {"other", "neighbour"}


def test_a_confined_set_is_looked_for_and_pruned_in_its_namespaces_only() -> None:
    elsewhere = item("Service", "elsewhere", LABELS)
    elsewhere["metadata"]["namespace"] = "another"
    cluster = Cluster(item("Namespace", "greeter"), elsewhere, item("Service", "surplus", LABELS))
    result = apply_set.present(cluster, {**params(item("ConfigMap", "words")), "namespaces": ["greeter"]}, check_mode=False)
    assert actions(result) == {"ConfigMap words": "create", "Service surplus": "delete"}
    assert [live["metadata"]["name"] for live in cluster.find("v1", "Service")] == ["elsewhere"]


def test_a_renamed_namespace_is_not_pruned() -> None:
    cluster = Cluster()
    apply_set.present(cluster, params(*WANTED), check_mode=False)
    apply_set.present(cluster, params(item("ConfigMap", "words")), check_mode=False)
    assert cluster.find("v1", "Namespace")


def test_somebody_elses_object_is_refused_and_named() -> None:
    cluster = Cluster(item("ConfigMap", "words", {"app": "theirs"}))
    for check_mode in (True, False):
        with pytest.raises(Refused, match="ConfigMap greeter/words: created by someone else"):
            apply_set.present(cluster, params(*WANTED), check_mode)
    assert not cluster.writes
    assert apply_set.present(cluster, params(*WANTED, adopt=True), check_mode=False)["changed"]


def test_somebody_elses_namespace_is_used_and_never_removed() -> None:
    cluster = Cluster(item("Namespace", "greeter", {"team": "x"}))
    apply_set.present(cluster, params(*WANTED), check_mode=False)
    assert not apply_set.present(cluster, params(*WANTED), check_mode=False)["changed"]
    apply_set.absent(cluster, params(), check_mode=False)
    assert [live["metadata"]["name"] for live in cluster.objects.values()] == ["greeter"]


def test_unknown_kinds_are_a_create_in_check_mode_and_refused_before_any_write() -> None:
    cluster = Cluster(unknown=("Service",))
    assert actions(apply_set.present(cluster, params(*WANTED), check_mode=True))["Service greeter"] == "create"
    with pytest.raises(Refused, match="does not serve Service of v1"):
        apply_set.present(cluster, params(*WANTED), check_mode=False)
    assert not cluster.writes


def test_removal_takes_the_set_namespace_last_and_is_then_unchanged() -> None:
    cluster = Cluster(item("ConfigMap", "kube-root-ca.crt"), item("ServiceAccount", "default"))
    apply_set.present(cluster, params(*WANTED), check_mode=False)
    cluster.writes.clear()
    asked = apply_set.absent(cluster, params(), check_mode=True)
    assert asked["changed"] and not cluster.writes
    done = apply_set.absent(cluster, params(), check_mode=False)
    assert actions(done) == actions(asked)
    assert cluster.writes[-1] == "delete Namespace greeter" and len(cluster.writes) == 3
    assert not apply_set.absent(cluster, params(), check_mode=False)["changed"]


def test_a_namespace_in_use_stays_and_it_is_said() -> None:
    cluster = Cluster(item("Pod", "theirs"), item("Pod", "owned"))
    cluster.objects[("", "Pod", "greeter", "owned")]["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet"}]
    apply_set.present(cluster, params(*WANTED), check_mode=False)
    result = apply_set.absent(cluster, params(), check_mode=False)
    assert result["stays"] == ["namespace greeter stays: others use it (Pod greeter/theirs)"]
    again = apply_set.absent(cluster, params(), check_mode=False)
    assert not again["changed"] and again["stays"]


def test_what_is_already_on_its_way_out_is_no_change() -> None:
    cluster = Cluster(item("Namespace", "greeter", LABELS))
    cluster.objects[identity(WANTED[0])]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not apply_set.absent(cluster, params(), check_mode=False)["changed"]


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
    apply_set.present(cluster, {**params(*wanted), "sidecar": ""}, check_mode=False)
    cluster.writes.clear()
    asked = apply_set.present(cluster, params(*wanted), check_mode=True)
    assert actions(asked) == {"Deployment out": "restart"} and not cluster.writes
    assert "out-1" in asked["diff"][0]["before"]
    done = apply_set.present(cluster, params(*wanted), check_mode=False)
    assert done["changed"] and cluster.writes == ["merge Deployment out restartedAt"]


def test_a_set_that_is_still_being_removed_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    going = item("Namespace", "greeter", LABELS)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cluster = Cluster(going)
    asked = apply_set.present(cluster, params(*WANTED), check_mode=True)
    assert len(asked["resources"]) == 3 and "once Namespace greeter, which is being deleted, is gone" in asked["msg"]
    waited = []
    monkeypatch.setattr("time.sleep", lambda seconds: (waited.append(seconds), cluster.objects.clear()))
    assert apply_set.present(cluster, params(*WANTED), check_mode=False)["changed"]
    assert waited and len(cluster.objects) == 3


@pytest.mark.parametrize(
    ("manifests", "said"),
    [
        ([{"kind": "Service"}], "lacks apiVersion, kind or metadata.name"),
        ([{"apiVersion": "v1", "kind": "Service", "metadata": {}}], "lacks apiVersion"),
        ([WANTED[1], WANTED[1]], "ConfigMap greeter/words occurs twice"),
    ],
)
def test_manifests_that_cannot_be_right(manifests: list[dict[str, t.Any]], said: str) -> None:
    with pytest.raises(Refused, match=said):
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


def using(**pod: t.Any) -> dict[str, t.Any]:
    container = {"name": "greeter", "image": "greeter:1"}
    template = {"metadata": {"labels": {"app": "greeter"}}, "spec": {"containers": [{**container, **pod.pop("container", {})}], **pod}}
    return item("Deployment", "greeter", spec={"selector": {"matchLabels": {"app": "greeter"}}, "template": template}) | {"apiVersion": "apps/v1"}


@pytest.mark.parametrize(
    "pod",
    [
        {"container": {"envFrom": [{"secretRef": {"name": "token"}}]}},
        {"container": {"env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "token"}}}]}},
        {"volumes": [{"name": "token", "secret": {"secretName": "token"}}]},
    ],
)
def test_a_secret_that_changed_changes_the_pod_template_and_is_not_told(pod: dict[str, t.Any]) -> None:
    def annotation(cluster: Cluster) -> str:
        (made,) = with_digests(t.cast(t.Any, cluster), [using(**copy.deepcopy(pod))])
        return str(made["spec"]["template"]["metadata"]["annotations"][ANNOTATION])

    one, same, other = (annotation(Cluster(item("Secret", "token", data={"token": text}))) for text in ("c2VjcmV0", "c2VjcmV0", "b3RoZXI="))
    assert one == same != other and "c2VjcmV0" not in one
    assert annotation(Cluster()) not in (one, other), "none at all is another one"


def test_pods_that_use_nothing_by_name_are_left_as_they_are() -> None:
    assert with_digests(t.cast(t.Any, Cluster()), [using(), item("Service", "greeter")]) == [using(), item("Service", "greeter")]
