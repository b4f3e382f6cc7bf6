# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A module file is documentation, an argument specification and `main()`; what it does is in module_utils, where a unit test calls it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

# One without main() documents an action plugin.
MODULES = [
    path for path in sorted((Path(__file__).resolve().parents[4] / "plugins" / "modules").glob("*.py")) if "def main(" in path.read_text(encoding="utf-8")
]


def functions(path: Path) -> list[ast.FunctionDef | ast.ClassDef]:
    return [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_file_holds_main_and_nothing_else(path: Path) -> None:
    assert [node.name for node in functions(path)] == ["main"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_main_is_its_specification_and_a_call(path: Path) -> None:
    """Lines of main() beside the argument specification."""
    (main,) = [node for node in functions(path) if node.name == "main"]
    specifications = [
        node for node in ast.walk(main) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.lower().endswith("module")
    ]
    assert specifications
    longest = max((node.end_lineno or 0) - node.lineno + 1 for node in specifications)
    assert (main.end_lineno or 0) - main.lineno + 1 - longest <= 24


@pytest.mark.parametrize("path", [path for path in MODULES if "AnsibleAWSModule" in path.read_text(encoding="utf-8")], ids=lambda path: path.stem)
def test_a_module_of_aws_ends_in_the_one_place(path: Path) -> None:
    code = path.read_text(encoding="utf-8").rpartition('"""')[2]
    assert "    run(module, " in code
    assert [end for end in ("exit_json", "fail_json", "except ", "for_module") if end in code] == []
