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

from ansible_collections.meshgate.eks_istio.plugins.module_utils import toolchain_pull as pull
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain_command import ToolchainError


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
    with pytest.raises(ToolchainError, match=r"holds no SHA-256 of kubectl"):
        pull.fetch_program("kubectl", f"{address}/kubectl", "linux-amd64", str(target))


def test_no_checksum_file_is_refused(site, target):
    folder, address = site
    (folder / "kubectl").write_bytes(b"program")
    with pytest.raises(ToolchainError, match=r"kubectl\.sha256 cannot be fetched"):
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
    pull.fetch_controller_assets(address, f"{address}/iam_policy.json", "3.2.2", str(target))
    assert sorted(os.listdir(target)) == ["chart", "iam_policy.json"]
    assert (target / "chart/crds/crds.yaml").is_file()


def test_another_chart_is_refused(site, target):
    folder, address = site
    chart_repository(folder, digest="0" * 64)
    with pytest.raises(ToolchainError, match="is not what its publisher says"):
        pull.fetch_controller_assets(address, f"{address}/iam_policy.json", "3.2.2", str(target))


def test_an_unknown_chart_version_is_named(site, target):
    folder, address = site
    chart_repository(folder)
    with pytest.raises(ToolchainError, match=r"has no chart aws-load-balancer-controller 9\.9\.9"):
        pull.fetch_controller_assets(address, f"{address}/iam_policy.json", "9.9.9", str(target))


def test_who_does_not_answer_is_found_quickly(site):
    folder, address = site
    (folder / "there").write_text("")
    assert pull.unreachable([f"{address}/there", "http://127.0.0.1:9/", f"{address}/not-there"], 1.0) == ["http://127.0.0.1:9/", f"{address}/not-there"]


def test_any_answer_shows_that_a_mirror_is_there(site):
    _folder, address = site
    assert pull.unreachable(["http://127.0.0.1:9/", f"{address}/not-there"], 1.0, whatever=True) == ["http://127.0.0.1:9/"]
