# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whatever stands where a word was expected, it is refused by a sentence or taken; nothing ends in a traceback, and what is taken can be made."""

from __future__ import annotations

import copy
import datetime
import random
from collections.abc import Iterator
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.checks import problems
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.manifests import manifests

JUNK = [None, True, False, 0, -1, 80800, 1.5, "", "x", "5s", "/a", [], ["x"], [None], {}, {"x": 1}, [{}], [{"app": "product"}], datetime.date(2026, 12, 31)]
WANTED: dict[str, Any] = {
    "namespaces": [],
    "gateway": {"name": "edge", "namespace": "ingress", "service": "gateway", "selector": {"istio": "gateway"}},
    "teams": [{"name": "till", "hosts": ["till.example.com"], "namespaces": ["till"]}],
    "apps": [
        {
            "name": "product",
            "namespace": "shop",
            "ports": [{"port": 80, "container_port": 8080, "name": "http", "protocol": "http"}],
            "versions": [{"name": "v1", "image": "product:1", "replicas": 2}, {"name": "v2", "image": "product:2", "env": {"A": "1"}}],
            "callers": [{"gateway": True}],
            "env": {"A": "b"},
            "env_from": [{"secret": "keys"}],
            "config": {"directory": "/etc/product", "files": {"a": "b"}},
            "volumes": [{"name": "tmp", "mount_path": "/tmp"}],
            "load_balancing": {"by": "random"},
            "connection_pool": {"max_connections": 5},
            "outlier_detection": {"interval": "5s"},
            "health": {"path": "/health"},
            "labels": {"a": "b"},
            "autoscaling": {"max_replicas": 5},
        }
    ],
    "routes": [
        {
            "name": "products",
            "namespace": "shop",
            "hosts": ["shop.example.com"],
            "rules": [
                {
                    "match": [{"path_prefix": "/a", "method": "GET", "headers": {"x": {"regex": "a"}}, "query": {"v": "1"}}, {"path": "/b"}],
                    "to": [{"app": "product", "version": "v1", "weight": 90}, {"service": "x", "port": 80, "weight": 10}],
                    "mirrors": [{"app": "product", "version": "v2", "percent": 5}],
                    "timeout": "5s",
                    "retries": {"attempts": 1, "per_try_timeout": "1s", "retry_on": [503]},
                    "request_headers": {"set": {"x": "y"}, "remove": ["z"]},
                    "cors": {"origins": ["*"], "methods": ["GET"], "max_age": "5s"},
                    "faults": {"abort": {"percent": 5, "code": 503}, "until": "2026-12-31"},
                },
                {"match": {"path_prefix": "/c"}, "redirect": {"path_prefix": "/d", "code": 301, "port": 8080}},
                {"match": {"path_prefix": "/e"}, "rewrite": {"path_prefix": "/f"}, "to": [{"external": "api.example.com", "port": 443, "tls": True}]},
            ],
            "expect": [{"get": "/b", "host": "shop.example.com", "headers": {"x": "a"}, "answer": 200, "from": ["v1", "x"]}],
        },
        {"name": "inside", "namespace": "shop", "inside": True, "hosts": ["product"], "rules": [{"to": [{"app": "product", "version": "v1"}]}]},
    ],
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in pairs:
        yield (*path, key)
        yield from places(below, (*path, key))


PLACES = [path for path in places(WANTED) if path[0] in ("apps", "routes", "teams") and len(path) > 1]


def spoiled(path: tuple[Any, ...], value: Any, wanted: dict[str, Any]) -> None:
    at: Any = wanted
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value


def told(wanted: dict[str, Any]) -> bool:
    found = [problems(wanted, api) for api in ("istio", "auto", "gateway_api")]
    assert all(isinstance(one, str) and "accepted: " in one for api in found for one in api)
    if not found[1]:
        manifests(wanted, "auto")
    return bool(found[0])


def test_what_is_right_is_taken() -> None:
    assert problems(WANTED, "auto") == [] and manifests(WANTED, "auto")


def test_junk_in_each_place_is_told_or_taken() -> None:
    refused = 0
    for seed, path in enumerate(PLACES):
        for value in random.Random(seed).sample(JUNK, 7):
            wanted = copy.deepcopy(WANTED)
            spoiled(path, copy.deepcopy(value), wanted)
            refused += told(wanted)
    assert refused > len(PLACES) * 7 / 2


def test_junk_in_several_places_is_told_or_taken() -> None:
    for seed in range(200):
        dice, wanted = random.Random(seed), copy.deepcopy(WANTED)
        for path in dice.sample(PLACES, 3):
            try:
                spoiled(path, copy.deepcopy(dice.choice(JUNK)), wanted)
            except (KeyError, IndexError, TypeError):
                continue  # an earlier one took the place away
        told(wanted)
