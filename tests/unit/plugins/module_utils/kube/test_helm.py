# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import base64
import gzip
import json

import pytest
from fake_api import FakeApi

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.command import Answer
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.apply import plan
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.helm import (
    Helm,
    HelmError,
    Release,
    carries,
    dropped,
    load,
    reasons,
    same_record,
    with_namespace,
)

OURS = {"meshgate.io/cluster": "sandbox"}


def deployment(image: str = "one", **labels: str) -> dict:
    metadata = {"name": "controller", "namespace": "kube-system", "labels": labels}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"image": image}}


def record(revision: int, status: str, manifest: str = "", hooks: list | None = None) -> dict:
    chart = {"metadata": {"version": "3.2.2", "appVersion": "v3.2.2"}}
    body = json.dumps({"version": revision, "info": {"status": status}, "chart": chart, "manifest": manifest, "hooks": hooks or []}).encode()
    release = base64.b64encode(base64.b64encode(gzip.compress(body))).decode()
    metadata = {"name": f"sh.helm.release.v1.lbc.v{revision}", "namespace": "kube-system", "labels": {"owner": "helm", "name": "lbc", "version": str(revision)}}
    return {"kind": "Secret", "metadata": metadata, "data": {"release": release}}


def helm(*answers: Answer, chart: str = "chart", **options) -> tuple[Helm, list[list[str]]]:
    commands: list[list[str]] = []

    def runner(command: list[str], timeout: float) -> Answer:
        commands.append(command)
        return answers[len(commands) - 1] if answers else Answer(0)

    return Helm(name="lbc", namespace="kube-system", chart=chart, values_file="values.yaml", runner=runner, **options), commands


def test_the_newest_revision_counts_whatever_its_state():
    older = [record(number, "superseded") for number in range(1, 10)]
    api = FakeApi(*older, record(10, "pending-upgrade", "kind: Service\nmetadata: {name: x}\napiVersion: v1\n"))
    release = helm()[0].release(api)
    assert (release.revision, release.status, release.chart_version, release.app_version) == (10, "pending-upgrade", "3.2.2", "v3.2.2")
    assert release.manifests[0]["metadata"]["name"] == "x"
    assert release.interrupted


def test_an_interrupted_operation_is_forgotten_but_nothing_else():
    api = FakeApi(record(1, "deployed"), record(2, "pending-upgrade"))
    tool, _commands = helm()
    tool.forget(api, tool.release(api))
    assert tool.release(api).status == "deployed"


def test_no_release():
    assert helm()[0].release(FakeApi()) is None
    assert reasons(None, False, []) == ["the release is not installed"]


@pytest.mark.parametrize(("status", "interrupted"), [("deployed", False), ("failed", False), ("pending-install", True), ("uninstalling", True)])
def test_what_a_killed_helm_leaves(status, interrupted):
    assert Release(1, status).interrupted is interrupted


def test_an_edited_deployment_is_a_reason_and_an_unchanged_one_is_not():
    wanted = deployment()
    edited = plan(FakeApi(deployment(image="two")), [wanted], "helm")
    assert reasons(Release(1, "deployed", manifests=[wanted]), True, edited) == ["Deployment kube-system/controller: update"]
    same = plan(FakeApi(wanted), [wanted], "helm")
    assert reasons(Release(1, "deployed", manifests=[wanted]), True, same) == []
    assert reasons(Release(1, "failed"), True, same) == ["the release is failed"]
    assert reasons(Release(1, "deployed"), False, same) == ["Helm's record differs from what the chart renders"]


def test_what_the_chart_no_longer_renders_is_told_as_a_deletion():
    gone = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "old", "namespace": "kube-system"}, "data": {"key": "c2VjcmV0"}}
    changes = dropped([deployment(), gone], [deployment("two")])
    assert [(change.id, change.action) for change in changes] == [("Secret kube-system/old", "delete")]
    assert "c2VjcmV0" not in str(changes[0].before)


