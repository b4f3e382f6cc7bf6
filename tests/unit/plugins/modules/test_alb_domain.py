# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""alb_domain over HTTP: certificate, validation, alias, and what of it is ours."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from aws_harness import Account, run

from ansible_collections.meshgate.eks_istio.plugins.modules import alb_domain, aws_leftovers

OWNER = "meshgate.io/cluster"


class Stage:
    """A domain of this test's own in the account, with a load balancer beside it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.acm, self.route53, self.elbv2 = (account.client(service) for service in ("acm", "route53", "elbv2"))
        self.unique = f"t{uuid.uuid4().hex[:8]}"
        self.domain = f"{self.unique}.test"
        self.host = f"mesh.{self.domain}"
        self.zone = self.new_zone(self.domain)

    def new_zone(self, name: str, **more: Any) -> str:
        return self.route53.create_hosted_zone(Name=name, CallerReference=uuid.uuid4().hex, **more)["HostedZone"]["Id"].split("/")[-1]

    def balancer(self, **more: Any) -> dict[str, Any]:
        subnets = self.account.subnets(self.account.vpc())
        return self.elbv2.create_load_balancer(Name=self.unique, Subnets=subnets, **more)["LoadBalancers"][0]

    def listen(self, balancer: dict[str, Any], certificate: str) -> str:
        made = self.elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": certificate}],
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        )  # fmt: skip
        return made["Listeners"][0]["ListenerArn"]

    def records(self, zone: str = "") -> dict[tuple[str, str], str]:
        found = {}
        for record in self.route53.list_resource_record_sets(HostedZoneId=zone or self.zone)["ResourceRecordSets"]:
            alias = record.get("AliasTarget", {}).get("DNSName", "")
            if record["Type"] not in ("NS", "SOA"):
                found[(record["Name"], record["Type"])] = alias or record["ResourceRecords"][0]["Value"]
        return found

    def put(self, kind: str, value: str, name: str = "") -> None:
        record = {"Name": name or self.host, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
        batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
        self.route53.change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch=batch)

    def certificates(self) -> dict[str, str]:
        found = self.acm.list_certificates(Includes={"keyTypes": ["RSA_2048", "EC_prime256v1"]})["CertificateSummaryList"]
        return {entry["CertificateArn"]: entry["Status"] for entry in found if entry["DomainName"] == self.host}

    def call(self, check: bool = False, **more: Any) -> dict[str, Any]:
        given = {"host_name": self.host, "cluster_name": self.unique, "load_balancer_name": self.unique, "wait_delay": 1, "wait_timeout": 15}
        return run(alb_domain, self.account.endpoint, check, **{**given, **more})


@pytest.fixture
def stage(account: Account) -> Stage:
    return Stage(account)


def test_the_certificate_first_the_alias_once_there_is_a_load_balancer_and_then_nothing(stage: Stage) -> None:
    certificate = f"certificate {stage.host}"
    would = stage.call(check=True)
    assert (would["changed"], would["certificate_arn"], stage.certificates(), stage.records()) == (True, "", {}, {})
    first = stage.call()
    assert would["actions"] == first["actions"] == [certificate, f"{certificate}, validation record", f"{certificate}, issued"]
    assert would["diff"] == first["diff"]
    arn = first["certificate_arn"]
    assert (stage.certificates(), first["certificate_status"]) == ({arn: "ISSUED"}, "ISSUED")
    tags = {tag["Key"]: tag["Value"] for tag in stage.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]}
    assert tags == {OWNER: stage.unique, "meshgate.io/hosted-zone": stage.zone}
    mark = stage.account.mark()
    assert not stage.call()["changed"]
    assert stage.account.mutations(mark) == []

    balancer = stage.balancer()
    assert stage.call(check=True)["actions"] == [f"record A {stage.host}"]
    second = stage.call()
    assert second["actions"] == [f"record A {stage.host}"]
    assert second["diff"] == {"before": {f"record A {stage.host}": None}, "after": {f"record A {stage.host}": balancer["DNSName"]}}
    assert stage.records()[(f"{stage.host}.", "A")].rstrip(".") == balancer["DNSName"]
    mark = stage.account.mark()
    assert not stage.call()["changed"] and not stage.call(check=True)["changed"]
    assert stage.account.mutations(mark) == []


def test_a_host_of_somebody_elses_zone_gets_a_certificate_and_what_to_create_there(stage: Stage) -> None:
    host = f"shop.{stage.unique}.example"
    foreign: dict[str, Any] = {"host_name": host, "require_zone": False}
    assert "has no public hosted zone" in stage.call(host_name=host)["msg"]
    would = stage.call(check=True, **foreign)
    first = stage.call(**foreign)
    assert would["actions"] == first["actions"] == [f"certificate {host}"]
    assert (would["records_by_hand"], first["certificate_status"], first["hosted_zone_id"]) == ([], "PENDING_VALIDATION", "")
    (validation,) = first["records_by_hand"]
    assert validation.endswith(".acm-validations.aws.") and f".{host}. CNAME " in validation
    balancer = stage.balancer()
    second = stage.call(**foreign)
    assert not second["changed"]
    assert second["records_by_hand"] == [validation, f"{host}. CNAME {balancer['DNSName']}."]
    assert stage.records() == {}
    assert stage.call(state="absent", **foreign)["actions"] == [f"certificate {host}, PENDING_VALIDATION {first['certificate_arn'].rpartition('/')[2]}"]
    assert not stage.call(state="absent", **foreign)["changed"]


def test_a_host_of_somebody_elses_zone_is_served_once_its_owner_has_created_the_record(stage: Stage) -> None:
    """Before, a zone of another account: here, one that this account gets later."""
    host = f"shop.{stage.unique}.example"
    validation = stage.call(host_name=host, require_zone=False)["records_by_hand"][0]
    zone = stage.new_zone(f"{stage.unique}.example")
    name, _cname, value = validation.split()
    record = {"Name": name, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": value}]}
    stage.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]})
    done = stage.call(host_name=host, require_zone=False)
    assert (done["certificate_status"], done["records_by_hand"], done["hosted_zone_id"]) == ("ISSUED", [], zone)


def test_without_a_load_balancers_name_the_certificate_is_all_that_is_looked_at(stage: Stage) -> None:
    stage.put("A", "192.0.2.1")
    assert stage.call(load_balancer_name="")["certificate_status"] == "ISSUED"
    assert not stage.call(load_balancer_name="")["changed"]
    assert "192.0.2.1" in stage.call()["msg"]


def test_drift_is_put_back(stage: Stage) -> None:
    """ACM renews a certificate only while its record is there (ACM user guide, "Renewal for domains validated by DNS")."""
    balancer = stage.balancer()
    arn = stage.call()["certificate_arn"]
    stage.acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "meshgate.io/hosted-zone"}])
    for record in stage.route53.list_resource_record_sets(HostedZoneId=stage.zone)["ResourceRecordSets"]:
        if record["Type"] in ("A", "CNAME"):
            batch = {"Changes": [{"Action": "DELETE", "ResourceRecordSet": record}]}
            stage.route53.change_resource_record_sets(HostedZoneId=stage.zone, ChangeBatch=batch)
    given = {"certificate_tags": {"team": "edge"}}
    would, done = stage.call(check=True, **given), stage.call(**given)
    named = [f"certificate {stage.host}, tags", f"certificate {stage.host}, validation record", f"record A {stage.host}"]
    assert would["actions"] == done["actions"] == named
    assert would["diff"] == done["diff"]
    assert done["certificate_arn"] == arn
    assert {kind for _name, kind in stage.records()} == {"A", "CNAME"}
    assert not stage.call(**given)["changed"]
    assert balancer["DNSName"] in done["diff"]["after"].values()


def test_both_families_for_a_dualstack_load_balancer(stage: Stage) -> None:
    """Route 53 developer guide, "Routing traffic to an ELB load balancer": AAAA where the load balancer has IPv6 addresses."""
    balancer = stage.balancer(IpAddressType="dualstack")
    done = stage.call(certificate=False)
    assert done["actions"] == [f"record A {stage.host}", f"record AAAA {stage.host}"]
    assert set(stage.records()) == {(f"{stage.host}.", "A"), (f"{stage.host}.", "AAAA")}
    stage.elbv2.set_ip_address_type(LoadBalancerArn=balancer["LoadBalancerArn"], IpAddressType="ipv4")
    assert stage.call(certificate=False)["diff"]["after"] == {f"record AAAA {stage.host}": None}
    assert set(stage.records()) == {(f"{stage.host}.", "A")}


@pytest.mark.parametrize(("kind", "value"), [("A", "192.0.2.1"), ("CNAME", "elsewhere.test")])
def test_a_record_that_leads_elsewhere_stays_unless_told(stage: Stage, kind: str, value: str) -> None:
    stage.put(kind, value)
    balancer = stage.balancer()
    refused = stage.call()
    assert refused["msg"] == f"the zone {stage.domain}. has {stage.host} already: {kind} {value}; set overwrite to replace it"
    assert stage.certificates() == {}  # refused before anything is made
    done = stage.call(overwrite=True, certificate=False)
    assert done["diff"]["after"][f"record A {stage.host}"] == balancer["DNSName"]
    assert list(stage.records()) == [(f"{stage.host}.", "A")]
    assert not stage.call(certificate=False)["changed"]


@pytest.mark.parametrize("key", ["RSA_2048", "EC_prime256v1"])
def test_a_certificate_of_somebody_else_is_left_alone(stage: Stage, key: str) -> None:
    theirs = stage.acm.request_certificate(DomainName=stage.host, ValidationMethod="DNS", KeyAlgorithm=key)["CertificateArn"]
    ours = stage.call()["certificate_arn"]
    assert ours != theirs and set(stage.certificates()) == {ours, theirs}
    gone = stage.call(state="absent")
    # Their certificate has the same validation record: it is renewed by it.
    assert [what for what in gone["actions"] if "record" in what] == []
    assert set(stage.certificates()) == {theirs}
    assert {kind for _name, kind in stage.records()} == {"CNAME"}


def test_what_a_lost_answer_doubled_and_what_failed_goes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = [{"Key": OWNER, "Value": stage.unique}]
    for _again in range(2):
        stage.acm.request_certificate(DomainName=stage.host, ValidationMethod="DNS", Tags=tags)
    done = stage.call()
    assert len(stage.certificates()) == 1 and done["certificate_status"] == "ISSUED"
    assert not stage.call()["changed"]


def test_removed_is_what_is_ours_in_any_state_and_twice(stage: Stage) -> None:
    balancer = stage.balancer()
    arn = stage.call()["certificate_arn"]
    listener = stage.listen(balancer, arn)
    stage.put("TXT", '"kept"', name=f"other.{stage.domain}")
    in_use = stage.call(state="absent", wait_timeout=1)
    assert f"deletion of the certificate of {stage.host}: still in use by {balancer['LoadBalancerArn']}" in in_use["msg"]
    assert set(stage.certificates()) == {arn}
    assert (f"{stage.host}.", "A") not in stage.records()
    assert sorted(kind for _name, kind in stage.records()) == ["CNAME", "TXT"]  # what is in use must stay renewable
    stage.elbv2.delete_listener(ListenerArn=listener)
    stage.elbv2.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    would = stage.call(state="absent", check=True)["actions"]
    assert would == [f"certificate {stage.host}, validation record", f"certificate {stage.host}, ISSUED {arn.rpartition('/')[2]}"]
    assert stage.call(state="absent")["actions"] == would
    assert stage.certificates() == {}
    assert set(stage.records()) == {(f"other.{stage.domain}.", "TXT")}
    assert not stage.call(state="absent")["changed"]


def test_a_record_to_a_load_balancer_that_is_gone_is_still_known(stage: Stage) -> None:
    """CreateLoadBalancer's DNSName is the name, a number, the region: what leads to it is ours after it is gone, or replaced by its successor."""
    first = stage.balancer()
    stage.call(certificate=False)
    stage.elbv2.delete_load_balancer(LoadBalancerArn=first["LoadBalancerArn"])
    assert not stage.call(certificate=False)["changed"]  # its successor comes
    second = stage.balancer()
    moved = stage.call(certificate=False)
    assert moved["diff"]["before"] == {f"record A {stage.host}": first["DNSName"]}
    assert moved["diff"]["after"] == {f"record A {stage.host}": second["DNSName"]}
    stage.elbv2.delete_load_balancer(LoadBalancerArn=second["LoadBalancerArn"])
    assert stage.call(state="absent")["actions"] == [f"record A {stage.host}"]
    assert stage.records() == {}


