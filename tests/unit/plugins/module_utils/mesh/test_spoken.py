# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Numbers and booleans that `-e key=value` and templates make into text mean what they say; what must be text is not guessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.checks import problems
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.manifests import manifests
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.spoken import spoken

ROLES = Path(__file__).resolve().parents[5] / "roles"
WANTED = """
namespaces: []
gateway: {name: edge, namespace: edge, service: edge, selector: {istio: edge}, idle_timeout: 60, exists: false}
production: false
apps:
  - name: front
    namespace: shop
    ports: [{port: 80, container_port: 8080}]
    versions: [{name: "1", image: "front:1", replicas: 3}, {name: v2, image: "front:2", autoscaling: {max_replicas: 5, cpu_percent: 60}}]
    callers: [{gateway: true}]
    health: {startup_seconds: 90}
    connection_pool: {max_connections: 5, http1_max_pending_requests: 6, http2_max_requests: 7, max_requests_per_connection: 8, max_retries: 9}
    outlier_detection: {consecutive_5xx_errors: 1, consecutive_gateway_errors: 2, max_ejection_percent: 10, min_health_percent: 20}
    load_balancing: {zone_preference: true}
    volumes: [{name: tmp, mount_path: /tmp, read_only: false}]
    run_as_user: 1000
    drain_seconds: 4
    termination_seconds: 40
    env: {PORT: "8080", WEIGHT: "10"}
    labels: {weight: "10"}
routes:
  - name: front
    namespace: shop
    inside: false
    hosts: [front.example.com]
    rules:
      - match: {path: /a, headers: {weight: "10"}}
        to: [{app: front, version: "1", weight: 90}, {app: front, version: v2, port: 80, weight: 10}]
        retries: {attempts: 2}
        faults: {abort: {percent: 0.5, code: 503}}
      - match: {path: /b}
        to: [{external: api.example.com, port: 443, tls: true}]
        cors: {origins: ["https://www.example.com"], credentials: true}
      - match: {path: /c}
        redirect: {port: 8443, code: 301}
      - to: [{app: front, version: v2}]
        mirrors: [{app: front, version: "1", percent: 12.5}]
    expect: [{get: /c, answer: 301}]
"""


def as_text(value: Any) -> Any:
    """As it is after a template, or from `-e key=value`."""
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items()}
    return [as_text(item) for item in value] if isinstance(value, list) else str(value)


@pytest.mark.parametrize("routing_api", ["istio", "auto"])
def test_numbers_and_booleans_that_became_text_make_the_same_objects(routing_api: str) -> None:
    wanted = yaml.safe_load(WANTED)
    said = spoken(as_text(wanted))
    assert problems(said, routing_api) == []
    assert manifests(said, routing_api) == manifests(wanted, routing_api)


def numbers_and_booleans(options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, option in options.items():
        if option["type"] in ("int", "float", "bool"):
            yield name, option["type"]
        yield from numbers_and_booleans(option.get("options") or {})


@pytest.mark.parametrize(("role", "variable"), [("mesh_apps", "mesh_apps"), ("mesh_routes", "mesh_routes")])
def test_each_number_and_boolean_of_the_specifications_may_be_text(role: str, variable: str) -> None:
    options = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    meant = {"int": ("7", 7), "float": ("7.5", 7.5), "bool": ("no", False)}
    found = list(numbers_and_booleans(options[variable]["options"]))
    assert len(found) > 3
    for word, kind in found:
        text, value = meant[kind]
        assert spoken({word: text}) == {word: value}, word


@pytest.mark.parametrize(
    ("app", "rule", "words"),
    [
        ({"replicas": "three"}, {}, "replicas is 'three'"),
        ({"callers": [{"gateway": "perhaps"}]}, {}, "callers is {'gateway': 'perhaps'}"),
        ({}, {"retries": {"attempts": "2.5"}}, "attempts is '2.5'"),
        ({}, {"to": [{"app": "front", "weight": "half"}]}, "weights is ['half']"),
        ({"image": 1.5}, {}, "image is 1.5"),
        ({}, {"match": {"headers": {"x-canary": True}}}, "x-canary"),
        ({"versions": [{"name": 2, "image": "front:2"}]}, {"to": [{"app": "front"}]}, "version is 2"),
    ],
)
def test_what_cannot_be_meant_is_refused(app: dict[str, Any], rule: dict[str, Any], words: str) -> None:
    apps = [{"name": "front", "namespace": "shop", "port": "80", "image": "front:1", **app}]
    routes = [{"name": "front", "namespace": "shop", "hosts": ["a.example.com"], "rules": [{"to": [{"app": "front"}], **rule}]}]
    assert words in "; ".join(problems(spoken({"apps": apps, "routes": routes, "gateway": {}})))
