# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the modules for EKS have in common."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Says what would change and changes nothing.
    support: full
  diff_mode:
    description: Shows each option that differs, before and after.
    support: full
"""

    TAGS = r"""
options:
  tags:
    description: Tags of it, at most 50. Without this option tags are left alone.
    type: dict
    aliases: [resource_tags]
  purge_tags:
    description: Whether tags that are not in O(tags) are removed.
    type: bool
    default: true
"""

    WAIT = r"""
options:
  wait:
    description: Wait until the change is carried out.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait for each step. After that the task fails, the change goes on, and the next run waits for it.
    type: int
    default: 1800
  wait_delay:
    description: Seconds between two looks while waiting. The first looks come sooner.
    type: float
    default: 10
"""
