# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Routes to the pods, with an `ip` that writes down what it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshgate_aws.alb.network import Routes


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    log = tmp_path / "asked"
    program = tmp_path / "ip"
    program.write_text(f'#!/bin/sh\necho "$*" >>{log}\ncase "$*" in *10.9.*) echo "Network is unreachable" >&2; exit 2;; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return log


def test_routes_are_set_once_moved_and_removed(asked: Path) -> None:
    routes = Routes()
    routes.apply({"10.244.0.0/24": "172.18.0.2", "10.244.1.0/24": "172.18.0.3"})
    routes.apply({"10.244.0.0/24": "172.18.0.2", "10.244.1.0/24": "172.18.0.4"})
    routes.apply({"10.244.0.0/24": "172.18.0.2"})
    assert asked.read_text().splitlines() == [
        "route replace 10.244.0.0/24 via 172.18.0.2",
        "route replace 10.244.1.0/24 via 172.18.0.3",
        "route replace 10.244.1.0/24 via 172.18.0.4",
        "route del 10.244.1.0/24 via 172.18.0.4",
    ]


def test_a_route_that_failed_is_tried_again_and_said(asked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    routes = Routes()
    for _unused in range(2):
        routes.apply({"10.9.0.0/24": "172.18.0.9"})
    assert len(asked.read_text().splitlines()) == 2
    assert "Network is unreachable" in capsys.readouterr().out
