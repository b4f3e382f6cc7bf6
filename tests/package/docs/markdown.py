# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The little of Markdown that the checks of the documents read."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
FENCE = re.compile(r"^( *)(```+)([\w-]*)[^\n]*\n(.*?)^\1\2[ \t]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)


def documents() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", "*.md"], cwd=REPO, capture_output=True, text=True, check=True).stdout
    return [REPO / name for name in listed.split("\0") if name and (REPO / name).is_file()]


@dataclass
class Fence:
    """A block of code with what its first line calls it."""

    language: str
    text: str


def fences(text: str) -> list[Fence]:
    return [Fence(found[3], found[4]) for found in FENCE.finditer(text)]


def prose(text: str) -> str:
    """A document without its blocks of code."""
    return FENCE.sub("", text)


def links(text: str) -> list[str]:
    """Where a document's links lead, those of its code left out."""
    return LINK.findall(re.sub(r"`[^`\n]*`", "`code`", prose(text)))


def anchors(text: str) -> set[str]:
    """The names that GitHub gives to a document's headings, and those that it gives itself."""
    found: dict[str, int] = {}
    names = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))
    for heading in HEADING.findall(prose(text)):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = found.get(slug, 0)
        found[slug] = count + 1
        names.add(f"{slug}-{count}" if count else slug)
    return names


COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*(?:make|ansible|ansible-[a-z]+|kubectl|helm|istioctl|kind|curl|docker|export|cargo|uv|aws|brew|git|sudo)\b(?! *[:=|])")


def commands(fence: Fence) -> list[str]:
    """The commands that a block shows: all of `sh`, what stands behind a prompt of `console`, and what looks like one anywhere else."""
    lines = re.sub(r"\\\n\s*", "", fence.text).splitlines()
    if fence.language == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    elif fence.language != "sh":
        lines = [line for line in lines if COMMAND.match(line)] if fence.language in ("", "text", "bash", "shell") else []
    stripped = [re.sub(r"(?:^|\s+)# .*$", "", line).strip() for line in lines]
    return [line for line in stripped if line]
