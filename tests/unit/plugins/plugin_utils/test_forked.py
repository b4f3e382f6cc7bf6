# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A fork ends, answers and sees the world as a new Python would, and leaves nothing behind in the process that it came from."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time

import ansible.utils.display  # noqa: F401  # what makes module_utils those of a controller
import pytest
from ansible.module_utils import _internal

from ansible_collections.meshgate.eks_istio.plugins.plugin_utils import forked


def run(program: str, environment: dict[str, str] | None = None, folder: str = "/") -> tuple[int, str, str]:
    code, out, err = forked.run(program.encode(), environment or {}, folder)
    return code, out.decode(), err.decode()


def test_both_outputs_arrive_however_long_they_are():
    program = "import sys\nfor _ in range(20):\n    sys.stdout.write('o' * 50000)\n    sys.stderr.write('e' * 50000)\n"
    assert run(program) == (0, "o" * 1000000, "e" * 1000000)


@pytest.mark.parametrize(
    ("program", "code"), [("pass", 0), ("raise SystemExit", 0), ("raise SystemExit(7)", 7), ("raise SystemExit(True)", 1), ("raise SystemExit('why')", 1)]
)
def test_the_exit_code_is_that_of_a_program(program, code):
    assert run(program)[0] == code


def test_a_fault_is_a_traceback():
    code, out, err = run("print('before')\n1 / 0")
    assert (code, out) == (1, "before\n")
    assert "ZeroDivisionError" in err


def test_what_a_program_cannot_be_compiled_from_is_a_fault():
    code, _out, err = run("1 +")
    assert code == 1 and "SyntaxError" in err


def test_who_is_killed_says_by_what():
    assert run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")[0] == -signal.SIGKILL


def test_environment_folder_and_modules_are_the_forks_own(tmp_path):
    program = "import json, os, sys, tempfile, wave; print(json.dumps([os.environ['SAID'], os.getcwd(), tempfile.gettempdir(), sys.stdin.read()]))"
    code, out, err = run(program, {"SAID": "here", "TMPDIR": str(tmp_path)}, str(tmp_path))
    assert code == 0, err
    assert json.loads(out) == ["here", str(tmp_path), str(tmp_path), ""]
    assert "SAID" not in os.environ and os.getcwd() != str(tmp_path) and "wave" not in sys.modules


def test_threads_end_and_exit_functions_run():
    program = """
import atexit, time
from concurrent.futures import ThreadPoolExecutor
atexit.register(print, "at the end")
ThreadPoolExecutor(1).submit(lambda: (time.sleep(0.2), print("a thread")))
print("the program")
"""
    assert run(program) == (0, "the program\na thread\nat the end\n", "")


def test_it_is_no_controller_and_this_process_still_is():
    program = "from ansible.module_utils import _internal, basic\nfrom ansible.module_utils._internal import _traceback\n"
    program += "basic._PARSED_MODULE_ARGS = {}\nprint(_internal.is_controller, _traceback.traceback_for())\n"
    assert _internal.is_controller
    assert run(program) == (0, "False []\n", "")
    assert _internal.is_controller


def test_the_playbooks_log_gets_nothing_of_it(tmp_path):
    handler = logging.FileHandler(tmp_path / "log")
    logging.root.addHandler(handler)
    level = logging.root.level
    logging.root.setLevel(logging.DEBUG)
    try:
        code, _out, err = run("import logging; logging.getLogger('a.client').debug('a secret'); logging.getLogger('a.client').warning('said')")
        assert logging.root.level == logging.DEBUG and handler in logging.root.handlers
    finally:
        logging.root.setLevel(level)
        logging.root.removeHandler(handler)
    assert (code, (tmp_path / "log").read_text(encoding="utf-8")) == (0, "")
    assert "said" in err and "a secret" not in err


def test_when_the_tasks_time_is_up_it_ends(tmp_path):
    class TimeIsUp(Exception):
        pass

    def up(_number, _frame):
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, up)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    began = time.monotonic()
    try:
        with pytest.raises(TimeIsUp):
            run(f"import time; time.sleep(30); open({str(tmp_path / 'done')!r}, 'w')")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < 20


def test_what_only_a_start_reads_needs_a_new_python():
    assert forked.possible({"AWS_REGION": "us-west-2", "HOME": "/root", "no_proxy": "localhost"})
    for name in ("PYTHONPATH", "LD_PRELOAD", "LC_ALL", "LANG", "TZ"):
        assert not forked.possible({name: "x"})


def test_another_ansible_core_gets_a_new_python(monkeypatch):
    monkeypatch.setattr(forked, "CONTROLLERS_OWN", {forked.INTERNAL: ("of_a_later_version",)})
    assert not forked.possible({})
    monkeypatch.setattr(forked, "CONTROLLERS_OWN", {"ansible.module_utils.of_a_later_version": ()})
    assert not forked.possible({})
