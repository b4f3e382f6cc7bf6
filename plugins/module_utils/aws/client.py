# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Talking to AWS: clients that retry with jitter, errors in one line, waits that report what they wait for."""

from __future__ import annotations

import json
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from ..common.failure import Refused
from ..common.progress import Waiting
from ..common.run_identity import Run
from .boto import boto3, botocore
from .errors import AwsError, Unreachable
from .platform_claim import Claims, Keeper

__all__ = ["AwsError", "Unreachable"]

Answer = TypeVar("Answer")
Look = Callable[[], "dict[str, Any] | None"]

# "Slow down": the request was not executed, and should be repeated later.
THROTTLED = (
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestThrottled",
    "RequestThrottledException",
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    "SlowDown",
)
# IAM takes one change of a role at a time: "multiple requests to change this object were submitted simultaneously. Wait a few minutes and submit your request
# again" (API reference, CreateRole; https://github.com/hashicorp/terraform-provider-aws/issues/34371). Nothing was executed, either.
CHANGING = (
    "ConcurrentModification",
    "ConcurrentModificationException",
    "EntityTemporarilyUnmodifiable",
    "EntityTemporarilyUnmodifiableException",
)
# AWS failed, and may or may not have executed it.
BROKEN = (
    "InternalFailure",
    "InternalError",
    "ServiceFailure",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Unavailable",
    "ServerException",
    "RequestTimeout",
    "RequestTimeoutException",
)
# Members of requests by which AWS recognises a repeated one (EC2: "Ensuring idempotency in Amazon EC2 API requests"; EKS, ACM: in each call).
TOKENS = ("ClientToken", "clientRequestToken", "IdempotencyToken")
# Calls without such a member and without a unique name: each one creates another resource.
NEVER_REPEATED = ("create_vpc", "create_subnet", "create_internet_gateway", "allocate_address", "create_policy_version", "create_network_interface")
REMOVALS = ("delete_", "detach_", "disassociate_", "remove_", "revoke_", "release_", "untag_")
# The account that the credentials must belong to, set by plugin_utils/in_place.py: the inventory's eks_cluster_expected_account_id, for every module of ours.
EXPECTED_ACCOUNT = "MESHGATE_EXPECTED_ACCOUNT_ID"
# The run's claim on its platform, set in the same way: JSON of what platform_claim returned.
CLAIM = "MESHGATE_CLAIM"
# The longest pause between two attempts, in seconds.
LONGEST_PAUSE = 20.0
CREDENTIAL_CODES = {
    "ExpiredToken": "the AWS credentials have expired",
    "ExpiredTokenException": "the AWS credentials have expired",
    "RequestExpired": "the AWS credentials have expired, or this machine's clock is wrong",
    "InvalidClientTokenId": "AWS does not know these credentials",
    "UnrecognizedClientException": "AWS does not know these credentials",
    "SignatureDoesNotMatch": "the AWS secret key does not belong to the access key",
    "AuthFailure": "AWS does not know these credentials, or the region is not enabled for the account",
    "OptInRequired": "the region is not enabled for the account",
}


def code_of(error: BaseException) -> str:
    """The code in AWS's response, for example C(ResourceNotFoundException)."""
    if isinstance(error, AwsError):
        return error.code
    said = (getattr(error, "response", None) or {}).get("Error", {})
    code = str(said.get("Code", ""))
    # EKS sometimes returns: "ClientException: No cluster found for name: NAME" (hashicorp/terraform-provider-aws, internal/service/eks/cluster.go).
    if code == "ClientException" and str(said.get("Message", "")).startswith("No cluster found for name"):
        return "ResourceNotFoundException"
    return code


