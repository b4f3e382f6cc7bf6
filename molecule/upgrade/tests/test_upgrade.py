"""After upgrade.yml: everything is of the pinned version, and site.yml finds nothing that it would do otherwise."""

from __future__ import annotations

import json

from harness import pinned


def test_what_runs_is_of_the_pinned_versions(cluster):
    controller = cluster.get("Deployment", "aws-load-balancer-controller", "kube-system")["metadata"]["labels"]
    assert controller["helm.sh/chart"] == f"aws-load-balancer-controller-{pinned('alb_controller')}"
    crd = cluster.get("CustomResourceDefinition", "httproutes.gateway.networking.k8s.io")["metadata"]["annotations"]
    assert crd["gateway.networking.k8s.io/bundle-version"] == f"v{pinned('gateway_api')}"
    assert cluster.get("Deployment", "istiod", "istio-system")["metadata"]["labels"]["operator.istio.io/version"] == pinned("istio")


def test_a_downgrade_is_refused_before_anything_moves(play):
    run = play("playbooks/upgrade.yml", "-e", json.dumps({"alb_controller_version": "3.2.1"}), ok=False)
    assert run.code != 0 and "Nothing was changed" in run.failures() and "3.2.1" in run.failures()


def test_the_platform_answers_and_site_finds_nothing_to_do(play):
    play("playbooks/verify.yml")
    assert play("playbooks/site.yml", "--check").changes() == []
