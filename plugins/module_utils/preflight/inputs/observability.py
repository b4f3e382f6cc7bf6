# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the variables of the role observability must look like. Nothing here asks anybody."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...alb.domain import HOST
from ...kube.names import DNS_LABEL, IMAGE
from ...mesh.aws_roles import AWS_ROLE
from ...mesh.hosts import outside_hosts
from ...observability import volume
from ...observability.dashboards import is_grafana
from ...observability.pages import PAGES
from ...observability.prometheus import region_of
from . import rules as r

READS = (
    *("ansible_check_mode", "platform_billed", "toolchain_facts", "toolchain_components", "eks_cluster_facts"),
    *("istio_ingress_host_name", "istio_ingress_certificate_arn", "mesh_routes", "mesh_teams", "rust_services_hosts"),
)
LEAST_VOLUME = "1Gi"
RECEIVERS = "observability_alert_receivers"
NEED_METRICS = ("alertmanager", "kiali", "dashboards")
# https://docs.aws.amazon.com/sns/latest/dg/sns-create-topic.html
TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")
URL = re.compile(r"https?://[^/\s]+\S*")
SMARTHOST = re.compile(r"[^\s:/]+:[0-9]+")
HTTPS = re.compile(r"https://[^/\s]+\S*")
LOGIN_URLS = ("issuer", "authorization_endpoint", "token_endpoint", "user_info_endpoint")
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AuthenticateOidcActionConfig.html
LONGEST_SESSION = 604800
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
DURATION = re.compile(r"([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?(?<=[dhms])")
MOST_TRACES = 1_000_000


def problems(given: Mapping[str, Any]) -> list[str]:
    rules = r.Rules(given)
    rules.like("observability_namespace", DNS_LABEL, "the name of a namespace")
    rules.need(rules.number("observability_timeout") >= 1, "observability_timeout", "a number of seconds, at least 1")
    r.programs(rules, observability_kubectl="kubectl")
    components = rules.sequence("observability_components")
    without = [name for name in components if name in NEED_METRICS and "prometheus" not in components]
    rules.need(not without, "observability_components", f"a list with prometheus, whose metrics {' and '.join(map(str, without))} show")
    unheard = bool(components and rules.sequence(RECEIVERS)) and "alertmanager" not in components
    rules.need(not unheard, "observability_components", f"a list with alertmanager, which tells the {RECEIVERS}; without it no alert arrives")
    for name, check in _CHECKS.items():
        if name in components:
            _image(rules, name)
            r.check_resources(rules, f"observability_{name}_resources")
            check(rules)
    if rules.mapping("observability_hosts"):
        _pages(rules, components)
    return rules.found


def _pages(rules: r.Rules, components: list[Any]) -> None:
    """None of the pages has a password: without a login none of them is reached."""
    name, login = "observability_hosts", rules.mapping("observability_login")
    hosts = {str(component): str(host) for component, host in rules.mapping(name).items()}
    rules.need(not {*hosts} - {*PAGES}, name, f"host names by component, of {', '.join(PAGES)}: other pages change something, or are part of these")
    rules.need(not ({*hosts} & {*PAGES}) - {*components}, name, "host names of what is in observability_components")
    wrong = [host for host in hosts.values() if not HOST.fullmatch(host) or host.startswith("*") or host != host.lower()]
    rules.need(not wrong and len({*hosts.values()}) == len(hosts), name, "a lower-case host name for each, such as kiali.example.com, which no other one has")
    others = [*outside_hosts(rules.given.get("mesh_routes"), rules.given.get("mesh_teams")), *map(str, rules.sequence("rust_services_hosts"))]
    taken = sorted({*hosts.values()} & {*others, rules.text("istio_ingress_host_name")})
    rules.need(not taken, name, f"hosts of nothing else; {', '.join(taken)} is the platform's, or a route's, a team's or the services'")
    rules.need(bool(login), "observability_login", f"an identity provider, which {name} needs: the pages themselves have no password")
    for key in LOGIN_URLS if login else ():
        if not HTTPS.fullmatch(str(login.get(key))):
            rules.refuse(f"observability_login.{key}", login.get(key), "an https URL, which is all that a load balancer asks")
    if login:
        seconds = int(login.get("session_timeout", LONGEST_SESSION))
        right = 1 <= seconds <= LONGEST_SESSION
        rules.need(right, "observability_login", f"a session_timeout of 1 to {LONGEST_SESSION} seconds")
        named = DNS_LABEL.fullmatch(str(login.get("secret", "observability-login")))
        rules.need(bool(named), "observability_login", "a secret, the name of a Secret with clientID and clientSecret, in letters, digits and hyphens")
    secure = rules.text("istio_ingress_host_name") or rules.text("istio_ingress_certificate_arn") or r.cluster_exists(rules)
    rules.need(bool(secure), name, "hosts beside istio_ingress_host_name or istio_ingress_certificate_arn: a load balancer logs people in on HTTPS only")


