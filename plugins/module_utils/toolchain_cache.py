# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The cache: a folder for each component and key, which is there as a whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import report

UNUSED_DAYS = 30
GO_BUILD_CACHE = "go-build"
LOCK = "lock"


class Cache:
    """Results lie at ROOT/COMPONENT/KEY. They are made in ROOT/tmp and moved there when they are complete."""

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
        """Kept while anything is left to build, so that an interrupted build continues; dropped at the end."""
        return os.path.join(self.scratch, GO_BUILD_CACHE)

    @property
    def bin(self) -> str:
        return os.path.join(self.root, "bin")

    def link(self, targets: dict[str, str]) -> None:
        """Make links in the folder for PATH, each replaced at once, so that a tool is never missing."""
        for name, target in targets.items():
            link = os.path.join(self.bin, name)
            if not os.path.islink(link) or os.readlink(link) != target:
                os.makedirs(self.bin, exist_ok=True)
                fresh = f"{link}.{os.getpid()}"
                os.symlink(target, fresh)
                os.replace(fresh, link)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One run at a time builds; who comes second waits, and finds the results."""
        os.makedirs(self.scratch, mode=0o755, exist_ok=True)
        with open(os.path.join(self.root, LOCK), "a", encoding="utf-8") as stream:
            started = time.monotonic()
            while True:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    report(f"another run is filling {self.root}: waiting ({time.monotonic() - started:.0f} s)")
                    time.sleep(5)
            self._sweep()
            yield

    @contextmanager
    def making(self, component: str, key: str) -> Iterator[str]:
        """A folder to fill. It becomes the component's folder when the block ends well."""
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

    def touch(self, component: str, key: str) -> None:
        """Say that a result is in use. Once a day is enough."""
        path = self.path(component, key)
        if time.time() - os.stat(path).st_mtime > 86400:
            os.utime(path)

    def finish(self) -> None:
        """After a build: the Go build cache is as large as everything else together, and old results are of no use."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        oldest = time.time() - UNUSED_DAYS * 86400
        for component in os.scandir(self.root):
            if component.is_dir() and component.name not in ("tmp", "bin"):
                for result in os.scandir(component.path):
                    if result.stat().st_mtime < oldest:
                        shutil.rmtree(result.path, ignore_errors=True)

    def _sweep(self) -> None:
        """What a killed run left behind, apart from the compiler's own cache. Only who holds the lock may."""
        for entry in os.scandir(self.scratch):
            if entry.name != GO_BUILD_CACHE:
                shutil.rmtree(entry.path, ignore_errors=True) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
