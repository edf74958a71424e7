"""The worker's figures, at an address of its own: its jobs, calls to PayPal and mails, and what the database says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CONTENT_TYPE_LATEST

from portal.domain.merchants.scrapers import shows_token
from portal.services.metrics import Figures

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from portal.services.context import Context


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = 10  # seconds for a request to come

    def log_message(self, *_about: Any) -> None:
        """Write nothing: its own log prints what was asked."""


def telling(
    context: Context, address: tuple[str, int] | None, tokens: Iterable[str], folder: Path
) -> AbstractContextManager[None]:
    """Tell the figures at that address while the block runs; raise OSError where it cannot be listened at."""
    return nullcontext() if address is None else _served(application(context, tuple(tokens), folder), address)


def application(context: Context, tokens: tuple[str, ...], folder: Path) -> Callable[..., Iterable[bytes]]:
    """Return what answers: the figures to who shows a token, 401 to anybody else, whatever was asked."""
    figures = Figures(context, folder)

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if not shows_token(environ.get("HTTP_AUTHORIZATION", ""), tokens):
            start("401 Unauthorized", [("WWW-Authenticate", "Bearer"), ("Content-Length", "0")])
            return []
        start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST), ("Cache-Control", "no-store")])
        return [figures.exposition()]

    return answer


@contextmanager
def _served(answer: Callable[..., Iterable[bytes]], address: tuple[str, int]) -> Iterator[None]:
    with make_server(*address, answer, server_class=_Server, handler_class=_Handler) as server:
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
