"""Somebody else's system that is told of events: keeps what came, and answers as it is told to."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Listens at `url`; `status`, `answer`, `headers` and `wait` say what the next answers are."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.got: list[Got] = []
        self.status, self.answer, self.headers = 204, b"", dict[str, str]()
        self.wait = threading.Event()
        self.wait.set()  # cleared: nothing is answered
        handler = type("Handler", (_Handler,), {"receiver": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.got]

    def next_status(self) -> int:
        return self.status

    def stop(self) -> None:
        self.wait.set()
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver = self.receiver
        receiver.got.append(Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        receiver.wait.wait(30)
        self.send_response(receiver.next_status())
        for name, value in receiver.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(receiver.answer)))
        self.end_headers()
        self.wfile.write(receiver.answer)

    def log_message(self, *_about: Any) -> None:
        pass


@contextmanager
def receiving(certificate: Path | None = None) -> Iterator[Receiver]:
    receiver = Receiver(certificate)
    try:
        yield receiver
    finally:
        receiver.stop()
