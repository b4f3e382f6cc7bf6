#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Objects that belong together, applied as one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_apply_set
author: The meshgate authors (@meshgate)
short_description: Apply a set of Kubernetes objects, and prune what left it
version_added: "0.1.0"
description:
  - Applies many objects in one task, server-side, those first that others need. Change is measured object by object by a server-side dry run,
    so check mode and diff are exact, and an object that somebody edited is named and repaired.
  - Marks every object with O(labels). An object that carries them and is no longer among O(manifests) is deleted, one that exists without
    them belongs to somebody else and is refused.
  - Waits until the set's workloads are rolled out. If they are not in time, the failure tells which pods do not run, with their last warnings
    and log lines. Waits as well until a Gateway or a route of the Gateway API is taken by its controller, and tells why if it is not.
  - With O(state=absent), deletes the objects that carry O(labels). A namespace goes last, and stays if others use it.
options:
  manifests:
    description: The objects. Needed for O(state=present).
    type: list
    elements: dict
    default: []
  labels:
    description: Labels that mark the set. They are added to each object; together they must mean this set and no other.
    type: dict
    required: true
  kinds:
    description:
      - Kinds in which members of the set are looked for, to prune or to remove them, each with C(api_version) and C(kind).
      - Kinds that the cluster does not know are passed over.
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
  state:
    description: Whether the set should exist.
    type: str
    choices: [present, absent]
    default: present
  adopt:
    description: Take over objects that exist without O(labels). A namespace is used, but never marked.
    type: bool
    default: false
  sidecar:
    description:
      - Container that an admission webhook adds to every pod of the set's Deployments, such as C(istio-proxy).
      - A Deployment with pods that lack it, because they were created while the webhook was away, is restarted, which counts as a change.
    type: str
    default: ""
  wait:
    description: Wait until the workloads are rolled out and the routes taken, or until what was deleted is gone.
    type: bool
    default: true
  timeout:
    description: Seconds to wait.
    type: int
    default: 180
attributes:
  check_mode:
    description: Says what would change, exactly. A cluster that does not answer yet means that everything would be created.
    support: full
  diff_mode:
    description: The objects that would change, before and after. Values of Secrets are hidden.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
"""

EXAMPLES = r"""
- name: Run a service
  meshgate.eks_istio.k8s_apply_set:
    labels: {meshgate.io/cluster: sandbox, app.kubernetes.io/part-of: greeter}
    manifests: "{{ lookup('ansible.builtin.template', 'greeter.yml.j2') | from_yaml_all | list }}"
    kinds:
      - {api_version: apps/v1, kind: Deployment}
      - {api_version: v1, kind: Service}
    sidecar: istio-proxy

- name: Remove it
  meshgate.eks_istio.k8s_apply_set:
    state: absent
    labels: {meshgate.io/cluster: sandbox, app.kubernetes.io/part-of: greeter}
    kinds:
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
  description: Seconds until it was ready, or gone.
  returned: always
  type: float
msg:
  description: What would be created, where the cluster does not answer yet; else why it failed.
  returned: when there is something to say
  type: str
causes:
  description: Pods that do not run, their last warnings and last log lines.
  returned: when the workloads are not ready in time
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import apply_set, kube_ready
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi, KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kubectl_options import KUBECTL
from ansible_collections.meshgate.eks_istio.plugins.module_utils.object_diff import diffs
from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import report
from ansible_collections.meshgate.eks_istio.plugins.module_utils.server_side_apply import (
    Change,
    Manifest,
    apply,
    changed,
    delete,
    documents,
    plan,
    plan_delete,
)

MANAGER = "meshgate"


def result(changes: list[Change], stays: list[str] | None = None, waited: float = 0.0) -> dict[str, t.Any]:
    return {
        "changed": changed(changes),
        "resources": [change.summary() for change in changes if change.action != "unchanged"],
        "stays": stays or [],
        "waited": round(waited, 1),
        "diff": diffs(changes),
    }