def test_somebody_else_s_records_survive_a_removal(stage: Stage) -> None:
    stage.balancer()
    stage.put("A", "192.0.2.1")
    assert not stage.call(state="absent")["changed"]
    assert stage.records() == {(f"{stage.host}.", "A"): "192.0.2.1"}


@pytest.mark.parametrize("order", ["name first", "wildcard first", "teardown"])
def test_the_record_that_a_name_and_its_wildcard_share_goes_with_the_last_of_both(stage: Stage, order: str) -> None:
    hosts = [stage.host, f"*.{stage.host}"]
    for host in hosts:
        assert not stage.call(host_name=host).get("failed")
    # ACM user guide, "DNS validation": the CNAME of a wildcard is that of its base.
    assert [kind for _name, kind in stage.records()] == ["CNAME"]
    if order == "teardown":
        done = run(aws_leftovers, stage.account.endpoint, cluster_name=stage.unique, wait_delay=0.2, wait_timeout=15)
        assert not done.get("failed"), done
    else:
        first, last = hosts if order == "name first" else hosts[::-1]
        assert not stage.call(host_name=first, state="absent").get("failed")
        assert [kind for _name, kind in stage.records()] == ["CNAME"]  # the other one is renewed by it
        assert not stage.call(host_name=last, state="absent").get("failed")
    assert stage.records() == {} and stage.certificates() == {}


