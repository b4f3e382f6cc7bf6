# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The examples of the modules that need a cluster, in the order of a platform's life: look, make, remove. Nothing is left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "platform"), str(HERE.parents[1] / ".collections")]

from documented import LIFE, LOOK, PREFIX, REMOVE_CACHE, examples, standing_in  # noqa: E402
from harness import CACHE, CLUSTER, REPO, STATE, Play, our_containers, the_cluster  # noqa: E402

from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker.engine import Machine  # noqa: E402

# Elsewhere Docker needs no runtime of ours, so that there is none to take away or to bring back.
OWN_RUNTIME = Machine().lacks_capability()
AGAIN = ", again"
GREETER = """\
apiVersion: v1
kind: Namespace
metadata: {name: greeter, labels: {istio-injection: enabled, app.kubernetes.io/part-of: greeter}}
---
apiVersion: v1
kind: Service
metadata: {name: greeter, namespace: greeter, labels: {app.kubernetes.io/part-of: greeter}}
spec: {selector: {app: greeter}, ports: [{name: http, port: 3000}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: greeter, namespace: greeter, labels: {app.kubernetes.io/part-of: greeter}}
spec:
  selector: {matchLabels: {app: greeter}}
  template:
    metadata: {labels: {app: greeter}}
    spec: {containers: [{name: greeter, image: "{{ toolchain_facts.images.service_a.name }}"}]}
"""


@pytest.fixture(scope="module")
def play() -> Play:
    made = Play()
    made("playbooks/site.yml")
    return made


def live_values() -> dict[str, Any]:
    """The values without which the controller does not start on a laptop: its image, the emulated AWS."""
    argv = [str(CACHE / "bin/helm"), "--kubeconfig", str(STATE / CLUSTER / "kubeconfig"), "-n", "kube-system", "get", "values", "-o", "json"]
    return json.loads(subprocess.run([*argv, "aws-load-balancer-controller"], capture_output=True, text=True, check=True).stdout)


def task_of(module: str, number: int, names: dict[str, str]) -> dict[str, Any]:
    """An example, with what a laptop needs beside what the example says."""
    task = standing_in(examples(module)[number], names)
    given = task.get(PREFIX + module)
    if module == "istioctl_install" and "spec" in given:
        laptop = {"hub": "{{ toolchain_facts.istio.hub }}", "tag": "{{ toolchain_facts.istio.tag }}"}
        given["spec"] = {**given["spec"], **laptop}
        # The namespace that role istio made stays, and admits no others.
        values = given.setdefault("values", {})
        values["pilot"] = {**values.get("pilot", {}), "seccompProfile": {"type": "RuntimeDefault"}}
    if module == "helm_release" and "values" in given:
        given["chart"] = "{{ toolchain_facts.assets.alb_controller.chart }}"
        given.pop("repository")
        given["values"] = {**live_values(), **given["values"]}
    return task


def test_the_examples_do_what_they_say_once(play, tmp_path):
    cache = tmp_path / "cache"
    (cache / "kubectl" / "0123456789abcdef").mkdir(parents=True)
    (cache / "lock").touch()
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/greeter.yml.j2").write_text(GREETER)
    service = the_cluster().get("Deployment", "service-a", "rust-services")["spec"]["template"]["spec"]["containers"][0]["image"]
    names = {
        "{{ role_path }}/files": str(REPO / "roles/kind_cluster/files"),
        "{{ role_path }}/../..": str(REPO),
        "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.3/standard-install.yaml": "{{ toolchain_facts.assets.gateway_api.standard }}",
        "~/.local/state/meshgate/sandbox.us-west-2": str(STATE / CLUSTER),
        "http://sandbox-alb-1234567890.us-west-2.elb.amazonaws.com": "http://{{ alb.hostname }}",
        "production": "kind-sandbox",
        "meshgate/aws-emulator:0.1.0": "{{ toolchain_facts.images.aws_emulator.name }}",
        "kindest/node:v1.36.4": "{{ toolchain_facts.images.node.name }}",
        "example/service:1.0.0": service,
        "/tmp/service.tar": "{{ toolchain_facts.images.service_a.archive }}",
    }
    tasks, expected = [], {}
    for count, (module, number, changes) in enumerate(LOOK + LIFE):
        task = task_of(module, number, {**names, "~/.cache/meshgate": str(cache if (module, number, changes) == REMOVE_CACHE else CACHE)})
        task["name"] = f"{count}: {task['name']}"
        if module == "alb_drain":
            tasks.append({"name": "Services first", "ansible.builtin.include_role": {"name": f"{PREFIX}rust_services", "tasks_from": "remove"}})
        tasks += [task, {**task, "name": task["name"] + AGAIN}]
        expected[task["name"]] = OWN_RUNTIME if changes is None else changes
    endpoint = yaml.safe_load((STATE / CLUSTER / "kubeconfig").read_text())["clusters"][0]["cluster"]["server"]
    book = tmp_path / "examples.yml"
    play_of_examples = {
        "hosts": "platform",
        "gather_facts": False,
        "environment": "{{ {'KUBECONFIG': kubeconfig} | combine(platform_environment) }}",
        "vars": {"kubeconfig": str(STATE / CLUSTER / "kubeconfig"), "eks_cluster_facts": {"endpoint": endpoint}},
        "tasks": [{"name": "The tools", "ansible.builtin.include_role": {"name": f"{PREFIX}toolchain"}}, *tasks],
    }
    book.write_text(yaml.safe_dump([play_of_examples], sort_keys=False, width=10_000))
    os.environ["PATH"] = f"{CACHE / 'bin'}:{os.environ['PATH']}"
    run = play(str(book))
    changed = {task["name"]: bool(task["result"].get("changed")) for task in run.tasks}
    assert {name: changed[name] for name in expected} == expected
    assert [name for name, done in changed.items() if name.endswith(AGAIN) and done] == []
    assert our_containers() == []
