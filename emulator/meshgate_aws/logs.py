# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""CloudWatch Logs: the tags of a log group are deleted with it, and the next one of its name does not get them back."""

from __future__ import annotations

from moto.logs.models import LogsBackend, logs_backends

from .common import use_backend


class Backend(LogsBackend):
    def delete_log_group(self, log_group_name: str) -> None:
        group = self.groups.get(log_group_name)
        super().delete_log_group(log_group_name)
        if group is not None:
            self.tagger.delete_all_tags_for_resource(group.arn)


def install() -> None:
    use_backend(logs_backends, Backend)
