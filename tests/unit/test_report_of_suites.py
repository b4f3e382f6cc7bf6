# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The test report keeps what earlier sittings found, and says which suites never ran."""

from __future__ import annotations

from pathlib import Path

import failures
import noted
import pytest
import write


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(noted, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(write, "machine", lambda: "2 cores")
    (tmp_path / "results/suites").mkdir(parents=True)
    return tmp_path / "results"


def ran(results: Path, suite: str, line: str) -> None:
    (results / f"suites/{suite}.tsv").write_text(line + "\n", encoding="utf-8")


def report(results: Path, *suites: str) -> str:
    write.main(results, results.parent / "report.md", list(suites))
    return (results.parent / "report.md").read_text(encoding="utf-8")


def test_a_suite_that_never_ran_is_named(results: Path) -> None:
    ran(results, "faults", "faults\t14\t0\t60\tabc1234")
    said = report(results, "faults", "pull")
    assert "**14 checks passed, 0 failed**, in 1 minutes. **Not run: pull.**" in said


def test_what_ran_earlier_stays_until_it_runs_again(results: Path) -> None:
    ran(results, "faults", "faults\t14\t0\t60\tabc1234")
    ran(results, "pull", "pull\t11\t0\t60\tabc1234")
    report(results, "faults", "pull")
    for path in (results / "suites").iterdir():
        path.unlink()
    ran(results, "faults", "faults\t13\t1\t60\tdef5678")
    said = report(results, "faults", "pull")
    assert "| faults | 13 | 1 | 60 | def5678 |" in said and "| pull | 11 | 0 | 60 | abc1234 |" in said
    assert "**24 checks passed, 1 failed**" in said


def test_a_suite_that_is_no_more_is_forgotten(results: Path) -> None:
    ran(results, "faults", "faults\t14\t0\t60\tabc1234")
    report(results, "faults")
    assert "faults" not in report(results, "pull")


def test_a_table_stands_under_the_suite_that_counted_it(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran(results, "faults", "faults\t14\t0\t60\tabc1234")
    monkeypatch.setenv("MESHGATE_SUITE", "faults")
    noted.note("load", "Requests", [["istiod killed", "10 requests"]], found={"requests": 10})
    monkeypatch.setenv("MESHGATE_SUITE", "molecule")
    noted.note("load", "Requests", [["somebody else's", "1 request"]])
    said = report(results, "faults")
    assert "## Requests\n\nCounted by `faults`" in said and "| istiod killed | 10 requests |" in said
    assert "somebody else's" not in said


def test_a_suite_reads_again_what_it_counted(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHGATE_SUITE", "faults")
    assert noted.noted("load") == {}
    noted.note("load", "Requests", [], found={"requests": 10})
    assert noted.noted("load")["found"] == {"requests": 10}


def test_the_failed_checks_are_named_with_their_causes(results: Path) -> None:
    report = (
        '<testsuites><testsuite tests="3"><testcase name="test_fine"/><testcase name="test_asked"><failure message="AssertionError: 503 == 200"/></testcase>'
        '<testcase name="test_set_up"><error message="%s the last word"/></testcase></testsuite></testsuites>'
    )
    (results / "molecule-test_3_platform.xml").write_text(report % ("long " * 200), encoding="utf-8")
    (results / "cargo-test.log").write_text("test it_works ... ok\ntest it_answers ... FAILED\n", encoding="utf-8")
    asked, set_up, answers = failures.failures(results)
    assert answers == "FAILED cargo-test: it_answers"
    assert asked == "FAILED molecule-test_3_platform: test_asked: AssertionError: 503 == 200"
    assert set_up.startswith("FAILED molecule-test_3_platform: test_set_up: long") and set_up.endswith("the last word") and len(set_up) < 400
