# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which pages of other origins a browser lets ask: what a rule says of it is the same in both routing APIs."""

from __future__ import annotations

import re

# How long a browser keeps the answer. The Gateway API's own default.
MAX_AGE = "5s"
# https://gateway-api.sigs.k8s.io/reference/spec/#httpcorsfilter
ORIGIN = re.compile(r"[*]|https?://([*]|([*][.])?([a-zA-Z0-9-]+[.])*[a-zA-Z0-9-]+)(:[0-9]{1,5})?")
