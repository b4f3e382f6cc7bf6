# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What each component's objects are: where Istio's tools find it, what it may, who reaches it, and what it is told."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.meshgate.eks_istio.plugins.module_utils.observability.kiali import configuration as kiali_configuration
from ansible_collections.meshgate.eks_istio.plugins.module_utils.observability.manifests import manifests

COMMON: dict[str, Any] = {"resources": {"limits": {"memory": "128Mi"}}, "api_server_cidrs": ["10.0.12.7/32"]}
WEBHOOK = {"name": "on-call", "webhook": {"url": "https://example.com/alerts"}}
PERSES, GRAFANA = "meshgate.local/perses:v0.50.3-0123abcd", "docker.io/grafana/grafana:13.1.1"
KIALI_1, KIALI_2 = "meshgate.local/kiali:v1.89.0-0123abcd", "quay.io/kiali/kiali:v2.24.0@sha256:" + "0" * 64
WANTED: dict[str, dict[str, Any]] = {
    "prometheus": {
        **COMMON,
        "image": "docker.io/prom/prometheus:v3.13.3",
        "scrape_interval": 15,
        "retention": "24h",
        "storage": "",
        "storage_class": "",
        "remote_write_url": "",
        "reader_namespaces": [],
    },
    "alertmanager": {**COMMON, "image": "docker.io/prom/alertmanager:v0.31.1", "receivers": [WEBHOOK], "repeat_interval": "4h"},
    "kiali": {**COMMON, "image": KIALI_1, "namespaces": ["rust-services", "istio-ingress"], "dashboards_image": PERSES},
    "dashboards": {**COMMON, "image": PERSES, "files": {"mesh": "{}"}},
    "tracing": {**COMMON, "image": "meshgate.local/jaeger:2.13.0-0123abcd", "sampling": 1, "traces": 10_000},
}
# Labels by which `istioctl dashboard` finds the pods (istioctl/pkg/dashboard/dashboard.go), and the port to which it forwards.
FOUND_BY = {
    "prometheus": ("app.kubernetes.io/name", "prometheus", 9090),
    "kiali": ("app", "kiali", 20001),
    "jaeger": ("app", "jaeger", 16686),
    "grafana": ("app.kubernetes.io/name", "grafana", 3000),
}


def objects(*components: str, **changed: Any) -> list[dict[str, Any]]:
    """`changed`: of the first component."""
    return manifests({name: {**WANTED[name], **(changed if name == components[0] else {})} for name in components})


def only(kind: str, found: list[dict[str, Any]], name: str = "") -> dict[str, Any]:
    (one,) = [item for item in found if item["kind"] == kind and name in ("", item["metadata"]["name"])]
    return one


def container(found: list[dict[str, Any]]) -> dict[str, Any]:
    (one,) = only("Deployment", found)["spec"]["template"]["spec"]["containers"]
    return dict(one)


def configured(found: list[dict[str, Any]], file: str) -> Any:
    return yaml.safe_load(next(item["data"][file] for item in found if item["kind"] == "ConfigMap" and file in item["data"]))


CASES = [("prometheus", {}), ("alertmanager", {}), ("kiali", {}), ("dashboards", {}), ("dashboards", {"image": GRAFANA}), ("tracing", {})]


@pytest.mark.parametrize(("component", "changed"), CASES)
def test_pods_have_no_rights_on_their_node(component: str, changed: dict[str, Any]) -> None:
    found = objects(component, **changed)
    pod = only("Deployment", found)["spec"]["template"]["spec"]
    security = container(found)["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"] and security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]} and pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] == (component in ("prometheus", "kiali")), "only those who ask the API server have a token"


@pytest.mark.parametrize(("component", "changed"), CASES)
def test_nobody_from_outside_reaches_them(component: str, changed: dict[str, Any]) -> None:
    found = objects(component, **changed)
    assert only("NetworkPolicy", found)["spec"]["policyTypes"] == ["Ingress"]
    assert {item["spec"].get("type", "ClusterIP") for item in found if item["kind"] == "Service"} == {"ClusterIP"}
    for rule in only("NetworkPolicy", found)["spec"]["ingress"]:
        assert rule["from"] and rule["ports"], "a rule without either lets in everybody"


