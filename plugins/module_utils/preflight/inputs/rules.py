# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the rules of all roles share: the wording of a refusal, and rules for variables of several roles."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...kube import container_resources
from ...toolchain.catalog import read_versions

RELEASE = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
SHA256 = re.compile(r"[0-9a-f]{64}")
# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
LABEL_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
# URLs whose content cannot be changed in transit.
THIS_MACHINE = re.compile(r"http://(127(\.[0-9]+){3}|localhost)(:[0-9]+)?(/|$)")
# The cluster's and Istio's own namespaces.
NOT_FOR_APPS = re.compile(r"kube-.*|default|istio-system")
LOCAL_IMAGES = "meshgate.local"
EKS_ENDPOINT = re.compile(r"\.eks\.amazonaws\.com")
PASSWORD = re.compile(r"//[^/@\s'\"]+@")
MOST_TAGS = 50
COLLECTION = Path(__file__).resolve().parents[4]


class Rules:
    """Collects the problems of variables, each as one sentence with variable, value and what is accepted."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.found: list[str] = []

    def text(self, name: str) -> str:
        value = self.given.get(name)
        return "" if value is None else str(value)

    def number(self, name: str) -> float:
        return float(self.given.get(name) or 0)

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.given.get(name)
        return dict(value) if isinstance(value, Mapping) else {}

    def sequence(self, name: str) -> list[Any]:
        value = self.given.get(name)
        return list(value) if isinstance(value, (list, tuple)) else []

    def said(self, name: str) -> bool:
        """Whether the value differs from the role's default, which needs no check."""
        names = getattr(self.given, "said", None)
        return names is None or name in names

    def fact(self, name: str, *path: str) -> Any:
        """A fact of a role, None if it did not run, or did not set it."""
        value = self.given.get(name)
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def refuse(self, names: str, value: Any, accepted: str) -> None:
        verb = "are" if ", " in names else "is"
        self.found.append(f"{names} {verb} {shown(value)}; accepted: {accepted}")

    def need(self, right: bool, name: str, accepted: str) -> None:
        if not right:
            self.refuse(name, self.given.get(name), accepted)

    def need_all(self, right: bool, names: Iterable[str], accepted: str) -> None:
        """A rule about several variables, which are shown together."""
        if not right:
            listed = list(names)
            self.found.append(f"{', '.join(listed)} are {', '.join(plain(self.given.get(name)) for name in listed)}; accepted: {accepted}")

    def like(self, name: str, pattern: re.Pattern[str], accepted: str, empty: bool = False) -> None:
        self.need((empty and not self.text(name)) or bool(pattern.fullmatch(self.text(name))), name, accepted)

    def each_like(self, name: str, pattern: re.Pattern[str], accepted: str) -> None:
        """A list is shown with only its wrong elements."""
        wrong = [one for one in self.sequence(name) if not pattern.fullmatch(str(one))]
        if wrong:
            self.refuse(name, wrong, accepted)


def shown(value: Any) -> str:
    """A value as shown in a refusal, without the password of a URL."""
    return PASSWORD.sub("//", repr(value))


def plain(value: Any) -> str:
    return PASSWORD.sub("//", str(value))


def truth(value: Any) -> bool:
    """As the filter bool does: with -e, true is a string."""
    return str(value).lower() in ("true", "yes", "on", "1", "y", "t")


def cluster_exists(rules: Rules) -> bool:
    """Whether the facts of a cluster, and the tools for it, must exist already."""
    exists = rules.fact("eks_cluster_facts", "exists")
    return True if exists is None else truth(exists)


def on_aws(rules: Rules) -> bool:
    """Nodes on AWS pull from registries. Only nodes that role kind_cluster created have images of meshgate.local."""
    return truth(rules.given.get("platform_billed")) or bool(EKS_ENDPOINT.search(str(rules.fact("eks_cluster_facts", "endpoint") or "")))


def programs(rules: Rules, promised: bool = True, **tools: str) -> None:
    """Programs by variable, given by the user or searched on the PATH, that do not exist.

    `promised`: those that role toolchain may still provide.
    """
    missing = {name: rules.text(name) for name, tool in tools.items() if not _is_had(rules, promised, tool, rules.text(name))}
    if missing:
        what = "programs that exist" if len(tools) > 1 else "a program that exists"
        listed = ", ".join(missing.values())
        verb = "are" if len(missing) > 1 else "is"
        rules.found.append(
            f"{', '.join(missing)} {verb} {listed}; accepted: {what}, by path or on the PATH; role toolchain provides those in toolchain_components"
        )


def _is_had(rules: Rules, promised: bool, tool: str, name: str) -> bool:
    made = rules.fact("toolchain_facts", tool)
    components = rules.given.get("toolchain_components")
    later = promised and not made and name == tool and (components is None or tool in components)
    return later or (bool(name) and name == made) or is_program(name)


def is_program(name: str) -> bool:
    return bool(name) and any(os.path.isfile(os.path.join(folder, name)) for folder in os.environ.get("PATH", "").split(os.pathsep))


def is_private(address: str) -> bool:
    """Whether a download from there cannot be changed in transit."""
    return not address.startswith("http://") or bool(THIS_MACHINE.match(address))


def check_tags(rules: Rules, name: str) -> None:
    """AWS's limits for tags of most of its services."""
    given = rules.mapping(name)
    if len(given) > MOST_TAGS:
        rules.refuse(name, len(given), f"at most {MOST_TAGS} tags")
    wrong = {
        key: value
        for key, value in given.items()
        if not 1 <= len(str(key)) <= 128 or str(key).lower().startswith("aws:") or len(plain(value)) > 256 or isinstance(value, (dict, list))
    }
    if wrong:
        rules.refuse(name, wrong, "tags with keys of 1 to 128 characters that do not begin with aws:, and with values of at most 256")


def check_labels(rules: Rules, name: str) -> None:
    wrong = {key: value for key, value in rules.mapping(name).items() if not LABEL_KEY.fullmatch(str(key)) or not is_label_value(value)}
    if wrong:
        rules.refuse(name, wrong, "Kubernetes labels, such as {team: mesh}, with string values (in quotes where YAML would read another type)")


def check_resources(rules: Rules, *names: str) -> None:
    """Of containers. The defaults are right."""
    for name in filter(rules.said, names):
        rules.found.extend(container_resources.problems(name, rules.mapping(name)))


def is_label_value(value: Any) -> bool:
    return isinstance(value, str) and bool(LABEL_VALUE.fullmatch(value))


def check_annotations(rules: Rules, name: str) -> None:
    wrong = {key: value for key, value in rules.mapping(name).items() if not LABEL_KEY.fullmatch(str(key)) or not isinstance(value, str)}
    if wrong:
        rules.refuse(name, wrong, "Kubernetes annotations, with string values (in quotes where YAML would read another type)")


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    return read_versions(str(COLLECTION))


def pinned(program: str) -> str:
    """The version that this collection is made for, as the lookup `version` gives it."""
    return _versions()[program]
