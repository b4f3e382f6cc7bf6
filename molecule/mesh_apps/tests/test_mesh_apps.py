# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Role mesh_apps: what of an app changes in the cluster is what changed in its entry, and a team touches nothing but its namespaces."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster import Cluster
from demo_app import Pods, deploy
from harness import REPO, Play, Run, ask, until

VARIABLES = "molecule/mesh_apps/vars/scenario.yml"
NAMESPACE, HOST, PRODUCTS = "molecule-apps", "apps.example.com", "/api/products"
GIVEN: dict[str, Any] = yaml.safe_load((REPO / VARIABLES).read_text(encoding="utf-8"))
APP, ROUTE = GIVEN["mesh_apps"][0], GIVEN["mesh_routes"][0]


@pytest.fixture(scope="module")
def apply(play: Play):
    def run(*apps: dict[str, Any], options: tuple[str, ...] = (), ok: bool = True, **variables: Any) -> Run:
        return deploy(play, VARIABLES, {"mesh_apps": list(apps), **variables}, *options, ok=ok)

    return run


@pytest.fixture(autouse=True, scope="module")
def as_it_was(apply):
    yield
    apply(APP)


def differs(run: Run) -> set[tuple[str, str, str]]:
    return {(item["kind"], item["name"], item["action"]) for item in run.result("Apply the apps")["resources"]}


def app(**changed: Any) -> dict[str, Any]:
    return {**copy.deepcopy(APP), **changed}


@pytest.fixture(scope="module")
def product(cluster: Cluster) -> Pods:
    return Pods(cluster, NAMESPACE, "product")


