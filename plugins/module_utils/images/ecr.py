# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A repository in Amazon ECR with an image in it: what differs from the request, and what changes it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict

from ..aws.client import Aws, AwsError, is_missing, tag_changes, tag_list, tags_of
from ..common.failure import Refused
from ..common.ownership import OWNER_TAG, Owner
from ..common.progress import report
from ..common.require import require
from . import archive as image_archive
from . import ecr_pushed
from .archive import INDEXES, Image, Platform, canonical, digest_of
from .registry import Registry, RegistryError
from .services import REPOSITORY

# The API reference's own patterns (CreateRepository, PutImage) and the distribution specification's for tags.
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
ENDPOINT = re.compile(r"https?://[^/\s]+/?")
ENCRYPTION = ("AES256", "KMS", "KMS_DSSE")
POLICY_LENGTH = (100, 30720)


@dataclass
class Wanted:
    name: str
    cluster: str
    tag: str = ""
    archives: list[str] = field(default_factory=list)
    architectures: list[str] = field(default_factory=list)
    trust_tag: bool = False
    immutable: bool = True
    scan_on_push: bool = True
    encryption: str = "AES256"
    kms_key: str = ""
    lifecycle_policy: dict[str, Any] | None = None
    tags: dict[str, str] = field(default_factory=dict)
    adopt: bool = False
    state: str = "present"
    registry_endpoint: str = ""

    def all_tags(self) -> dict[str, str]:
        return {**self.tags, OWNER_TAG: self.cluster}


@dataclass
class Live:
    """The repository, and under the tag: the digest, and each platform with its image's configuration digest."""

    repository: dict[str, Any] | None = None
    tags: dict[str, str] = field(default_factory=dict)
    policy: dict[str, Any] | None = None
    digest: str = ""
    images: dict[str, str] = field(default_factory=dict)
    # The digests of the manifest and, if it is an index, of those in it.
    digests: list[str] = field(default_factory=list)


@dataclass
class Plan:
    create: bool = False
    immutable: bool = False
    scan: bool = False
    policy: bool = False
    tags_to_set: dict[str, str] = field(default_factory=dict)
    push: bool = False
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return bool(self.create or self.immutable or self.scan or self.policy or self.tags_to_set or self.push)

    def actions(self, wanted: Wanted) -> list[str]:
        named = {
            "create repository": self.create,
            "set tag mutability": self.immutable,
            "set scan on push": self.scan,
            "set lifecycle policy": self.policy,
            "tag repository": bool(self.tags_to_set),
        }
        done = [f"{action} {wanted.name}" for action, is_so in named.items() if is_so]
        return done + ([f"push {wanted.name}:{wanted.tag}"] if self.push else [])


def problems(wanted: Wanted) -> list[str]:
    """What AWS or the registry would refuse."""
    found = []
    if not 2 <= len(wanted.name) <= 256 or not REPOSITORY.fullmatch(wanted.name):
        found.append(f"name is {wanted.name!r}; accepted: 2 to 256 lower-case letters, digits, and between them single dots, underscores, hyphens and slashes")
    if bool(wanted.tag) != bool(wanted.archives) and wanted.state == "present":
        found.append("tag and archives must be given together: the image and its tag")
    if wanted.state == "absent" and (wanted.tag or wanted.archives):
        found.append(f"tag is {wanted.tag!r} with state absent, which deletes the repository with all of its images; accepted: neither tag nor archives")
    if wanted.tag and not TAG.fullmatch(wanted.tag):
        found.append(f"tag is {wanted.tag!r}; accepted: up to 128 letters, digits, dots, underscores and hyphens, not beginning with a dot or a hyphen")
    if wanted.kms_key and wanted.encryption == "AES256":
        found.append(f"kms_key is {wanted.kms_key!r} with encryption AES256; accepted: a key with KMS or KMS_DSSE")
    if wanted.registry_endpoint and not ENDPOINT.fullmatch(wanted.registry_endpoint):
        found.append(f"registry_endpoint is {wanted.registry_endpoint!r}; accepted: a URL such as https://123456789012.dkr.ecr.us-west-2.amazonaws.com")
    if wanted.lifecycle_policy:
        length, (least, most) = len(canonical(wanted.lifecycle_policy)), POLICY_LENGTH
        if not least <= length <= most or not isinstance(wanted.lifecycle_policy.get("rules"), list):
            found.append(f"lifecycle_policy has {length} characters; accepted: a policy with rules, {least} to {most} characters")
    return found


