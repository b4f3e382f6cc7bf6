# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Run a module's payload in a fork of this process, which has already imported what a new Python would import first: Ansible's own half of every module.

Ansible forks for every task anyway, and a local module ends like a worker does, without returning into the code that forked it.
The fork is made to look like a new Python: no handlers, logs and exit functions of ansible-playbook's, and module_utils as outside a controller.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import logging
import os
import selectors
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from typing import IO, Any, NoReturn

# Held while forking, and by threads while they hold locks that a fork must not inherit.
FORKING = threading.Lock()
# Read when a program starts, or by Python before any of its code runs.
READ_AT_START = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "OPENSSL_", "MALLOC_", "GLIBC_")
# What ansible-core replaces in module_utils of the controller, and its value in a module.
INTERNAL, TRACEBACKS = "ansible.module_utils._internal", "ansible.module_utils._internal._traceback"
CONTROLLERS_OWN = {INTERNAL: ("is_controller",), TRACEBACKS: ("_is_traceback_enabled", "_is_module_traceback_enabled")}


def possible(environment: Mapping[str, str]) -> bool:
    """Whether a fork is equivalent to a new Python: it cannot apply variables that are only read at a start, nor revert unknown changes of ansible-core."""
    return not any(name.startswith(READ_AT_START) for name in environment) and _module_utils() is not None


def _module_utils() -> dict[str, Any] | None:
    try:
        found = {name: importlib.import_module(name) for name in CONTROLLERS_OWN}
    except ImportError:
        return None
    return found if all(hasattr(found[name], attribute) for name, attributes in CONTROLLERS_OWN.items() for attribute in attributes) else None


def run(payload: bytes, environment: Mapping[str, str], folder: str) -> tuple[int, bytes, bytes]:
    """Exit code and output of a Python program, as a connection's exec_command returns them."""
    out, err = os.pipe(), os.pipe()
    with FORKING:
        child = os.fork()
    if child == 0:
        _become_module(payload, environment, folder, out[1], err[1])
    for end in (out[1], err[1]):
        os.close(end)
    try:
        written = _read(out[0], err[0])
    except BaseException:  # the task's time is up
        os.kill(child, signal.SIGTERM)
        raise
    finally:
        for end in (out[0], err[0]):
            os.close(end)
        status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status), *written


def _read(*ends: int) -> tuple[bytes, bytes]:
    written = {end: bytearray() for end in ends}
    with selectors.DefaultSelector() as selector:
        for end in ends:
            selector.register(end, selectors.EVENT_READ)
        while selector.get_map():
            for key, _events in selector.select():
                part = os.read(key.fd, 65536)
                written[key.fd] += part
                if not part:
                    selector.unregister(key.fd)
    first, second = (bytes(written[end]) for end in ends)
    return first, second


def _become_module(payload: bytes, environment: Mapping[str, str], folder: str, out: int, err: int) -> NoReturn:
    code = 1
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdin, sys.stdout, sys.stderr = _stream(0, "r"), _stream(1, "w"), _stream(2, "w", "backslashreplace")
        _forget_the_controller()
        os.environ.update(environment)
        os.chdir(folder)
        code = _run(payload)
    except BaseException:
        os.write(2, traceback.format_exc().encode(errors="backslashreplace"))
    finally:
        os._exit(code)


def _stream(number: int, mode: str, errors: str = "strict") -> IO[str]:
    return os.fdopen(number, mode, encoding="utf-8", errors=errors, closefd=False)


def _forget_the_controller() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    atexit._clear()
    gc.freeze()
    # ansible-playbook's log has its own level, at which AWS clients would log each request.
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    tempfile.tempdir = None  # TMPDIR may differ
    found = _module_utils() or {}
    found[INTERNAL].is_controller = False
    found[TRACEBACKS]._is_traceback_enabled = found[TRACEBACKS]._is_module_traceback_enabled


def _run(payload: bytes) -> int:
    """The end of a program, as Python itself would end it."""
    code = 0
    try:
        exec(compile(payload, "<module>", "exec"), {"__name__": "__main__"})
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, which pools of threads hook into
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code
