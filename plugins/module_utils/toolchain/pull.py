# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Fetch the toolchain's components from their publishers, verified against checksums."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import platform
import shutil
import ssl
import tarfile
import urllib.error
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from ansible.module_utils.urls import open_url

from ..common.command import masked
from ..common.fetch import TIMEOUT, fetch_text, not_what, refuse_page
from ..common.progress import report
from ..common.safe_yaml import Loader
from . import dashboards
from .command import ToolchainError

with suppress(ImportError):  # see safe_yaml
    import yaml

CHART = "aws-load-balancer-controller"

# Each publisher's names of the checksum file beside a download, and of the program inside an archive ({platform}: linux-amd64).
CHECKSUM_SUFFIX = {"kubectl": ".sha256", "helm": ".sha256sum", "istioctl": ".sha256", "kind": ".sha256sum"}
PROGRAM_IN_ARCHIVE = {"helm": "{platform}/helm", "istioctl": "istioctl"}


# A publisher's name of an operating system, if it differs from the usual one.
OS_NAMES = {"istioctl": {"darwin": "osx"}}


def host_os() -> str:
    """The operating system that programs run on. Images are Linux everywhere."""
    return platform.system().lower()


def os_name(component: str) -> str:
    return OS_NAMES.get(component, {}).get(host_os(), host_os())


def mirrored(address: str, mirrors: dict[str, str]) -> str:
    """A URL or an image's name, with the longest prefix that has a mirror replaced by it."""
    for prefix in sorted(mirrors, key=len, reverse=True):
        start = prefix.rstrip("/")
        if address == start or address.startswith(start + "/"):
            return mirrors[prefix].rstrip("/") + address[len(start) :]
    return address


def key(component: str, version: str, address: Any, architecture: str) -> str:
    """The cache key of a pulled artifact: version, source, and platform."""
    machine = architecture if host_os() == "linux" else f"{host_os()}-{architecture}"
    return hashlib.sha256(json.dumps(["pull", component, version, address, machine], sort_keys=True).encode()).hexdigest()


def unreachable(addresses: list[str], timeout: float, whatever: bool = False) -> list[str]:
    """Which of the URLs do not respond as their publisher would. A registry that requires authentication (401) counts as reachable.

    `whatever`: any response is accepted. A mirror need not support HEAD, nor allow access to its root, nor have a certificate that we trust.
    """

    def answers(address: str) -> bool:
        try:
            with open_url(address, method="HEAD", timeout=timeout):
                return True
        except urllib.error.HTTPError as error:
            return whatever or error.code == 401
        except (OSError, ValueError, http.client.HTTPException) as error:
            # Docker may trust a certificate that Python does not, or be configured to ignore it.
            return whatever and isinstance(getattr(error, "reason", None), ssl.SSLError)

    with ThreadPoolExecutor(max_workers=8) as pool:
        results = list(pool.map(answers, addresses))
    return [address for address, there in zip(addresses, results, strict=True) if not there]


def download(address: str, target: str) -> str:
    """Fetch a file and return its SHA-256."""
    digest = hashlib.sha256()
    try:
        # Without decoding: content that a server declares as compressed is the file itself.
        with open_url(address, timeout=TIMEOUT, decompress=False) as answer, open(target, "wb") as stream:
            refuse_page(address, answer)
            while block := answer.read(1 << 20):
                digest.update(block)
                stream.write(block)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ToolchainError(f"{address} cannot be fetched: {error}", cause=masked(str(error))) from error
    return digest.hexdigest()


def beginning(path: str) -> str:
    with open(path, "rb") as stream:
        return "what begins with " + repr(" ".join(stream.read(200).decode(errors="replace").split())[:60])


def expected_checksum(text: str, file_name: str, source: str) -> str:
    """Read a checksum file: the bare hash, or lines of hash and file name."""
    for line in text.splitlines():
        words = line.split()
        right_file = len(words) == 1 or (len(words) == 2 and os.path.basename(words[1].lstrip("*")) == file_name)
        if right_file and len(words[0]) == 64 and all(letter in "0123456789abcdef" for letter in words[0].lower()):
            return words[0].lower()
    raise ToolchainError(f"{source} has no SHA-256 of {file_name}")


def compare(address: str, found: str, expected: str, source: str = "") -> None:
    """With this collection's checksum, or else its publisher's, in `source`."""
    if found != expected:
        whose = f"its publisher says: its SHA-256 is {found}, {source} says" if source else f"checksums.yml says: its SHA-256 is {found}, not"
        way_on = "" if source else "; if a mirror changed it on purpose, set its checksum in toolchain_pull_checksums"
        raise ToolchainError(f"{address} is not what {whose} {expected}; it is not used{way_on}")


