# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Routes to the pods: each node's pod addresses through that node, as in a VPC."""

from __future__ import annotations

import subprocess

from .log import log


class Routes:
    def __init__(self) -> None:
        self._ours: dict[str, str] = {}

    def apply(self, wanted: dict[str, str]) -> None:
        for cidr in set(self._ours) - set(wanted):
            if _ip("del", cidr, "via", self._ours[cidr]):
                del self._ours[cidr]
        for cidr, via in wanted.items():
            if self._ours.get(cidr) != via and _ip("replace", cidr, "via", via):
                self._ours[cidr] = via


def _ip(verb: str, *route: str) -> bool:
    command = ["ip", "route", verb, *route]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        log(f"{' '.join(command)}: {error}")
        return False
    if result.returncode:
        log(f"{' '.join(command)}: {result.stderr.strip()}")
    # The route is already gone.
    return result.returncode == 0 or (verb == "del" and "No such process" in result.stderr)
