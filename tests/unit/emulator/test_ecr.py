# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The emulated ECR behaves as its API reference and the distribution specification say."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@pytest.fixture
def repository(aws) -> Iterator[str]:
    name = f"shop/{uuid.uuid4().hex[:8]}"
    aws.client("ecr").create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    yield name
    aws.client("ecr").delete_repository(repositoryName=name, force=True)


@pytest.fixture
def token(aws) -> str:
    return aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]


class Registry:
    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token

    def __call__(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        sent = {"Authorization": f"Basic {self.token}", "Accept": f"{MANIFEST}, {INDEX}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        request = urllib.request.Request(self.url + path, body, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, dict(refused.headers), refused.read()

    def upload(self, name: str, content: bytes, said: str = "") -> tuple[int, bytes]:
        _status, headers, _body = self("POST", f"/v2/{name}/blobs/uploads/", b"")
        status, _headers, body = self("PUT", f"{headers['Location']}?digest={said or digest(content)}", content, Content_Type="application/octet-stream")
        return status, body

    def image(self, name: str, reference: str, content: bytes = b"layer") -> tuple[int, bytes, bytes]:
        parts = []
        for part in (b'{"architecture":"arm64"}', content):
            self.upload(name, part)
            parts.append({"digest": digest(part), "size": len(part), "mediaType": "application/octet-stream"})
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[0], "layers": parts[1:]}).encode()
        status, _headers, body = self("PUT", f"/v2/{name}/manifests/{reference or digest(manifest)}", manifest, Content_Type=MANIFEST)
        return status, body, manifest


@pytest.fixture
def registry(aws, token) -> Registry:
    return Registry(aws.url, token)


def code(body: bytes) -> str:
    return json.loads(body)["errors"][0]["code"]


def test_a_token_is_basic_credentials_for_twelve_hours(aws):
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html: user AWS, and valid for 12 hours."""
    (data,) = aws.client("ecr").get_authorization_token()["authorizationData"]
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":")
    assert user == "AWS" and len(password) > 40
    assert data["proxyEndpoint"] == aws.url
    assert aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"] != data["authorizationToken"]
    assert data["expiresAt"] > datetime.now(UTC) + timedelta(hours=11)


def test_without_a_token_and_with_an_old_one_the_registry_answers_401(aws, registry, repository):
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html"""
    assert registry("GET", "/v2/")[0] == 200
    status, headers, body = registry("GET", "/v2/", Authorization="Basic " + base64.b64encode(b"AWS:wrong").decode())
    assert status == 401 and headers["WWW-Authenticate"].startswith("Basic ")
    aws.control("POST", "clock", {"advance": 12 * 3600 + 1})
    status, _headers, body = registry("GET", f"/v2/{repository}/manifests/1")
    assert status == 401 and b"authorization token has expired" in body


def test_images_are_known_to_the_api_by_the_digest_of_their_manifest(aws, registry, repository):
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageIdentifier.html: imageDigest is the sha256 digest of the manifest."""
    status, _body, manifest = registry.image(repository, "1")
    assert status == 201
    (image,) = aws.client("ecr").describe_images(repositoryName=repository)["imageDetails"]
    assert image["imageDigest"] == digest(manifest) and image["imageTags"] == ["1"]
    (got,) = aws.client("ecr").batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "1"}])["images"]
    assert got["imageManifest"].encode() == manifest
    status, headers, body = registry("GET", f"/v2/{repository}/manifests/1")
    assert (status, headers["Content-Type"], headers["Docker-Content-Digest"], body) == (200, MANIFEST, digest(manifest), manifest)
    assert registry("GET", f"/v2/{repository}/manifests/1", Accept="text/plain")[0] == 404


def test_an_immutable_tag_keeps_its_image(aws, registry, repository):
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html: ImageTagAlreadyExistsException."""
    assert registry.image(repository, "1", b"one")[0] == 201
    status, body, manifest = registry.image(repository, "1", b"two")
    assert (status, code(body)) == (400, "TAG_INVALID")
    with pytest.raises(ClientError, match="ImageTagAlreadyExistsException"):
        aws.client("ecr").put_image(repositoryName=repository, imageManifest=manifest.decode(), imageTag="1")


