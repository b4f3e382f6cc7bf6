# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Image archives: what is read from them, what is made of them, and what is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import image_rig as rig
import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.images import archive as archives


def test_a_saved_image_is_packed_the_same_way_every_time(tmp_path: Path) -> None:
    path = rig.docker_archive(tmp_path / "a.tar", "arm64", b"one", b"two")
    (image,) = archives.read([path])
    assert str(image.platform) == "linux/arm64"
    made = []
    for folder in ("first", "second"):
        with archives.prepared(image, str(tmp_path / folder)) as (manifest, blobs):
            contents = [Path(blob.path).read_bytes() for blob in blobs]
            assert [blob.digest for blob in blobs] == [rig.digest(content) for content in contents]
            assert [blob.size for blob in blobs] == [len(content) for content in contents]
            assert [gzip.decompress(content) for content in contents[1:]] == [rig.layer(b"one"), rig.layer(b"two")]
            made.append((manifest, contents))
        assert not list((tmp_path / folder).iterdir())
    assert made[0] == made[1]
    manifest = json.loads(made[0][0])
    assert manifest["config"]["digest"] == image.config_digest
    assert [part["mediaType"] for part in manifest["layers"]] == ["application/vnd.oci.image.layer.v1.tar+gzip"] * 2


def test_a_layer_that_is_twice_in_an_image_is_pushed_once(tmp_path: Path) -> None:
    (image,) = archives.read([rig.docker_archive(tmp_path / "a.tar", "arm64", b"same", b"same")])
    with archives.prepared(image, str(tmp_path)) as (manifest, blobs):
        assert len(blobs) == 2
        assert len(json.loads(manifest)["layers"]) == 2


def test_an_oci_archive_of_several_architectures_stays_as_it_is(tmp_path: Path) -> None:
    images = archives.read([rig.oci_archive(tmp_path / "a.tar", arm64=b"one", amd64=b"two")])
    assert [str(image.platform) for image in images] == ["linux/amd64", "linux/arm64"]
    with archives.prepared(images[1], str(tmp_path)) as (manifest, blobs):
        assert manifest == images[1].manifest
        named = json.loads(manifest)
        assert [blob.digest for blob in blobs] == [named["config"]["digest"], named["layers"][0]["digest"]]


def test_an_index_names_each_platform(tmp_path: Path) -> None:
    index = json.loads(archives.index_of([(archives.Platform("linux", "arm64", "v8"), b"{}", archives.MANIFEST)]))
    assert index["manifests"] == [
        {"mediaType": archives.MANIFEST, "digest": rig.digest(b"{}"), "size": 2, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}
    ]


def test_a_layer_with_other_content_is_refused(tmp_path: Path) -> None:
    (image,) = archives.read([rig.docker_archive(tmp_path / "a.tar", "arm64", b"one", damaged=True)])
    with pytest.raises(archives.ArchiveError, match=r"layer sha256:\w+ has the content of sha256:"), archives.prepared(image, str(tmp_path)):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


def test_two_images_of_one_platform_are_refused(tmp_path: Path) -> None:
    both = [rig.docker_archive(tmp_path / name, "arm64", b"one") for name in ("a.tar", "b.tar")]
    with pytest.raises(archives.ArchiveError, match=r"b\.tar and .*a\.tar both hold an image for linux/arm64"):
        archives.read(both)


def test_an_archive_of_several_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(archives.ArchiveError, match="contains 2 images; accepted: an archive with one"):
        archives.read([rig.docker_archive(tmp_path / "a.tar", "arm64", b"one", times=2)])


@pytest.mark.parametrize("content", [b"", b"no archive at all"])
def test_what_is_no_archive_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(archives.ArchiveError, match=r"a\.tar is not a readable image archive"):
        archives.read([str(tmp_path / "a.tar")])
