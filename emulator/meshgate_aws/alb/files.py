# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Files and pipes between the daemon and Envoy.

As root the daemon has few capabilities (no CHOWN, no DAC_OVERRIDE), and Envoy runs as another user. A file's owner may
give it to a group that it is a member of, so the daemon joins Envoy's group and everything is shared through that group.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from .envoy import bootstrap
from .layout import Layout
from .translate import Configuration


class Files:
    def __init__(self, layout: Layout, group: int | None) -> None:
        self._layout = layout
        self._group = group
        if group is not None:
            os.setgroups([group])
        layout.run_dir.mkdir(parents=True, exist_ok=True)
        self.share(layout.run_dir, 0o770)
        for old in layout.run_dir.glob("[elr]ds-*.json"):
            old.unlink()
        for pipe in (layout.access_pipe, layout.health_pipe):
            pipe.unlink(missing_ok=True)
            os.mkfifo(pipe, 0o600)
            self.share(pipe, 0o660)
        self._contents: dict[Path, str] = {}
        self._write(layout.bootstrap, json.dumps(bootstrap(layout)))
        self.apply(Configuration(files={layout.clusters: [], layout.listeners: []}))

    def apply(self, configuration: Configuration) -> bool:
        """Move what differs into place, one file at a time; return whether anything did."""
        wanted = {path: json.dumps({"resources": resources}) for path, resources in configuration.files.items()}
        different = [path for path, text in wanted.items() if self._contents.get(path) != text]
        for path in different:
            self._write(path, wanted[path])
        gone = [path for path in self._contents if path not in wanted]
        for path in gone:
            path.unlink(missing_ok=True)
        self._contents = wanted
        return bool(different or gone)

    def _write(self, path: Path, text: str) -> None:
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        # Private keys are inside.
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        self.share(new, 0o640)
        new.replace(path)

    def share(self, path: Path, mode: int) -> None:
        if self._group is not None:
            os.chown(path, -1, self._group)
        path.chmod(mode)


def lines(pipe: Path) -> Iterator[str]:
    # Opened for writing too: a restarted Envoy must not look like the end of the pipe.
    with os.fdopen(os.open(pipe, os.O_RDWR), "rb", buffering=65536) as file:
        while line := file.readline():
            yield line.decode("utf-8", "replace")
