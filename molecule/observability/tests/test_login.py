# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A page through the gateway: who logs in sees it in a real browser, and nobody else does, whatever they ask for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import page
from cluster import Cluster
from harness import REPO, Play, until
from zone import zone

sys.path.append(str(REPO / "tests/unit/emulator"))

from identity_provider import IdentityProvider  # noqa: E402

CONVERGE = "molecule/observability/converge.yml"
HOST, SECRET = "kiali.example.com", "observability-login"
LONG = 60_000


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    """Where the load balancer's container reaches it, too: the address of this machine in the network of the nodes."""
    node = json.loads(subprocess.run(["docker", "inspect", "sandbox-control-plane"], check=True, capture_output=True).stdout)[0]
    server = IdentityProvider(node["NetworkSettings"]["Networks"]["kind"]["Gateway"])
    yield server
    server.stop()


@pytest.fixture(scope="module")
def wanted(provider: IdentityProvider) -> str:
    ends = provider.endpoints
    login = {
        "issuer": ends["Issuer"],
        "authorization_endpoint": ends["AuthorizationEndpoint"],
        "token_endpoint": ends["TokenEndpoint"],
        "user_info_endpoint": ends["UserInfoEndpoint"],
        "secret": SECRET,
    }
    return json.dumps({"istio_ingress_host_name": "mesh.example.com", "observability_hosts": {"kiali": HOST}, "observability_login": login})


@pytest.fixture(scope="module", autouse=True)
def as_it_was(play: Play, cluster: Cluster, aws: Callable[[str], Any]) -> Iterator[None]:
    with zone(aws("route53"), "example.com"):
        yield
        play(CONVERGE)
        cluster.kubectl("delete", "secret", SECRET, "--namespace", "istio-ingress", "--ignore-not-found")


def curl(name: str, *options: str, path: str = "/kiali/api") -> tuple[int, str]:
    """Status and Location."""
    argv = ["curl", "--silent", "--insecure", "--max-time", "10", "--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}"]
    argv += ["--resolve", f"{HOST}:8443:127.0.0.1", "--header", f"Host: {name}", *options, f"https://{HOST}:8443{path}"]
    status, _space, location = subprocess.run(argv, check=False, capture_output=True, text=True).stdout.partition(" ")
    return int(status), location


def rules(aws: Callable[[str], Any]) -> list[dict[str, Any]]:
    elb = aws("elbv2")
    balancer = elb.describe_load_balancers(Names=["sandbox-alb"])["LoadBalancers"][0]["LoadBalancerArn"]
    listeners = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
    return [rule for listener in listeners for rule in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]]


def logins(aws: Callable[[str], Any]) -> list[dict[str, Any]]:
    return [rule for rule in rules(aws) if rule["Actions"][0]["Type"] == "authenticate-oidc"]


def test_without_the_secret_of_the_login_it_is_refused(play: Play, wanted: str, cluster: Cluster) -> None:
    refused = play(CONVERGE, "-e", wanted, ok=False)
    assert f"observability_login names the Secret {SECRET}, which lacks clientID and clientSecret" in " ".join(refused.output.split())
    assert not cluster.find("Ingress", "istio-ingress", "app.kubernetes.io/part-of=observability")


def test_whoever_has_logged_in_sees_the_page(
    play: Play, wanted: str, cluster: Cluster, aws: Callable[[str], Any], provider: IdentityProvider, tmp_path: Path
) -> None:
    (tmp_path / "clientSecret").write_text(provider.client_secret, encoding="utf-8")
    data = (f"--from-literal=clientID={provider.client_id}", f"--from-file={tmp_path / 'clientSecret'}")
    cluster.kubectl("--namespace", "istio-ingress", "create", "secret", "generic", SECRET, *data)
    play(CONVERGE, "-e", wanted)
    until("the rule with its login", lambda: len(logins(aws)) == 1, 60)
    until("the login", lambda: curl(HOST)[0] == 302, 60)
    arguments = [f"--host-resolver-rules=MAP {HOST} 127.0.0.1:8443"]
    with page(arguments=arguments, ignore_https_errors=True) as opened:
        opened.goto(f"https://{HOST}/kiali/")
        opened.get_by_text("service-b").or_(opened.get_by_text("Overview")).first.wait_for(timeout=LONG)
        assert opened.url.startswith(f"https://{HOST}/kiali/")
    assert provider.asked[-1]["redirect_uri"] == f"https://{HOST}/oauth2/idpresponse"


def test_it_stays_as_it_is(play: Play, wanted: str) -> None:
    assert play(CONVERGE, "-e", wanted).changed == 0


@pytest.mark.parametrize("name", [HOST, HOST.upper(), f"{HOST}:8443", f"{HOST}.", "other.example.com", "127.0.0.1"])
@pytest.mark.parametrize("path", ["/kiali/api", "/kiali/api/namespaces", "/oauth2/idpresponse?code=a&state=b"])
def test_nobody_else_sees_it_by_whatever_name(name: str, path: str, provider: IdentityProvider) -> None:
    forged = ("--header", "x-amzn-oidc-identity: root", "--header", "x-amzn-oidc-accesstoken: made-up", "--cookie", "AWSELBAuthSessionCookie-0=made-up")
    for options in ((), forged):
        status, location = curl(name, *options, path=path)
        assert status in (302, 401, 404) or (status == 200 and not name.lower().startswith(HOST))
        assert status != 302 or location.startswith(provider.url)


def test_nobody_gets_past_the_load_balancer(cluster: Cluster) -> None:
    pods = cluster.find("Pod", "istio-ingress", "istio=ingressgateway")
    address = pods[0]["status"]["podIP"]
    argv = ["docker", "exec", "sandbox-control-plane", "curl", "--silent", "--max-time", "5", "--output", "/dev/null", "--write-out", "%{http_code}"]
    for port in (8080, 8081):
        said = subprocess.run([*argv, "--header", f"Host: {HOST}", f"http://{address}:{port}/kiali/api"], check=False, capture_output=True, text=True).stdout
        assert said in ("403", "404"), f"port {port} answers {said}"


def test_without_hosts_nothing_of_it_is_left(play: Play, cluster: Cluster, aws: Callable[[str], Any]) -> None:
    play(CONVERGE, "-e", "istio_ingress_host_name=mesh.example.com")
    until("no rule with a login", lambda: logins(aws) == [], 60)
    kinds = "ingresses,services,gateways.networking.istio.io,virtualservices,roles,rolebindings"
    assert "observability-pages" not in cluster.kubectl("get", kinds, "--namespace=istio-ingress", "--output=name").stdout
    assert curl(HOST)[0] == 404
