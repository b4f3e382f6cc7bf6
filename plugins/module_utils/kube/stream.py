# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manifests as text, for other tools."""

from __future__ import annotations

import json
from contextlib import suppress

from ..common.safe_yaml import Dumper
from .apply_set import labelled
from .objects import Manifest

with suppress(ImportError):  # see safe_yaml
    import yaml


def yaml_text(document: Manifest) -> str:
    """A file in a ConfigMap, in the order in which it was written."""
    return str(yaml.dump(json.loads(json.dumps(document)), Dumper=Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=160))


def yaml_stream(manifests: list[Manifest], labels: dict[str, str]) -> str:
    """Labelled as the set, sorted within each document, and as plain values without Ansible's tags."""
    # Plain first: a template's list holds on to all variables of the run, and a copy of it would copy these, too.
    plain, marks = json.loads(json.dumps([manifests, labels]))
    return str(yaml.dump_all(labelled(plain, marks), Dumper=Dumper, sort_keys=True, explicit_start=True, default_flow_style=False, allow_unicode=True))
