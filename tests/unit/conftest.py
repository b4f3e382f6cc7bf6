"""Makes `ansible_collections.meshgate.eks_istio` importable from a plain checkout, and the tests' own helpers from each test.

`make` lays a symlink to the checkout below .collections; ansible_collections is a namespace package, so that one more
folder on the path is enough. ansible-test brings its own loader and has no such folder; it imports tests as modules of the
collection, so that, other than with pytest alone, a test's folder is not on the path.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
COLLECTIONS = HERE.parents[1] / ".collections"
if COLLECTIONS.is_dir():
    sys.path.insert(0, str(COLLECTIONS))
sys.path += [str(HERE / folder) for folder in (".", "emulator", "plugins/module_utils", "plugins/modules")]
