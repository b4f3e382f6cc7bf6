# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""PyYAML's safe loader and dumper, those in C where there are such: CRDs are megabytes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

Loader: Any = None
Dumper: Any = object

with suppress(ImportError):  # every ansible-core brings it; only ansible-test imports modules without
    import yaml

    Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
