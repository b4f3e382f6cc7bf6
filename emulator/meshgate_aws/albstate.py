# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""ELBv2's state as the data path needs it: names, listeners and rules, certificates, targets and whether they may be reached."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from moto.acm.models import AWS_ROOT_CA, acm_backends
from moto.elbv2.models import elbv2_backends
from moto.iam.models import iam_backends

from . import registry, route53
from .common import backends_of, now

State = dict[str, Any]
REPORTABLE = {"initial", "healthy", "unhealthy", "unavailable", "unhealthy.draining"}


class AlbState:
    """The state is built when something has changed, or when time itself changes it, and cached until then."""

    def __init__(self) -> None:
        self._state: State | None = None
        self._until: float | None = None

    def touch(self) -> None:
        self._state = None

    def current(self) -> tuple[State, float | None]:
        """The state, and when it will next change without a request."""
        if self._state is None or (self._until is not None and now() >= self._until):
            state, self._until = build()
            text = json.dumps(state, sort_keys=True, default=str)
            # A copy: the returned state must not change with moto's own objects.
            self._state = {"revision": hashlib.sha256(text.encode()).hexdigest()[:16], **json.loads(text)}
        return self._state, self._until

    def report(self, targets: list[dict[str, Any]]) -> int:
        """Store the results of the data path's health checks; return how many of the targets are registered."""
        accepted = 0
        for target in targets:
            if target["state"] not in REPORTABLE:
                raise ValueError(f"state {target['state']!r} is not one of {', '.join(sorted(REPORTABLE))}")
            for _account, _region, backend in backends_of(elbv2_backends):
                group = backend.target_groups.get(target["target_group_arn"])
                key = f"{target['id']}:{int(target['port'])}"
                if group is not None and key in group.registered:
                    group.reports[key] = {name: target.get(name) or "" for name in ("state", "reason", "description")}
                    accepted += 1
        return accepted


def build() -> tuple[State, float | None]:
    # Read first: what becomes due during the build is then still in the future, and the state is built again. Read last, it would be missed.
    began = now()
    balancers, groups, changes = [], [], []
    for account, region, backend in backends_of(elbv2_backends):
        for balancer in backend.load_balancers.values():
            balancers.append(_load_balancer(balancer, account, region))
            changes.append(balancer.active_at)
        for group in backend.target_groups.values():
            groups.append(_target_group(group))
            changes.extend(target["until"] for target in group.draining.values())
    coming = [moment for moment in changes if moment > began]
    state = {"routes": _routes(), "load_balancers": balancers, "target_groups": groups}
    return state, min(coming) if coming else None


def _routes() -> list[State]:
    nodes = [node for _name, body in registry.items() for node in body.get("nodes") or []]
    return [{"cidr": node["pod_cidr"], "via": node["ip"]} for node in nodes if node.get("pod_cidr") and node.get("ip")]


def _load_balancer(balancer: Any, account: str, region: str) -> State:
    return {
        "arn": balancer.arn,
        "name": balancer.name,
        "dns_name": balancer.dns_name,
        "names": route53.names_of(balancer.dns_name),
        "type": balancer.type,
        "scheme": balancer.scheme,
        "state": balancer.state,
        "created_at": balancer.created_time,
        "attributes": _strings(balancer.attrs),
        "security_groups": list(balancer.security_groups or []),
        "listeners": [_listener(listener, account, region) for listener in balancer.listeners.values()],
    }


def _listener(listener: Any, account: str, region: str) -> State:
    found = [_certificate(arn, account, region) for arn in dict.fromkeys(listener.certificates)]
    certificates = [certificate for certificate in found if certificate]
    for certificate in certificates:
        certificate["is_default"] = certificate["arn"] == listener.certificate
    return {
        "arn": listener.arn,
        "port": int(listener.port),
        "protocol": listener.protocol,
        "ssl_policy": listener.ssl_policy,
        "attributes": _strings(listener.attributes),
        "certificates": certificates,
        "rules": sorted((_rule(rule) for rule in listener.rules.values()), key=_order),
    }


def _order(rule: State) -> tuple[bool, int]:
    default = rule["priority"] == "default"
    return default, 0 if default else int(rule["priority"])


def _rule(rule: Any) -> State:
    return {
        "arn": rule.arn,
        "priority": str(rule.priority),
        "conditions": rule.conditions,
        "actions": [_action(action) for action in rule.actions],
    }


def _action(action: Any) -> State:
    """With the secret that the API never returns."""
    data: State = action.data
    if not action.client_secret:
        return data
    return {**data, "AuthenticateOidcConfig": {**data["AuthenticateOidcConfig"], "ClientSecret": action.client_secret}}


def _strings(attributes: State) -> dict[str, str]:
    return {key: str(value) for key, value in attributes.items()}


def _certificate(arn: str, account: str, region: str) -> State | None:
    """A certificate with its private key; a requested one is signed by moto itself, for the requested names."""
    bundle = acm_backends[account][region]._certificates.get(arn)
    if bundle is not None:
        domains = list(dict.fromkeys([bundle.common_name, *bundle.sans]))
        # moto adds Amazon's root to every chain, which signed none of these.
        return {
            "arn": arn,
            "certificate": _text(bundle.cert),
            "chain": _text(bundle.chain).replace(_text(AWS_ROOT_CA), "").strip(),
            "private_key": _text(bundle.key),
            "domains": [domain for domain in domains if domain],
        }
    for backend in iam_backends[account].values():
        known = backend.get_certificate_by_arn(arn)
        if known is not None:
            chain = known.cert_chain or ""
            return {"arn": arn, "certificate": known.cert_body, "chain": chain, "private_key": known.private_key, "domains": _names(known.cert_body)}
    return None


def _names(pem: str) -> list[str]:
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(pem.encode())
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [str(a.value) for a in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    return [str(name.value) for name in names]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _target_group(group: Any) -> State:
    return {
        "arn": group.arn,
        "name": group.name,
        "protocol": group.protocol,
        "protocol_version": group.protocol_version,
        "port": int(group.port) if group.port else None,
        "target_type": group.target_type,
        "attributes": _strings(group.attributes),
        "health_check": {
            "enabled": str(group.health_check_enabled).lower() == "true",
            "protocol": group.health_check_protocol,
            "path": group.health_check_path,
            "port": str(group.health_check_port or "traffic-port"),
            "interval_seconds": int(group.health_check_interval_seconds),
            "timeout_seconds": int(group.health_check_timeout_seconds),
            "healthy_threshold": int(group.healthy_threshold_count),
            "unhealthy_threshold": int(group.unhealthy_threshold_count),
            "matcher": next(iter((getattr(group, "matcher", None) or {}).values()), ""),
        },
        "load_balancer_arns": group.load_balancer_arns,
        "targets": [
            *(_target(group, target, "registered") for target in group.registered.values()),
            *(_target(group, target, "draining") for target in group.still_draining().values()),
        ],
    }


def _target(group: Any, target: State, state: str) -> State:
    from .elbv2.reach import verdict

    reachable, why = verdict(group, target)
    return {
        "id": target["Id"],
        "port": target["Port"],
        "availability_zone": target["AvailabilityZone"] or "",
        "state": state,
        "registered_at": target["registered_at"],
        "reachable": reachable,
        "unreachable_reason": why,
    }
