# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The cache: a directory for each component and key, which is complete or does not exist."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..common.progress import report

UNUSED_DAYS = 30
GO_BUILD_CACHE = "go-build"
LOCK = "lock"
ORIGIN = "origin"


class Cache:
    """Artifacts are at ROOT/COMPONENT/KEY. They are built in ROOT/tmp and moved there when they are complete."""

    def __init__(self, root: str) -> None:
        self.root = root

    def path(self, component: str, key: str) -> str:
        return os.path.join(self.root, component, key[:16])

    def has(self, component: str, key: str) -> bool:
        return os.path.isdir(self.path(component, key))

    @property
    def scratch(self) -> str:
        return os.path.join(self.root, "tmp")

    @property
    def go_build_cache(self) -> str:
        """Kept while anything is left to build, so that an interrupted build continues; removed at the end."""
        return os.path.join(self.scratch, GO_BUILD_CACHE)

    @property
    def bin(self) -> str:
        return os.path.join(self.root, "bin")

    def link(self, targets: dict[str, str]) -> None:
        """Create links in the directory for PATH, each replaced atomically, so that a tool is never missing."""
        for name, target in targets.items():
            link = os.path.join(self.bin, name)
            if not os.path.islink(link) or os.readlink(link) != target:
                os.makedirs(self.bin, exist_ok=True)
                fresh = f"{link}.{os.getpid()}"
                os.symlink(target, fresh)
                os.replace(fresh, link)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One run at a time builds; a second one waits, and finds the artifacts."""
        os.makedirs(self.root, exist_ok=True)
        with open(os.path.join(self.root, LOCK), "a", encoding="utf-8") as stream:
            started = time.monotonic()
            while True:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    report(f"another run is using {self.root}: waiting ({time.monotonic() - started:.0f} s)")
                    time.sleep(5)
            # Not before: the end of the run that we waited for removes it.
            os.makedirs(self.scratch, mode=0o755, exist_ok=True)
            self._sweep()
            yield

    @contextmanager
    def making(self, component: str, key: str) -> Iterator[str]:
        """A directory to fill. It becomes the component's directory if the block succeeds."""
        folder = os.path.join(self.scratch, f"{component}-{key[:16]}-{os.getpid()}")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        try:
            yield folder
            target = self.path(component, key)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.rename(folder, target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def origin(self) -> str:
        """Where this machine's artifacts come from, `pull` or `build`; empty before the first."""
        try:
            with open(os.path.join(self.root, ORIGIN), encoding="utf-8") as stream:
                return stream.read().strip()
        except OSError:
            return ""

    def keep_origin(self, origin: str) -> None:
        if self.origin != origin:
            with open(os.path.join(self.root, ORIGIN), "w", encoding="utf-8") as stream:
                stream.write(f"{origin}\n")

    def touch(self, component: str, key: str) -> None:
        """Mark an artifact as in use. Once a day is enough."""
        path = self.path(component, key)
        if time.time() - os.stat(path).st_mtime > 86400:
            os.utime(path)

    def finish(self) -> None:
        """After a build: the Go build cache is as large as everything else together, and old artifacts are useless."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        oldest = time.time() - UNUSED_DAYS * 86400
        for component in os.scandir(self.root):
            if component.is_dir() and component.name not in ("tmp", "bin"):
                for result in os.scandir(component.path):
                    if result.stat().st_mtime < oldest:
                        shutil.rmtree(result.path, ignore_errors=True)

    def _sweep(self) -> None:
        """What a killed run left behind, apart from the compiler's own cache. Requires the lock."""
        for entry in os.scandir(self.scratch):
            if entry.name != GO_BUILD_CACHE:
                shutil.rmtree(entry.path, ignore_errors=True) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
