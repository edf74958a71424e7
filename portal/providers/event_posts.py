"""Bring an event to an address that a merchant entered: https, a public address, one try, no redirect, bounded.

The name is resolved once, every answer is checked, and the connection is made to one that was (`ssrfguard`), so that a
name that leads inside at the second look leads nowhere.  Requests are sent by the adapter alone, not by a session:
no cookies, no proxies, no password files, and nothing of a redirect is read.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, cast

import requests
from ssrfguard import Policy, Resolver, SSRFGuardError
from ssrfguard.requests import SafeAdapter
from urllib3.exceptions import HTTPError

from portal.clock import utc_now
from portal.domain.outgoing_events import Fault
from portal.providers.waits import asked_seconds

CONNECTING: Final = 5.0  # seconds
READING: Final = 10.0  # between two pieces of an answer
WHOLE: Final = 15.0
MOST: Final = 64 * 1024  # bytes of an answer that are read
PIECE: Final = 16 * 1024
PORTS: Final = frozenset({443, 8443})


@dataclass(frozen=True, kw_only=True)
class Posted:
    """What was answered. `retry_after` is in seconds, where the receiver asks for a wait."""

    status: int
    answer: bytes
    retry_after: int | None = None


class NotPosted(Exception):
    """Nothing was answered."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class EventPosts(Protocol):
    """Brings one event to one address."""

    takes_loopback: bool  # the demo and the tests: http to this machine is an address too

    def post(self, address: str, *, headers: Mapping[str, str], body: bytes) -> Posted:
        """Post it once; raise NotPosted where there was no answer."""


class HttpEventPosts:
    """Over HTTP. Each thread keeps its own connections."""

    def __init__(
        self,
        *,
        loopback: bool = False,
        trust: Path | None = None,
        resolver: Resolver | None = None,
        whole: float = WHOLE,
    ) -> None:
        """`loopback` also takes this machine, on any port; `trust` holds roots in place of the public ones."""
        self.takes_loopback = loopback
        here = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
        self._policy = Policy(
            allowed_schemes=frozenset({"https", "http"} if loopback else {"https"}),
            allowed_networks=here if loopback else (),
            allowed_ports=frozenset(range(1, 65536)) if loopback else PORTS,
            max_connection_attempts=2,
        )
        self._verify: bool | str = str(trust) if trust is not None else True
        self._resolver = resolver
        self._whole = whole
        self._own = threading.local()

    def post(self, address: str, *, headers: Mapping[str, str], body: bytes) -> Posted:
        """Post it once; raise NotPosted where there was no answer."""
        deadline = time.monotonic() + self._whole
        try:
            self._policy.check_url(address)
            request = requests.Request("POST", address, headers=dict(headers), data=body).prepare()
            return self._send(request, deadline)
        except SSRFGuardError:
            raise NotPosted(Fault.NOT_PUBLIC) from None
        except requests.exceptions.SSLError:
            raise NotPosted(Fault.CERTIFICATE) from None
        except (requests.exceptions.RequestException, HTTPError, OSError, ValueError) as error:
            timed_out = isinstance(error, requests.exceptions.Timeout) or time.monotonic() >= deadline
            raise NotPosted(Fault.TIMEOUT if timed_out else Fault.UNREACHABLE) from None

    def _send(self, request: requests.PreparedRequest, deadline: float) -> Posted:
        adapter = self._adapter()
        with adapter.until(deadline):
            timeout = (CONNECTING, min(READING, self._whole))
            try:
                answer = adapter.send(request, stream=True, timeout=timeout, verify=self._verify)
            except requests.exceptions.ConnectionError:
                if not adapter.was_reused:
                    raise
                # The receiver had closed what was kept open: that is no try of theirs.
                answer = adapter.send(request, stream=True, timeout=timeout, verify=self._verify)
            with answer:
                text = _read(answer)
                wait = asked_seconds(answer.headers.get("Retry-After"), now=utc_now())
                return Posted(status=answer.status_code, answer=text, retry_after=wait)

    def _adapter(self) -> _Adapter:
        found: _Adapter | None = getattr(self._own, "adapter", None)
        if found is None:
            found = _Adapter(policy=self._policy, resolver=self._resolver, pool_connections=32, pool_maxsize=1)
            self._own.adapter = found
        return found


def _read(answer: requests.Response) -> bytes:
    """Read so much of the answer; one that breaks off has still said its status."""
    text = bytearray()
    with suppress(HTTPError, OSError):
        while len(text) < MOST and (piece := answer.raw.read(min(PIECE, MOST - len(text)), decode_content=False)):
            text += piece
    return bytes(text)


class _Adapter(SafeAdapter):
    """Of one thread: knows the connection that it uses, and cuts it when the time for the whole is over.

    A timeout of a socket counts from the last byte: whoever sends one each second would hold it for ever.
    """

    in_use: Any = None
    was_reused = False

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Let each connection say that it is the one in use."""
        super().init_poolmanager(*args, **kwargs)
        for pool in self.poolmanager.pool_classes_by_scheme.values():
            pool.ConnectionCls = _told(pool.ConnectionCls, self)

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Cut what is in use at that moment."""
        self.in_use, self.was_reused = None, False
        timer = threading.Timer(max(0.0, deadline - time.monotonic()), self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        sock = self.in_use
        if sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not the TLS one, which would lose its state


def _told(connection: type[Any], adapter: _Adapter) -> type[Any]:
    class Told(connection):  # type: ignore[misc]
        is_new = True

        def _new_conn(self) -> socket.socket:
            self.is_new, adapter.in_use = True, None
            adapter.in_use = super()._new_conn()
            return cast(socket.socket, adapter.in_use)

        def connect(self) -> None:
            super().connect()
            adapter.in_use = self.sock

        def putrequest(self, *args: Any, **kwargs: Any) -> None:
            adapter.in_use = self.sock or adapter.in_use
            adapter.was_reused, self.is_new = not self.is_new, False
            super().putrequest(*args, **kwargs)

    return Told
