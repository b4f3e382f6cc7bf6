# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Make the shell script's inputs from what the modules of a run were told.

Usage: export.py RECORD DIRECTORY. Needs `.collections` on PYTHONPATH, since what the modules make of their arguments (labels, ownership,
`docker run` arguments, AWS requests) is made here by the same functions. Ids that AWS chose become `@KIND:NAME@`; aws.py puts in the new ones.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import more
import yaml

from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb import security_group as alb_security_group
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws import service_account_role as iam_web_identity
from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker.client import NETWORK, Docker, fixed_address, image_id
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import cluster as eks_cluster
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import nodegroup as eks_nodegroup
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.role_names import name_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio import operator as istio_operator
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube import apply_set, gateway_crds
from ansible_collections.meshgate.eks_istio.plugins.module_utils.laptop import kind
from ansible_collections.meshgate.eks_istio.plugins.module_utils.laptop.emulator import API, LOAD_BALANCER, Emulator

CLUSTER_GROUP = "group:of the cluster"
KUBELET_DROP_IN = "/etc/systemd/system/kubelet.service.d/20-meshgate.conf"


class Record:
    """What a run's modules were told and what they answered."""

    def __init__(self, calls: list[dict[str, Any]]) -> None:
        self.calls = calls

    def all(self, module: str) -> list[dict[str, Any]]:
        return [call for call in self.calls if call["module"] == module]

    def last(self, module: str) -> dict[str, Any]:
        found = self.all(module)
        if not found:
            raise SystemExit(f"the recorded run did not run module {module}; a run of the whole of site.yml is needed")
        return found[-1]

    def look(self) -> dict[str, Any]:
        """The last comparison of the whole platform."""
        looks = [call for call in self.all("eks_platform") if call["arguments"].get("state") == "planned"]
        return looks[-1] if looks else self.last("eks_platform")

    def told(self, module: str) -> dict[str, Any]:
        arguments: dict[str, Any] = self.last(module)["arguments"]
        return arguments


def placeholders(record: Record) -> dict[str, str]:
    """Every id that AWS chose, and the kind and name to find its successor by."""
    plan = record.look()["result"]["plan"]
    named = [("vpc", [plan["vpc"]]), ("gateway", [plan["internet_gateway"]]), ("subnet", plan["subnets"]), ("nat", plan["nat_gateways"])]
    found = {item["id"]: f"{sort}:{item['name']}" for sort, items in named for item in items}
    group = record.last("alb_security_group")
    found[group["arguments"]["backend_security_group_id"]] = CLUSTER_GROUP
    found[group["result"]["group_ids"][0]] = f"group:{group['arguments']['group_name']}"
    return found


def aws_inputs(record: Record) -> dict[str, Any]:
    """Requests, ready to be sent but for the ids."""
    plan = record.look()["result"]["plan"]
    role, group, emulator = record.told("iam_service_account_role"), record.told("alb_security_group"), record.told("aws_emulator")
    policy = json.loads(Path(role["policy"]).read_text(encoding="utf-8"))
    wanted = alb_security_group.Wanted(
        cluster=group["cluster_name"],
        name=group["group_name"],
        vpc_id=group["vpc_id"],
        ports=group["ports"],
        inbound_cidrs=group["inbound_cidrs"],
        backend_ports=group["backend_ports"],
        tags=group["group_tags"],
    )
    own_id = record.last("alb_security_group")["result"]["group_ids"][0]
    made = record.last("iam_service_account_role")["result"]  # told no names, the module chooses them
    network = {key: plan[key] for key in ("vpc", "internet_gateway", "subnets", "nat_gateways", "route_tables", "roles", "launch_templates")}
    # The script's templates have one version.
    groups = [{**item, "launch_template": {"name": item["launch_template"]["name"], "version": "1"}} for item in plan["node_groups"]]
    addons = [{"addonName": addon["name"]} for addon in record.look()["arguments"].get("addons") or []]
    return {
        **network,
        "name": plan["cluster"]["name"],
        "region": emulator["region"],
        "emulator": f"http://127.0.0.1:{emulator['port']}",
        "cluster": eks_cluster.create_request(plan["cluster"]),
        "node_groups": [eks_nodegroup.create_request(plan["cluster"]["name"], item) for item in groups],
        "addons": [{"clusterName": plan["cluster"]["name"], "resolveConflicts": "OVERWRITE", "tags": plan["cluster"]["tags"], **addon} for addon in addons],
        "tags": plan["cluster"]["tags"],
        "service_role": {
            "name": name_of(made["role_arn"]),
            "path": role["path"],
            "trust": iam_web_identity.trust_policy(
                role["oidc_provider_arn"], role["oidc_issuer"], role["namespace"], role["service_account"], role["audience"]
            ),
            "policy_name": name_of(made["policy_arn"]),
            "policy": iam_web_identity.in_partition(policy, role["partition"]),
            "tags": {**role["tags"], **role["owner"]},
        },
        "security_group": {
            "name": wanted.name,
            "tags": wanted.all_tags(),
            "ingress": [rule.permission() for rule in sorted(alb_security_group.frontend_rules(wanted))],
            "backend": f"@{CLUSTER_GROUP}@",
            "backend_ingress": [rule.permission() for rule in sorted(alb_security_group.backend_rules(wanted, [own_id]))],
        },
    }