def test_records_are_compared_by_object_not_by_order():
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}
    assert same_record([deployment(), service], [service, deployment()])
    assert not same_record([deployment("two")], [deployment()])


def test_a_release_is_ours_by_its_workloads_labels():
    bare = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}
    assert carries([bare, deployment(**OURS)], OURS)
    assert not carries([bare, deployment()], OURS)
    assert not carries([], OURS)


def test_objects_without_namespace_go_to_the_release_s_own():
    webhook = {"apiVersion": "a/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": "w"}}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}
    with_namespace(FakeApi(), [webhook, service], "kube-system")
    assert "namespace" not in webhook["metadata"]
    assert service["metadata"]["namespace"] == "kube-system"


def test_a_chart_folder_is_read_and_a_chart_of_a_repository_is_asked_for(tmp_path):
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "crds.yaml").write_text("apiVersion: a/v1\nkind: CustomResourceDefinition\nmetadata: {name: one}\n---\n")
    (tmp_path / "crds" / "kustomization.yaml").write_text("resources: [crds.yaml]\nkind: Kustomization\n")
    assert [crd["metadata"]["name"] for crd in helm(chart=str(tmp_path))[0].crds()] == ["one"]

    answer = Answer(0, "kind: CustomResourceDefinition\nmetadata: {name: two}\n")
    tool, commands = helm(answer, chart="lbc", repository="https://charts.example", version="3.2.2")
    assert [crd["metadata"]["name"] for crd in tool.crds()] == ["two"]
    assert commands == [["helm", "show", "crds", "lbc", "--repo", "https://charts.example", "--version", "3.2.2"]]


def test_helm_ends_its_wait_before_it_is_ended():
    """Killed at the same moment, it could neither say what it had waited for nor record that it failed."""
    given: list[tuple[str, float]] = []

    def runner(command: list[str], timeout: float) -> Answer:
        given.append((command[1], timeout))
        return Answer(0)

    waiting = Helm(name="lbc", namespace="kube-system", chart="chart", values_file="values.yaml", runner=runner, timeout=20)
    waiting.install()
    waiting.uninstall()
    waiting.crds()
    assert [command for command, _limit in given] == ["upgrade", "uninstall", "show"]
    assert [limit > 20 for _command, limit in given] == [True, True, False]


def test_the_jobs_that_helm_waits_for_are_those_that_it_has_begun_and_not_seen_succeed():
    phases = {"asked": None, "running": "Running", "failed": "Failed", "over": "Succeeded"}
    hooks = [{"kind": "Job", "name": name, **({"last_run": {"phase": phase}} if phase else {})} for name, phase in phases.items()]
    hooks.append({"kind": "ConfigMap", "name": "settings", "last_run": {"phase": "Failed"}})
    release = helm()[0].release(FakeApi(record(1, "failed", hooks=hooks)))
    assert release.waiting_jobs == ["running", "failed"]


def test_rendering_asks_the_cluster_and_leaves_hooks_out():
    hook = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: h\n  annotations: {helm.sh/hook: test}\n"
    tool, commands = helm(Answer(0, f"apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\n---\n{hook}"), kubeconfig="/kc", context="kind")
    assert [manifest["metadata"]["name"] for manifest in tool.render("v1.36.3", ["v1"])] == ["s"]
    assert "--dry-run=server" in commands[0]
    assert commands[0][commands[0].index("--kubeconfig") + 1] == "/kc"
    assert commands[0][commands[0].index("--kube-context") + 1] == "kind"


def test_a_failing_helm_says_its_last_line():
    tool, _commands = helm(Answer(1, "", "WARNING: x\nError: template: bad value\n"))
    with pytest.raises(HelmError, match="helm template failed: Error: template: bad value") as failure:
        tool.render("v1.36.3", [])
    assert failure.value.details["command"][:3] == ["helm", "template", "lbc"]


def test_empty_documents_are_none():
    assert load("---\n---\n# only a comment\n") == []
