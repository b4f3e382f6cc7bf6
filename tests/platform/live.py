# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Fixtures of every suite that has a running platform. Each speaks as a user would: a command line, HTTP, the AWS API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from cluster import Cluster
from harness import AWS, Play, the_cluster


@pytest.fixture(scope="session")
def play() -> Play:
    return Play()


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return the_cluster()


@pytest.fixture(scope="session")
def aws() -> Callable[[str], Any]:
    """A function from a service's name to its plain boto3 client."""
    return lambda service: boto3.client(service, **AWS)
