# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manifests as text, as a template hands them over."""

from __future__ import annotations

from typing import Any

import yaml

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.stream import yaml_stream

MANIFEST = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": "shop", "labels": {"app": "one"}}, "data": {"a": "y"}}


class FromATemplate(dict[str, Any]):
    """As Ansible's: it leads to the templar, the loader and the variables of the run, all of which a deep copy would copy."""

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        raise AssertionError("the variables of the run are copied")


def test_what_a_template_gives_is_written_without_copying_the_variables_of_the_run() -> None:
    (written,) = yaml.safe_load_all(yaml_stream([FromATemplate(MANIFEST)], {"meshgate.io/set": "shop"}))
    assert written["data"] == {"a": "y"}
    assert written["metadata"]["labels"] == {"app": "one", "meshgate.io/set": "shop"}
