# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Runs platform_claim in place, with the identity of this run. Imports what the modules after it share."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common import run_identity
from ansible_collections.meshgate.eks_istio.plugins.plugin_utils import preloaded, progress


class ActionModule(progress.ActionModule):
    """An action runs in a worker, whose parent is ansible-playbook itself."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._task.args = {"run": asdict(run_identity.of_process(os.getppid())), **self._task.args}
        return super().run(tmp, task_vars)


__all__ = ["ActionModule", "preloaded"]
