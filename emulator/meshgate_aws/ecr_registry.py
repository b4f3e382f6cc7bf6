# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""ECR's registry: the OCI distribution specification's HTTP API over the repositories that the AWS API manages.

As strict as the specification where a client could err (digests, order of uploads, what a manifest refers to), and as odd as ECR where it differs:
an upload's later chunks are acknowledged and lost (https://github.com/aws/containers-roadmap/issues/2831), and a chunk is 201, not 202.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs

from moto.core.exceptions import ServiceException
from moto.ecr.models import ecr_backends

from . import ecr

PATH = re.compile(r"/v2/(?P<name>[a-z0-9][a-z0-9._/-]*)/(?P<kind>manifests|blobs/uploads|blobs)/(?P<reference>[^/]*)")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# The names of requests in IAM and CloudTrail.
ACTIONS = {
    ("HEAD", "blobs"): "BatchCheckLayerAvailability",
    ("GET", "blobs"): "GetDownloadUrlForLayer",
    ("POST", "blobs/uploads"): "InitiateLayerUpload",
    ("PATCH", "blobs/uploads"): "UploadLayerPart",
    ("PUT", "blobs/uploads"): "CompleteLayerUpload",
    ("GET", "manifests"): "BatchGetImage",
    ("HEAD", "manifests"): "BatchGetImage",
    ("PUT", "manifests"): "PutImage",
}
CODES = {
    "RepositoryNotFoundException": (404, "NAME_UNKNOWN"),
    "UploadNotFoundException": (404, "BLOB_UPLOAD_UNKNOWN"),
    "InvalidLayerException": (400, "DIGEST_INVALID"),
    "EmptyUploadException": (400, "BLOB_UPLOAD_INVALID"),
    "ImageDigestDoesNotMatchException": (400, "DIGEST_INVALID"),
    "ImageTagAlreadyExistsException": (400, "TAG_INVALID"),
    "LayersNotFoundException": (400, "MANIFEST_BLOB_UNKNOWN"),
    "ReferencedImagesNotFoundException": (400, "MANIFEST_BLOB_UNKNOWN"),
    "InvalidParameterException": (400, "MANIFEST_INVALID"),
}
Answer = tuple[int, dict[str, str], bytes]


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def concerns(environ: dict[str, Any]) -> bool:
    """Whether a request is the registry's: AWS's own APIs below /v2/ come signed."""
    path = environ.get("PATH_INFO", "")
    return (path == "/v2/" or path.startswith("/v2/")) and "AWS4-HMAC" not in environ.get("HTTP_AUTHORIZATION", "")


def describe(environ: dict[str, Any], body: bytes) -> list[dict[str, Any]]:
    """The request as in the request log: an upload in one piece is two actions."""
    found = PATH.fullmatch(environ.get("PATH_INFO", ""))
    action = ACTIONS.get((environ["REQUEST_METHOD"], found["kind"]), "") if found else ""
    actions = ["UploadLayerPart", action] if action == "CompleteLayerUpload" and body else [action]
    who = ecr.holder(environ.get("HTTP_AUTHORIZATION", ""))
    return [
        {
            "service": "ecr",
            "action": name,
            "mutating": name in ("InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage"),
            "principal": who.principal if who else "anonymous",
            "user_agent": environ.get("HTTP_USER_AGENT", ""),
        }
        for name in actions
    ]


def answer(environ: dict[str, Any], body: bytes) -> Answer:
    headers = {"Docker-Distribution-Api-Version": "registry/2.0"}
    who = ecr.holder(environ.get("HTTP_AUTHORIZATION", ""))
    try:
        if who is None:
            headers["WWW-Authenticate"] = f'Basic realm="http://{environ.get("HTTP_HOST", "")}/",service="ecr.amazonaws.com"'
            given = environ.get("HTTP_AUTHORIZATION")
            raise Refused(401, "DENIED", "Your authorization token has expired. Reauthenticate and try again." if given else "Not Authorized")
        status, more, content = _serve(ecr_backends[who.account][who.region], environ, body)
    except Refused as refused:
        status, more, content = _failed(refused.status, refused.code, str(refused))
    except ServiceException as failure:
        known = CODES.get(failure.code, (400, "UNSUPPORTED"))
        status, more, content = _failed(*known, str(failure.message))
    headers = {"Content-Length": str(len(content)), **headers, **more}
    return status, headers, b"" if environ["REQUEST_METHOD"] == "HEAD" else content


