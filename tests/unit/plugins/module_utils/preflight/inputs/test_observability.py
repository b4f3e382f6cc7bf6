# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What role observability refuses, and the images that role toolchain must be asked for."""

from __future__ import annotations

from typing import Any

import pytest
from right import NO_CLUSTER, problems

P = "observability_prometheus"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"namespace": "Istio"}, "observability_namespace is 'Istio'; accepted: the name of a namespace"),
        ({"timeout": 0}, "observability_timeout is 0; accepted: a number of seconds, at least 1"),
        ({"kubectl": "/no/such/kubectl"}, "observability_kubectl is /no/such/kubectl; accepted: a program that exists"),
        (
            {"prometheus_image": ""},
            f"{P}_image is ''; accepted: an image, such as the one that role toolchain provides for observability_components",
        ),
        ({"prometheus_image": "prom prometheus"}, f"{P}_image is 'prom prometheus'; accepted: an image"),
        (
            {"prometheus_image": "meshgate.local/prometheus:v3", "platform_billed": True},
            f"{P}_image is 'meshgate.local/prometheus:v3'; accepted: an image of a registry that nodes on AWS can reach",
        ),
        ({"prometheus_scrape_interval": 0}, f"{P}_scrape_interval is 0; accepted: 1 to 300 seconds"),
        ({"prometheus_retention": "two days"}, f"{P}_retention is 'two days'; accepted: a duration as Prometheus writes it, such as 36h or 15d"),
        ({"prometheus_retention": ""}, f"{P}_retention is ''; accepted: a duration"),
        ({"prometheus_storage": "20 GB"}, f"{P}_storage is '20 GB'; accepted: empty, or a size of at least 1Gi, such as 20Gi"),
        ({"prometheus_storage": "500Mi"}, f"{P}_storage is '500Mi'; accepted: empty, or a size of at least 1Gi"),
        ({"prometheus_remote_write_url": "workspace"}, f"{P}_remote_write_url is 'workspace'; accepted: an http or https URL, or empty"),
        (
            {"prometheus_remote_write_url": "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"},
            f"{P}_remote_write_url, {P}_aws_role are https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write, ",
        ),
        ({"prometheus_aws_role": "a role"}, f"{P}_aws_role is 'a role'; accepted: the name or the ARN of an IAM role, or empty"),
        ({"prometheus_storage_class": "gp3"}, f"{P}_storage_class is 'gp3'; accepted: empty where {P}_storage is empty"),
        ({"prometheus_reader_namespaces": ["Argo"]}, f"{P}_reader_namespaces is ['Argo']; accepted: names of namespaces"),
        (
            {"prometheus_retention": "30d"},
            f"{P}_retention is '30d'; accepted: at most 19d, for which 2Gi have room, or {P}_storage of at least 4Gi",
        ),
        (
            {"prometheus_retention": "1y", "prometheus_storage": "20Gi"},
            f"{P}_retention is '1y'; accepted: at most 198d, for which 20Gi have room, or {P}_storage of at least 37Gi",
        ),
    ],
)
def test_refused(given: dict[str, Any], said: str) -> None:
    (found,) = problems("observability", **given)
    assert found.startswith(said)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"prometheus_retention": "19d"},
        {"prometheus_retention": "1y", "prometheus_storage": "37Gi", "prometheus_storage_class": "gp3"},
        {"prometheus_retention": "1d12h", "prometheus_scrape_interval": 5},
        {"components": [], "prometheus_image": "", "prometheus_retention": "for ever"},
        {"prometheus_image": "", **NO_CLUSTER},
    ],
)
def test_accepted(given: dict[str, Any]) -> None:
    assert problems("observability", **given) == []


ALERTS = {"components": ["prometheus", "alertmanager"], "alertmanager_image": "docker.io/prom/alertmanager:v0.31.1", "alert_repeat_interval": "4h"}
RECEIVERS = "observability_alert_receivers"
MAIL = {"to": "team@example.com", "from": "mesh@example.com", "smarthost": "mail.example.com:587"}
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alerts"
WEBHOOK = {"name": "on-call", "webhook": {"url": "https://example.com/alerts"}}


@pytest.mark.parametrize("component", ["alertmanager", "kiali", "dashboards"])
def test_what_shows_metrics_needs_them(component: str) -> None:
    receivers = [WEBHOOK] if component == "alertmanager" else []
    found = problems("observability", **ALERTS | {"components": [component], "alert_receivers": receivers}, kiali_image="a:1", dashboards_image="m/perses:v0.1")
    assert found == [f"observability_components is ['{component}']; accepted: a list with prometheus, whose metrics {component} show"]


