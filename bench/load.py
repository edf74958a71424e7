"""Asking one address again and again over connections that are kept open, at little cost of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from bench.measures import Work

AT_ONCE: Final = 20  # requests of each connection in one unit of work


class Connection:
    """One kept connection; opened again when the server has closed it. With a body it posts JSON."""

    def __init__(self, port: int, path: str, headers: dict[str, str], *, body: bytes = b"", status: int = 200) -> None:
        if body:
            headers = headers | {"Content-Type": "application/json", "Content-Length": str(len(body))}
        method = "POST" if body else "GET"
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self._port, self._request = port, "\r\n".join(lines).encode() + body
        self._begins = f"HTTP/1.1 {status}".encode()
        self._socket: socket.socket | None = None

    def ask(self) -> int:
        """Return how many bytes the answer's body has; raise RuntimeError for an answer of another status."""
        for _ in range(2):
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=30)
            try:
                self._socket.sendall(self._request)
                return self._read(self._socket)
            except ConnectionError:  # it had been idle too long, or has served its number
                self.close()
        raise RuntimeError("the server closed two connections in a row")

    def _read(self, opened: socket.socket) -> int:
        seen = b""
        while b"\r\n\r\n" not in seen:
            seen += self._more(opened)
        head, _, body = seen.partition(b"\r\n\r\n")
        if not head.startswith(self._begins):
            raise RuntimeError(head.decode(errors="replace")[:300])
        lower = head.lower()
        length = 0
        if b"content-length:" in lower:  # none where nothing has changed (304)
            length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0])
        missing = length - len(body)
        while missing > 0:
            missing -= len(self._more(opened))
        if b"connection: close" in lower:
            self.close()
        return length

    @staticmethod
    def _more(opened: socket.socket) -> bytes:
        part = opened.recv(65536)
        if not part:
            raise ConnectionError
        return part

    def close(self) -> None:
        """Let the connection go."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None


@contextmanager
def asking(
    port: int, path: str, headers: dict[str, str], *, connections: int, body: bytes = b"", status: int = 200
) -> Iterator[Work]:
    """The work of asking for a page over so many connections at once."""
    kept = [Connection(port, path, headers, body=body, status=status) for _ in range(connections)]

    def some(connection: Connection) -> int:
        for _ in range(AT_ONCE):
            connection.ask()
        return AT_ONCE

    with ThreadPoolExecutor(connections) as pool:
        yield lambda: sum(pool.map(some, kept))
    for connection in kept:
        connection.close()
