# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Module ecr_image against the emulated ECR and its registry, over HTTP, also where the way there is bad."""

from __future__ import annotations

import contextlib
import datetime
import functools
import hashlib
import ipaddress
import json
import ssl
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
import image_rig as rig
import pytest
from aws_harness import Account, run
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.meshgate.eks_istio.plugins.module_utils.images import ecr_pushed
from ansible_collections.meshgate.eks_istio.plugins.module_utils.images import registry as image_registry
from ansible_collections.meshgate.eks_istio.plugins.modules import aws_leftovers, aws_leftovers_info, ecr_image

POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "the ten newest images",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
            "action": {"type": "expire"},
        }
    ]
}


@pytest.fixture(autouse=True, scope="module")
def quick_sessions() -> Iterator[None]:
    """botocore reads its models of AWS anew in every session, and every run of a module has a session of its own."""
    loader = botocore.loaders.create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda *_arguments: loader)
        patch.setattr(Account, "client", functools.cache(Account.client))
        yield


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_registry.Registry, "_pause", lambda *_: None)


@pytest.fixture
def name() -> str:
    return f"shop/{uuid.uuid4().hex[:8]}"


@pytest.fixture
def image(account: Account, name: str) -> Callable[..., dict[str, Any]]:
    def call(check: bool = False, **options: Any) -> dict[str, Any]:
        return run(ecr_image, account.endpoint, check, **{"name": name, "cluster_name": "sandbox", **options})

    return call


@pytest.fixture
def registry(account: Account) -> Iterator[rig.Proxy]:
    with rig.proxy(account.endpoint) as proxy:
        yield proxy


@pytest.fixture
def arm64(tmp_path: Path) -> str:
    return rig.docker_archive(tmp_path / "arm64.tar", "arm64", b"one " * 5000, b"two " * 5000)


@pytest.fixture
def amd64(tmp_path: Path) -> str:
    return rig.docker_archive(tmp_path / "amd64.tar", "amd64", b"three " * 5000)


def pulled(account: Account, name: str, tag: str) -> dict[str, Any]:
    """The manifest that ECR's own API has under a tag."""
    return json.loads(account.client("ecr").batch_get_image(repositoryName=name, imageIds=[{"imageTag": tag}])["images"][0]["imageManifest"])


def repository(account: Account, name: str) -> dict[str, Any]:
    return account.client("ecr").describe_repositories(repositoryNames=[name])["repositories"][0]


def tags(account: Account, name: str) -> dict[str, str]:
    listed = account.client("ecr").list_tags_for_resource(resourceArn=repository(account, name)["repositoryArn"])["tags"]
    return {tag["Key"]: tag["Value"] for tag in listed}


# --- the repository ---------------------------------------------------------------------------------------------------------


def test_a_repository_is_made_as_wanted_and_then_left_alone(account, image, name):
    planned = image(check=True, lifecycle_policy=POLICY, tags={"team": "shop"})
    assert planned["changed"] and planned["actions"] == [f"create repository {name}", f"set lifecycle policy {name}"]
    assert name not in [each["repositoryName"] for each in account.client("ecr").describe_repositories()["repositories"]]

    made = image(lifecycle_policy=POLICY, tags={"team": "shop"})
    assert made["changed"] and made["diff"] == planned["diff"] and made["actions"] == planned["actions"]
    live = repository(account, name)
    assert live["imageTagMutability"] == "IMMUTABLE" and live["imageScanningConfiguration"] == {"scanOnPush": True}
    assert live["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert tags(account, name) == {"meshgate.io/cluster": "sandbox", "team": "shop"}
    assert json.loads(account.client("ecr").get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]) == POLICY

    mark = account.mark()
    again = image(lifecycle_policy=POLICY, tags={"team": "shop"})
    assert not again["changed"] and again["diff"]["before"] == again["diff"]["after"] and account.mutations(mark) == []