def test_receivers_whom_nobody_tells_are_refused() -> None:
    accepted = f"a list with alertmanager, which tells the {RECEIVERS}; without it no alert arrives"
    assert problems("observability", components=["prometheus"], alert_receivers=[WEBHOOK]) == [
        f"observability_components is ['prometheus']; accepted: {accepted}"
    ]
    assert problems("observability", components=[], alert_receivers=[WEBHOOK]) == []


@pytest.mark.parametrize(
    ("receivers", "said"),
    [
        ([], f"{RECEIVERS} is []; accepted: at least one receiver, whom Alertmanager tells"),
        ([WEBHOOK, WEBHOOK], f"{RECEIVERS} is "),
        ([{"name": "nobody"}], f"{RECEIVERS}: receiver nobody: it has no way to be told; accepted: webhook, email or sns"),
        ([{"name": "a", "webhook": {"url": "ftp://user:secret@example.com"}}], f"{RECEIVERS}: receiver a: webhook.url is no http or https URL"),
        ([{"name": "a", "webhook": {"url": "https://b", "url_secret": {"name": "c", "key": "d"}}}], f"{RECEIVERS}: receiver a: webhook has url and url_secret"),
        ([{"name": "a", "email": {**MAIL, "to": "team"}}], f"{RECEIVERS}: receiver a: email.to is 'team'; accepted: an e-mail address"),
        ([{"name": "a", "email": {**MAIL, "smarthost": "mail"}}], f"{RECEIVERS}: receiver a: email.smarthost is 'mail'; accepted: host:port"),
        ([{"name": "a", "email": {**MAIL, "username": "me"}}], f"{RECEIVERS}: receiver a: email has one of username and password_secret"),
        (
            [{"name": "a", "sns": {"topic_arn": TOPIC}}],
            "observability_alertmanager_aws_role is None; accepted: a role with sns:Publish, which receiver a needs",
        ),
        ([{"name": "a", "sns": {"topic_arn": "alerts"}}], f"{RECEIVERS}: receiver a: sns.topic_arn is 'alerts'; accepted: the ARN of a topic"),
    ],
)
def test_a_receiver_that_cannot_be_told_is_refused(receivers: list[dict[str, Any]], said: str) -> None:
    found = problems("observability", **ALERTS, alert_receivers=receivers)[-1]
    assert found.startswith(said) and "secret@" not in found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tracing_sampling": 101}, "observability_tracing_sampling is 101; accepted: 0 to 100 percent"),
        ({"tracing_traces": 0}, "observability_tracing_traces is 0; accepted: 1 to 1000000 traces"),
        ({"tracing_image": ""}, "observability_tracing_image is ''; accepted: an image"),
    ],
)
def test_traces(given: dict[str, Any], said: str) -> None:
    right = {"components": ["tracing"], "tracing_image": "docker.io/jaegertracing/jaeger:2.20.0", "tracing_sampling": 1, "tracing_traces": 10}
    assert problems("observability", **right) == []
    (found,) = problems("observability", **{**right, **given})
    assert found.startswith(said)


def test_grafana_without_dashboards_is_refused_and_perses_has_them() -> None:
    def found(image: str, files: dict[str, str]) -> list[str]:
        return problems("observability", components=["prometheus", "dashboards"], dashboards_image=image, dashboards_files=files)

    name = "observability_dashboards_files"
    assert found("meshgate.local/perses:v0.50.3", {}) == [] == found("docker.io/grafana/grafana:13.1.1", {"mesh": __file__})
    assert found("docker.io/grafana/grafana:13.1.1", {})[0].startswith(f"{name} is {{}}; accepted: files of dashboards by name")
    assert found("docker.io/grafana/grafana:13.1.1", {"mesh": "/no/such"})[0].startswith(f"{name} is {{'mesh': '/no/such'}}; accepted: files that exist")


def test_check_mode_takes_the_files_that_would_be_fetched() -> None:
    files = {"mesh": "/not/yet/mesh.json"}
    given = {"components": ["prometheus", "dashboards"], "dashboards_image": "docker.io/grafana/grafana:13.1.1", "dashboards_files": files}
    facts = {"assets": {"istio_dashboards": files}}
    assert problems("observability", **given, toolchain_facts=facts, ansible_check_mode=True) == []
    assert len(problems("observability", **given, toolchain_facts=facts)) == 1
    assert len(problems("observability", **given, ansible_check_mode=True)) == 1


