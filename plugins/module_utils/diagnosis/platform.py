# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Check a whole platform in parallel, whatever is broken, and report it in an order that a person can follow."""

from __future__ import annotations

import datetime
import typing as t
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from ..aws.client import Aws
from ..common.served_hosts import served_host
from ..docker.client import Docker
from ..istio.istioctl import Istioctl
from ..kube.access import Access, look, same_endpoint
from ..kube.api import KubeApi, KubeError
from ..kube.module import access_of
from ..mesh.faults import expired
from . import account as report_account
from . import certificates as report_certificates
from . import cluster as report_cluster
from . import ingress as report_ingress
from . import machine as report_machine
from . import mesh as report_mesh
from . import pods as report_pods
from . import policies as report_policies
from . import report
from . import traffic as report_traffic
from .certificates import Expiry
from .report import Section

Job = t.Callable[[], t.Any]
# Messages of an API server, or of kubectl, that rejects the caller.
REFUSALS = ("Unauthorized", "Forbidden", "forbidden", "must be logged in", "getting credentials")
# A symptom, and the causes that already explain it.
ECHOES = {
    "aws": ("docker", "emulator", "nothing"),
    "account": ("nothing",),
    "api": ("docker", "node_container", "nothing"),
    "kubeconfig": ("docker", "nothing", "account"),
}


@dataclass
class Wanted:
    """What to check."""

    cluster: str
    access: Access
    istioctl: Istioctl
    aws: Aws | None = None
    docker: Docker | None = None
    expected: list[str] = field(default_factory=list)
    ingress: str = "ingress"
    ingress_namespace: str = "istio-ingress"
    host_name: str = ""
    served_hosts: list[str] = field(default_factory=lambda: ["*"])
    routes: list[dict[str, t.Any]] = field(default_factory=list)
    scheme: str = "http"
    paths: list[str] = field(default_factory=list)
    connect_to: str = ""
    validate_answer_certs: bool = True
    log_lines: int = 5
    certificate_days: int = 30
    timeout: float = 10.0


class PlatformReport:
    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.now = datetime.datetime.now(datetime.UTC)
        self.expiries: list[Expiry] = []
        self.hostname = self.kube_endpoint = self.eks_endpoint = ""
        self.reached = Section("API server")

    def run(self) -> list[Section]:
        wanted = self.wanted
        with ThreadPoolExecutor(max_workers=12) as pool:
            machine = (
                pool.submit(guarded, "this machine", lambda: report_machine.look(t.cast(Docker, wanted.docker), wanted.cluster)) if wanted.docker else None
            )
            account = pool.submit(guarded, "AWS", self._account) if wanted.aws else None
            inside = self._inside(pool)
            balancers = [guarded("load balancers and targets", self._balancers)] if wanted.aws and not _silent(account) else []
            outside = [future.result() for future in (machine, account) if future]
        self._compare()
        certificates = guarded("certificates", self._certificates)
        host = wanted.host_name or self.hostname
        asked = [guarded("answers", lambda: self._answers(host))] if host else []
        faults = [guarded("faults on purpose", self._faults)] if wanted.routes else []
        return hush([*outside, *inside, *faults, certificates, *balancers, *asked])

    # -- inside the cluster -------------------------------------------------------------------------------------------

    def _inside(self, pool: ThreadPoolExecutor) -> list[Section]:
        wanted = self.wanted
        reached = self.reached = guarded("API server", self._reach)
        if reached.findings or reached.unknown:
            return [reached]
        try:
            with KubeApi(wanted.access.kubectl, wanted.access.kubeconfig or None, wanted.access.context or None, timeout=wanted.timeout) as api:
                jobs: dict[str, Job] = {
                    "nodes": lambda: report_cluster.nodes(api),
                    "workloads": lambda: report_cluster.workloads(api, wanted.expected),
                    "pods": lambda: report_pods.look(api, wanted.log_lines, self.now),
                    "admission webhooks": lambda: report_cluster.webhooks(api),
                    "what is being deleted": lambda: report_cluster.terminating(api, self.now),
                    "network policies": lambda: report_policies.network_policies(api),
                    "sidecars": lambda: report_mesh.sidecars(api),
                    "istioctl analyze": lambda: report_mesh.analyze(wanted.istioctl),
                    "istioctl proxy-status": lambda: report_mesh.proxy_status(wanted.istioctl, api, self.now),
                    "requests": lambda: report_traffic.look(api, wanted.istioctl.namespace, self.now),
                    "Ingresses": lambda: self._ingresses(api),
                    "certificates": lambda: self._collect(api),
                }
                futures: list[Future[Section]] = [pool.submit(guarded, title, job) for title, job in jobs.items()]
                return [reached, *[section for future in futures if (section := future.result()).title]]
        except KubeError as error:
            reached.unknown = str(error)
            return [reached]

    def _reach(self) -> Section:
        section = Section("API server")
        found = look(self.wanted.access)
        self.kube_endpoint = endpoint = found["endpoint"]
        reason = found["reason"]
        if found["reachable"]:
            section.lines.append(f"{endpoint}: Kubernetes {found['server_version']}")
            self.expiries += report_certificates.api_server(endpoint, self.wanted.timeout) if report_certificates.available() else []
        else:
            section.wrong(unreached(endpoint, reason), f"{endpoint}: {reason}" if endpoint else reason)
        return section

    def _ingresses(self, api: KubeApi) -> Section:
        section, self.hostname = report_ingress.look(api, self.wanted.ingress_namespace, self.wanted.ingress)
        return section

    def _collect(self, api: KubeApi) -> Section:
        """Certificates of the cluster; they are checked together with those of the load balancers."""
        if report_certificates.available():
            found, unread = report_certificates.in_cluster(api, self.wanted.istioctl.namespace)
            self.expiries += found
            if unread:
                return Section("certificates in the cluster", unknown="; ".join(unread))
        return Section("")

    # -- outside --------------------------------------------------------------------------------------------------------

    def _account(self) -> Section:
        section, self.eks_endpoint = report_account.look_at_cluster(t.cast(Aws, self.wanted.aws), self.wanted.cluster)
        return section

    def _balancers(self) -> Section:
        section, found = report_account.look_at_balancers(t.cast(Aws, self.wanted.aws), self.wanted.cluster, self.hostname, bool(self.hostname))
        self.expiries += found
        return section

    def _certificates(self) -> Section:
        section = Section("certificates")
        if not report_certificates.available():
            section.unknown = "the Python package cryptography is missing"
        else:
            report_certificates.judge(section, self.expiries, self.now, self.wanted.certificate_days)
        return section

    def _answers(self, host: str) -> Section:
        wanted = self.wanted
        asked = served_host(wanted.served_hosts, [wanted.host_name, self.hostname]) or host
        port = 443 if wanted.scheme == "https" else 80
        connect_to = wanted.connect_to or ("" if asked in (wanted.host_name, self.hostname) or not self.hostname else f"{self.hostname}:{port}")
        return report_ingress.answers(asked, wanted.paths, connect_to, wanted.scheme, wanted.validate_answer_certs, wanted.timeout)

    def _faults(self) -> Section:
        """Of the inventory's routes: a platform that nobody applied since is still broken on purpose."""
        section = Section("faults on purpose")
        for line in expired(self.wanted.routes, self.now.date().isoformat()):
            section.wrong("fault", line)
        return section

    def _compare(self) -> None:
        """The kubeconfig must be for the cluster that EKS has."""
        ours, theirs = self.kube_endpoint, self.eks_endpoint
        if ours and theirs and not same_endpoint(ours, theirs):
            self.reached.wrong("kubeconfig", f"{self.wanted.access.kubeconfig or 'it'} points at {ours}, but EKS reports the cluster at {theirs}")


