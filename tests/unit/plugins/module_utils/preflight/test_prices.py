# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a platform costs: summed by hand here, and never a number that the price list does not have."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.meshgate.eks_istio.plugins.module_utils.preflight.prices import SIZES, estimate

LIST = yaml.safe_load((Path(__file__).resolve().parents[5] / "roles/eks_cluster/files/prices.yml").read_text())
SEED = {"region": "us-west-2", "nat_mode": "single", "node_groups": [{"name": "mng-arm", "instance_types": ["m6g.large"], "desired_size": 2}]}


def cost(listed: dict[str, Any] = LIST, zones: int = 3, extended: bool = False, scheme: str = "internet-facing", **changes: Any):
    return estimate({**SEED, **changes}, listed, zones, extended, scheme)


def test_the_seeds_platform() -> None:
    found = cost()
    # EKS, two m6g.large, 2 x 80 GiB of gp3, one NAT gateway, one load balancer, four public addresses (NAT gateway, load balancer in three zones).
    by_hand = 0.10 + 2 * 0.077 + 160 * 0.08 / 730 + 0.045 + 0.0225 + 4 * 0.005
    assert found.per_hour == pytest.approx(by_hand)
    assert found.missing() == []
    assert found.summary() == f"0.359 USD an hour, 262.10 a month in us-west-2, list prices of {LIST['date']}"
    assert found.lines()[1] == "node m6g.large                2 x 0.077   0.1540/hour   112.42/month"
    assert found.lines()[-1].startswith("sum  ")
    assert all(len(line) <= 76 for line in found.lines())


def test_what_is_billed_by_use_is_said_and_not_summed() -> None:
    lines = "\n".join(cost().lines())
    assert "NAT traffic" in lines
    assert "0.045 per GB, by use" in lines
    assert "0.008 per LCU hour, by use" in lines


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        # Two more NAT gateways, each with an address.
        ({"nat_mode": "highly_available"}, 2 * (0.045 + 0.005)),
        # No NAT gateway and no address of its own, but the nodes have one each.
        ({"nat_mode": "disabled"}, -0.045 - 0.005 + 2 * 0.005),
        ({"scheme": "internal"}, -3 * 0.005),
        ({"zones": 2}, -0.005),
        ({"extended": True}, 0.50),
        # A network that was there before has gateways that were paid for before.
        ({"vpc_id": "vpc-0123456789abcdef0"}, -0.045 - 0.005),
        ({"node_groups": [{"name": "a", "instance_types": ["m6g.xlarge"], "desired_size": 2, "disk_size": 40}]}, 2 * 0.077 - 80 * 0.08 / 730),
    ],
)
def test_what_changes_the_sum(changes: dict[str, Any], difference: float) -> None:
    assert cost(**changes).per_hour - cost().per_hour == pytest.approx(difference)


def test_of_several_types_the_dearest_counts() -> None:
    found = cost(node_groups=[{"name": "a", "instance_types": ["c6g.large", "m6g.large"], "desired_size": 1}])
    assert next(item for item in found.items if item.name.startswith("node")).price == 0.077


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"region": "us-gov-west-1"}, ["EKS control plane", "NAT gateway", "load balancer", "public IPv4 address"]),
        ({"region": "eu-west-3"}, ["node m6g.large", "NAT gateway", "load balancer"]),
        ({"node_groups": [{"name": "a", "instance_types": ["p5.48xlarge"], "desired_size": 1}]}, ["node p5.48xlarge"]),
        ({"node_groups": [{"name": "a", "instance_types": ["m6g.metal"], "desired_size": 1}]}, ["node m6g.metal"]),
        ({"node_groups": [{"name": "a", "instance_types": ["m6g.large"], "desired_size": 1, "capacity_type": "SPOT"}]}, ["spot node m6g.large"]),
    ],
)
def test_what_the_list_lacks_is_named_and_not_guessed(changes: dict[str, Any], missing: list[str]) -> None:
    found = cost(**changes)
    assert set(missing) <= set(found.missing())
    assert f"not in the price list and left out: {', '.join(found.missing())}" in found.summary()
    assert "not in the price list" in "\n".join(found.lines())
    assert found.per_hour == pytest.approx(sum(item.per_hour for item in found.items if item.per_hour))


def test_sizes_cost_in_proportion() -> None:
    assert (SIZES["medium"], SIZES["xlarge"], SIZES["2xlarge"], SIZES["16xlarge"]) == (0.5, 2, 4, 32)


def test_the_list_says_its_date_and_sources_and_has_no_strange_keys() -> None:
    assert date.fromisoformat(LIST["date"]).year >= 2026
    assert all(address.startswith("https://") for address in LIST["sources"].values())
    keys = {"nat_gateway_hour", "nat_gateway_gb", "alb_hour", "alb_lcu_hour", "gp3_gb_month", "amp_10m_samples", "instances"}
    assert set().union(*LIST["regions"].values()) == keys
    numbers = [value for region in LIST["regions"].values() for key, value in region.items() if key != "instances"]
    assert all(0 < value < 1 for value in numbers)
    assert len(LIST["regions"]) == 13


def test_the_document_shows_what_is_printed() -> None:
    found = cost()
    text = (Path(__file__).resolve().parents[5] / "docs/aws.md").read_text()
    assert "\n".join([f"cost: {found.summary()}", *found.lines()]) in text


def test_samples_for_amazon_managed_prometheus_are_in_the_sum() -> None:
    """A small mesh's 10,000 series, every 15 s: 2.4 million samples an hour, at 0.90 USD for ten million."""
    without, sent = cost(), estimate(SEED, LIST, scrape_interval=15)
    assert sent.per_hour - without.per_hour == pytest.approx(2.4 / 10 * 0.90)
    assert "10 million metric samples" in "\n".join(sent.lines())
    assert "10 million metric samples" in estimate({**SEED, "region": "eu-north-1"}, LIST, scrape_interval=15).missing()


def test_container_insights_is_named_as_what_nobody_can_sum() -> None:
    assert "Container Insights" in cost(addons=[{"name": "vpc-cni"}, {"name": "amazon-cloudwatch-observability"}]).missing()
    assert "Container Insights" not in cost(addons=[{"name": "vpc-cni"}]).missing()
