# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Kubernetes' quantities: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/"""

from __future__ import annotations

import re
import typing as t
from decimal import Decimal

_QUANTITY = re.compile(r"[+]?([0-9]+\.?[0-9]*|\.[0-9]+)(?:([KMGTPE]i|[numkMGTPE]|)|[eE]([+-]?[0-9]{1,2}))")
_POWERS_OF_TEN = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_POWERS_OF_1024 = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def amount(quantity: t.Any) -> Decimal | None:
    """A quantity as a number, None if it is none.

    >>> amount("100m"), amount("1.5Gi"), amount(2), amount("64MB")
    (Decimal('0.100'), Decimal('1610612736.0'), Decimal('2'), None)
    """
    found = None if isinstance(quantity, bool) else _QUANTITY.fullmatch(str(quantity))
    if not found:
        return None
    number, suffix, exponent = Decimal(found[1]), found[2] or "", found[3]
    if exponent:
        return number.scaleb(int(exponent))
    return number * 1024 ** _POWERS_OF_1024[suffix] if suffix in _POWERS_OF_1024 else number.scaleb(_POWERS_OF_TEN[suffix])
