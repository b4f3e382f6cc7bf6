# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Runs toolchain_cache in place."""

from __future__ import annotations

from ansible_collections.meshgate.eks_istio.plugins.plugin_utils.in_place import ActionModule

__all__ = ["ActionModule"]
