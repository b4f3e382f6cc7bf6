# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ingresses and Gateways as their controllers see them, and the load balancer's responses."""

from __future__ import annotations

from ..alb import ingress as alb_kubernetes
from ..common import http as http_answers
from ..kube.api import KubeApi
from ..kube.objects import Manifest
from . import pods as report_pods
from .report import Section

CLASS = "alb"


def look(api: KubeApi, namespace: str, name: str) -> tuple[Section, str]:
    """All Ingresses of the load balancer controller; and the hostname of the platform's own."""
    section, hostname = Section("Ingresses"), ""
    ours = [one for one in api.find(*alb_kubernetes.INGRESS) if _is_for_the_controller(one)]
    for ingress in ours:
        metadata = ingress["metadata"]
        where, published = f"{metadata['namespace']}/{metadata['name']}", alb_kubernetes.hostname(ingress)
        said = report_pods.warnings(api, metadata["namespace"], metadata["name"], "Ingress", 1)
        section.lines.append(f"{where}: {published or 'no hostname'}")
        section.lines += [f"  | {line}" for line in said]
        if (metadata["namespace"], metadata["name"]) == (namespace, name):
            hostname = published
        if not published and not metadata.get("deletionTimestamp"):
            section.wrong("ingress", f"Ingress {where} has no hostname", *said, *([] if said else alb_kubernetes.controller_causes(api)))
        elif said:
            section.noted("ingress", f"Ingress {where} had a warning", *said)
    if not any((one["metadata"]["namespace"], one["metadata"]["name"]) == (namespace, name) for one in ours):
        section.wrong("missing", f"there is no Ingress {namespace}/{name}")
    return section, hostname


def _is_for_the_controller(ingress: Manifest) -> bool:
    annotations = ingress["metadata"].get("annotations") or {}
    return CLASS in ((ingress.get("spec") or {}).get("ingressClassName"), annotations.get("kubernetes.io/ingress.class"))


def answers(host: str, paths: list[str], connect_to: str, scheme: str, validate_certs: bool, timeout: float) -> Section:
    """What a user gets."""
    section = Section("answers")
    for path in paths:
        url = f"{scheme}://{host}{path}"
        answer = http_answers.ask(url, connect_to, validate_certs, timeout)
        said = answer.error or f"{answer.status} {answer.body.strip()[:120]}"
        section.lines.append(f"GET {url}: {said}")
        if answer.error or answer.status >= 400:
            section.wrong("answer", f"GET {url}: {said}")
    return section