def test_the_longest_public_zone_is_found_and_two_are_asked_about(stage: Stage) -> None:
    inner = stage.new_zone(stage.host)
    stage.new_zone(stage.host, HostedZoneConfig={"PrivateZone": True}, VPC={"VPCRegion": "us-west-2", "VPCId": "vpc-1"})
    stage.balancer()
    assert stage.call(certificate=False, host_name=f"a.{stage.host}")["hosted_zone_id"] == inner
    assert stage.call(certificate=False, host_name=f"a.{stage.host}", hosted_zone_id=stage.zone, check=True)["hosted_zone_id"] == stage.zone
    twin = stage.new_zone(stage.host)
    said = stage.call(certificate=False, host_name=f"b.{stage.host}")["msg"]
    assert "2 public zones" in said and inner in said and twin in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"host_name": "no_host"}, "host_name is 'no_host'; accepted: a host name"),
        ({"host_name": "a..test"}, "accepted: a host name"),
        ({"host_name": f"{'a' * 64}.test"}, "accepted: a host name"),
        ({"host_name": f"{'a' * 60}.example"}, "accepted: up to 64"),
        ({"host_name": "mesh.nobody.invalid"}, "a name in one of its public hosted zones"),
        ({"hosted_zone_id": "ZNONE"}, "hosted_zone_id is ZNONE; accepted: the id of a hosted zone of this account"),
        ({"host_name": "mesh.nobody.invalid", "hosted_zone_id": "own"}, "which does not hold mesh.nobody.invalid"),
        ({"hosted_zone_id": "private"}, "which is private: ACM validates in public DNS only"),
    ],
)
def test_what_aws_would_refuse_is_refused_first(stage: Stage, given: dict[str, Any], said: str) -> None:
    private: Callable[[], str] = lambda: stage.new_zone(stage.domain, HostedZoneConfig={"PrivateZone": True}, VPC={"VPCRegion": "us-west-2", "VPCId": "v"})  # noqa: E731
    zones = {"own": lambda: stage.zone, "private": private}
    zone = zones.get(given.get("hosted_zone_id", ""), lambda: given.get("hosted_zone_id", ""))()
    assert said in stage.call(**{**given, "hosted_zone_id": zone})["msg"]
    assert stage.certificates() == {}