def test_it_answers_and_runs_hardened(cluster, product) -> None:
    until("the app answers", lambda: ask(HOST, PRODUCTS).status == 200)
    (name,) = product.names()
    spec = cluster.get("Pod", name, NAMESPACE)["spec"]
    container = next(one for one in spec["containers"] if one["name"] == "product")
    assert spec["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]
    assert not spec["automountServiceAccountToken"]


def test_another_file_replaces_the_pods_and_nothing_else_changes(apply, product) -> None:
    before = product.names()
    run = apply(app(config={"directory": "/etc/product", "files": {"greeting.txt": "good day"}}))
    assert differs(run) == {("ConfigMap", "product", "update"), ("Deployment", "product", "update")}
    until("new pods", lambda: product.names() and not set(product.names()) & set(before))


def test_another_value_of_a_secret_replaces_the_pods(apply, cluster, product) -> None:
    cluster.kubectl("-n", NAMESPACE, "create", "secret", "generic", "token", "--from-literal=TOKEN=first-token")
    try:
        apply(app(env_from=[{"secret": "token"}]))
        before = product.names()
        assert apply(app(env_from=[{"secret": "token"}])).changed == 0
        cluster.kubectl("-n", NAMESPACE, "patch", "secret", "token", "--type=merge", "--patch", '{"stringData": {"TOKEN": "second-token"}}')
        run = apply(app(env_from=[{"secret": "token"}]))
        assert differs(run) == {("Deployment", "product", "update")} and "second-token" not in run.output and "c2Vjb25kLXRva2Vu" not in run.output
        until("new pods", lambda: product.names() and not set(product.names()) & set(before))
    finally:
        cluster.kubectl("-n", NAMESPACE, "delete", "secret", "token")


def test_versions_come_and_go_with_their_services(apply, cluster) -> None:
    versions = [{"name": "v1"}, {"name": "v2", "env": {**APP["env"], "VERSION": "v2"}}]
    route = {**copy.deepcopy(ROUTE), "rules": [{"to": [{"app": "product", "version": "v2"}]}], "expect": [{"get": PRODUCTS, "from": ["v2"]}]}
    apply(app(versions=versions), mesh_routes=[route])
    until("version 2", lambda: ask(HOST, PRODUCTS).headers.get("x-version") == "v2")
    assert cluster.has("Service", "product-v1", NAMESPACE) and not cluster.has("Deployment", "product", NAMESPACE)
    apply(app())
    until("the app by itself", lambda: ask(HOST, PRODUCTS).headers.get("x-version") == "v1")
    assert not cluster.has("Service", "product-v2", NAMESPACE) and cluster.has("Deployment", "product", NAMESPACE)


def test_without_the_gateway_among_its_callers_it_is_closed(apply) -> None:
    apply(app(callers=[{"app": "front", "namespace": "elsewhere"}]), mesh_routes=[{**ROUTE, "expect": []}])
    until("it is closed", lambda: ask(HOST, PRODUCTS).status == 403)
    apply(app())
    until("it is open", lambda: ask(HOST, PRODUCTS).status == 200)


def test_a_deployment_of_others_is_refused_and_stays(apply, cluster) -> None:
    cluster.kubectl("-n", NAMESPACE, "create", "deployment", "theirs", "--image=theirs:1", "--replicas=0")
    try:
        refused = apply(app(), app(name="theirs"), ok=False)
        assert "Deployment molecule-apps/theirs: created by someone else" in refused.failures()
        assert cluster.get("Deployment", "theirs", NAMESPACE)["spec"]["replicas"] == 0
    finally:
        cluster.kubectl("-n", NAMESPACE, "delete", "deployment", "theirs")


def test_an_app_that_left_the_list_is_deleted(apply, cluster) -> None:
    apply(app(), app(name="second"))
    assert cluster.has("Deployment", "second", NAMESPACE)
    apply(app())
    assert not cluster.has("Deployment", "second", NAMESPACE) and not cluster.has("ServiceAccount", "second", NAMESPACE)


# -- a team ----------------------------------------------------------------------------------------------------------

TEAM = "molecule-team"
RIGHTS = f"""\
apiVersion: v1
kind: Namespace
metadata: {{name: {TEAM}, labels: {{istio-injection: enabled}}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: developer, namespace: {TEAM}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: developer, namespace: {TEAM}}}
rules:
  - apiGroups: ["", apps, policy, autoscaling, networking.istio.io, security.istio.io, gateway.networking.k8s.io]
    resources: ["*"]
    verbs: ["*"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: developer, namespace: {TEAM}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: developer}}
subjects: [{{kind: ServiceAccount, name: developer, namespace: {TEAM}}}]
"""


@pytest.fixture
def team(cluster: Cluster, tmp_path: Path):
    """A kubeconfig of somebody who has rights in one namespace only."""
    cluster.kubectl("apply", "-f", "-", text=RIGHTS)
    config = yaml.safe_load(cluster.kubeconfig.read_text(encoding="utf-8"))
    config["users"][0]["user"] = {"token": cluster.kubectl("-n", TEAM, "create", "token", "developer").stdout.strip()}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    path.chmod(0o600)
    yield path
    cluster.kubectl("delete", "namespace", TEAM)


def test_a_team_needs_rights_in_its_own_namespaces_only(apply, cluster, team) -> None:
    host = "team.example.com"
    teams = [{"name": "team", "hosts": [host], "namespaces": [TEAM]}]
    apply(app(), mesh_teams=teams, mesh_routes_api="istio")
    route = {**copy.deepcopy(ROUTE), "name": "team", "namespace": TEAM, "hosts": [host], "expect": [{"get": PRODUCTS, "from": ["product"]}]}
    theirs = {
        "mesh_set": "team",
        "mesh_confined_to": [TEAM],
        "mesh_routes": [route],
        "mesh_routes_gateway": "mesh-molecule-apps",
        "mesh_routes_api": "istio",
        "mesh_routes_istioctl": "",
        "mesh_apps_kubeconfig": str(team),
        "mesh_routes_kubeconfig": str(team),
    }
    apply(app(namespace=TEAM), **theirs)
    until("the team's app", lambda: ask(host, PRODUCTS).status == 200)
    assert apply(app(namespace=TEAM), **theirs).changed == 0
    refused = apply(app(namespace=NAMESPACE), **theirs, ok=False)
    assert re.search(r"mesh_apps is \['product'\]; accepted: apps in the namespaces of mesh_apps_confined_to", refused.failures())
    apply(app(namespace=TEAM), **theirs, mesh_state="absent")
    assert not cluster.has("Deployment", "product", TEAM) and cluster.has("Deployment", "product", NAMESPACE)
