# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Access log entries, read back with the regular expression that AWS gives for Athena tables."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from meshgate_aws.alb import access_log

# "Create the table for ALB access logs in Athena" in AWS's documentation; its last group takes what was added later.
ATHENA = re.compile(
    r"([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*):([0-9]*) ([^ ]*)[:-]([0-9]*) ([-.0-9]*) ([-.0-9]*) ([-.0-9]*) (|[-0-9]*) (-|[-0-9]*) "
    r"([-0-9]*) ([-0-9]*) \"([^ ]*) (.*) (- |[^ ]*)\" \"([^\"]*)\" ([A-Z0-9-_]+) ([A-Za-z0-9.-]*) ([^ ]*) \"([^\"]*)\" "
    r"\"([^\"]*)\" \"([^\"]*)\" ([-.0-9]*) ([^ ]*) \"([^\"]*)\" \"([^\"]*)\" \"([^ ]*)\" \"([^\s]+?)\" \"([^\s]+)\" "
    r"\"([^ ]*)\" \"([^ ]*)\" ?([^ ]*)?( .*)?"
)

ANSWERED: dict[str, Any] = {
    "scheme": "http",
    "port": "80",
    "emitted": "2026-01-02T03:04:05.678901Z",
    "started": "2026-01-02T03:04:05.000001Z",
    "elb": "app/sandbox-alb/50dc6c495c0c9188",
    "priority": "1",
    "actions": "forward",
    "client": "172.18.0.1:41000",
    "target": "10.244.0.7:8080",
    "target_group": "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/web/0123456789abcdef",
    "to_target_us": 1499,
    "in_target_us": 2_000_600,
    "to_client_us": 12,
    "status": 200,
    "details": "via_upstream",
    "received": 105,
    "sent": 394,
    "method": "GET",
    "authority": "sandbox-alb.us-west-2.elb.amazonaws.com",
    "path": "/?name=A+Field",
    "http": "HTTP/1.1",
    "user_agent": "curl/8",
    "trace": "Root=1-58337262-36d228ad5d99923122bbe354",
    "certificate": "-",
    "connection": 26,
}


def fields(**changes: Any) -> tuple[str, ...]:
    found = ATHENA.fullmatch(access_log.entry({**ANSWERED, **changes}))
    assert found
    return found.groups()


def test_an_answered_request_names_its_target_and_times_in_seconds() -> None:
    entry = fields()
    assert entry[:10] == (
        *("http", "2026-01-02T03:04:05.678901Z", "app/sandbox-alb/50dc6c495c0c9188"),
        *("172.18.0.1", "41000", "10.244.0.7", "8080", "0.001", "2.001", "0.000"),
    )
    assert entry[10:14] == ("200", "200", "105", "394")
    assert entry[14:17] == ("GET", "http://sandbox-alb.us-west-2.elb.amazonaws.com:80/?name=A+Field", "HTTP/1.1")
    assert entry[29:31] == ("10.244.0.7:8080", "200")
    assert entry[33] == "TID_0000000000000000000000000000001a"
    assert entry[34] == ' "-" "-" "-"'


def test_a_request_without_a_target_has_minus_one_for_times() -> None:
    changes = {"target": None, "to_target_us": None, "in_target_us": None, "to_client_us": None, "status": 503, "details": "no_healthy_upstream"}
    line = access_log.entry({**ANSWERED, **changes})
    assert " - -1 -1 -1 503 - 105 394 " in line
    assert line.count('"-"') >= 8


def test_a_target_that_did_not_answer_has_no_status() -> None:
    entry = fields(status=504, details="response_timeout", in_target_us=None, to_client_us=None)
    assert entry[7:12] == ("0.001", "-1", "-1", "504", "-")


def test_kinds_of_connections() -> None:
    assert fields(scheme="https", http="HTTP/2", cipher="TLS_AES_128_GCM_SHA256", tls="TLSv1.3")[0] == "h2"
    assert fields(scheme="https", upgrade="websocket")[0] == "wss"
    assert fields(upgrade="WebSocket")[0] == "ws"


def test_a_redirect_names_where_it_led() -> None:
    assert fields(actions="redirect", location="https://x:443/")[27] == "https://x:443/"
    assert fields(location="/from/the/target")[27] == "-"


def test_quotes_cannot_break_an_entry() -> None:
    assert fields(user_agent='a "quoted" \\ name\n')[17] == "a \\x22quoted\\x22 \\x5C name\\x0A"


def test_log_is_appended_and_rubbish_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "alb" / "access.log"
    access_log.copy(iter(["no json\n", json.dumps(ANSWERED) + "\n"]), path)
    access_log.copy(iter([json.dumps(ANSWERED) + "\n"]), path)
    assert len(path.read_text().splitlines()) == 2
