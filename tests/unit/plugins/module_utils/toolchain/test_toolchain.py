# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is wanted, what is there, and where the rest comes from."""

from __future__ import annotations

import json
import os
import re
import tarfile
from pathlib import Path

import pytest
import yaml

from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain import needs
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain import toolchain as toolchain_module
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.catalog import OBSERVABILITY, REQUESTABLE, CatalogError, host_architecture
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.command import ToolchainError, run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.images import Images, set_architecture
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.registry import Answer
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.toolchain import Request, Toolchain, ensure, registry_of, remove

ROOT = Path(__file__).resolve().parents[5]
DEFAULTS = yaml.safe_load((ROOT / "roles/toolchain/defaults/main.yml").read_text(encoding="utf-8"))


class FakeImages(Images):
    """Docker as a set of names."""

    def __init__(self, *names, answers=True):
        super().__init__()
        self.docker_has = set(names)
        self.loaded = []
        self.running = answers

    def answers(self):
        return self.running

    def look(self, names):
        self._present |= self.docker_has.intersection(names)

    def have(self, name, archive):
        self.loaded.append((name, os.path.basename(archive)))
        self._present.add(name)
        return True

    def ours(self):
        return sorted(self.docker_has)

    def remove(self, names):
        self.docker_has -= set(names)


@pytest.fixture(autouse=True)
def registries_have_all(monkeypatch):
    monkeypatch.setattr(toolchain_module.registry, "wanting", lambda images, timeout: [])


@pytest.fixture
def request_for(tmp_path):
    def make(*components, source="build", **more):
        values = {"urls": DEFAULTS["toolchain_pull_urls"], "images": DEFAULTS["toolchain_pull_images"], **more}
        return Request(root=str(ROOT), cache_dir=str(tmp_path / "cache"), source=source, components=list(components or REQUESTABLE), **values)

    return make


def fill_cache(request):
    """Make every wanted result be there, as after a build."""
    chain = Toolchain(request, FakeImages())
    for name in chain.wanted:
        folder = Path(chain.cache.path(name, chain.key(name)))
        folder.mkdir(parents=True)
        (folder / name).write_text("")
    return chain


def all_images(chain):
    return FakeImages(*(chain.image_name(name) for name in chain.wanted if chain.catalog[name].is_image))


def no_network(monkeypatch):
    def asked(*_arguments):
        raise AssertionError("a publisher was asked")

    monkeypatch.setattr(toolchain_module.pull, "unreachable", asked)


