"""Revision `canary` of Istio beside the platform's own: measured changes, pruning, a switch of the services without a failed request, and a removal."""

from __future__ import annotations

import json
import subprocess

import pytest
from harness import CACHE, CLUSTER, STATE, Asking, ask, until

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


def hostname(cluster, namespace: str = GATEWAY) -> str:
    return cluster.get("Ingress", "ingress", namespace)["status"]["loadBalancer"]["ingress"][0]["hostname"]


def images(cluster) -> dict[str, str]:
    """The revision that each pod of the services has its proxy from."""
    found = {}
    for pod in cluster.find("Pod", SERVICES):
        if not pod["metadata"].get("deletionTimestamp"):
            found[pod["metadata"]["name"]] = json.loads(pod["metadata"]["annotations"]["sidecar.istio.io/status"])["revision"]
    return found


def test_both_revisions_run_each_behind_its_own_load_balancer(cluster, aws):
    assert {item["metadata"]["name"] for item in cluster.find("Deployment", "istio-system")} == {"istiod", "istiod-canary"}
    names = {item["DNSName"]: item["LoadBalancerName"] for item in aws("elbv2").describe_load_balancers()["LoadBalancers"]}
    assert names[hostname(cluster)] == "canary-alb" and names[hostname(cluster, "istio-ingress")] == "sandbox-alb"
    until("the services' answer by the revision's gateway", lambda: ask(hostname(cluster), PATH).body == FIELDS, 60)
    assert ask(hostname(cluster, "istio-ingress"), PATH).body == FIELDS


def test_one_changed_value_is_the_whole_difference(apply, cluster):
    tracing = {"values": {"pilot": {"traceSampling": 7.5}}}
    wanted = {("ConfigMap", "values-canary", "update"), ("Deployment", "istiod-canary", "update")}  # istioctl keeps the values, too
    would = apply("--check", "--diff", istio_operator_spec=tracing)
    assert differs(would) == wanted
    lines = {line.strip(" ,") for part in would["diff"] for line in set(part["before"].splitlines()) ^ set(part["after"].splitlines())}
    assert lines == {"value: '1'", "value: '7.5'", '"traceSampling": 1', '"traceSampling": 7.5'}
    assert differs(apply(istio_operator_spec=tracing)) == wanted
    env = cluster.get("Deployment", "istiod-canary", "istio-system")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "PILOT_TRACE_SAMPLING", "value": "7.5"} in env


def test_a_gateway_that_left_the_specification_is_shown_and_pruned(apply, cluster):
    """A list replaces the role's own, so that the role's gateway is in it, too."""
    confined = {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}  # as the namespace asks of every pod
    more = {"components": {"egressGateways": [{"name": "canary-egress", "namespace": GATEWAY, "enabled": True, "k8s": confined}]}}
    made = differs(apply(istio_operator_spec=more))
    assert ("Deployment", "canary-egress", "create") in made
    would = apply("--check", "--diff")
    gone = {(kind, name, "delete") for kind, name, _unused in made if name.startswith("canary-egress")}
    assert differs(would) >= gone and {part.get("after", "") for part in would["diff"] if "canary-egress" in part["before_header"]} == {""}
    assert cluster.has("Deployment", "canary-egress", GATEWAY), "check mode pruned"
    assert differs(apply()) == differs(would)
    assert not cluster.has("Deployment", "canary-egress", GATEWAY)
    assert cluster.has("Deployment", "canary-gateway", GATEWAY)


def test_the_services_switch_to_the_revision_and_no_request_fails(apply, cluster):
    assert set(images(cluster).values()) == {"default"}
    with Asking(hostname(cluster), PATH, FIELDS) as asking:
        apply(switched_revision="canary")
    assert set(images(cluster).values()) == {"canary"}
    assert asking.failed == {} and asking.answers["ok"] > 20, asking.answers
    assert cluster.get("Namespace", SERVICES)["metadata"]["labels"]["istio.io/rev"] == "canary"


def injected(cluster) -> bool:
    """Whether a pod that is made in the platform's own namespace now gets a sidecar. A dry run asks the injector, too."""
    made = cluster.kubectl("-n", "rust-services", "run", "asked", "--image=none", "--dry-run=server", "-o", "json").stdout
    spec = json.loads(made)["spec"]
    return any(one["name"] == "istio-proxy" for one in [*spec["containers"], *spec.get("initContainers", [])])


def test_a_revision_that_holds_the_default_tag_is_not_removed(play, cluster):
    """As somebody leaves it who has gone over to a revision: without this, the platform's namespaces were left without an injector."""
    istioctl("tag", "set", "default", "--revision", "canary", "--overwrite", "--skip-confirmation")
    istioctl("tag", "set", "canary-prod", "--revision", "canary", "--skip-confirmation")
    assert injected(cluster)
    run = play("molecule/istio/cleanup.yml", "--check", ok=False)
    said = run.failures()
    assert "revision canary is still used by tag canary-prod (no namespace); tag default (rust-services); " in said
    assert f"proxies: {SERVICES}/" in said
    assert cluster.has("Deployment", "istiod-canary", "istio-system")


def test_removing_the_revision_leads_its_tags_back_and_leaves_the_other_one_alone(play, cluster, aws):
    """Its load balancer, its namespaces and its security group are the platform's."""
    before = uids(cluster)
    host = hostname(cluster, "istio-ingress")
    with Asking(host, PATH, FIELDS) as asking:
        play("molecule/istio/cleanup.yml", "-e", json.dumps({"istio_remove_tags_to": "default"}))
    assert injected(cluster)
    tags = {item["metadata"]["labels"]["istio.io/tag"]: item["metadata"]["labels"]["istio.io/rev"] for item in of_tags(cluster)}
    assert tags == {"default": "default", "canary-prod": "default"}
    istioctl("tag", "remove", "canary-prod", "--skip-confirmation")
    assert asking.failed == {} and asking.answers["ok"] > 20, asking.answers
    assert uids(cluster) == before
    assert {item["metadata"]["name"] for item in cluster.find("Deployment", "istio-system")} == {"istiod"}
    assert "canary-alb" not in {item["LoadBalancerName"] for item in aws("elbv2").describe_load_balancers()["LoadBalancers"]}
    assert not [item for item in aws("ec2").describe_security_groups()["SecurityGroups"] if item["GroupName"] == "canary-alb"]
    for namespace in (GATEWAY, SERVICES):
        assert not cluster.has("Namespace", namespace), namespace
    kinds = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "ClusterRole", "ClusterRoleBinding")
    left = " ".join(item["metadata"]["name"] for kind in kinds for item in cluster.find(kind))
    assert "canary" not in left
    assert play("molecule/istio/cleanup.yml").changed == 0
    assert play("playbooks/site.yml", "--check").changes() == []


def of_tags(cluster) -> list[dict]:
    return cluster.find("MutatingWebhookConfiguration", labels="istio.io/tag")


def istioctl(*arguments: str) -> None:
    argv = [str(CACHE / "bin/istioctl"), f"--kubeconfig={STATE / CLUSTER / 'kubeconfig'}", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def uids(cluster) -> set[str]:
    """Of what the platform's own revision runs."""
    kinds = ("Deployment", "Service", "Ingress", "ConfigMap")
    items = [item for space in ("istio-system", "istio-ingress") for kind in kinds for item in cluster.find(kind, space)]
    return {item["metadata"]["uid"] for item in items if "canary" not in item["metadata"]["name"]}
