#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Objects that belong together, applied as one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_apply_set
author: The meshgate authors (@meshgate)
short_description: Apply a set of Kubernetes objects and prune what is no longer in it
version_added: "0.1.0"
description:
  - Applies many objects in one task, server-side, dependencies first. Each object is compared in a server-side dry run, unless its managedFields tell that
    it is as it was applied last. So check mode and diff are exact, and an object that was edited by hand is reported and repaired.
  - Refuses the set before anything is written if an object is to be created in a namespace that neither exists nor is in O(manifests). In check mode it
    counts as created, since what runs before may create the namespace.
  - Manual additions with kubectl, Helm, k9s, Lens, Terraform or the Python client are part of the difference and are removed, such as an env variable, a port
    or an annotation. What controllers write stays, and so do C(spec.replicas) that the manifest does not set, restarts, finalizers, owners, and
    additions to a namespace or to a CustomResourceDefinition.
  - Labels every object with O(labels). An object that carries them and is no longer in O(manifests) is deleted, an existing object without
    them belongs to someone else and is refused.
  - Waits until the set's workloads are rolled out. On timeout, the message lists the pods that do not run, with their last warnings
    and log lines. Also waits until a Gateway or a route of the Gateway API is accepted by its controller, and reports why if it is not.
  - With O(state=absent), deletes the objects that carry O(labels). A namespace is deleted last, and stays if others use it.
options:
  manifests:
    description: The objects. Required for O(state=present). Ignored with O(state=absent), where O(labels) and O(prune_kinds) select the objects.
    type: list
    elements: dict
    default: []
  labels:
    description: Labels that identify the set. They are added to each object; together they must be unique to this set.
    type: dict
    required: true
  prune_kinds:
    description:
      - Kinds in which to search members of the set, to prune or to remove them, each with C(api_version) and C(kind).
      - Kinds that the cluster does not have are skipped.
    type: list
    elements: dict
    default: []
    suboptions:
      api_version:
        description: The group and version, such as C(apps/v1).
        type: str
        required: true
      kind:
        description: The kind, such as C(Deployment).
        type: str
        required: true
  namespaces:
    description:
      - Namespaces in which members of the set are looked for. Without any, in all of them, which takes the right to list them there.
      - A member in another namespace is neither pruned nor removed.
    type: list
    elements: str
    default: []
  state:
    description: Whether the set should exist.
    type: str
    choices: [present, absent]
    default: present
  adopt:
    description: Adopt existing objects without O(labels). A namespace is used, but never labelled.
    type: bool
    default: false
  sidecar:
    description:
      - Container that an admission webhook adds to every pod of the set's Deployments, such as C(istio-proxy).
      - A Deployment with pods that lack it, because they were created while the webhook was down, is restarted, which counts as a change.
    type: str
    default: ""
  replace_pods:
    description:
      - Replace the pods of the set's Deployments when a Secret or a ConfigMap changed that they use by name, in their environment or as a volume.
      - A digest of the contents in an annotation of the pod template does it, which takes the right to read them.
    type: bool
    default: false
  wait:
    description: Wait until the workloads are rolled out and the routes accepted, or until the deletions are complete.
    type: bool
    default: true
  timeout:
    description: Seconds to wait.
    type: int
    default: 180
attributes:
  check_mode:
    description: Reports exactly what would change. If a cluster does not answer yet, everything would be created.
    support: full
  diff_mode:
    description: The objects that would change, before and after. Values of Secrets are hidden.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - meshgate.eks_istio.kubectl.validate_certs
"""

EXAMPLES = r"""
- name: Run a service
  meshgate.eks_istio.k8s_apply_set:
    labels: {meshgate.io/cluster: sandbox, app.kubernetes.io/part-of: greeter}
    manifests: "{{ lookup('ansible.builtin.template', 'greeter.yml.j2') | from_yaml_all | list }}"
    prune_kinds:
      - {api_version: apps/v1, kind: Deployment}
      - {api_version: v1, kind: Service}
    sidecar: istio-proxy

- name: Gather what runs
  kubernetes.core.k8s_info:
    api_version: apps/v1
    kind: Deployment
    namespace: greeter
    label_selectors: [app.kubernetes.io/part-of=greeter]
  register: greeter

- name: Add a setting that is not part of the set
  kubernetes.core.k8s:
    definition:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: greetings, namespace: default}
      data: {language: en}

- name: Remove the setting
  kubernetes.core.k8s:
    state: absent
    kind: ConfigMap
    name: greetings
    namespace: default

- name: Remove the service
  meshgate.eks_istio.k8s_apply_set:
    state: absent
    labels: {meshgate.io/cluster: sandbox, app.kubernetes.io/part-of: greeter}
    prune_kinds:
      - {api_version: apps/v1, kind: Deployment}
      - {api_version: v1, kind: Service}
      - {api_version: v1, kind: Namespace}
"""

RETURN = r"""
resources:
  description: The objects that differ, and what is done to each.
  returned: always
  type: list
  elements: dict
  sample: [{api_version: apps/v1, kind: Deployment, namespace: rust-services, name: service-a, action: update}]
stays:
  description: With O(state=absent), the namespaces that were kept, each with the reason.
  returned: always
  type: list
  elements: str
waited:
  description: Seconds until everything was ready, or deleted.
  returned: always
  type: float
msg:
  description: What would be created, if the cluster does not answer yet; otherwise why it failed.
  returned: if the cluster does not answer, or on failure
  type: str
causes:
  description: Pods that do not run, their last warnings and last log lines.
  returned: when the workloads are not ready in time
  type: list
  elements: str
"""

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.apply import documents
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.apply_set import act, without_cluster
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.module import kube_module, run


def main() -> None:
    kind = {"api_version": {"type": "str", "required": True}, "kind": {"type": "str", "required": True}}
    module = kube_module(
        {
            "manifests": {"type": "list", "elements": "dict", "default": []},
            "labels": {"type": "dict", "required": True},
            "prune_kinds": {"type": "list", "elements": "dict", "default": [], "options": kind},
            "namespaces": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "adopt": {"type": "bool", "default": False},
            "sidecar": {"type": "str", "default": ""},
            "replace_pods": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 180},
        }
    )
    params = module.params
    if not params["labels"]:
        module.fail_json(msg="labels is empty: the set could not be distinguished from other objects")
    if params["state"] == "present" and not documents(params["manifests"]):
        module.fail_json(msg="manifests is empty; to remove the set, set state: absent")
    run(module, lambda api, _access: act(api, params, module.check_mode), lambda error: without_cluster(params, error))


if __name__ == "__main__":
    main()
