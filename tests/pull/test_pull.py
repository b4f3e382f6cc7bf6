# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The pull path, without the internet: a file server and a container registry of this machine stand in for the publishers.

They serve what the role built itself: real programs in the publishers' archives with their checksum files, the controller's real chart,
the Gateway API's real CRDs. A small image stands for the node's, whose content is no matter here.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/unit"))

import hub_rig  # noqa: E402

pytestmark = pytest.mark.slow

VERSIONS = {name: str(version) for name, version in yaml.safe_load((ROOT / "versions.yml").read_text(encoding="utf-8")).items()}
TOOLS = ("kubectl", "helm", "istioctl", "kind")
# What stands for the publishers' files here was built here, and has not their sums.
PULLED = (*TOOLS, "gateway_api_standard", "gateway_api_experimental", "alb_controller_chart", "iam_policy")
PLAYBOOK = """
- name: Run the role and write its facts down
  hosts: localhost
  gather_facts: false
  roles:
    - role: meshgate.eks_istio.toolchain
  tasks:
    - name: Write the facts
      ansible.builtin.copy:
        content: "{{ toolchain_facts | to_json }}"
        dest: "{{ facts_file }}"
        mode: "0600"
      check_mode: false
      changed_when: false
"""


class Node(NamedTuple):
    """A registry, and the image that it has."""

    registry: str
    image: str
    repository: str


class Server(http.server.SimpleHTTPRequestHandler):
    asked: list[str] = []

    def log_message(self, *_arguments):
        Server.asked.append(self.path)


