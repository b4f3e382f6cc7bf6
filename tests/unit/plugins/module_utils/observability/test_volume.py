# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Clusters that make no volume, each with what it lacks, and the addresses of API servers."""

from __future__ import annotations

from typing import Any

import pytest
from fake_api import FakeApi

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.observability.preflight import look

ASKED: dict[str, Any] = {"components": ["prometheus"], "receivers": [], "namespace": "istio-system", "storage": "20Gi", "storage_class": "", "hosts": {}}


def storage_class(name: str, provisioner: str, default: bool = False) -> dict[str, Any]:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {"kind": "StorageClass", "metadata": {"name": name, "annotations": annotations}, "provisioner": provisioner}


def driver(name: str) -> dict[str, Any]:
    return {"kind": "CSIDriver", "metadata": {"name": name}}


def claim(size: str) -> dict[str, Any]:
    spec = {"resources": {"requests": {"storage": size}}}
    return {"kind": "PersistentVolumeClaim", "metadata": {"name": "prometheus", "namespace": "istio-system"}, "spec": spec}


EBS, GP2 = driver("ebs.csi.aws.com"), storage_class("gp2", "kubernetes.io/aws-ebs")
GP3 = storage_class("gp3", "ebs.csi.aws.com", default=True)
KIND = storage_class("standard", "rancher.io/local-path", default=True)
BY_HAND = storage_class("standard", "kubernetes.io/no-provisioner", default=True)


@pytest.mark.parametrize(
    ("objects", "asked", "words"),
    [
        ([], {}, ["has no default class", "the cluster has none", "no observability_prometheus_storage"]),
        ([GP2, EBS], {}, ["has no default class", "that makes volumes (gp2)"]),
        ([GP3, EBS], {"storage_class": "fast"}, ["observability_prometheus_storage_class is 'fast'", "no such class", "(gp3)"]),
        ([GP3], {}, ["class gp3 needs the driver ebs.csi.aws.com, which is not installed", "aws-ebs-csi-driver", "eks_cluster_addons"]),
        ([GP2], {"storage_class": "gp2"}, ["class gp2 needs the driver ebs.csi.aws.com"]),
        ([BY_HAND], {}, ["class standard makes no volumes by itself", "the cluster has none"]),
        ([claim("50Gi")], {}, ["observability_prometheus_storage is '20Gi'; accepted: at least 50Gi"]),
    ],
)
def test_a_cluster_that_makes_no_such_volume_is_refused(objects: list[dict[str, Any]], asked: dict[str, str], words: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        look(FakeApi(*objects), {**ASKED, **asked})  # type: ignore[arg-type]
    assert all(word in str(refused.value) for word in words), refused.value


@pytest.mark.parametrize(
    ("objects", "asked"),
    [
        ([GP3, EBS], {}),
        ([GP2, EBS], {"storage_class": "gp2"}),
        ([KIND], {}),
        ([claim("20Gi")], {}),
        ([claim("10Gi")], {}),
        ([], {"storage": ""}),
    ],
)
def test_a_cluster_that_makes_one_is_not(objects: list[dict[str, Any]], asked: dict[str, str]) -> None:
    assert look(FakeApi(*objects), {**ASKED, **asked})["changed"] is False  # type: ignore[arg-type]


def test_the_api_servers_addresses_are_those_behind_its_service() -> None:
    metadata = {"name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"}}
    endpoints = [{"addresses": ["10.0.201.4"]}, {"addresses": ["10.0.12.7"]}, {"addresses": ["fd00::4"]}]
    found = look(FakeApi({"kind": "EndpointSlice", "metadata": metadata, "endpoints": endpoints}), {**ASKED, "storage": ""})  # type: ignore[arg-type]
    assert found["api_server_cidrs"] == ["10.0.12.7/32", "10.0.201.4/32", "fd00::4/128"]