@pytest.mark.parametrize(
    ("options", "call"),
    [
        ({"immutable": False}, "ecr:PutImageTagMutability"),
        ({"scan_on_push": False}, "ecr:PutImageScanningConfiguration"),
        ({"tags": {"team": "shop"}}, "ecr:TagResource"),
        ({"lifecycle_policy": POLICY}, "ecr:PutLifecyclePolicy"),
    ],
)
def test_each_option_is_changed_by_its_own_call(account, image, options, call):
    image()
    mark = account.mark()
    planned = image(check=True, **options)
    assert planned["changed"] and account.mutations(mark) == []
    changed = image(**options)
    assert changed["changed"] and changed["diff"] == planned["diff"] and account.mutations(mark) == [call]
    assert not image(**options)["changed"]


def test_a_lifecycle_policy_is_taken_away_and_otherwise_left(account, image):
    image(lifecycle_policy=POLICY)
    assert not image()["changed"]
    mark = account.mark()
    assert image(lifecycle_policy={})["changed"] and account.mutations(mark) == ["ecr:DeleteLifecyclePolicy"]
    assert not image(lifecycle_policy={})["changed"]


def test_tags_of_others_stay(account, image, name):
    image()
    arn = repository(account, name)["repositoryArn"]
    account.client("ecr").tag_resource(resourceArn=arn, tags=[{"Key": "cost-center", "Value": "7"}])
    assert not image()["changed"]
    assert tags(account, name)["cost-center"] == "7"


def test_a_repository_of_somebody_else_is_refused_until_told(account, image, name):
    account.client("ecr").create_repository(repositoryName=name)
    mark = account.mark()
    for options in ({}, {"state": "absent"}):
        refused = image(**options)
        assert refused["failed"] and f"repository {name} exists and is not managed by this collection: it has no tag meshgate.io/cluster" in refused["msg"]
    assert account.mutations(mark) == []
    assert image(adopt=True)["changed"] and tags(account, name) == {"meshgate.io/cluster": "sandbox"}
    assert "it belongs to cluster sandbox" in image(cluster_name="other")["msg"]


def test_other_encryption_is_refused_since_it_cannot_be_changed(image):
    made = image(encryption="KMS", kms_key="alias/images")
    assert made["changed"] and not image(encryption="KMS", kms_key="alias/images")["changed"]
    refused = image()
    assert refused["failed"] and "is encrypted by KMS" in refused["msg"] and "ECR cannot change that" in refused["msg"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"name": "Shop/A"}, "name is 'Shop/A'; accepted: 2 to 256 lower-case"),
        ({"name": "a"}, "name is 'a'"),
        ({"name": "shop//a"}, "name is 'shop//a'"),
        ({"tag": "1"}, "tag and archives must be given together"),
        ({"state": "absent", "tag": "1"}, "tag is '1' with state absent, which deletes the repository with all of its images"),
        ({"tag": "-1", "archives": ["a.tar"]}, "tag is '-1'; accepted: up to 128"),
        ({"kms_key": "alias/a"}, "accepted: a key with KMS or KMS_DSSE"),
        ({"registry_endpoint": "registry.example"}, "accepted: a URL such as https://"),
        ({"retries": -1}, "retries is -1; accepted: 0 or more"),
        ({"lifecycle_policy": {"rules": []}}, "lifecycle_policy has 12 characters; accepted: a policy with rules, 100 to 30720 characters"),
        ({"tag": "1", "archives": ["/nowhere/a.tar"]}, "archives: no such file: /nowhere/a.tar"),
    ],
)
def test_what_aws_would_refuse_is_refused_first(account, image, options, told):
    mark = account.mark()
    refused = image(**options)
    assert refused["failed"] and told in refused["msg"], refused["msg"]
    assert account.mark() == mark


def test_a_repository_goes_with_its_images_and_only_once(account, image, name, arm64):
    image(tag="1", archives=[arm64])
    planned = image(check=True, state="absent")
    assert planned["changed"] and repository(account, name)
    removed = image(state="absent")
    assert removed["changed"] and removed["actions"] == [f"delete repository {name} with its images"]
    assert not image(state="absent")["changed"]