class Role:
    """Runs the role on this machine with variables, and reads what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "playbook.yml").write_text(PLAYBOOK)

    def __call__(self, *arguments: str, **variables) -> tuple[subprocess.CompletedProcess[str], dict]:
        facts = self.folder / "facts.json"
        facts.unlink(missing_ok=True)
        command = ["ansible-playbook", "--inventory", "localhost,", "--connection", "local", str(self.folder / "playbook.yml"), *arguments]
        extra = {"facts_file": str(facts), "ansible_python_interpreter": shutil.which("python"), **variables}
        done = subprocess.run([*command, "--extra-vars", json.dumps(extra)], capture_output=True, text=True, check=False, cwd=ROOT)
        return done, json.loads(facts.read_text()) if facts.is_file() else {}


@pytest.fixture(scope="module")
def role(tmp_path_factory) -> Role:
    return Role(tmp_path_factory.mktemp("role"))


@pytest.fixture(scope="module")
def built(role) -> dict:
    """What the role builds, from the cache where it was built before."""
    done, facts = role(toolchain_source="build", toolchain_components=[*TOOLS, "node", "alb_controller_assets", "gateway_api"])
    assert done.returncode == 0, done.stdout
    return facts


def publish(path: Path, suffix: str) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(path.name + suffix).write_text(f"{digest}  {path.name}\n")


def pack(path: Path, source: str, name: str) -> None:
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.add(source, name)


@pytest.fixture(scope="module")
def site(tmp_path_factory, built):
    """The publishers' files, under one address."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(built["kubectl"], folder / "kubectl")
    publish(folder / "kubectl", ".sha256")
    shutil.copy(built["kind"], folder / "kind")
    publish(folder / "kind", ".sha256sum")
    pack(folder / "helm.tar.gz", built["helm"], f"linux-{_architecture()}/helm")
    publish(folder / "helm.tar.gz", ".sha256sum")
    pack(folder / "istioctl.tar.gz", built["istioctl"], "istioctl")
    publish(folder / "istioctl.tar.gz", ".sha256")
    for channel in ("standard", "experimental"):
        bundle = "---\n".join(path.read_text() for path in sorted(Path(built["assets"]["gateway_api"][channel]).glob("gateway*.yaml")))
        (folder / f"{channel}-install.yaml").write_text(bundle)
    assets = built["assets"]["alb_controller"]
    pack(folder / "chart.tgz", assets["chart"], "aws-load-balancer-controller")
    entry = {"version": VERSIONS["alb_controller"], "digest": hashlib.sha256((folder / "chart.tgz").read_bytes()).hexdigest(), "urls": ["chart.tgz"]}
    (folder / "index.yaml").write_text(yaml.safe_dump({"entries": {"aws-load-balancer-controller": [entry]}}))
    shutil.copy(assets["iam_policy"], folder / "iam_policy.json")

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Server, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A registry that has a node image."""
    folder = tmp_path_factory.mktemp("registry")
    program = folder / "registry"
    subprocess.run(
        ["go", "build", "-mod=readonly", "-o", program, "."], cwd=ROOT / "tests/programs/registry", check=True, env={**os.environ, "CGO_ENABLED": "0"}
    )
    process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
    address = process.stdout.readline().strip()
    repository = f"{address}/kindest/node:v{VERSIONS['kubernetes']}"
    (folder / "hello").write_text("a node\n")
    with tarfile.open(folder / "root.tar", "w") as archive:
        archive.add(folder / "hello", "hello")
    docker("import", str(folder / "root.tar"), repository)
    for name in ("istio/pilot", "istio/proxyv2", "eks/aws-load-balancer-controller"):
        version = {"istio/pilot": VERSIONS["istio"], "istio/proxyv2": VERSIONS["istio"]}.get(name, f"v{VERSIONS['alb_controller']}")
        docker("tag", repository, f"{address}/{name}:{version}")
        docker("push", "--quiet", f"{address}/{name}:{version}")
        docker("image", "rm", f"{address}/{name}:{version}")
    docker("push", "--quiet", repository)
    digest = docker("image", "inspect", "--format", "{{index .RepoDigests 0}}", repository).strip().partition("@")[2]
    docker("image", "rm", repository)
    node = Node(address, f"{repository}@{digest}", repository)
    yield node
    process.terminate()
    process.wait()
    subprocess.run(["docker", "image", "rm", "--force", node.image], capture_output=True, check=False)


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


@pytest.fixture
def variables(site, registry, tmp_path):
    """The role's variables that lead to this machine instead of the publishers, and to an empty cache."""
    _folder, address = site
    node, registry = registry, registry.registry
    return {
        "toolchain_source": "pull",
        "toolchain_pull_checksums": dict.fromkeys(PULLED, "publisher"),
        "toolchain_cache_dir": str(tmp_path / "cache" / "meshgate"),
        "toolchain_components": [*TOOLS, "node", "pilot", "proxyv2", "alb_controller", "alb_controller_assets", "gateway_api"],
        "toolchain_pull_urls": {
            "kubectl": f"{address}/kubectl",
            "kind": f"{address}/kind",
            "helm": f"{address}/helm.tar.gz",
            "istioctl": f"{address}/istioctl.tar.gz",
            "gateway_api": address + "/{channel}-install.yaml",
            "alb_controller_assets": address,
            "iam_policy": f"{address}/iam_policy.json",
        },
        "toolchain_pull_images": {
            "node": node.image,
            "pilot": registry + "/istio/pilot:{version}",
            "proxyv2": registry + "/istio/proxyv2:{version}",
            "alb_controller": registry + "/eks/aws-load-balancer-controller:v{version}",
            "debian": registry + "/library/debian:bookworm-slim",
        },
    }


def test_everything_is_pulled_verified_and_then_left_alone(role, built, registry, variables):
    check, planned = role("--check", **variables)
    assert check.returncode == 0, check.stdout
    assert "kubectl" in planned["missing"]
    assert not Path(variables["toolchain_cache_dir"]).exists()

    done, facts = role(**variables)
    assert done.returncode == 0, done.stdout
    assert f"pulling kubectl: {variables['toolchain_pull_urls']['kubectl']}" in done.stdout
    for tool in TOOLS:
        assert Path(facts[tool]).read_bytes() == Path(built[tool]).read_bytes()
        assert facts[tool].startswith(variables["toolchain_cache_dir"])
    assert facts["images"]["node"] == {"name": registry.image, "archive": "", "origin": "pull", "in_node": False}
    assert docker("image", "inspect", "--format", "{{.Id}}", facts["images"]["node"]["name"])
    assert facts["istio"] == {"hub": f"{registry.registry}/istio", "tag": VERSIONS["istio"], "values": {}, "stock_envoy": False}
    assert Path(facts["assets"]["alb_controller"]["crds"][0]).is_file()
    assert Path(facts["assets"]["alb_controller"]["iam_policy"]).read_bytes() == Path(built["assets"]["alb_controller"]["iam_policy"]).read_bytes()
    assert len(list(yaml.safe_load_all((Path(facts["assets"]["gateway_api"]["standard"]) / "install.yaml").read_text()))) >= 10

    Server.asked.clear()
    again, same = role(**variables)
    assert "changed=0" in again.stdout
    assert same == facts
    assert Server.asked == []


