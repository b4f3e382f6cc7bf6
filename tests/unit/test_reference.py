"""The generated pages of roles and modules say what roles and modules say."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
GENERATOR = REPO / "docs/generate.py"


def test_every_page_is_what_the_generator_writes():
    done = subprocess.run([sys.executable, str(GENERATOR), "--check"], cwd=REPO, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("ansible", "markdown"),
    [
        ("C(a | b) and V(x), O(state=present), E(PATH)", "`a | b` and `x`, `state=present`, `PATH`"),
        ("see M(meshgate.eks_istio.eks_addon) or M(amazon.aws.ec2_vpc_net)", "see [eks_addon](eks_addon.md) or `amazon.aws.ec2_vpc_net`"),
        ("L(the guide, https://x.example/a) and U(https://y.example)", "[the guide](https://x.example/a) and <https://y.example>"),
        ("AWS (and VPC (of yours)) stay", "AWS (and VPC (of yours)) stay"),
    ],
)
def test_markup(ansible, markdown):
    spec = importlib.util.spec_from_file_location("generate", GENERATOR)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.markdown(ansible) == markdown
