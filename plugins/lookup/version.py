# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Read a pinned version."""

from __future__ import annotations

DOCUMENTATION = r"""
name: version
author: The meshgate authors (@meshgate)
short_description: Read a version that this collection pins
version_added: "0.1.0"
description:
  - Returns the pinned version of a program from the collection's C(versions.yml), the only place that contains versions.
  - Role defaults use it, so that no version is duplicated.
options:
  _terms:
    description: Names of programs, the keys of C(versions.yml).
    required: true
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Print the Istio version that the collection installs
  ansible.builtin.debug:
    msg: "{{ lookup('meshgate.eks_istio.version', 'istio') }}"
"""

RETURN = r"""
_raw:
  description: The pinned versions, in the requested order.
  type: list
  elements: str
  sample: ["1.31.1"]
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

VERSIONS_FILE = Path(__file__).parents[2] / "versions.yml"


@lru_cache(maxsize=1)
def pinned_versions() -> dict[str, str]:
    with VERSIONS_FILE.open(encoding="utf-8") as stream:
        return {name: str(version) for name, version in yaml.safe_load(stream).items()}


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        versions = pinned_versions()
        unknown = [term for term in terms if term not in versions]
        if unknown:
            raise AnsibleLookupError(f"no pinned version for {', '.join(unknown)}; known: {', '.join(sorted(versions))}")
        return [versions[term] for term in terms]
