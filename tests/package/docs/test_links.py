# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The documents' links lead somewhere, to the very heading, and the files that they name exist."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown import REPO, anchors, documents, links, prose

# Folders whose files are named in the text as `folder/file`; `meta` is also a role's own.
NAMED = re.compile(r"`((?:benchmarks|docs|inventories|molecule|offline|playbooks|plugins|roles|services|tests)/[\w./-]*[\w/])`")

# Pages of the package link so to files that are in the repository alone.
REPOSITORY = "https://github.com/meshgate/eks_istio/blob/main/"


def broken(document: Path, text: str) -> list[str]:
    """The links of a text that lead nowhere, each with why."""
    wrong = []
    for link in links(text):
        parts = urlsplit(link)
        ours = link.startswith(REPOSITORY)
        if parts.scheme in ("http", "https") and not ours:
            if "." not in parts.netloc:
                wrong.append(f"{link}: no host on the internet")
            continue
        if parts.scheme and not ours:
            if parts.scheme != "mailto":
                wrong.append(f"{link}: neither an address nor a file")
            continue
        path = f"{REPO}/{urlsplit(link.removeprefix(REPOSITORY)).path}" if ours else parts.path
        target = (document.parent / unquote(path)).resolve() if path else document
        if not target.exists() or not target.is_relative_to(REPO):
            wrong.append(f"{link}: no such file")
        elif parts.fragment:
            here = text if target == document else target.read_text(encoding="utf-8") if target.suffix == ".md" else ""
            if unquote(parts.fragment) not in anchors(here):
                wrong.append(f"{link}: no such heading")
    return wrong


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(REPO)))
def test_every_link_leads_somewhere(document: Path) -> None:
    assert broken(document, document.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(REPO)))
def test_every_file_that_is_named_exists(document: Path) -> None:
    named = NAMED.findall(prose(document.read_text(encoding="utf-8")))
    assert [name for name in named if not (REPO / name).exists() and not (document.parent / name).exists()] == []


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("nowhere.md", "no such file"),
        ("../../../outside.md", "no such file"),
        ("LICENSE#nothing", "no such heading"),
        ("#no-such-heading", "no such heading"),
        ("docs/aws.md#no-such-heading", "no such heading"),
        (f"{REPOSITORY}docs/nowhere.md", "no such file"),
        (f"{REPOSITORY}docs/aws.md#no-such-heading", "no such heading"),
        ("https://localhost/x", "no host on the internet"),
        ("javascript:void", "neither an address nor a file"),
    ],
)
def test_a_broken_link_is_seen(link: str, why: str) -> None:
    """The checks above can fail."""
    text = f"# Here\n\nSee [it]({link}), [this](#here) and [the licence](LICENSE).\n\n```sh\necho '[no link](gone.md)'\n```\n"
    assert broken(REPO / "README.md", text) == [f"{link}: {why}"]


def test_headings_get_githubs_names() -> None:
    text = "# The `istio` role: what it does\n## Example\n## Example\n### See [here](x.md)!\n```sh\n# no heading\n```\n"
    assert anchors(text) == {"the-istio-role-what-it-does", "example", "example-1", "see-here"}
