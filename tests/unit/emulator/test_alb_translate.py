# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The emulator's ELBv2 state as Envoy configuration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from meshgate_aws.alb import clusters, tls
from meshgate_aws.alb.conditions import route_match, wildcard
from meshgate_aws.alb.layout import Layout
from meshgate_aws.alb.state import parse
from meshgate_aws.alb.translate import Configuration, translate

LAYOUT = Layout(Path("/run/alb"), "127.0.0.1", 10000)
ARN = "arn:aws:elasticloadbalancing:us-west-2:123456789012"
GROUP = f"{ARN}:targetgroup/web/0123456789abcdef"


def rule(priority: str, action: dict[str, Any], *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"arn": f"rule-{priority}", "priority": priority, "conditions": list(conditions), "actions": [action]}


def forward(arn: str = GROUP) -> dict[str, Any]:
    return {"Type": "forward", "TargetGroupArn": arn}


def balancer(name: str = "one", *rules: dict[str, Any], port: int = 80, protocol: str = "HTTP", **more: Any) -> dict[str, Any]:
    listener = {"arn": f"{name}-{port}", "port": port, "protocol": protocol, "rules": list(rules) or [rule("default", forward())]}
    return {
        "arn": f"{ARN}:loadbalancer/app/{name}/50dc6c495c0c9188",
        "name": name,
        "dns_name": f"{name}.us-west-2.elb.amazonaws.com",
        "type": "application",
        "created_at": f"2026-01-01T00:00:00Z-{name}",
        "listeners": [{**listener, **more.pop("listener", {})}],
        **more,
    }


def group(*targets: dict[str, Any], arn: str = GROUP, **more: Any) -> dict[str, Any]:
    check = {"protocol": "HTTP", "path": "/ready", "port": "15021", "interval_seconds": 15, "timeout_seconds": 5, "matcher": "200,202-204"}
    return {"arn": arn, "protocol": "HTTP", "health_check": check, "targets": list(targets), **more}


def target(address: str = "10.244.0.7", **more: Any) -> dict[str, Any]:
    return {"id": address, "port": 8080, "state": "registered", "reachable": True, **more}


def configure(balancers: list[dict[str, Any]], *groups: dict[str, Any]) -> Configuration:
    return translate(parse({"revision": "1", "load_balancers": balancers, "target_groups": list(groups)}), LAYOUT)


def routes(configuration: Configuration, name: str = "http-80") -> list[dict[str, Any]]:
    return configuration.files[LAYOUT.routes(name)][0]["virtual_hosts"]


def test_nothing_listens_without_a_listener() -> None:
    configuration = configure([])
    assert configuration.files == {LAYOUT.clusters: [], LAYOUT.listeners: []}


def test_a_load_balancer_that_is_being_provisioned_checks_its_targets_and_serves_nobody() -> None:
    configuration = configure([balancer(state="provisioning")], group(target()))
    assert configuration.files[LAYOUT.listeners] == [] and [found.arn for found in configuration.groups] == [GROUP]
    assert configure([balancer(state="active")], group(target())).files[LAYOUT.listeners]


def test_what_is_referred_to_is_written_first() -> None:
    files = list(configure([balancer()], group(target())).files)
    assert files == [LAYOUT.endpoints(GROUP), LAYOUT.clusters, LAYOUT.routes("http-80"), LAYOUT.listeners]


def test_rules_go_by_number_and_the_default_comes_last() -> None:
    rules = [rule("default", forward()), rule("100", forward()), rule("9", forward())]
    found = routes(configure([balancer("one", *rules)], group()))[0]["routes"]
    assert [route["metadata"]["filter_metadata"]["meshgate.alb"]["priority"] for route in found] == ["9", "100", "0"]


def test_one_load_balancer_on_a_port_takes_every_host() -> None:
    assert [host["domains"] for host in routes(configure([balancer()], group()))] == [["*"]]


def test_several_load_balancers_on_a_port_are_told_apart_by_name() -> None:
    hosts = routes(configure([balancer("two"), balancer("one")], group()))
    assert [host["domains"] for host in hosts] == [["one.us-west-2.elb.amazonaws.com"], ["two.us-west-2.elb.amazonaws.com"], ["*"]]
    assert hosts[-1]["routes"][0]["direct_response"]["status"] == 404