# --- the image --------------------------------------------------------------------------------------------------------------


def test_an_image_is_pushed_once(account, image, registry, name, arm64):
    planned = image(check=True, tag="1", archives=[arm64], registry_endpoint=registry.url)
    assert planned["changed"] and planned["digest"] == "" and registry.seen == []
    pushed = image(tag="1", archives=[arm64], registry_endpoint=registry.url)
    assert pushed["changed"] and pushed["diff"] == planned["diff"]
    assert pushed["image"] == f"123456789012.dkr.ecr.us-west-2.amazonaws.com/{name}:1" and pushed["platforms"] == ["linux/arm64"]
    manifest = pulled(account, name, "1")
    assert manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert {part["digest"] for part in pushed["uploaded"]} == {part["digest"] for part in [manifest["config"], *manifest["layers"]]}
    (described,) = account.client("ecr").describe_images(repositoryName=name)["imageDetails"]
    assert described["imageDigest"] == pushed["digest"]

    registry.seen.clear()
    for check in (True, False):
        again = image(check, tag="1", archives=[arm64], registry_endpoint=registry.url)
        assert not again["changed"] and again["uploaded"] == [] and again["digest"] == pushed["digest"] and again["platforms"] == ["linux/arm64"]
    assert registry.seen == [f"GET /v2/{name}/manifests/1"] * 2


