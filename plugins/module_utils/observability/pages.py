# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Pages that are reached through the gateway, behind a login at the load balancer.

None of them has a password, so the way to them leads through that login only: the rule that asks for it is the only one that leads to this port of the
gateway, and the gateway knows their hosts at this port only. A request with another host finds no page, and one that does not come from the load
balancer's networks is denied (role istio).
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
"""

from __future__ import annotations

import json
import typing as t

from ..alb.group import LOGINS, further_ingress
from ..kube.objects import Manifest
from . import dashboards, kiali, prometheus
from .part import Wanted

# Components with a page that changes nothing. Alertmanager's silences alerts, and Jaeger's is part of Kiali's.
PAGES = ("kiali", "prometheus", "dashboards")
# Role istio opens it to the load balancer.
PORT = 8081
NAME = "observability-pages"
_ACCESS_TOKEN = "x-amzn-oidc-accesstoken"
_RBAC = "rbac.authorization.k8s.io"


def manifests(wanted: Wanted, namespace: str, components: t.Mapping[str, Wanted]) -> list[Manifest]:
    """C(wanted): hosts (by component), login, gateway (namespace, selector), load_balancer, controller. None where nobody says what the load balancer is."""
    gateway, hosts = wanted["gateway"], wanted["hosts"]
    if not hosts or not wanted["load_balancer"]:
        return []
    pages = {component: _page(component, components) for component in hosts}
    return [
        _service(gateway),
        *_rights(wanted),
        _ingress(wanted),
        _gateway(gateway, sorted(hosts.values())),
        *[_route(gateway, component, host, f"{pages[component][0]}.{namespace}.svc.cluster.local", pages[component][1]) for component, host in hosts.items()],
        *[_way_in(gateway, namespace, *pages[component]) for component in hosts],
    ]


def _page(component: str, components: t.Mapping[str, Wanted]) -> tuple[str, int]:
    """The Service and port."""
    if component == "dashboards":
        name = dashboards.GRAFANA if dashboards.is_grafana(components[component]["image"]) else dashboards.PERSES
        return name, dashboards.PORTS[name]
    return {"kiali": (kiali.NAME, kiali.PORT), "prometheus": (prometheus.NAME, prometheus.PORT)}[component]


def _service(gateway: Wanted) -> Manifest:
    """The gateway's pods at another port. Istio looks here for which port of theirs that is."""
    ports = [{"name": "http-pages", "port": PORT, "targetPort": PORT, "protocol": "TCP"}]
    spec = {"type": "ClusterIP", "selector": dict(gateway["selector"]), "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME, "namespace": gateway["namespace"]}, "spec": spec}


def _ingress(wanted: Wanted) -> Manifest:
    login = wanted["login"]
    ends = {
        "issuer": login["issuer"],
        "authorizationEndpoint": login["authorization_endpoint"],
        "tokenEndpoint": login["token_endpoint"],
        "userInfoEndpoint": login["user_info_endpoint"],
        "secretName": login["secret"],
    }
    said = {
        "auth-type": "oidc",
        "auth-idp-oidc": json.dumps(ends),
        "auth-on-unauthenticated-request": "authenticate",
        "auth-scope": login["scope"],
        "auth-session-timeout": str(login["session_timeout"]),
    }
    hosts = [(host, NAME, PORT) for host in sorted(wanted["hosts"].values())]
    return further_ingress(NAME, wanted["gateway"]["namespace"], wanted["load_balancer"], hosts, LOGINS, said)


def _rights(wanted: Wanted) -> list[Manifest]:
    """The controller reads the Secret with the client's id and secret, and no other one.

    https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/#auth-idp-oidc
    """
    metadata = {"name": NAME, "namespace": wanted["gateway"]["namespace"]}
    rules = [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [wanted["login"]["secret"]], "verbs": ["get", "list", "watch"]}]
    binding = {
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": wanted["controller"]["name"], "namespace": wanted["controller"]["namespace"]}],
    }
    return [
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {"apiVersion": f"{_RBAC}/v1", "kind": "RoleBinding", "metadata": metadata, **binding},
    ]


def _gateway(gateway: Wanted, hosts: t.Sequence[str]) -> Manifest:
    """Only routes of its own namespace may bind to it."""
    servers = [{"port": {"number": PORT, "name": "http-pages", "protocol": "HTTP"}, "hosts": [f"./{host}" for host in hosts]}]
    metadata = {"name": NAME, "namespace": gateway["namespace"]}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": metadata,
        "spec": {"selector": dict(gateway["selector"]), "servers": servers},
    }


def _route(gateway: Wanted, component: str, host: str, service: str, port: int) -> Manifest:
    """Pages need not know the user's token."""
    route = {"route": [{"destination": {"host": service, "port": {"number": port}}}], "headers": {"request": {"remove": [_ACCESS_TOKEN]}}}
    spec = {"hosts": [host], "gateways": [NAME], "exportTo": ["."], "http": [route]}
    metadata = {"name": f"{NAME}-{component}", "namespace": gateway["namespace"]}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": metadata, "spec": spec}


def _way_in(gateway: Wanted, namespace: str, name: str, port: int) -> Manifest:
    """Beside the component's own NetworkPolicy, to which it adds the gateway."""
    pods = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": gateway["namespace"]}},
        "podSelector": {"matchLabels": dict(gateway["selector"])},
    }
    spec = {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": name}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [pods], "ports": [{"port": port, "protocol": "TCP"}]}],
    }
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": f"{name}-pages", "namespace": namespace}, "spec": spec}