def _image(rules: r.Rules, component: str) -> None:
    name = f"observability_{component}_image"
    image = rules.text(name)
    if not image and not r.cluster_exists(rules):
        return  # role toolchain is still to say it
    rules.like(name, IMAGE, "an image, such as the one that role toolchain provides for observability_components")
    if r.on_aws(rules) and image.startswith(f"{r.LOCAL_IMAGES}/"):
        rules.refuse(name, image, "an image of a registry that nodes on AWS can reach; meshgate.local exists on this machine only")


def _alertmanager(rules: r.Rules) -> None:
    name = RECEIVERS
    rules.like("observability_alert_repeat_interval", DURATION, "a duration as Alertmanager writes it, such as 4h or 30m")
    receivers = [one for one in rules.sequence(name) if isinstance(one, Mapping)]
    rules.need(bool(receivers), name, "at least one receiver, whom Alertmanager tells")
    role = "observability_alertmanager_aws_role"
    rules.like(role, AWS_ROLE, "the name or the ARN of an IAM role, or empty", empty=True)
    topics = [one.get("name") for one in receivers if one.get("sns")]
    rules.need(not topics or bool(rules.text(role)), role, f"a role with sns:Publish, which receiver {', '.join(map(str, topics))} needs")
    names = [str(one.get("name")) for one in receivers]
    rules.need(len(names) == len({*names}), name, "receivers of different names")
    for one in receivers:
        rules.found.extend(f"{name}: receiver {one.get('name')}: {problem}" for problem in _receiver(one))


def _receiver(one: Mapping[str, Any]) -> Iterator[str]:
    """Each problem of a receiver, with what would be accepted. Addresses may be secret and are not shown."""
    webhook, email, sns = (one.get(way) or {} for way in ("webhook", "email", "sns"))
    if not (webhook or email or sns):
        yield "it has no way to be told; accepted: webhook, email or sns"
    if webhook and bool(webhook.get("url")) == bool(webhook.get("url_secret")):
        yield "webhook has url and url_secret, or neither; accepted: one of them"
    if webhook.get("url") and not URL.fullmatch(str(webhook["url"])):
        yield "webhook.url is no http or https URL; accepted: such a URL"
    for key in ("to", "from") if email else ():
        if not ADDRESS.fullmatch(str(email.get(key, ""))):
            yield f"email.{key} is {email.get(key)!r}; accepted: an e-mail address"
    if email and not SMARTHOST.fullmatch(str(email.get("smarthost", ""))):
        yield f"email.smarthost is {email.get('smarthost')!r}; accepted: host:port"
    if email and bool(email.get("username")) != bool(email.get("password_secret")):
        yield "email has one of username and password_secret; accepted: both or neither"
    if sns and not TOPIC.fullmatch(str(sns.get("topic_arn", ""))):
        yield f"sns.topic_arn is {sns.get('topic_arn')!r}; accepted: the ARN of a topic"