def fetch_program(name: str, address: str, system: str, folder: str, expected: str = "") -> None:
    """A program with its expected checksum, or else with its publisher's checksum file."""
    report(masked(f"pulling {name}: {address}"))
    fetched = os.path.join(folder, ".download")
    if expected:
        compare(address, download(address, fetched), expected)
    else:
        checksum_address = address + CHECKSUM_SUFFIX[name]
        report(masked(f"{name} has no pinned checksum for {system}: comparing with {checksum_address}"))
        expected = expected_checksum(fetch_text(checksum_address), os.path.basename(urllib.parse.urlsplit(address).path), checksum_address)
        compare(address, download(address, fetched), expected, checksum_address)
    target = os.path.join(folder, name)
    if name in PROGRAM_IN_ARCHIVE:
        _take_one(fetched, PROGRAM_IN_ARCHIVE[name].format(platform=system), target, address)
        os.unlink(fetched)
    else:
        os.rename(fetched, target)
    os.chmod(target, 0o755)


def fetch_gateway_api(channel: str, address: str, folder: str, expected: str = "") -> None:
    """A channel's bundle. The project publishes no checksums: without one of ours, only TLS protects it."""
    report(masked(f"pulling the Gateway API's CRDs: {address}"))
    os.makedirs(os.path.join(folder, channel))
    target = os.path.join(folder, channel, "install.yaml")
    found = download(address, target)
    if expected:
        compare(address, found, expected)
    try:
        with open(target, encoding="utf-8") as stream:
            kinds = [str(document.get("kind")) for document in yaml.load_all(stream, Loader=Loader) if document]  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, ValueError, AttributeError):
        kinds = []
    if "CustomResourceDefinition" not in kinds:
        raise not_what(address, "a bundle of the Gateway API's CRDs", beginning(target))


def fetch_chart(repository: str, version: str, folder: str, expected: str = "", mirrors: dict[str, str] | None = None) -> None:
    """The controller's chart, with its expected checksum, or else with the digest in the repository's index."""
    index_address = f"{repository.rstrip('/')}/index.yaml"
    text = fetch_text(index_address)
    try:
        charts = yaml.load(text, Loader=Loader)["entries"].get(CHART, [])  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise not_what(index_address, "the index of a chart repository", f"what begins with {text[:60]!r}") from error
    entries = [entry for entry in charts if str(entry.get("version")) == version]
    if not entries:
        raise ToolchainError(f"{index_address} has no chart {CHART} {version}")
    # An index that was merely copied still refers to its publisher.
    address = mirrored(urllib.parse.urljoin(index_address, entries[0]["urls"][0]), mirrors or {})
    archive = os.path.join(folder, ".chart.tgz")
    report(masked(f"pulling the controller's chart: {address}"))
    found = download(address, archive)
    if expected:
        compare(address, found, expected)
    else:
        compare(address, found, str(entries[0].get("digest", "")).removeprefix("sha256:"), index_address)
    unpacked = os.path.join(folder, ".chart")
    with tarfile.open(archive) as stream:
        stream.extractall(unpacked, filter="data")
    os.rename(os.path.join(unpacked, CHART), os.path.join(folder, "chart"))
    shutil.rmtree(unpacked)
    os.unlink(archive)


def fetch_iam_policy(address: str, folder: str, expected: str = "") -> None:
    """The controller's IAM policy document."""
    target = os.path.join(folder, "iam_policy.json")
    found = download(address, target)
    if expected:
        compare(address, found, expected)
    try:
        with open(target, encoding="utf-8") as stream:
            there = "Statement" in json.load(stream)
    except ValueError:
        there = False
    if not there:
        raise not_what(address, "an IAM policy document", beginning(target))


def fetch_dashboard(name: str, address: str, folder: str, expected: str = "") -> None:
    """One of Istio's dashboards, for the one data source."""
    target = os.path.join(folder, f"{name}.json")
    found = download(address, target)
    if expected:
        compare(address, found, expected)
    try:
        with open(target, encoding="utf-8") as stream:
            given = json.load(stream)
        there = "panels" in given
    except (ValueError, TypeError):
        there = False
    if not there:
        raise not_what(address, "a Grafana dashboard", beginning(target))
    with open(target, "w", encoding="utf-8") as stream:
        stream.write(dashboards.text(dashboards.plain(given)))


def _take_one(archive: str, inner: str, target: str, address: str) -> None:
    with tarfile.open(archive) as stream:
        try:
            source = stream.extractfile(inner)
        except KeyError:
            source = None
        if source is None:
            raise ToolchainError(f"{address} holds no {inner}")
        with source, open(target, "wb") as output:
            shutil.copyfileobj(source, output)