@pytest.mark.parametrize("component", ["dashboards", "kiali"])
def test_an_inventorys_own_names_of_images_are_complete_for_what_is_asked_for(component: str) -> None:
    images = dict.fromkeys(("node", "pilot", "proxyv2", "alb_controller", "debian"), "docker.io/x/y:{version}")
    assert problems("toolchain", pull_images=images) == []
    (said,) = problems("toolchain", pull_images=images, observability_components=[component], pull_urls=URLS)
    assert f"missing {component}" in said


URLS = dict.fromkeys(
    ("kubectl", "helm", "istioctl", "kind", "gateway_api", "alb_controller_assets", "iam_policy", "istio_dashboards"), "https://example.com/{version}"
)


# --- pages behind a login ---------------------------------------------------------------------------------------------------
HOSTS, LOGIN = "observability_hosts", "observability_login"
PROVIDER = {name: f"https://id.example.com/{name}" for name in ("issuer", "authorization_endpoint", "token_endpoint", "user_info_endpoint")}
KIALI = {"components": ["prometheus", "kiali"], "kiali_image": "quay.io/kiali/kiali:v2.24.0", "hosts": {"kiali": "kiali.example.com"}}
PAGES = {**KIALI, "login": {**PROVIDER, "secret": "login"}}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"login": {}}, f"{LOGIN} is {{}}; accepted: an identity provider, which {HOSTS} needs: the pages themselves have no password"),
        (
            {"hosts": {"alertmanager": "a.example.com"}},
            f"{HOSTS} is {{'alertmanager': 'a.example.com'}}; accepted: host names by component, of kiali, prometheus",
        ),
        (
            {"hosts": {"dashboards": "d.example.com"}},
            f"{HOSTS} is {{'dashboards': 'd.example.com'}}; accepted: host names of what is in observability_components",
        ),
        (
            {"hosts": {"kiali": "*.example.com"}},
            f"{HOSTS} is {{'kiali': '*.example.com'}}; accepted: a lower-case host name for each, such as kiali.example.com",
        ),
        ({"hosts": {"kiali": "a.example.com", "prometheus": "a.example.com"}}, f"{HOSTS} is "),
        ({"hosts": {"kiali": "Kiali.example.com"}}, f"{HOSTS} is {{'kiali': 'Kiali.example.com'}}; accepted: a lower-case host name for each"),
        ({"mesh_teams": [{"name": "a", "hosts": ["kiali.example.com"]}]}, f"{HOSTS} is {{'kiali': 'kiali.example.com'}}; accepted: hosts of nothing else"),
        ({"istio_ingress_host_name": "kiali.example.com"}, f"{HOSTS} is {{'kiali': 'kiali.example.com'}}; accepted: hosts of nothing else"),
        ({"login": {**PROVIDER, "session_timeout": 0}}, f"{LOGIN} is "),
        (
            {"mesh_routes": [{"name": "a", "hosts": ["kiali.example.com"]}]},
            f"{HOSTS} is {{'kiali': 'kiali.example.com'}}; accepted: hosts of nothing else; kiali.example.com is",
        ),
        ({"login": {**PROVIDER, "secret": "login", "token_endpoint": "http://id"}}, f"{LOGIN}.token_endpoint is 'http://id'; accepted: an https URL"),
        ({"login": {**PROVIDER, "secret": "login", "session_timeout": 700_000}}, f"{LOGIN} is "),
        ({"login": {**PROVIDER, "secret": "Log in"}}, f"{LOGIN} is "),
        (NO_CLUSTER, f"{HOSTS} is {{'kiali': 'kiali.example.com'}}; accepted: hosts beside istio_ingress_host_name or istio_ingress_certificate_arn"),
    ],
)
def test_a_page_without_a_login_is_refused(given: dict[str, Any], said: str) -> None:
    assert problems("observability", **PAGES) == []
    (found,) = problems("observability", **{**PAGES, **given})
    assert found.startswith(said)


def test_a_login_needs_https_which_role_istio_may_still_make() -> None:
    assert problems("observability", **PAGES, **NO_CLUSTER, istio_ingress_host_name="mesh.example.com") == []


def test_components_are_a_list() -> None:
    """With -e name=value they would be a text."""
    (said,) = problems("toolchain", observability_components="prometheus")
    assert said.startswith("observability_components is 'prometheus'; accepted: a list, such as [prometheus]")
