# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The benchmark judges what it measured, and its additional services are none of the platform's own."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import export
import more
import plot
import report
import tables


def measured(title: str) -> dict[str, Any]:
    run = {"rps": 100.0, "p50": 1.0, "p99": 2.0, "requests": 1000, "failed": 0}
    return {"title": title, "paced": dict(run), "most": dict(run)}


RECAP = """
ROLES RECAP *********************************************************************
Sunday 29 November 2026  16:20:00 +0000 (0:00:00.010)       0:01:40.500 *******
===============================================================================
istio ---------------------------------------------------------------- 5.25s
ansible.builtin.debug ------------------------------------------------- 0.50s
include_tasks ---------------------------------------------------------- 0.25s
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
total ------------------------------------------------------------------ 6.00s
TASKS RECAP *********************************************************************
Sunday 29 November 2026  16:20:00 +0000 (0:00:00.010)       0:01:40.500 *******
===============================================================================
istio : Install Istio -------------------------------------------------- 5.00s
"""


def test_times_are_read_from_what_the_callbacks_print() -> None:
    assert report.stages(RECAP) == {"istio": 5.25, "playbook": 0.5, "include_tasks": 0.25, "total": 6.0}
    assert report.slowest(RECAP) == ["5.00 s  istio : Install Istio"]


@pytest.fixture
def found() -> dict[str, Any]:
    runs = ["up", "again", "down", *(f"{what}-{name}" for what in ("more", "same", "less") for name in more.SETS)]
    path = {"request": "/", "request_alone": "/route", "pace": 100, "alone": [measured("alone")], "path": [measured("full way")]}
    return {
        "date": "2026-11-21",
        "machine": {"cores": 2, "memory_gib": 24, "kernel": "Linux 6", "architecture": "x86_64"},
        "seconds": {**{f"{maker}-{run}": 10.0 for maker in tables.MAKERS for run in runs}, "collection-check": 10.0, "collection-observed": 20.0},
        "stages": {"up": {"istio": 5.0, "total": 10.0}, "again": {}, "check": {}, "down": {}},
        "slowest_tasks": {"up": ["5.0 s  istio: Install"], "again": [], "check": [], "down": []},
        "steps": {"script-up": {"kind cluster": 5.0}, "helmfile-up": {}},
        "changed": {"collection-again": 0, "collection-check": 0},
        "data_path": path,
        "routes": {
            "apps": 100,
            "kubectl": 10.0,
            "kubectl_same": 8.0,
            "collection": 12.0,
            "collection_same": 4.0,
            "routes": 1000,
            "one": {"p50": 1.0, "p99": 10.0, "failed": 0},
            "many": {"p50": 1.0, "p99": 10.5, "failed": 0},
            "new_route": 0.4,
        },
        "observed": {
            "failed": 0,
            "memory": {"prometheus": 100.0, "kiali": 50.0},
            "without": {"paced": {"p99": 10.0}, "most": {"p99": 20.0, "rps": 500.0}},
            "with": {"paced": {"p99": 10.2}, "most": {"p99": 20.0, "rps": 490.0}},
        },
        "memory": {"rows": {"istiod": {"mib": 100.0, "containers": 1}}, "total_mib": 100.0},
    }


def test_what_is_as_it_should_be_passes(found) -> None:
    assert report.judge(found) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found["seconds"].update({"collection-up": 26.0}), "2.60 times the script's 10.0 s; the limit is 2.5 times"),
        (lambda found: found["seconds"].update({"collection-again": 51.0}), "5.10 times"),
        (lambda found: found["changed"].update({"collection-again": 3}), "collection-again changed 3 things"),
        (lambda found: found["data_path"]["path"][0]["most"].update({"failed": 2}), "full way: 2 of 1000 requests were not answered with 200"),
        (lambda found: found["routes"].update({"collection": 16.0}), "times kubectl's time: 1.60; the limit is 1.5"),
        (lambda found: found["routes"].update({"collection_same": 5.5}), "apps with routes unchanged, seconds: 5.50"),
        (lambda found: found["routes"]["many"].update({"p99": 12.0}), "times that with one: 1.20; the limit is 1.1"),
        (lambda found: found["routes"]["one"].update({"failed": 1}), "requests that failed: 1.00"),
        (lambda found: found["observed"]["with"]["paced"].update({"p99": 11.0}), "p99 at a pace, times that without: 1.10; the limit is 1.05"),
        (lambda found: found["observed"]["with"]["most"].update({"rps": 400.0}), "the time of a request at the maximum, times that without: 1.25"),
        (lambda found: found["observed"]["memory"].update({"kiali": 700.0}), "what looks at the mesh, MiB: 800.00; the limit is 700"),
        (lambda found: found["seconds"].update({"collection-observed": 61.0}), "what looks at the mesh is up, seconds: 61.00; the limit is 60"),
        (lambda found: found["routes"].update({"new_route": 1.5}), "a new route is served, seconds: 1.50"),
    ],
)
def test_what_is_not_is_said(found, change, said) -> None:
    change(found)
    assert any(said in line for line in report.judge(found)), report.judge(found)