def operator(record: Record) -> dict[str, Any]:
    told = record.told("istioctl_install")
    return istio_operator.document(told["spec"], told["values"], told["revision"], told["name"], told["istio_namespace"])


def listed(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": items}


def applied(record: Record) -> list[dict[str, Any]]:
    """The objects of every set in the order of the run: the gateway's protection, the metrics' filter, the services."""
    return [item for call in record.all("k8s_apply_set") for item in apply_set.labelled(call["arguments"]["manifests"], call["arguments"]["labels"])]


def istio_manifests(istioctl: str, operator_file: Path) -> dict[str, dict[str, Any]]:
    """What istioctl would install, in the parts that wait for one another: for a tool that knows no IstioOperator."""
    command = [istioctl, "manifest", "generate", "--filename", str(operator_file)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    parts: dict[str, list[dict[str, Any]]] = {"istio-crds": [], "istio-control": [], "istio-gateway": []}
    for item in filter(None, yaml.safe_load_all(text)):
        component = (item["metadata"].get("labels") or {}).get("operator.istio.io/component")
        part = "istio-crds" if item["kind"] == "CustomResourceDefinition" else "istio-gateway" if component == "IngressGateways" else "istio-control"
        parts[part].append(item)
    return {name: listed(items) for name, items in parts.items()}


def gateway_api(record: Record) -> dict[str, Any]:
    told = record.told("gateway_api_crds")
    if not Path(told["source"]).is_dir():
        raise SystemExit(f"the Gateway API's CRDs come from {told['source']}; the benchmark runs with everything cached, from a folder")
    bundle = gateway_crds.bundle_of(gateway_crds.read_folder(told["source"]))
    return listed(gateway_crds.manifests(bundle, gateway_crds.Bundle(), told["labels"]))


def container_arguments(record: Record) -> dict[str, list[str]]:
    """`docker` arguments of the network and of the two containers."""
    told, docker = record.told("aws_emulator"), Docker()
    network = docker.inspect([NETWORK], "network")[0]
    wanted = Emulator(
        ports={"api": told["port"], "http": told["http_port"], "https": told["https_port"]},
        owner=told["owner"] or told["name"],
        **{key: told[key] for key in ("name", "image", "archive", "region")},
    )
    addresses = {API: fixed_address(network, 1) or "", LOAD_BALANCER: fixed_address(network, 2) or ""}
    image = image_id(docker, told["image"]) or ""
    api, load_balancer = (item.run_arguments(image) for item in wanted.described(addresses))
    labels = [word for name, value in (network.get("Labels") or {}).items() for word in ("--label", f"{name}={value}")]
    options = [word for name, value in (network.get("Options") or {}).items() for word in ("--opt", f"{name}={value}")]
    ranges = [word for item in network["IPAM"]["Config"] for word in ("--subnet", item["Subnet"])] + (["--ipv6"] if network["EnableIPv6"] else [])
    return {"network": ["network", "create", "--driver", "bridge", *labels, *options, *ranges, NETWORK], "api": api, "load_balancer": load_balancer}


def variables(record: Record) -> dict[str, str]:
    """What platform.sh reads beside the files."""
    cluster, release, istio = record.told("kind_cluster"), record.told("helm_release"), record.told("istioctl_install")
    if not Path(release["chart"]).is_dir():
        raise SystemExit(f"the controller's chart is {release['chart']}; the benchmark runs with everything cached, from a folder")
    ingress = next(item for item in istio["prerequisites"] if item["kind"] == "Ingress")["metadata"]
    services = record.told("k8s_apply_set")["manifests"]
    return {
        "CLUSTER": cluster["name"],
        "KIND": cluster["kind"],
        "KUBECTL": release["kubectl"],
        "HELM": release["helm"],
        "ISTIOCTL": istio["istioctl"],
        "MARK_DIR": str(Path(cluster["state_dir"]) / "kind"),
        "RELEASE": release["name"],
        "RELEASE_NAMESPACE": release["namespace"],
        "CHART": release["chart"],
        "INGRESS": ingress["name"],
        "INGRESS_NAMESPACE": ingress["namespace"],
        "DEPLOYMENTS": "\n".join(f"{item['metadata']['namespace']} {item['metadata']['name']}" for item in services if item["kind"] == "Deployment"),
        "IMAGES": "\n".join(f"{kind.canonical(name)} {archive}" for name, archive in cluster["images"].items()),
        "MORE_SELECTOR": ",".join(f"{name}={value}" for name, value in more.LABELS.items()),
        "API": API,
        "LOAD_BALANCER": LOAD_BALANCER,
    }


def requests(record: Record) -> list[str]:
    """One line for each request that site.yml ends with: address, path, body."""
    call = record.last("http_answer_info")
    lines = []
    for answer in call["result"]["answers"]:
        url = urlsplit(answer["url"])
        lines.append(f"{call['arguments']['connect_to']}\t{url.path}{f'?{url.query}' if url.query else ''}\t{answer['body']}")
    return lines


def export(record: Record, folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o700)
    cluster = record.told("kind_cluster")
    prerequisites = record.told("istioctl_install")["prerequisites"]
    services = record.told("k8s_apply_set")
    ids = placeholders(record)
    documents = {
        "aws": aws_inputs(record),
        "values": record.told("helm_release")["values"],
        "namespaces": listed([item for item in prerequisites if item["kind"] == "Namespace"]),
        "operator": operator(record),
        "ingress": listed([item for item in prerequisites if item["kind"] != "Namespace"]),
        "services": listed(applied(record)),
    }
    for name, document in documents.items():
        text = json.dumps(document, indent=1)
        for identity, successor in ids.items():
            text = text.replace(identity, f"@{successor}@")
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    (folder / "gateway-crds.json").write_text(json.dumps(gateway_api(record)), encoding="utf-8")
    for name, manifests in istio_manifests(record.told("istioctl_install")["istioctl"], folder / "operator.json").items():
        (folder / f"{name}.json").write_text(json.dumps(manifests), encoding="utf-8")
    more.write(services["manifests"], folder / "more")
    shutil.copy(Path(cluster["state_dir"]) / "kind" / "config.json", folder / "kind.json")
    drop_in = Docker().run("exec", f"{cluster['name']}-control-plane", "cat", KUBELET_DROP_IN).stdout
    (folder / "kubelet-drop-in.conf").write_text(drop_in, encoding="utf-8")
    (folder / "install-drop-in.sh").write_text(kind.INSTALL_DROP_IN, encoding="utf-8")
    for name, arguments in container_arguments(record).items():
        (folder / f"{name}.args").write_text("\n".join(arguments) + "\n", encoding="utf-8")
    (folder / "requests").write_text("\n".join(requests(record)) + "\n", encoding="utf-8")
    names = variables(record)
    (folder / "platform.json").write_text(json.dumps({**names, "KUBECONFIG": record.told("helm_release")["kubeconfig"]}), encoding="utf-8")
    shell = [f"{name}={shlex.quote(value)}" for name, value in names.items()]
    (folder / "platform.env").write_text("\n".join(shell) + "\n", encoding="utf-8")


if __name__ == "__main__":
    export(Record(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), Path(sys.argv[2]))
