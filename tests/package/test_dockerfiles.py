# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every Dockerfile keeps to the rules; those that run as root say why they must."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dockerfile_checks import leaves_lists, parse, problems
from elsewhere import REPO, tracked

DOCKERFILES = [REPO / name for name in tracked() if Path(name).name.startswith("Dockerfile") or name.endswith(".dockerfile")]
# Images whose definition names no other user, and who it is that they run as.
ROOT = {
    "aws_emulator": "role aws_emulator gives the user when it starts the containers, without any privilege",
    "aws_emulator_base": "nothing runs it; aws_emulator is built upon it",
    "debian": "nothing runs it; others are built upon it",
    "iptables": "nothing runs it; others are built upon it",
    "kubernetes": "static pods of kubeadm, which run as root with the host's files",
    "node": "systemd and the kubelet",
    "proxyv2": "istiod's template gives the user: 1337 for the proxy, root for the container that sets the rules up",
}
FINE = "ARG BASE\nFROM ${BASE} AS base\nFROM scratch\nCOPY --from=base /x /x\nUSER 1:1\n"


def name_of(path: Path) -> str:
    return path.parent.name


def test_all_are_looked_at() -> None:
    used = {entry["dockerfile"] for entry in yaml.safe_load((REPO / "offline/catalog.yml").read_text(encoding="utf-8")).values() if "dockerfile" in entry}
    assert {name_of(path) for path in DOCKERFILES} == used
    assert set(ROOT) <= used


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_a_dockerfile_keeps_the_rules(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert problems(text, ROOT.get(name_of(path), "")) == []
    # A stage that others only copy from may keep what it likes.
    assert leaves_lists(text) == []


def test_a_base_is_always_named_by_its_content() -> None:
    """`ARG BASE` has no default that floats: the catalog gives an image whose tag is the hash of what it was made from."""
    catalog = yaml.safe_load((REPO / "offline/catalog.yml").read_text(encoding="utf-8"))
    for path in DOCKERFILES:
        arguments, stages = parse(path.read_text(encoding="utf-8"))
        if any(stage.base == "${BASE}" for stage in stages) and arguments["BASE"] != "scratch":
            assert all("base" in entry for entry in catalog.values() if entry.get("dockerfile") == name_of(path)), path


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("FROM debian\nUSER 1\n", "DL3006"),
        ("FROM debian:latest\nUSER 1\n", "DL3006"),
        ("ARG BASE=debian:latest\nFROM ${BASE}\nUSER 1\n", "DL3006"),
        ("FROM scratch\nCOPY x /x\n", "DL3002"),
        ("FROM scratch\nUSER root\n", "DL3002"),
        ("FROM scratch\nUSER nobody\n", "is a name"),
        ("FROM scratch\nADD https://example.com/x /x\nUSER 1\n", "DL3020"),
        ("FROM scratch\nADD x /x\nUSER 1\n", "DL3020"),
        ("FROM scratch\nENTRYPOINT /x --flag\nUSER 1\n", "DL3025"),
        ('FROM scratch\nCMD ["a"]\nCMD ["b"]\nUSER 1\n', "DL4003"),
        ("FROM scratch\nWORKDIR here\nUSER 1\n", "DL3000"),
        ("FROM scratch\nEXPOSE 70000\nUSER 1\n", "DL3011"),
        ("FROM scratch\nCOPY --from=gone /x /x\nUSER 1\n", "DL3022"),
        ("FROM scratch\nENV DB_PASSWORD=x\nUSER 1\n", "history"),
        ("FROM scratch\nRUN sudo x\nUSER 1\n", "DL3004"),
        ("FROM scratch\nRUN cd /x && y\nUSER 1\n", "DL3003"),
        ("FROM scratch\nRUN curl -sSf https://example.com/x -o /x\nUSER 1\n", "checksum"),
        ("FROM scratch\nRUN apt install x\nUSER 1\n", "DL3027"),
        ("FROM scratch\nRUN apt-get update && apt-get install --no-install-recommends x\nUSER 1\n", "DL3014"),
        ("FROM scratch\nRUN apt-get update && apt-get install -y x\nUSER 1\n", "DL3015"),
        ("FROM scratch\nRUN apt-get install -y --no-install-recommends x\nUSER 1\n", "DL3009"),
        ("FROM scratch\nRUN apt-get upgrade -y\nUSER 1\n", "DL3005"),
        ("FROM scratch\nRUN pip install x\nUSER 1\n", "DL3013"),
        ("FROM scratch\nRUN a | b\nUSER 1\n", "DL4006"),
        ("FROM scratch\nMAINTAINER me\nUSER 1\n", "DL4000"),
        ("# only a remark\n", "no FROM"),
    ],
)
def test_a_bad_one_is_seen(bad: str, said: str) -> None:
    """The checks above can fail, each for its own reason."""
    found = problems(bad)
    assert len(found) == 1, found
    assert said in found[0]


def test_a_good_one_is_not() -> None:
    assert problems(FINE) == []
    assert "the exception for root is not needed" in problems(FINE, "a reason")[0]
    assert leaves_lists("FROM scratch\nRUN apt-get update\n") != []
