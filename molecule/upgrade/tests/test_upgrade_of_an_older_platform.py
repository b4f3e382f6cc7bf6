"""The platform is made older, and upgrade.yml plans the way to the pinned versions."""

from __future__ import annotations

import json
import subprocess

from harness import REPO, pinned
from older_chart import OLDER, older_chart


def test_an_older_platform_serves_and_its_upgrade_is_planned(play, cluster, tmp_path):
    chart, policy = older_chart(tmp_path)
    crds = subprocess.run([REPO / "tests/platform/older/module.sh", "sigs.k8s.io/gateway-api"], capture_output=True, text=True, check=True).stdout.strip()
    given = {
        "alb_controller_version": OLDER,
        "alb_controller_chart": str(chart),
        "alb_controller_iam_policy": str(policy),
        "gateway_crds_version": crds.rpartition("@v")[2],
        "gateway_crds_source": f"{crds}/config/crd/standard",
    }
    play("molecule/upgrade/older.yml", "-e", json.dumps(given))
    # istioctl carries its manifests, so that an older Istio would have to be built: here the objects say that they are of an older patch.
    cluster.kubectl("-n", "istio-system", "label", "deployment/istiod", "operator.istio.io/version=1.31.0", "--overwrite")
    play("playbooks/verify.yml")
    plan = play("playbooks/upgrade.yml", "--check").result("Print the plan")["msg"]
    steps = [line.partition(". ")[2].split(" (")[0] for line in plan if line[:1].isdigit()]
    wanted = {name: pinned(name) for name in ("alb_controller", "gateway_api", "istio")}
    assert steps == [
        f"load balancer controller {OLDER} -> {wanted['alb_controller']}",
        f"Gateway API CRDs {given['gateway_crds_version']} -> {wanted['gateway_api']}",
        f"Istio 1.31.0 -> {wanted['istio']}",
    ]
