"""Role rust_services a second time beside the platform's: what changes in the cluster is what was changed in the variables, and nothing else."""

from __future__ import annotations

import json
import time

import pytest
from harness import Asking, ask, until

CONVERGE = "molecule/rust_services/converge.yml"
NAMESPACE = "molecule-services"
HOST = "services.example.com"
PATH, FIELDS = "/?name=A+Field", b'{"key_one":"(A Field)Field 1","key_two":"(A Field)Field 2"}'
DEPLOYMENTS = {("Deployment", "service-a", "update"), ("Deployment", "service-b", "update")}


@pytest.fixture(scope="module")
def apply(play):
    """Run the role with these variables: the run, and the objects that differed."""

    def run(*options: str, **variables):
        done = play(CONVERGE, *options, *(["-e", json.dumps(variables)] if variables else []))
        resources = done.result("Apply the services")["resources"]
        return done, {(item["kind"], item["name"], item["action"]) for item in resources}

    return run


def pods(cluster, app: str) -> set[str]:
    items = cluster.find("Pod", NAMESPACE, f"app={app}")
    return {item["metadata"]["name"] for item in items if not item["metadata"].get("deletionTimestamp")}


def answers() -> bool:
    answer = ask(HOST, PATH)
    return (answer.status, answer.body) == (200, FIELDS)


def test_both_pairs_answer_by_their_own_names(cluster):
    platform = cluster.get("Ingress", "ingress", "istio-ingress")["status"]["loadBalancer"]["ingress"][0]["hostname"]
    until("the second pair's answer", answers, 60)
    assert ask(platform, PATH).body == FIELDS

    def logged() -> bool:
        return f'"authority":"{HOST}"' in "".join(cluster.logs(NAMESPACE, pod, "istio-proxy", 200) for pod in pods(cluster, "service-b"))

    until("the second pair's own log of it, which Envoy writes every ten seconds", logged)


def test_scaling_adds_pods_and_touches_none(apply, cluster):
    before = {app: pods(cluster, app) for app in ("service-a", "service-b")}
    run, differs = apply("--check", "--diff", rust_services_replicas=2)
    assert differs == DEPLOYMENTS
    diff = run.result("Apply the services")["diff"]
    assert all(_changed_lines(part) == {"replicas: 1", "replicas: 2"} for part in diff), diff
    assert {app: pods(cluster, app) for app in before} == before, "check mode scaled"
    assert apply(rust_services_replicas=2)[1] == DEPLOYMENTS
    for app, names in before.items():
        assert names < pods(cluster, app) and len(pods(cluster, app)) == 2
        assert cluster.get("Deployment", app, NAMESPACE)["status"]["readyReplicas"] == 2


def _changed_lines(part: dict) -> set[str]:
    before, after = set(part["before"].splitlines()), set(part["after"].splitlines())
    return {line.strip() for line in before ^ after}


def test_another_setting_rolls_the_pods_and_no_request_fails(apply, cluster):
    before = {app: pods(cluster, app) for app in ("service-a", "service-b")}
    with Asking(HOST, PATH, FIELDS) as asking:
        _run, differs = apply(rust_services_replicas=2, rust_services_env={"RUST_LOG": "debug"})
    assert differs == DEPLOYMENTS
    assert asking.failed == {} and asking.answers["ok"] > 20, asking.answers
    for app, names in before.items():
        assert not names & pods(cluster, app), "a pod still has the former setting"
    assert "debug" in str([one["env"] for one in cluster.get("Deployment", "service-a", NAMESPACE)["spec"]["template"]["spec"]["containers"]])


def test_without_service_a_the_answer_is_an_error_in_time_and_a_run_mends_it(apply, cluster):
    cluster.kubectl("-n", NAMESPACE, "delete", "deployment", "service-a", "--wait=true")
    cluster.kubectl("-n", NAMESPACE, "wait", "--for=delete", "pod", "-l", "app=service-a", "--timeout=120s")
    started = time.monotonic()
    answer = until("an error", lambda: (got := ask(HOST, PATH)).status in (502, 503, 504) and got, 60)
    assert json.loads(answer.body)["error"]
    asked = time.monotonic()
    ask(HOST, PATH)
    assert time.monotonic() - asked < 8, "two seconds on an idle machine; this one may be busy"  # never a hang
    print(f"an error came {started - asked:.1f} s after the pods were gone")
    assert ask(HOST, "/health").status == 200, "service-b itself is well"
    _run, differs = apply(rust_services_replicas=2, rust_services_env={"RUST_LOG": "debug"})
    assert differs == {("Deployment", "service-a", "create")}
    until("the seed's answer", answers, 60)


def test_the_platforms_own_pair_was_left_alone(play):
    run = play("playbooks/site.yml", "--check")
    assert run.changes() == []