def read_archives(wanted: Wanted, check_mode: bool) -> list[Image] | None:
    """The images to push; None if check mode refers to archives that are not built yet."""
    absent = [path for path in wanted.archives if not os.path.isfile(path)]
    if absent:
        if check_mode:
            return None
        raise Refused(f"archives: no such file: {', '.join(absent)}")
    images = image_archive.read(wanted.archives)
    unserved = sorted(set(wanted.architectures) - {image.platform.architecture for image in images})
    if images and unserved:
        there = ", ".join(str(image.platform) for image in images)
        raise Refused(f"{wanted.name}:{wanted.tag} would not run on {', '.join(unserved)}: its archives are for {there}")
    return images


def find(aws: Aws, name: str) -> Live:
    """The repository with its tags and its policy."""
    found = aws.find("ecr", "describe_repositories", "repositories", repositoryNames=[name])
    if not found:
        return Live()
    live = Live(found[0])
    live.tags = tags_of(aws.call("ecr", "list_tags_for_resource", resourceArn=found[0]["repositoryArn"])["tags"])
    return live


def read_policy(aws: Aws, live: Live, wanted: Wanted) -> None:
    if live.repository and wanted.lifecycle_policy is not None:
        text = aws.find("ecr", "get_lifecycle_policy", "lifecyclePolicyText", repositoryName=wanted.name)
        live.policy = json.loads(text) if text else None


def read_image(registry: Registry, live: Live, wanted: Wanted, images: list[Image] | None) -> None:
    """What the registry has under the tag."""
    there = registry.manifest(wanted.name, wanted.tag)
    if there is None:
        return
    content, media_type = there
    live.digest = digest_of(content)
    live.digests = [live.digest] + [entry["digest"] for entry in (json.loads(content)["manifests"] if media_type in INDEXES else [])]
    known = {image.config_digest: str(image.platform) for image in images or []}
    for manifest, said in _manifests(registry, wanted.name, content, media_type):
        config = json.loads(manifest)["config"]["digest"]
        platform = said or known.get(config) or str(image_archive.platform_of(json.loads(registry.blob(wanted.name, config))))
        live.images[platform] = config


def _manifests(registry: Registry, name: str, content: bytes, media_type: str) -> Iterator[tuple[bytes, str]]:
    """Each platform's manifest, with the platform if it is from an index."""
    if media_type not in INDEXES:
        yield content, ""
        return
    for entry in json.loads(content)["manifests"]:
        platform = image_archive.platform_of(entry.get("platform") or {})
        found = None if platform.architecture == "unknown" else registry.manifest(name, entry["digest"])
        if found is not None:
            yield found[0], str(platform)


def refuse_foreign(live: Live, wanted: Wanted) -> None:
    if live.repository is None or wanted.adopt:
        return
    owner = Owner(wanted.cluster, live.repository["repositoryArn"].split(":")[3])
    if not owner.owns(live.tags):
        another = owner.whose(live.tags)
        whose = f"belongs to {another}" if another else f"has no tag {OWNER_TAG}"
        raise Refused(f"repository {wanted.name} exists and is not managed by this collection: it {whose}; adopt it (adopt: true) or choose another name")


def refuse(live: Live, wanted: Wanted) -> None:
    """A repository that is not ours, or that cannot be changed as requested."""
    refuse_foreign(live, wanted)
    if live.repository is None:
        return
    encryption = live.repository.get("encryptionConfiguration") or {"encryptionType": "AES256"}
    if encryption["encryptionType"] != wanted.encryption or (wanted.kms_key and not _same_key(encryption.get("kmsKey", ""), wanted.kms_key)):
        there = " with ".join(filter(None, (encryption["encryptionType"], encryption.get("kmsKey"))))
        raise Refused(f"repository {wanted.name} is encrypted by {there}, and ECR cannot change that; delete it, or request the same encryption")


