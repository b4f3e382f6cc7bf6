# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The packages of module_utils stand on floors, and imports lead down only (docs/decisions/0014-packages-on-floors.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4] / "plugins"
UTILS = ROOT / "module_utils"
# From the ground up. On one floor, a package may use those to its left.
FLOORS = [
    ["common"],
    ["aws", "kube", "docker"],
    ["eks", "alb", "images", "toolchain", "laptop"],
    ["istio", "mesh", "observability", "preflight", "teardown"],
    ["diagnosis", "upgrade", "status"],
]
ORDER = [package for floor in FLOORS for package in floor]
PREFIX = "ansible_collections.meshgate.eks_istio.plugins.module_utils"


def utils() -> list[Path]:
    return sorted(UTILS.rglob("*.py"))


def absolute(path: Path, node: ast.ImportFrom) -> str:
    """The imported module's name below module_utils; empty for one from elsewhere."""
    if node.level:
        folder = path.relative_to(UTILS).parent.parts
        kept = folder[: len(folder) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])
    return (node.module or "").removeprefix(PREFIX).lstrip(".") if (node.module or "").startswith(PREFIX) else ""


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and package of everything of ours that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (name := absolute(path, node)):
            yield node.lineno, name.split(".")[0]


def test_every_file_is_in_a_package_of_the_plan() -> None:
    assert [path.name for path in UTILS.glob("*.py") if path.name != "__init__.py"] == []
    assert sorted({path.relative_to(UTILS).parts[0] for path in utils()} - set(ORDER)) == []


def test_imports_lead_down() -> None:
    upwards = [
        f"{path.relative_to(ROOT)}:{line}: {path.relative_to(UTILS).parts[0]} -> {package}"
        for path in utils()
        for line, package in imports(path)
        if ORDER.index(package) > ORDER.index(path.relative_to(UTILS).parts[0])
    ]
    assert upwards == []


def test_imports_among_utils_are_relative() -> None:
    """As in amazon.aws: a file that moves with its package keeps its neighbours."""
    found = [path.name for path in utils() if f"from {PREFIX}" in path.read_text(encoding="utf-8")]
    assert found == []


@pytest.mark.parametrize("kind", ["modules", "action", "filter", "lookup", "callback", "plugin_utils"])
def test_what_plugins_import_is_there(kind: str) -> None:
    """mypy takes a missing module of a namespace package for one without types."""
    for path in sorted((ROOT / kind).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (name := absolute(ROOT / kind / path.name, node) if not node.level else ""):
                place = UTILS / name.replace(".", "/")
                assert place.with_suffix(".py").is_file() or all((place / f"{one.name}.py").is_file() for one in node.names), f"{path.name}: {name}"
