# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Import what most modules of a platform need once, in ansible-playbook itself: each module is a fork of a fork of it, and inherits them.

Ansible's strategies load the class of an action before they fork, but only of one with the module's name. The claim is the first such task of a whole
platform's run, after the validation; a role alone imports what it needs.
"""

from __future__ import annotations

import contextlib
import importlib

OURS = "ansible_collections.meshgate.eks_istio.plugins.module_utils"
SHARED = (
    "ansible.module_utils.urls",
    "ansible_collections.amazon.aws.plugins.module_utils.modules",
    f"{OURS}.aws.client",
    f"{OURS}.aws.module",
    f"{OURS}.kube.apply",
    f"{OURS}.kube.module",
)

for name in SHARED:
    with contextlib.suppress(ImportError):  # the module that needs it reports it
        importlib.import_module(name)
