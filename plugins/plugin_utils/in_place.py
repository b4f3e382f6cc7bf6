# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Run a module from where the collection is installed, when it is to run on this very machine with this very Python.

Ansible packs a module with everything that it imports, since the machine that it goes to may have neither Ansible nor the collection. On the control node
both are there: packing, and compiling the packed sources without a cache, costs about half a second of CPU per task for nothing. Only the payload differs
here; everything else (arguments, environment, check mode, no_log, how the answer is read) stays Ansible's own.
docs/decisions/0010-modules-run-in-place.md has the numbers.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.collection_loader import AnsibleCollectionConfig

try:
    from ansible.executor.module_common import _BuiltModule
    from ansible.module_utils.common.json import Direction, get_module_encoder
except ImportError:  # another ansible-core than those this was made for: it packs as ever
    _BuiltModule = None

PROFILE = "legacy"
PAYLOAD = """
import runpy, sys
sys.path[:0] = {first!r}
sys.path += {last!r}
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = {arguments!r}, {profile!r}
runpy.run_module({module!r}, run_name='__main__', alter_sys=True)
"""


class ActionModule(ActionBase):
    """Runs the module of the task's own name, and does not pack it where that would be for nothing."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        return {**result, **self._execute_module(task_vars=task_vars, wrap_async=bool(self._task.async_val))}

    def _configure_module(self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> Any:
        path = self._in_place_path(module_name, task_vars)
        if path is None:
            return super()._configure_module(module_name, module_args, task_vars)
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": module_args}, cls=get_module_encoder(PROFILE, Direction.CONTROLLER_TO_MODULE)).encode()
        collections = path.parents[5]
        # What the module imports from other collections may lie elsewhere; Python's own modules go before what else lies there.
        elsewhere = [place for place in AnsibleCollectionConfig.collection_paths if os.path.isdir(os.path.join(place, "ansible_collections"))]
        module = ".".join(path.relative_to(collections).with_suffix("").parts)
        payload = PAYLOAD.format(first=[str(collections)], last=elsewhere, arguments=arguments, profile=PROFILE, module=module)
        return _BuiltModule(b_module_data=payload.encode(), module_style="new", shebang=f"#!{sys.executable}", serialization_profile=PROFILE), str(path)

    def _in_place_path(self, module_name: str, task_vars: dict[str, Any]) -> Path | None:
        """The module's file, where it can run from there; else None."""
        here = self._connection.transport == "local" and not self._connection.become and not self._task.async_val and not self._task.delegate_to
        interpreter = task_vars.get("ansible_python_interpreter")
        if _BuiltModule is None or not here or interpreter is None or self._templar.template(interpreter) != sys.executable:
            return None
        found = self._shared_loader_obj.module_loader.find_plugin_with_context(module_name, ".py", collection_list=self._task.collections)
        path = Path(found.plugin_resolved_path) if found.resolved else None
        return path if path and path.parts[-6:-5] == ("ansible_collections",) else None
