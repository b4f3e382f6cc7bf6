"""The platform is made older, and upgrade.yml plans the way to the pinned versions."""

from __future__ import annotations

import json
import subprocess

from harness import REPO
from older_chart import OLDER, older_chart


def test_an_older_platform_serves_and_its_upgrade_is_planned(play, kubectl, tmp_path):
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
    kubectl("-n", "istio-system", "label", "deployment/istiod", "operator.istio.io/version=1.31.0", "--overwrite")
    play("playbooks/verify.yml")
    plan = play("playbooks/upgrade.yml", "--check").result("Show the plan")["msg"]
    steps = [line.partition(". ")[2].split(" (")[0] for line in plan if line[:1].isdigit()]
    assert steps == ["load balancer controller 3.2.1 -> 3.2.2", "Gateway API CRDs v1.5.1 -> v1.6.3", "Istio 1.31.0 -> 1.31.1"]
