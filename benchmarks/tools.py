# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where the toolchain keeps what prepare.yml made it build. Run, it prints the paths of fortio and helmfile.

`.collections` is on PYTHONPATH.
"""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.cache import Cache
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.catalog import Catalog

REPOSITORY = Path(__file__).resolve().parents[1]


def cache_dir() -> Path:
    """As role toolchain has it by default."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("MESHGATE_CACHE") or f"{home}/meshgate")


def made(component: str) -> Path:
    catalog = Catalog(str(REPOSITORY), programs=[str(REPOSITORY / folder) for folder in ("tests/programs", "benchmarks/programs")])
    return Path(Cache(str(cache_dir())).path(component, catalog[component].key))


if __name__ == "__main__":
    for name in ("fortio", "helmfile"):
        print(made(name) / name)
