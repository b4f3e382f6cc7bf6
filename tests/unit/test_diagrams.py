"""The rendered diagrams are those of their sources, and say what the sources say."""

from __future__ import annotations

import hashlib
import html
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
SOURCES = sorted((DOCS / "diagrams").glob("*.dot"))
LABEL = re.compile(r'label="([^"]*)"')


@pytest.fixture(params=SOURCES, ids=lambda path: path.stem)
def source(request) -> Path:
    return request.param


def test_the_svg_was_rendered_from_this_source(source):
    svg = source.with_suffix(".svg").read_text(encoding="utf-8")
    assert f"sha256 {hashlib.sha256(source.read_bytes()).hexdigest()}" in svg, "run `make docs`"


def test_the_svg_shows_every_label(source):
    tree = ElementTree.parse(source.with_suffix(".svg"))
    shown = {html.unescape("".join(node.itertext())).replace("\xa0", " ").strip() for node in tree.iter("{http://www.w3.org/2000/svg}text")}
    wanted = {line.strip() for label in LABEL.findall(source.read_text(encoding="utf-8")) for line in label.split("\\n")}
    assert wanted - shown == set()


def test_every_diagram_is_in_a_document(source):
    documents = [path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")]
    assert any(f"(diagrams/{source.stem}.svg)" in text for text in documents)