def _same_key(arn: str, wanted: str) -> bool:
    # Only KMS can resolve an alias to its key.
    return wanted == arn or arn.endswith(f":key/{wanted}") or "alias/" in wanted


def plan(live: Live, wanted: Wanted, images: list[Image] | None) -> Plan:
    repository = live.repository or {}
    made = live.repository is None
    mutability = repository.get("imageTagMutability", "MUTABLE")
    result = Plan(create=made)
    if not made:
        # Exclusions were chosen on purpose, and are of the same kind.
        result.immutable = mutability.startswith("IMMUTABLE") != wanted.immutable
        result.scan = (repository.get("imageScanningConfiguration") or {}).get("scanOnPush", False) != wanted.scan_on_push
        result.tags_to_set = tag_changes(wanted.all_tags(), live.tags, purge=False)[0]
    result.policy = wanted.lifecycle_policy is not None and live.policy != (wanted.lifecycle_policy or None)
    keys = sorted(wanted.all_tags())
    if not made:
        result.before = {
            "immutable": mutability.startswith("IMMUTABLE"),
            "scan_on_push": (repository.get("imageScanningConfiguration") or {}).get("scanOnPush", False),
            "tags": {key: live.tags[key] for key in keys if key in live.tags},
        }
    result.after = {"immutable": wanted.immutable, "scan_on_push": wanted.scan_on_push, "tags": wanted.all_tags()}
    if wanted.lifecycle_policy is not None:
        result.before.update({} if made else {"lifecycle_policy": live.policy})
        result.after["lifecycle_policy"] = wanted.lifecycle_policy or None
    if wanted.tag:
        _plan_image(result, live, wanted, images)
        _plan_note(result, live)
    return result


def _plan_note(result: Plan, live: Live) -> None:
    """What exists under our tag counts as pushed by us, even if an older release or another machine pushed it."""
    if not result.push:
        notes = ecr_pushed.to_note(live.tags, live.digests)
        result.tags_to_set.update(notes)
        if notes:
            result.before["tags"].update({key: live.tags[key] for key in notes if key in live.tags})
            result.after["tags"] = {**result.after["tags"], **notes}


def _plan_image(result: Plan, live: Live, wanted: Wanted, images: list[Image] | None) -> None:
    configured = {str(image.platform): image.config_digest for image in images or []}
    if images is None:
        # What is not built yet cannot be compared. Under a trusted tag, it exists already.
        result.push = not live.images or not wanted.trust_tag
    elif wanted.trust_tag and live.images:
        result.push = not set(configured) <= set(live.images)
    else:
        result.push = live.images != configured
    if result.push and live.digest and wanted.immutable and not result.immutable:
        there = ", ".join(f"{platform} {config}" for platform, config in sorted(live.images.items()))
        mine = ", ".join(f"{platform} {config}" for platform, config in sorted(configured.items())) or "what is still to be built"
        raise Refused(f"{wanted.name}:{wanted.tag} exists with another image ({there} instead of {mine}), and its tag is immutable; use another tag")
    if live.images:
        result.before["image"] = {wanted.tag: live.images}
    result.after["image"] = {wanted.tag: (configured or "built and pushed") if result.push else live.images}


def converge_repository(aws: Aws, live: Live, wanted: Wanted, todo: Plan) -> None:
    """Create or change the repository."""
    if todo.create:
        live.repository = _create(aws, wanted)
    arn = require(live.repository)["repositoryArn"]
    if todo.immutable:
        aws.call("ecr", "put_image_tag_mutability", repositoryName=wanted.name, imageTagMutability=_mutability(wanted))
    if todo.scan:
        aws.call("ecr", "put_image_scanning_configuration", repositoryName=wanted.name, imageScanningConfiguration={"scanOnPush": wanted.scan_on_push})
    if todo.tags_to_set:
        aws.call("ecr", "tag_resource", resourceArn=arn, tags=tag_list(todo.tags_to_set))
    if todo.policy and wanted.lifecycle_policy:
        aws.call("ecr", "put_lifecycle_policy", repositoryName=wanted.name, lifecyclePolicyText=canonical(wanted.lifecycle_policy).decode())
    elif todo.policy and live.policy:
        aws.call("ecr", "delete_lifecycle_policy", repositoryName=wanted.name)


