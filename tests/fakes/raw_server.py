"""A server that answers any connection with the bytes it was given: what no simulator of PayPal would say."""

from __future__ import annotations

import re
import socket
import threading


class Raw:
    """Answers each connection with the bytes it was given, and keeps what was asked."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.asked = answer, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2)
                try:
                    self.asked.append(_request(connection))
                    connection.sendall(self.answer)
                except OSError:
                    continue

    def stop(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(timeout=5)


def _request(connection: socket.socket) -> str:
    """Read one whole request: head and body may come in two packets."""
    text = connection.recv(65536).decode("latin-1")
    head, _, body = text.partition("\r\n\r\n")
    length = re.search(r"Content-Length: ([0-9]+)", head)
    while length and len(body) < int(length.group(1)):
        body += connection.recv(65536).decode("latin-1")
    return f"{head}\r\n\r\n{body}"


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
