"""A host name of one's own: certificate, HTTPS and redirect on the live load balancer beside a second one, then plain HTTP again."""

from __future__ import annotations

import json
import subprocess

from harness import ask, until

HOST, SHOP, ELSEWHERE = "mesh.example.com", "shop.example.com", "shop.example.org"
WITH_NAME = ("-e", f"istio_ingress_host_name={HOST}")


def curl(url: str, port: int, *arguments: str) -> str:
    argv = ["curl", "--silent", "--insecure", "--max-time", "10", "--resolve", f"{HOST}:{port}:127.0.0.1", *arguments, url]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def records(aws) -> set[tuple[str, str]]:
    """Names and types in the zone, without those that every zone has."""
    route53 = aws("route53")
    zone = next(zone for zone in route53.list_hosted_zones()["HostedZones"] if zone["Name"] == "example.com.")
    found = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    return {(record["Name"], record["Type"]) for record in found} - {("example.com.", "NS"), ("example.com.", "SOA")}


def test_a_host_name_gets_a_certificate_https_and_a_record(play, aws):
    run = play("playbooks/site.yml", *WITH_NAME)
    assert run.changed > 0
    assert curl(f"https://{HOST}:8443/health", 8443) == '{"status":"Healthy"}'
    assert curl(f"https://{HOST}:8443/?name=A+Field", 8443) == '{"key_one":"(A Field)Field 1","key_two":"(A Field)Field 2"}'
    certificates = aws("acm").list_certificates()["CertificateSummaryList"]
    assert [item["Status"] for item in certificates if item["DomainName"] == HOST] == ["ISSUED"]
    assert (f"{HOST}.", "A") in records(aws)


def test_plain_http_is_redirected():
    assert curl(f"http://{HOST}:8080/health", 8080, "--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}") == f"301 https://{HOST}:443/health"


def test_again_changes_nothing(play):
    assert play("playbooks/site.yml", *WITH_NAME).changed == 0


def subject(host: str) -> str:
    """Of the certificate that a client is shown who asks for a host."""
    argv = ["curl", "--silent", "--insecure", "--verbose", "--max-time", "10", "--resolve", f"{host}:8443:127.0.0.1", f"https://{host}:8443/health"]
    said = subprocess.run(argv, capture_output=True, text=True, check=False).stderr
    return next((line.partition("CN=")[2].strip() for line in said.splitlines() if "subject:" in line), said)


def test_hosts_of_routes_get_a_certificate_and_a_record_each(play, aws, cluster):
    """One of them is in a zone of somebody else."""
    with_routes = (*WITH_NAME, "-e", json.dumps({"istio_ingress_route_hosts": [SHOP, ELSEWHERE]}))
    run = play("playbooks/site.yml", *with_routes)
    assert {f"{SHOP}.", f"{HOST}."} <= {name for name, kind in records(aws) if kind == "A"}
    until("the host's own certificate", lambda: subject(SHOP) == SHOP)
    assert subject(HOST) == HOST and subject(ELSEWHERE) == HOST  # not issued yet: the listener's default one
    balancer = cluster.get("Ingress", "ingress", "istio-ingress")["status"]["loadBalancer"]["ingress"][0]["hostname"]
    assert f"{ELSEWHERE}. CNAME {balancer}." in run.output and f".{ELSEWHERE}. CNAME _" in run.output
    assert play("playbooks/site.yml", *with_routes).changed == 0


def test_without_the_name_plain_http_answers_again(play, cluster):
    play("playbooks/site.yml")
    balancer = cluster.get("Ingress", "ingress", "istio-ingress")["status"]["loadBalancer"]["ingress"][0]["hostname"]
    until("plain HTTP", lambda: ask(balancer, "/health").body == b'{"status":"Healthy"}')
