#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The Gateway API's CRDs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_api_crds
author: The meshgate authors (@meshgate)
short_description: Install and upgrade the Gateway API's CRDs
version_added: "0.1.0"
description:
  - Applies a bundle of the Gateway API server-side, together with the admission policy that it ships since v1.5 to keep older or
    experimental CRDs from being put over it.
  - Reads from the CRDs that are there which version and channel they are of. A downgrade and a change of channel are refused unless
    allowed. A bundle that lacks a version as which objects are stored is always refused.
  - Change is measured by a server-side dry run, so that a single annotation that somebody edited is seen and repaired.
options:
  state:
    description: Whether the CRDs should exist. Only those that carry O(labels) are removed, and only if no object of them is left.
    type: str
    choices: [present, absent]
    default: present
  source:
    description: The bundle's manifests, as a folder or file of this machine or an address. Needed for O(state=present).
    type: str
    default: ""
  version:
    description: The version that O(source) must be of, which is checked.
    type: str
    default: ""
  channel:
    description: The channel that O(source) must be of, which is checked.
    type: str
    choices: [standard, experimental]
    default: standard
  labels:
    description: Labels that mark what this module installed. What was there before is upgraded, but not labelled.
    type: dict
    default: {}
  allow_downgrade:
    description: Put an older version over a newer one.
    type: bool
    default: false
  allow_channel_change:
    description: Put one channel over the other.
    type: bool
    default: false
  timeout:
    description: Seconds to wait until the CRDs are established.
    type: int
    default: 60
attributes:
  check_mode:
    description: Says what would change, exactly. A cluster that does not answer yet is a change.
    support: full
  diff_mode:
    description: The objects that would change, before and after.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
"""

EXAMPLES = r"""
- name: Install the standard channel
  meshgate.eks_istio.gateway_api_crds:
    source: https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.3/standard-install.yaml
    version: v1.6.3
    channel: standard
    labels: {meshgate.io/cluster: sandbox}

- name: Remove what the task above installed
  meshgate.eks_istio.gateway_api_crds:
    state: absent
    labels: {meshgate.io/cluster: sandbox}
"""

RETURN = r"""
version_before:
  description: The version that was there, empty if none was.
  returned: always
  type: str
  sample: v1.5.1
channel_before:
  description: The channel that was there, empty if none was.
  returned: always
  type: str
  sample: standard
version:
  description: The version that is there now, or would be.
  returned: always
  type: str
  sample: v1.6.3
channel:
  description: The channel that is there now, or would be.
  returned: always
  type: str
  sample: standard
resources:
  description: The objects that differ, and what is done to each.
  returned: always
  type: list
  elements: dict
