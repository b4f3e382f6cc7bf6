# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Listener rules -> Envoy route configurations."""

from __future__ import annotations

from collections.abc import Mapping

from . import answers
from .clusters import ENVOY
from .conditions import route_match
from .login.envoy import RULE_HEADER, logs_in, on_this_route
from .state import Json, Listener, LoadBalancer, Rule

# A load balancer and its listener on this port.
Owned = tuple[LoadBalancer, Listener]

# Envoy adds these headers to requests; an ALB does not.
_ENVOY_REQUEST_HEADERS = ["x-envoy-external-address", "x-envoy-internal"]
_OWN_REQUEST_HEADERS = [RULE_HEADER]
_REDIRECT_DEFAULTS = {"Protocol": "#{protocol}", "Host": "#{host}", "Port": "#{port}", "Path": "/#{path}", "Query": "#{query}"}


def route_configuration(name: str, owned: list[Owned], known_groups: Mapping[str, str], problems: list[str]) -> Json:
    port = owned[0][1].port
    hosts = [_virtual_host(domains, balancer, listener, known_groups, problems) for domains, (balancer, listener) in zip(_domains(owned), owned, strict=True)]
    if len(owned) > 1:
        hosts.append(_nobody(port))
    return {
        "@type": f"{ENVOY}.config.route.v3.RouteConfiguration",
        "name": name,
        "virtual_hosts": hosts,
        "ignore_port_in_host_matching": True,
        "request_headers_to_add": [_set_header("x-forwarded-port", str(port))],
        "request_headers_to_remove": _ENVOY_REQUEST_HEADERS + _OWN_REQUEST_HEADERS,
    }


def _domains(owned: list[Owned]) -> list[list[str]]:
    """On AWS the address tells load balancers apart. Here they share one, so the Host header does, by names that DNS points to them."""
    if len(owned) == 1:
        return [["*"]]
    taken: set[str] = set()
    result = []
    for balancer, _listener in owned:
        result.append([name for name in (balancer.dns_name, *balancer.names) if name not in taken])
        taken.update(result[-1])
    return result


def _virtual_host(domains: list[str], balancer: LoadBalancer, listener: Listener, known_groups: Mapping[str, str], problems: list[str]) -> Json:
    routes = []
    for rule in listener.rules:
        try:
            match = route_match(rule.conditions)
        except (KeyError, ValueError) as error:
            problems.append(f"rule {rule.priority} of {listener.arn} is skipped: {error!r}")
            continue
        routes.append(_route(match, rule, balancer, listener, known_groups))
    return {"name": listener.arn, "domains": domains, "routes": routes}


def _nobody(port: int) -> Json:
    text = (
        f"Several emulated load balancers listen on port {port}, and none of them has this host name: "
        "use a load balancer's DNS name, or one that Route 53 points to it.\n"
    )
    return {
        "name": "nobody",
        "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, **_fixed(404, text, "text/plain")}],
    }


def _route(match: Json, rule: Rule, balancer: LoadBalancer, listener: Listener, known_groups: Mapping[str, str]) -> Json:
    # Rules that a login goes before end with the same actions as others.
    login = logs_in(rule)
    kinds = rule.kinds[1:] if login else rule.kinds
    executed = ["authenticate", *kinds] if login else kinds
    log = {"elb": balancer.resource_id, "priority": "0" if rule.priority == "default" else rule.priority, "actions": ",".join(executed)}
    lua: Json = {
        "forwarded_for": balancer.attributes.get("routing.http.xff_header_processing.mode") or "append",
        "drop_invalid": balancer.attributes.get("routing.http.drop_invalid_header_fields.enabled") == "true",
    }
    result: Json = {"match": match}
    if login:
        lua["login"] = rule.arn
        result["typed_per_filter_config"] = on_this_route()
    unknown = [kind for kind in kinds if kind not in ("forward", "redirect", "fixed-response")]
    if unknown or not kinds:
        # Letting a request past an authentication that is not emulated would be worse than an error.
        result |= _fixed(501, f"The emulated load balancer does not support {', '.join(unknown) or 'a rule without actions'}.\n", "text/plain")
    else:
        action = rule.actions[-1]
        if kinds[-1] == "forward":
            result["route"] = _forward(action, balancer, known_groups)
            lua["versions"] = ",".join(sorted({known_groups[arn] for arn, weight in forward_groups(action) if weight > 0 and arn in known_groups}))
        elif kinds[-1] == "redirect":
            lua["redirect"] = _redirect(action["RedirectConfig"], listener)
            # The Lua filter responds before the router runs.
            result["direct_response"] = {"status": 500}
        else:
            config = action["FixedResponseConfig"]
            result |= _fixed(int(config["StatusCode"]), config.get("MessageBody") or "", config.get("ContentType") or "text/plain")
    result["metadata"] = {"filter_metadata": {answers.METADATA: log, answers.LUA: lua}}
    return result


def forward_groups(action: Json) -> list[tuple[str, int]]:
    """Target groups of a forward action with their weights."""
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    if not groups and action.get("TargetGroupArn"):
        groups = [{"TargetGroupArn": action["TargetGroupArn"]}]
    return [(group["TargetGroupArn"], 1 if group.get("Weight") is None else int(group["Weight"])) for group in groups]


def _forward(action: Json, balancer: LoadBalancer, known_groups: Mapping[str, str]) -> Json:
    weights = [(arn, weight) for arn, weight in forward_groups(action) if weight > 0 and arn in known_groups]
    # No timeout for the whole response, only an idle timeout, as on an ALB.
    result: Json = {"timeout": "0s", "idle_timeout": f"{balancer.idle_timeout}s", "cluster_not_found_response_code": "SERVICE_UNAVAILABLE"}
    if len(weights) == 1:
        result["cluster"] = weights[0][0]
    elif weights:
        result["weighted_clusters"] = {"clusters": [{"name": arn, "weight": weight} for arn, weight in weights]}
    else:
        result["cluster"] = "no-target-group"
    return result


def _redirect(config: Json, listener: Listener) -> Json:
    status = int(str(config["StatusCode"]).removeprefix("HTTP_"))
    parts = {key.lower(): str(config.get(key) if config.get(key) is not None else default) for key, default in _REDIRECT_DEFAULTS.items()}
    return {
        **parts,
        "here_protocol": listener.protocol.lower(),
        "here_port": str(listener.port),
        "status": str(status),
        "body": answers.page(status),
    }


def _fixed(status: int, body: str, content_type: str) -> Json:
    response: Json = {"status": status}
    headers = answers.own_headers()
    if body:
        response["body"] = {"inline_string": body}
        headers.append(_set_header("content-type", content_type))
    return {"direct_response": response, "response_headers_to_add": headers}


def _set_header(name: str, value: str) -> Json:
    # Header values are format strings: a literal % must be doubled.
    return {"header": {"key": name, "value": value.replace("%", "%%")}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
