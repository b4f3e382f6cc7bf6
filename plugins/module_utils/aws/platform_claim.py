# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One run at a time on a platform: a claim in the account, which its run renews and other runs respect.

It is a Systems Manager parameter, created without overwriting: of several at once, AWS lets exactly one succeed. docs/decisions/0009-one-run-at-a-time.md.
"""

from __future__ import annotations

import datetime
import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from ..common.failure import Refused
from ..common.printable import printable
from ..common.run_identity import Run, is_gone
from .errors import AwsError, Unreachable

# Seconds that a claim lasts. A run renews it when a third of that is over, also in the middle of a wait.
LIFETIME = 1800
# Seconds after which a take-over is checked again; a write later than half of it after its check does not count.
SETTLE = 1.5
# How often to retry when others are faster.
TRIES = 12
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


class Caller(Protocol):
    def call(self, service: str, operation: str, found: Any = None, **arguments: Any) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Claim:
    """The claim in the account. Times are seconds since 1970."""

    run: Run
    purpose: str
    since: float
    until: float
    version: int = 0

    def text(self) -> str:
        return json.dumps({"run": asdict(self.run), "id": self.run.id, "purpose": self.purpose, "since": self.since, "until": self.until}, sort_keys=True)

    def __str__(self) -> str:
        return f"run {self.run.id} ({self.purpose}) on {self.run.host}, process {self.run.pid}, since {clock_time(self.since)}, until {clock_time(self.until)}"


def parse(value: str, version: int) -> Claim | None:
    """The claim in a parameter; None if it cannot be read as one, so that everyone may replace it.

    Another version of this collection may store more about a run, or less: it is still a run. If fields are missing, its process is not visible here.
    """
    try:
        said = json.loads(value)
        given = dict(said["run"])
        host, boot, space = _line(given.get("host", "")), str(given.get("boot", "")), str(given.get("space", ""))
        run = Run(host, boot, space, int(given.get("user", -1)), int(given.get("pid", 0)), str(given.get("started", "")))
        claim = Claim(run, _line(said.get("purpose", "")), float(said["since"]), float(said["until"]), version)
        str(claim)  # times outside the calendar: not a claim
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError, RecursionError):
        return None
    return claim


def _line(said: object) -> str:
    """In one line, without control characters."""
    return " ".join(printable(str(said)).split())


def clock_time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def may_take(held: Claim | None, mine: Run, now: float, take_over: str, gone: Callable[[Run, Run], bool] = is_gone) -> bool:
    """Whether a claim may be replaced: if it cannot be read, has expired, was given by id, or was left by a process on this machine."""
    return held is None or held.until <= now or take_over == held.run.id or gone(held.run, mine)


def refusal(cluster: str, held: Claim) -> str:
    return (
        f"another run is working on {cluster}: {held}. Wait until it ends; if it was killed on another machine, wait until its claim expires, "
        f"or take it over with -e platform_claim_take_over={held.run.id}"
    )


class Claims:
    """The claim of one cluster, in one account and region."""

    def __init__(self, aws: Caller, cluster: str, mine: Run, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.time) -> None:
        self.aws, self.cluster, self.mine, self.sleep, self.clock = aws, cluster, mine, sleep, clock
        self.name = f"/meshgate/{cluster}/run"

    def read(self) -> tuple[bool, Claim | None]:
        """Whether there is a parameter, and the claim in it."""
        try:
            found = self.aws.call("ssm", "get_parameter", Name=self.name)["Parameter"]
        except AwsError as error:
            if error.code != "ParameterNotFound":
                raise
            return False, None
        return True, parse(found["Value"], found["Version"])

    def held_by_another(self) -> Claim | None:
        """The claim that this run would have to respect."""
        _there, held = self.read()
        return held if held and held.run.id != self.mine.id and not may_take(held, self.mine, self.clock(), "") else None

    def acquire(self, purpose: str, take_over: str = "") -> Claim:
        """Claim it, or continue with this run's claim. Raises Refused with the holder."""
        for _try in range(TRIES):
            wanted = self._wanted(purpose)
            if self._put(wanted.text(), overwrite=False):
                return wanted
            looked = self.clock()
            there, held = self.read()
            if held and held.run.id == self.mine.id:
                return self._renewed(held)
            if held and not may_take(held, self.mine, self.clock(), take_over):
                self._respect(held)
                continue
            if there and self._replace(wanted, looked):
                return wanted
        raise Refused(f"too many runs tried to claim {self.cluster} at the same time; run it again", code="Claimed")

    def _respect(self, held: Claim) -> None:
        """Raise Refused with the holder. If several take over at once, that is known only a moment later."""
        self.sleep(SETTLE)
        _there, still = self.read()
        if still and still.run.id == held.run.id:
            raise Refused(refusal(self.cluster, held), code="Claimed")

    def renew(self, purpose: str) -> Claim:
        """Continue with the claim; stop if another run has taken it over in the meantime."""
        there, held = self.read()
        if held and held.run.id == self.mine.id:
            return self._renewed(held)
        if held:
            raise Refused(
                f"the claim of this run on {self.cluster} was taken over: {held}. This run stops, so that two runs do not work on one platform", code="Claimed"
            )
        if there:
            raise Refused(f"the claim of this run on {self.cluster} was replaced by something else in the parameter {self.name}", code="Claimed")
        return self.acquire(purpose)

    def release(self) -> bool:
        """End the claim of this run, and no other."""
        _there, held = self.read()
        if held is None or held.run.id != self.mine.id:
            return False
        try:
            self.aws.call("ssm", "delete_parameter", Name=self.name)
        except AwsError as error:
            if error.code != "ParameterNotFound":
                raise
        return True

    def _wanted(self, purpose: str, since: float | None = None) -> Claim:
        now = self.clock()
        return Claim(self.mine, purpose, now if since is None else since, now + LIFETIME)

    def _put(self, text: str, overwrite: bool) -> int:
        """The version that was written; 0 if another one exists or was faster."""
        try:
            answer = self.aws.call("ssm", "put_parameter", Name=self.name, Value=text, Type="String", Overwrite=overwrite)
        except AwsError as error:
            if error.code not in ("ParameterAlreadyExists", "TooManyUpdates"):
                raise
            self.sleep(random.uniform(0, SETTLE / 4))
            return 0
        # A lost response has no version: reading shows whose it is.
        return int(answer.get("Version", 0))

    def _renewed(self, held: Claim) -> Claim:
        if held.until - self.clock() > LIFETIME * 2 / 3:
            return held
        wanted = self._wanted(held.purpose, held.since)
        self._put(wanted.text(), overwrite=True)
        return wanted

    def _replace(self, claim: Claim, looked: float) -> bool:
        """Write a newer version, and check a moment later that nobody has written a newer one yet.

        A run that read before another's version existed writes within half a moment, and so before that one checks again; later writes are undone.
        """
        version = self._put(claim.text(), overwrite=True)
        if version and self.clock() - looked > SETTLE / 2:
            self._put_back(version - 1)
            return False
        self.sleep(SETTLE)
        _there, held = self.read()
        return held is not None and version > 0 and held.run.id == self.mine.id and held.version == version

    def _put_back(self, version: int) -> None:
        before = self.aws.call("ssm", "get_parameter", Name=f"{self.name}:{version}")["Parameter"]["Value"]
        self._put(before, overwrite=True)


def unable(error: AwsError) -> bool:
    """The caller may not store a claim, or Systems Manager cannot be reached: a warning, not an error."""
    return error.code in DENIED or isinstance(error, Unreachable)


class Keeper:
    """Renews a run's claim between the calls of any task, when a third of its time is over."""

    def __init__(self, claims: Claims, until: float, purpose: str) -> None:
        self.claims, self.until, self.purpose, self.busy = claims, until, purpose, False

    def __call__(self) -> None:
        if self.busy or self.until - self.claims.clock() > LIFETIME * 2 / 3:
            return
        self.busy = True
        try:
            self.until = self.claims.renew(self.purpose).until
        except AwsError:
            # A connection problem with Systems Manager does not concern the task; a later call tries again.
            self.until = self.claims.clock() + LIFETIME * 2 / 3 + 30
        finally:
            self.busy = False