"""

import os
import typing as t
from contextlib import suppress

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

from ansible_collections.meshgate.eks_istio.plugins.module_utils import crds
from ansible_collections.meshgate.eks_istio.plugins.module_utils import gateway_crds as gw
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi, KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_ready import NotReady, await_true, established_state
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kubectl_options import KUBECTL
from ansible_collections.meshgate.eks_istio.plugins.module_utils.object_diff import diffs
from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import report
from ansible_collections.meshgate.eks_istio.plugins.module_utils.server_side_apply import Change, Manifest, apply, changed, delete, plan_delete

with suppress(ImportError):  # as safe_yaml says
    import yaml

MANAGER = "meshgate"


def read(source: str) -> gw.Bundle:
    if source.startswith(("http://", "https://")):
        with open_url(source, timeout=60) as answer:
            return gw.bundle_of(gw.read_source(answer.read().decode()))
    if os.path.isdir(source):
        return gw.bundle_of(gw.read_folder(source))
    with open(source, encoding="utf-8") as stream:
        return gw.bundle_of(gw.read_source(stream.read()))


def result(live: gw.Bundle, version: str, channel: str, changes: list[Change]) -> dict[str, t.Any]:
    return {
        "changed": changed(changes),
        "version_before": live.version,
        "channel_before": live.channel,
        "version": version,
        "channel": channel,
        "resources": [change.summary() for change in changes if change.action != "unchanged"],
        "diff": diffs(changes),
    }


def present(api: KubeApi, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    wanted = read(params["source"])
    if not wanted.crds:
        raise gw.Unsafe(f"{params['source']} holds no Gateway API CRDs")
    for what, is_there, asked in (("version", wanted.version, params["version"]), ("channel", wanted.channel, params["channel"])):
        if asked and asked.removeprefix("v") != is_there.removeprefix("v"):
            raise gw.Unsafe(f"{params['source']} is of {what} {is_there}, but {asked} is wanted")
    live = gw.live_bundle(api)
    gw.refuse_unsafe(live, wanted, params["allow_downgrade"], params["allow_channel_change"])
    manifests = gw.manifests(wanted, live, params["labels"])
    denied = gw.guard_denies(live, wanted)
    if denied:
        # The guard would refuse the dry run, too; what is replaced is every object of the bundle.
        before, after = ({"bundle": f"{bundle.version} {bundle.channel}"} for bundle in (live, wanted))
        changes = [Change(m["apiVersion"], m["kind"], m["metadata"]["name"], "", "update", before, after) for m in manifests]
    else:
        changes = crds.plan_crds(api, manifests, MANAGER, live.crds)
    found = result(live, wanted.version, wanted.channel, changes)
    if check_mode:
        return found
    if found["changed"]:
        report(f"Gateway API CRDs: {live.version or 'none'} -> {wanted.version} ({wanted.channel})")
        if denied:
            delete(api, live.guards)
        await_true("Gateway API CRDs", lambda: applied_state(api, manifests, retry=denied), params["timeout"], interval=0.5)
        await_true("Gateway API CRDs", lambda: established_state(api, list(wanted.crds.values())), params["timeout"], interval=0.1)
    return found


def applied_state(api: KubeApi, manifests: list[Manifest], retry: bool) -> str:
    """Empty when applied. The API server goes on asking a deleted guard for a moment."""
    try:
        apply(api, manifests, MANAGER)
    except KubeError as error:
        if not retry or gw.SAFE_UPGRADES not in str(error):
            raise
        return str(error)
    return ""


def absent(api: KubeApi, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    live = gw.live_bundle(api)
    ours = [crd for crd in live.crds.values() if gw.is_ours(crd, params["labels"])]
    left = [crds.name_of(item) for items in api.map(lambda crd: crds.objects_of(api, crd), ours) for item in items]
    if left and not check_mode:  # what was to delete them before did so in check mode, too
        raise gw.Unsafe(f"the Gateway API CRDs cannot be removed, objects of them are left: {', '.join(left)}")
    gone = [*(guard for guard in live.guards if gw.is_ours(guard, params["labels"])), *ours]
    stays = len(ours) < len(live.crds)
    found = result(live, live.version if stays else "", live.channel if stays else "", [crds.brief(change) for change in plan_delete(gone)])
    if not check_mode:
        delete(api, gone)
    return found


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "source": {"type": "str", "default": ""},
            "version": {"type": "str", "default": ""},
            "channel": {"type": "str", "choices": ["standard", "experimental"], "default": "standard"},
            "labels": {"type": "dict", "default": {}},
            "allow_downgrade": {"type": "bool", "default": False},
            "allow_channel_change": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 60},
            **KUBECTL,
        },
        required_if=[("state", "present", ["source"])],
        supports_check_mode=True,
    )
    params = module.params
    act = present if params["state"] == "present" else absent
    try:
        with KubeApi(params["kubectl"], params["kubeconfig"], params["context"]) as api:
            module.exit_json(**act(api, params, module.check_mode))
    except KubeError as error:
        if error.status or not module.check_mode:
            module.fail_json(msg=f"Gateway API CRDs: {error}")
        would = params["state"] == "present"
        module.exit_json(
            **result(gw.Bundle(), params["version"] if would else "", params["channel"] if would else "", []) | {"changed": would},
            msg=f"the Gateway API CRDs {params['version']} would be applied; the cluster does not answer yet: {error}" if would else "there is no cluster",
        )
    except (OSError, ValueError, yaml.YAMLError) as error:
        module.fail_json(msg=f"the bundle {params['source']} cannot be read: {error}")
    except (gw.Unsafe, NotReady) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
