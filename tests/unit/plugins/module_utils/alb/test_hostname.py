"""Finding a load balancer and waiting for it, against moto's ELBv2 and a fake API server."""

from __future__ import annotations

import http.server
import json
import threading

import pytest
from fake_kube import FakeKube
from load_balancer_rig import ingress

from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb import ingress as alb_kubernetes
from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb.hostname import Look, NotThere, Wanted, answers
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws import elbv2 as alb_elbv2


def wanted(**more):
    return Wanted(**{"ingress": "ingress", "namespace": "istio-ingress", "wait_timeout": 0, **more})


def test_by_ingress_it_is_described_with_listeners_rules_and_targets(aws):
    lb, group = aws.load_balancer()
    aws.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "192.168.0.9", "Port": 8080}])
    found = Look(wanted(wait_for=["hostname", "active", "healthy_targets"]), aws.elbv2, FakeKube([ingress(lb["DNSName"])])).run()
    assert (found["hostname"], found["arn"], found["state"]) == (lb["DNSName"], lb["LoadBalancerArn"], "active")
    assert found["listeners"][0]["port"] == 80
    assert found["listeners"][0]["rules"][0]["actions"] == [{"type": "forward", "target_group_arns": [group]}]
    assert found["target_groups"][0]["targets"][0]["id"] == "192.168.0.9"


def test_by_tags_it_is_found_without_a_cluster(aws):
    lb, _unused = aws.load_balancer()
    aws.load_balancer("foreign", tags=({"Key": alb_elbv2.CLUSTER_TAG, "Value": "other"},))
    assert Look(wanted(ingress="", cluster="sandbox", stack="sandbox"), aws.elbv2).run()["hostname"] == lb["DNSName"]


def test_no_ingress_is_said_as_such(aws):
    with pytest.raises(NotThere, match="Ingress istio-ingress/ingress does not exist"):
        Look(wanted(), aws.elbv2, FakeKube()).run()


def test_a_hostname_that_does_not_come_is_explained(aws):
    event = {"involvedObject": {"name": "ingress"}, "type": "Warning", "reason": "FailedBuildModel", "message": "no subnets"}
    error = {"level": "error", "ts": "t", "msg": "Reconciler error", "error": "couldn't auto-discover subnets"}
    log = "\n".join([json.dumps(error), json.dumps({"level": "info"})])
    controller = {"name": "c-1", "namespace": "kube-system", "labels": {"app.kubernetes.io/name": "aws-load-balancer-controller"}}
    api = FakeKube(
        [
            ingress(),
            {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "istio-ingress"}, **event},
            {"apiVersion": "v1", "kind": "Pod", "metadata": controller},
        ],
        logs={"c-1": log},
    )
    with pytest.raises(NotThere) as raised:
        Look(wanted(), aws.elbv2, api).run()
    assert "no hostname yet" in str(raised.value)
    assert raised.value.causes == [
        "Ingress istio-ingress/ingress: FailedBuildModel: no subnets",
        "the controller logged: t: Reconciler error: couldn't auto-discover subnets",
    ]


def test_a_load_balancer_without_targets_is_not_healthy(aws):
    lb, _unused = aws.load_balancer()
    with pytest.raises(NotThere, match="target group sandbox-alb-tg has no target"):
        Look(wanted(wait_for=["healthy_targets"]), aws.elbv2, FakeKube([ingress(lb["DNSName"])])).run()


def targets(*states):
    items = [{"id": "10.0.0.1", "port": 8080, "state": state, "reason": "Target.Timeout", "description": "timed out"} for state in states]
    return {"target_groups": [{"name": "tg", "targets": items}]}


def test_health_is_all_healthy_but_those_that_drain():
    assert alb_elbv2.health_state(targets("healthy", "draining")) == ""
    assert alb_elbv2.health_state(targets("healthy", "unhealthy")) == "target 10.0.0.1:8080 of tg is unhealthy: Target.Timeout timed out"
    assert alb_elbv2.health_state(targets("draining")) == "target group tg has no target"


def test_looking_once_does_not_wait(aws):
    assert Look(wanted(wait_for=[]), aws.elbv2, FakeKube([ingress()])).run()["hostname"] == ""


@pytest.fixture
def server():
    statuses = {"/": 404, "/down": 503}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(statuses[self.path] if self.headers["Host"] == "name.elb.amazonaws.com" else 500)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


def test_http_goes_to_where_the_load_balancer_is_emulated(server):
    assert answers("name.elb.amazonaws.com", server, "/") == ""
    assert "returned 503" in answers("name.elb.amazonaws.com", server, "/down")
    assert "does not answer" in answers("name.elb.amazonaws.com", "127.0.0.1:1", "/")


# -- the controller's side --------------------------------------------------------------------------------------------


def test_hostname_is_read_from_ingress_service_and_gateway():
    assert alb_kubernetes.hostname(ingress("a.example")) == "a.example"
    assert alb_kubernetes.hostname({"status": {"addresses": [{"type": "Hostname", "value": "b.example"}]}}) == "b.example"
    assert alb_kubernetes.hostname(None) == ""


def test_last_error_line_skips_what_is_none():
    assert alb_kubernetes.last_error_line('{"level":"info","msg":"x"}\nplain\n') == ""
    assert alb_kubernetes.last_error_line("E0101 klog error\n") == "E0101 klog error"
