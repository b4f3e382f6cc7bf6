# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""HTTPRoutes are only ever taken for rules that they answer alike, whatever the age of the objects.

Both engines are written here once more, from their documents and not from the code under test, and asked every request of a small world.
"""

from __future__ import annotations

import functools
import itertools
import random
import re

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.matches import Match, Path, Value, covers, overlap
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.precedence import Conflict, Rule, conflicts, objects

Request = tuple[str, str, dict[str, str], dict[str, str]]
PATHS = ("/", "/a", "/a/", "/ab", "/a/b", "/a/b/c", "/b", "/b/a")
METHODS = ("GET", "POST")


def mixtures(choices: dict[str, tuple[str, ...]]) -> list[dict[str, str]]:
    """Each name absent, or with one of its values."""
    every = itertools.product(*[["", *values] for values in choices.values()])
    return [{name: value for name, value in zip(choices, values, strict=True) if value} for values in every]


HEADERS = {"x-canary": ("true", "no"), "x-user": ("ann", "bob")}
QUERIES = {"v": ("1", "2"), "w": ("1",)}
WORLD: list[Request] = list(itertools.product(PATHS, METHODS, mixtures(HEADERS), mixtures(QUERIES)))
ALL = (1 << len(WORLD)) - 1
WAYS = [
    *[Path("prefix", value) for value in ("/", "/a", "/a/", "/a/b", "/a/b/", "/b", "/b/a")],
    *[Path("exact", value) for value in ("/", "/a", "/a/b", "/a/b/c", "/b")],
]


def meets(match: Match, request: Request) -> bool:
    path, method, headers, query = request

    def is_so(value: Value, text: str | None) -> bool:
        return text is not None and (re.fullmatch(value.text, text) is not None if value.regex else text == value.text)

    wanted = match.path.value
    if match.path.kind == "exact":
        right = path == wanted
    elif match.path.kind == "regex":
        right = re.fullmatch(wanted, path) is not None
    else:
        segments = [part for part in wanted.split("/") if part]
        right = path.lstrip("/").split("/")[: len(segments)] == segments
    named = all(is_so(value, headers.get(name)) for name, value in match.headers) and all(is_so(value, query.get(name)) for name, value in match.query)
    return right and named and match.method in (None, method)


@functools.cache
def asked(match: Match) -> int:
    """The requests of this world that meet it, one bit each."""
    return sum(1 << place for place, request in enumerate(WORLD) if meets(match, request))


Answers = dict[str | None, int]


def first_come(ordered: list[tuple[Match, str]]) -> Answers:
    """Which requests each action gets when the first match wins."""
    left, answers = ALL, dict[str | None, int]()
    for match, action in ordered:
        answers[action] = answers.get(action, 0) | (left & asked(match))
        left &= ~asked(match)
    return {action: requests for action, requests in {**answers, None: left}.items() if requests}


def virtual_service(rules: list[Rule]) -> Answers:
    return first_come([(match, rule.action) for rule in rules for match in rule.matches])


def more_specific(one: Match, other: Match) -> int:
    """As the specification says it, criterion by criterion; 0 where nothing but age and place are left."""
    kinds = {"exact": 2, "prefix": 1, "regex": 0}
    if one.path.kind != other.path.kind:
        return kinds[other.path.kind] - kinds[one.path.kind]
    lengths = [len(match.path.value.rstrip("/") or "/") for match in (one, other)]
    if lengths[0] != lengths[1] and one.path.kind == "prefix":
        return lengths[1] - lengths[0]
    if (one.method is None) != (other.method is None):
        return 1 if one.method is None else -1
    return len(other.headers) - len(one.headers) or len(other.query) - len(one.query)


def http_routes(rules: list[Rule], routes: list[list[int]]) -> Answers:
    """Objects from the oldest to the youngest."""
    entries = [(match, rules[place].action) for route in routes for place in route for match in rules[place].matches]
    return first_come(sorted(entries, key=functools.cmp_to_key(lambda one, other: more_specific(one[0], other[0]))))


def a_match(dice: random.Random, regexes: bool = False) -> Match:
    def values(choices: dict[str, tuple[str, ...]]) -> tuple[tuple[str, Value], ...]:
        named = [name for name in choices if dice.random() < 0.3]
        return tuple((name, Value(".*", True) if regexes and dice.random() < 0.2 else Value(dice.choice(choices[name]))) for name in named)

    path = Path("regex", dice.choice(("/a.*", "/[ab]"))) if regexes and dice.random() < 0.1 else dice.choice(WAYS)
    method = dice.choice(METHODS) if dice.random() < 0.25 else None
    return Match(path, method, values(HEADERS), values(QUERIES))


def a_rule(dice: random.Random, regexes: bool = False) -> Rule:
    return Rule(tuple(a_match(dice, regexes) for _each in range(dice.choice((1, 1, 1, 2)))), dice.choice("ABCD"))


def a_set(seed: int) -> list[Rule]:
    """Every second one as people write them: the more specific first; the others as they come."""
    dice = random.Random(seed)
    rules = [a_rule(dice, regexes=seed % 5 == 0) for _each in range(dice.randint(2, 7))]
    if seed % 2:
        rules = [Rule((rule.matches[0],), rule.action) for rule in rules]
        rules.sort(key=functools.cmp_to_key(lambda one, other: more_specific(one.matches[0], other.matches[0])))
        if seed % 4 == 1:
            rules.insert(0, rules.pop())
    return rules


def test_ten_thousand_rule_sets_are_answered_alike_where_httproutes_are_taken() -> None:
    taken = refused = 0
    for seed in range(10_000):
        rules, dice = a_set(seed), random.Random(seed)
        if conflicts(rules):
            refused += 1
            continue
        routes = objects(rules)
        assert routes is not None
        dice.shuffle(routes)
        assert http_routes(rules, routes) == virtual_service(rules), f"seed {seed}"
        taken += 1
    assert taken > 3000 and refused > 3000, "the sets try one side only"


def test_two_rules_are_refused_only_where_a_request_would_be_answered_otherwise() -> None:
    refused = 0
    for seed in range(4_000):
        dice = random.Random(seed)
        rules = [Rule((a_match(dice),), action) for action in "AB"]
        differs = http_routes(rules, [[0, 1]]) != virtual_service(rules)
        assert bool(conflicts(rules)) == differs, f"seed {seed}"
        refused += differs
    assert refused > 200


def test_matches_overlap_exactly_where_a_request_meets_both() -> None:
    for seed in range(10_000):
        dice = random.Random(seed)
        one, other = a_match(dice), a_match(dice)
        assert overlap(one, other) == overlap(other, one) == bool(asked(one) & asked(other)), f"seed {seed}"


def test_what_a_match_covers_meets_it_too() -> None:
    covered = 0
    for seed in range(10_000):
        dice = random.Random(seed)
        one, other = a_match(dice, regexes=True), a_match(dice, regexes=True)
        if covers(one, other):
            assert asked(one) | asked(other) == asked(one), f"seed {seed}"
            covered += 1
        elif "regex" not in (one.path.kind, other.path.kind) and asked(other):
            values = [value for match in (one, other) for _name, value in (*match.headers, *match.query)]
            assert any(value.regex for value in values) or asked(one) | asked(other) != asked(one), f"seed {seed}"
    assert covered > 500


@pytest.mark.parametrize("count", [17, 40, 200])
def test_many_rules_are_divided_so_that_no_age_decides(count: int) -> None:
    for seed in range(20):
        dice = random.Random(seed)
        rules = [Rule((Match(Path("prefix", f"/t{place % 30}/{dice.choice('ab')}{place}")),), f"{place}") for place in range(count - 2)]
        # Two of equal rank for one request, far from each other in the list.
        rules[3:3] = [Rule((Match(Path(), headers=(("x-canary", Value("true")),)),), "first")]
        rules.append(Rule((Match(Path(), headers=(("x-user", Value("ann")),)),), "second"))
        routes = objects(rules)
        assert routes and sorted(itertools.chain(*routes)) == list(range(count)) and max(map(len, routes)) <= 16
        assert any({3, count - 1} <= set(route) for route in routes)
        oldest_last = routes[::-1]
        assert http_routes(rules, routes) == http_routes(rules, oldest_last)


def test_more_equals_than_an_object_holds_have_no_division() -> None:
    rules = [Rule((Match(headers=((f"x-{place}", Value("1")),)),), place) for place in range(17)]
    assert conflicts(rules) == [] and objects(rules) is None
    assert objects(rules[:16]) == [list(range(16))]


API = Path("prefix", "/api")


@pytest.mark.parametrize(
    ("later", "why"),
    [
        (Match(Path("exact", "/api/v1")), "its path is exact"),
        (Match(Path("prefix", "/api/v1")), "its path is longer"),
        (Match(API, "GET"), "it names a method"),
        (Match(API, headers=(("x-canary", Value("true")),)), "it names more headers"),
        (Match(API, query=(("v", Value("1")),)), "it names more query parameters"),
        (Match(Path("regex", "/api/[0-9]+")), "the order among regular expressions of paths is left to the implementation"),
    ],
)
def test_the_reason_is_told(later: Match, why: str) -> None:
    rules = [Rule((Match(API),), "one"), Rule((later,), "other")]
    assert conflicts(rules) == [Conflict(0, 1, why)]
    assert conflicts([Rule((Match(API),), "one"), Rule((later,), "one")]) == []  # what does the same needs no order
    assert conflicts(rules[::-1]) == ([Conflict(0, 1, why)] if "regular" in why else [])
