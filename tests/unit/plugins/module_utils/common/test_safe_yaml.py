# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is written as text is read as text, by PyYAML and by the tools of Kubernetes."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.safe_yaml import Dumper
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.stream import yaml_stream


def written(value: object) -> str:
    return yaml.dump({"is": value}, Dumper=Dumper).strip()


# PyYAML quotes the second line by itself, and none of the first: https://github.com/kubernetes-sigs/yaml reads those as booleans and numbers.
@pytest.mark.parametrize(
    "text",
    [
        *("y", "n", "Y", "N", "1e3", "1E3", "1.e3", "-1e-3", "+.5", "08", "0_8", "7_E8", "-_5", "0o7", "-0o7", "0X1F", "0B1"),
        *("yes", "No", "on", "off", "1_000", "0x1f", "07", "=", "~", "null", "1:30", "2026-11-30", ""),
    ],
)
def test_a_text_that_looks_like_something_else_is_quoted(text: str) -> None:
    assert written(text) == f"is: '{text}'"


@pytest.mark.parametrize("text", ["yeti", "no-one", "5s", "100m", "1.4.2", "10.0.0.1", "v1", "e3", "_1", "product:1e3", "/1"])
def test_other_text_is_not(text: str) -> None:
    assert written(text) == f"is: {text}"


@pytest.mark.parametrize(("value", "as_written"), [(True, "true"), (8, "8"), (0.5, "0.5"), (1e300, "1.0e+300"), (None, "null")])
def test_what_is_no_text_is_not_quoted(value: object, as_written: str) -> None:
    assert written(value) == f"is: {as_written}"


def test_manifests_for_other_tools_keep_a_variables_text() -> None:
    text = yaml_stream([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"y": "n", "RATE": "1e3"}}], {"set": "on"})
    assert "  'y': 'n'\n" in text and "RATE: '1e3'" in text and "set: 'on'" in text
