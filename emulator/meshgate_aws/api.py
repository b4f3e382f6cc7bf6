# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Start the emulated AWS: python3 -m meshgate_aws.api --host 0.0.0.0 --port 4566"""

from __future__ import annotations

import argparse
import os
import signal
import threading
from typing import Any


def create_application() -> Any:
    """The WSGI application. moto reads its settings when it is imported, so they are set before."""
    os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    # moto lets every web page read its responses.
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    # moto makes calls to itself in places; none of them may need the user's credentials or region.
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-west-2")
    from . import extensions
    from .wsgi import Application

    extensions.install()
    return Application()


def create_server(application: Any, host: str, port: int) -> Any:
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    class QuietHandler(MotoRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """The request log is at /_meshgate/requests."""

    return make_server(host, port, application, threaded=True, request_handler=QuietHandler)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4566)
    options = parser.parse_args(argv)
    # As a container's first process Python would ignore SIGTERM, and docker stop would take its 10 s. All state is in memory, so
    # nothing has to be written; an orderly exit would free thousands of modules beside the thread that still loads them, for seconds.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    application = create_application()
    server = create_server(application, options.host, options.port)
    print(f"meshgate_aws listens on {options.host}:{server.server_port}", flush=True)
    threading.Thread(target=application.warm_up, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
