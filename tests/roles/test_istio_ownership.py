# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Role istio and an Istio of somebody else, or one that is still used. Against a real API server, on which nothing runs."""

from __future__ import annotations

import json
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import bare_api  # noqa: E402
from test_istio_role import play  # noqa: E402

HELMS = {"app": "istiod", "istio.io/rev": "default", "operator.istio.io/component": "Pilot", "install.operator.istio.io/owning-resource": "unknown"}
FOUND = "Deployment istio-system/istiod (revision default, version 1.30.2)"
OURS = {"meshgate.io/cluster": "sandbox"}


def namespace(name: str, **labels: str) -> dict[str, t.Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def istiod(revision: str = "default", **labels: str) -> dict[str, t.Any]:
    name = "istiod" if revision == "default" else f"istiod-{revision}"
    labels = {**HELMS, "istio.io/rev": revision, **labels}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "discovery", "image": "docker.io/istio/pilot:1.30.2"}]}}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "istio-system", "labels": labels}, "spec": spec}


def injector(name: str, **labels: str) -> dict[str, t.Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name, "labels": labels},
        "webhooks": [],
    }


def owned() -> dict[str, str]:
    """istioctl's labels."""
    return {"install.operator.istio.io/owning-resource": "installed-state", "install.operator.istio.io/owning-resource-namespace": "istio-system"}


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if bare_api.missing():
        pytest.skip(f"the toolchain has not made {', '.join(bare_api.missing())} yet")
    with bare_api.running(tmp_path_factory.mktemp("api")) as found:
        yield found


@pytest.fixture
def plant(kubeconfig: Path) -> Iterator[t.Callable[..., None]]:
    def apply(*items: dict[str, t.Any]) -> None:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [namespace("istio-system"), *items]})
        bare_api.kubectl(kubeconfig, "apply", "--server-side", "--field-manager=stranger", "-f", "-", text=text)

    yield apply
    for kind in ("deployments,services,pods", "mutatingwebhookconfigurations"):
        bare_api.kubectl(kubeconfig, "delete", kind, "--all", "-n", "istio-system", "--wait=false", "--force")


def state(kubeconfig: Path) -> list[tuple[str, str]]:
    kinds = "deployments,services,mutatingwebhookconfigurations,namespaces"
    items = json.loads(bare_api.kubectl(kubeconfig, "get", kinds, "-A", "-o", "json").stdout)["items"]
    return sorted((item["metadata"]["name"], item["metadata"]["resourceVersion"]) for item in items)


def refused(folder: Path, kubeconfig: Path, tasks_from: str, *options: str, **variables: t.Any) -> str:
    given = {"istio_kubeconfig": str(kubeconfig), "istio_kubectl": bare_api.program("kubectl", "kubectl"), "istio_ingress_enabled": False, **variables}
    return play(folder, [given], *options, tasks_from=tasks_from)[0][0]


@pytest.mark.parametrize("check", [["--check"], []], ids=["check", "run"])
@pytest.mark.parametrize("tasks_from", ["main", "remove"])
def test_an_istio_of_somebody_else_is_named_and_left(tmp_path: Path, kubeconfig: Path, plant: t.Callable[..., None], tasks_from: str, check: list[str]) -> None:
    plant(istiod(), injector("istio-sidecar-injector", **HELMS))
    before = state(kubeconfig)
    said = refused(tmp_path, kubeconfig, tasks_from, *check)
    assert FOUND in said and "meshgate.io/cluster=sandbox" in said and "adopt" in said
    assert state(kubeconfig) == before


def test_a_revision_that_a_tag_stands_for_is_not_removed(tmp_path: Path, kubeconfig: Path, plant: t.Callable[..., None]) -> None:
    trial = {**owned(), **OURS}
    tag = injector("istio-revision-tag-default", **{"istio.io/tag": "default", "istio.io/rev": "trial", "app": "sidecar-injector"})
    plant(istiod(**OURS, **owned()), istiod("trial", **trial), tag, namespace("shop", **{"istio-injection": "enabled"}))
    before = state(kubeconfig)
    for options in (["--check"], []):
        said = refused(tmp_path, kubeconfig, "remove", *options, istio_revision="trial")
        assert "revision trial is still used by tag default (shop)" in said
    assert "accepted: a remaining revision" in refused(tmp_path, kubeconfig, "remove", "--check", istio_revision="trial", istio_remove_tags_to="nowhere")
    assert refused(tmp_path, kubeconfig, "remove", "--check", istio_revision="trial", istio_remove_tags_to="default") == ""
    assert state(kubeconfig) == before
