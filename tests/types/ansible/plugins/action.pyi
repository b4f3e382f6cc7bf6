# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from typing import Any

class _Task:
    args: dict[str, Any]
    async_val: int
    collections: list[str]
    delegate_to: str | None
    environment: list[dict[str, str]] | None

class _Connection:
    become: object | None
    transport: str

class _PlayContext:
    remote_addr: str | None

class ActionBase:
    _connection: _Connection
    _loader: Any
    _play_context: _PlayContext
    _shared_loader_obj: Any
    _task: _Task
    _templar: Any

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]: ...
    def validate_argument_spec(self, argument_spec: dict[str, Any]) -> tuple[object, dict[str, Any]]: ...
    def _execute_module(self, *, task_vars: dict[str, Any] | None, wrap_async: bool) -> dict[str, Any]: ...
    def _configure_module(self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> tuple[Any, str]: ...
    def _compute_environment_string(self, raw_environment_out: dict[str, Any] | None = None) -> str: ...
    def _low_level_execute_command(self, cmd: str, sudoable: bool = True, in_data: bytes | None = None, **how: Any) -> dict[str, Any]: ...
