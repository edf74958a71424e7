"""Connections whose answer's head has to come whole within the patience of the call.

A socket's own limit begins anew with every byte: a head that trickles would hold a visitor's page, or a worker, for as
long as the other side likes.
"""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class _Head(io.RawIOBase):
    """Reads a socket: until the head is there, each turn gets only what is left of the whole time."""

    def __init__(self, sock: socket.socket, seconds: float | None) -> None:
        self._sock, self._seconds = sock, seconds
        self._file = sock.makefile("rb", buffering=0)  # keeps the socket open as long as the answer is read
        self._until = time.monotonic() + seconds if seconds is not None else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._until is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer's head took too long")
            self._sock.settimeout(left)
        return self._file.readinto(buffer)

    def complete(self) -> None:
        """Go back to the socket's own limit, of a silence: what follows is the body, which its reader bounds."""
        self._until = None
        self._sock.settimeout(self._seconds)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp.close()
        self._head = _Head(sock, sock.gettimeout())
        self.fp = io.BufferedReader(self._head)

    def begin(self) -> None:
        super().begin()
        self._head.complete()


class _Plain(HTTPConnection):
    response_class = _Response


class _Encrypted(HTTPSConnection):
    response_class = _Response


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _EncryptedPool(HTTPSConnectionPool):
    ConnectionCls = _Encrypted


class Bounded(HTTPAdapter):
    """A session's way to these connections, through a proxy too."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _EncryptedPool}

    def proxy_manager_for(self, *arguments: Any, **named: Any) -> Any:
        """Make the pools of connections by way of a proxy."""
        manager = super().proxy_manager_for(*arguments, **named)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _EncryptedPool}
        return manager
