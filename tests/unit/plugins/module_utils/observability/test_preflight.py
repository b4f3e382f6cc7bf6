# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a cluster lacks for traces and alerts, and which namespaces are its mesh's."""

from __future__ import annotations

from typing import Any

import pytest
from fake_api import FakeApi

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.observability.preflight import look

SYSTEM = "istio-system"
PROVIDERS = "extensionProviders: [{name: jaeger, opentelemetry: {service: jaeger-collector.istio-system.svc.cluster.local, port: 4317}}]"


def asked(*components: str, **more: Any) -> dict[str, Any]:
    return {"components": [*components], "receivers": [], "namespace": SYSTEM, "storage": "", "storage_class": "", "hosts": {}, **more}


def mesh(text: str, name: str = "istio") -> dict[str, Any]:
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": SYSTEM}, "data": {"mesh": text}}


def telemetry(name: str, **spec: Any) -> dict[str, Any]:
    return {"kind": "Telemetry", "metadata": {"name": name, "namespace": SYSTEM}, "spec": spec}


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        (
            [mesh("accessLogFile: /dev/stdout")],
            "the mesh has no extension provider jaeger; accepted: a mesh for which role istio ran with istio_tracing_service",
        ),
        ([mesh("")], "the mesh has no extension provider jaeger"),
        ([mesh(PROVIDERS), telemetry("mesh-default", accessLogging=[])], f"Telemetry {SYSTEM}/mesh-default applies to the whole mesh already"),
    ],
)
def test_a_mesh_that_would_send_no_spans_is_refused(objects: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(Refused, match=r"^tracing is in observability_components; .*; accepted: ") as refused:
        look(FakeApi(*objects), asked("tracing"))  # type: ignore[arg-type]
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "objects",
    [
        [mesh(PROVIDERS), telemetry("tracing", tracing=[]), telemetry("of-an-app", selector={"matchLabels": {"app": "shop"}})],
        [mesh("", "istio-1-30"), mesh(PROVIDERS, "istio-1-31")],
        [],  # an istiod that is managed elsewhere
    ],
)
def test_a_mesh_that_sends_them_is_not(objects: list[dict[str, Any]]) -> None:
    assert look(FakeApi(*objects), asked("tracing"))["changed"] is False  # type: ignore[arg-type]


def test_in_check_mode_the_provider_may_be_still_to_come() -> None:
    assert look(FakeApi(mesh("")), asked("tracing"), check_mode=True)["changed"] is False  # type: ignore[arg-type]
    with pytest.raises(Refused, match="mesh-default applies to the whole mesh"):
        look(FakeApi(mesh(""), telemetry("mesh-default")), asked("tracing"), check_mode=True)  # type: ignore[arg-type]


def test_a_mesh_without_tracing_is_not_asked_about_it() -> None:
    assert look(FakeApi(mesh("")), asked("kiali"))["changed"] is False  # type: ignore[arg-type]


def test_the_secrets_of_receivers_exist_with_their_keys() -> None:
    receivers = [{"name": "chat", "webhook": {"url_secret": {"name": "chat", "key": "url"}}}]
    secret = {"kind": "Secret", "metadata": {"name": "chat", "namespace": SYSTEM}, "data": {"url": "aHR0cHM6Ly9leGFtcGxlLmNvbQ=="}}
    with pytest.raises(Refused, match=r"^observability_alert_receivers names the Secret and key chat/url; accepted: Secrets of namespace istio-system"):
        look(FakeApi(), asked("alertmanager", receivers=receivers))  # type: ignore[arg-type]
    with pytest.raises(Refused, match="chat/url"):
        look(FakeApi({**secret, "data": {}}), asked("alertmanager", receivers=receivers))  # type: ignore[arg-type]
    assert look(FakeApi(secret), asked("alertmanager", receivers=receivers))["changed"] is False  # type: ignore[arg-type]


