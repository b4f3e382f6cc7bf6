# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the modules for EKS have in common."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Reports what would change and changes nothing.
    support: full
  diff_mode:
    description: Shows each option that differs, before and after.
    support: full
"""

    TAGS = r"""
options:
  tags:
    description: Tags of the resource, at most 50. If unset, tags are left alone.
    type: dict
    aliases: [resource_tags]
  purge_tags:
    description: Whether tags that are not in O(tags) are removed.
    type: bool
    default: true
"""

    OWNER = r"""
options:
  owner:
    description: Tags that an existing resource must carry to be changed or removed, and that a new one gets. If unset, any resource is changed.
    type: dict
    default: {}
  adopt:
    description: Adopt a resource that does not carry O(owner). It then gets these tags.
    type: bool
    default: false
"""

    WAIT = r"""
options:
  wait:
    description: Wait until the change is complete.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait for each step. On timeout the task fails, the change continues, and the next run waits for it.
    type: int
    default: 3600
  wait_delay:
    description: Seconds between two polls while waiting. The first polls come sooner.
    type: float
    default: 10
"""
