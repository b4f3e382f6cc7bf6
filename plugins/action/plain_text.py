# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Prints text as it is."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.printable import printable

display = Display()


class ActionModule(ActionBase):
    """Beside the callback, which would show the result in its own format."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        _validation, asked = self.validate_argument_spec(argument_spec={"text": {"type": "str", "required": True}})
        said = "\n".join(printable(line) for line in asked["text"].splitlines())
        display.display(said)
        return {**result, "changed": False, "msg": said}
