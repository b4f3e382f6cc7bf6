"""Revision `canary` of Istio beside the platform's own: measured changes, pruning, a switch of the services without a failed request, and a removal."""

from __future__ import annotations

import json

import pytest
from harness import Asking, ask, until

CONVERGE = "molecule/istio/converge.yml"
SERVICES, GATEWAY = "canary-services", "canary-ingress"
PATH, FIELDS = "/?name=A+Field", b'{"key_one":"(A Field)Field 1","key_two":"(A Field)Field 2"}'


@pytest.fixture(scope="module")
def apply(play):
    """Run the scenario with these variables: the role's own task's result."""

    def run(*options: str, **variables) -> dict:
        done = play(CONVERGE, *options, *(["-e", json.dumps(variables)] if variables else []))
        return next(task["result"] for task in done.tasks if "version_after" in task["result"])

    return run


def differs(result: dict) -> set[tuple[str, str, str]]:
    return {(item["kind"], item["name"], item["action"]) for item in result["resources"] if item["action"] != "unchanged"}


def hostname(kubectl, namespace: str = GATEWAY) -> str:
    return kubectl.get("-n", namespace, "ingress", "ingress")["status"]["loadBalancer"]["ingress"][0]["hostname"]


def images(kubectl) -> dict[str, str]:
    """The revision that each pod of the services has its proxy from."""
    found = {}
    for pod in kubectl.get("-n", SERVICES, "pods")["items"]:
        if not pod["metadata"].get("deletionTimestamp"):
            found[pod["metadata"]["name"]] = json.loads(pod["metadata"]["annotations"]["sidecar.istio.io/status"])["revision"]
    return found


def test_both_revisions_run_each_behind_its_own_load_balancer(kubectl, aws):
    assert {item["metadata"]["name"] for item in kubectl.get("-n", "istio-system", "deployments")["items"]} == {"istiod", "istiod-canary"}
    names = {item["DNSName"]: item["LoadBalancerName"] for item in aws("elbv2").describe_load_balancers()["LoadBalancers"]}
    assert names[hostname(kubectl)] == "canary-alb" and names[hostname(kubectl, "istio-ingress")] == "sandbox-alb"
    until("the services' answer by the revision's gateway", lambda: ask(hostname(kubectl), PATH).body == FIELDS, 60)
    assert ask(hostname(kubectl, "istio-ingress"), PATH).body == FIELDS


def test_one_changed_value_is_the_whole_difference(apply, kubectl):
    tracing = {"values": {"pilot": {"traceSampling": 7.5}}}
    wanted = {("ConfigMap", "values-canary", "update"), ("Deployment", "istiod-canary", "update")}  # istioctl keeps the values, too
    would = apply("--check", "--diff", istio_operator_spec=tracing)
    assert differs(would) == wanted
    lines = {line.strip(" ,") for part in would["diff"] for line in set(part["before"].splitlines()) ^ set(part["after"].splitlines())}
    assert lines == {"value: '1'", "value: '7.5'", '"traceSampling": 1', '"traceSampling": 7.5'}
    assert differs(apply(istio_operator_spec=tracing)) == wanted
    env = kubectl("-n", "istio-system", "get", "deployment", "istiod-canary", "-o", "json").stdout
    assert {"name": "PILOT_TRACE_SAMPLING", "value": "7.5"} in json.loads(env)["spec"]["template"]["spec"]["containers"][0]["env"]


def test_a_gateway_that_left_the_specification_is_shown_and_pruned(apply, kubectl):
    """A list replaces the role's own, so that the role's gateway is in it, too."""
    confined = {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}  # as the namespace asks of every pod
    more = {"components": {"egressGateways": [{"name": "canary-egress", "namespace": GATEWAY, "enabled": True, "k8s": confined}]}}
    made = differs(apply(istio_operator_spec=more))
    assert ("Deployment", "canary-egress", "create") in made
    would = apply("--check", "--diff")
    gone = {(kind, name, "delete") for kind, name, _unused in made if name.startswith("canary-egress")}
    assert differs(would) >= gone and {part.get("after", "") for part in would["diff"] if "canary-egress" in part["before_header"]} == {""}
    assert kubectl("-n", GATEWAY, "get", "deployment", "canary-egress", ok=False).returncode == 0, "check mode pruned"
    assert differs(apply()) == differs(would)
    assert kubectl("-n", GATEWAY, "get", "deployment", "canary-egress", ok=False).returncode != 0
    assert kubectl("-n", GATEWAY, "get", "deployment", "canary-gateway", ok=False).returncode == 0


def test_the_services_switch_to_the_revision_and_no_request_fails(apply, kubectl):
    assert set(images(kubectl).values()) == {"default"}
    with Asking(hostname(kubectl), PATH, FIELDS) as asking:
        apply(switched_revision="canary")
    assert set(images(kubectl).values()) == {"canary"}
    assert asking.failed == {} and asking.answers["ok"] > 20, asking.answers
    assert kubectl("get", "namespace", SERVICES, "-o", "jsonpath={.metadata.labels.istio\\.io/rev}").stdout == "canary"


def test_removing_the_revision_leaves_the_other_one_alone(play, kubectl, aws):
    """Its load balancer, its namespaces and its security group are the platform's."""
    before = uids(kubectl)
    host = hostname(kubectl, "istio-ingress")
    with Asking(host, PATH, FIELDS) as asking:
        play("molecule/istio/cleanup.yml")
    assert asking.failed == {} and asking.answers["ok"] > 20, asking.answers
    assert uids(kubectl) == before
    assert {item["metadata"]["name"] for item in kubectl.get("-n", "istio-system", "deployments")["items"]} == {"istiod"}
    assert "canary-alb" not in {item["LoadBalancerName"] for item in aws("elbv2").describe_load_balancers()["LoadBalancers"]}
    assert not [item for item in aws("ec2").describe_security_groups()["SecurityGroups"] if item["GroupName"] == "canary-alb"]
    for namespace in (GATEWAY, SERVICES):
        assert kubectl("get", "namespace", namespace, ok=False).returncode != 0, namespace
    left = kubectl("get", "mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles,clusterrolebindings", "-o", "name").stdout
    assert "canary" not in left
    assert play("molecule/istio/cleanup.yml").changed == 0
    assert play("playbooks/site.yml", "--check").changes() == []


def uids(kubectl) -> set[str]:
    """Of what the platform's own revision runs."""
    kinds = "deployments,services,ingresses,configmaps"
    items = [*kubectl.get("-n", "istio-system", kinds)["items"], *kubectl.get("-n", "istio-ingress", kinds)["items"]]
    return {item["metadata"]["uid"] for item in items if "canary" not in item["metadata"]["name"]}
