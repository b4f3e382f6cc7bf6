# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Role istio, as far as it goes without a cluster: the host name's certificate and records, and what the Ingress is told of them."""

from __future__ import annotations

import json
from typing import Any

from cloud import REGION, Cloud
from harness import Run

CLUSTER, DOMAIN = "sandbox", "mesh.example.com"
ANNOTATION = "alb.ingress.kubernetes.io/"
HOST = {"istio_cluster_name": CLUSTER, "istio_region": REGION, "istio_ingress_host_name": DOMAIN}


def host_name(aws: Cloud, given: dict[str, Any], check: bool = False) -> Run:
    include = {"name": "meshgate.eks_istio.istio", "tasks_from": "host_name", "public": True}
    annotations = "{{ _istio_ingress.metadata.annotations | to_json }}"
    tasks = [{"name": "Host name", "ansible.builtin.include_role": include}, {"name": "Tell", "ansible.builtin.debug": {"msg": annotations}}]
    return aws.play([{"name": "Istio", "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}], check, variables=given)


def annotations(run: Run) -> dict[str, str]:
    said = next(task["result"]["msg"] for task in run.tasks if task["name"] == "Tell")
    return {key.removeprefix(ANNOTATION): value for key, value in (json.loads(said) if isinstance(said, str) else said).items()}


def test_a_host_name_brings_https_and_leads_to_the_load_balancer(aws: Cloud) -> None:
    zone = aws.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"]
    mark = aws.mark()
    would = host_name(aws, HOST, check=True)
    assert would.changed and aws.mutations(mark) == []
    assert "certificate-arn" not in annotations(would)  # it has none yet

    first = annotations(host_name(aws, HOST))
    (certificate,) = aws.client("acm").list_certificates(CertificateStatuses=["ISSUED"])["CertificateSummaryList"]
    assert (certificate["DomainName"], first["certificate-arn"]) == (DOMAIN, certificate["CertificateArn"])
    assert json.loads(first["listen-ports"]) == [{"HTTP": 80}, {"HTTPS": 443}]
    assert first["ssl-redirect"] == "443"
    assert not host_name(aws, HOST).changed

    subnets = aws.subnets(aws.vpc())
    balancer = aws.client("elbv2").create_load_balancer(Name=f"{CLUSTER}-alb", Subnets=subnets)["LoadBalancers"][0]
    assert host_name(aws, HOST).changed
    records = aws.client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    (alias,) = [record for record in records if record["Name"] == f"{DOMAIN}."]
    assert (alias["Type"], alias["AliasTarget"]["DNSName"].rstrip(".")) == ("A", balancer["DNSName"])
    mark = aws.mark()
    assert not host_name(aws, HOST).changed
    assert aws.mutations(mark) == []

    # With a certificate of one's own, the name gets its record only.
    given = {**HOST, "istio_ingress_host_name": f"other.{DOMAIN}", "istio_ingress_certificate_arn": certificate["CertificateArn"]}
    assert annotations(host_name(aws, given))["certificate-arn"] == certificate["CertificateArn"]
    assert len(aws.client("acm").list_certificates()["CertificateSummaryList"]) == 1


def test_a_host_name_without_a_zone_is_refused_before_there_is_a_cluster(aws: Cloud) -> None:
    refused = aws.role("istio", tasks_from="preflight", check=True, ok=False, eks_cluster_facts={"exists": False}, **HOST)
    assert f"host_name is {DOMAIN}, for which this account has no public hosted zone; accepted: a name in one of its public hosted zones" in refused.failures()


def test_access_logs_go_to_a_bucket_that_lets_them_in(aws: Cloud) -> None:
    """ELB's user guide, "Enable access logs for your Application Load Balancer"."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="our-logs", CreateBucketConfiguration={"LocationConstraint": REGION})
    given = {"istio_region": REGION, "istio_ingress_access_logs": {"bucket": "our-logs", "prefix": "mesh"}, "eks_cluster_facts": {"exists": False}}
    refused = aws.role("istio", tasks_from="preflight", check=True, ok=False, **given)
    assert "access logs: the policy of the bucket our-logs does not allow logdelivery.elasticloadbalancing.amazonaws.com s3:PutObject" in refused.failures()
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::our-logs/mesh/AWSLogs/123456789012/*",
    }
    s3.put_bucket_policy(Bucket="our-logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert not aws.role("istio", tasks_from="preflight", check=True, **given).changed


DROP = "routing.http.drop_invalid_header_fields.enabled=true"


def test_the_load_balancers_attributes_say_logs_on_or_off_beside_those_given(aws: Cloud) -> None:
    key = f"{ANNOTATION}load-balancer-attributes"
    cases: list[tuple[dict[str, Any], str]] = [
        # Only attributes that are named are set: what nobody says stays as it is, and to go off again, it has to be said.
        ({}, DROP),
        ({"istio_ingress_access_logs": {}}, f"access_logs.s3.enabled=false,{DROP}"),
        ({"istio_ingress_annotations": {key: "idle_timeout.timeout_seconds=30"}}, f"{DROP},idle_timeout.timeout_seconds=30"),
        ({"istio_ingress_annotations": {key: "access_logs.s3.enabled=true"}}, f"{DROP},access_logs.s3.enabled=true"),
        ({"istio_ingress_access_logs": {"bucket": "b"}}, f"access_logs.s3.enabled=true,access_logs.s3.bucket=b,access_logs.s3.prefix=,{DROP}"),
        ({"istio_ingress_drop_invalid_header_fields": False}, f"{DROP[:-4]}false"),
        ({"istio_ingress_annotations": {key: DROP}}, f"{DROP}"),
        ({"istio_ingress_deletion_protection": True}, f"{DROP},deletion_protection.enabled=true"),
        ({"istio_ingress_deletion_protection": False}, f"{DROP},deletion_protection.enabled=false"),
    ]
    aws.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")
    include = {"name": "meshgate.eks_istio.istio", "tasks_from": "host_name", "public": True}
    tasks: list[dict[str, Any]] = [{"name": "Load the role", "ansible.builtin.include_role": include}]
    for given, _said in cases:
        told = "{{ _istio_ingress.metadata.annotations['" + key + "'] }}"
        tasks.append({"name": "Tell", "ansible.builtin.debug": {"msg": told}, "vars": given})
    run = aws.play([{"name": "Istio", "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}], True, variables=HOST)
    assert [task["result"]["msg"] for task in run.tasks if task["name"] == "Tell"] == [said for _given, said in cases]
