"""The load balancer's security group against moto's EC2: create, no-op, drift, foreign things, removal."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb.security_group import Rule, Wanted, converge, look, look_absent, remove
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.errors import AwsError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.ownership import OWNER_TAG


@pytest.fixture
def ec2(monkeypatch):
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield boto3.client("ec2", region_name="us-west-2")


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="192.168.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def backend(ec2, vpc):
    return ec2.create_security_group(GroupName="eks-cluster-sg-sandbox-1", Description="cluster", VpcId=vpc)["GroupId"]


@pytest.fixture
def wanted(vpc, backend):
    return Wanted("sandbox", "sandbox-alb", vpc, [80], ["0.0.0.0/0"], backend, [8080, 15021])


def settle(ec2, wanted):
    return converge(ec2, wanted, look(ec2, wanted))


def ingress_of(ec2, group):
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    sources = [(r["FromPort"], r.get("CidrIpv4") or r.get("CidrIpv6") or r["ReferencedGroupInfo"]["GroupId"]) for r in rules if not r["IsEgress"]]
    return sorted(sources)


def test_it_is_made_with_its_rules_and_then_nothing_differs(ec2, wanted):
    first = look(ec2, wanted)
    assert first.changed and first.before == {"backend_ingress": []}
    assert first.after["backend_ingress"] == ["tcp 8080 from sandbox-alb", "tcp 15021 from sandbox-alb"]
    group = converge(ec2, wanted, first)
    assert ingress_of(ec2, group) == [(80, "0.0.0.0/0")]
    assert ingress_of(ec2, wanted.backend_group_id) == [(8080, group), (15021, group)]
    assert not look(ec2, wanted).changed


def test_two_load_balancers_of_a_cluster_leave_each_other_their_rules(ec2, wanted):
    other = Wanted("sandbox", "canary-alb", wanted.vpc_id, [80], ["0.0.0.0/0"], wanted.backend_group_id, [3000])
    users = ec2.create_security_group(GroupName="users", Description="their own", VpcId=wanted.vpc_id)["GroupId"]
    own, others = Wanted(**{**vars(wanted), "source_group_ids": [users]}), settle(ec2, other)
    for one in (wanted, own):
        settle(ec2, one)
        assert (3000, others) in ingress_of(ec2, wanted.backend_group_id)
        assert not look(ec2, other).changed and not look(ec2, one).changed
        remove(ec2, look_absent(ec2, one))
        assert ingress_of(ec2, wanted.backend_group_id) == [(3000, others)] and ingress_of(ec2, others) == [(80, "0.0.0.0/0")]


def test_a_rule_that_somebody_removed_is_named_and_comes_back(ec2, wanted):
    group = settle(ec2, wanted)
    ec2.revoke_security_group_ingress(GroupId=wanted.backend_group_id, IpPermissions=[Rule(8080, group).permission()])
    state = look(ec2, wanted)
    assert len(state.before["backend_ingress"]) == 1 and state.backend_add == [Rule(8080, group)]
    converge(ec2, wanted, state)
    assert not look(ec2, wanted).changed


def test_changed_ports_and_networks_replace_the_rules(ec2, wanted):
    group = settle(ec2, wanted)
    wanted.ports, wanted.inbound_cidrs = [80, 443], ["203.0.113.0/24", "2001:db8::/32"]
    settle(ec2, wanted)
    assert ingress_of(ec2, group) == [(80, "2001:db8::/32"), (80, "203.0.113.0/24"), (443, "2001:db8::/32"), (443, "203.0.113.0/24")]
    assert not look(ec2, wanted).changed


def test_who_may_come_in_stays_as_it_is_where_nobody_says(ec2, wanted):
    wanted.inbound_cidrs = None
    group = settle(ec2, wanted)
    assert ingress_of(ec2, group) == [(80, "0.0.0.0/0")], "a new one lets everybody in"
    narrowed = Rule(80, "203.0.113.0/24")
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[narrowed.permission()])
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[Rule(80, "0.0.0.0/0").permission()])
    assert not look(ec2, wanted).changed
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[Rule(22, "198.51.100.0/24").permission()])
    wanted.ports = [80, 443]
    settle(ec2, wanted)
    assert ingress_of(ec2, group) == [(80, "203.0.113.0/24"), (443, "203.0.113.0/24")]
    wanted.inbound_cidrs = ["0.0.0.0/0"]
    assert look(ec2, wanted).weakens == "WEAKENS inbound_cidrs: 203.0.113.0/24 -> 0.0.0.0/0"
    wanted.inbound_cidrs = ["203.0.113.0/25"]
    assert look(ec2, wanted).changed and not look(ec2, wanted).weakens


def test_a_rule_that_somebody_opened_on_our_group_goes(ec2, wanted):
    group = settle(ec2, wanted)
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[Rule(22, "0.0.0.0/0").permission()])
    assert look(ec2, wanted).changed
    settle(ec2, wanted)
    assert ingress_of(ec2, group) == [(80, "0.0.0.0/0")]


def test_rules_of_others_on_the_backends_group_stay(ec2, wanted):
    ec2.authorize_security_group_ingress(GroupId=wanted.backend_group_id, IpPermissions=[Rule(443, "10.0.0.0/8").permission()])
    settle(ec2, wanted)
    assert (443, "10.0.0.0/8") in ingress_of(ec2, wanted.backend_group_id)
    assert not look(ec2, wanted).changed


def test_a_group_of_that_name_that_is_not_ours_is_refused(ec2, wanted, vpc):
    ec2.create_security_group(GroupName="sandbox-alb", Description="theirs", VpcId=vpc)
    with pytest.raises(Refused, match="carries no tag meshgate.io/cluster"):
        look(ec2, wanted)


def test_groups_that_are_given_get_only_the_rules_to_the_backend(ec2, wanted, vpc):
    given = ec2.create_security_group(GroupName="given", Description="given", VpcId=vpc)["GroupId"]
    wanted.source_group_ids = [given]
    assert settle(ec2, wanted) == ""
    assert ingress_of(ec2, wanted.backend_group_id) == [(8080, given), (15021, given)]
    assert ingress_of(ec2, given) == []
    assert not look(ec2, wanted).changed


def test_removal_takes_ours_and_nothing_else(ec2, wanted, vpc):
    settle(ec2, wanted)
    ec2.authorize_security_group_ingress(GroupId=wanted.backend_group_id, IpPermissions=[Rule(443, "10.0.0.0/8").permission()])
    foreign = ec2.create_security_group(GroupName="sandbox-alb-2", Description="theirs", VpcId=vpc)["GroupId"]
    absent = Wanted("sandbox", "sandbox-alb")  # as a teardown knows it, which has no facts
    state = look_absent(ec2, absent)
    assert state.changed
    remove(ec2, state)
    assert not look_absent(ec2, absent).changed
    assert ingress_of(ec2, wanted.backend_group_id) == [(443, "10.0.0.0/8")]
    assert ec2.describe_security_groups(GroupIds=[foreign])["SecurityGroups"]


def test_a_group_of_another_cluster_is_not_removed(ec2, wanted):
    settle(ec2, wanted)
    assert not look_absent(ec2, Wanted("other", "sandbox-alb")).changed


def test_a_group_that_is_still_in_use_is_tried_again():
    class Client:
        calls = 0

        def delete_security_group(self, GroupId):
            self.calls += 1
            if self.calls < 3:
                raise AwsError("ec2:DeleteSecurityGroup: it has a dependent object", "DependencyViolation")

    from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb.security_group import State

    client = Client()
    remove(client, State(group={"GroupId": "sg-1"}), sleep=lambda seconds: None)
    assert client.calls == 3


def test_the_ownership_tag_is_on_the_group(ec2, wanted):
    group = settle(ec2, wanted)
    tags = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["Tags"]
    assert {"Key": OWNER_TAG, "Value": "sandbox"} in tags
