# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The daemon's threads: follow the state, keep Envoy running, report health, write the access log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from . import access_log, health
from .api import ERRORS, Api
from .envoy import Envoy
from .files import Files, lines
from .layout import Layout
from .log import log
from .login.server import Logins
from .network import Routes
from .state import Json, State, TargetGroup, parse
from .translate import translate

_HEALTH_POLL = 0.3
_HEALTH_REPORT = 5.0
_LONGEST_RETRY = 5.0


class Daemon:
    def __init__(self, api: Api, envoy: Envoy, files: Files, layout: Layout, log_file: Path, routes: Routes | None, logins: Logins) -> None:
        self._api = api
        self._envoy = envoy
        self._files = files
        self._layout = layout
        self._log_file = log_file
        self._routes = routes
        self._logins = logins
        self._stop = threading.Event()
        # Target groups of the active state; None before there is one.
        self._groups: list[TargetGroup] | None = None
        self._failures: dict[health.Host, str] = {}

    def run(self) -> None:
        jobs: list[Callable[[], None]] = [self._follow_state, self._report_health, self._copy_access_log, self._read_health_events]
        for job in jobs:
            threading.Thread(target=job, name=job.__name__, daemon=True).start()
        self._logins.start()
        keeper = threading.Thread(target=self._envoy.keep_running, daemon=True)
        keeper.start()
        self._stop.wait()
        self._envoy.stop()
        keeper.join(1)

    def stop(self) -> None:
        self._stop.set()

    def apply(self, document: Json) -> None:
        state = parse(document)
        configuration = translate(state, self._layout)
        self._set_routes(state)
        self._logins.know(state.rules)
        changed = self._files.apply(configuration)
        self._groups = configuration.groups
        if changed:
            listeners = sum(len(balancer.listeners) for balancer in state.load_balancers)
            targets = sum(len(group.targets) for group in state.target_groups)
            log(f"state {state.revision}: {len(state.load_balancers)} load balancers, {listeners} listeners, {targets} targets")
            for problem in configuration.problems:
                log(problem)

    def _set_routes(self, state: State) -> None:
        if self._routes is not None:
            self._routes.apply(state.routes)

    def _follow_state(self) -> None:
        known, reachable, pause = "", True, 0.2
        while not self._stop.is_set():
            try:
                document = self._api.state(known)
            except ERRORS as error:
                if reachable:
                    log(f"the control API does not answer ({error}); the last state stays active")
                # After a restart, revisions may start from the beginning.
                known, reachable = "", False
                self._stop.wait(pause)
                pause = min(pause * 2, _LONGEST_RETRY)
                continue
            if not reachable:
                log("the control API answers again")
            reachable, pause = True, 0.2
            again = document["revision"] == known
            known = str(document["revision"])
            try:
                if again:
                    # A route that could not be set is tried again.
                    self._set_routes(parse(document))
                else:
                    self.apply(document)
            except Exception as error:  # A state that cannot be read must not end the data path.
                log(f"state {known} cannot be applied; the last one stays active: {error!r}")

    def _report_health(self) -> None:
        last: list[Json] = []
        sent, told = 0.0, True
        while not self._stop.wait(_HEALTH_POLL):
            if self._groups is None:
                continue
            try:
                now = health.report(self._groups, self._flags(), self._failures)
                if now == last and time.monotonic() - sent < _HEALTH_REPORT:
                    continue
                self._api.report_health(now)
            except Exception as error:  # Without this thread every new target would stay "initial" forever.
                if told:
                    log(f"target health cannot be reported: {error!r}")
                told = False
                self._stop.wait(1)
                continue
            last, sent, told = now, time.monotonic(), True

    def _flags(self) -> dict[health.Host, Json]:
        try:
            return health.hosts(self._envoy.clusters())
        except ERRORS:
            return {}

    def _copy_access_log(self) -> None:
        access_log.copy(lines(self._layout.access_pipe), self._log_file)

    def _read_health_events(self) -> None:
        health.collect_failures(lines(self._layout.health_pipe), self._failures)