def test_on_an_empty_machine_check_mode_says_what_would_be_built_and_does_nothing(request_for, tmp_path):
    result = ensure(request_for(), True, FakeImages())
    assert result["changed"]
    assert result["toolchain"]["missing"] == list(REQUESTABLE)
    assert {"build kubectl", "build node", "build service_a"} <= set(result["actions"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("source", ["auto", "build"])
def test_what_is_cached_changes_nothing_and_asks_nobody(request_for, monkeypatch, source):
    request = request_for(source=source)
    chain = fill_cache(request)
    no_network(monkeypatch)
    result = ensure(request, False, all_images(chain))
    assert (result["changed"], result["actions"], result["origin"]) == (False, [], "build")
    assert os.readlink(os.path.join(request.cache_dir, "bin", "helm")) == result["toolchain"]["helm"]


def test_an_image_that_docker_lost_is_loaded_from_its_archive(request_for):
    request = request_for("node")
    chain = fill_cache(request)
    docker = FakeImages()
    assert ensure(request, True, docker)["actions"] == [f"load {chain.image_name('node')} into Docker"]
    assert docker.loaded == []
    assert ensure(request, False, docker)["changed"]
    assert docker.loaded == [(chain.image_name("node"), "image.tar")]


def test_auto_pulls_when_every_publisher_answers(request_for, monkeypatch):
    monkeypatch.setattr(toolchain_module.pull, "unreachable", lambda addresses, timeout: [])
    result = ensure(request_for("kubectl", "node", "service_a", source="auto"), True, FakeImages())
    assert result["origin"] == "pull"
    assert result["actions"] == ["pull kubectl", "pull node", "build services", "build service_a"]


@pytest.fixture
def programs(tmp_path):
    """A catalog of somebody's own, as the tests have one."""
    folder = tmp_path / "programs"
    (folder / "fortio").mkdir(parents=True)
    (folder / "catalog.yml").write_text("fortio: {kind: go, folder: fortio, packages: [fortio.org/fortio]}\n", encoding="utf-8")
    for name in ("go.mod", "go.sum"):
        (folder / "fortio" / name).write_text("", encoding="utf-8")
    return [str(folder)]


def test_programs_of_other_catalogs_are_built_and_linked_in_every_case(request_for, programs, monkeypatch):
    no_network(monkeypatch)
    for source in ("pull", "auto", "build"):
        assert ensure(request_for("fortio", source=source, programs=programs), True, FakeImages())["actions"] == ["build fortio"]
    request = request_for("fortio", programs=programs)
    fill_cache(request)
    result = ensure(request, False, FakeImages())
    assert os.readlink(os.path.join(request.cache_dir, "bin", "fortio")) == result["toolchain"]["fortio"]


def test_programs_are_unknown_without_their_catalog(request_for, programs):
    with pytest.raises(ToolchainError, match="unknown fortio; accepted: kubectl, .*, istio_dashboards$"):
        Toolchain(request_for("fortio"), FakeImages())
    with pytest.raises(ToolchainError, match="unknown nonsense; accepted: kubectl, .*, istio_dashboards, fortio$"):
        Toolchain(request_for("nonsense", programs=programs), FakeImages())


def test_no_catalog_says_another_ones_component_anew(request_for, programs):
    (Path(programs[0]) / "catalog.yml").write_text("helm: {kind: go, folder: fortio, packages: [evil.example.com/helm]}\n", encoding="utf-8")
    with pytest.raises(CatalogError, match="programs/catalog.yml: helm is in another catalog already"):
        Toolchain(request_for("helm", programs=programs), FakeImages())


def test_auto_builds_when_one_does_not_and_asks_once(request_for, monkeypatch):
    asked = []
    monkeypatch.setattr(toolchain_module.pull, "unreachable", lambda addresses, timeout: asked.append((addresses, timeout)) or addresses[:1])
    result = ensure(request_for("kubectl", "node", source="auto", pull_timeout=1.5), True, FakeImages())
    assert result["origin"] == "build"
    ((addresses, timeout),) = asked
    assert timeout == 1.5
    assert "https://registry-1.docker.io/v2/" in addresses
    assert any(address.startswith("https://dl.k8s.io/release/v") and address.endswith("/kubectl") for address in addresses)


def test_a_change_of_our_own_code_asks_no_publisher(request_for, monkeypatch):
    request = request_for("kubectl", "aws_emulator", source="auto")
    fill_cache(request)
    no_network(monkeypatch)
    result = ensure(request, True, FakeImages())
    assert result["origin"] == "build"
    assert result["actions"][-1] == "build aws_emulator"


def test_what_was_pulled_stays_pulled(request_for, monkeypatch):
    fill_cache(request_for("kubectl", source="pull"))
    no_network(monkeypatch)
    result = ensure(request_for("kubectl", source="auto"), True, FakeImages())
    assert (result["changed"], result["origin"]) == (False, "pull")


def test_nothing_is_built_below_what_is_there(request_for):
    request = request_for("node")
    below = request_for("node")
    chain = Toolchain(below, FakeImages())
    for need in chain.catalog["node"].needs:
        os.makedirs(chain.cache.path(need, chain.catalog[need].key))
    assert ensure(request, True, FakeImages())["actions"] == ["build node"]


def test_a_change_of_the_emulators_code_builds_one_layer(request_for):
    request = request_for("aws_emulator")
    chain = Toolchain(request, FakeImages())
    os.makedirs(chain.cache.path("aws_emulator_base", chain.catalog["aws_emulator_base"].key))
    assert ensure(request, True, FakeImages())["actions"] == ["build aws_emulator"]


def test_aws_needs_no_node_and_no_docker(request_for):
    actions = ensure(request_for("kubectl", "helm", "istioctl", "alb_controller_assets", "gateway_api"), True, FakeImages())["actions"]
    assert actions == ["build kubectl", "build helm", "build alb_controller_assets", "build gateway_api", "build istioctl"]


def test_facts_of_built_images(request_for):
    facts = ensure(request_for(), True, FakeImages())["toolchain"]
    assert facts["istio"]["hub"] == "meshgate.local/istio" and facts["istio"]["stock_envoy"] is True
    assert facts["istio"]["values"]["pilot"]["env"] == {"PILOT_ENABLE_ALPN_FILTER": "false", "PILOT_ENABLE_METADATA_EXCHANGE": "false"}
    assert facts["images"]["proxyv2"]["name"] == f"meshgate.local/istio/proxyv2:{facts['istio']['tag']}"
    assert facts["images"]["pilot"] == {"name": f"meshgate.local/istio/pilot:{facts['istio']['tag']}", "archive": "", "origin": "build", "in_node": True}
    assert facts["images"]["service_a"]["archive"].startswith("/")
    assert facts["bin_dir"].endswith("/bin")


def test_facts_of_pulled_images(request_for):
    facts = ensure(request_for(source="pull"), True, FakeImages())["toolchain"]
    assert facts["istio"] == {
        "hub": "docker.io/istio",
        "tag": Toolchain(request_for(), FakeImages()).catalog.versions["istio"],
        "values": {},
        "stock_envoy": False,
    }
    assert facts["images"]["node"]["name"].startswith("docker.io/kindest/node:v")
    assert facts["images"]["service_a"]["name"].startswith("meshgate.local/service-a:")


def test_both_architectures_of_the_services(request_for):
    facts = ensure(request_for("service_b", service_architectures=["arm64", "amd64"]), True, FakeImages())["toolchain"]
    image = facts["images"]["service_b"]
    assert image["architectures"] == ["amd64", "arm64"]
    assert {os.path.basename(path) for path in image["archives"].values()} == {"image-amd64.tar", "image-arm64.tar"}


def test_the_image_of_the_demonstrations_is_made_where_it_is_asked_for(request_for):
    result = ensure(request_for("demo", source="build"), True, FakeImages())
    assert result["actions"] == ["build demo_program", "build demo"]
    image = result["toolchain"]["images"]["demo"]
    assert image["name"].startswith("meshgate.local/demo:")
    assert (os.path.basename(image["archive"]), image["in_node"]) == (f"image-{host_architecture()}.tar", False)


def test_nobody_waits_for_the_demonstrations_who_did_not_ask():
    assert set(REQUESTABLE) - set(DEFAULTS["toolchain_components"]) == {"demo", "istio_dashboards", *OBSERVABILITY}


def test_an_unknown_component_is_refused(request_for):
    with pytest.raises(ToolchainError, match=r"toolchain_components: unknown kubectll; accepted: kubectl, helm"):
        ensure(request_for("kubectll"), True, FakeImages())


def test_missing_programs_docker_and_room_are_refused_in_one_message_before_anything_is_made(request_for, monkeypatch, tmp_path):
    monkeypatch.setattr(needs, "program", lambda name: name)
    monkeypatch.setattr(needs.shutil, "which", lambda name, **more: None)
    monkeypatch.setattr(needs.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10**9})())
    with pytest.raises(ToolchainError) as refused:
        ensure(request_for(), False, FakeImages(answers=False))
    message = str(refused.value)
    for part in (
        "go is missing: install Go 1.26",
        "cargo is missing",
        "debootstrap is missing",
        "Docker does not answer",
        "1.0 GB are free",
        "toolchain_cache_dir",
    ):
        assert part in message
    assert list(tmp_path.iterdir()) == []