def unreached(endpoint: str, reason: str) -> str:
    """The symptom behind kubectl's message."""
    if reason.endswith("no such program") or ("executable" in reason and "not found" in reason):  # the second: a missing exec plugin such as `aws`
        return "tool"
    if not endpoint:
        return "kubeconfig"
    return "refused" if any(word in reason for word in REFUSALS) else "api"


def hush(sections: list[Section]) -> list[Section]:
    """A mere consequence of a reported cause does not count as another problem."""
    said = {finding.symptom for section in sections for finding in section.findings}
    for finding in (finding for section in sections for finding in section.findings):
        causes = ECHOES.get(finding.symptom, ())
        finding.echo = any(cause in said for cause in causes)
        # Neither AWS nor this machine has the cluster: then nothing is broken.
        if finding.symptom == "account" and "kubeconfig" in said and "nothing" not in said:
            finding.symptom = "nothing"
    return sections


def guarded(title: str, job: t.Callable[[], Section]) -> Section:
    """There is always a report, whatever is broken."""
    try:
        return job()
    except Exception as error:  # noqa: BLE001 -- the one thing that this must not do is fail
        return Section(title, unknown=f"could not be checked: {error or type(error).__name__}")


def _silent(account: Future[Section] | None) -> bool:
    """Whether AWS rejects us completely; then it is not called again."""
    return account is not None and any(one.symptom in ("aws", "credentials") for one in account.result().findings)


# What the module platform_report_info does

PLAIN = (
    "expected",
    "ingress",
    "ingress_namespace",
    "host_name",
    "served_hosts",
    "routes",
    "scheme",
    "paths",
    "connect_to",
    "validate_answer_certs",
    "log_lines",
    "certificate_days",
)


def report_of(module: t.Any, aws: Aws) -> dict[str, t.Any]:
    params = module.params
    # A report must not take minutes because a server hangs.
    aws.retries = 1
    seconds = params["timeout"]
    with access_of(module, float(min(5, seconds))) as access:
        wanted = Wanted(
            cluster=params["cluster_name"],
            access=access,
            istioctl=Istioctl(params["istioctl"], access.kubeconfig, access.context, params["istio_namespace"]),
            aws=aws if params["aws"] else None,
            docker=Docker() if params["laptop"] else None,
            timeout=float(seconds),
            **{name: params[name] for name in PLAIN},
        )
        sections = PlatformReport(wanted).run()
    wrong, notes = report.ranked(sections, notes=False), report.ranked(sections, notes=True)
    return {
        "report": report.render(f"{params['cluster_name']}, {params.get('region') or 'the default region'}", sections),
        "healthy": not wrong and not any(section.unknown for section in sections),
        "findings": [finding.as_result() for finding in [*wrong, *notes]],
        "sections": [section.as_result() for section in sections],
    }
