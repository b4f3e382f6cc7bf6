# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Find a file that comes with this collection."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bundled_file
author: The meshgate authors (@meshgate)
short_description: Find a file that comes with this collection
version_added: "0.1.0"
description:
  - Returns the path of a file of this collection, wherever it is installed. An inventory has no other way to refer to one.
options:
  _terms:
    description: Paths relative to the collection's directory.
    required: true
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Print the path of the emulated AWS's credentials
  ansible.builtin.debug:
    msg: "{{ lookup('meshgate.eks_istio.bundled_file', 'roles/aws_emulator/files/credentials') }}"
"""

RETURN = r"""
_raw:
  description: The absolute paths, in the requested order.
  type: list
  elements: path
"""

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

COLLECTION = Path(__file__).parents[2]


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        found = [COLLECTION / term for term in terms]
        missing = [str(path) for path in found if not path.is_file()]
        if missing:
            raise AnsibleLookupError(f"this collection has no {', '.join(missing)}")
        return [str(path) for path in found]
