"""A release of the load balancer controller's chart before the pinned one. Real ones are nowhere to be had offline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import yaml
from harness import CACHE

OLDER = "3.2.1"
FIELD, ACTION = "minimumLoadBalancerCapacity", "ec2:GetSecurityGroupsForVpc"


def older_chart(folder: Path) -> tuple[Path, Path]:
    """The pinned chart under an older version, without a field of a CRD, and the IAM policy without an action."""
    assets = max(CACHE.glob("alb_controller_assets/*/"), key=lambda found: found.stat().st_mtime)
    chart = Path(shutil.copytree(assets / "chart", folder / "chart"))
    metadata = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    (chart / "Chart.yaml").write_text(yaml.safe_dump({**metadata, "version": OLDER, "appVersion": f"v{OLDER}"}), encoding="utf-8")
    crds = list(yaml.safe_load_all((chart / "crds/crds.yaml").read_text(encoding="utf-8")))
    for crd in crds:
        if crd["metadata"]["name"] == "ingressclassparams.elbv2.k8s.aws":
            for version in crd["spec"]["versions"]:
                del version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"][FIELD]
    (chart / "crds/crds.yaml").write_text(yaml.safe_dump_all(crds), encoding="utf-8")
    document = json.loads((assets / "iam_policy.json").read_text(encoding="utf-8"))
    for statement in document["Statement"]:
        statement["Action"] = [action for action in statement["Action"] if action != ACTION]
    policy = folder / "iam_policy.json"
    policy.write_text(json.dumps(document), encoding="utf-8")
    return chart, policy
