# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What Prometheus warns of: failing and slow Services, certificates that end, and configuration that proxies do not take. Alertmanager tells it to people."""

from __future__ import annotations

import typing as t

from .series import DESTINATION

Rule = dict[str, t.Any]

FAILING_SHARE = 0.05
SLOW_MILLISECONDS = 1_000
# Istio renews a proxy's certificate at half of its day; a root takes more than a working day to replace.
PROXY_CERTIFICATE_HOURS, ROOT_CERTIFICATE_DAYS = 2, 30


def groups() -> list[Rule]:
    return [{"name": "mesh", "rules": [*_traffic(), *_certificates(), *_configuration()]}]


def _alert(name: str, expression: str, minutes: int, severity: str, summary: str) -> Rule:
    return {"alert": name, "expr": expression, "for": f"{minutes}m", "labels": {"severity": severity}, "annotations": {"summary": summary}}


def _traffic() -> list[Rule]:
    """As the callers see it: what never reached its destination failed, too."""
    asked = 'istio_requests_total{reporter="source"}[5m]'
    failed = 'istio_requests_total{reporter="source", response_code=~"0|5.."}[5m]'
    durations = 'istio_request_duration_milliseconds_bucket{reporter="source"}[5m]'
    share = f"sum by ({DESTINATION}) (rate({failed})) / sum by ({DESTINATION}) (rate({asked})) > {FAILING_SHARE}"
    # https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators: UH, no healthy upstream.
    unserved = 'istio_requests_total{reporter="source", response_flags=~"(.+,)?UH(,.+)?"}[2m]'
    without = f"sum by ({DESTINATION}) (rate({unserved})) > 0"
    slowest = f"histogram_quantile(0.99, sum by (le, {DESTINATION}) (rate({durations}))) > {SLOW_MILLISECONDS}"
    where = "{{ $labels.destination_service_name }}.{{ $labels.destination_service_namespace }}"
    return [
        _alert("ServiceFails", share, 5, "critical", f"{where}: {{{{ $value | humanizePercentage }}}} of the requests failed"),
        _alert("ServiceHasNoHealthyPod", without, 1, "critical", f"{where}: requests are refused, since no pod of it is healthy"),
        _alert("ServiceIsSlow", slowest, 10, "warning", f"{where}: one request in a hundred takes {{{{ $value }}}} ms or longer"),
    ]


def _certificates() -> list[Rule]:
    proxies = f"min by (namespace, pod) (istio_agent_cert_expiry_seconds) < {PROXY_CERTIFICATE_HOURS * 3_600}"
    root = f"min(citadel_server_root_cert_expiry_seconds) < {ROOT_CERTIFICATE_DAYS * 86_400}"
    left = "ends in {{ $value | humanizeDuration }}"
    return [
        _alert(
            "ProxyCertificateEnds", proxies, 5, "critical", f"the certificate of {{{{ $labels.namespace }}}}/{{{{ $labels.pod }}}} {left} and is not renewed"
        ),
        _alert("RootCertificateEnds", root, 60, "warning", f"istiod's root certificate {left}"),
    ]


def _configuration() -> list[Rule]:
    # istiod's counter is not there before the first rejection, and increase() does not see a counter appear: it has fewer samples than istiod was asked for.
    more = "sum(increase(pilot_total_xds_rejects[10m])) > 0"
    new = 'count(count_over_time(pilot_total_xds_rejects[10m]) < on (instance) group_left sum_over_time(up{app="istiod"}[10m])) > 0'
    absent = 'absent(up{app="istiod"} == 1)'
    return [
        _alert("ProxiesRejectConfiguration", f"{more} or {new}", 0, "warning", "proxies rejected configuration in the last ten minutes"),
        _alert("IstiodIsGone", absent, 5, "critical", "no istiod answers: proxies get neither changes nor certificates"),
    ]