def _create(aws: Aws, wanted: Wanted) -> dict[str, Any]:
    encryption = {"encryptionType": wanted.encryption, **({"kmsKey": wanted.kms_key} if wanted.kms_key else {})}
    try:
        made: dict[str, Any] = aws.call(
            "ecr",
            "create_repository",
            repositoryName=wanted.name,
            imageTagMutability=_mutability(wanted),
            imageScanningConfiguration={"scanOnPush": wanted.scan_on_push},
            encryptionConfiguration=encryption,
            tags=tag_list(wanted.all_tags()),
        )["repository"]
        return made
    except AwsError as error:
        # The client repeats a call whose response was lost after it was executed.
        if error.code != "RepositoryAlreadyExistsException":
            raise
        live = find(aws, wanted.name)
        refuse(live, wanted)
        return require(live.repository)


def _mutability(wanted: Wanted) -> str:
    return "IMMUTABLE" if wanted.immutable else "MUTABLE"


def note(aws: Aws, live: Live, digests: list[str]) -> None:
    """Before they are pushed, so that a run that ends in between leaves no unrecorded image."""
    notes = ecr_pushed.to_note(live.tags, digests)
    if notes:
        aws.call("ecr", "tag_resource", resourceArn=require(live.repository)["repositoryArn"], tags=tag_list(notes))
        live.tags.update(notes)


def push(registry: Registry, wanted: Wanted, images: list[Image], folder: str, note: Callable[[list[str]], None]) -> dict[str, Any]:
    """Push what is missing, and verify its content: the digest, and what was uploaded."""
    uploaded: list[dict[str, Any]] = []
    pushed: list[tuple[Platform, bytes, str]] = []
    for image in images:
        what = f"{wanted.name}:{wanted.tag} {image.platform}"
        with image_archive.prepared(image, folder) as (manifest, blobs):
            for number, blob in enumerate(blobs, 1):
                told = f"{what}: part {number} of {len(blobs)}, {blob.size / (1 << 20):.1f} MiB"
                report(told)
                if registry.push_blob(wanted.name, blob, told):
                    uploaded.append({"digest": blob.digest, "size": blob.size})
            for blob in blobs:
                if not registry.has_blob(wanted.name, blob):
                    raise RegistryError(f"{what}: the registry accepted {blob.digest} but does not have it")
        pushed.append((image.platform, manifest, image.media_type))
    content, media_type = pushed[0][1:] if len(pushed) == 1 else (image_archive.index_of(pushed), image_archive.INDEX)
    note([digest_of(content), *[digest_of(manifest) for _platform, manifest, _kind in pushed]])
    if len(pushed) > 1:
        for _platform, manifest, kind in pushed:
            _push_manifest(registry, wanted, digest_of(manifest), manifest, kind)
    _push_manifest(registry, wanted, wanted.tag, content, media_type)
    report(f"{wanted.name}:{wanted.tag} is pushed: {digest_of(content)}")
    return {"digest": digest_of(content), "uploaded": uploaded}


def _push_manifest(registry: Registry, wanted: Wanted, reference: str, content: bytes, media_type: str) -> None:
    registry.push_manifest(wanted.name, reference, content, media_type)
    there = registry.manifest(wanted.name, reference)
    if there is None or there[0] != content:
        has = f"has {digest_of(there[0])}" if there else "has nothing"
        raise RegistryError(f"{wanted.name}: {reference} was pushed as {digest_of(content)}, and the registry {has}")


