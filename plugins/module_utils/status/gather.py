# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Read all that the screen needs, in parallel. The only part that asks anybody; what cannot be read is noted with its reason."""

from __future__ import annotations

import datetime
import os
import typing as t
from concurrent.futures import ThreadPoolExecutor, wait

from ..aws import elbv2
from ..aws.client import Aws
from ..diagnosis import account
from ..diagnosis import certificates as expiring
from ..kube.access import Access
from ..kube.api import KubeApi, KubeError
from ..kube.crds import API as CRD_API
from ..kube.crds import KIND as CRD
from ..mesh.live import KINDS as ROUTE_KINDS
from ..observability.asking import ask
from ..observability.prometheus import NAME
from . import metrics
from .facts import Facts, Wanted

KINDS = (
    ("v1", "Node"),
    ("v1", "Namespace"),
    ("v1", "Service"),
    ("apps/v1", "Deployment"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("networking.k8s.io/v1", "Ingress"),
    ("security.istio.io/v1", "AuthorizationPolicy"),
    *ROUTE_KINDS,
)
# One says the version of all: https://gateway-api.sigs.k8s.io/concepts/versioning/.
GATEWAY_CRD = "httproutes.gateway.networking.k8s.io"
AT_ONCE = 12
Job = t.Callable[[], None]


def gather(wanted: Wanted, access: Access, aws: Aws | None) -> Facts:
    facts = Facts(wanted, datetime.datetime.now(datetime.UTC))
    if aws is None:
        facts.unread["EKS"] = facts.unread["ELBv2"] = "AWS was not asked"
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        asked = [pool.submit(_noted, facts, name, job) for name, job in (_outside(facts, aws) if aws else {}).items()]
        _cluster(facts, access, pool)
        wait(asked)
    return facts


def _cluster(facts: Facts, access: Access, pool: ThreadPoolExecutor) -> None:
    path = access.kubeconfig
    facts.no_kubeconfig = bool(path) and os.pathsep not in path and not os.path.exists(path)
    if facts.no_kubeconfig:
        facts.unreached = f"there is no kubeconfig {path}"
        return
    try:
        with KubeApi(access.kubectl, path or None, access.context or None, timeout=access.timeout or 5) as api:
            facts.version = str(api.request("GET", "/version")["gitVersion"])
            wait([pool.submit(_noted, facts, name, job) for name, job in _inside(facts, api).items()])
    except (KubeError, KeyError, TypeError) as error:
        facts.unreached = str(error) if isinstance(error, KubeError) else "what answers is no Kubernetes API server"


def _noted(facts: Facts, name: str, job: Job) -> None:
    """There is always a screen, whatever is broken."""
    try:
        job()
    except Exception as error:  # noqa: BLE001 -- of boto3, whose module may be missing, as much as ours
        facts.unread[name] = str(error) or type(error).__name__


def _outside(facts: Facts, aws: Aws) -> dict[str, Job]:
    return {"EKS": lambda: _eks(facts, aws), "ELBv2": lambda: _balancers(facts, aws)}


def _inside(facts: Facts, api: KubeApi) -> dict[str, Job]:
    def read(api_version: str, kind: str) -> Job:
        return lambda: facts.objects.update({kind: api.find(api_version, kind)})

    return {
        **{kind: read(api_version, kind) for api_version, kind in KINDS},
        CRD: lambda: facts.objects.update({CRD: [crd for crd in (api.get(CRD_API, CRD, GATEWAY_CRD),) if crd]}),
        "certificates": lambda: _certificates(facts, api),
        "metrics": lambda: _traffic(facts, api),
    }


def _certificates(facts: Facts, api: KubeApi) -> None:
    if not expiring.available():
        raise KubeError("the Python package cryptography is missing")
    found, unread = expiring.in_cluster(api, facts.wanted.istio_namespace)
    facts.expiries += found
    if unread:
        raise KubeError("; ".join(unread))


def _traffic(facts: Facts, api: KubeApi) -> None:
    namespace = facts.wanted.istio_namespace
    if api.get("v1", "Service", NAME, namespace) is None:
        raise KubeError(f"there is no Prometheus (Service {namespace}/{NAME})")
    answers = {name: ask(api, namespace, query) for name, query in metrics.queries(facts.wanted.window).items()}
    facts.traffic = metrics.traffic(answers)


def _eks(facts: Facts, aws: Aws) -> None:
    name = facts.wanted.cluster
    facts.eks = aws.find("eks", "describe_cluster", "cluster", name=name)
    if facts.eks:
        for group in aws.pages("eks", "list_nodegroups", "nodegroups", clusterName=name):
            found = aws.find("eks", "describe_nodegroup", "nodegroup", clusterName=name, nodegroupName=group)
            facts.node_groups += [found] if found else []


def _balancers(facts: Facts, aws: Aws) -> None:
    client = aws.retrying_client("elbv2")
    facts.balancers = [elbv2.describe(client, item) for item in elbv2.by_tags(client, facts.wanted.cluster)]
    facts.expiries += [expiry for balancer in facts.balancers for expiry in account.listener_certificates(aws, balancer)]
