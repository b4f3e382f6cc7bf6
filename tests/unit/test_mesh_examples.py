# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the documents and the demonstrations' inventories say of apps and routes is accepted as it stands there."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.plugins.filter.core import combine
from jinja2 import meta
from jinja2.nativetypes import NativeEnvironment

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.checks import problems

REPO = Path(__file__).resolve().parents[2]
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"```yaml\n(.*?)```", (REPO / "docs/routes.md").read_text(encoding="utf-8"), re.DOTALL)]
EXAMPLES = [yaml.safe_load(block) for block in BLOCKS]
# The first example is whole; the others say what is new in it.
APP, ROUTE = EXAMPLES[0]["mesh_apps"][0], EXAMPLES[0]["mesh_routes"][0]
VERSIONS = {"versions": EXAMPLES[1]["mesh_apps"][0]["versions"]}
# What the gateway's Ingress says where an example has a host name.
HTTPS = {"group": "sandbox", "https_port": 443, "certificate_arns": ["arn:aws:acm:us-west-2:123456789012:certificate/1"]}
# The rules before the example of what is expected, of some paths only: it expects another not to be found.
EXPECTED_OF = [
    {"match": {"path_prefix": "/api", "headers": {"x-canary": "true"}}, "to": [{"app": "product", "version": "v2"}]},
    {
        "match": {"path_prefix": "/api"},
        "to": [{"app": "product", "version": "v1", "weight": 90}, {"app": "product", "version": "v2", "weight": 10}],
    },
]


def whole(block: str) -> dict[str, Any]:
    """An example with what it leaves out, since it was said before."""
    said = yaml.safe_load(block)
    app = {**APP, **(VERSIONS if re.search(r"\bversion:|\bv1\b", block) else {})}
    routes = said.get("mesh_routes") or [{key: said[key] for key in ("rules", "expect") if key in said}]
    if "expect" in said:
        routes = [{"rules": EXPECTED_OF, **said}]
    if not any(routes):
        routes = [{"rules": [{"to": [{"app": "product"}]}]}]
    base = {key: value for key, value in ROUTE.items() if key != "expect"}
    return {
        "apps": [{**app, **one} for one in said.get("mesh_apps") or [{}]],
        "routes": [{**base, **route} for route in routes],
        "teams": said.get("mesh_teams") or [],
        "production": "faults" in block,
        "today": "2026-11-30",
        "gateway": {"load_balancer": HTTPS if said.get("istio_ingress_host_name") else {}},
    }


@pytest.mark.parametrize("api", ["auto", "istio"])
@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_an_example_of_the_documents_is_accepted(block: str, api: str) -> None:
    assert problems(whole(block), api) == []


def test_the_documents_have_examples() -> None:
    words = {word for block in BLOCKS for word in re.findall(r"[a-z_]+(?=:)", block)}
    assert len(BLOCKS) > 10 and {"mirrors", "expect", "faults", "redirect", "cors", "inside", "mesh_teams"} <= words


def inventory(name: str, **said: Any) -> dict[str, Any]:
    """The demonstration's own variables."""
    path = REPO / "inventories" / name / "group_vars" / "all" / f"{name}.yml"
    images = {"images": {"demo": {"name": "meshgate.local/demo:1"}}}
    return {**yaml.safe_load(path.read_text(encoding="utf-8")), "toolchain_facts": images, **said}


def rendered(value: Any, variables: dict[str, Any], environment: NativeEnvironment) -> Any:
    """As Ansible does: a variable is rendered when it is used."""
    if isinstance(value, dict):
        return {key: rendered(item, variables, environment) for key, item in value.items()}
    if isinstance(value, list):
        return [rendered(item, variables, environment) for item in value]
    if not isinstance(value, str) or "{{" not in value:
        return value
    names = meta.find_undeclared_variables(environment.parse(value)) & set(variables)
    result = environment.from_string(value).render({name: rendered(variables[name], variables, environment) for name in names})
    return list(result) if isinstance(result, Iterator) else result


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *[("gophers", {"gophers_stage": stage}) for stage in ("v1", "dark_launch", "half", "cut_over")],
        *[("mesh_lab", {"lab_canary_percent": percent}) for percent in (0, 10, 100)],
    ],
)
@pytest.mark.parametrize("api", ["auto", "istio"])
def test_a_demonstration_is_accepted(name: str, said: dict[str, Any], api: str) -> None:
    environment = NativeEnvironment()
    environment.filters["combine"] = combine
    variables = inventory(name, **said)
    apps, routes = (rendered(variables[word], variables, environment) for word in ("mesh_apps", "mesh_routes"))
    assert len(routes) == 2 and problems({"apps": apps, "routes": routes, "today": "2026-11-30"}, api) == []
