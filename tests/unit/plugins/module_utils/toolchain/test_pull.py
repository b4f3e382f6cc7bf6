# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is pulled is what its publisher says, or is not used."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import tarfile
import threading
from functools import partial

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.fetch import NotFetched, plain
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain import pull
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.command import ToolchainError


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def site(tmp_path):
    """A publisher's file server: its folder and its address."""
    folder = tmp_path / "site"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def archive(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def publish(folder, name, content, suffix, text="{sum}  {name}\n"):
    (folder / name).write_bytes(content)
    (folder / (name + suffix)).write_text(text.format(sum=hashlib.sha256(content).hexdigest(), name=name))


@pytest.mark.parametrize("text", ["{sum}", "{sum}\n", "{sum}  {name}\n", "{sum} *{name}\n", "0000  other\n{sum}  {name}\n"])
def test_a_program_is_compared_with_its_checksum_file(site, target, text):
    folder, address = site
    publish(folder, "kubectl", b"program", ".sha256", text)
    pull.fetch_program("kubectl", f"{address}/kubectl", "linux-amd64", str(target))
    assert (target / "kubectl").read_bytes() == b"program"
    assert os.access(target / "kubectl", os.X_OK)


def test_another_content_is_refused_and_both_sums_are_named(site, target):
    folder, address = site
    publish(folder, "kubectl", b"program", ".sha256")
    (folder / "kubectl").write_bytes(b"something else")
    with pytest.raises(ToolchainError) as refused:
        pull.fetch_program("kubectl", f"{address}/kubectl", "linux-amd64", str(target))
    assert hashlib.sha256(b"something else").hexdigest() in str(refused.value)
    assert hashlib.sha256(b"program").hexdigest() in str(refused.value)
    assert not (target / "kubectl").exists()


@pytest.mark.parametrize("text", ["", "not a checksum", "abc123  kubectl", "{sum}  other-file"])
def test_a_checksum_file_without_the_checksum_is_refused(site, target, text):
    folder, address = site
    publish(folder, "kubectl", b"program", ".sha256", text)
    with pytest.raises(ToolchainError, match=r"has no SHA-256 of kubectl"):
        pull.fetch_program("kubectl", f"{address}/kubectl", "linux-amd64", str(target))


def test_no_checksum_file_is_refused(site, target):
    folder, address = site
    (folder / "kubectl").write_bytes(b"program")
    with pytest.raises(NotFetched, match=r"kubectl\.sha256 cannot be fetched"):
        pull.fetch_program("kubectl", f"{address}/kubectl", "linux-amd64", str(target))


@pytest.mark.parametrize(("name", "inner", "suffix"), [("helm", "linux-amd64/helm", ".sha256sum"), ("istioctl", "istioctl", ".sha256")])
def test_a_program_is_taken_out_of_its_archive(site, target, name, inner, suffix):
    folder, address = site
    publish(folder, "x.tar.gz", archive({inner: b"program", "README": b"read me"}), suffix)
    pull.fetch_program(name, f"{address}/x.tar.gz", "linux-amd64", str(target))
    assert os.listdir(target) == [name]


def test_an_archive_without_the_program_is_refused(site, target):
    folder, address = site
    publish(folder, "x.tar.gz", archive({"README": b"read me"}), ".sha256sum")
    with pytest.raises(ToolchainError, match="holds no linux-amd64/helm"):
        pull.fetch_program("helm", f"{address}/x.tar.gz", "linux-amd64", str(target))


def chart_repository(folder, digest=None):
    chart = archive({"aws-load-balancer-controller/Chart.yaml": b"name: x", "aws-load-balancer-controller/crds/crds.yaml": b"{}"})
    (folder / "charts").mkdir()
    (folder / "charts/c.tgz").write_bytes(chart)
    entry = {"version": "3.2.2", "digest": digest or hashlib.sha256(chart).hexdigest(), "urls": ["charts/c.tgz"]}
    (folder / "index.yaml").write_text(json.dumps({"entries": {pull.CHART: [{**entry, "version": "3.2.1"}, entry]}}))
    (folder / "iam_policy.json").write_text('{"Version": "2012-10-17", "Statement": []}')


def test_the_chart_is_compared_with_the_repositorys_index(site, target):
    folder, address = site
    chart_repository(folder)
    pull.fetch_chart(address, "3.2.2", str(target))
    pull.fetch_iam_policy(f"{address}/iam_policy.json", str(target))
    assert sorted(os.listdir(target)) == ["chart", "iam_policy.json"]
    assert (target / "chart/crds/crds.yaml").is_file()


def test_another_chart_is_refused(site, target):
    folder, address = site
    chart_repository(folder, digest="0" * 64)
    with pytest.raises(ToolchainError, match="is not what its publisher says"):
        pull.fetch_chart(address, "3.2.2", str(target))


def test_an_unknown_chart_version_is_named(site, target):
    folder, address = site
    chart_repository(folder)
    with pytest.raises(ToolchainError, match=r"has no chart aws-load-balancer-controller 9\.9\.9"):
        pull.fetch_chart(address, "9.9.9", str(target))


def test_who_does_not_answer_is_found_quickly(site):
    folder, address = site
    (folder / "there").write_text("")
    assert pull.unreachable([f"{address}/there", "http://127.0.0.1:9/", f"{address}/not-there"], 1.0) == ["http://127.0.0.1:9/", f"{address}/not-there"]


def test_an_address_that_can_be_none_is_one_that_does_not_answer(target):
    assert pull.unreachable(["http://127.0.0.1:nine/x"], 1.0, whatever=True) == ["http://127.0.0.1:nine/x"]
    with pytest.raises(ToolchainError, match="http://127.0.0.1:nine/x cannot be fetched"):
        pull.fetch_gateway_api("standard", "http://127.0.0.1:nine/x", str(target))


def test_any_answer_shows_that_a_mirror_is_there(site):
    _folder, address = site
    assert pull.unreachable(["http://127.0.0.1:9/", f"{address}/not-there"], 1.0, whatever=True) == ["http://127.0.0.1:9/"]


PAGE = "<!DOCTYPE html>\n<html><head><title>Sign in: please</title></head></html>\n"


@pytest.mark.parametrize("file", ["login.html", "login"], ids=["as a page", "as a file"])
@pytest.mark.parametrize(
    "fetch",
    [
        lambda address, folder: pull.fetch_gateway_api("standard", address, folder),
        lambda address, folder: pull.fetch_iam_policy(address, folder),
        lambda address, folder: pull.fetch_chart(address.rpartition("/")[0] + "/charts", "3.2.2", folder),
        lambda address, folder: pull.fetch_program("kubectl", address, "linux-amd64", folder),
    ],
    ids=["bundle", "policy", "index", "checksum"],
)
def test_a_login_page_is_named_and_nothing_of_it_is_kept(site, target, file, fetch):
    folder, address = site
    (folder / "charts").mkdir()
    for name in (file, f"{file}.sha256", "charts/index.yaml"):
        (folder / name).write_text(PAGE)
    with pytest.raises((ToolchainError, NotFetched)) as refused:
        fetch(f"{address}/{file}", str(target))
    assert str(refused.value).startswith(f"{address}/")
    assert "mapping values" not in str(refused.value)
    assert "a mirror that requires a login" in str(refused.value) or "has no SHA-256" in str(refused.value)


def test_a_sum_of_ours_needs_no_checksum_file_and_holds_against_the_publishers(site, target):
    folder, address = site
    (folder / "kubectl").write_bytes(b"program")
    pull.fetch_program("kubectl", f"{address}/kubectl", "linux-amd64", str(target), hashlib.sha256(b"program").hexdigest())
    assert (target / "kubectl").read_bytes() == b"program"
    publish(folder, "kind", b"another", ".sha256sum")
    with pytest.raises(ToolchainError, match=r"/kind is not what checksums\.yml says: its SHA-256 is .*toolchain_pull_checksums"):
        pull.fetch_program("kind", f"{address}/kind", "linux-amd64", str(target), "0" * 64)


@pytest.mark.parametrize(
    "fetch",
    [
        lambda address, folder: pull.fetch_gateway_api("standard", f"{address}/bundle.yaml", folder, "0" * 64),
        lambda address, folder: pull.fetch_iam_policy(f"{address}/iam_policy.json", folder, "0" * 64),
        lambda address, folder: pull.fetch_chart(address, "3.2.2", folder, "0" * 64),
    ],
    ids=["bundle", "policy", "chart"],
)
def test_what_has_no_checksum_file_is_held_to_our_sum(site, target, fetch):
    folder, address = site
    chart_repository(folder)
    (folder / "bundle.yaml").write_text("kind: CustomResourceDefinition\n")
    with pytest.raises(ToolchainError, match=r"is not what checksums\.yml says"):
        fetch(address, str(target))


@pytest.mark.parametrize("address", ["http://files.example.com/x", "http://me:secret@127.0.0.1.example.com/x", "http://10.0.0.1:8080/x"])
def test_plain_http_is_named_without_its_password(address):
    (named,) = plain([address, "https://files.example.com/x", "http://127.0.0.1:8000/x", "http://localhost/x"])
    assert named.startswith("http://")
    assert "secret" not in named
