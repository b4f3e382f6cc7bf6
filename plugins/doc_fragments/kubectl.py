# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The options of every module that reaches a cluster through kubectl."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description: The kubeconfig file. Without it, kubectl's own default holds.
    type: path
    default: ""
  context:
    description: The context in it. Without it, the current context.
    type: str
    default: ""
  kubectl:
    description: The kubectl binary.
    type: str
    default: kubectl
"""
