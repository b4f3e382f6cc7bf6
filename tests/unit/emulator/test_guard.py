# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The emulated AWS answers AWS's clients, and no web page that a browser on this machine happens to show."""

from __future__ import annotations

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest
from aws_rig import Emulator, start
from botocore.exceptions import ClientError

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MAKE_A_VPC = "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/16"


def ask(aws, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, str]:
    where = urlsplit(aws.url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
    # A browser writes both; http.client would add its own Host.
    connection.putrequest(method, path, skip_host=True)
    for name, value in {"Host": where.netloc, **headers, "Content-Length": str(len(body or ""))}.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders((body or "").encode())
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


@pytest.mark.parametrize(
    "headers",
    [
        # DNS rebinding: the page's own name leads to 127.0.0.1, so that to the browser this is the page's own server.
        {"Host": "evil.example:4566"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "evil-meshgate-aws"},
        {"Host": "192.0.2.1:4566"},
        {"Host": ""},
        # A form or fetch() of any page, the one of a sandboxed frame, and one of another port of this machine.
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        # <img src> and <form method=get> send no Origin.
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/", MAKE_A_VPC),
        ("GET", f"/?{MAKE_A_VPC}", None),
        ("POST", "/moto-api/reset", ""),
        ("POST", "/_meshgate/clock", '{"advance": 1}'),
        ("GET", "/_meshgate/requests", None),
        ("GET", "/v2/", None),
        ("OPTIONS", "/", None),
    ],
)
def test_a_web_page_is_refused(aws, headers, method, path, body) -> None:
    before = len(aws.client("ec2").describe_vpcs()["Vpcs"])
    status, said = ask(aws, method, path, body, **FORM, **headers)
    assert status == 403
    assert "emulated AWS" in said
    assert len(aws.client("ec2").describe_vpcs()["Vpcs"]) == before


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:1", "localhost.", "[::1]:80", "127.1.2.3", "meshgate-aws:4566", "bucket.localhost:4566"])
def test_its_own_names_are_answered(aws, host) -> None:
    assert ask(aws, "GET", "/_meshgate/health", Host=host)[0] == 200


def test_the_address_bar_may_ask_for_the_log_of_requests(aws) -> None:
    # docs/laptop-and-aws.md names this address.
    assert ask(aws, "GET", "/_meshgate/requests", Sec_Fetch_Site="none")[0] == 200


def test_a_browser_is_told_that_no_page_may_read_an_answer(aws) -> None:
    where = urlsplit(aws.url)
    # For this answer moto loads all of its services, which takes seconds.
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    connection.request("GET", "/moto-api/data.json")
    assert connection.getresponse().getheader("Access-Control-Allow-Origin") is None


def test_the_container_is_reached_by_its_address_on_the_network() -> None:
    # Pods and the nodes' containerd come over Docker's network, by name or by address.
    own = socket.gethostbyname(socket.gethostname())
    process, url = start(listen="0.0.0.0")
    try:
        here = Emulator(f"http://{own}:{urlsplit(url).port}")
        assert here.client("sts").get_caller_identity()["Account"]
        assert ask(here, "GET", "/_meshgate/health", Host="192.0.2.1")[0] == 403
    finally:
        process.terminate()
        process.wait(60)


def test_a_client_with_a_foreign_name_is_told_what_to_ask_for(aws) -> None:
    # An SDK's error message has to say it: nobody reads the answer otherwise.
    for service, call in (("ec2", "describe_vpcs"), ("eks", "list_clusters"), ("iam", "list_roles")):
        client = aws.client(service, aws_access_key_id="test", aws_secret_access_key="test")
        client.meta.events.register("before-send.*", lambda request, **_unused: request.headers.__setitem__("Host", "aws.internal:4566"))
        with pytest.raises(ClientError, match=r"not 'aws.internal:4566'; use 127.0.0.1, localhost, meshgate-aws") as caught:
            getattr(client, call)()
        assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_json_errors_stay_json(aws) -> None:
    assert json.loads(ask(aws, "GET", "/_meshgate/health", Host="evil.example")[1])["__type"] == "AccessDenied"
