"""A pod's words in a report: nothing that a terminal obeys."""

from __future__ import annotations

import pytest
from fake_api import FakeApi

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.printable import printable
from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis.report import Section, render
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.logs import log_lines

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[1;31mall is well\x1b[0m\r\x9b31m"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (HOSTILE, "all is well"),
        ("caf\u00e9 \u2192 \u65e5\u672c\ttab", "caf\u00e9 \u2192 \u65e5\u672c\ttab"),
        ("\x1b]8;;http://a.test\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$r0m\x1b\\after", "after"),
        ("\x1bcreset \x1b(B", "reset "),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("\x1b]0;never ended", ""),
    ],
)
def test_what_a_terminal_would_obey_is_gone_and_all_else_stays(said: str, shown: str) -> None:
    assert printable(said) == shown


def test_a_report_shows_no_escape_of_a_pod() -> None:
    section = Section("pods")
    section.lines.append(HOSTILE)
    section.wrong("crash", f"a/b: {HOSTILE}", HOSTILE)
    assert "\x1b" not in render("platform", [section]) and "all is well" in render("platform", [section])
    assert "\x1b" not in str(section.as_result()) + str(section.findings[0].as_result())


def test_a_containers_log_has_none() -> None:
    api = FakeApi()
    api.logs = {"app": f"first\n\n{HOSTILE}\n"}
    api.request = lambda *_arguments, **_more: api.logs["app"]
    assert log_lines(api, "a", "b", "app", 5, "false") == ["first", "all is well"]