def _kiali(rules: r.Rules) -> None:
    rules.each_like("observability_kiali_namespaces", DNS_LABEL, "names of namespaces")


def _dashboards(rules: r.Rules) -> None:
    """Perses has Istio's dashboards in its image; Grafana is given files."""
    name = "observability_dashboards_files"
    files = rules.mapping(name)
    # A run in check mode names what role toolchain would fetch.
    fetched = rules.fact("toolchain_facts", "assets", "istio_dashboards") if r.truth(rules.given.get("ansible_check_mode")) else None
    missing = [str(path) for path in files.values() if path not in (fetched or {}).values() and not os.path.isfile(str(path))]
    grafana = is_grafana(rules.text("observability_dashboards_image"))
    rules.need(not missing, name, "files that exist")
    if r.cluster_exists(rules):
        rules.need(bool(files) or not grafana, name, "files of dashboards by name, such as toolchain_facts.assets.istio_dashboards")


def _tracing(rules: r.Rules) -> None:
    rules.need(0 <= rules.number("observability_tracing_sampling") <= 100, "observability_tracing_sampling", "0 to 100 percent")
    traces = rules.number("observability_tracing_traces")
    rules.need(1 <= traces <= MOST_TRACES, "observability_tracing_traces", f"1 to {MOST_TRACES} traces, each of which takes some kilobytes of memory")


def _prometheus(rules: r.Rules) -> None:
    interval = rules.number("observability_prometheus_scrape_interval")
    rules.need(1 <= interval <= 300, "observability_prometheus_scrape_interval", "1 to 300 seconds")
    retention, storage = rules.text("observability_prometheus_retention"), rules.text("observability_prometheus_storage")
    rules.need(volume.seconds_of(retention) > 0, "observability_prometheus_retention", "a duration as Prometheus writes it, such as 36h or 15d")
    least = volume.size_of(LEAST_VOLUME)
    rules.need(
        not storage or volume.size_of(storage) >= least, "observability_prometheus_storage", f"empty, or a size of at least {LEAST_VOLUME}, such as 20Gi"
    )
    right = bool(storage) or not rules.text("observability_prometheus_storage_class")
    rules.need(right, "observability_prometheus_storage_class", "empty where observability_prometheus_storage is empty")
    rules.each_like("observability_prometheus_reader_namespaces", DNS_LABEL, "names of namespaces")
    _remote_write(rules)
    if not rules.found:
        _room(rules, retention, storage or volume.SCRATCH, int(interval))


def _remote_write(rules: r.Rules) -> None:
    name, role = "observability_prometheus_remote_write_url", "observability_prometheus_aws_role"
    url = rules.text(name)
    rules.like(name, URL, "an http or https URL, or empty", empty=True)
    rules.like(role, AWS_ROLE, "the name or the ARN of an IAM role, or empty", empty=True)
    signed = bool(region_of(url))
    rules.need_all(not signed or bool(rules.text(role)), (name, role), "a role with aps:RemoteWrite beside a workspace of Amazon Managed Prometheus")


def _room(rules: r.Rules, retention: str, size: str, interval: int) -> None:
    """Of a larger mesh, Prometheus deletes its oldest samples before the volume is full."""
    more = f"observability_prometheus_storage of at least {volume.smallest(retention, interval)}"
    accepted = f"at most {volume.longest(size, interval)}, for which {size} have room, or {more}"
    rules.need(volume.needed(retention, interval) <= volume.room_for_blocks(size), "observability_prometheus_retention", accepted)


_CHECKS: Mapping[str, Callable[[r.Rules], None]] = {
    "prometheus": _prometheus,
    "alertmanager": _alertmanager,
    "kiali": _kiali,
    "dashboards": _dashboards,
    "tracing": _tracing,
}
