"""The portal in the test's own process, on the test's own database: for pages that no demo shows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from werkzeug.serving import WSGIRequestHandler, make_server

from config import Config
from portal import create_app
from portal.services.context import Context


class Silent(WSGIRequestHandler):
    """Serves without a line for each request: the portal has its own."""

    def log_request(self, *_about: object) -> None:
        return


@contextmanager
def served(config: Config, ctx: Context) -> Iterator[str]:
    """Serve the portal, and give its address: a name, as passkeys need it."""
    server = make_server("localhost", 0, lambda *_request: [], threaded=True, request_handler=Silent)
    address = f"http://localhost:{server.server_port}"
    server.app = create_app(replace(config, base_url=address), replace(ctx, base_url=address))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield address
    server.shutdown()
    thread.join()
    server.server_close()