def test_what_was_pulled_needs_no_internet_afterwards(role, site, registry, variables):
    assert role(**variables)[0].returncode == 0
    nobody = dict.fromkeys(variables["toolchain_pull_urls"], "http://127.0.0.1:9/nobody")
    assert Path(variables["toolchain_cache_dir"], "origin").read_text(encoding="utf-8") == "pull\n"
    Server.asked.clear()
    done, facts = role(**{**variables, "toolchain_source": "auto"})
    assert "changed=0" in done.stdout
    assert facts["images"]["node"]["origin"] == "pull"
    assert Server.asked == []
    refused, _facts = role(**{**variables, "toolchain_source": "auto", "toolchain_pull_urls": nobody})
    assert refused.returncode
    assert "was pulled (toolchain_source is auto), and http://127.0.0.1:9/nobody" in refused.stdout


@pytest.mark.parametrize(("file", "component"), [("kubectl", "kubectl"), ("helm.tar.gz", "helm"), ("chart.tgz", "alb_controller_assets")])
def test_what_is_not_what_its_publisher_says_is_refused(role, site, variables, file, component):
    folder, address = site
    genuine = (folder / file).read_bytes()
    (folder / file).unlink()
    (folder / file).write_bytes(genuine + b"x")
    try:
        done, _facts = role(**{**variables, "toolchain_components": [component]})
    finally:
        (folder / file).write_bytes(genuine)
    assert done.returncode
    assert f"{address}/{file} is not what its publisher says" in done.stdout
    assert hashlib.sha256(genuine).hexdigest() in done.stdout
    assert not list(Path(variables["toolchain_cache_dir"]).glob(f"{component}/*"))

    repaired, _facts = role(**{**variables, "toolchain_components": [component]})
    assert repaired.returncode == 0, repaired.stdout


def test_an_image_that_the_registry_lacks_is_named(role, registry, variables):
    images = {**variables["toolchain_pull_images"], "node": registry.registry + "/kindest/no-node:v1"}
    done, _facts = role(**{**variables, "toolchain_components": ["kubectl", "node"], "toolchain_pull_images": images})
    assert done.returncode
    assert f"toolchain_source is pull, and {registry.registry} has no kindest/no-node:v1" in done.stdout
    assert not list(Path(variables["toolchain_cache_dir"]).glob("kubectl/*"))


@pytest.fixture
def hub(registry, variables):
    """Docker Hub before the registry, and the role's variables that lead to it."""
    tag = f"kindest/node:v{VERSIONS['kubernetes']}"
    with hub_rig.docker_hub(tag, behind=registry.registry) as hub:
        variables["toolchain_components"] = ["kubectl", "node"]
        variables["toolchain_pull_images"]["node"] = f"{hub.address}/{tag}@{registry.image.partition('@')[2]}"
        yield hub
        subprocess.run(["docker", "image", "rm", "--force", variables["toolchain_pull_images"]["node"]], capture_output=True, check=False)


def test_an_image_comes_from_docker_hub_by_its_token_and_is_then_known_by_its_name(role, hub, variables):
    done, facts = role(**variables)
    assert done.returncode == 0, done.stdout
    assert facts["images"]["node"]["name"] == variables["toolchain_pull_images"]["node"]
    hub.asked.clear()
    again, _facts = role(**variables)
    assert "changed=0" in again.stdout
    assert hub.asked == []