def test_a_certificate_that_is_not_issued_in_time_says_what_to_look_at(stage: Stage) -> None:
    wrong = stage.new_zone(stage.domain)  # as if the registrar named another zone's servers: the record is never found there
    stage.route53.delete_hosted_zone(Id=stage.zone)
    arn = stage.acm.request_certificate(DomainName=stage.host, Tags=[{"Key": OWNER, "Value": stage.unique}])["CertificateArn"]  # by e-mail
    said = stage.call(hosted_zone_id=wrong, wait_timeout=1)["msg"]
    assert f"certificate {stage.host}, ACM's validation record: still PENDING_VALIDATION after 1 s" in said
    assert arn in stage.certificates()


def test_an_emulated_aws_that_does_not_run_holds_nothing() -> None:
    given = {"host_name": "mesh.example.com", "cluster_name": "sandbox"}
    assert not run(alb_domain, "http://127.0.0.1:9", state="absent", **given)["changed"]
    assert run(alb_domain, "http://127.0.0.1:9", check=True, **given)["actions"] == ["certificate mesh.example.com"]
    assert "nothing answers at" in run(alb_domain, "http://127.0.0.1:9", **given)["msg"]


@pytest.fixture(autouse=True)
def clean(stage: Stage) -> Iterator[None]:
    """ACM and ELBv2 of the account are of all tests."""
    yield
    for balancer in stage.elbv2.describe_load_balancers()["LoadBalancers"]:
        if balancer["LoadBalancerName"] == stage.unique:
            stage.elbv2.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    for arn in stage.certificates():
        stage.acm.delete_certificate(CertificateArn=arn)


def test_another_regions_certificate_of_the_name_keeps_the_validation_record(stage: Stage) -> None:
    """ACM's record is of account and domain, so that a namesake in another region is renewed by the same one."""
    stage.call()
    elsewhere = boto3.client("acm", region_name="eu-west-1", endpoint_url=stage.account.endpoint, aws_access_key_id="test", aws_secret_access_key="test")
    theirs = elsewhere.request_certificate(DomainName=stage.host, ValidationMethod="DNS")["CertificateArn"]
    kept = stage.records()
    assert stage.call(state="absent")["changed"] and stage.certificates() == {}
    assert stage.records() == kept and len(kept) == 1
    elsewhere.delete_certificate(CertificateArn=theirs)
