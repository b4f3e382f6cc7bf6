# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Image archives as `docker save` and OCI tools write them, read without Docker.

An image is identified by its configuration, which has the digests of its layers' uncompressed content. Two images with the same
configuration digest are the same, however their layers are compressed; so the digests are compared.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from ..common.failure import Failure

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
MANIFEST, INDEX = OCI + "manifest.v1+json", OCI + "index.v1+json"
INDEXES = (INDEX, DOCKER + "distribution.manifest.list.v2+json")
MANIFESTS = (MANIFEST, DOCKER + "distribution.manifest.v2+json")
CONFIG, LAYER = OCI + "config.v1+json", OCI + "layer.v1.tar+gzip"
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
BLOCK = 1 << 20


class ArchiveError(Failure):
    """The archive does not contain an image that can be pushed."""


@dataclass(frozen=True)
class Platform:
    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def spec(self) -> dict[str, str]:
        return {"os": self.os, "architecture": self.architecture, **({"variant": self.variant} if self.variant else {})}


@dataclass(frozen=True)
class Layer:
    """A member of an archive, and the digest of its uncompressed content. If it has its own digest, it is pushed as it is."""

    member: str
    diff_id: str
    digest: str = ""
    size: int = 0


@dataclass
class Image:
    """One architecture's image in an archive. `manifest` is that of an OCI archive; otherwise it is created with the layers."""

    archive: str
    platform: Platform
    config: bytes
    layers: list[Layer] = field(default_factory=list)
    manifest: bytes = b""
    media_type: str = MANIFEST

    @property
    def config_digest(self) -> str:
        return digest_of(self.config)


@dataclass(frozen=True)
class Blob:
    """A file to push, with its digest."""

    path: str
    digest: str
    size: int


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def platform_of(config: dict[str, Any]) -> Platform:
    return Platform(config.get("os", ""), config.get("architecture", ""), config.get("variant", ""))


def read(paths: list[str]) -> list[Image]:
    """The images of all archives, one of each platform."""
    found: dict[Platform, Image] = {}
    for path in paths:
        for image in _read(path):
            if image.platform in found:
                raise ArchiveError(f"{path} and {found[image.platform].archive} both hold an image for {image.platform}; accepted: one for each platform")
            found[image.platform] = image
    return [found[platform] for platform in sorted(found, key=str)]


def _read(path: str) -> list[Image]:
    try:
        with tarfile.open(path) as archive:
            names = set(archive.getnames())
            if "manifest.json" in names:
                return [_docker(path, archive)]
            if "index.json" in names:
                return list(_oci(path, archive, json.loads(_bytes(archive, "index.json"))))
    except (OSError, tarfile.TarError, KeyError, TypeError, ValueError) as error:
        raise ArchiveError(f"{path} is not a readable image archive: {error}") from error
    raise ArchiveError(f"{path} is not an image archive: it has neither manifest.json (docker save) nor index.json (OCI)")


def _docker(path: str, archive: tarfile.TarFile) -> Image:
    entries = json.loads(_bytes(archive, "manifest.json"))
    if len(entries) != 1:
        raise ArchiveError(f"{path} contains {len(entries)} images; accepted: an archive with one")
    config = _bytes(archive, entries[0]["Config"])
    parsed = json.loads(config)
    diff_ids = parsed["rootfs"]["diff_ids"]
    if len(diff_ids) != len(entries[0]["Layers"]):
        raise ArchiveError(f"{path} contains {len(entries[0]['Layers'])} layers, but its configuration names {len(diff_ids)}")
    layers = [Layer(member, diff_id) for member, diff_id in zip(entries[0]["Layers"], diff_ids, strict=True)]
    return Image(path, _checked(path, platform_of(parsed)), config, layers)


def _oci(path: str, archive: tarfile.TarFile, index: dict[str, Any]) -> Iterator[Image]:
    for entry in index["manifests"]:
        content = _bytes(archive, _blob_path(entry["digest"]))
        if digest_of(content) != entry["digest"]:
            raise ArchiveError(f"{path}: {entry['digest']} has the content of {digest_of(content)}")
        if entry["mediaType"] in INDEXES:
            yield from _oci(path, archive, json.loads(content))
            continue
        # Attestations of build tools are stored as images without a platform.
        if entry["mediaType"] not in MANIFESTS or (entry.get("platform") or {}).get("architecture") == "unknown":
            continue
        manifest = json.loads(content)
        config = _bytes(archive, _blob_path(manifest["config"]["digest"]))
        parsed = json.loads(config)
        diff_ids = parsed["rootfs"]["diff_ids"]
        layers = [
            Layer(_blob_path(layer["digest"]), diff_id, layer["digest"], layer["size"]) for layer, diff_id in zip(manifest["layers"], diff_ids, strict=True)
        ]
        yield Image(path, _checked(path, platform_of(parsed)), config, layers, content, entry["mediaType"])


