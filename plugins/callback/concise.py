# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible's usual output without the tasks that were skipped."""

from __future__ import annotations

DOCUMENTATION = r"""
name: concise
type: stdout
author: The meshgate authors (@meshgate)
short_description: Ansible's usual output without the tasks that were skipped
version_added: "0.1.0"
description:
  - What ansible.builtin.default prints, but for tasks that were skipped. With C(-v) they are printed, too.
  - C(display_skipped_hosts=false) of ansible.builtin.default leaves them out as well, and prints the name of every task only when it has ended, below the
    progress lines that some modules print while they run. Here the name of a task without a condition and without a loop comes first.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - Set C(stdout_callback = meshgate.eks_istio.concise) in ansible.cfg, or E(ANSIBLE_STDOUT_CALLBACK).
"""

from typing import Any

from ansible.plugins.callback.default import CallbackModule as Default


class CallbackModule(Default):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "meshgate.eks_istio.concise"

    def get_option(self, option: str, hostvars: Any = None) -> Any:
        """Ansible's own class then prints a task's name with its first result."""
        if option == "display_skipped_hosts" and not self._display.verbosity:
            return False
        return super().get_option(option, hostvars)

    def _task_start(self, task: Any, prefix: str | None = None) -> None:
        super()._task_start(task, prefix)
        if (
            self.get_option("display_ok_hosts")
            and self._last_task_name
            and self._last_task_banner != task._uuid
            and not task.when
            and task.loop is None
            and not task.loop_with
        ):
            self._print_task_banner(task)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        if self._display.verbosity:
            super().v2_playbook_on_no_hosts_matched()
