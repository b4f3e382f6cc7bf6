# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How every module that uses a cluster begins and ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from ..common.failure import Failure, fail
from .access import Access
from .connection import reached
from .errors import KubeError
from .options import CONNECTION, connection

if TYPE_CHECKING:
    from .api import KubeApi

Result = dict[str, Any]


def kube_module(options: dict[str, dict[str, Any]], **more: Any) -> AnsibleModule:
    """A module with these options and those of the connection; all of ours support check mode."""
    return AnsibleModule(argument_spec={**options, **CONNECTION}, supports_check_mode=True, **more)


@contextmanager
def access_of(module: AnsibleModule, timeout: float | None = None) -> Iterator[Access]:
    """The connection of a module's options."""
    params = module.params
    asked = connection(params)
    if isinstance(params.get("kubeconfig"), str):
        module.no_log_values.discard(params["kubeconfig"])  # a path is not secret, and messages contain it
    elif params.get("kubeconfig"):
        module.no_log_values -= _leaves(params["kubeconfig"])  # nor is every "v1" in a response
    module.no_log_values |= asked.secrets()
    with reached(asked, params["kubectl"], timeout) as access:
        yield access


def _leaves(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {leaf for item in value.values() for leaf in _leaves(item)}
    return {leaf for item in value for leaf in _leaves(item)} if isinstance(value, list) else {str(value)}


@contextmanager
def api_of(module: AnsibleModule) -> Iterator[KubeApi]:
    """The cluster's API, for a module that ends by itself."""
    with access_of(module) as access, _api(access) as api:
        yield api


def _api(access: Access) -> KubeApi:
    """Imported on use: checking whether a cluster answers needs no HTTP client, which would take a third of such a task."""
    from .api import KubeApi

    return KubeApi(access.kubectl, access.kubeconfig, access.context)


def run(
    module: AnsibleModule,
    act: Callable[[KubeApi, Access], Result],
    unreached: Callable[[KubeError], Result] | None = None,
    what: str = "",
) -> None:
    """Open the cluster, act and end.

    `unreached` is the result of check mode while there is no cluster yet: a platform is planned before it is created. `what` precedes the API's message.
    """
    try:
        with access_of(module) as access, _api(access) as api:
            api.request("GET", "/version")
            result = act(api, access)
    except KubeError as error:
        if unreached is None or not module.check_mode or error.status:
            fail(module, error, what)
        result = unreached(error)
    except Failure as failure:
        fail(module, failure)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(**result)
