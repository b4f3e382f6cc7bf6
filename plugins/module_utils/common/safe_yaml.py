# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""PyYAML's safe loader and dumper, the C versions if available: CRDs are megabytes.

What PyYAML reads as text, kubectl and others in Go may read as something else: y and n as booleans (which they are in YAML 1.1), 1e3, 08 and 0o7 as
numbers. The dumper puts such texts in quotes.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

__all__ = ["Dumper", "Loader"]

if TYPE_CHECKING:
    from yaml import SafeDumper as Dumper
    from yaml import SafeLoader as Loader
else:
    Loader, Dumper = None, object
    # https://yaml.org/type/bool.html, and what https://github.com/kubernetes-sigs/yaml takes for numbers: it skips underscores.
    _BOOLEAN = re.compile(r"[yYnN]$")
    _NUMBER = re.compile(r"[-+]?_*(0_*[xXoObB][-+]?[0-9a-fA-F_]+|[._]*[0-9][0-9_]*(\.[0-9_]*)?([eE][-+_]*[0-9_]+)?)$")

    with suppress(ImportError):  # every ansible-core brings it; only ansible-test imports modules without
        import yaml

        Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

        class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
            """A resolver that takes a text for something else is what lets the dumper quote it."""

        Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", _BOOLEAN, list("yYnN"))
        Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))