def test_tables_and_plots_show_every_run(found, tmp_path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    report.write(tmp_path, found)
    text = document.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    for title in ("fresh `site.yml`", "+100 services without pods", "full way", "istiod", "2 cores, 24 GiB"):
        assert title in text
    assert "| 100 apps with routes | 12.0 s | 10.0 s (`kubectl apply`) | 1.20x | 1.5x |" in text and "| p99 with 1,000 routes | 10.50 ms |" in text
    assert "| p99 at a pace | 10.00 ms | 10.20 ms | 1.02x | 1.05x |" in text and "| 500/s | 490/s | 1.02x |" in text
    for name, svg in report.plots(found).items():
        assert f"(benchmarks/{name})" in text
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert (tmp_path / "benchmarks" / name).read_text(encoding="utf-8") == svg


def test_bars_are_as_long_as_their_values() -> None:
    svg = ElementTree.fromstring(plot.bars("t", "s", ["a", "b"], [("x", [10.0, 5.0]), ("y", [None, 2.5])]))
    widths = [
        float(found.get("width", "")) for found in svg.iter("{http://www.w3.org/2000/svg}rect") if found.get("x") == str(plot.LABELS) and found.get("y") != "34"
    ]
    assert len(widths) == 3
    assert [round(width / widths[0], 2) for width in widths] == [1.0, 0.5, 0.25]


def service_a() -> list[dict[str, Any]]:
    metadata = {"name": "service-a", "namespace": "rust-services", "labels": {"app": "service-a"}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rust-services"}},
        {"apiVersion": "v1", "kind": "Service", "metadata": copy.deepcopy(metadata), "spec": {"selector": {"app": "service-a"}}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": copy.deepcopy(metadata),
            "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "service-a", "image": "meshgate.local/service-a:1"}]}}},
        },
        {"apiVersion": "v1", "kind": "DestinationRule", "metadata": copy.deepcopy(metadata), "spec": {"host": "service-a.rust-services.svc.cluster.local"}},
    ]


def recorded(module: str, arguments: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    return {"module": module, "arguments": arguments, "result": result}


def test_the_script_is_told_the_names_that_a_module_chose(tmp_path) -> None:
    """Modules told no name choose one and answer with it; the script's own requests need it."""
    policy = tmp_path / "policy.json"
    policy.write_text('{"Version": "2012-10-17", "Statement": []}', encoding="utf-8")
    cluster = {"name": "sandbox", "version": "1.36", "role_arn": "arn:aws:iam::123456789012:role/x", "subnet_ids": ["subnet-1"], "tags": {}}
    lists = {key: [] for key in ("subnets", "nat_gateways", "route_tables", "roles", "launch_templates", "node_groups")}
    plan = {"vpc": {}, "internet_gateway": {}, "cluster": cluster, **lists}
    role = {
        "oidc_provider_arn": "arn:aws:iam::123456789012:oidc-provider/oidc.example.com",
        "oidc_issuer": "https://oidc.example.com",
        "namespace": "kube-system",
        "service_account": "aws-load-balancer-controller",
        "audience": "sts.amazonaws.com",
        "role_name": "",
        "policy_name": "",
        "path": "/teams/",
        "policy": str(policy),
        "partition": "aws",
        "tags": {},
        "owner": {"meshgate.io/cluster": "sandbox"},
    }
    chosen = {"role_arn": "arn:aws:iam::123456789012:role/teams/sandbox-alb", "policy_arn": "arn:aws:iam::123456789012:policy/teams/sandbox-alb-policy"}
    group = {"cluster_name": "sandbox", "group_name": "sandbox-alb", "vpc_id": "vpc-1", "ports": [80], "inbound_cidrs": None, "backend_ports": [8080]}
    record = export.Record(
        [
            recorded("eks_platform", {"state": "planned"}, {"plan": plan}),
            recorded("aws_emulator", {"region": "us-west-2", "port": 4566}, {}),
            recorded("iam_service_account_role", role, chosen),
            recorded("alb_security_group", {**group, "group_tags": {}}, {"group_ids": ["sg-1"]}),
        ]
    )
    made = export.aws_inputs(record)["service_role"]
    assert (made["name"], made["policy_name"], made["path"]) == ("sandbox-alb", "sandbox-alb-policy", "/teams/")


def test_the_script_applies_every_set_of_the_run() -> None:
    def one(name: str) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}

    sets = [recorded("k8s_apply_set", {"manifests": [one(name)], "labels": {"part-of": name}}, {}) for name in ("gateway", "services")]
    found = export.applied(export.Record(sets))
    assert [(item["metadata"]["name"], item["metadata"]["labels"]) for item in found] == [
        ("gateway", {"part-of": "gateway"}),
        ("services", {"part-of": "services"}),
    ]


def test_more_services_are_service_a_under_other_names() -> None:
    manifests = service_a()
    made = more.service(manifests, "more-007", 1)
    assert manifests == service_a()
    assert [item["metadata"]["name"] for item in made] == ["more-007"] * 3
    service, deployment, rule = made
    assert service["spec"]["selector"] == {"app": "more-007"}
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "meshgate.local/service-a:1"
    assert rule["spec"]["host"] == "more-007.rust-services.svc.cluster.local"
    # Else role rust_services would take them for its own, and prune them.
    assert all(item["metadata"]["labels"]["app.kubernetes.io/part-of"] == "more-services" for item in made)
