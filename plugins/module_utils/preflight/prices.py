# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A platform's cost at AWS's list prices. Pure: inputs and a price list in, items and a sentence out. What the list lacks is reported, never estimated."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ..aws.partitions import partition_of
from ..eks.platform.node_group_inputs import full_sizes
from ..observability.volume import SERIES

# The add-on of CloudWatch's: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/install-CloudWatch-Observability-EKS-addon.html
CONTAINER_INSIGHTS = "amazon-cloudwatch-observability"
HOURS_PER_MONTH = 730
ZONES = 3
DISK = 80
# An instance's price follows its size: an xlarge costs as much as two large. Sizes that do not (metal, odd ones) are not included.
SIZES = {"nano": 1 / 16, "micro": 1 / 8, "small": 1 / 4, "medium": 1 / 2, "large": 1, "xlarge": 2}
SIZES |= {f"{number}xlarge": 2 * number for number in (2, 4, 8, 12, 16, 24, 32, 48)}


@dataclass
class Item:
    """A billed item: how many, at which unit price. Without a price it is not in the sum."""

    name: str
    quantity: float
    unit: str
    price: float | None
    per_hour: float | None
    note: str = ""


@dataclass
class Estimate:
    items: list[Item]
    region: str
    date: str
    currency: str

    @property
    def per_hour(self) -> float:
        return sum(item.per_hour or 0 for item in self.items)

    def missing(self) -> list[str]:
        return [item.name for item in self.items if item.price is None]

    def summary(self) -> str:
        """One line: the sum, and what is not in it."""
        said = f"{self.per_hour:.3f} {self.currency} an hour, {_per_month(self.per_hour):.2f} a month in {self.region}, list prices of {self.date}"
        return said + (f"; not in the price list and left out: {', '.join(self.missing())}" if self.missing() else "")

    def lines(self) -> list[str]:
        """A readable table."""
        lines = []
        for item in self.items:
            if item.price is None:
                lines.append(f"{item.name:<26} {item.quantity:>4g}    not in the price list{f' ({item.note})' if item.note else ''}")
            elif item.per_hour is None:
                lines.append(f"{item.name:<26}         {item.price:g} per {item.unit}, by use")
            else:
                lines.append(f"{item.name:<26} {item.quantity:>4g} x {item.price:<6g} {self._sum(item.per_hour)}")
        return [*lines, f"{'sum':<26} {'':>13} {self._sum(self.per_hour)}"]

    @staticmethod
    def _sum(per_hour: float) -> str:
        return f"{per_hour:7.4f}/hour {_per_month(per_hour):8.2f}/month"

    def as_result(self) -> dict[str, Any]:
        return {
            "region": self.region,
            "date": self.date,
            "currency": self.currency,
            "per_hour": round(self.per_hour, 4),
            "per_month": _per_month(self.per_hour),
            "items": [asdict(item) for item in self.items],
            "missing": self.missing(),
            "summary": self.summary(),
            "lines": self.lines(),
        }


class Prices:
    """The price list of one region."""

    def __init__(self, listed: dict[str, Any], region: str) -> None:
        everywhere = listed["everywhere"] if partition_of(region) == "aws" else {}
        self.known: dict[str, Any] = {**everywhere, **(listed["regions"].get(region) or {})}

    def get(self, key: str) -> float | None:
        return self.known.get(key)

    def instance(self, instance_type: str) -> float | None:
        family, _dot, size = instance_type.partition(".")
        large = (self.known.get("instances") or {}).get(family)
        return round(large * SIZES[size], 6) if large is not None and size in SIZES else None


def estimate(
    platform: dict[str, Any],
    listed: dict[str, Any],
    zones: int = ZONES,
    extended: bool = False,
    scheme: str = "internet-facing",
    scrape_interval: int = 0,
) -> Estimate:
    """A platform's cost. C(platform) has the role's inputs, C(zones) is how many zones it spans.

    C(scrape_interval): seconds between samples for Amazon Managed Prometheus, 0 if it gets none.
    """
    prices = Prices(listed, platform["region"])
    own_network = not platform.get("vpc_id") and not platform.get("subnet_ids")
    nat = {"single": 1, "highly_available": zones, "disabled": 0}[platform["nat_mode"]] if own_network else 0
    nodes = [(group, full_sizes(group)["desired_size"]) for group in platform["node_groups"]]
    support = "EKS in extended support" if extended else "EKS control plane"
    items = [_hourly(support, 1, prices.get("eks_extended_support_hour" if extended else "eks_cluster_hour"))]
    items += [_node(group, count, prices) for group, count in nodes if count]
    items.append(_volume(sum((group.get("disk_size") or DISK) * count for group, count in nodes), prices.get("gp3_gb_month")))
    if nat:
        items.append(_hourly("NAT gateway", nat, prices.get("nat_gateway_hour")))
    items.append(_hourly("load balancer", 1, prices.get("alb_hour")))
    default = "public" if platform["nat_mode"] == "disabled" and own_network else "private"
    outside = sum(count for group, count in nodes if (group.get("subnets") or default) == "public")
    public = nat + (zones if scheme == "internet-facing" else 0) + outside
    if public:
        items.append(_hourly("public IPv4 address", public, prices.get("public_ipv4_hour")))
    if scrape_interval:
        items.append(_samples(scrape_interval, prices.get("amp_10m_samples")))
    if CONTAINER_INSIGHTS in {addon["name"] for addon in platform.get("addons") or []}:
        items.append(Item("Container Insights", 1, "hour", None, None, "by what it observes"))
    if nat:
        items.append(Item("NAT traffic", 0, "GB", prices.get("nat_gateway_gb"), None))
    items.append(Item("load balancer capacity", 0, "LCU hour", prices.get("alb_lcu_hour"), None))
    return Estimate(items, platform["region"], str(listed["date"]), listed["currency"])


def _per_month(per_hour: float) -> float:
    """To the cent, half a cent up: the last binary digit of a sum differs between versions of Python."""
    exact = Decimal(str(round(per_hour * HOURS_PER_MONTH, 6)))
    return float(exact.quantize(Decimal("0.01"), ROUND_HALF_UP))


def _hourly(name: str, quantity: float, price: float | None, note: str = "") -> Item:
    return Item(name, quantity, "hour", price, None if price is None else quantity * price, note)


def _node(group: dict[str, Any], count: int, prices: Prices) -> Item:
    """The most expensive of several types, since AWS chooses."""
    kinds = group["instance_types"]
    if group.get("capacity_type") == "SPOT":
        return _hourly(f"spot node {' or '.join(kinds)}", count, None, "its price varies")
    each = [prices.instance(kind) for kind in kinds]
    known = [price for price in each if price is not None]
    return _hourly(f"node {' or '.join(kinds)}", count, max(known) if len(known) == len(each) else None)


def _samples(interval: int, price: float | None) -> Item:
    """Of a small mesh. They are counted as they arrive; storing them costs little beside it."""
    millions = SERIES * 3600 / interval / 1e6
    return Item("10 million metric samples", round(millions / 10, 2), "hour", price, None if price is None else millions / 10 * price, "a small mesh's")


def _volume(size: float, price: float | None) -> Item:
    return Item("GiB of gp3 volumes", size, "month", price, None if price is None else size * price / HOURS_PER_MONTH)
