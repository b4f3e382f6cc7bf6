# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""boto3 and botocore, loaded on first use. Code that only needs names and limits from our AWS code would otherwise wait a fifth of a second for nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["boto3", "botocore"]


class Late:
    """A lazy package, imported on first access. If it is missing, AnsibleAWSModule has reported that by then."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        package = import_module(self._name)
        if not hasattr(package, name):
            import_module(f"{self._name}.{name}")
        return getattr(package, name)


if TYPE_CHECKING:
    import boto3
    import botocore.config
    import botocore.exceptions
    import botocore.httpsession
else:
    boto3, botocore = Late("boto3"), Late("botocore")
