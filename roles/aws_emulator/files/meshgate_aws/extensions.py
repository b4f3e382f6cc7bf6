# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every extension of moto, installed before moto creates its first backend."""

from __future__ import annotations

_installed = False


def install() -> None:
    global _installed
    if _installed:
        return
    _installed = True
    from . import acm, ec2, ec2_tokens, ecr, edge, iam, quotas, route53, sts
    from .eks import service as eks
    from .elbv2 import service as elbv2

    for service in (ec2, ec2_tokens, iam, sts, eks, elbv2, edge, ecr, quotas, acm, route53):
        service.install()
