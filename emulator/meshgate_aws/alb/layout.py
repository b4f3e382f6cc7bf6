# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where the daemon and its Envoy meet: files, pipes and the admin socket in one private directory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    run_dir: Path
    # Where Envoy listens; the port offset lets tests avoid privileged ports and ports in use.
    address: str = "0.0.0.0"
    port_offset: int = 0

    @property
    def bootstrap(self) -> Path:
        return self.run_dir / "bootstrap.json"

    @property
    def admin_socket(self) -> Path:
        return self.run_dir / "admin.sock"

    @property
    def login_socket(self) -> Path:
        return self.run_dir / "login.sock"

    @property
    def access_pipe(self) -> Path:
        return self.run_dir / "access.pipe"

    @property
    def health_pipe(self) -> Path:
        return self.run_dir / "health.pipe"

    @property
    def listeners(self) -> Path:
        return self.run_dir / "lds.json"

    @property
    def clusters(self) -> Path:
        return self.run_dir / "cds.json"

    def routes(self, name: str) -> Path:
        return self.run_dir / f"rds-{name}.json"

    def endpoints(self, cluster: str) -> Path:
        return self.run_dir / f"eds-{hashlib.sha256(cluster.encode()).hexdigest()[:16]}.json"