class Credentials:
    """ECR's authorization for its registry, and the registry's address. `secret` gets each token, so that no output shows it."""

    def __init__(self, aws: Aws, secret: Callable[[str], None], account: str = "") -> None:
        self._aws, self._secret = aws, secret
        # Defaults to the caller's own.
        self._account: dict[str, Any] = {"registryIds": [account]} if account else {}
        self._unused = ""

    def endpoint(self) -> str:
        data = self._aws.call("ecr", "get_authorization_token", **self._account)["authorizationData"][0]
        self._secret(data["authorizationToken"])
        self._unused = f"Basic {data['authorizationToken']}"
        return str(data["proxyEndpoint"])

    def __call__(self) -> str:
        """A new token."""
        if not self._unused:
            self.endpoint()
        token, self._unused = self._unused, ""
        return token


def delete(aws: Aws, name: str) -> None:
    """The repository with all of its images."""
    try:
        aws.call("ecr", "delete_repository", repositoryName=name, force=True)
    except AwsError as error:
        if not is_missing(error.code):
            raise


# What the module ecr_image does


def wanted_of(params: dict[str, Any]) -> Wanted:
    same: tuple[str, ...] = ("name", "tag", "archives", "architectures", "trust_tag", "immutable", "scan_on_push", "encryption", "kms_key", "lifecycle_policy")
    same += ("tags", "adopt", "registry_endpoint", "state")
    return Wanted(cluster=params["cluster_name"], **{key: params[key] for key in same})


def problems_of(params: dict[str, Any]) -> list[str]:
    wrong = [] if params["retries"] >= 0 else [f"retries is {params['retries']}; accepted: 0 or more"]
    return problems(wanted_of(params)) + wrong


def manage(module: Any, aws: Aws) -> dict[str, Any]:
    result = (absent if module.params["state"] == "absent" else present)(module, aws)
    would = "would " if module.check_mode else ""
    return {"msg": "; ".join(would + action for action in result["actions"]) or "nothing differs", **result}


def present(module: Any, aws: Aws) -> dict[str, Any]:
    wanted = wanted_of(module.params)
    images = read_archives(wanted, module.check_mode)
    live = find(aws, wanted.name)
    refuse(live, wanted)
    read_policy(aws, live, wanted)

    credentials = Credentials(aws, module.no_log_values.add)
    registry = None

    def connect() -> Registry:
        address = credentials.endpoint()
        params = module.params
        return Registry(wanted.registry_endpoint or address, credentials, params["aws_ca_bundle"], params["validate_certs"], params["retries"])

    if wanted.tag and live.repository:
        registry = connect()
        read_image(registry, live, wanted, images)
    todo = plan(live, wanted, images)
    result = {"changed": todo.changed, "actions": todo.actions(wanted), "diff": {"before": todo.before, "after": todo.after}, "digest": live.digest}
    uploaded: list[dict[str, Any]] = []
    if todo.changed and not module.check_mode:
        converge_repository(aws, live, wanted, todo)
        if todo.push:
            done = push(registry or connect(), wanted, images or [], module.tmpdir, lambda digests: note(aws, live, digests))
            result["digest"], uploaded = done["digest"], done["uploaded"]
        live.repository = find(aws, wanted.name).repository
    elif todo.push:
        result["digest"] = ""
    result["repository"] = camel_dict_to_snake_dict(live.repository or {})
    if not wanted.tag:
        result.pop("digest")
        return result
    platforms = sorted(live.images) if not todo.push else [str(image.platform) for image in images or []]
    named = {"image": f"{live.repository['repositoryUri']}:{wanted.tag}"} if live.repository else {}
    return {**result, **named, "platforms": platforms, "uploaded": uploaded}


def absent(module: Any, aws: Aws) -> dict[str, Any]:
    wanted = wanted_of(module.params)
    live = find(aws, wanted.name)
    refuse_foreign(live, wanted)
    if live.repository is None:
        return {"changed": False, "actions": []}
    if not module.check_mode:
        delete(aws, wanted.name)
    before = {"name": wanted.name, "tags": live.tags}
    return {"changed": True, "actions": [f"delete repository {wanted.name} with its images"], "diff": {"before": before, "after": {}}}
