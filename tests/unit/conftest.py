"""Makes `ansible_collections.meshgate.eks_istio` importable from a plain checkout.

`make` lays a symlink to the checkout below .collections; ansible_collections is a namespace package, so that one more
folder on the path is enough. ansible-test brings its own loader and has no such folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

COLLECTIONS = Path(__file__).resolve().parents[2] / ".collections"
if COLLECTIONS.is_dir():
    sys.path.insert(0, str(COLLECTIONS))
