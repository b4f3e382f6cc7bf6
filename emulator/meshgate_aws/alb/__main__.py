# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""`python3 -m meshgate_aws.alb`: the emulated Application Load Balancer's data path.

In its container it starts as root with the capabilities NET_ADMIN (routes to the pods, with --manage-routes, by `ip`),
SETUID and SETGID (Envoy runs as nobody), and no others:

    docker run --cap-drop ALL --cap-add NET_ADMIN --cap-add SETUID --cap-add SETGID ...

Started as another user it changes no user and Envoy runs as that same user; routes then need `ip` with the file
capability cap_net_admin+ep, because Docker gives an unprivileged process the added capabilities only through its files.
Ports 80 and 443 need no capability where net.ipv4.ip_unprivileged_port_start is 0, which is Docker's default.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
from pathlib import Path

from .api import Api
from .daemon import Daemon
from .envoy import Envoy, default_user
from .files import Files
from .layout import Layout
from .log import log
from .login.server import Logins
from .network import Routes


def main() -> None:
    parser = argparse.ArgumentParser(prog="meshgate_aws.alb", description="Data path of the emulated Application Load Balancer.")
    parser.add_argument("--api", default=os.environ.get("AWS_ENDPOINT_URL") or "http://meshgate-aws:4566", help="the emulator's address")
    parser.add_argument("--envoy", default="envoy", help="the Envoy binary")
    parser.add_argument("--envoy-user", type=int, default=default_user(), help="user and group id of Envoy, when started as root")
    parser.add_argument("--run-dir", type=Path, default=Path("/run/meshgate-alb"), help="private directory, preferably in memory: it contains keys")
    parser.add_argument("--access-log", type=Path, default=Path("/var/log/alb/access.log"))
    parser.add_argument("--address", default="0.0.0.0", help="address that listeners are bound to")
    parser.add_argument("--port-offset", type=int, default=0, help="added to each listener's port")
    parser.add_argument("--manage-routes", action="store_true", help="set routes to the pods (needs NET_ADMIN)")
    options = parser.parse_args()

    binary = shutil.which(options.envoy)
    if binary is None:
        parser.error(f"--envoy: {options.envoy} is not an executable file")
    layout = Layout(options.run_dir, options.address, options.port_offset)
    files = Files(layout, options.envoy_user)
    envoy = Envoy(binary, layout, options.envoy_user)
    logins = Logins(layout.login_socket)
    files.share(layout.login_socket, 0o660)
    daemon = Daemon(Api(options.api), envoy, files, layout, options.access_log, Routes() if options.manage_routes else None, logins)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.stop())
    log(f"following {options.api}")
    daemon.run()
    log("stopped")


if __name__ == "__main__":
    main()
