"""Calls to addresses that merchants enter: public https alone, each name resolved once, and never for long.

An address that leads inside, at the first look or the second, is refused before a byte is sent (CWE-918).  No redirect
is followed, nothing of the environment is used (proxies, a file's passwords), and an answer has a size and a time.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final, cast

import requests
from ssrfguard import Policy, SSRFGuardError
from ssrfguard.requests import SafeAdapter, Session
from urllib3.exceptions import HTTPError

PATIENCE: Final = (3.0, 3.0)  # seconds to connect, and between two pieces of an answer
LONGEST: Final = 8.0  # seconds for a whole answer: somebody waits
MOST: Final = 256 * 1024  # bytes
PIECE: Final = 16 * 1024
PORTS: Final = frozenset({443})
LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class NotReached(Exception):
    """No answer that could be read."""


class Forbidden(NotReached):
    """The address leads to where nobody may be sent."""


class TooLarge(NotReached):
    """The answer is longer than anything that was asked for."""


@dataclass(frozen=True)
class Answered:
    """An answer, whatever its status."""

    status: int
    body: bytes


class Adapter(SafeAdapter):
    """Of one thread: knows the connection that it uses, and cuts it when the time for a whole answer is over.

    A timeout of a socket counts from the last byte: whoever sends one each second would hold it for ever.
    """

    in_use: Any = None
    was_reused = False  # the connection had been kept open from a call before
    deadline = 0.0

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """Let each connection say that it is the one in use."""
        super().init_poolmanager(*args, **more)
        for pool in self.poolmanager.pool_classes_by_scheme.values():
            pool.ConnectionCls = _told(pool.ConnectionCls, self)

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Cut what is in use at that moment (of `time.monotonic`)."""
        self.in_use, self.was_reused, self.deadline = None, False, deadline
        timer = threading.Timer(max(0.0, deadline - time.monotonic()), self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def check(self) -> None:
        """Raise TimeoutError when it is too late to go on."""
        if time.monotonic() > self.deadline:
            raise TimeoutError

    def _cut(self) -> None:
        if self.in_use is not None:
            with suppress(OSError):
                socket.socket.shutdown(self.in_use, socket.SHUT_RDWR)  # not the TLS one, which would lose its state


def _told(connection: type[Any], adapter: Adapter) -> type[Any]:
    class Told(connection):  # type: ignore[misc]
        is_new = True

        def _new_conn(self) -> socket.socket:
            self.is_new, adapter.in_use = True, None
            adapter.in_use = super()._new_conn()
            return cast(socket.socket, adapter.in_use)

        def connect(self) -> None:
            super().connect()
            adapter.in_use = self.sock  # the socket of before belongs to it now
            adapter.check()

        def putrequest(self, *args: Any, **more: Any) -> None:
            adapter.in_use = self.sock or adapter.in_use
            adapter.was_reused, self.is_new = not self.is_new, False
            super().putrequest(*args, **more)

    return Told


def policy(*, loopback: bool, plain: bool = False, ports: frozenset[int] = PORTS, **more: Any) -> Policy:
    """Return what may be reached: public https on these ports; with `loopback` also this machine, by http too.

    `plain`: also public http, for answers that are signed themselves.
    """
    return Policy(
        allowed_schemes=frozenset({"https", "http"} if loopback or plain else {"https"}),
        allowed_networks=LOOPBACK if loopback else (),
        allowed_ports=frozenset(range(1, 65536)) if loopback else ports | ({80} if plain else set()),
        **more,
    )


def session(allow_loopback: bool = False, *, plain: bool = False) -> Session:
    """Return a session that reaches what `policy` lets."""
    allowed = policy(loopback=allow_loopback, plain=plain)
    made = Session(policy=allowed)
    made.trust_env = False
    for scheme in ("https://", "http://"):
        made.mount(scheme, Adapter(policy=allowed))
    made.headers["User-Agent"] = "portal"
    return made


def ask(through: Session, method: str, url: str, **more: Any) -> Answered:
    """Send one request and read its answer; raise NotReached (Forbidden, TooLarge among them) without one."""
    try:
        adapter = cast(Adapter, through.get_adapter(url))
        with (
            adapter.until(time.monotonic() + LONGEST),
            through.request(method, url, timeout=PATIENCE, allow_redirects=False, stream=True, **more) as answer,
        ):
            body = b""
            while piece := answer.raw.read1(PIECE, decode_content=True):
                body += piece
                if len(body) > MOST:
                    raise TooLarge
                adapter.check()
            adapter.check()  # an answer that was cut off may look as if it had ended
            return Answered(answer.status_code, body)
    except SSRFGuardError as refusal:
        raise Forbidden(type(refusal).__name__) from refusal
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        raise NotReached(type(error).__name__) from error
