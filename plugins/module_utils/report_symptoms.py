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


# The order is that of causes: what stands first explains what comes after it.
SYMPTOMS: dict[str, Symptom] = {
    "docker": Symptom("Docker does not answer", "Start Docker (Docker Desktop, or systemctl start docker), then run site.yml."),
    "tool": Symptom("A tool is missing", "Run playbooks/tools.yml, which lays the tools ready, or name yours in the role's variables."),
    "credentials": Symptom("AWS refuses the credentials", "Log in again, or choose the profile with AWS_PROFILE. Nothing of the platform is wrong."),
    "nothing": Symptom("There is no platform", "Run site.yml. If there should be one, check eks_cluster_name, the region and the inventory."),
    "emulator": Symptom("The emulated AWS does not run", "Run site.yml: it starts it again. Its account is then empty, and the run fills it."),
    "aws": Symptom("AWS does not answer", "Check the network, a proxy, and AWS_ENDPOINT_URL."),
    "account": Symptom(
        "AWS does not know the cluster", "On a laptop the emulated AWS was restarted: run site.yml. On AWS check region and account, or who deleted it."
    ),
    "eks": Symptom("EKS reports a problem of its own", "Mend what EKS names; docs/aws.md says what its messages mean."),
    "node_container": Symptom("A node's container does not run", "docker unpause or docker start it, or run site.yml, which starts what is stopped."),
    "kubeconfig": Symptom("The kubeconfig does not fit", "Run site.yml, which writes it, or set the variable that names it."),
    "api": Symptom(
        "The API server does not answer", "Look at the node's container (laptop), or at the cluster's status, endpoint access and your own address (AWS)."
    ),
    "refused": Symptom("The API server refuses us", "Use the credentials of an access entry of the cluster: eks_cluster_access_entries."),
    "node": Symptom("A node is not ready", "Look at its kubelet; on AWS replace the node. A cordoned one is freed by kubectl uncordon."),
    "certificate": Symptom("A certificate runs out", "Renew it. ACM does so by itself while the validation record stays; others come from their owner."),
    "missing": Symptom("A part of the platform is missing", "Run site.yml: it puts back what is missing."),
    "scaled": Symptom("A part of the platform is scaled to nothing", "Run site.yml, or scale it up: kubectl scale --replicas=2."),
    "webhook": Symptom(
        "An admission webhook has nobody behind it", "Bring back the pods behind it. Until then the API server refuses what it should have been asked."
    ),
    "no_pods": Symptom("A workload gets no pods", "Mend what the message names: a quota, a Pod Security level, a service account, a webhook."),
    "scheduling": Symptom("A pod finds no node", "Make room or another node group, or let the pod ask for less: its requests, node selector, tolerations."),
    "image": Symptom("A pod cannot get its image", "Check the image's name, that the node may pull it, and that it is for the node's architecture."),
    "config": Symptom("A container cannot be created", "Create the ConfigMap or Secret that is named, or mend the pod's specification."),
    "crash": Symptom("A container ends again and again", "Its last lines say why; OOMKilled means that it needs a higher memory limit."),
    "starting": Symptom("A pod does not start", "Mend what its last warning names: a volume, the network plugin, a container that waits."),
    "unready": Symptom("A pod runs and is not ready", "Ask what its readiness probe asks; with a readiness gate, look at its target's health."),
    "terminating": Symptom("Something does not go away", "Bring back the controller that holds its finalizer, then it goes by itself."),
    "sidecar": Symptom("A pod has no sidecar", "kubectl rollout restart its workload: injection happens only when a pod is made."),
    "analyze": Symptom("Istio's configuration has a mistake", "Mend what istioctl analyze names; its code is explained in Istio's documentation."),
    "proxy": Symptom("A proxy does not have its configuration", "Look at istiod's log and the proxy's; restarting the pod asks anew."),
    "ingress": Symptom("The Ingress gets no load balancer", "Mend what the controller's message names, such as a subnet's tag, a certificate, a permission."),
    "balancer_container": Symptom("The emulated load balancer does not run", "docker unpause or docker start meshgate-alb, or run site.yml."),
    "balancer": Symptom("The load balancer is not there", "Run site.yml; somebody may have deleted it, or AWS is still making it."),
    "target": Symptom("A target is not healthy", "Its reason says which: a pod that is not ready, or a security group that does not let the load balancer in."),
    "answer": Symptom(
        "The load balancer answers with an error", "502 and 504: the gateway or a service behind it. 503: no target. 404: no route for this host and path."
    ),
}
