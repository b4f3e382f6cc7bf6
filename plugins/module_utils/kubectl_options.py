# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How a cluster is reached, as the documentation fragment `kubectl` describes it."""

from __future__ import annotations

from typing import Any

KUBECTL: dict[str, dict[str, Any]] = {
    "kubectl": {"type": "str", "default": "kubectl"},
    "kubeconfig": {"type": "path", "default": ""},
    "context": {"type": "str", "default": ""},
}
