# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Access log entries in the format that AWS documents ("Access logs for your Application Load Balancer").

Envoy writes one JSON object per request into a pipe, because it has no format for seconds with three digits and none
for "-1, when there is no answer"; what it cannot know gets the value that AWS's documentation gives for that case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .answers import METADATA
from .layout import Layout
from .state import Json

_TIME = "%Y-%m-%dT%H:%M:%S.%6fZ"


def sink(protocol: str, port: int, layout: Layout) -> Json:
    fields = {
        "scheme": protocol.lower(),
        "port": str(port),
        "emitted": f"%EMIT_TIME({_TIME})%",
        "started": f"%START_TIME({_TIME})%",
        "elb": f"%METADATA(ROUTE:{METADATA}:elb)%",
        "priority": f"%METADATA(ROUTE:{METADATA}:priority)%",
        "actions": f"%METADATA(ROUTE:{METADATA}:actions)%",
        "client": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
        "target": "%UPSTREAM_HOST%",
        "target_group": "%UPSTREAM_CLUSTER_RAW%",
        "to_target_us": "%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)%",
        "in_target_us": "%COMMON_DURATION(US_TX_END:US_RX_BEG:us)%",
        "to_client_us": "%COMMON_DURATION(US_RX_BEG:DS_TX_BEG:us)%",
        "status": "%RESPONSE_CODE%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "received": "%DOWNSTREAM_WIRE_BYTES_RECEIVED%",
        "sent": "%DOWNSTREAM_WIRE_BYTES_SENT%",
        "method": "%REQ(:method)%",
        "authority": "%REQ(:authority)%",
        "path": "%REQ(:path)%",
        "http": "%PROTOCOL%",
        "upgrade": "%REQ(upgrade)%",
        "user_agent": "%REQ(user-agent)%",
        "trace": "%REQ(x-amzn-trace-id)%",
        "cipher": "%DOWNSTREAM_TLS_CIPHER%",
        "tls": "%DOWNSTREAM_TLS_VERSION%",
        "server_name": "%REQUESTED_SERVER_NAME%",
        "certificate": "%FILTER_CHAIN_NAME%",
        "location": "%RESP(location)%",
        "connection": "%CONNECTION_ID%",
    }
    return {
        "name": "file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": str(layout.access_pipe),
            "log_format": {"json_format": fields},
        },
    }


def entry(request: dict[str, Any]) -> str:
    def get(name: str) -> str:
        value = request.get(name)
        return "-" if value is None or value == "" else str(value)

    answered = get("details") == "via_upstream"
    target = get("target")
    target_status = get("status") if answered else "-"
    authority = get("authority") if ":" in get("authority") else f"{get('authority')}:{get('port')}"
    url = f"{get('scheme')}://{authority}{get('path') if request.get('path') else ''}"
    kind = get("scheme")
    if get("upgrade").lower() == "websocket":
        kind = "wss" if kind == "https" else "ws"
    elif get("http") == "HTTP/2":
        kind = "h2"
    # A login that answers by itself ends the rule.
    actions = "authenticate" if get("details").startswith("ext_authz") else get("actions")
    fields = [
        kind,
        get("emitted"),
        get("elb"),
        get("client"),
        target,
        _seconds(request.get("to_target_us")) if target != "-" else "-1",
        _seconds(request.get("in_target_us")) if answered else "-1",
        _seconds(request.get("to_client_us")) if answered else "-1",
        get("status"),
        target_status,
        get("received"),
        get("sent"),
        _quoted(f"{get('method')} {url} {get('http') if get('http') != '-' else '- '}"),
        _quoted(get("user_agent")),
        get("cipher"),
        get("tls"),
        get("target_group"),
        _quoted(get("trace")),
        _quoted(get("server_name")),
        _quoted(get("certificate")),
        get("priority"),
        get("started"),
        _quoted(actions),
        _quoted(get("location") if actions.endswith("redirect") else "-"),
        _quoted("-"),  # error_reason: of Lambda targets, and of logins, whose reasons are not told here
        _quoted(target),
        _quoted(target_status),
        _quoted("-"),  # classification
        _quoted("-"),  # classification_reason
        f"TID_{int(request.get('connection') or 0):032x}",
        _quoted("-"),  # transformed_host
        _quoted("-"),  # transformed_uri
        _quoted("-"),  # request_transform_status
    ]
    return " ".join(fields)


def _seconds(microseconds: Any) -> str:
    return "-1" if microseconds in (None, "", "-") else f"{int(microseconds) / 1_000_000:.3f}"


def _quoted(text: str) -> str:
    """Quotes, backslashes and unprintable characters are escaped, so that an entry is one line of balanced quotes."""
    return '"' + re.sub(r'["\\]|[^\x20-\x7e]', _escaped, text) + '"'


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02X}" for byte in found[0].encode())


def copy(lines: Iterator[str], path: Path) -> None:
    """Envoy's entries, for as long as there are any, appended to the log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as log:
        for line in lines:
            try:
                log.write(entry(json.loads(line)) + "\n")
                log.flush()
            except (ValueError, OSError):
                # An unread pipe would fill Envoy's memory: a full disk only costs entries.
                continue
