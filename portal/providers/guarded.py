"""Calls to addresses that merchants enter: public https alone, each name resolved once, and never for long.

An address that leads inside, at the first look or the second, is refused before a byte is sent (CWE-918).  No redirect
is followed, nothing of the environment is used (proxies, a file's passwords), and an answer has a size and a time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final

import requests
from ssrfguard import Policy, SSRFGuardError
from ssrfguard.requests import Session
from urllib3.exceptions import HTTPError

PATIENCE: Final = (3.0, 3.0)  # seconds to connect, and between two pieces of an answer
LONGEST: Final = 8.0  # seconds for a whole answer: somebody waits
MOST: Final = 256 * 1024  # bytes
PIECE: Final = 16 * 1024
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


def session(allow_loopback: bool = False) -> Session:
    """Return a session that reaches public https; in the demo and the tests also plain http on this machine."""
    policy = Policy(allowed_schemes=frozenset({"https"}), allowed_ports=frozenset({443}))
    if allow_loopback:
        policy = Policy(
            allowed_schemes=frozenset({"https", "http"}),
            allowed_networks=LOOPBACK,
            allowed_ports=frozenset(range(1, 65536)),
        )
    made = Session(policy=policy)
    made.trust_env = False
    made.headers["User-Agent"] = "portal"
    return made


def ask(through: Session, method: str, url: str, **more: Any) -> Answered:
    """Send one request and read its answer; raise NotReached (Forbidden, TooLarge among them) without one."""
    until = time.monotonic() + LONGEST
    try:
        with through.request(method, url, timeout=PATIENCE, allow_redirects=False, stream=True, **more) as answer:
            body = b""
            while piece := answer.raw.read1(PIECE, decode_content=True):
                body += piece
                if len(body) > MOST:
                    raise TooLarge
                if time.monotonic() > until:
                    raise NotReached("too slow")
            return Answered(answer.status_code, body)
    except SSRFGuardError as refusal:
        raise Forbidden(type(refusal).__name__) from refusal
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        raise NotReached(type(error).__name__) from error
