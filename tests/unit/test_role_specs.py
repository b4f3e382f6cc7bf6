"""Every role's argument_specs.yml says what its defaults/main.yml does, and every public variable carries the role's prefix."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROLES = sorted(path for path in (Path(__file__).resolve().parents[2] / "roles").iterdir() if path.is_dir())


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def spec(role: Path) -> dict:
    return read(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]


@pytest.fixture(params=ROLES, ids=lambda role: role.name)
def role(request) -> Path:
    return request.param


def public_defaults(role: Path) -> dict:
    return {name: value for name, value in read(role / "defaults" / "main.yml").items() if not name.startswith("_")}


def test_every_default_has_a_specification_with_the_same_default(role):
    options = spec(role).get("options", {})
    # What a template decides is no bool, list or dict, and antsibull-docs takes no other default there.
    typed = {name for name, option in options.items() if option["type"] in ("bool", "dict", "int", "list")}
    defaults = {name: value for name, value in public_defaults(role).items() if not (name in typed and isinstance(value, str) and "{{" in value)}
    assert sorted(defaults) == sorted(name for name, option in options.items() if "default" in option)
    assert {name: options[name]["default"] for name in defaults} == defaults


def test_every_option_is_described_and_carries_the_prefix(role):
    for name, option in spec(role).get("options", {}).items():
        assert name == role.name or name.startswith(f"{role.name}_"), name
        assert option.get("description"), f"{name} has no description"
        assert option.get("type"), f"{name} has no type"


def test_what_has_no_default_is_required_or_said_to_be_optional(role):
    for name, option in spec(role).get("options", {}).items():
        assert "default" in option or "required" in option, f"{name} has neither a default nor `required`"


def test_role_has_the_files_that_every_role_has(role):
    for file in ("README.md", "meta/main.yml", "tasks/main.yml", "tasks/preflight.yml", "tasks/remove.yml"):
        assert (role / file).is_file(), file
    assert spec(role)["short_description"]


PROGRAMS = re.compile(r"{%|namespace\(|\bregex_\w+|\bis (not )?(match|search|regex)\b|(reject|select)(attr)?\((\w+, *)?'(match|search|regex)'")


def test_vars_and_preflight_hold_values_and_no_programs(role):
    """What is decided is in module_utils, where a test calls it: rules in preflight/inputs, names in a filter."""
    files = [*role.glob("vars/*.yml"), *role.glob("tasks/preflight*.yml")]
    found = [f"{path.name}:{number}" for path in files for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if PROGRAMS.search(line)]
    assert found == []


def test_preflight_begins_with_all_rules(role):
    first = yaml.safe_load((role / "tasks/preflight.yml").read_text(encoding="utf-8"))[0]
    assert first["meshgate.eks_istio.validate_inputs"] == {"roles": [role.name]}
