# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Fresh emulated AWS accounts in milliseconds: one process loads everything once, and each account is a fork of it.

As a program: reads one JSON object of environment variables per line, forks an emulated AWS that has them, and answers with its address.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
EMULATOR = REPOSITORY / "emulator"


class Nursery:
    """The parent process, as tests see it."""

    def __init__(self) -> None:
        argv = [sys.executable, __file__]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(EMULATOR)})

    @contextlib.contextmanager
    def account(self, **environment: str) -> Iterator[str]:
        """The address of an emulated AWS in which nothing was ever done."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(environment) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the emulated AWS did not start"
        born = json.loads(line)
        try:
            yield f"http://127.0.0.1:{born['port']}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(born["pid"], signal.SIGKILL)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def main() -> None:
    from meshgate_aws.api import create_application, create_server
    from moto.backends import get_backend

    application = create_application()
    application.warm_up()
    # What moto would only load when it is asked for the first time.
    for service in ("eks", "elbv2", "logs", "kms", "acm", "route53", "ecr", "resourcegroupstaggingapi", "service-quotas", "ssm", "s3"):
        get_backend(service)
    # Children are never waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        # Bound before the fork, so that whoever gets the answer can connect at once.
        server = create_server(application, "127.0.0.1", 0)
        child = os.fork()
        if child == 0:
            os.environ.update(json.loads(line))
            sys.stdin.close()
            server.serve_forever()
        print(json.dumps({"port": server.server_port, "pid": child}), flush=True)
        server.socket.close()


if __name__ == "__main__":
    main()
