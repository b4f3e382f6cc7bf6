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
import tarfile
import threading
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = {name: str(version) for name, version in yaml.safe_load((ROOT / "versions.yml").read_text(encoding="utf-8")).items()}
TOOLS = ("kubectl", "helm", "istioctl", "kind")
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
    subprocess.run(["go", "build", "-mod=readonly", "-o", program, "."], cwd=ROOT / "offline/registry", check=True, env={**os.environ, "CGO_ENABLED": "0"})
    process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
    address = process.stdout.readline().strip()
    image = f"{address}/kindest/node:v{VERSIONS['kubernetes']}"
    (folder / "hello").write_text("a node\n")
    with tarfile.open(folder / "root.tar", "w") as archive:
        archive.add(folder / "hello", "hello")
    docker("import", str(folder / "root.tar"), image)
    docker("push", "--quiet", image)
    docker("image", "rm", image)
    yield address
    process.terminate()
    process.wait()
    subprocess.run(["docker", "image", "rm", "--force", image], capture_output=True, check=False)


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


@pytest.fixture
def variables(site, registry, tmp_path):
    """The role's variables that lead to this machine instead of the publishers, and to an empty cache."""
    _folder, address = site
    return {
        "toolchain_source": "pull",
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
            "node": registry + "/kindest/node:v{version}",
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
    assert facts["images"]["node"] == {"name": f"{registry}/kindest/node:v{VERSIONS['kubernetes']}", "archive": "", "origin": "pull", "in_node": False}
    assert docker("image", "inspect", "--format", "{{.Id}}", facts["images"]["node"]["name"])
    assert facts["istio"] == {"hub": f"{registry}/istio", "tag": VERSIONS["istio"], "values": {}}
    assert Path(facts["assets"]["alb_controller"]["crds"][0]).is_file()
    assert Path(facts["assets"]["alb_controller"]["iam_policy"]).read_bytes() == Path(built["assets"]["alb_controller"]["iam_policy"]).read_bytes()
    assert len(list(yaml.safe_load_all((Path(facts["assets"]["gateway_api"]["standard"]) / "install.yaml").read_text()))) >= 10

    Server.asked.clear()
    again, same = role(**variables)
    assert "changed=0" in again.stdout
    assert same == facts
    assert Server.asked == []


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
    images = {**variables["toolchain_pull_images"], "node": registry + "/kindest/no-node:v{version}"}
    done, _facts = role(**{**variables, "toolchain_components": ["node"], "toolchain_pull_images": images})
    assert done.returncode
    assert f"pulling {registry}/kindest/no-node:v{VERSIONS['kubernetes']}" in done.stdout


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
    assert "toolchain_pull_urls is get.helm.sh/helm.tar.gz; accepted: http or https addresses" in done.stdout
    assert Server.asked == []
