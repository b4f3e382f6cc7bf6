# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The EKS backend and its HTTP side, which replace moto's."""

from __future__ import annotations

import copy
from collections import ChainMap
from collections.abc import Callable
from typing import Any

from moto.core.base_backend import BaseBackend
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, get_service_model
from moto.eks import urls
from moto.eks.models import eks_backends
from moto.eks.responses import EKSResponse
from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

from ..common import DEFAULT_ACCOUNT, Schedule, principal_arn, use_backend, use_response
from . import checks
from .insights import Insights
from .nodes import Nodes
from .state import Cluster, Data

# Paths that moto does not serve: EKS's whole REST tree is below these.
MORE_PATHS = ["clusters/(?P<path>.+)$", "addons/(?P<path>.+)$", "access-policies$", "cluster-versions$"]


class EksBackend(Nodes, Insights, BaseBackend):
    def __init__(self, region_name: str, account_id: str) -> None:
        BaseBackend.__init__(self, region_name, account_id)
        self.partition = get_partition(region_name)
        self.clusters: dict[str, Cluster] = {}
        self.schedule = Schedule()
        self.principal = f"arn:aws:iam::{DEFAULT_ACCOUNT}:root"
        self.answered: dict[tuple[str, str], Any] = {}

    def once(self, operation: str, parameters: Data) -> Any:
        """clientRequestToken of the API reference: a repeated request gets the first response, and is not executed again."""
        checks.tags(parameters.get("tags") or {})
        key = (operation, str(parameters.get("clientRequestToken")))
        if not parameters.get("clientRequestToken"):
            return getattr(self, operation)(parameters)
        if key not in self.answered:
            self.answered[key] = getattr(self, operation)(parameters)
        return self.answered[key]


class EksResponse(EKSResponse):
    def __init__(self) -> None:
        super().__init__()
        self.automated_parameter_parsing = True

    def answer(self, operation: str) -> ActionResult:
        backend: Any = eks_backends[self.current_account][self.region]
        backend.principal = _entry_principal(principal_arn(self.access_key, self.region), backend)
        parameters: Data = dict(ChainMap(self.params, self.uri_match))
        if "resourceArn" in parameters:
            parameters["resourceArn"] = self._extract_arn_from_path()
        # A copy: the stored response must not be changed by the serializer, nor the client's lists become ours.
        return ActionResult(copy.deepcopy(backend.once(operation, parameters)))


def _entry_principal(arn: str, backend: EksBackend) -> str:
    """An access entry is for the role, with its path, not for one session of it."""
    if ":assumed-role/" not in arn:
        return arn
    account, name = arn.split(":")[4], arn.split("/")[1]
    for role in iam_backends[account][backend.partition].roles.values():
        if role.name == name:
            return str(role.arn)
    return f"arn:{backend.partition}:iam::{account}:role/{name}"


def _method(operation: str) -> Callable[[EksResponse], ActionResult]:
    def method(self: EksResponse) -> ActionResult:
        return self.answer(operation)

    method.__name__ = operation
    return method


def install() -> None:
    for name in get_service_model("eks").operation_names:
        operation = camelcase_to_underscores(name)
        if hasattr(EksBackend, operation):
            setattr(EksResponse, operation, _method(operation))
    for path in MORE_PATHS:
        urls.url_paths["{0}/" + path] = EksResponse.dispatch
    use_backend(eks_backends, EksBackend)
    use_response(urls, EksResponse)
