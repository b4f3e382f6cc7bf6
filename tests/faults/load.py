# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""fortio at a fixed rate against the load balancer while something happens, and what became of its requests."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# Longer than any timeout on the way: what fails, fails by the platform's own word.
CLIENT_TIMEOUT = "20s"


@dataclass
class Outcome:
    """What the clients saw. Times are seconds."""

    requests: int
    failed: int
    codes: dict[str, int]  # HTTP status, or -1 for no answer
    seconds: float
    rate: float
    p50: float
    p99: float
    slowest: float
    outage: float  # the longest time in which no request was answered well
    last_failure: float  # when the last request failed, counted from the fault; 0 if none did

    def row(self) -> dict[str, Any]:
        return asdict(self)


class Load:
    """Runs from `with` until its end; `outcome` is there afterwards."""

    def __init__(self, fortio: Path, url: str, host: str, folder: Path, rate: int, connections: int) -> None:
        self._answers, self._summary, self._said = folder / "answers.log", folder / "summary.json", folder / "fortio.log"
        self._argv = [str(fortio), "load", "-quiet", "-loglevel", "Warning", "-qps", str(rate), "-c", str(connections), "-t", "30m", "-timeout", CLIENT_TIMEOUT]
        # Without catching up: a fault that is over must not be followed by a flood.
        self._argv += ["-nocatchup", "-log-errors=false", "-H", f"Host: {host}", "-json", str(self._summary), "-access-log-file", str(self._answers), url]
        self._fault = 0.0
        self.outcome: Outcome | None = None

    def __enter__(self) -> Load:
        with self._said.open("w", encoding="utf-8") as said:
            self._process = subprocess.Popen(self._argv, stdout=said, stderr=subprocess.STDOUT)
        while self.sent() == 0:
            assert self._process.poll() is None, f"fortio ended at once: {self._said.read_text(encoding='utf-8')}"
            time.sleep(0.05)
        self.fault_is_now()
        return self

    def __exit__(self, kind: object, *_rest: object) -> None:
        self._process.send_signal(signal.SIGINT)  # it finishes what it has begun, and sums up
        code = self._process.wait(60)
        if kind is None:
            assert code == 0, f"fortio exited {code}: {self._said.read_text(encoding='utf-8')}"
            self.outcome = self._read()

    def fault_is_now(self) -> None:
        self._fault = time.time()

    def sent(self) -> int:
        """How many requests were answered or failed by now."""
        if not self._answers.exists():
            return 0
        with self._answers.open("rb") as stream:
            return sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))

    def well(self, last: int = 100) -> bool:
        """Whether none of the last answers was bad."""
        lines = self._answers.read_text(encoding="utf-8").splitlines()[-last - 1 : -1]  # the very last may be half written
        return len(lines) == last and all(json.loads(line)["details"] == "200" for line in lines)

    def _read(self) -> Outcome:
        summary = json.loads(self._summary.read_text(encoding="utf-8"))
        times, codes = summary["DurationHistogram"], summary["RetCodes"]
        share = {item["Percentile"]: item["Value"] for item in times["Percentiles"]}
        answers = [json.loads(line) for line in self._answers.read_text(encoding="utf-8").splitlines()]
        assert len(answers) == times["Count"] == sum(codes.values()), (len(answers), times["Count"], codes)
        begun = min(answer["timestamp"] for answer in answers) / 1e9
        good = sorted(answer["timestamp"] / 1e9 + answer["latency"] for answer in answers if answer["details"] == "200")
        bad = [answer["timestamp"] / 1e9 + answer["latency"] for answer in answers if answer["details"] != "200"]
        ended = max([*good, *bad])
        waits = [later - earlier for earlier, later in zip([begun, *good], [*good, ended], strict=True)]
        return Outcome(
            requests=times["Count"],
            failed=len(bad),
            codes=codes,
            seconds=round(ended - begun, 1),
            rate=round(times["Count"] / (ended - begun), 1),
            p50=round(share[50], 4),
            p99=round(share[99], 4),
            slowest=round(times["Max"], 3),
            outage=round(max(waits), 2),
            last_failure=round(max(bad) - self._fault, 1) if bad else 0.0,
        )
