# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What ansible-test's checks install from elsewhere than a package registry."""

from __future__ import annotations

import re
import socket
from pathlib import Path


def unobtainable(bin_dir: Path) -> dict[str, str]:
    """Sanity tests that cannot run here, each with the host that does not answer. A pre-release of ansible-core pins packages by their address."""
    found = {}
    for path in bin_dir.parent.glob("lib/python3*/site-packages/ansible_test/_data/requirements/sanity.*.txt"):
        for host in sorted(set(re.findall(r"@ https://([^/\s]+)", path.read_text(encoding="utf-8")))):
            try:
                socket.create_connection((host, 443), timeout=5).close()
            except OSError:
                found[path.name.split(".")[1]] = host
    return found
