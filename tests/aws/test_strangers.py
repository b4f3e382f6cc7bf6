# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The table of planted strangers against site, upgrade and teardown: what lies beside a platform is not touched, what is in its way is named, and nothing goes.

Strangers in Kubernetes need no AWS: tests/roles/test_istio_ownership.py::test_an_istio_of_somebody_else_is_named_and_left (role istio, both ways),
tests/unit/plugins/module_utils/kube/test_gateway_crds.py::test_foreign_crds_are_left_out, and of tests/unit/plugins/module_utils/kube/test_helm_release.py
test_somebody_else_s_release_is_neither_changed_nor_removed and test_the_crds_of_others_stay. What is in the way of site and upgrade is named in
tests/unit/plugins/modules/test_eks_platform_network.py, tests/inputs/test_environments.py and test_upgrade.py.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import strangers
from cloud import Cloud
from test_teardown import FAST, NAME, Builder, refused, remove
from test_upgrade import upgrade


def around(aws: Cloud) -> strangers.Planted:
    planted = strangers.plant_around(aws.endpoint, NAME)
    aws.control("POST", "clock", {"advance": 5})
    return planted.remember()


def test_without_a_cluster_of_ours_nothing_goes_and_what_has_its_name_is_said(aws: Cloud) -> None:
    planted = around(aws)
    mark = len(aws.faults.mutations())
    done = aws.module("aws_leftovers", **{**FAST, "include_cluster": True, "volumes": "delete", "logs": "delete", "images": "delete"})
    assert not done.get("failed") and not done["changed"] and done["removed"] == [], done
    assert len(aws.faults.mutations()) == mark and planted.touched() == []
    assert set(planted.named().values()) <= {entry["id"] for entry in done["foreign"]}


def test_beside_our_platform_no_stranger_is_touched(aws: Cloud, record_property: Callable[[str, object], None]) -> None:
    planted = around(aws)
    Builder(aws).build()
    done = remove(aws, volumes="delete", images="delete")
    assert done["changed"] and planted.touched() == []
    assert set(planted.named().values()) <= {entry["id"] for entry in done["foreign"]}
    record_property("aws_strangers_untouched", len(planted.strangers))


def test_in_the_way_each_is_named_and_nothing_goes(aws: Cloud, record_property: Callable[[str, object], None]) -> None:
    built = Builder(aws).build()
    ids = built.ids
    planted = strangers.plant_inside(
        aws.endpoint, NAME, ids["vpc"], ids["subnets"], group=ids["group"], certificate=ids["certificate"], repository=f"{NAME}/service-a"
    )
    aws.control("POST", "clock", {"advance": 5})
    planted.remember()
    said = refused(aws)
    missing = [one.title for one in planted.strangers if f"{one.in_the_way} {planted.ids[one.title]}" not in said]
    assert missing == [] and planted.touched() == [], said
    record_property("aws_strangers_named", len(planted.strangers))


def test_where_the_cluster_does_not_answer_only_its_own_load_balancers_go(aws: Cloud) -> None:
    planted = around(aws)
    built = Builder(aws).build()
    done = aws.module("alb_drain", cluster_name=NAME, without_cluster=True)
    assert not done.get("failed"), done
    assert built.ids["balancer"] in done["removed"] and len(done["removed"]) == 2 and planted.touched() == []


GIVEN = {"eks_cluster_name": NAME, "eks_cluster_node_groups": [{"name": "mng", "instance_types": ["m6g.large"], "desired_size": 1}]}


@pytest.mark.xdist_group("role")
def test_site_upgrade_and_teardown_of_a_platform_among_strangers(aws: Cloud, record_property: Callable[[str, object], None]) -> None:
    """What site.yml and teardown.yml do in AWS is role eks_cluster; upgrade.yml runs as it is."""
    planted = around(aws)
    given = {**GIVEN, "eks_cluster_kubeconfig": str(aws.folder / "kubeconfig")}
    aws.role("eks_cluster", eks_cluster_version="1.35", **given)
    assert planted.touched() == []
    assert upgrade(aws, "1.36", **given).changed
    assert aws.client("eks").describe_cluster(name=NAME)["cluster"]["version"] == "1.36" and planted.touched() == []
    assert aws.role("eks_cluster", eks_cluster_version="1.36", **given).changed == 0
    aws.role("eks_cluster", tasks_from="remove_look", **given)
    run = aws.role("eks_cluster", tasks_from="remove", **given)
    assert planted.touched() == []
    said = run.output
    assert [title for title, identity in planted.named().items() if f"{identity} was left alone" not in said] == []
    record_property("aws_strangers_role", len(planted.strangers))
