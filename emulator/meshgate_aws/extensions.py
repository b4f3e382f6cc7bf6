# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every extension of moto, installed before moto creates its first backend."""

from __future__ import annotations

import re

_installed = False


def install() -> None:
    global _installed
    if _installed:
        return
    _installed = True
    from moto.core.responses import BaseResponse

    # A region is searched in the host, not in the path: an SSO role's ARN has sso.amazonaws.com in it.
    BaseResponse.region_regex = re.compile(r"^https?://[^/]*\.(?P<region>[^./]+)\.amazonaws\.com(:\d+)?(/|$)")
    from . import acm, ec2, ec2_connect, ec2_tokens, ecr, edge, iam, logs, pages, quotas, route53, sts, tagging
    from .eks import service as eks
    from .elbv2 import service as elbv2

    for service in (ec2, ec2_connect, ec2_tokens, pages, iam, sts, eks, elbv2, edge, ecr, logs, quotas, acm, route53, tagging):
        service.install()
