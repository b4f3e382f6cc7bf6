# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""ECR where moto is laxer than AWS: digests are of the content, tags stay immutable, layers must be there, tokens expire."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from datetime import UTC, datetime
from typing import Any, NamedTuple

from moto.core.responses import ActionResult
from moto.ecr import urls
from moto.ecr.models import ECRBackend, Image, Repository, ecr_backends
from moto.ecr.responses import ECRResponse

from .common import error, now, principal_arn, seconds, use_backend, use_response

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html: a token is valid for 12 hours.
TOKEN_SECONDS = seconds("MESHGATE_ECR_TOKEN_SECONDS", 12 * 3600)
SUFFIXES = {"cn-": "amazonaws.com.cn"}


class Holder(NamedTuple):
    """The user of a token, its registry, and its expiry."""

    account: str
    region: str
    principal: str
    expires: float


_tokens: dict[str, Holder] = {}


def issue(account: str, region: str, principal: str) -> tuple[str, float]:
    """A new password for the registry of an account, and when it expires."""
    password, expires = secrets.token_urlsafe(48), now() + TOKEN_SECONDS
    _tokens[password] = Holder(account, region, principal, expires)
    return password, expires


def holder(authorization: str) -> Holder | None:
    """The user of a Basic authorization; None if it is not ours or has expired."""
    kind, _space, value = authorization.partition(" ")
    try:
        user, _colon, password = base64.b64decode(value).decode().partition(":")
    except ValueError:
        return None
    found = _tokens.get(password)
    return found if found and kind == "Basic" and user == "AWS" and found.expires > now() else None


def suffix(region: str) -> str:
    return next((found for prefix, found in SUFFIXES.items() if region.startswith(prefix)), "amazonaws.com")


def stored(backend: ECRBackend, name: str) -> dict[str, bytes]:
    """The content of a repository's layers. moto keeps their sizes only."""
    blobs: dict[str, bytes] = backend._get_repository(name).__dict__.setdefault("meshgate_blobs", {})
    return blobs


def find(repository: Repository, reference: str) -> Image | None:
    """An image by tag or digest."""
    matches = (image for image in repository.images if reference in image.image_tags or reference == image.image_digest)
    return next(matches, None)


class EcrBackend(ECRBackend):
    def create_repository(self, *arguments: Any, **named: Any) -> Repository:
        repository = super().create_repository(*arguments, **named)
        repository.uri = f"{repository.registry_id}.dkr.ecr.{self.region_name}.{suffix(self.region_name)}/{repository.name}"
        return repository

    def complete_layer_upload(self, repository_name: str, upload_id: str, layer_digests: list[str], registry_id: str | None = None) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CompleteLayerUpload.html, with its errors."""
        repository = self._get_repository(repository_name, registry_id)
        upload = repository.uploads.get(upload_id)
        content = bytes(upload.layer_parts) if upload else b""
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        if upload and not content:
            raise error("EmptyUploadException", "The specified layer upload does not contain any layer parts.")
        if upload and digest not in layer_digests:
            raise error("InvalidLayerException", f"The layer digest calculation performed by Amazon ECR ({digest}) does not match {', '.join(layer_digests)}")
        if upload and digest in repository.layers:
            del repository.uploads[upload_id]
            raise error("LayerAlreadyExistsException", f"The image layer {digest} already exists in the associated repository.")
        result = super().complete_layer_upload(repository_name, upload_id, layer_digests, registry_id)
        stored(self, repository_name)[digest] = content
        return result

    def put_image(
        self, repository_name: str, image_manifest: str, image_tag: str, image_manifest_mediatype: str | None = None, digest: str | None = None
    ) -> Image:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html, with its errors."""
        repository = self._get_repository(repository_name)
        actual = "sha256:" + hashlib.sha256(image_manifest.encode()).hexdigest()
        if digest and digest != actual:
            raise error("ImageDigestDoesNotMatchException", f"The image digest {digest} is not the one that Amazon ECR calculated: {actual}")
        try:
            manifest = json.loads(image_manifest)
        except ValueError:
            raise error("InvalidParameterException", "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'") from None
        self._complete(repository, manifest)
        there, same = find(repository, image_tag) if image_tag else None, find(repository, actual)
        if same is not None and (not image_tag or image_tag in same.image_tags):
            raise error("ImageAlreadyExistsException", f"Image with digest '{actual}' and tag '{image_tag}' already exists in '{repository_name}'")
        if there is not None and repository.is_tag_immutable():
            message = (
                f"The image tag '{image_tag}' already exists in the '{repository_name}' repository and cannot be overwritten because the tag is immutable."
            )
            raise error("ImageTagAlreadyExistsException", message)
        if there is not None:
            # The image that had the tag stays, without it.
            there.remove_tag(image_tag)
        if same is not None:
            same.update_tag(image_tag)
            return same
        media_type = image_manifest_mediatype or manifest.get("mediaType")
        if not media_type:
            raise error("InvalidParameterException", "image manifest mediatype not provided in manifest or parameter")
        image = Image(self.account_id, image_tag, image_manifest, repository_name, media_type, actual)
        repository.images.append(image)
        return image

    def _complete(self, repository: Repository, manifest: dict[str, Any]) -> None:
        """What a manifest refers to must exist."""
        layers = [part["digest"] for part in [manifest.get("config"), *manifest.get("layers", [])] if part]
        if missing := [digest for digest in layers if digest not in repository.layers]:
            raise error("LayersNotFoundException", f"The specified layers could not be found, or are not valid for this repository: {', '.join(missing)}")
        if absent := [entry["digest"] for entry in manifest.get("manifests", []) if find(repository, entry["digest"]) is None]:
            raise error("ReferencedImagesNotFoundException", f"The manifest list is referencing images that do not exist: {', '.join(absent)}")


class EcrResponses(ECRResponse):
    def get_authorization_token(self) -> ActionResult:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html. The registry is this server itself."""
        data, principal = [], principal_arn(self.get_access_key(), self.region)
        for account in self._get_param("registryIds") or [self.current_account]:
            password, expires = issue(account, self.region, principal)
            token = base64.b64encode(f"AWS:{password}".encode()).decode()
            host = self.headers.get("Host", f"{account}.dkr.ecr.{self.region}.{suffix(self.region)}")
            data.append({"authorizationToken": token, "expiresAt": datetime.fromtimestamp(expires, UTC), "proxyEndpoint": f"http://{host}"})
        return ActionResult({"authorizationData": data})


def install() -> None:
    use_backend(ecr_backends, EcrBackend)
    use_response(urls, EcrResponses)