def test_two_architectures_become_one_image(account, image, name, arm64, amd64):
    pushed = image(tag="1", archives=[arm64, amd64])
    assert pushed["platforms"] == ["linux/amd64", "linux/arm64"]
    index = pulled(account, name, "1")
    assert index["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert [entry["platform"] for entry in index["manifests"]] == [{"os": "linux", "architecture": arch} for arch in ("amd64", "arm64")]
    known = {each["imageDigest"] for each in account.client("ecr").describe_images(repositoryName=name)["imageDetails"]}
    assert known == {pushed["digest"], *(entry["digest"] for entry in index["manifests"])}
    assert not image(tag="1", archives=[amd64, arm64])["changed"]


def test_an_oci_archive_is_pushed_as_it_is(account, image, name, tmp_path):
    archive = rig.oci_archive(tmp_path / "oci.tar", arm64=b"one", amd64=b"two")
    assert image(tag="1", archives=[archive])["changed"]
    assert len(pulled(account, name, "1")["manifests"]) == 2
    assert not image(tag="1", archives=[archive])["changed"]


def test_a_layer_that_is_there_is_not_uploaded_again(image, tmp_path):
    first = rig.docker_archive(tmp_path / "1.tar", "arm64", b"base", b"one")
    second = rig.docker_archive(tmp_path / "2.tar", "arm64", b"base", b"two")
    assert len(image(tag="1", archives=[first])["uploaded"]) == 3
    assert len(image(tag="2", archives=[second])["uploaded"]) == 2


def test_an_immutable_tag_with_another_image_is_refused_before_anything_is_uploaded(account, image, arm64, tmp_path):
    image(tag="1", archives=[arm64])
    other = rig.docker_archive(tmp_path / "other.tar", "arm64", b"other")
    mark = account.mark()
    for check in (True, False):
        refused = image(check, tag="1", archives=[other])
        assert refused["failed"] and "exists with another image (linux/arm64 sha256:" in refused["msg"] and "use another tag" in refused["msg"]
    assert account.mutations(mark) == []


def test_a_mutable_tag_moves(account, image, name, arm64, amd64):
    image(tag="1", archives=[arm64], immutable=False)
    moved = image(tag="1", archives=[arm64, amd64], immutable=False)
    assert moved["changed"] and len(moved["uploaded"]) == 2
    assert moved["diff"]["before"]["image"] != moved["diff"]["after"]["image"]
    assert len(pulled(account, name, "1")["manifests"]) == 2


def test_a_trusted_tag_is_not_pushed_anew_by_another_machine(account, image, tmp_path, arm64, amd64):
    options = {"tag": "key-1", "trust_tag": True}
    image(archives=[arm64], **options)
    other = rig.docker_archive(tmp_path / "other.tar", "arm64", b"one " * 5000, b"two " * 5000, created="another day")
    mark = account.mark()
    assert not image(archives=[other], **options)["changed"]
    assert not image(check=True, archives=["/not/built/yet.tar"], **options)["changed"]
    assert account.mutations(mark) == []
    refused = image(archives=[other, amd64], **options)
    assert refused["failed"] and "its tag is immutable" in refused["msg"]


def test_what_is_still_to_be_built_would_be_pushed(image):
    planned = image(check=True, tag="1", archives=["/not/built/yet.tar"])
    assert planned["changed"] and planned["diff"]["after"]["image"] == {"1": "built and pushed"}


def test_an_image_that_a_node_cannot_run_is_refused(account, image, arm64):
    mark = account.mark()
    refused = image(tag="1", archives=[arm64], architectures=["amd64", "arm64"])
    assert refused["failed"] and "would not run on amd64: its archives are for linux/arm64" in refused["msg"]
    assert account.mark() == mark


def test_a_damaged_archive_is_refused_and_the_tag_not_set(account, image, name, tmp_path):
    damaged = rig.docker_archive(tmp_path / "damaged.tar", "arm64", b"one", damaged=True)
    refused = image(tag="1", archives=[damaged])
    assert refused["failed"] and "has the content of sha256:" in refused["msg"]
    assert account.client("ecr").list_images(repositoryName=name)["imageIds"] == []


# --- the way to the registry ------------------------------------------------------------------------------------------------


STEPS = [
    ("HEAD", "/blobs/sha256:"),
    ("POST", "/blobs/uploads/$"),
    ("PUT", "/blobs/uploads/"),
    ("PUT", "/manifests/1$"),
    ("GET", "/manifests/1$"),
]


@pytest.mark.parametrize("step", STEPS, ids=" ".join)
@pytest.mark.parametrize("trouble", [{"status": 503}, {"status": 429}, {"cut": "before"}, {"cut": "after"}], ids=str)
def test_one_failure_at_any_step_is_survived(account, image, registry, name, arm64, step, trouble):
    image()
    registry.faults.append(rig.Fault(*step, **trouble))
    pushed = image(tag="1", archives=[arm64], registry_endpoint=registry.url)
    assert pushed["changed"] and registry.faults[0].times == 0, pushed
    assert not image(tag="1", archives=[arm64])["changed"]
    assert len(account.client("ecr").list_images(repositoryName=name)["imageIds"]) == 1


@pytest.mark.parametrize(("step", "uploads"), [(STEPS[0], 3), (STEPS[1], 3), (STEPS[2], 3), (STEPS[3], 0)], ids=str)
def test_a_push_that_failed_says_why_and_goes_on_with_the_next_run(image, registry, name, arm64, step, uploads):
    image()
    registry.faults.append(rig.Fault(*step, status=500, times=99))
    failed = image(tag="1", archives=[arm64], registry_endpoint=registry.url, retries=1)
    assert failed["failed"] and f"{step[0]} {registry.url}/v2/{name}/" in failed["msg"] and "500" in failed["msg"]
    registry.faults.clear()
    registry.seen.clear()
    done = image(tag="1", archives=[arm64], registry_endpoint=registry.url)
    assert done["changed"] and registry.count("POST", "uploads") == len(done["uploaded"]) == uploads
    assert not image(tag="1", archives=[arm64])["changed"]


def test_an_upload_that_was_cut_short_goes_on_where_it_was(image, registry, arm64):
    image()
    whole = iter([True])  # one upload; all that come later are cut
    registry.fault = lambda method, path: rig.Fault(method, path, cut="before") if method == "PUT" and "uploads" in path and not next(whole, False) else None
    failed = image(tag="1", archives=[arm64], registry_endpoint=registry.url, retries=1)
    assert failed["failed"]
    del registry.fault
    done = image(tag="1", archives=[arm64], registry_endpoint=registry.url)
    assert done["changed"] and len(done["uploaded"]) == 2


def test_a_token_that_expires_on_the_way_is_renewed(account, image, registry, arm64):
    def twelve_hours() -> None:
        body = json.dumps({"advance": 12 * 3600 + 1}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{account.endpoint}/_meshgate/clock", body, method="POST"), timeout=10).close()

    image()
    registry.faults.append(rig.Fault("PUT", "/manifests/1$", first=twelve_hours))
    assert image(tag="1", archives=[arm64], registry_endpoint=registry.url)["changed"]
    assert len(set(registry.authorizations)) == 2
    registry.faults.append(rig.Fault("GET", "/manifests/1$", status=401))
    assert not image(tag="1", archives=[arm64], registry_endpoint=registry.url)["changed"]


def test_a_registry_that_takes_no_token_is_an_error_and_no_loop(image, registry, arm64):
    image()
    registry.faults.append(rig.Fault("GET", "/manifests/1$", status=401, times=99))
    refused = image(tag="1", archives=[arm64], registry_endpoint=registry.url)
    assert refused["failed"] and "401" in refused["msg"] and len(registry.seen) == 2


def test_the_token_is_in_no_output(image, registry, arm64):
    image()
    registry.faults.append(rig.Fault("PUT", "/manifests/1$", status=400, times=99))
    result = image(tag="1", archives=[arm64], registry_endpoint=registry.url)
    token = registry.authorizations[0].removeprefix("Basic ")
    assert result["failed"] and len(token) > 20 and token not in json.dumps(result)


def test_a_registry_that_stored_something_else_is_found_out(account, image, registry, name, arm64, tmp_path):
    other = rig.docker_archive(tmp_path / "other.tar", "arm64", b"other")
    image(tag="1", archives=[other], immutable=False)

    def move_back() -> None:
        moved = account.client("ecr").batch_get_image(repositoryName=name, imageIds=[{"imageTag": "1"}])["images"][0]["imageManifest"]
        before.append(moved)

    def another_pusher() -> None:
        with contextlib.suppress(Exception):
            account.client("ecr").put_image(repositoryName=name, imageManifest=before[0], imageTag="1")

    before: list[str] = []
    looks = iter([move_back, another_pusher])
    registry.fault = lambda method, path: rig.Fault(method, path, first=next(looks, None)) if method == "GET" and path.endswith("/manifests/1") else None
    failed = image(tag="1", archives=[arm64], registry_endpoint=registry.url, immutable=False)
    assert failed["failed"] and "1 was pushed as sha256:" in failed["msg"] and "and the registry has sha256:" in failed["msg"]


def test_nobody_at_the_registrys_address_is_said(image, arm64):
    image()
    failed = image(tag="1", archives=[arm64], registry_endpoint="http://127.0.0.1:9", retries=1)
    assert failed["failed"] and "GET http://127.0.0.1:9/v2/" in failed["msg"] and "refused" in failed["msg"]


@pytest.fixture
def authority(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """A server's TLS settings, and the file with the authority that vouches for it: itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "registry")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = builder.add_extension(names, False).add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
    (tmp_path / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    return context, str(tmp_path / "ca.pem")


def test_only_a_registry_that_somebody_vouches_for_gets_the_token(account, image, arm64, authority):
    context, bundle = authority
    image()
    with rig.proxy(account.endpoint, context) as registry:
        refused = image(tag="1", archives=[arm64], registry_endpoint=registry.url, retries=0)
        assert refused["failed"] and "CERTIFICATE_VERIFY_FAILED" in refused["msg"] and registry.seen == []
        assert image(tag="1", archives=[arm64], registry_endpoint=registry.url, aws_ca_bundle=bundle)["changed"]
        assert not image(tag="1", archives=[arm64], registry_endpoint=registry.url, validate_certs=False)["changed"]


def test_a_proxy_of_the_environment_is_used_with_its_password(account, image, arm64, monkeypatch):
    image()
    with rig.proxy(account.endpoint) as way:
        monkeypatch.setenv("http_proxy", way.url.replace("://", "://me:secret%21@"))
        monkeypatch.setenv("no_proxy", account.endpoint.partition("://")[2].rpartition(":")[0] + ",localhost")
        assert image(tag="1", archives=[arm64])["changed"] and way.seen == []
        monkeypatch.setenv("no_proxy", "")
        found = image_registry.Registry("http://registry.example")
        assert found._pool.proxy.host == "127.0.0.1" and found._pool.proxy_headers == {"proxy-authorization": "Basic bWU6c2VjcmV0IQ=="}


# --- teardown ---------------------------------------------------------------------------------------------------------------


def test_a_repository_of_ours_is_found_by_its_tag_and_goes_with_its_images(account, image, name, arm64):
    image(tag="1", archives=[arm64], cluster_name="torn-down")
    account.client("ecr").create_repository(repositoryName=f"{name}-of-others")
    found = run(aws_leftovers_info, account.endpoint, cluster_name="torn-down")
    assert name in json.dumps(found) and f"{name}-of-others" not in json.dumps(found)
    assert run(aws_leftovers, account.endpoint, cluster_name="torn-down")["changed"]
    left = [each["repositoryName"] for each in account.client("ecr").describe_repositories()["repositories"]]
    assert name not in left and f"{name}-of-others" in left


def test_an_image_that_somebody_else_pushed_into_our_repository_is_named_kept_or_deleted_as_told(account, image, name, arm64, amd64):
    given = {"cluster_name": f"torn-{uuid.uuid4().hex[:6]}", "wait_timeout": 5, "wait_delay": 0.1}
    image(tag="1", archives=[arm64, amd64], cluster_name=given["cluster_name"])  # an index, and two images that only it leads to
    theirs = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []})
    account.client("ecr").put_image(repositoryName=name, imageManifest=theirs, imageTag="theirs-4.2")
    refused = run(aws_leftovers, account.endpoint, **given)
    assert refused["failed"], refused
    assert (
        f"ECR repository {name}: nothing proves that this collection pushed its images theirs-4.2; choose whether to keep or delete it (images)"
        in refused["msg"]
    )
    for _run in range(2):
        kept = run(aws_leftovers, account.endpoint, images="keep", **given)
        assert not kept.get("failed") and [entry["id"] for entry in kept["kept"]] == [name], kept
    assert run(aws_leftovers_info, account.endpoint, cluster_name=given["cluster_name"], images="keep")["leftovers"] == []
    assert pulled(account, name, "theirs-4.2")
    assert run(aws_leftovers, account.endpoint, images="delete", **given)["changed"]
    assert name not in [each["repositoryName"] for each in account.client("ecr").describe_repositories()["repositories"]]


def test_an_image_of_an_older_release_counts_as_ours_once_it_is_wanted_again(account, image, name, arm64):
    image(tag="1", archives=[arm64])
    arn = repository(account, name)["repositoryArn"]
    account.client("ecr").untag_resource(resourceArn=arn, tagKeys=["meshgate.io/images"])
    planned = image(check=True, tag="1", archives=[arm64])
    assert planned["actions"] == [f"tag repository {name}"]
    assert image(tag="1", archives=[arm64])["diff"] == planned["diff"]
    assert tags(account, name)["meshgate.io/images"] and not image(tag="1", archives=[arm64])["changed"]


def test_notes_of_pushed_images_fill_their_tags_and_then_forget_the_oldest():
    digests = [f"sha256:{hashlib.sha256(str(number).encode()).hexdigest()}" for number in range(200)]
    tags = {}
    for digest in digests:
        tags.update(ecr_pushed.to_note(tags, [digest]))
    assert len(tags) == 10 and all(len(value) <= 256 for value in tags.values())
    assert digests[-1][7:23] in ecr_pushed.noted(tags) and digests[0][7:23] not in ecr_pushed.noted(tags)
    assert ecr_pushed.to_note(tags, digests[-20:]) == {}