def test_what_dns_leads_to_one_of_several_is_its_name_too_and_the_oldest_keeps_what_two_have() -> None:
    named = [balancer("two", names=["www.example.com", "*.two.example.com"]), balancer("one", names=["www.example.com"])]
    hosts = routes(configure(named, group()))
    assert [host["domains"] for host in hosts[:2]] == [
        ["one.us-west-2.elb.amazonaws.com", "www.example.com"],
        ["two.us-west-2.elb.amazonaws.com", "*.two.example.com"],
    ]
    assert [host["domains"] for host in routes(configure(named[:1], group()))] == [["*"]]


def test_an_action_that_is_not_emulated_never_forwards() -> None:
    redirect = {"Type": "redirect", "Order": 2, "RedirectConfig": {"StatusCode": "HTTP_301"}}
    for login, then in (("authenticate-cognito", {**forward(), "Order": 2}), ("authenticate-oidc", redirect)):
        rules = [{**rule("default", forward()), "actions": [{"Type": login, "Order": 1}, then]}]
        route = routes(configure([balancer("one", *rules)], group()))[0]["routes"][0]
        assert "route" not in route
        assert route["direct_response"]["status"] == 501


def test_an_unknown_condition_leaves_its_rule_out_and_is_named() -> None:
    configuration = configure([balancer("one", rule("1", forward(), {"Field": "phase-of-moon"}), rule("default", forward()))], group())
    assert len(routes(configuration)[0]["routes"]) == 1
    assert "phase-of-moon" in configuration.problems[0]


def test_weights() -> None:
    other, none = f"{GROUP}-b", f"{GROUP}-c"
    weights = [{"TargetGroupArn": GROUP, "Weight": 9}, {"TargetGroupArn": other, "Weight": 1}, {"TargetGroupArn": none, "Weight": 0}]
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}
    configuration = configure([balancer("one", rule("default", action))], group(), group(arn=other), group(arn=none))
    route = routes(configuration)[0]["routes"][0]["route"]
    assert route["weighted_clusters"]["clusters"] == [{"name": GROUP, "weight": 9}, {"name": other, "weight": 1}]


def test_only_reachable_registered_targets_are_endpoints() -> None:
    targets = [target("10.0.0.1"), target("10.0.0.2", state="draining"), target("10.0.0.3", reachable=False), target("i-0123456789")]
    assignment = configure([balancer()], group(*targets)).files[LAYOUT.endpoints(GROUP)][0]
    (endpoint,) = assignment["endpoints"][0]["lb_endpoints"]
    assert endpoint["endpoint"]["address"]["socket_address"] == {"address": "10.0.0.1", "port_value": 8080}
    assert endpoint["endpoint"]["health_check_config"] == {"hostname": "10.0.0.1:15021", "port_value": 15021}


@pytest.mark.parametrize(
    ("targets", "blocked"),
    [
        ([], False),
        ([target(reachable=False)], True),
        ([target(reachable=False), target("10.0.0.2")], False),
        ([target(reachable=False, state="draining")], False),
    ],
)
def test_a_group_is_blocked_when_security_groups_leave_no_target(targets: list[dict[str, Any]], blocked: bool) -> None:
    (cluster,) = configure([balancer()], group(*targets)).files[LAYOUT.clusters]
    assert cluster["metadata"]["filter_metadata"]["meshgate.alb"]["blocked"] is blocked


def test_health_check_is_the_target_groups_own() -> None:
    (cluster,) = configure([balancer()], group(target())).files[LAYOUT.clusters]
    (check,) = cluster["health_checks"]
    assert (check["interval"], check["no_traffic_interval"], check["timeout"]) == ("15s", "15s", "5s")
    assert check["http_health_check"]["path"] == "/ready"
    assert check["http_health_check"]["expected_statuses"] == [{"start": 200, "end": 201}, {"start": 202, "end": 205}]


def test_a_group_that_no_listener_uses_is_not_checked() -> None:
    configuration = configure([balancer()], group(), group(target(), arn=f"{GROUP}-unused"))
    assert [found.arn for found in configuration.groups] == [GROUP]


