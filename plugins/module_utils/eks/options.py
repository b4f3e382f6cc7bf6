# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the modules for EKS have in common: options, rules for names and tags, how tags are compared, how a module ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ..aws.client import Aws, tag_changes
from ..common.failure import Refused

NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
GROUP_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,62}")
VERSION = re.compile(r"1\.([1-9][0-9])")
ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+")
# A DNS label, as Kubernetes requires for a namespace; a service account may have dots, too.
NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
SERVICE_ACCOUNT = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")

STATE: dict[str, Any] = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}
CLUSTER: dict[str, Any] = {"cluster_name": {"type": "str", "required": True}}
TAGS: dict[str, Any] = {"tags": {"type": "dict", "aliases": ["resource_tags"]}, "purge_tags": {"type": "bool", "default": True}}
OWNER: dict[str, Any] = {"owner": {"type": "dict", "default": {}}, "adopt": {"type": "bool", "default": False}}
WAIT: dict[str, Any] = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 3600},
    "wait_delay": {"type": "float", "default": 10.0},
}

SAID = {
    NAME: "1 to 100 letters, digits, - and _, beginning with a letter or digit",
    GROUP_NAME: "1 to 63 letters, digits, - and _, beginning with a letter or digit",
    VERSION: "a minor version of Kubernetes such as 1.36, in quotes",
    ROLE_ARN: "the ARN of an IAM role such as arn:aws:iam::123456789012:role/name",
    NAMESPACE: "a Kubernetes namespace: at most 63 lower-case letters, digits and -",
    SERVICE_ACCOUNT: "a Kubernetes service account: at most 253 lower-case letters, digits, - and .",
}


def name_problems(params: dict[str, Any], **rules: re.Pattern[str]) -> list[str]:
    """Options that do not match AWS's formats, each as one sentence."""
    return [
        f"{option} is {params[option]!r}; accepted: {SAID[rule]}"
        for option, rule in rules.items()
        if params.get(option) is not None and not rule.fullmatch(str(params[option]))
    ]


def tag_problems(tags: dict[str, Any] | None, option: str = "tags") -> list[str]:
    """EKS's limits for tags: 50, keys of 1 to 128 characters, values of at most 256, no prefix aws:."""
    found = [f"{option} has {len(tags)} tags; accepted: at most 50"] if tags and len(tags) > 50 else []
    for key, value in (tags or {}).items():
        if not 1 <= len(str(key)) <= 128 or str(key).lower().startswith("aws:") or len(str(value)) > 256:
            found.append(f"{option} has {key!r}; accepted: keys of 1 to 128 characters without the prefix aws:, values of at most 256")
    return found


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Without unset keys."""
    return {key: value for key, value in values.items() if value is not None}


def said(values: Mapping[str, Any], key: str) -> Any:
    """A variable's value; None if it is unset. Ansible's templates turn that into an empty string."""
    return None if values.get(key) in (None, "") else values[key]


def said_bool(values: Mapping[str, Any], key: str) -> bool | None:
    value = said(values, key)
    return None if value is None else bool(boolean(value, strict=False))


@dataclass
class Change:
    """What differs, in terms of the options, and which tags to change."""

    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    tags_to_set: dict[str, str] = field(default_factory=dict)
    tags_to_remove: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.before or self.after)

    def differs(self, key: str, before: Any, after: Any) -> bool:
        if before == after:
            return False
        self.before[key], self.after[key] = before, after
        return True

    def compare_tags(self, wanted: dict[str, str] | None, live: dict[str, str], purge: bool) -> None:
        self.tags_to_set, self.tags_to_remove = tag_changes(wanted, live, purge)
        after = {key: value for key, value in {**live, **self.tags_to_set}.items() if key not in self.tags_to_remove}
        self.differs("tags", live, after)

    def apply_tags(self, aws: Aws, arn: str) -> None:
        if self.tags_to_remove:
            aws.call("eks", "untag_resource", resourceArn=arn, tagKeys=self.tags_to_remove)
        if self.tags_to_set:
            aws.call("eks", "tag_resource", resourceArn=arn, tags=self.tags_to_set)

    def as_diff(self) -> dict[str, Any]:
        return {"before": self.before, "after": self.after}


def text_tags(tags: dict[str, Any] | None) -> dict[str, str] | None:
    return None if tags is None else {str(key): str(value) for key, value in tags.items()}


def refuse_foreign(params: dict[str, Any], what: str, live: dict[str, Any] | None) -> None:
    """An existing resource without the owner's tags is not ours, unless it is adopted."""
    owner = text_tags(params["owner"]) or {}
    if live is None or params["adopt"] or owner.items() <= (live.get("tags") or {}).items():
        return
    said = ", ".join(f"{key}={value}" for key, value in owner.items())
    raise Refused(f"{what} does not carry the tag {said}, so this collection does not manage it; leave it to its owner, or take it over with adopt: true")


def wanted_tags(params: dict[str, Any]) -> tuple[dict[str, str] | None, bool]:
    """The desired tags, including the owner's, and whether to remove others. Unset tags are no reason to remove any."""
    tags, owner = text_tags(params["tags"]), text_tags(params["owner"]) or {}
    return ({**(tags or {}), **owner} if owner else tags), params["purge_tags"] and tags is not None
