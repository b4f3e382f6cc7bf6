# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Talking to AWS: clients that retry with jitter, errors in one line, waits that say what they wait for."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

with suppress(ImportError):  # AnsibleAWSModule says so
    import boto3
    import botocore.config
    import botocore.exceptions
    from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info

from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import Waiting

Answer = TypeVar("Answer")
Look = Callable[[], "dict[str, Any] | None"]

# The tag that makes a resource ours. Nothing without it is ever deleted.
OWNER_TAG = "meshgate.io/cluster"

# "Slow down": whatever was asked for was not done, and asking again later is what AWS wants.
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
# AWS failed at it, done or not.
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
# Calls without such a member and without a name that could be taken: each one makes one more.
NEVER_REPEATED = ("create_vpc", "create_subnet", "create_internet_gateway", "allocate_address", "create_policy_version", "create_network_interface")
REMOVALS = ("delete_", "detach_", "disassociate_", "remove_", "revoke_", "release_", "untag_")
# The most that is waited between two tries, in seconds.
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


class AwsError(Exception):
    """A failure in one line, with what was being done."""

    def __init__(self, message: str, code: str = "", details: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class Unreachable(AwsError):
    """No server answers at the API's address."""


class Refused(AwsError):
    """We refuse: what was asked for would break something or cannot be."""


def code_of(error: BaseException) -> str:
    """The code in AWS's answer, for example C(ResourceNotFoundException)."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def explain(error: BaseException, doing: str) -> AwsError:
    """Say a botocore error in one line that names the cause and what to do."""
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
    if isinstance(error, (botocore.exceptions.ProfileNotFound, botocore.exceptions.TokenRetrievalError)):
        return AwsError(f"{doing}: {error}", "NoCredentials")
    if code in CREDENTIAL_CODES:
        return AwsError(f"{doing}: {CREDENTIAL_CODES[code]} ({code})", code)
    if code:
        message = " ".join(str(error.response["Error"].get("Message", "")).split())  # type: ignore[attr-defined]
        return AwsError(f"{doing}: {message} ({code})", code)
    return AwsError(f"{doing}: {error}", type(error).__name__)


def _unreachable() -> tuple[type[BaseException], ...]:
    return (botocore.exceptions.EndpointConnectionError, botocore.exceptions.ConnectTimeoutError)


def trouble(error: BaseException) -> str:
    """What kind of passing trouble it is: C(busy) and C(unreachable): nothing was done; C(lost): nobody knows; empty: an answer that stays."""
    code = code_of(error)
    if code in THROTTLED:
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

    botocore's own retries are switched off for them: they would multiply with these, and they repeat calls that create one more each time.
    """

    def __init__(self, client: Callable[[str], Any], retries: int = 8, connects: int = 4, sleep: Callable[[float], None] = time.sleep) -> None:
        self._make = client
        self._clients: dict[str, Any] = {}
        self.retries = retries
        self.connects = connects
        self.sleep = sleep

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._make(service)
        return self._clients[service]

    def call(self, service: str, operation: str, found: Look | None = None, **arguments: Any) -> dict[str, Any]:
        """One API call.

        `found` looks for what a call creates, in the form of the call's answer. It is asked after an answer was lost, before one more is made.
        """
        try:
            return self._repeat(service, operation, found, arguments)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise explain(error, self._named(service, operation)) from error

    def careful(self, service: str) -> Any:
        """A client like botocore's own, with botocore's own errors, whose calls are repeated as `call` repeats them."""
        return _Careful(self, service)

    def _named(self, service: str, operation: str) -> str:
        return f"{service}:{self.client(service).meta.method_to_api_mapping.get(operation, operation)}"

    def _repeat(self, service: str, operation: str, found: Look | None, arguments: dict[str, Any]) -> dict[str, Any]:
        client, doing = self.client(service), self._named(service, operation)
        # Filled here and not by botocore, so that every try carries the same.
        arguments = {**_token(client, operation, arguments), **arguments}
        lost: AwsError | None = None
        for attempt in range(self.retries + 1):
            try:
                return getattr(client, operation)(**arguments)
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
                kind, code = trouble(error), code_of(error)
                if lost and operation.startswith(REMOVALS) and (is_missing(code) or code == "Gateway.NotAttached"):
                    return {}
                if lost and is_there_already(code):
                    return self._look_for_it(found, operation, AwsError(f"{lost}; asked again, AWS says: {explain(error, doing)}", code))
                if not kind or attempt == self.retries or (kind == "unreachable" and attempt + 1 >= self.connects):
                    raise
                if kind == "lost" and operation in NEVER_REPEATED:
                    there = self._wait_for_it(found)
                    if there is not None:
                        return there
                    if found is None:
                        said = explain(error, doing)
                        raise AwsError(f"{said}. Whether it was done is not known; the next run looks", said.code) from error
                if kind == "lost":
                    lost = explain(error, doing)
            # Full jitter: many callers that were throttled together do not come back together.
            self.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.5 * 2**attempt)))
        raise AssertionError("unreachable")

    def _wait_for_it(self, found: Look | None) -> dict[str, Any] | None:
        """What a call whose answer was lost has made. EC2 may need a moment to list it."""
        for pause in (0.2, 0.5, 1.0, 2.0) if found else ():
            self.sleep(pause)
            there = found()  # type: ignore[misc]
            if there is not None:
                return there
        return None

    def _look_for_it(self, found: Look | None, operation: str, refusal: AwsError) -> dict[str, Any]:
        """AWS has it already, made by the try whose answer was lost: then that is the answer, where one is needed."""
        there = self._wait_for_it(found)
        if there is not None:
            return there
        # Who creates reads the answer; who attaches, associates or adds a route does not.
        if operation == "create_route" or (found is None and not operation.startswith(("create_", "request_"))):
            return {}
        raise refusal

    def pages(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        """A list in all of its pages."""
        token_in, token_out = _PAGING.get(service, ("NextToken", "NextToken"))
        items: list[Any] = []
        while True:
            answer = self.call(service, operation, **arguments)
            items += answer.get(key) or []
            token = answer.get(token_out)
            if not token:
                return items
            arguments = {**arguments, token_in: token}

    def find(self, service: str, operation: str, key: str, **arguments: Any) -> Any:
        """What is asked for, or None where AWS says that there is none."""
        try:
            return self.call(service, operation, **arguments)[key]
        except AwsError as error:
            if is_missing(error.code):
                return None
            raise

    def together(self, *calls: Callable[[], Any]) -> list[Any]:
        """Independent calls at the same time. Clients are made first, since making them is not safe in threads."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            return [future.result() for future in [pool.submit(call) for call in calls]]

    def prepare(self, *services: str) -> None:
        for service in services:
            self.client(service)


class _Careful:
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


# Where a service's lists say how they go on: the request's member and the answer's. Most say NextToken.
_PAGING = {
    "iam": ("Marker", "Marker"),
    "elb": ("Marker", "NextMarker"),
    "elbv2": ("Marker", "NextMarker"),
    "ecr": ("nextToken", "nextToken"),
    "eks": ("nextToken", "nextToken"),
    "logs": ("nextToken", "nextToken"),
}


def is_missing(code: str) -> bool:
    return code.endswith(("NotFound", "NotFoundException", "NotFound.Malformed")) or code in ("NoSuchEntity", "NoSuchEntityException")


def _token(client: Any, operation: str, arguments: dict[str, Any]) -> dict[str, str]:
    """The member by which AWS recognises a repeated request, where the call has one."""
    name = client.meta.method_to_api_mapping.get(operation)
    shape = client.meta.service_model.operation_model(name).input_shape if name else None
    return {member: uuid.uuid4().hex for member in TOKENS if shape is not None and member in shape.members and member not in arguments}


def for_module(module: Any, attempts: int = 4) -> Aws:
    """The clients of an AnsibleAWSModule, with the credentials, region and endpoint that amazon.aws's users know.

    They share one session, since reading botocore's models of AWS takes longer than most calls. `attempts`: how often an address is
    tried at which nothing answers.
    """
    ours = botocore.config.Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=10, user_agent_extra="meshgate.eks_istio")
    sessions: list[Any] = []

    def client(service: str) -> Any:
        region, endpoint, connection = get_aws_connection_info(module)
        profile, given = connection.pop("profile_name", None), connection.pop("aws_config", None)
        try:
            if not sessions:
                sessions.append(boto3.session.Session(profile_name=profile))
            config = ours.merge(given) if given else ours
            return sessions[0].client(service, region_name=region, endpoint_url=endpoint, config=config, **connection)
        except (ValueError, botocore.exceptions.BotoCoreError) as error:
            raise explain(error, f"connecting to AWS ({service})") from error

    return Aws(client, connects=attempts)


def wait_for(what: str, look: Callable[[], Answer], state: Callable[[Answer], str], until: Callable[[Answer], bool], timeout: float, delay: float) -> Answer:
    """Look until it is so, saying how it goes. Raises AwsError with the last state when the time is over."""
    waiting = Waiting(what)
    pause = min(delay, 0.5)
    while True:
        found = look()
        if until(found):
            waiting.saw(state(found))
            return found
        waiting.saw(state(found))
        if waiting.elapsed >= timeout:
            raise AwsError(f"{what}: still {state(found)} after {timeout:g} s; a later run goes on waiting", "Timeout")
        time.sleep(min(pause, max(0.05, timeout - waiting.elapsed)))
        # Short at first, so that what is quick is not awaited long.
        pause = min(delay, pause * 1.6)


def tags_of(tag_list: Iterable[dict[str, str]] | None) -> dict[str, str]:
    """EC2's and IAM's [{Key, Value}] as a dict."""
    return {tag["Key"]: tag["Value"] for tag in tag_list or []}


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tag_changes(wanted: dict[str, str] | None, live: dict[str, str], purge: bool) -> tuple[dict[str, str], list[str]]:
    """Tags to set and keys to remove. AWS's own tags are never touched; without wanted tags nothing is."""
    if wanted is None:
        return {}, []
    to_set = {key: value for key, value in wanted.items() if live.get(key) != value}
    to_remove = sorted(key for key in live if key not in wanted and not key.startswith("aws:")) if purge else []
    return to_set, to_remove