def explain(error: BaseException, doing: str) -> AwsError:
    """A botocore error in one line, with the cause and what to do."""
    code = code_of(error)
    endpoint = getattr(error, "kwargs", {}).get("endpoint_url", "the API endpoint")
    if isinstance(error, _unreachable()):
        return Unreachable(f"{doing}: nothing answers at {endpoint}", "Unreachable")
    if isinstance(error, botocore.exceptions.ReadTimeoutError):
        return AwsError(f"{doing}: no answer from {endpoint} in time", "AnswerLost")
    if isinstance(error, botocore.exceptions.ConnectionClosedError):
        return AwsError(f"{doing}: {endpoint} closed the connection before it answered", "AnswerLost")
    if isinstance(error, (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError)):
        return AwsError(f"{doing}: no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "NoCredentials")
    if isinstance(error, _no_credentials()):
        return AwsError(f"{doing}: {error}", "NoCredentials")
    if code:
        message = " ".join(str(error.response["Error"].get("Message", "")).split())  # type: ignore[attr-defined]
        # EC2 also returns AuthFailure for a resource: "You do not have permission to access the specified resource".
        about_credentials = code in CREDENTIAL_CODES and not (code == "AuthFailure" and "resource" in message)
        if about_credentials:
            return AwsError(f"{doing}: {CREDENTIAL_CODES[code]} ({code})", code)
        return AwsError(f"{doing}: {message} ({code})", code)
    return AwsError(f"{doing}: {error}", type(error).__name__)


def _no_credentials() -> tuple[type[BaseException], ...]:
    """botocore's errors when the user's configuration yields no credentials, with advice."""
    said = botocore.exceptions
    return (said.ProfileNotFound, said.TokenRetrievalError, said.SSOError, said.CredentialRetrievalError, said.InvalidConfigError, said.ConfigParseError)


def _unreachable() -> tuple[type[BaseException], ...]:
    return (botocore.exceptions.EndpointConnectionError, botocore.exceptions.ConnectTimeoutError)


def trouble(error: BaseException) -> str:
    """The type of transient failure: C(busy) and C(unreachable): nothing was executed; C(lost): unknown; empty: a permanent failure."""
    code = code_of(error)
    if code in THROTTLED or code in CHANGING:
        return "busy"
    if isinstance(error, botocore.exceptions.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return "lost" if code in BROKEN or status >= 500 else ""
    if isinstance(error, (botocore.exceptions.SSLError, botocore.exceptions.ProxyConnectionError)):
        return ""
    if isinstance(error, _unreachable()):
        return "unreachable"
    return "lost" if isinstance(error, botocore.exceptions.HTTPClientError) else ""


def is_there_already(code: str) -> bool:
    return code.endswith(("AlreadyExists", "AlreadyExistsException", "AlreadyAssociated", ".Duplicate", "InvalidSubnet.Conflict"))


class Aws:
    """The clients of one task. `call` retries what is worth retrying and raises AwsError for the rest.

    botocore's own retries are switched off for them: they would multiply with these, and they repeat calls that create another resource each time.
    """

    def __init__(self, client: Callable[..., Any], retries: int = 8, connects: int = 4, sleep: Callable[[float], None] = time.sleep) -> None:
        self._make = client
        self._clients: dict[str, Any] = {}
        self._elsewhere: dict[str, Aws] = {}
        # Creating clients is not thread-safe, and no call may precede the first check of the account.
        self._door = threading.RLock()
        # The account that the credentials must belong to; empty: any. Checked before the first client is returned.
        self.expected_account = ""
        # Renews the run's claim, however long one task takes.
        self.keeper: Keeper | None = None
        self.retries = retries
        self.connects = connects
        self.sleep = sleep

    def client(self, service: str) -> Any:
        with self._door:
            expected, self.expected_account = self.expected_account, ""
            if expected:
                try:
                    self.identify(expected)
                except (AwsError, Refused):
                    self.expected_account = expected  # so that every later call is refused, too
                    raise
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def identify(self, expected: str = "") -> dict[str, Any]:
        """The caller. Refuses credentials of another account than the expected one."""
        identity = self.call("sts", "get_caller_identity")
        if expected and expected != identity["Account"]:
            raise Refused(
                f"eks_cluster_expected_account_id is {expected!r}, but the AWS credentials belong to account {identity['Account']} ({identity['Arn']})",
                code="WrongAccount",
            )
        return identity

    def emulator_is_down(self, service: str) -> bool:
        """Whether the service's endpoint is on this machine and nothing listens there: an emulated AWS that does not run, and is therefore empty."""
        with self._door:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            url = urlsplit(self._clients[service].meta.endpoint_url)
        if url.hostname not in ("127.0.0.1", "localhost", "::1"):
            return False
        try:
            socket.create_connection((url.hostname, url.port or (443 if url.scheme == "https" else 80)), timeout=5).close()
        except OSError:
            return True
        return False

    def in_region(self, region: str) -> Aws:
        """The same account's clients of another region."""
        if region not in self._elsewhere:
            self._elsewhere[region] = Aws(lambda service: self._make(service, region), self.retries, self.connects, self.sleep)
            self._elsewhere[region].expected_account = self.expected_account
        return self._elsewhere[region]

    def call(self, service: str, operation: str, found: Look | None = None, **arguments: Any) -> dict[str, Any]:
        """One API call.

        `found` searches what a call creates, in the form of the call's response. It runs after a lost response, before the call is repeated.
        """
        try:
            return self._repeat(service, operation, found, arguments)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise explain(error, self._named(service, operation)) from error

    def retrying_client(self, service: str) -> Any:
        """A client like botocore's own, with botocore's own errors, whose calls are repeated as `call` repeats them."""
        return _RetryingClient(self, service)

    def _named(self, service: str, operation: str) -> str:
        return f"{service}:{self.client(service).meta.method_to_api_mapping.get(operation, operation)}"

    def _repeat(self, service: str, operation: str, found: Look | None, arguments: dict[str, Any]) -> dict[str, Any]:
        if self.keeper:
            self.keeper()
        client, doing = self.client(service), self._named(service, operation)
        # Set here and not by botocore, so that every attempt carries the same.
        arguments = {**_token(client, operation, arguments), **arguments}
        lost: AwsError | None = None
        for attempt in range(self.retries + 1):
            try:
                answer: dict[str, Any] = getattr(client, operation)(**arguments)
                return answer
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
                kind, code = trouble(error), code_of(error)
                if lost and operation.startswith(REMOVALS) and (is_missing(code) or code == "Gateway.NotAttached"):
                    return {}
                if lost and is_there_already(code):
                    return self._look_for_it(found, operation, AwsError(f"{lost}; on retry, AWS returned: {explain(error, doing)}", code))
                if not kind or attempt == self.retries or (kind == "unreachable" and attempt + 1 >= self.connects):
                    raise
                if kind == "lost" and operation in NEVER_REPEATED:
                    there = self._wait_for_it(found)
                    if there is not None:
                        return there
                    if found is None:
                        said = explain(error, doing)
                        raise AwsError(f"{said}. Whether it succeeded is unknown; the next run checks", said.code) from error
                if kind == "lost":
                    lost = explain(error, doing)
            # Full jitter: callers that were throttled together do not retry together.
            self.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.5 * 2**attempt)))
        raise AssertionError("unreachable")

    def _wait_for_it(self, found: Look | None) -> dict[str, Any] | None:
        """What a call with a lost response has created. EC2 may need a moment to list it."""
        if found is None:
            return None
        for pause in (0.2, 0.5, 1.0, 2.0):
            self.sleep(pause)
            there = found()
            if there is not None:
                return there
        return None

    def _look_for_it(self, found: Look | None, operation: str, refusal: AwsError) -> dict[str, Any]:
        """It exists already, created by the attempt whose response was lost: that is the result, if one is needed."""
        there = self._wait_for_it(found)
        if there is not None:
            return there
        # Callers that create read the response; those that attach, associate or add a route do not.
        if operation == "create_route" or (found is None and not operation.startswith(("create_", "request_"))):
            return {}
        raise refusal

    def pages(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        """A list in all of its pages."""
        token_in, token_out = paging_of(service)
        items: list[Any] = []
        while True:
            answer = self.call(service, operation, **arguments)
            items += answer.get(key) or []
            token = answer.get(token_out)
            if not token:
                return items
            arguments = {**arguments, token_in: token}

    def find(self, service: str, operation: str, key: str, **arguments: Any) -> Any:
        """The result, or None if AWS reports that it does not exist."""
        try:
            return self.call(service, operation, **arguments)[key]
        except AwsError as error:
            if is_missing(error.code):
                return None
            raise

    def find_all(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        """A list in all of its pages; empty if AWS reports that its parent does not exist."""
        try:
            return self.pages(service, operation, key, **arguments)
        except AwsError as error:
            if is_missing(error.code):
                return []
            raise

    def run_parallel(self, *calls: Callable[[], Any]) -> list[Any]:
        """Independent calls at the same time. Clients are created first, since that is not thread-safe."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            return [future.result() for future in [pool.submit(call) for call in calls]]

    def prepare(self, *services: str) -> None:
        for service in services:
            self.client(service)


class _RetryingClient:
    def __init__(self, aws: Aws, service: str) -> None:
        self._aws, self._service, self._client = aws, service, aws.client(service)

    def __getattr__(self, name: str) -> Any:
        if name not in self._client.meta.method_to_api_mapping:
            return getattr(self._client, name)
        return lambda **arguments: self._aws._repeat(self._service, name, None, arguments)

    def get_paginator(self, operation: str) -> Any:
        paginator = self._client.get_paginator(operation)
        paginator._method = getattr(self, operation)
        return paginator


# Pagination members of a service's lists: the request's and the response's. Most use NextToken.
_PAGING = {
    "iam": ("Marker", "Marker"),
    "elb": ("Marker", "NextMarker"),
    "elbv2": ("Marker", "NextMarker"),
    "ecr": ("nextToken", "nextToken"),
    "eks": ("nextToken", "nextToken"),
    "logs": ("nextToken", "nextToken"),
    "resourcegroupstaggingapi": ("PaginationToken", "PaginationToken"),
}


def paging_of(service: str) -> tuple[str, str]:
    """The request's and the response's pagination member."""
    return _PAGING.get(service, ("NextToken", "NextToken"))


def is_missing(code: str) -> bool:
    return code.endswith(("NotFound", "NotFoundException", "NotFound.Malformed")) or code in ("NoSuchEntity", "NoSuchEntityException")


def _token(client: Any, operation: str, arguments: dict[str, Any]) -> dict[str, str]:
    """The member by which AWS recognises a repeated request, if the call has one."""
    name = client.meta.method_to_api_mapping.get(operation)
    shape = client.meta.service_model.operation_model(name).input_shape if name else None
    return {member: uuid.uuid4().hex for member in TOKENS if shape is not None and member in shape.members and member not in arguments}


def for_module(module: Any, attempts: int = 4) -> Aws:
    """The clients of an AnsibleAWSModule, with credentials, region and endpoint as in amazon.aws.

    They share one session, since reading botocore's models of AWS takes longer than most calls. `attempts`: how often an unreachable address is
    tried.
    """
    from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info

    ours = botocore.config.Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=10, user_agent_extra="meshgate.eks_istio")
    sessions: list[Any] = []

    def client(service: str, elsewhere: str = "") -> Any:
        region, endpoint, connection = get_aws_connection_info(module)
        profile, given = connection.pop("profile_name", None), connection.pop("aws_config", None)
        try:
            if not sessions:
                sessions.append(_session(profile, by_keys=bool(connection.get("aws_access_key_id"))))
            config = ours.merge(given) if given else ours
            return sessions[0].client(service, region_name=elsewhere or region, endpoint_url=endpoint, config=config, **connection)
        except (ValueError, botocore.exceptions.BotoCoreError) as error:
            raise explain(error, f"connecting to AWS ({service})") from error

    aws = Aws(client, connects=attempts)
    aws.expected_account = os.environ.get(EXPECTED_ACCOUNT, "")
    with suppress(ValueError, TypeError, KeyError):  # no claim is held
        held = json.loads(os.environ.get(CLAIM, ""))
        aws.keeper = Keeper(Claims(aws, held["cluster_name"], Run(**held["run"])), float(held["until"]), held["purpose"])
    return aws


def _session(profile: str | None, by_keys: bool) -> Any:
    """A session with resolved credentials, so that a problem with them is reported once, in one line."""
    session = boto3.session.Session(profile_name=profile)
    providers = session._session.get_component("credential_provider")
    with suppress(botocore.exceptions.UnknownCredentialError):
        providers.get_provider("assume-role")._prompter = _no_prompt
    if by_keys:
        return session
    doing = f"the AWS credentials of profile {session.profile_name}"
    try:
        found = session.get_credentials()
        if found is not None:
            found.get_frozen_credentials()
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise explain(error, doing) from error
    except (OSError, ValueError, KeyError) as error:
        # A missing token file, a credential_process that cannot be started or does not print JSON: botocore does not wrap these errors.
        raise AwsError(f"{doing}: {error}; fix that profile, or set another one with AWS_PROFILE", "NoCredentials") from error
    return session


def _no_prompt(question: str) -> NoReturn:
    """A profile with mfa_serial makes botocore prompt at a terminal, which a module does not have."""
    raise botocore.exceptions.CredentialRetrievalError(
        provider="assume-role",
        error_msg=f"{question.rstrip(': ')} is asked, since the profile has mfa_serial, and nobody is here to answer. Get a session first: "
        "aws sts get-session-token --serial-number MFA_ARN --token-code CODE, and export its three values; or put a credential_process into the profile; "
        "or name with AWS_PROFILE a profile that holds such a session",
    )


def wait_for(what: str, look: Callable[[], Answer], state: Callable[[Answer], str], until: Callable[[Answer], bool], timeout: float, delay: float) -> Answer:
    """Poll until the condition is met, reporting the state. Raises AwsError with the last state on timeout."""
    waiting = Waiting(what)
    pause = min(delay, 0.5)
    while True:
        found = look()
        if until(found):
            waiting.saw(state(found))
            return found
        waiting.saw(state(found))
        if waiting.elapsed >= timeout:
            raise AwsError(f"{what}: still {state(found)} after {timeout:g} s; run again to keep waiting", "Timeout")
        time.sleep(min(pause, max(0.05, timeout - waiting.elapsed)))
        # Short at first, so that quick changes are noticed quickly.
        pause = min(delay, pause * 1.6)


def tags_of(tag_list: Iterable[dict[str, str]] | None) -> dict[str, str]:
    """EC2's and IAM's [{Key, Value}] as a dict."""
    return {tag["Key"]: tag["Value"] for tag in tag_list or []}


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tag_changes(wanted: dict[str, str] | None, live: dict[str, str], purge: bool) -> tuple[dict[str, str], list[str]]:
    """Tags to set and keys to remove. AWS's own tags are never touched; without requested tags none are."""
    if wanted is None:
        return {}, []
    to_set = {key: value for key, value in wanted.items() if live.get(key) != value}
    to_remove = sorted(key for key in live if key not in wanted and not key.startswith("aws:")) if purge else []
    return to_set, to_remove
