# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A component's key changes with everything that its result depends on, and with nothing else."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.catalog import (
    CONVERSION,
    REQUESTABLE,
    Catalog,
    CatalogError,
    host_architecture,
)

ROOT = Path(__file__).resolve().parents[5]


@pytest.fixture
def checkout(tmp_path):
    """A copy of what the catalog reads."""
    for folder in ("offline", "services", "emulator"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("target", "__pycache__"))
    shutil.copy(ROOT / "versions.yml", tmp_path)
    (tmp_path / CONVERSION).parent.mkdir(parents=True)
    shutil.copy(ROOT / CONVERSION, tmp_path / CONVERSION)
    return tmp_path


def keys(root, **more):
    return {name: component.key for name, component in Catalog(str(root), architecture="amd64", **more).components.items()}


def changed(checkout, before):
    after = keys(checkout)
    return {name for name in before if before[name] != after[name]}


def append(path, text="\n# changed\n"):
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)


def test_keys_do_not_depend_on_where_the_checkout_is(checkout):
    assert keys(checkout) == keys(ROOT)


def test_everything_that_can_be_asked_for_is_in_the_catalog():
    assert set(REQUESTABLE) <= set(Catalog(str(ROOT)).components)


def test_emulator_code_changes_the_last_image_only(checkout):
    before = keys(checkout)
    append(checkout / "emulator/meshgate_aws/api.py")
    assert changed(checkout, before) == {"aws_emulator"}


def test_what_converts_dashboards_changes_them_only(checkout):
    before = keys(checkout)
    append(checkout / CONVERSION)
    assert changed(checkout, before) == {"istio_dashboards", "perses_dashboards", "dashboards"}


def test_service_code_changes_the_services_only(checkout):
    before = keys(checkout)
    append(checkout / "services/service-a/src/main.rs", "// changed\n")
    assert changed(checkout, before) == {"services", "service_a", "service_b"}


def test_the_demonstrations_code_changes_the_demonstrations_only(checkout):
    before = keys(checkout)
    append(checkout / "services/demo/src/main.rs", "// changed\n")
    assert changed(checkout, before) == {"demo_program", "demo"}


@pytest.mark.parametrize("path", ["service-kit/src/lib.rs", "Cargo.lock", ".cargo/config.toml"])
def test_what_all_programs_are_made_from_changes_all(checkout, path):
    before = keys(checkout)
    append(checkout / "services" / path)
    assert changed(checkout, before) == {"services", "service_a", "service_b", "demo_program", "demo"}


def members_of(packages):
    """The packages of the workspace that these are made from, as cargo would say."""
    found, left = set(), [*packages]
    while left:
        package = left.pop()
        found.add(package)
        manifest = tomllib.loads((ROOT / "services" / package / "Cargo.toml").read_text(encoding="utf-8"))
        left += [name for name in manifest["dependencies"] if (ROOT / "services" / name).is_dir() and name not in found]
    return found


def test_a_key_covers_every_crate_that_the_programs_are_made_from():
    programs = [component.entry for component in Catalog(str(ROOT)).components.values() if component.kind == "cargo"]
    assert [set(entry["members"]) for entry in programs] == [members_of(entry["packages"]) for entry in programs]


@pytest.mark.parametrize("path", ["README.md", "service-a/tests/more.rs", "testing/more.rs", "target/release/service-a"])
def test_tests_documents_and_build_results_change_nothing(checkout, path):
    before = keys(checkout)
    file = checkout / "services" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    append(file)
    assert not changed(checkout, before)


def test_a_checksum_changes_what_is_built_from_that_module_and_upon_it(checkout):
    before = keys(checkout)
    append(checkout / "offline/coredns/go.sum")
    assert changed(checkout, before) == {"coredns", "coredns_image", "node"}


def test_a_version_changes_what_carries_it(checkout):
    before = keys(checkout)
    versions = checkout / "versions.yml"
    versions.write_text(versions.read_text().replace("\nhelm: ", "\nhelm: 9"))
    assert changed(checkout, before) == {"helm"}


def test_istiod_and_its_proxy_share_hub_and_tag(checkout):
    before = keys(checkout)
    append(checkout / "offline/images/proxyv2/Dockerfile")
    assert {"pilot", "proxyv2"} <= changed(checkout, before)
    catalog = Catalog(str(checkout))
    assert catalog["pilot"].image.partition(":")[2] == catalog["proxyv2"].image.partition(":")[2]


def test_image_names_carry_version_and_key():
    catalog = Catalog(str(ROOT))
    assert catalog["node"].image == f"meshgate.local/kindest/node:v{catalog.versions['kubernetes']}-{catalog['node'].key[:8]}"
    assert catalog["service_a"].image == f"meshgate.local/service-a:{catalog['service_a'].key[:8]}"


def test_architectures_of_the_services_are_part_of_their_key():
    assert keys(ROOT)["services"] != keys(ROOT, service_architectures=["amd64", "arm64"])["services"]


def test_a_published_base_replaces_debootstrap():
    catalog = Catalog(str(ROOT), base_image="docker.io/library/debian:bookworm-slim")
    assert "debian_files" not in catalog.closure(["aws_emulator"])
    assert "debian_files" in Catalog(str(ROOT)).closure(["aws_emulator"])


def test_what_is_needed_comes_first():
    order = Catalog(str(ROOT)).closure(["node"])
    assert order.index("kubernetes") < order.index("apiserver_image") < order.index("node")


def test_an_unknown_machine_is_refused_with_what_is_accepted(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(CatalogError, match=r"riscv64; supported: amd64 \(x86_64\), arm64 \(aarch64\)"):
        host_architecture()
