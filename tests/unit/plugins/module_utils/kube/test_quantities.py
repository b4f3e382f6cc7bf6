# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is a quantity, and how much it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.quantities import amount


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("100m", "0.1"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        (2, "2"),
        (0.25, "0.25"),
        ("64Mi", str(64 * 2**20)),
        ("1.5Gi", str(3 * 2**29)),
        ("128M", "128000000"),
        ("1k", "1000"),
        ("3e2", "300"),
        ("1E3", "1000"),
        ("2E", str(2 * 10**18)),
        ("0", "0"),
    ],
)
def test_quantities_are_those_of_kubernetes(quantity: Any, number: str) -> None:
    assert amount(quantity) == Decimal(number)


@pytest.mark.parametrize("quantity", ["", "10mm", "64MB", "64mi", "1 Gi", "-1", "1Ki2", "Gi", ".", "one", "ki", "1ki", True, None, [], {}])
def test_others_are_none(quantity: Any) -> None:
    assert amount(quantity) is None
