# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Run a module from where the collection is installed, if it runs on this machine with this Python.

Ansible packs a module with everything that it imports, since the target machine may have neither Ansible nor the collection. The control node
has both: packing, compiling the packed sources without a cache, and starting a Python that imports Ansible's half of a module again cost
more than most modules do. Only the payload, and what runs it, differ here; everything else (arguments, environment, check mode, no_log, the parsing of
the result) stays Ansible's own. docs/decisions/0006-modules-run-in-place.md has the numbers.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.action import ActionBase
from ansible.utils.collection_loader import AnsibleCollectionConfig
from ansible.utils.display import Display

from ansible_collections.meshgate.eks_istio.plugins.plugin_utils import forked

try:
    from ansible.executor.module_common import _BuiltModule
    from ansible.module_utils.common.json import Direction, get_module_encoder
except ImportError:  # an unsupported ansible-core: it packs as usual
    _BuiltModule = None

# The module_utils that read it need boto3, which a control node without AWS may lack.
EXPECTED_ACCOUNT, CLAIM = "MESHGATE_EXPECTED_ACCOUNT_ID", "MESHGATE_CLAIM"
PROFILE = "legacy"
display = Display()
PAYLOAD = """
import runpy, sys
sys.path[:0] = {first!r}
sys.path += {last!r}
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = {arguments!r}, {profile!r}
runpy.run_module({module!r}, run_name='__main__', alter_sys=True)
"""


class ActionModule(ActionBase):
    """Runs the module of the task's own name, without packing it if that is unnecessary."""

    _supports_check_mode = True
    _supports_async = True
    _payload: bytes | None = None

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        self._say_of_the_run(task_vars or {})
        return {**result, **self._execute_module(task_vars=task_vars, wrap_async=bool(self._task.async_val))}

    def _say_of_the_run(self, task_vars: dict[str, Any]) -> None:
        """For every task of every role: no module of ours calls AWS before it has checked the account, and each renews the run's claim."""
        expected = self._templar.template(task_vars.get("eks_cluster_expected_account_id"))
        claim = self._templar.template(task_vars.get("eks_cluster_claim"))
        said = {EXPECTED_ACCOUNT: str(expected or ""), CLAIM: json.dumps(claim) if claim else ""}
        if any(said.values()):
            self._task.environment = [*(self._task.environment or []), said]

    def _configure_module(self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> Any:
        path = self._in_place_path(module_name, task_vars)
        if path is None:
            return super()._configure_module(module_name, module_args, task_vars)
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": module_args}, cls=get_module_encoder(PROFILE, Direction.CONTROLLER_TO_MODULE)).encode()
        collections = path.parents[5]
        # What the module imports from other collections may be elsewhere; Python's own modules take precedence over other files there.
        elsewhere = [place for place in AnsibleCollectionConfig.collection_paths if os.path.isdir(os.path.join(place, "ansible_collections"))]
        module = ".".join(path.relative_to(collections).with_suffix("").parts)
        payload = PAYLOAD.format(first=[str(collections)], last=elsewhere, arguments=arguments, profile=PROFILE, module=module)
        self._payload = payload.encode()
        return _BuiltModule(b_module_data=self._payload, module_style="new", shebang=f"#!{sys.executable}", serialization_profile=PROFILE), str(path)

    def _compute_environment_string(self, raw_environment_out: dict[str, Any] | None = None) -> str:
        found: dict[str, Any] = {}
        said = super()._compute_environment_string(found)
        self._environment = {name: str(value) for name, value in found.items()}
        if raw_environment_out is not None:
            raw_environment_out.update(found)
        return said

    def _low_level_execute_command(self, cmd: str, sudoable: bool = True, in_data: bytes | None = None, **how: Any) -> dict[str, Any]:
        """What would be piped into a new Python runs in a fork of this one."""
        if in_data is None or in_data is not self._payload or not forked.possible(self._environment):
            return super()._low_level_execute_command(cmd, sudoable=sudoable, in_data=in_data, **how)
        display.vvv("The module runs in a fork of its worker.", host=self._play_context.remote_addr)
        code, *written = forked.run(in_data, self._environment, self._loader.get_basedir())
        out, err = (to_text(part, errors="surrogate_then_replace") for part in written)
        return {"rc": code, "stdout": out, "stdout_lines": out.splitlines(), "stderr": err, "stderr_lines": err.splitlines()}

    def _in_place_path(self, module_name: str, task_vars: dict[str, Any]) -> Path | None:
        """The module's file, if it can run from there; else None."""
        here = self._connection.transport == "local" and not self._connection.become and not self._task.async_val and not self._task.delegate_to
        interpreter = task_vars.get("ansible_python_interpreter")
        if _BuiltModule is None or not here or interpreter is None or self._templar.template(interpreter) != sys.executable:
            return None
        found = self._shared_loader_obj.module_loader.find_plugin_with_context(module_name, ".py", collection_list=self._task.collections)
        path = Path(found.plugin_resolved_path) if found.resolved else None
        return path if path and path.parts[-6:-5] == ("ansible_collections",) else None
