# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Alertmanager, which tells people what Prometheus warns of: by webhook, e-mail or SNS. Plain data in, manifests out.

Passwords and secret addresses are in Secrets of the user's, which its pod reads. It keeps silences, and what it told, until the pod ends.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..kube.objects import Manifest
from ..kube.stream import yaml_text
from .part import Part, Wanted, api_server, pods, probe

NAME, PORT = "alertmanager", 9093
SEVERITIES = ("critical", "warning")
_CONFIG, _DATA, _SECRETS = "/etc/alertmanager", "/alertmanager", "/etc/alertmanager-secrets"
# Alerts of one cause that begin within these seconds are one message.
_TOGETHER = "10s"


def manifests(wanted: Wanted, namespace: str, _components: Collection[str]) -> list[Manifest]:
    """C(wanted): image, resources, receivers, repeat_interval, api_server_cidrs."""
    part = Part(NAME, namespace, {"app.kubernetes.io/name": NAME}, 65534)
    said = configuration(wanted)
    return [
        part.account(),
        part.config_map({"alertmanager.yml": yaml_text(said)}),
        _deployment(part, wanted, said),
        part.service({"http": PORT}),
        part.policy([([pods("prometheus"), pods("kiali"), *api_server(wanted)], [PORT])]),
    ]


def configuration(wanted: Wanted) -> Manifest:
    """Each receiver is told of its severities, whatever the others are told."""
    receivers = list(wanted["receivers"])
    routes = [{"receiver": one["name"], "matchers": [f'severity=~"{"|".join(one.get("severities") or SEVERITIES)}"'], "continue": True} for one in receivers]
    return {
        "route": {
            "receiver": "nobody",
            "group_by": ["alertname", "destination_service_namespace", "destination_service_name"],
            "group_wait": _TOGETHER,
            "group_interval": "1m",
            "repeat_interval": wanted["repeat_interval"],
            "routes": routes,
        },
        "receivers": [{"name": "nobody"}, *[_receiver(one) for one in receivers]],
    }


def _receiver(one: Wanted) -> Manifest:
    said: Manifest = {"name": one["name"]}
    if one.get("webhook"):
        said["webhook_configs"] = [{**_webhook(one["webhook"]), "send_resolved": True}]
    if one.get("email"):
        said["email_configs"] = [_email(one["email"])]
    if one.get("sns"):
        topic = one["sns"]["topic_arn"]
        said["sns_configs"] = [{"topic_arn": topic, "sigv4": {"region": topic.split(":")[3]}, "send_resolved": True}]
    return said


def _webhook(given: Wanted) -> Manifest:
    return {"url_file": _file(given["url_secret"])} if given.get("url_secret") else {"url": given["url"]}


def _email(given: Wanted) -> Manifest:
    said: Manifest = {"to": given["to"], "from": given["from"], "smarthost": given["smarthost"], "send_resolved": True}
    if given.get("username"):
        said |= {"auth_username": given["username"], "auth_password_file": _file(given["password_secret"])}
    return {**said, "require_tls": given.get("require_tls", True)}


def secrets(receivers: Sequence[Wanted]) -> list[Mapping[str, str]]:
    """The Secrets that receivers name, each with the key in it."""
    found = [*((one.get("webhook") or {}).get("url_secret") for one in receivers), *((one.get("email") or {}).get("password_secret") for one in receivers)]
    return [secret for secret in found if secret]


def _file(secret: Mapping[str, str]) -> str:
    return f"{_SECRETS}/{secret['name']}/{secret['key']}"


def _deployment(part: Part, wanted: Wanted, said: Manifest) -> Manifest:
    names = sorted({secret["name"] for secret in secrets(wanted["receivers"])})
    container = part.container(
        wanted,
        {"http": PORT},
        # One pod: it looks for no others.
        args=[f"--config.file={_CONFIG}/alertmanager.yml", f"--storage.path={_DATA}", "--cluster.listen-address="],
        startupProbe=probe("/-/ready", periodSeconds=1, failureThreshold=60),
        readinessProbe=probe("/-/ready", periodSeconds=5, timeoutSeconds=5),
        livenessProbe=probe("/-/healthy", periodSeconds=15, timeoutSeconds=5),
        volumeMounts=[
            {"name": "config", "mountPath": _CONFIG, "readOnly": True},
            {"name": "data", "mountPath": _DATA},
            *[{"name": f"secret-{name}", "mountPath": f"{_SECRETS}/{name}", "readOnly": True} for name in names],
        ],
    )
    volumes: list[Manifest] = [
        {"name": "config", "configMap": {"name": NAME}},
        {"name": "data", "emptyDir": {"sizeLimit": "64Mi"}},
        *[{"name": f"secret-{name}", "secret": {"secretName": name, "defaultMode": 0o440}} for name in names],
    ]
    return part.deployment(container, volumes, restart_for=said)
