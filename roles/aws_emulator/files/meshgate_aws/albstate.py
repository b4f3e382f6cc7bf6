# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations
from typing import Any
import hashlib, json


class AlbState:
    def touch(self) -> None: ...
    def report(self, targets: list[dict[str, Any]]) -> int:
        return 0

    def current(self) -> tuple[dict[str, Any], float | None]:
        state = {"routes": [], "load_balancers": [], "target_groups": []}
        return {"revision": hashlib.sha256(json.dumps(state).encode()).hexdigest()[:16], **state}, None