def test_an_old_go_is_refused_with_the_version_that_is_needed(request_for, monkeypatch):
    monkeypatch.setattr(needs, "program", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(needs, "run", lambda *arguments, **more: "go1.19.8\n")
    with pytest.raises(ToolchainError, match=r"Go is go1\.19, the modules need 1\.26"):
        ensure(request_for("kubectl"), False, FakeImages())


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("docker.io/istio/pilot:1", "registry-1.docker.io"),
        ("istio/pilot:1", "registry-1.docker.io"),
        ("public.ecr.aws/eks/x:1", "public.ecr.aws"),
        ("127.0.0.1:5000/x:1", "127.0.0.1:5000"),
    ],
)
def test_registry_of_an_image(image, registry):
    assert registry_of(image) == registry


def test_removal_takes_the_cache_and_the_images_and_can_be_repeated(request_for):
    request = request_for("kubectl")
    chain = fill_cache(request)
    with chain.cache.lock():
        pass
    docker = FakeImages("meshgate.local/kindest/node:x")
    assert remove(request.cache_dir, True, docker)["changed"]
    assert os.path.isdir(request.cache_dir)
    assert remove(request.cache_dir, False, docker)["actions"] == ["remove image meshgate.local/kindest/node:x", f"remove {request.cache_dir}"]
    assert remove(request.cache_dir, False, docker) == {"changed": False, "actions": []}