def _failed(status: int, code: str, message: str) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps({"errors": [{"code": code, "message": message}]}).encode()


def _serve(backend: Any, environ: dict[str, Any], body: bytes) -> Answer:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    if path == "/v2/":
        return 200, {}, b"{}"
    found = PATH.fullmatch(path)
    if found is None:
        raise Refused(404, "UNSUPPORTED", f"no {method} {path}")
    name, kind, reference = found["name"], found["kind"], found["reference"]
    query = {key: values[0] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    backend._get_repository(name)
    if kind == "manifests" and method in ("GET", "HEAD"):
        return _manifest(backend, name, reference, environ.get("HTTP_ACCEPT", ""))
    if kind == "manifests" and method == "PUT":
        return _put_manifest(backend, name, reference, environ.get("CONTENT_TYPE", ""), body)
    if kind == "blobs" and method in ("GET", "HEAD"):
        content = ecr.stored(backend, name).get(reference)
        if content is None:
            raise Refused(404, "BLOB_UNKNOWN", f"blob {reference} is unknown to the registry")
        return 200, {"Docker-Content-Digest": reference, "Content-Type": "application/octet-stream"}, content
    if kind == "blobs/uploads" and method == "POST" and not reference:
        upload = backend.initiate_layer_upload(name)["uploadId"]
        return 202, {"Location": f"/v2/{name}/blobs/uploads/{upload}", "Docker-Upload-UUID": upload, "Range": "0-0"}, b""
    if kind == "blobs/uploads" and method == "PATCH":
        return _patch(backend, name, reference, body)
    if kind == "blobs/uploads" and method == "PUT":
        return _finish(backend, name, reference, query.get("digest", ""), body)
    raise Refused(405, "UNSUPPORTED", f"no {method} {path}")


def _manifest(backend: Any, name: str, reference: str, accepted: str) -> Answer:
    image = ecr.find(backend._get_repository(name), reference)
    if image is None:
        raise Refused(404, "MANIFEST_UNKNOWN", f"Requested image not found: {name}:{reference}")
    media_type = str(image.image_manifest_media_type)
    if media_type not in accepted and "*/*" not in accepted:
        raise Refused(404, "MANIFEST_UNKNOWN", f"{name}:{reference} is {media_type}, and only {accepted or 'nothing'} is accepted")
    return 200, {"Content-Type": media_type, "Docker-Content-Digest": image.image_digest}, image.image_manifest.encode()


def _put_manifest(backend: Any, name: str, reference: str, media_type: str, body: bytes) -> Answer:
    by_digest = reference.startswith("sha256:")
    try:
        image = backend.put_image(name, body.decode(), None if by_digest else reference, media_type, reference if by_digest else None)
    except ServiceException as failure:
        if failure.code != "ImageAlreadyExistsException":
            raise
        image = ecr.find(backend._get_repository(name), reference)
    return 201, {"Location": f"/v2/{name}/manifests/{image.image_digest}", "Docker-Content-Digest": image.image_digest}, b""


def _upload(backend: Any, name: str, upload: str) -> Any:
    found = backend._get_repository(name).uploads.get(upload)
    if found is None:
        raise Refused(404, "BLOB_UPLOAD_UNKNOWN", f"upload {upload} is unknown")
    return found


def _patch(backend: Any, name: str, upload: str, body: bytes) -> Answer:
    parts = _upload(backend, name, upload)
    if not parts.layer_parts:
        parts.layer_parts += body
    headers = {"Location": f"/v2/{name}/blobs/uploads/{upload}", "Docker-Upload-UUID": upload, "Range": f"0-{max(len(parts.layer_parts) - 1, 0)}"}
    return 201, headers, b""


def _finish(backend: Any, name: str, upload: str, digest: str, body: bytes) -> Answer:
    parts = _upload(backend, name, upload)
    if not DIGEST.fullmatch(digest):
        raise Refused(400, "DIGEST_INVALID", f"digest {digest!r} is invalid")
    parts.layer_parts += body
    try:
        backend.complete_layer_upload(name, upload, [digest])
    except ServiceException as failure:
        if failure.code != "LayerAlreadyExistsException":
            raise
    return 201, {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}, b""