def test_http2_and_https_targets() -> None:
    (cluster,) = configure([balancer()], group(protocol="HTTPS", protocol_version="HTTP2")).files[LAYOUT.clusters]
    options = cluster["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]
    assert "http2_protocol_options" in options["explicit_http_config"]
    assert cluster["transport_socket"]["name"] == "tls"


def test_tcp_listener_of_a_network_load_balancer_and_who_keeps_a_port() -> None:
    network = balancer("zz", port=80, protocol="TCP", type="network")
    configuration = configure([balancer(), network], group())
    assert "zz-80" in configuration.problems[0]
    configuration = configure([balancer("zz", port=9000, protocol="TCP", type="network")], group(protocol="TCP"))
    (listener,) = configuration.files[LAYOUT.listeners]
    assert listener["address"]["socket_address"]["port_value"] == 19000
    assert listener["filter_chains"][0]["filters"][0]["name"] == "tcp"


def test_a_bad_certificate_is_left_out_and_named() -> None:
    certificate = {"arn": "arn:cert", "certificate": "rubbish", "private_key": "rubbish", "domains": ["a.example"], "is_default": True}
    configuration = configure([balancer(port=443, protocol="HTTPS", listener={"certificates": [certificate]})], group())
    assert configuration.files[LAYOUT.listeners] == []
    assert "arn:cert" in configuration.problems[0]


@pytest.mark.parametrize(
    ("policy", "lowest", "highest"),
    [
        ("ELBSecurityPolicy-2016-08", "TLSv1_0", "TLSv1_2"),
        ("ELBSecurityPolicy-FS-2018-06", "TLSv1_0", "TLSv1_2"),
        ("ELBSecurityPolicy-TLS-1-1-2017-01", "TLSv1_1", "TLSv1_2"),
        ("ELBSecurityPolicy-FS-1-2-Res-2020-10", "TLSv1_2", "TLSv1_2"),
        ("ELBSecurityPolicy-TLS13-1-2-2021-06", "TLSv1_2", "TLSv1_3"),
        ("ELBSecurityPolicy-TLS13-1-3-2021-06", "TLSv1_3", "TLSv1_3"),
        ("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", "TLSv1_2", "TLSv1_3"),
        ("", "TLSv1_0", "TLSv1_2"),
    ],
)
def test_tls_versions_of_a_security_policy(policy: str, lowest: str, highest: str) -> None:
    assert tls.versions(policy) == (lowest, highest)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("/img/*", "/img/a/b", True),
        ("/img/*", "/img", False),
        ("/a?c", "/abc", True),
        ("/a?c", "/ac", False),
        ("/a.c", "/abc", False),
        ("/a+(b)", "/a+(b)", True),
    ],
)
def test_wildcards(pattern: str, text: str, matches: bool) -> None:
    assert bool(re.fullmatch(wildcard(pattern), text)) is matches


@pytest.mark.parametrize(
    ("values", "path", "matches"),
    [
        ([{"Key": "version", "Value": "v1"}], "/?version=v1", True),
        ([{"Key": "version", "Value": "v1"}], "/?a=b&VERSION=V1&c=d", True),
        ([{"Key": "version", "Value": "v1"}], "/?version=v10", False),
        ([{"Key": "version", "Value": "v1"}], "/version=v1", False),
        ([{"Value": "*example*"}], "/?q=an-example-here", True),
        ([{"Value": "*example*"}], "/?q=a&b=none", False),
        ([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}], "/?b=2", True),
    ],
)
def test_query_string_condition(values: list[dict[str, str]], path: str, matches: bool) -> None:
    (header,) = route_match(({"Field": "query-string", "QueryStringConfig": {"Values": values}},))["headers"]
    assert bool(re.fullmatch(header["string_match"]["safe_regex"]["regex"], path)) is matches


@pytest.mark.parametrize(
    ("value", "host", "matches"),
    [
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("Shop.example.com", "shop.EXAMPLE.com:8080", True),
    ],
)
def test_host_header_condition(value: str, host: str, matches: bool) -> None:
    (header,) = route_match(({"Field": "host-header", "Values": [value]},))["headers"]
    assert bool(re.fullmatch(header["string_match"]["safe_regex"]["regex"], host)) is matches


def test_status_ranges() -> None:
    assert clusters.status_ranges("200-299") == [{"start": 200, "end": 300}]