def present(api: KubeApi, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    labels = params["labels"]
    manifests = apply_set.labelled(params["manifests"], labels)
    unknown = apply_set.unknown_kinds(api, manifests)
    if unknown and not check_mode:
        raise apply_set.Refused(f"the cluster does not know {', '.join(unknown)}; install what defines them first")
    members, live = apply_set.look(api, manifests, kinds_of(params), labels)
    leaving = apply_set.leaving(manifests, live)
    if leaving and check_mode:
        msg = f"{len(manifests)} objects would be created once {apply_set.title(leaving[0])} is gone, which is being deleted"
        return {**result(creations(manifests)), "msg": msg}
    if leaving:
        kube_ready.await_true("earlier removal", lambda: still_there(api, leaving), params["timeout"], 0.25)
        members, live = apply_set.look(api, manifests, kinds_of(params), labels)
    apply_set.respect_foreign(manifests, live, labels, params["adopt"])
    changes = plan(api, manifests, MANAGER, live=live)
    surplus = apply_set.superfluous(members, manifests)
    outside = apply_set.outsiders(api, manifests, params["sidecar"])
    everything = changes + plan_delete(surplus) + restarts(manifests, outside, params["sidecar"])
    if check_mode:
        return result(everything)
    differing = [manifest for manifest, change in zip(manifests, changes, strict=True) if change.action != "unchanged"]
    if differing or surplus:
        report(f"applying {len(differing)} of {len(manifests)} objects, deleting {len(surplus)}")
    apply(api, differing, MANAGER)
    delete(api, surplus)
    for manifest in manifests:
        if apply_set.title(manifest) in outside:
            report(f"restarting {apply_set.title(manifest)}: pods without {params['sidecar']}")
            apply_set.restart(api, manifest)
    waited = 0.0
    if params["wait"]:
        waited = kube_ready.await_true(
            "workloads", lambda: kube_ready.workloads_state(api, manifests), params["timeout"], 0.25, lambda: kube_ready.causes(api, manifests)
        )
        waited += kube_ready.await_true("routing", lambda: apply_set.routing_state(api, manifests), params["timeout"], 0.25)
    return result(everything, waited=waited)


def absent(api: KubeApi, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    labels = params["labels"]
    going, staying = apply_set.removable(api, apply_set.members(api, kinds_of(params), labels), labels)
    planned = plan_delete(going)
    if check_mode or not going:
        return result(planned, staying)
    report(f"deleting {len(going)} objects")
    delete(api, going)
    waited = kube_ready.await_true("removal", lambda: still_there(api, going), params["timeout"], 0.25) if params["wait"] else 0.0
    return result(planned, staying, waited)


def still_there(api: KubeApi, gone: list[Manifest]) -> str:
    live = api.map(lambda item: api.get(*apply_set.kind_of(item), item["metadata"]["name"], item["metadata"].get("namespace")), gone)
    return next((f"{apply_set.title(item)} is still there" for item in live if item), "")


def restarts(manifests: list[Manifest], outside: dict[str, list[str]], sidecar: str) -> list[Change]:
    return [
        Change(
            item["apiVersion"],
            item["kind"],
            item["metadata"]["name"],
            item["metadata"].get("namespace") or "",
            "restart",
            before={f"pods without {sidecar}": outside[apply_set.title(item)]},
        )
        for item in manifests
        if apply_set.title(item) in outside
    ]


def creations(manifests: list[Manifest]) -> list[Change]:
    return [
        Change(item["apiVersion"], item["kind"], item["metadata"]["name"], item["metadata"].get("namespace") or "", "create", after=item) for item in manifests
    ]


def kinds_of(params: dict[str, t.Any]) -> list[apply_set.Kind]:
    return [(kind["api_version"], kind["kind"]) for kind in params["kinds"]]


def without_cluster(params: dict[str, t.Any], error: KubeError) -> dict[str, t.Any]:
    """Check mode before there is a cluster: everything would be created."""
    if params["state"] == "absent":
        return {**result([]), "msg": f"there is no cluster: {error}"}
    changes = creations(apply_set.labelled(params["manifests"], params["labels"]))
    return {**result(changes), "msg": f"{len(changes)} objects would be created; the cluster does not answer yet: {error}"}


def main() -> None:
    kind = {"api_version": {"type": "str", "required": True}, "kind": {"type": "str", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "manifests": {"type": "list", "elements": "dict", "default": []},
            "labels": {"type": "dict", "required": True},
            "kinds": {"type": "list", "elements": "dict", "default": [], "options": kind},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "adopt": {"type": "bool", "default": False},
            "sidecar": {"type": "str", "default": ""},
            "wait": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 180},
            **KUBECTL,
        },
        supports_check_mode=True,
    )
    params = module.params
    if not params["labels"]:
        module.fail_json(msg="labels is empty: the set could not be told from other objects")
    if params["state"] == "present" and not documents(params["manifests"]):
        module.fail_json(msg="manifests is empty; to remove the set, say state: absent")
    try:
        with KubeApi(params["kubectl"], params["kubeconfig"], params["context"]) as api:
            act = present if params["state"] == "present" else absent
            module.exit_json(**act(api, params, module.check_mode))
    except KubeError as error:
        if error.status == 0 and module.check_mode:
            module.exit_json(**without_cluster(params, error))
        module.fail_json(msg=str(error))
    except kube_ready.NotReady as error:
        module.fail_json(msg="; ".join([str(error), *error.causes]), causes=error.causes)
    except apply_set.Refused as refused:
        module.fail_json(msg=str(refused))


if __name__ == "__main__":
    main()
