# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How a module that asks AWS ends: with its result, or with one line and AWS's code for it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, NoReturn

import botocore.exceptions
import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws import module as aws_module
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.client import Aws, AwsError, Unreachable
from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Failure, Refused


class Ended(Exception):
    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__(result)
        self.result = result


class Module:
    """An AnsibleAWSModule, as far as its end is concerned."""

    params: dict[str, Any] = {"state": "present"}
    check_mode = False

    def fail_json(self, **result: Any) -> NoReturn:
        raise Ended({"failed": True, **result})

    def exit_json(self, **result: Any) -> NoReturn:
        raise Ended(result)


@pytest.fixture
def end(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    attempts: list[int] = []
    monkeypatch.setattr(aws_module, "for_module", lambda _module, tries: attempts.append(tries))

    def run(act: Any, **options: Any) -> dict[str, Any]:
        with pytest.raises(Ended) as ended:
            aws_module.run(Module(), act, **options)
        return {**ended.value.result, "attempts": attempts}

    return run


def raising(error: Exception) -> Callable[..., dict[str, Any]]:
    def act(_module: Any, _aws: Any) -> dict[str, Any]:
        raise error

    return act


def test_success_is_its_result_and_changes_nothing_unless_it_says_so(end: Any) -> None:
    assert end(lambda _module, _aws: {"found": 1}) == {"changed": False, "found": 1, "attempts": [4]}
    assert end(lambda _module, _aws: {"changed": True})["changed"] is True


def test_bad_input_is_refused_before_anybody_is_asked(end: Any) -> None:
    ended = end(raising(AssertionError("asked")), problems=["name is 'x'; accepted: y", "tag is 'z'"])
    assert ended == {"failed": True, "msg": "name is 'x'; accepted: y; tag is 'z'", "problems": ["name is 'x'; accepted: y", "tag is 'z'"], "attempts": []}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            AwsError("eks:DescribeCluster: you may not (AccessDenied)", "AccessDenied"),
            {"msg": "eks:DescribeCluster: you may not (AccessDenied)", "code": "AccessDenied"},
        ),
        (Refused("it is not managed by this collection"), {"msg": "it is not managed by this collection", "code": ""}),
        (Refused("another account", code="WrongAccount"), {"msg": "another account", "code": "WrongAccount"}),
        (Failure("not done\n  no pods", missing=["pods"]), {"msg": "not done; no pods", "missing": ["pods"], "code": ""}),
        (Unreachable("sts: nothing answers at http://x", "Unreachable"), {"msg": "sts: nothing answers at http://x", "code": "Unreachable"}),
        (
            botocore.exceptions.NoCredentialsError(),
            {"msg": "AWS: no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "code": "NoCredentials"},
        ),
    ],
)
def test_every_failure_is_one_line(end: Any, error: Exception, said: dict[str, Any]) -> None:
    assert end(raising(error)) == {"failed": True, **said, "attempts": [4]}


def test_where_nobody_answers_there_is_nothing_for_those_who_say_so(end: Any) -> None:
    ended = end(raising(Unreachable("sts: nothing answers at http://x", "Unreachable")), nothing={"claim": {}})
    assert ended == {"changed": False, "claim": {}, "attempts": [2]}
    assert end(raising(AwsError("sts: you may not", "AccessDenied")), nothing={"claim": {}})["failed"]


def test_what_was_being_done_is_said_before_what_aws_says() -> None:
    with pytest.raises(AwsError, match="^changing the IAM role x: iam:TagRole: no$") as raised, aws_module.doing("changing the IAM role x"):
        raise AwsError("iam:TagRole: no", "AccessDenied")
    assert raised.value.code == "AccessDenied"
    response: Any = {"Error": {"Code": "AccessDenied", "Message": "no"}}
    with pytest.raises(AwsError, match=r"^the IAM role x: no \(AccessDenied\)$"), aws_module.doing("the IAM role x"):
        raise botocore.exceptions.ClientError(response, "TagRole")
    with pytest.raises(Refused, match="^not ours$"), aws_module.doing("the IAM role x"):
        raise Refused("not ours")


class Client:
    def __init__(self, endpoint: str) -> None:
        self.meta = self
        self.endpoint_url = endpoint


def test_only_an_emulator_of_this_machine_can_be_down() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        listener.listen()
        assert not Aws(lambda _service: Client(f"http://127.0.0.1:{port}")).emulator_is_down("iam")
    assert Aws(lambda _service: Client(f"http://localhost:{port}")).emulator_is_down("iam")
    assert not Aws(lambda _service: Client("https://iam.invalid")).emulator_is_down("iam")