def test_the_mesh_is_where_pods_get_proxies_and_where_gateways_are() -> None:
    def namespace(name: str, **labels: str) -> dict[str, Any]:
        return {"kind": "Namespace", "metadata": {"name": name, "labels": labels}}

    gateway = {"name": "gateway", "namespace": "istio-ingress", "labels": {"service.istio.io/canonical-name": "gateway"}}
    objects = [namespace("shop", **{"istio-injection": "enabled"}), namespace("off", **{"istio-injection": "disabled"})]
    objects += [namespace("new", **{"istio.io/rev": "1-31"}), namespace("plain"), {"kind": "Pod", "metadata": gateway}]
    assert look(FakeApi(*objects), asked("kiali"))["mesh_namespaces"] == ["istio-ingress", "new", "shop"]  # type: ignore[arg-type]


# --- pages behind a login ---------------------------------------------------------------------------------------------------
PREFIX = "alb.ingress.kubernetes.io/"


def ingress(listeners: str) -> dict[str, Any]:
    said = {f"{PREFIX}group.name": "sandbox", f"{PREFIX}listen-ports": listeners, f"{PREFIX}certificate-arn": "arn:a"}
    return {"kind": "Ingress", "metadata": {"name": "ingress", "namespace": "istio-ingress", "annotations": said}}


def login_secret(**data: str) -> dict[str, Any]:
    return {"kind": "Secret", "metadata": {"name": "login", "namespace": "istio-ingress"}, "data": data}


HTTP, HTTPS = '[{"HTTP": 80}]', '[{"HTTP": 80}, {"HTTPS": 8443}]'
PAGES = {"hosts": {"kiali": "kiali.example.com"}, "login_secret": "login", "ingress": "ingress", "ingress_namespace": "istio-ingress"}
DENIAL = {
    "kind": "AuthorizationPolicy",
    "metadata": {"name": "load-balancer-only", "namespace": "istio-ingress"},
    "spec": {"action": "DENY", "rules": [{"from": [{"source": {"notIpBlocks": ["10.0.0.0/20"]}}]}]},
}
WHOLE = login_secret(clientID="YQ==", clientSecret="Yg==")


def test_pages_need_https_and_the_secret_of_their_login() -> None:
    found = look(FakeApi(ingress(HTTPS), WHOLE, DENIAL), asked("kiali", **PAGES))  # type: ignore[arg-type]
    assert (found["load_balancer"]["https_port"], found["load_balancer"]["group"]) == (8443, "sandbox")
    with pytest.raises(Refused) as refused:
        look(FakeApi(ingress(HTTP), login_secret(clientID="YQ=="), DENIAL), asked("kiali", **PAGES))  # type: ignore[arg-type]
    assert str(refused.value) == (
        "observability_hosts has kiali.example.com; Ingress istio-ingress/ingress has no HTTPS listener; accepted: a gateway of role istio with "
        "istio_ingress_host_name or istio_ingress_certificate_arn; observability_login names the Secret login, which lacks clientSecret; accepted: "
        "a Secret of namespace istio-ingress with clientID and clientSecret"
    )
    with pytest.raises(Refused, match="Ingress istio-ingress/ingress does not exist"):
        look(FakeApi(WHOLE), asked("kiali", **PAGES))  # type: ignore[arg-type]


def test_in_check_mode_the_https_listener_may_be_still_to_come() -> None:
    found = look(FakeApi(ingress(HTTP), WHOLE, DENIAL), asked("kiali", **PAGES), check_mode=True)  # type: ignore[arg-type]
    assert found["load_balancer"]["https_port"] == 443
    assert look(FakeApi(ingress(HTTPS)), asked("kiali"))["load_balancer"] == {}  # type: ignore[arg-type]
    assert look(FakeApi(), asked("kiali", **PAGES), check_mode=True)["load_balancer"] == {}  # type: ignore[arg-type]


def test_pages_need_a_gateway_that_only_the_load_balancer_reaches() -> None:
    allow = {**DENIAL, "spec": {**DENIAL["spec"], "action": "ALLOW"}}
    for policies in ((), (allow,)):
        with pytest.raises(Refused, match="nothing keeps the cluster's pods away from the gateway; accepted: .* istio_ingress_source_cidrs"):
            look(FakeApi(ingress(HTTPS), WHOLE, *policies), asked("kiali", **PAGES))  # type: ignore[arg-type]
