# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where the runs are killed, and what is remembered between them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from census import account
from chain import LOGS, After, During, Killed, Runner
from cluster import Cluster
from secret_scan import known_secrets

FULL = bool(os.environ.get("MESHGATE_KILL_FULL"))
RECORDED = LOGS / "points.json"

DOCKER, TOOLS, LAPTOP, BUILD = "Ensure Docker is running", "Install the toolchain", "Set up the local AWS emulation", "Build the platform"
REMOVE, REMOVE_LAPTOP = "Remove the platform", "Remove the local AWS emulation"

CONTROLLER = After(BUILD, "alb_controller", "Install the controller")
ISTIO = After(BUILD, "istio", "Install Istio, the gateway and the Ingress")
SERVICES = After(BUILD, "rust_services", "Apply the services")
NETWORK = After(BUILD, "eks_cluster", "Create network, IAM roles and launch templates")
KIND = After(LAPTOP, "kind_cluster", "Create the kind cluster sandbox")
EMULATOR = After(LAPTOP, "aws_emulator", "Start the emulated AWS of cluster sandbox")
ACCOUNT = After(REMOVE, "eks_cluster", "Remove the cluster, its nodes, its network, its IAM roles and what was left behind")

# At least two of each role. What takes longest is not let finish first: the next run would only look at it.
SAMPLE: dict[str, list[After | During]] = {
    "site": [
        After(DOCKER, "kind_cluster", "Ensure Docker is running"),
        After(TOOLS, "toolchain", "Install tools and images"),
        After(TOOLS, "toolchain", "Set facts of the toolchain"),
        KIND,
        EMULATOR,
        After(LAPTOP, "aws_emulator", "Set facts of the emulated AWS"),
        During(NETWORK, 0.6),
        After(BUILD, "eks_cluster", "Manage the control plane"),
        After(BUILD, "alb_controller", "Manage the IAM role of the controller"),
        During(CONTROLLER, 0.4, "helm upgrade"),
        After(BUILD, "gateway_crds", "Apply the Gateway API's CRDs"),
        After(BUILD, "gateway_crds", "Set facts"),
        After(BUILD, "istio", "Manage the security group of the load balancer"),
        During(ISTIO, 3.0, "istioctl install"),
        During(SERVICES, 0.7),
        SERVICES,
    ],
    "teardown": [
        After(REMOVE, "istio", "Remove load balancers while their controller runs"),
        After(REMOVE, "alb_controller", "Remove the controller"),
        During(ACCOUNT, 0.8),
        ACCOUNT,
    ],
    "laptop": [After(REMOVE_LAPTOP, "kind_cluster", "Remove the kind cluster sandbox")],
}

# With every task that was recorded, also these, before the end of the same task.
MIDDLES: dict[str, list[During]] = {
    "site": [
        During(KIND, 1.0, "kind create cluster"),
        During(KIND, 8.0, "kind create cluster"),
        During(NETWORK, 0.6),
        During(CONTROLLER, 0.4, "helm upgrade"),
        During(ISTIO, 0.3),
        During(ISTIO, 1.0, "istioctl install"),
        During(ISTIO, 3.0, "istioctl install"),
        During(SERVICES, 0.7),
    ],
    "teardown": [
        During(After(REMOVE, "istio", "Remove load balancers while their controller runs"), 0.7),
        During(After(REMOVE, "istio", "Remove Istio and the namespaces that are ours"), 0.5),
        During(After(REMOVE, "alb_controller", "Remove the controller"), 0.5),
        During(ACCOUNT, 0.8),
        During(ACCOUNT, 1.5),
    ],
    "laptop": [During(After(REMOVE_LAPTOP, "kind_cluster", "Remove the kind cluster sandbox"), 0.3)],
}


def points(part: str) -> list[After | During]:
    """The sample, or everything that `record.py` has seen in a whole run."""
    if not FULL:
        return SAMPLE[part]
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    playbook = "site" if part == "site" else "teardown"
    stops: list[After | During] = []
    for after in map(After.parse, recorded[playbook]):
        if part == "site" or (part == "laptop") == (after.play == REMOVE_LAPTOP):
            stops += [*(middle for middle in MIDDLES[part] if middle.after == after), after]
    return stops


class Story:
    """The chain of runs, and what was in the account when the emulated AWS had just been started."""

    def __init__(self, aws: Callable[[str], Any]) -> None:
        self._aws = aws
        self._run = Runner()
        self.before: dict[str, list[str]] = {}
        # Value and name, of each platform that stood: teardown.yml must not show them either, and it does away with them.
        self.secrets: dict[str, str] = {}

    def site(self, stop: After | During | None = None) -> Killed:
        run = self._run("site", stop)
        if stop == EMULATOR and run.was_killed:
            self.before = self.account()
        return run

    def teardown(self, stop: After | During | None = None) -> Killed:
        return self._run("teardown", stop)

    def remember_secrets(self, cluster: Cluster) -> None:
        self.secrets |= {value: name for name, value in known_secrets(cluster, self._aws).items()}

    def account(self) -> dict[str, list[str]]:
        return account(self._aws)
