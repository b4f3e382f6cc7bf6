#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: plain_text
author: The meshgate authors (@meshgate)
short_description: Print text as it is
version_added: "0.1.0"
description:
  - Prints lines as they are, so that a command among them can be copied. M(ansible.builtin.debug) prints a value as YAML or JSON, quoted and wrapped.
  - Control characters are left out, so that text of others can neither move the cursor nor hide other lines.
options:
  text:
    description: What to print, of any number of lines.
    type: str
    required: true
attributes:
  check_mode:
    description: Prints in check mode, too.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
"""

EXAMPLES = r"""
- name: Print how to try it
  meshgate.eks_istio.plain_text:
    text: |
      try    curl -s -H "Host: shop.example.com" http://127.0.0.1:8080/
"""

RETURN = r"""
msg:
  description: What was printed.
  returned: always
  type: str
"""
