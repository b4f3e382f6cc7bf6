# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What holds for the rules of every role."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import yaml
from right import RIGHT, problems

from ansible_collections.meshgate.eks_istio.plugins.module_utils.preflight.inputs import roles, rules

REPOSITORY = Path(__file__).resolve().parents[6]


def test_every_role_has_its_rules() -> None:
    assert sorted(roles.ROLES) == sorted(path.name for path in (REPOSITORY / "roles").iterdir() if path.is_dir()) == sorted(RIGHT)


@pytest.mark.parametrize("role", RIGHT)
def test_right_values_have_no_problems(role: str) -> None:
    assert problems(role) == []


@pytest.mark.parametrize("role", RIGHT)
def test_rules_name_variables_that_exist(role: str) -> None:
    """Of the role itself, or those that it says it reads: others would never be there."""
    options = yaml.safe_load((REPOSITORY / "roles" / role / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    source = (Path(rules.__file__).parent / f"{role}.py").read_text(encoding="utf-8")
    named = set(re.findall(rf'"({role}_[a-z_]+)"', source)) - set(roles.ROLES)
    assert named - set(options) - set(roles.ROLES[role].reads) == set()
    assert {f"{role}_{name}" for name in RIGHT[role]} <= set(options)


@pytest.mark.parametrize("role", RIGHT)
def test_nothing_given_is_no_crash(role: str) -> None:
    """A variable that YAML left empty is null."""
    assert roles.ROLES[role].problems({}) == roles.ROLES[role].problems({f"{role}_{name}": None for name in RIGHT[role]})


def test_all_roles_together_take_less_than_50_milliseconds() -> None:
    given = {role: {f"{role}_{name}": value for name, value in values.items()} for role, values in RIGHT.items()}
    times = []
    for _again in range(5):
        started = time.process_time()
        assert roles.problems(given) == []
        times.append(time.process_time() - started)
    assert min(times) < 0.05


def test_what_two_roles_say_is_said_once() -> None:
    twice = {"toolchain": {"toolchain_cache_dir": "/tmp"}}
    found = roles.problems(twice)
    assert len(found) == len(set(found)) and any("two directories deep" in sentence for sentence in found)


def test_the_wording() -> None:
    found = rules.Rules({"a_port": 0, "a_host": "x", "an_address": "https://me:secret@example.com"})
    found.need(False, "a_port", "a port")
    found.need_all(False, ("a_port", "a_host"), "both")
    found.need(False, "an_address", "another one")
    assert found.found == [
        "a_port is 0; accepted: a port",
        "a_port, a_host are 0, x; accepted: both",
        "an_address is 'https://example.com'; accepted: another one",
    ]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"kubectl": "sh"}, False),
        ({"kubectl": "/bin/sh"}, False),
        ({"kubectl": "/no/such/kubectl"}, True),
        ({"kubectl": "no-such-kubectl"}, True),
        ({"kubectl": ""}, True),
        # What role toolchain returned, in check mode before it is there.
        ({"kubectl": "/cache/kubectl", "toolchain_facts": {"kubectl": "/cache/kubectl"}}, False),
    ],
)
def test_programs(given: dict, missing: bool) -> None:
    found = rules.Rules({"x_kubectl": given["kubectl"], **given})
    rules.programs(found, x_kubectl="kubectl")
    assert bool(found.found) is missing


def test_a_program_that_role_toolchain_will_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    def missing(promised: bool = True, **given) -> bool:
        found = rules.Rules({"x_kubectl": "kubectl", **given})
        rules.programs(found, promised, x_kubectl="kubectl")
        return bool(found.found)

    assert missing(promised=False)
    assert not missing()
    assert not missing(toolchain_components=["kubectl"])
    assert missing(toolchain_components=["helm"])
    # It has made another one already.
    assert missing(toolchain_facts={"kubectl": "/cache/kubectl"})


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (rules.check_tags, {"team": "mesh", "cost": 42}, {"aws:team": "mesh"}),
        (rules.check_tags, {"a" * 128: "b" * 256}, {"a" * 129: "b"}),
        (rules.check_tags, {}, {"a": "b" * 257}),
        (rules.check_tags, {}, {"a": {"b": "c"}}),
        (rules.check_labels, {"team": "mesh", "example.com/team": ""}, {"team": "a b"}),
        (rules.check_labels, {}, {"a b": "mesh"}),
        (rules.check_labels, {}, {"canary": True}),
        (rules.check_annotations, {"example.com/text": "any thing, {}"}, {"example.com/number": 1}),
        (rules.check_annotations, {}, {"a b": "c"}),
    ],
)
def test_mappings_with_free_keys(check, right: dict, wrong: dict) -> None:
    good, bad = rules.Rules({"x_map": right}), rules.Rules({"x_map": {**right, **wrong}})
    check(good, "x_map")
    check(bad, "x_map")
    assert good.found == []
    assert len(bad.found) == 1 and bad.found[0].startswith(f"x_map is {wrong!r}; accepted: ")


def test_more_tags_than_aws_takes() -> None:
    found = rules.Rules({"x_tags": {str(number): "" for number in range(51)}})
    rules.check_tags(found, "x_tags")
    assert found.found == ["x_tags is 51; accepted: at most 50 tags"]
