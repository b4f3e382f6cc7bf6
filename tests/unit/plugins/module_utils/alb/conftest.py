# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What tests of load balancers share."""

from load_balancer_rig import aws

__all__ = ["aws"]
