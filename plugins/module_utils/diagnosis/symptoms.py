# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What can be wrong with a platform, from causes to consequences, and what to do about it.

docs/troubleshooting.md has a section of the same title for each, and tests/troubleshooting produces each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DOCUMENT = "docs/troubleshooting.md"


@dataclass(frozen=True)
class Symptom:
    title: str
    advice: str

    @property
    def where(self) -> str:
        """The section of the document, as GitHub names its anchor."""
        return f"{DOCUMENT}#{re.sub(r'[^a-z0-9 -]', '', self.title.lower()).replace(' ', '-')}"


# Ordered by cause: earlier symptoms explain later ones.
SYMPTOMS: dict[str, Symptom] = {
    "docker": Symptom("Docker does not answer", "Start Docker (Docker Desktop, or systemctl start docker), then run site.yml."),
    "tool": Symptom("A tool is missing", "Run playbooks/tools.yml, which installs the tools, or set the path of yours in the role's variables."),
    "credentials": Symptom("AWS rejects the credentials", "Log in again, or choose the profile with AWS_PROFILE. The platform itself is not affected."),
    "nothing": Symptom("There is no platform", "Run site.yml. If there should be one, check eks_cluster_name, the region and the inventory."),
    "emulator": Symptom("The emulated AWS does not run", "Run site.yml, which starts it again. Its account is then empty, and the run recreates everything."),
    "aws": Symptom("AWS does not answer", "Check the network, a proxy, and AWS_ENDPOINT_URL."),
    "account": Symptom(
        "AWS does not know the cluster",
        "On a laptop the emulated AWS was restarted: run site.yml. On AWS check region and account, and whether someone deleted it.",
    ),
    "eks": Symptom("EKS reports a problem of its own", "Fix what EKS names; docs/aws.md explains its messages."),
    "node_container": Symptom("A node's container does not run", "docker unpause or docker start it, or run site.yml, which starts what is stopped."),
    "kubeconfig": Symptom("The kubeconfig is missing or wrong", "Run site.yml, which writes it, or set the variable with its path."),
    "api": Symptom(
        "The API server does not answer", "Check the node's container (laptop), or the cluster's status, endpoint access and your own IP address (AWS)."
    ),
    "refused": Symptom("The API server denies access", "Use the credentials of an access entry of the cluster: eks_cluster_access_entries."),
    "node": Symptom("A node is not ready", "Check its kubelet; on AWS replace the node. kubectl uncordon makes a cordoned one schedulable."),
    "certificate": Symptom(
        "A certificate expires", "Renew it. ACM renews automatically while the validation record exists; others must be renewed by their owner."
    ),
    "missing": Symptom("A part of the platform is missing", "Run site.yml, which restores what is missing."),
    "scaled": Symptom("A part of the platform is scaled to zero", "Run site.yml, or scale it up: kubectl scale --replicas=2."),
    "webhook": Symptom(
        "An admission webhook has no ready endpoint", "Restore the pods behind it. Until then the API server rejects the requests that it handles."
    ),
    "no_pods": Symptom("A workload gets no pods", "Fix what the message names: a quota, a Pod Security level, a service account, a webhook."),
    "scheduling": Symptom("A pod cannot be scheduled", "Free capacity, add a node group, or relax the pod's requests, node selector or tolerations."),
    "image": Symptom("A pod cannot pull its image", "Check the image's name, that the node can pull it, and that it is for the node's architecture."),
    "config": Symptom("A container cannot be created", "Create the ConfigMap or Secret that is named, or fix the pod's specification."),
    "crash": Symptom("A container keeps crashing", "Its last log lines show why; OOMKilled means that it needs a higher memory limit."),
    "starting": Symptom("A pod does not start", "Fix what its last warning names: a volume, the network plugin, a waiting container."),
    "unready": Symptom("A pod runs and is not ready", "Run the request of its readiness probe; with a readiness gate, check its target's health."),
    "terminating": Symptom("A deleted object does not go away", "Restore the controller of its finalizer; the object is then removed."),
    "injector": Symptom(
        "No injector is active for a namespace",
        "Run site.yml, which points the tag default to its revision, or istioctl tag set TAG --revision REVISION --overwrite; then restart what has none.",
    ),
    "unenforced": Symptom(
        "Network policies are not enforced",
        "On EKS set enableNetworkPolicy in the configuration of add-on vpc-cni; elsewhere use a network plugin that enforces them.",
    ),
    "sidecar": Symptom("A pod has no sidecar", "kubectl rollout restart its workload: injection happens only when a pod is created."),
    "analyze": Symptom("Istio's configuration has an error", "Fix what istioctl analyze names; Istio's documentation explains its code."),
    "fault": Symptom("A fault on purpose is past its last day", "Take faults out of the rule, or set another day, and run routes.yml."),
    "proxy": Symptom("A proxy does not have its configuration", "Check the logs of istiod and of the proxy; restarting the pod makes it reconnect."),
    "traffic": Symptom("Requests to a service fail", "Look at its pods and their logs first, then at what it calls itself; see who calls it."),
    "ingress": Symptom("The Ingress gets no load balancer", "Fix what the controller's message names, such as a subnet's tag, a certificate, a permission."),
    "balancer_container": Symptom("The emulated load balancer does not run", "docker unpause or docker start meshgate-alb, or run site.yml."),
    "balancer": Symptom("The load balancer does not exist", "Run site.yml; someone may have deleted it, or AWS is still creating it."),
    "target": Symptom("A target is not healthy", "Its reason shows why: a pod that is not ready, or a security group that blocks the load balancer."),
    "answer": Symptom(
        "The load balancer answers with an error", "502 and 504: the gateway or a service behind it. 503: no target. 404: no route for this host and path."
    ),
}