def test_a_folder_that_is_not_our_cache_is_not_removed(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(ToolchainError, match="is not a cache of this collection"):
        remove(str(tmp_path), False, FakeImages())
    assert (tmp_path / "thesis.tex").exists()


def test_a_failed_command_says_which_and_why(tmp_path):
    with pytest.raises(ToolchainError) as failed:
        run(["sh", "-c", "echo out; echo first >&2; echo the cause >&2; exit 3"], "building x", log=str(tmp_path / "log"))
    assert str(failed.value) == "building x: sh exited with 3: the cause"
    assert failed.value.details["rc"] == 3
    assert failed.value.details["stdout"] == "out\n"


def test_the_architecture_in_an_archive_is_set(tmp_path):
    archive = tmp_path / "image.tar"
    (tmp_path / "layer").write_bytes(b"layer")
    (tmp_path / "config").write_text(json.dumps({"architecture": "amd64", "config": {"User": "65532:65532"}}))
    (tmp_path / "manifest").write_text(json.dumps([{"Config": "abc.json", "RepoTags": ["x:1"], "Layers": ["1/layer.tar"]}]))
    with tarfile.open(archive, "w") as tar:
        for file, name in (("layer", "1/layer.tar"), ("config", "abc.json"), ("manifest", "manifest.json")):
            tar.add(tmp_path / file, name)
    set_architecture(str(archive), "arm64")
    with tarfile.open(archive) as tar:
        (image,) = json.load(tar.extractfile("manifest.json"))
        assert json.load(tar.extractfile(image["Config"])) == {"architecture": "arm64", "config": {"User": "65532:65532"}}
        assert tar.extractfile(image["Layers"][0]).read() == b"layer"
        assert image["RepoTags"] == ["x:1"]


def test_mirrors_stand_where_the_publishers_stood(request_for):
    mirrors = {"docker.io": "registry.example.com/docker", "https://github.com": "https://files.example.com/github/", "docker.io/istio": "istio.example.com"}
    chain = Toolchain(request_for("pilot", "proxyv2", "node", "kind", "helm", source="pull", mirrors=mirrors), FakeImages())
    assert chain.image_name("node") == f"registry.example.com/docker/kindest/node:v{chain.catalog.versions['kind_node']}"
    assert chain.image_name("pilot") == f"istio.example.com/pilot:{chain.catalog.versions['istio']}"
    assert chain.facts([])["istio"]["hub"] == "istio.example.com"
    assert chain.address("kind").startswith("https://files.example.com/github/kubernetes-sigs/kind/releases/")
    assert chain.address("helm").startswith("https://get.helm.sh/")
    assert "https://istio.example.com/v2/" in chain._hosts()


@pytest.mark.parametrize("prefix", ["docker.oi", "https://git", "docker.io/ist"])
def test_a_mirror_of_nothing_is_refused(request_for, prefix):
    with pytest.raises(ToolchainError, match=f"toolchain_mirrors: nothing is pulled from {prefix}; accepted: .*docker.io.*https://github.com"):
        request_for("kind", mirrors={prefix: "mirror.example.com"})


@pytest.mark.parametrize(("machine", "kind", "istioctl"), [("Linux", "kind-linux-", "-linux-"), ("Darwin", "kind-darwin-", "-osx-")])
def test_programs_are_pulled_for_the_system_that_runs_them(request_for, monkeypatch, machine, kind, istioctl):
    monkeypatch.setattr("platform.system", lambda: machine)
    chain = Toolchain(request_for("kind", "istioctl", source="pull"), FakeImages())
    assert kind in chain.address("kind")
    assert istioctl in chain.address("istioctl")


def test_a_cache_that_two_systems_share_has_two_programs(request_for, monkeypatch):
    on_linux = Toolchain(request_for("kind", source="pull"), FakeImages()).key("kind")
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert Toolchain(request_for("kind", source="pull"), FakeImages()).key("kind") != on_linux


def test_what_is_built_on_linux_only_is_refused_elsewhere(request_for, monkeypatch):
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(ToolchainError, match="this machine runs Darwin, and go components are built on Linux only: set toolchain_source to pull"):
        toolchain_module.ensure(request_for("kubectl"), False, FakeImages())


def silent(monkeypatch, *hosts):
    monkeypatch.setattr(
        toolchain_module.pull, "unreachable", lambda addresses, timeout, whatever=False: [a for a in addresses if any(host in a for host in hosts)]
    )


def test_what_was_pulled_is_not_built_because_a_publisher_is_silent_today(request_for, monkeypatch):
    silent(monkeypatch)
    fill_cache(request_for("kubectl", source="pull"))
    ensure(request_for("kubectl", source="auto"), False, FakeImages())
    silent(monkeypatch, "get.helm.sh")
    planned = ensure(request_for("kubectl", "helm", source="auto"), True, FakeImages())
    assert (planned["origin"], planned["actions"]) == ("pull", ["pull helm"])
    with pytest.raises(
        ToolchainError,
        match=r"cache holds was pulled \(toolchain_source is auto\), and https://get\.helm\.sh/.* did not answer.*accepted:.*toolchain_source build",
    ):
        ensure(request_for("kubectl", "helm", source="auto"), False, FakeImages())


def test_what_was_built_is_not_pulled_because_somebody_answers_today(request_for, monkeypatch):
    fill_cache(request_for("kubectl"))
    ensure(request_for("kubectl", source="auto"), False, FakeImages())
    no_network(monkeypatch)
    planned = ensure(request_for("kubectl", "helm", source="auto"), True, FakeImages())
    assert (planned["origin"], planned["actions"]) == ("build", ["build helm"])


def test_another_origin_is_said_once(request_for):
    fill_cache(request_for("kubectl", source="pull"))
    ensure(request_for("kubectl", source="pull"), False, FakeImages())
    fill_cache(request_for("kubectl"))
    (told,) = ensure(request_for("kubectl"), False, FakeImages())["warnings"]
    assert "came from pull" in told
    assert ensure(request_for("kubectl"), False, FakeImages())["warnings"] == []


def test_that_everything_is_built_is_said_with_its_reason(request_for, monkeypatch):
    silent(monkeypatch, "dl.k8s.io")
    (told,) = ensure(request_for("kubectl", source="auto"), True, FakeImages())["warnings"]
    assert "https://dl.k8s.io/release" in told
    assert "half an hour" in told


def answer(monkeypatch, state, why):
    monkeypatch.setattr(
        toolchain_module.registry, "wanting", lambda images, timeout: [Answer(image, state, f"{image} {why}") for image in images if "kindest" in image]
    )


def test_an_image_that_was_never_published_is_seen_before_anything_is_fetched(request_for, monkeypatch):
    silent(monkeypatch)
    answer(monkeypatch, "absent", "does not exist")
    result = ensure(request_for("kubectl", "node", source="auto"), True, FakeImages())
    assert result["origin"] == "build"
    assert "kindest/node" in result["warnings"][0]
    with pytest.raises(ToolchainError, match="toolchain_source is pull, and docker.io/kindest/node:v.* does not exist; accepted"):
        ensure(request_for("kubectl", "node", source="pull"), False, FakeImages())


@pytest.mark.parametrize("source", ["auto", "pull"])
def test_a_registry_that_counts_is_no_reason_to_build(request_for, monkeypatch, source):
    silent(monkeypatch)
    answer(monkeypatch, "limited", "429 (Retry-After: 60)")
    with pytest.raises(ToolchainError, match=r"kindest/node:v.*429 \(Retry-After: 60\); toolchain_source build does not need it"):
        ensure(request_for("kubectl", "node", source=source), False, FakeImages())


def test_images_that_are_there_are_not_asked_for(request_for, monkeypatch):
    request = request_for("kubectl", "helm", "node", "pilot", source="pull")
    chain = Toolchain(request, FakeImages())
    monkeypatch.setattr(toolchain_module.registry, "wanting", lambda images, timeout: pytest.fail(str(images)) if images else [])
    docker = FakeImages(chain.image_name("node"))
    chain = Toolchain(request, docker)
    assert chain._absent(chain.missing()) == []


def test_the_debian_below_the_services_is_asked_for_where_docker_lacks_it(request_for):
    for docker, asked in ((FakeImages(), ["docker.io/library/debian:bookworm-slim"]), (FakeImages("docker.io/library/debian:bookworm-slim"), [])):
        chain = Toolchain(request_for("kubectl", "service_a", source="pull"), docker)
        assert chain._missing_base(chain.missing()) == asked
        assert chain._missing_base(["kubectl"]) == []


def test_the_nodes_image_is_held_to_a_digest_of_its_own(request_for):
    chain = Toolchain(request_for("node", source="pull"), FakeImages())
    assert re.fullmatch(rf"docker\.io/kindest/node:v{re.escape(chain.catalog.versions['kubernetes'])}@sha256:[0-9a-f]{{64}}", chain.image_name("node"))


@pytest.mark.parametrize(("given", "expected"), [({}, r"[0-9a-f]{64}"), ({"kubectl": "publisher"}, ""), ({"kubectl": "1" * 64}, "1" * 64)])
def test_the_sum_of_a_program_is_ours_unless_the_user_says_otherwise(request_for, given, expected):
    assert re.fullmatch(expected, Toolchain(request_for("kubectl", source="pull", checksums=given), FakeImages()).checksum("kubectl"))


def test_another_sum_is_another_result(request_for):
    ours = Toolchain(request_for("gateway_api", source="pull"), FakeImages()).key("gateway_api")
    assert Toolchain(request_for("gateway_api", source="pull", checksums={"gateway_api_standard": "1" * 64}), FakeImages()).key("gateway_api") != ours


def test_a_mirror_by_plain_http_is_refused(request_for):
    with pytest.raises(ToolchainError, match=r"toolchain_mirrors: http://files\.example\.com/kind.* is plain HTTP.*accepted: https"):
        request_for("kind", mirrors={"https://github.com/kubernetes-sigs": "http://files.example.com"})


DOCKER = """#!/bin/sh
# A Docker that knows images by the names that it was asked for, and lists them as the real one does: without docker.io/, and no tag beside a digest.
echo "$@" >> {log}
env | grep -i _proxy >> {log}.env
case "$1 $2" in
"image ls") echo kindest/node:v1 ;;
"image inspect") shift 4; for name; do case "$name" in docker.io/kindest/node:v1*) echo id ;; *) echo "No such image: $name" >&2; exit 1 ;; esac; done ;;
"pull --quiet") echo "{said}" >&2; exit 1 ;;
"build --quiet") echo "{said}" >&2; echo "failed to reach $HTTPS_PROXY" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def docker(tmp_path):
    """The client, as a script, and what it was asked."""
    said = "Error response from daemon: toomanyrequests: You have reached your unauthenticated pull rate limit."
    script = tmp_path / "docker"
    script.write_text(DOCKER.format(log=tmp_path / "asked", said=said))
    script.chmod(0o755)
    images = Images()
    images.docker = str(script)
    return images, tmp_path / "asked"


@pytest.mark.parametrize("name", ["docker.io/kindest/node:v1", f"docker.io/kindest/node:v1@sha256:{'0' * 64}"])
def test_an_image_is_known_by_the_name_by_which_it_was_pulled(docker, name):
    images, _asked = docker
    images.look([name, "docker.io/kindest/other:v1"])
    assert images.has(name)
    assert not images.has("docker.io/kindest/other:v1")


def test_a_pull_that_the_registry_counts_is_explained(docker, tmp_path):
    images, _asked = docker
    with pytest.raises(ToolchainError, match=r"pull rate limit.*wait, use `docker login`.*toolchain_mirrors"):
        images.pull("docker.io/kindest/node:v2", str(tmp_path / "log"))


def test_a_proxys_password_reaches_docker_and_nobody_else(docker, tmp_path, monkeypatch):
    images, asked = docker
    monkeypatch.setenv("HTTPS_PROXY", "http://me:open-sesame@proxy.example.com:3128")
    with pytest.raises(ToolchainError) as failed:
        images.build("x:1", "x", str(tmp_path), {"BASE": "y"}, str(tmp_path / "log"))
    assert "--build-arg HTTPS_PROXY --build-arg BASE=y" in asked.read_text()
    assert "open-sesame" in asked.with_suffix(".env").read_text()
    assert "open-sesame" not in asked.read_text() + str(failed.value) + json.dumps(failed.value.details)
    assert "http://***@proxy.example.com:3128" in str(failed.value)
    assert "wait, use `docker login`" in str(failed.value)


AWS = ("kubectl", "helm", "istioctl", "alb_controller_assets", "gateway_api")


@pytest.mark.parametrize("source", ["build", "pull"])
def test_nodes_on_aws_get_the_publishers_images_also_where_istioctl_was_built(request_for, source):
    """An istioctl that was built here names meshgate.local/istio by itself, from where no node on AWS can pull."""
    facts = ensure(request_for(*AWS, source=source, mirrors={"docker.io": "registry.example.com/docker"}), True, FakeImages())["toolchain"]
    assert facts["istio"] == {"hub": "registry.example.com/docker/istio", "tag": "1.31.1", "values": {}, "stock_envoy": False}
    assert facts["published"]["alb_controller"] == "public.ecr.aws/eks/aws-load-balancer-controller:v3.2.2"


def test_digests_of_istios_images_are_values_of_its_charts(request_for):
    digests = {"pilot": f"docker.io/istio/pilot:1.31.1@sha256:{'1' * 64}", "proxyv2": f"docker.io/istio/proxyv2:1.31.1@sha256:{'2' * 64}"}
    facts = ensure(request_for(*AWS, images={**DEFAULTS["toolchain_pull_images"], **digests}), True, FakeImages())["toolchain"]
    assert (facts["istio"]["hub"], facts["istio"]["tag"]) == ("docker.io/istio", "1.31.1")
    assert facts["istio"]["values"]["pilot"] == {"image": digests["pilot"]}
    assert facts["istio"]["values"]["global"]["proxy"] == {"image": digests["proxyv2"]}


def test_a_cache_that_docker_by_snap_cannot_read_is_refused_before_anything_is_made(request_for, monkeypatch):
    monkeypatch.setattr(needs, "hidden_from_snap", lambda program, path: f"Docker is installed as a snap here, which cannot read {path}")
    with pytest.raises(ToolchainError, match=r"toolchain_cache_dir .*/cache: Docker is installed as a snap.*\(MESHGATE_CACHE\)"):
        ensure(request_for("service_a"), False, FakeImages())