def test_a_moved_tag_leaves_its_image_untagged(aws, registry, repository):
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push.html"""
    aws.client("ecr").put_image_tag_mutability(repositoryName=repository, imageTagMutability="MUTABLE")
    registry.image(repository, "1", b"one")
    assert registry.image(repository, "1", b"two")[0] == 201
    tags = [image.get("imageTags") for image in aws.client("ecr").describe_images(repositoryName=repository)["imageDetails"]]
    assert tags == [None, ["1"]]


def test_what_a_manifest_refers_to_must_be_there(aws, registry, repository):
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html: LayersNotFoundException, ReferencedImagesNotFoundException."""
    absent = {"digest": digest(b"absent"), "size": 6, "mediaType": MANIFEST}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": absent, "layers": []})
    with pytest.raises(ClientError, match="LayersNotFoundException"):
        aws.client("ecr").put_image(repositoryName=repository, imageManifest=manifest, imageTag="1")
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [absent]}).encode()
    status, _headers, body = registry("PUT", f"/v2/{repository}/manifests/1", index, Content_Type=INDEX)
    assert (status, code(body)) == (400, "MANIFEST_BLOB_UNKNOWN")
    with pytest.raises(ClientError, match="ImageDigestDoesNotMatchException"):
        aws.client("ecr").put_image(repositoryName=repository, imageManifest=manifest, imageDigest=digest(b"other"))


def test_a_layer_must_be_what_its_digest_says(aws, registry, repository):
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CompleteLayerUpload.html: InvalidLayerException, EmptyUploadException."""
    status, body = registry.upload(repository, b"layer", said=digest(b"other"))
    assert (status, code(body)) == (400, "DIGEST_INVALID")
    assert registry("HEAD", f"/v2/{repository}/blobs/{digest(b'other')}")[0] == 404
    status, body = registry.upload(repository, b"", said=digest(b""))
    assert (status, code(body)) == (400, "BLOB_UPLOAD_INVALID")
    ecr = aws.client("ecr")
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(repositoryName=repository, uploadId=upload, partFirstByte=0, partLastByte=4, layerPartBlob=b"layer")
    with pytest.raises(ClientError, match="InvalidLayerException"):
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest(b"other")])
    assert registry.upload(repository, b"layer")[0] == 201
    assert registry.upload(repository, b"layer")[0] == 201
    status, headers, body = registry("HEAD", f"/v2/{repository}/blobs/{digest(b'layer')}")
    assert (status, headers["Content-Length"], body) == (200, "5", b"")
    assert registry("GET", f"/v2/{repository}/blobs/{digest(b'layer')}")[2] == b"layer"


def test_later_chunks_of_an_upload_are_forgotten(registry, repository):
    """https://github.com/aws/containers-roadmap/issues/2831: each PATCH is answered with 201, and only the first one's bytes are kept."""
    _status, headers, _body = registry("POST", f"/v2/{repository}/blobs/uploads/", b"")
    where = headers["Location"]
    assert [registry("PATCH", where, part)[:2][0] for part in (b"first", b"second")] == [201, 201]
    status, _headers, body = registry("PUT", f"{where}?digest={digest(b'firstsecond')}")
    assert (status, code(body)) == (400, "DIGEST_INVALID")
    assert registry("PUT", f"{where}?digest={digest(b'first')}")[0] == 201
    assert registry("PATCH", where, b"x")[0] == 404


def test_repositories_have_the_address_of_their_partition(aws, registry):
    """https://docs.amazonaws.cn/en_us/AmazonECR/latest/userguide/Registries.html: amazonaws.com.cn in China."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    china = boto3.client("ecr", region_name="cn-north-1", endpoint_url=aws.url, **keys)
    uri = china.create_repository(repositoryName="shop/china")["repository"]["repositoryUri"]
    assert uri == "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/china"
    status, _headers, body = registry("POST", "/v2/shop/china/blobs/uploads/", b"")
    assert (status, code(body)) == (404, "NAME_UNKNOWN")


def test_a_repository_with_images_is_deleted_by_force_only(aws, registry, repository):
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepository.html"""
    name = repository + "-full"
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName=name)
    registry.image(name, "1")
    with pytest.raises(ClientError, match="RepositoryNotEmptyException"):
        ecr.delete_repository(repositoryName=name)
    ecr.delete_repository(repositoryName=name, force=True)
    status, _headers, body = registry("GET", f"/v2/{name}/manifests/1")
    assert (status, code(body)) == (404, "NAME_UNKNOWN")


def test_the_log_has_the_actions_that_policies_name(aws, registry, repository):
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html: what a push needs."""
    since = aws.control("GET", "requests")["next"]
    registry.image(repository, "1")
    registry("HEAD", f"/v2/{repository}/blobs/{digest(b'layer')}")
    registry("GET", f"/v2/{repository}/manifests/1")
    entries = aws.control("GET", f"requests?since={since}")["requests"]
    assert {entry["action"] for entry in entries} == {
        "InitiateLayerUpload",
        "UploadLayerPart",
        "CompleteLayerUpload",
        "PutImage",
        "BatchCheckLayerAvailability",
        "BatchGetImage",
    }
    assert {entry["service"] for entry in entries} == {"ecr"} and {entry["principal"] for entry in entries} != {"anonymous"}
