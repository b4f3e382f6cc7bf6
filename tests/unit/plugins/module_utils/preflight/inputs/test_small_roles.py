# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the roles aws_emulator, eks_cluster, gateway_crds, kind_cluster and toolchain refuse, rule by rule."""

from __future__ import annotations

import pytest
from right import RIGHT, problems, says

from ansible_collections.meshgate.eks_istio.plugins.module_utils.preflight.inputs.rules import pinned

NODES = ".".join(pinned("kubernetes").split(".")[:2])
URLS, IMAGES = RIGHT["toolchain"]["pull_urls"], RIGHT["toolchain"]["pull_images"]


@pytest.mark.parametrize(
    ("role", "given", "words"),
    [
        ("aws_emulator", {"port": 8080}, ("aws_emulator_port, aws_emulator_http_port, aws_emulator_https_port are 8080, 8080, 8443", "three different ports")),
        ("aws_emulator", {"https_port": 65536}, ("65536", "from 1 to 65535")),
        ("aws_emulator", {"port": 0}, ("0, 8080, 8443", "from 1 to 65535")),
        ("aws_emulator", {"timeout": 0}, ("aws_emulator_timeout is 0", "seconds above 0")),
        ("eks_cluster", {"name": "-a"}, ("eks_cluster_name is '-a'", "1 to 100 letters")),
        ("eks_cluster", {"wait_timeout": 0}, ("eks_cluster_wait_timeout is 0", "seconds above 0")),
        ("eks_cluster", {"wait_delay": 0.0}, ("eks_cluster_wait_delay is 0.0", "seconds above 0")),
        ("eks_cluster", {"public_access_cidrs": None, "platform_billed": "yes"}, ("eks_cluster_public_access_cidrs is 'not set'", "on billed AWS")),
        ("gateway_crds", {"version": "v1"}, ("gateway_crds_version is 'v1'", "such as 1.6.3")),
        ("gateway_crds", {"source": "http://example.com/crds.yaml"}, ("gateway_crds_source", "an https URL")),
        ("gateway_crds", {"source": "/no/such/bundle.yaml"}, ("gateway_crds_source", "an existing file or a URL")),
        ("gateway_crds", {"checksum": "abc"}, ("gateway_crds_checksum is 'abc'", "64 hexadecimal digits")),
        ("gateway_crds", {"kubectl": "/no/such/kubectl"}, ("gateway_crds_kubectl is /no/such/kubectl", "a program that exists")),
        ("kind_cluster", {"name": "Sand_Box"}, ("kind_cluster_name", "Sand_Box", "lower-case letters")),
        ("kind_cluster", {"eks_cluster_version": "1.30"}, ("eks_cluster_version is '1.30'", f"'{NODES}'", "the version of kind's nodes")),
        ("kind_cluster", {"eks_cluster_version": NODES, "node_image": "kindest/node:v1.30.2"}, ("'1.30'", "kind_cluster_node_image")),
        ("kind_cluster", {"workers": 99}, ("kind_cluster_workers", "99", "0 to 20")),
        ("kind_cluster", {"timeout": 0}, ("kind_cluster_timeout is 0", "seconds above 0")),
        ("kind_cluster", {"host_ports": ["8000"]}, ("kind_cluster_host_ports is ['8000']", "{host_port: 8000, container_port: 30000}")),
        ("kind_cluster", {"host_ports": [{"host_port": "http", "container_port": 1}]}, ("kind_cluster_host_ports", "container_port: 30000")),
        ("kind_cluster", {"host_ports": [{"host_port": "70000", "container_port": 1}]}, ("kind_cluster_host_ports", "70000", "65535")),
        ("kind_cluster", {"node_labels": {"kubernetes.io/role": "front"}}, ("kind_cluster_node_labels", "kubernetes.io/role", "other prefixes")),
        ("toolchain", {"pull_urls": {"kubectl": "https://example.com/x"}}, ("toolchain_pull_urls", "missing alb_controller_assets, gateway_api, helm")),
        ("toolchain", {"pull_urls": {**URLS, "kind": "ftp://example.com"}}, ("toolchain_pull_urls is ['ftp://example.com']", "https URLs")),
        ("toolchain", {"pull_urls": {**URLS, "kind": "http://example.com"}}, ("toolchain_pull_urls, toolchain_mirrors", "http only on this machine")),
        ("toolchain", {"mirrors": {"docker.io": "http://me:secret@example.com"}}, ("['http://example.com']", "http only on this machine")),
        ("toolchain", {"pull_checksums": {"kubectl": "abc"}}, ("toolchain_pull_checksums", "abc", "or publisher")),
        ("toolchain", {"pull_checksums": {"docker": "publisher"}}, ("toolchain_pull_checksums", "docker", "for one of kubectl, helm")),
        ("toolchain", {"pull_images": {"node": "a:1"}}, ("toolchain_pull_images", "missing alb_controller, debian, pilot, proxyv2")),
        ("toolchain", {"pull_images": {**IMAGES, "node": "kindest/node"}}, ("toolchain_pull_images is ['kindest/node']", "with their tags")),
        ("toolchain", {"pull_timeout": 0}, ("toolchain_pull_timeout is 0", "above 0")),
        ("toolchain", {"cache_dir": "/tmp"}, ("toolchain_cache_dir is '/tmp'", "two directories deep")),
        ("toolchain", {"platform_billed": True}, ("toolchain_components is kubectl, node", "on AWS a list without node:", "toolchain_mirrors")),
    ],
)
def test_refused(role: str, given: dict, words: tuple[str, ...]) -> None:
    assert says(problems(role, **given), *words), problems(role, **given)


@pytest.mark.parametrize(
    ("role", "given"),
    [
        # A specification of suboptions adds what was not given.
        ("eks_cluster", {"node_groups": [{"name": "one", "instance_types": ["m6g.large"], "desired_size": 2, "labels": None, "taints": None}]}),
        ("eks_cluster", {"wait_timeout": "60", "wait_delay": "0.5"}),
        ("gateway_crds", {"version": "1.7.0-rc.1", "checksum": "0" * 64}),
        ("gateway_crds", {"source": "http://127.0.0.1:8000/crds.yaml"}),
        ("gateway_crds", {"source": "/cache/crds.yaml", "toolchain_facts": {"assets": {"gateway_api": {"standard": "/cache/crds.yaml"}}}}),
        ("kind_cluster", {"eks_cluster_version": NODES}),
        ("kind_cluster", {"eks_cluster_version": NODES, "node_image": "meshgate.local/node:0a1b2c"}),
        ("kind_cluster", {"eks_cluster_version": "1.30", "node_image": "kindest/node:v1.30.2"}),
        ("kind_cluster", {"host_ports": [{"host_port": "8000", "container_port": 30000}]}),
        ("toolchain", {"pull_urls": {**URLS, "kind": "http://localhost:8000/kind"}, "pull_checksums": {"kubectl": "publisher", "helm": "0" * 64}}),
        ("toolchain", {"platform_billed": True, "source": "pull"}),
        ("toolchain", {"platform_billed": True, "components": ["kubectl", "helm"]}),
    ],
)
def test_accepted(role: str, given: dict) -> None:
    assert problems(role, **given) == []
