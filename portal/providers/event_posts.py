"""Bring an event to an address that a merchant entered: https, a public address, one try, no redirect, bounded.

The name is resolved once, every answer is checked, and the connection is made to one that was (`ssrfguard`), so that a
name that leads inside at the second look leads nowhere.  Requests are sent by the adapter alone, not by a session:
no cookies, no proxies, no password files, and nothing of a redirect is read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import requests
from ssrfguard import Resolver, SSRFGuardError
from urllib3.exceptions import HTTPError

from portal.clock import utc_now
from portal.domain.integrations.outgoing_events import PORTS, Fault
from portal.providers import guarded
from portal.providers.guarded import PIECE, Adapter
from portal.providers.waits import asked_seconds

CONNECTING: Final = 5.0  # seconds
READING: Final = 10.0  # between two pieces of an answer
WHOLE: Final = 15.0
MOST: Final = 64 * 1024  # bytes of an answer that are read


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
        self._policy = guarded.policy(loopback=loopback, ports=frozenset(PORTS), max_connection_attempts=2)
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

    def _adapter(self) -> Adapter:
        found: Adapter | None = getattr(self._own, "adapter", None)
        if found is None:
            found = Adapter(policy=self._policy, resolver=self._resolver, pool_connections=32, pool_maxsize=1)
            self._own.adapter = found
        return found


def _read(answer: requests.Response) -> bytes:
    """Read so much of the answer; one that breaks off has still said its status."""
    text = bytearray()
    with suppress(HTTPError, OSError):
        while len(text) < MOST and (piece := answer.raw.read(min(PIECE, MOST - len(text)), decode_content=False)):
            text += piece
    return bytes(text)
