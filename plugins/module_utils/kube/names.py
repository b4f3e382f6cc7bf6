# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Patterns for names in a cluster, in one place, so that all roles use the same."""

from __future__ import annotations

import re

# A namespace, and most things in one: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# A Service (RFC 1035): a letter first.
SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
# The hosts of a route: a name, all its subdomains, or all names. Not an address.
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
ROUTE_HOST = re.compile(rf"(?!.{{254}})(?!.*[.][0-9]+$)([*]|([*][.])?{_LABEL}([.]{_LABEL})+)")
# An image, by tag or digest: https://github.com/distribution/reference/blob/main/reference.go. Its registry may be in capitals, its repository not.
_WORDS = r"[a-z0-9]+([._-]+[a-z0-9]+)*"
IMAGE = re.compile(
    rf"(([A-Za-z0-9][-A-Za-z0-9.]*|\[[0-9a-fA-F:]+\])(:[0-9]+)?/)?{_WORDS}(/{_WORDS})*(:[A-Za-z0-9_][-A-Za-z0-9._]{{0,127}})?(@[a-z0-9+._-]+:[0-9a-f]{{32,}})?"
)
