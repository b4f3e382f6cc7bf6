# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Fetch the toolchain's components from their publishers, with the checksums that the publishers give."""

from __future__ import annotations

import hashlib
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

from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import report
from ansible_collections.meshgate.eks_istio.plugins.module_utils.safe_yaml import Loader
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain_command import ToolchainError

with suppress(ImportError):  # as safe_yaml says
    import yaml

TIMEOUT = 60.0
CHART = "aws-load-balancer-controller"

# How each publisher names the checksum file beside a download, and the program inside an archive ({platform}: linux-amd64).
CHECKSUM_SUFFIX = {"kubectl": ".sha256", "helm": ".sha256sum", "istioctl": ".sha256", "kind": ".sha256sum"}
PROGRAM_IN_ARCHIVE = {"helm": "{platform}/helm", "istioctl": "istioctl"}


# What a publisher calls an operating system, where that is not what the others call it.
OS_NAMES = {"istioctl": {"darwin": "osx"}}


def host_os() -> str:
    """The operating system that programs run on. Images are Linux everywhere."""
    return platform.system().lower()


def os_name(component: str) -> str:
    return OS_NAMES.get(component, {}).get(host_os(), host_os())


def mirrored(address: str, mirrors: dict[str, str]) -> str:
    """An address or an image's name, with the longest prefix that has a mirror replaced by it."""
    for prefix in sorted(mirrors, key=len, reverse=True):
        start = prefix.rstrip("/")
        if address == start or address.startswith(start + "/"):
            return mirrors[prefix].rstrip("/") + address[len(start) :]
    return address


def key(component: str, version: str, address: Any, architecture: str) -> str:
    """The cache key of something pulled: which version of it, from where, for which machine."""
    machine = architecture if host_os() == "linux" else f"{host_os()}-{architecture}"
    return hashlib.sha256(json.dumps(["pull", component, version, address, machine], sort_keys=True).encode()).hexdigest()


def unreachable(addresses: list[str], timeout: float, whatever: bool = False) -> list[str]:
    """Which of the addresses do not answer as their publisher would. A registry asks who we are (401), and so is there.

    `whatever`: any answer is one. A mirror need not know HEAD, nor show its root to everybody, nor have a certificate that we trust.
    """

    def answers(address: str) -> bool:
        try:
            with open_url(address, method="HEAD", timeout=timeout):
                return True
        except urllib.error.HTTPError as error:
            return whatever or error.code == 401
        except (OSError, ValueError) as error:
            # Docker may trust a certificate that Python does not, or be told to do without.
            return whatever and isinstance(getattr(error, "reason", None), ssl.SSLError)

    with ThreadPoolExecutor(max_workers=8) as pool:
        results = list(pool.map(answers, addresses))
    return [address for address, there in zip(addresses, results, strict=True) if not there]


def download(address: str, target: str) -> str:
    """Fetch a file and return its SHA-256."""
    digest = hashlib.sha256()
    try:
        # As it lies there: what a server says to be packed is the file itself.
        with open_url(address, timeout=TIMEOUT, decompress=False) as answer, open(target, "wb") as stream:
            while block := answer.read(1 << 20):
                digest.update(block)
                stream.write(block)
    except (OSError, ValueError) as error:
        raise ToolchainError(f"{address} cannot be fetched: {error}", cause=str(error)) from error
    return digest.hexdigest()


def fetch_text(address: str) -> str:
    try:
        with open_url(address, timeout=TIMEOUT) as answer:
            return answer.read().decode()
    except (OSError, ValueError) as error:
        raise ToolchainError(f"{address} cannot be fetched: {error}", cause=str(error)) from error


def expected_checksum(text: str, file_name: str, source: str) -> str:
    """Read a checksum file: the bare hash, or lines of hash and file name."""
    for line in text.splitlines():
        words = line.split()
        right_file = len(words) == 1 or (len(words) == 2 and os.path.basename(words[1].lstrip("*")) == file_name)
        if right_file and len(words[0]) == 64 and all(letter in "0123456789abcdef" for letter in words[0].lower()):
            return words[0].lower()
    raise ToolchainError(f"{source} holds no SHA-256 of {file_name}")


def compare(address: str, found: str, expected: str, source: str) -> None:
    if found != expected:
        raise ToolchainError(f"{address} is not what its publisher says: its SHA-256 is {found}, {source} says {expected}; nothing of it is used")


def fetch_program(name: str, address: str, system: str, folder: str) -> None:
    """A program with its publisher's checksum file verified."""
    file_name = os.path.basename(urllib.parse.urlsplit(address).path)
    checksum_address = address + CHECKSUM_SUFFIX[name]
    expected = expected_checksum(fetch_text(checksum_address), file_name, checksum_address)
    fetched = os.path.join(folder, ".download")
    report(f"pulling {name}: {address}")
    compare(address, download(address, fetched), expected, checksum_address)
    target = os.path.join(folder, name)
    if name in PROGRAM_IN_ARCHIVE:
        _take_one(fetched, PROGRAM_IN_ARCHIVE[name].format(platform=system), target, address)
        os.unlink(fetched)
    else:
        os.rename(fetched, target)
    os.chmod(target, 0o755)


def fetch_gateway_api(addresses: dict[str, str], folder: str) -> None:
    """The bundle of each channel. The project publishes no checksums: TLS is what vouches for it."""
    for channel, address in addresses.items():
        report(f"pulling the Gateway API's CRDs: {address}")
        os.makedirs(os.path.join(folder, channel))
        download(address, os.path.join(folder, channel, "install.yaml"))


def fetch_controller_assets(repository: str, policy: str, version: str, folder: str, mirrors: dict[str, str] | None = None) -> None:
    """The controller's chart, verified with the digest in the repository's index, and its IAM policy document."""
    index_address = f"{repository.rstrip('/')}/index.yaml"
    index = yaml.load(fetch_text(index_address), Loader=Loader)  # noqa: S506 (a safe loader)
    entries = [entry for entry in index.get("entries", {}).get(CHART, []) if str(entry.get("version")) == version]
    if not entries:
        raise ToolchainError(f"{index_address} has no chart {CHART} {version}")
    # An index that was only copied still names its publisher.
    address = mirrored(urllib.parse.urljoin(index_address, entries[0]["urls"][0]), mirrors or {})
    archive = os.path.join(folder, ".chart.tgz")
    report(f"pulling the controller's chart: {address}")
    compare(address, download(address, archive), str(entries[0].get("digest", "")).removeprefix("sha256:"), index_address)
    unpacked = os.path.join(folder, ".chart")
    with tarfile.open(archive) as stream:
        stream.extractall(unpacked, filter="data")
    os.rename(os.path.join(unpacked, CHART), os.path.join(folder, "chart"))
    shutil.rmtree(unpacked)
    os.unlink(archive)
    download(policy, os.path.join(folder, "iam_policy.json"))
    with open(os.path.join(folder, "iam_policy.json"), encoding="utf-8") as stream:
        if "Statement" not in json.load(stream):
            raise ToolchainError(f"{policy} is not an IAM policy document")


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
