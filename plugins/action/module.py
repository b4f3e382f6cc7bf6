# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Runs a module of this collection where it is installed, and shows its progress. Each module is routed here by `action_plugin` in meta/runtime.yml."""

from __future__ import annotations

from ansible_collections.meshgate.eks_istio.plugins.plugin_utils.progress import ActionModule

__all__ = ["ActionModule"]