@pytest.mark.parametrize(("component", "changed"), CASES)
def test_istioctl_finds_them(component: str, changed: dict[str, Any]) -> None:
    deployment = only("Deployment", objects(component, **changed))
    name = deployment["metadata"]["name"]
    if name not in FOUND_BY:
        return
    label, value, port = FOUND_BY[name]
    template = deployment["spec"]["template"]
    assert template["metadata"]["labels"][label] == value
    assert port in [one["containerPort"] for one in template["spec"]["containers"][0]["ports"]]


def test_all_of_them_are_different_objects() -> None:
    found = [(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in objects(*WANTED)]
    assert len(found) == len({*found})


def test_samples_for_amazon_are_signed_with_the_pods_own_role() -> None:
    def remote(url: str) -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] | None = configured(objects("prometheus", remote_write_url=url), "prometheus.yml").get("remote_write")
        return found

    workspace = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-0123/api/v1/remote_write"
    assert remote(workspace) == [{"url": workspace, "sigv4": {"region": "eu-west-1"}}]
    assert remote("https://example.com/push") == [{"url": "https://example.com/push"}] and remote("") is None


# --- Alertmanager --------------------------------------------------------------------------------------------------------
def alerts(*receivers: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = configured(objects("alertmanager", receivers=list(receivers)), "alertmanager.yml")
    return said


def test_prometheus_tells_alertmanager_if_there_is_one() -> None:
    assert "alerting" not in configured(objects("prometheus"), "prometheus.yml")
    said = configured(objects("prometheus", "alertmanager"), "prometheus.yml")["alerting"]
    assert said == {"alertmanagers": [{"static_configs": [{"targets": ["alertmanager.istio-system:9093"]}]}]}


def test_each_receiver_is_told_of_its_severities() -> None:
    said = alerts(WEBHOOK, {"name": "team", "severities": ["critical"], "email": {"to": "a@b.c", "from": "d@e.f", "smarthost": "mail:587"}})
    assert [(one["receiver"], one["matchers"], one["continue"]) for one in said["route"]["routes"]] == [
        ("on-call", ['severity=~"critical|warning"'], True),
        ("team", ['severity=~"critical"'], True),
    ]
    assert [one["name"] for one in said["receivers"]] == ["nobody", "on-call", "team"]


def test_passwords_stay_in_their_secrets() -> None:
    mail = {"to": "a@b.c", "from": "d@e.f", "smarthost": "mail:587", "username": "me", "password_secret": {"name": "smtp", "key": "password"}}
    receivers = [{"name": "team", "email": mail}, {"name": "chat", "webhook": {"url_secret": {"name": "chat", "key": "url"}}}]
    found = objects("alertmanager", receivers=receivers)
    team, chat = configured(found, "alertmanager.yml")["receivers"][1:]
    assert team["email_configs"][0]["auth_password_file"] == "/etc/alertmanager-secrets/smtp/password"
    assert chat["webhook_configs"] == [{"url_file": "/etc/alertmanager-secrets/chat/url", "send_resolved": True}]
    mounted = {volume["secret"]["secretName"] for volume in only("Deployment", found)["spec"]["template"]["spec"]["volumes"] if "secret" in volume}
    assert mounted == {"smtp", "chat"} and not [item for item in found if item["kind"] == "Secret"]


def test_a_topic_is_asked_in_its_own_region() -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:alerts"
    assert alerts({"name": "sns", "sns": {"topic_arn": topic}})["receivers"][1]["sns_configs"] == [
        {"topic_arn": topic, "sigv4": {"region": "eu-west-1"}, "send_resolved": True}
    ]


def test_what_is_read_at_the_start_only_restarts_the_pod() -> None:
    def digest(*receivers: dict[str, Any]) -> str:
        return str(only("Deployment", objects("alertmanager", receivers=list(receivers)))["spec"]["template"]["metadata"]["annotations"])

    assert digest(WEBHOOK) == digest(dict(WEBHOOK)) != digest({**WEBHOOK, "name": "other"})


# --- Kiali ---------------------------------------------------------------------------------------------------------------
# Keys of https://github.com/kiali/kiali/blob/v2.24.0/config/config.go, as far as we use them.
KIALI_KEYS = {
    "auth": {"strategy"},
    "deployment": {"cluster_wide_access", "namespace", "view_only_mode", "discovery_selectors"},
    "external_services": {"prometheus", "istio", "grafana", "tracing"},
    "server": {"port", "web_root", "observability"},
}
KIALI_SERVICES = {
    "prometheus": {"url"},
    "istio": {"istio_api_enabled"},
    "grafana": {"enabled", "internal_url"},
    "tracing": {"enabled", "provider", "internal_url", "use_grpc"},
}


def kiali(image: str, *components: str, **changed: Any) -> dict[str, Any]:
    return kiali_configuration({**WANTED["kiali"], "image": image, **changed}, "istio-system", ("prometheus", "kiali", *components))


def test_version_2_is_told_in_its_own_words() -> None:
    said = kiali(KIALI_2, "dashboards", "tracing", dashboards_image=GRAFANA)
    assert {name: {*values} for name, values in said.items()} == KIALI_KEYS
    assert {name: {*values} for name, values in said["external_services"].items()} == KIALI_SERVICES
    names = [one["matchLabels"] for one in said["deployment"]["discovery_selectors"]["default"]]
    assert names == [{"kubernetes.io/metadata.name": name} for name in ("istio-ingress", "istio-system", "rust-services")]


def test_version_1_is_told_in_its_own_words() -> None:
    said = kiali(KIALI_1, "tracing")
    assert said["deployment"]["accessible_namespaces"] == ["istio-ingress", "istio-system", "rust-services"]
    assert said["external_services"]["tracing"]["in_cluster_url"] == "http://tracing.istio-system:16685/jaeger"
    assert said["istio_namespace"] == "istio-system"


def test_it_links_to_what_is_there() -> None:
    assert kiali(KIALI_2)["external_services"]["tracing"] == kiali(KIALI_2)["external_services"]["grafana"] == {"enabled": False}
    assert kiali(KIALI_1, "dashboards")["external_services"]["grafana"] == {"enabled": False}, "it does not know Perses"


def test_it_reads_the_named_namespaces_without_their_secrets_and_writes_nothing() -> None:
    roles = [item for item in objects("kiali") if item["kind"] == "Role"]
    assert [item["metadata"]["namespace"] for item in roles] == ["istio-ingress", "istio-system", "rust-services"]
    assert not [item for item in objects("kiali") if item["kind"].startswith("Cluster")]
    for rule in (rule for item in roles for rule in item["rules"]):
        assert {*rule["verbs"]} == {"get", "list", "watch"} and "secrets" not in rule["resources"]
        assert rule["apiGroups"] != [""] or "*" not in rule["resources"]


# --- dashboards and traces -----------------------------------------------------------------------------------------------
def test_grafana_has_the_dashboards_as_files_and_nobody_changes_them() -> None:
    found = objects("dashboards", image=GRAFANA)
    assert only("ConfigMap", found, "grafana-dashboards")["data"] == {"mesh.json": "{}"}
    settings = {one["name"]: one["value"] for one in container(found)["env"]}
    assert settings["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer" and settings["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    (source,) = configured(found, "datasources.yaml")["datasources"]
    assert source["isDefault"] and not source["editable"] and source["url"] == "http://prometheus.istio-system:9090"


def test_perses_is_read_only() -> None:
    said = configured(objects("dashboards"), "config.yaml")
    assert said["security"] == {"readonly": True}


def test_proxies_are_told_how_many_requests_to_trace() -> None:
    telemetry = only("Telemetry", objects("tracing", sampling=0.5))
    assert telemetry["spec"] == {"tracing": [{"providers": [{"name": "jaeger"}], "randomSamplingPercentage": 0.5}]}


def test_every_proxy_may_send_spans_and_only_kiali_reads_them() -> None:
    collects, answers = only("NetworkPolicy", objects("tracing"))["spec"]["ingress"]
    assert collects["from"] == [{"namespaceSelector": {}}] and [port["port"] for port in collects["ports"]] == [4317, 4318]
    assert {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "kiali"}}} in answers["from"]
    assert {"namespaceSelector": {}} not in answers["from"]


# --- pages behind a login ---------------------------------------------------------------------------------------------------
BEHIND_LOGIN: dict[str, Any] = {
    "hosts": {"kiali": "kiali.example.com", "dashboards": "boards.example.com"},
    "login": {
        **{name: f"https://id.example.com/{name}" for name in ("issuer", "authorization_endpoint", "token_endpoint", "user_info_endpoint")},
        "secret": "login",
        "scope": "openid",
        "session_timeout": 3600,
    },
    "gateway": {"namespace": "istio-ingress", "selector": {"istio": "ingressgateway"}},
    "load_balancer": {
        "group": "sandbox",
        "https_port": 443,
        "certificate_arns": ["arn:a", "arn:b"],
        "annotations": {"healthcheck-port": "15021"},
        "labels": {},
    },
    "controller": {"name": "aws-load-balancer-controller", "namespace": "kube-system"},
}


def pages(**changed: Any) -> list[dict[str, Any]]:
    return manifests({name: WANTED[name] for name in ("prometheus", "kiali", "dashboards")}, "istio-system", {**BEHIND_LOGIN, **changed})[
        len(without_pages()) :
    ]


def without_pages() -> list[dict[str, Any]]:
    return objects("prometheus", "kiali", "dashboards")


def test_the_load_balancer_leads_to_pages_by_way_of_the_login_only() -> None:
    ingress, service, gateway = (only(kind, pages()) for kind in ("Ingress", "Service", "Gateway"))
    said = {key.removeprefix("alb.ingress.kubernetes.io/"): value for key, value in ingress["metadata"]["annotations"].items()}
    assert (said["auth-type"], said["auth-on-unauthenticated-request"], said["auth-session-timeout"]) == ("oidc", "authenticate", "3600")
    assert said["listen-ports"] == '[{"HTTPS": 443}]' and said["certificate-arn"] == "arn:a,arn:b" and said["healthcheck-port"] == "15021"
    assert yaml.safe_load(said["auth-idp-oidc"]) == {
        "issuer": "https://id.example.com/issuer",
        "authorizationEndpoint": "https://id.example.com/authorization_endpoint",
        "tokenEndpoint": "https://id.example.com/token_endpoint",
        "userInfoEndpoint": "https://id.example.com/user_info_endpoint",
        "secretName": "login",
    }
    assert [rule["host"] for rule in ingress["spec"]["rules"]] == ["boards.example.com", "kiali.example.com"]
    ports = {rule["http"]["paths"][0]["backend"]["service"]["port"]["number"] for rule in ingress["spec"]["rules"]}
    # The gateway knows these hosts at no other port, and routes of no other namespace.
    server = gateway["spec"]["servers"][0]
    assert ports == {server["port"]["number"]} == {one["targetPort"] for one in service["spec"]["ports"]}
    assert server["port"]["number"] not in (8080, 15021) and server["hosts"] == ["./boards.example.com", "./kiali.example.com"]


def test_each_page_has_a_route_and_lets_in_the_gateway() -> None:
    routes = {item["spec"]["hosts"][0]: item["spec"]["http"][0] for item in pages() if item["kind"] == "VirtualService"}
    to = {host: route["route"][0]["destination"] for host, route in routes.items()}
    assert to["kiali.example.com"] == {"host": "kiali.istio-system.svc.cluster.local", "port": {"number": 20001}}
    assert to["boards.example.com"] == {"host": "perses.istio-system.svc.cluster.local", "port": {"number": 8080}}
    assert all(route["headers"]["request"]["remove"] == ["x-amzn-oidc-accesstoken"] for route in routes.values())
    ways = {
        item["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"]: item["spec"]["ingress"] for item in pages() if item["kind"] == "NetworkPolicy"
    }
    assert {name: rules[0]["ports"][0]["port"] for name, rules in ways.items()} == {"kiali": 20001, "perses": 8080}
    assert ways["kiali"][0]["from"][0]["podSelector"] == {"matchLabels": {"istio": "ingressgateway"}}


def test_the_controller_reads_the_secret_of_the_login_and_no_other_one() -> None:
    (rule,) = only("Role", pages())["rules"]
    assert (rule["resources"], rule["resourceNames"]) == (["secrets"], ["login"])
    assert only("RoleBinding", pages())["subjects"] == [{"kind": "ServiceAccount", "name": "aws-load-balancer-controller", "namespace": "kube-system"}]


def test_nothing_leads_to_pages_unless_it_is_asked_for() -> None:
    assert pages(hosts={}) == [] == pages(load_balancer={})
    assert only("VirtualService", pages(hosts={"prometheus": "metrics.example.com"}))["spec"]["hosts"] == ["metrics.example.com"]
