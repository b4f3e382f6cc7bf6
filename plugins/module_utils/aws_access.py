# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Talking to AWS: clients that retry with jitter, errors in one line, waits that say what they wait for."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

with suppress(ImportError):  # AnsibleAWSModule says so
    import botocore.exceptions

from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import Waiting

Answer = TypeVar("Answer")

# The tag that makes a resource ours. Nothing without it is ever deleted.
OWNER_TAG = "meshgate.io/cluster"

# What AWS says while something that was just created has not reached every server yet.
RETRIED = (
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "RequestThrottled",
    "InternalFailure",
    "InternalError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "ServerException",
    "RequestTimeout",
    "RequestTimeoutException",
)
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
    if isinstance(error, (botocore.exceptions.EndpointConnectionError, botocore.exceptions.ConnectionClosedError, botocore.exceptions.ConnectTimeoutError)):
        return Unreachable(f"{doing}: nothing answers at {getattr(error, 'kwargs', {}).get('endpoint_url', 'the API endpoint')}", "Unreachable")
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


class Aws:
    """The clients of one task. `call` retries what is worth retrying and raises AwsError for the rest."""

    def __init__(self, client: Callable[[str], Any], retries: int = 8, sleep: Callable[[float], None] = time.sleep) -> None:
        self._make = client
        self._clients: dict[str, Any] = {}
        self.retries = retries
        self.sleep = sleep

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._make(service)
        return self._clients[service]

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """One API call."""
        for attempt in range(self.retries + 1):
            try:
                return getattr(self.client(service), operation)(**arguments)
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
                if code_of(error) not in RETRIED or attempt == self.retries:
                    raise explain(error, f"{service}:{_camel(operation)}") from error
            # Full jitter: many callers that were throttled together do not come back together.
            self.sleep(random.uniform(0, min(20.0, 0.5 * 2**attempt)))
        raise AssertionError("unreachable")

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


_PAGING = {"iam": ("Marker", "Marker"), "elbv2": ("Marker", "NextMarker"), "eks": ("nextToken", "nextToken"), "logs": ("nextToken", "nextToken")}


def is_missing(code: str) -> bool:
    return code.endswith(("NotFound", "NotFoundException", "NotFound.Malformed")) or code in ("NoSuchEntity", "NoSuchEntityException")


def _camel(operation: str) -> str:
    return "".join(part.capitalize() for part in operation.split("_"))


def for_module(module: Any, attempts: int = 4) -> Aws:
    """The clients of an AnsibleAWSModule, with the credentials, region and endpoint that amazon.aws's users know."""
    config = {"retries": {"mode": "standard", "max_attempts": attempts}, "connect_timeout": 10}
    return Aws(lambda service: module.client(service, aws_config=config))


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