def _checked(path: str, platform: Platform) -> Platform:
    if not platform.os or not platform.architecture:
        raise ArchiveError(f"{path}: the image's configuration has no platform")
    return platform


def _blob_path(digest: str) -> str:
    algorithm, _colon, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


def _bytes(archive: tarfile.TarFile, name: str) -> bytes:
    with _member(archive, name) as stream:
        return stream.read()


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    stream = archive.extractfile(name)
    if stream is None:
        raise ArchiveError(f"{archive.name!s}: {name} is no file")
    return stream


@contextmanager
def prepared(image: Image, folder: str) -> Iterator[tuple[bytes, list[Blob]]]:
    """The image's manifest, and its blobs as files: layers that are not compressed yet are compressed. Content that does not match its digest is refused."""
    work = os.path.join(folder, image.config_digest.removeprefix("sha256:"))
    os.makedirs(work, exist_ok=True)
    try:
        with tarfile.open(image.archive) as archive:
            layers = [_prepare(archive, layer, os.path.join(work, f"layer-{number}")) for number, layer in enumerate(image.layers)]
        config = os.path.join(work, "config")
        with open(config, "wb") as stream:
            stream.write(image.config)
        blobs = [Blob(config, image.config_digest, len(image.config)), *layers]
        yield image.manifest or _manifest(blobs), list({blob.digest: blob for blob in blobs}.values())
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _manifest(blobs: list[Blob]) -> bytes:
    described = [{"mediaType": CONFIG if number == 0 else LAYER, "digest": blob.digest, "size": blob.size} for number, blob in enumerate(blobs)]
    return canonical({"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]})


def index_of(images: list[tuple[Platform, bytes, str]]) -> bytes:
    """The index of several platforms' manifests with their media types."""
    entries = [
        {"mediaType": media_type, "digest": digest_of(manifest), "size": len(manifest), "platform": platform.spec()}
        for platform, manifest, media_type in images
    ]
    return canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})


def canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _prepare(archive: tarfile.TarFile, layer: Layer, target: str) -> Blob:
    with _member(archive, layer.member) as source, open(target, "wb") as stream:
        first = source.read(4)
        source.seek(0)
        packed = layer.digest or first[:2] == GZIP or first == ZSTD
        content, written = hashlib.sha256(), _Hashing(stream)
        # Without time and name: the same layer gives the same blob wherever it is compressed.
        packer = None if packed else gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=written, mtime=0)
        while block := source.read(BLOCK):
            content.update(block)
            (packer or written).write(block)
        if packer:
            packer.close()
    blob = Blob(target, written.digest, written.size)
    if layer.digest and blob.digest != layer.digest:
        raise ArchiveError(f"{archive.name!s}: layer {layer.digest} has the content of {blob.digest}")
    diff_id = "sha256:" + content.hexdigest()
    if first[:2] == GZIP:
        diff_id = _unpacked_digest(target)
    # zstd is not in Python's library; the registry verifies the compressed layer's digest.
    if first != ZSTD and diff_id != layer.diff_id:
        raise ArchiveError(f"{archive.name!s}: layer {layer.diff_id} has the content of {diff_id}")
    return blob


def _unpacked_digest(path: str) -> str:
    content = hashlib.sha256()
    try:
        with gzip.open(path) as stream:
            while block := stream.read(BLOCK):
                content.update(block)
    except (OSError, EOFError) as error:
        raise ArchiveError(f"a layer cannot be unpacked: {error}") from error
    return "sha256:" + content.hexdigest()


class _Hashing:
    """Writes to a file, and computes the digest of what was written."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.size, self._hash = stream, 0, hashlib.sha256()

    @property
    def digest(self) -> str:
        return "sha256:" + self._hash.hexdigest()

    def write(self, block: bytes) -> int:
        self._hash.update(block)
        self.size += len(block)
        return self.stream.write(block)

    def flush(self) -> None:
        self.stream.flush()
