# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is refused of what an app says beside its name and image, mistake by mistake."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.apps import manifests
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.checks import problems
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.names import Surroundings
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.spoken import spoken

APP: dict[str, Any] = {"name": "front", "namespace": "shop", "port": 8080, "image": "front:1"}
V1 = {"name": "v1", "image": "front:1"}


@pytest.mark.parametrize(
    "said",
    [
        {"labels": {"team": "shop"}, "command": ["/serve"], "pull_secrets": ["keys"], "replicas": 0},
        {"replicas": "3", "env": {"A": 5, "B": "x", "NODE": {"field": "spec.nodeName"}}},
        {"env_from": [{"secret": "keys"}, {"config_map": "flags"}]},
        {"config": {"directory": "/etc/front", "files": {"a.toml": "a = 1"}}, "volumes": [{"name": "tmp", "mount_path": "/tmp"}]},
        {"load_balancing": {"cookie": "session", "cookie_ttl": "1h", "zone_preference": True}},
        {"outlier_detection": {"consecutive_5xx_errors": 5, "interval": "30s"}, "connection_pool": {"max_connections": 100, "connect_timeout": "1s"}},
        {"port": None, "ports": [{"port": 80, "container_port": 8080}, {"port": 9000, "name": "grpc-admin", "protocol": "grpc"}]},
        {"image": "Registry.example.com:5000/shop/front_end:1.4-rc1@sha256:" + "a" * 64, "run_as_user": "1000", "drain_seconds": 29},
        {"replicas": 10, "autoscaling": {"cpu_percent": 50}, "labels": {"app": "front", "version": "2026"}},
        {"callers": [{"gateway": True, "app": "", "namespace": None}, {"namespace": "till"}], "port": 15000 - 1},
        {"aws_role": "arn:aws:iam::123456789012:role/shop/reader"},
        {"aws_role": "reader"},
        {"image": None, "versions": [{**V1, "replicas": 3}, {"name": "v2", "image": "front:2", "env": {"A": "1"}}]},
    ],
)
def test_what_is_right_is_made(said: dict[str, Any]) -> None:
    app = {**APP, **said}
    assert problems({"apps": [app := spoken(app)]}) == [] and manifests(app, Surroundings())


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"labels": {"canary": True}}, ("labels, canary is True", "put it in quotes")),
        ({"pod_annotations": {"rev": 12}}, ("pod_annotations, rev is 12", "put it in quotes")),
        ({"node_selector": {"gpu": False}}, ("node_selector, gpu is False", "put it in quotes")),
        ({"command": "/serve"}, ("command is '/serve'", "a list")),
        ({"args": ["--port", 80]}, ("args is ['--port', 80]", "put it in quotes")),
        ({"replicas": -1}, ("replicas is -1", "from 0 on")),
        ({"replicas": "two"}, ("replicas is 'two'", "from 0 on")),
        ({"env": {"A": {"secret": "x"}}}, ("env A is {'secret': 'x'}", "{field: spec.nodeName}")),
        ({"env_from": ["keys"]}, ("env_from is 'keys'", "{secret: NAME}")),
        ({"env_from": [{"secret": "a", "config_map": "b"}]}, ("env_from is", "{secret: NAME}")),
        ({"config": {"files": {"a": "b"}}}, ("config is", "{directory: PATH")),
        ({"config": {"directory": "/etc/x", "files": {"a": 1}}}, ("config, a is 1", "put it in quotes")),
        ({"volumes": [{"name": "tmp"}]}, ("volumes is {'name': 'tmp'}", "mount_path")),
        ({"volumes": [{"name": "tmp", "path": "/tmp"}]}, ("volumes has 'path'", "mount_path")),
        ({"load_balancing": {"by": "fastest"}}, ("load_balancing, by is 'fastest'", "round_robin, least_request, random")),
        ({"load_balancing": {"by": "random", "cookie": "a"}}, ("load_balancing has by and cookie", "one of them")),
        ({"load_balancing": "random"}, ("load_balancing is 'random'", "a dictionary")),
        ({"outlier_detection": {"consecutive5xxErrors": 5}}, ("outlier_detection has 'consecutive5xxErrors'", "consecutive_5xx_errors")),
        ({"outlier_detection": {"interval": 30}}, ("outlier_detection, interval is 30", "such as 5s")),
        ({"connection_pool": {"max_connections": "many"}}, ("connection_pool, max_connections is 'many'", "a whole number")),
        ({"versions": {"v1": "front:1"}}, ("versions is {'v1': 'front:1'}", "a list")),
        ({"port": None, "ports": [{"container_port": 80}]}, ("ports is [{'container_port': 80}]", "[{port: 80")),
        ({"port": None, "ports": [{"port": 80}, {"port": 80, "name": "web"}]}, ("ports is [80, 80]", "different numbers")),
        ({"port": None, "ports": [{"port": 80, "name": "a-name-of-17-chars"}]}, ("port name is 'a-name-of-17-chars'", "at most 15")),
        ({"replicas": 11, "autoscaling": {"cpu_percent": 50}}, ("replicas is 11", "max_replicas (10)")),
        ({"versions": [{**V1, "replicas": 0}], "autoscaling": {"max_replicas": "3"}}, ("version v1: replicas is 0", "max_replicas (3)")),
        ({"health": {"path": "health"}}, ("health, path is 'health'", "begins with a slash")),
        ({"health": {"readiness_path": 8080}}, ("health, readiness_path is 8080", "begins with a slash")),
        ({"health": {"liveness_path": "/live"}}, ("health has 'liveness_path'", "readiness_path")),
        ({"health": {"startup_seconds": "soon"}}, ("health, startup_seconds is 'soon'", "from 1 on")),
        ({"versions": [{**V1, "health": {"path": "ready"}}]}, ("version v1: health, path is 'ready'", "begins with a slash")),
        ({"callers": [{"gateway": "perhaps"}]}, ("callers is {'gateway': 'perhaps'}", "{gateway: true}")),
        ({"aws_role": "shop/reader"}, ("aws_role is 'shop/reader'", "or an ARN")),
        ({"aws_role": 12}, ("aws_role is 12", "or an ARN")),
        ({"drain_seconds": "long"}, ("drain_seconds is 'long'", "a number of seconds")),
        ({"labels": {"version": "v1"}, "versions": [V1]}, ("labels, version is 'v1'", "what its pods are found by")),
        ({"image": "https://registry.example.com/front:1"}, ("image is 'https://", "such as registry.example.com")),
        ({"outlier_detection": {"min_health_percent": 101}}, ("min_health_percent is 101", "at most 100")),
        ({"versions": [{**V1, "replicas": -1}]}, ("version v1: replicas is -1", "from 0 on")),
    ],
)
def test_a_mistake_is_refused_by_its_word(said: dict[str, Any], words: tuple[str, str]) -> None:
    (found,) = problems(spoken({"apps": [{**APP, **said}]}))
    assert found.startswith("app front") and all(word in found for word in words), found


def test_an_app_may_not_be_called_like_a_version_of_another() -> None:
    (found,) = problems({"apps": [{**APP, "versions": [V1]}, {**APP, "name": "front-v1"}]})
    assert "app front-v1 of shop has the name of version v1 of front" in found