@pytest.mark.parametrize("source", ["auto", "pull"])
def test_a_tag_that_docker_hub_never_had_is_seen_before_anything_is_pulled(role, hub, variables, source):
    images = {**variables["toolchain_pull_images"], "node": f"{hub.address}/kindest/node:v1.36.3"}
    done, _facts = role("--check", **{**variables, "toolchain_source": source, "toolchain_pull_images": images})
    assert done.returncode == 0, done.stdout
    if source == "auto":
        assert f"{hub.address} has no kindest/node:v1.36.3" in " ".join(done.stderr.split() + done.stdout.split())
    else:
        refused, _facts = role(**{**variables, "toolchain_pull_images": images})
        assert f"{hub.address} has no kindest/node:v1.36.3" in refused.stdout


@pytest.mark.parametrize("where", ["tokens_limited", "heads_limited"])
@pytest.mark.parametrize("source", ["auto", "pull"])
def test_the_limit_of_docker_hub_stops_the_run_with_a_way_on_and_builds_nothing(role, hub, variables, source, where):
    setattr(hub, where, True)
    done, _facts = role(**{**variables, "toolchain_source": source})
    assert done.returncode
    assert "TOOMANYREQUESTS" in done.stdout or "429" in done.stdout
    assert "Retry-After" in done.stdout
    assert "docker login" in done.stdout
    assert not list(Path(variables["toolchain_cache_dir"]).glob("*/*"))


def test_a_limit_that_only_the_pull_meets_is_explained_too(role, hub, variables):
    hub.answers_left = 1  # to us, and none to Docker, which need not fetch a manifest that it has under another name
    done, _facts = role(**variables)
    assert done.returncode
    assert "docker login" in done.stdout
    assert "toolchain_mirrors" in done.stdout


def test_plain_http_is_refused_before_anything_is_fetched(role, variables):
    urls = {**variables["toolchain_pull_urls"], "helm": "http://files.example.com/helm.tar.gz"}
    done, _facts = role(**{**variables, "toolchain_pull_urls": urls})
    assert done.returncode
    assert "are ['http://files.example.com/helm.tar.gz']; accepted: https URLs" in done.stdout


def test_a_program_of_another_sum_than_ours_is_refused(role, site, variables):
    _folder, address = site
    done, _facts = role(**{**variables, "toolchain_components": ["kubectl"], "toolchain_pull_checksums": {}})
    assert done.returncode
    assert f"{address}/kubectl is not what checksums.yml says" in done.stdout


def test_a_mirrors_login_page_is_named_and_not_kept(role, site, variables):
    folder, address = site
    (folder / "login.html").write_text("<html><title>Sign in: please</title></html>\n")
    urls = {**variables["toolchain_pull_urls"], "gateway_api": f"{address}/login.html?{{channel}}"}
    done, _facts = role(**{**variables, "toolchain_components": ["gateway_api"], "toolchain_pull_urls": urls})
    assert done.returncode
    assert f"{address}/login.html?standard returned a web page (text/html)" in done.stdout
    assert "mapping values" not in done.stdout
    assert not list(Path(variables["toolchain_cache_dir"]).glob("gateway_api/*"))


def test_auto_pulls_where_the_publishers_answer_and_builds_where_one_does_not(role, variables):
    automatic = {**variables, "toolchain_source": "auto", "toolchain_components": ["kubectl", "kind"]}
    done, _facts = role("--check", "-v", **automatic)
    assert "pull kubectl" in done.stdout
    urls = {**variables["toolchain_pull_urls"], "kind": "http://127.0.0.1:9/kind"}
    done, _facts = role("--check", "-v", **{**automatic, "toolchain_pull_urls": urls})
    assert "build kubectl" in done.stdout


def test_an_address_that_is_none_is_refused_before_anything_is_fetched(role, variables):
    Server.asked.clear()
    urls = {**variables["toolchain_pull_urls"], "helm": "get.helm.sh/helm.tar.gz"}
    done, _facts = role(**{**variables, "toolchain_pull_urls": urls})
    assert done.returncode
    assert "toolchain_pull_urls is ['get.helm.sh/helm.tar.gz']; accepted: https URLs" in done.stdout
    assert Server.asked == []
