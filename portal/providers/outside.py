"""How the installation is seen from the net: names, certificates, answers. Everything may be late, absent or nonsense.

Only looked at, for `flask check`: nothing that is read here decides anything.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import requests
from cryptography import x509

PATIENCE: Final = 5.0  # seconds for a connection, and between two pieces of an answer
LONGEST: Final = 15.0  # seconds for a look as a whole: names that nobody resolves have no limit of their own
MOST: Final = 64 * 1024  # bytes of an answer
REASONS: Final = {
    "NameResolutionError": "its name is not known",
    "gaierror": "its name is not known",
    "ConnectTimeoutError": "it does not answer in time",
    "TimeoutError": "it does not answer in time",
    "ReadTimeout": "it does not answer in time",
    "ReadTimeoutError": "it does not answer in time",
    "RemoteDisconnected": "it hung up",
    "SMTPServerDisconnected": "it hung up",
    "SMTPNotSupportedError": "it offers no TLS (STARTTLS), or no log-in",
    "BadStatusLine": "what answers speaks no HTTP",
    "ProxyError": "the proxy does not lead there",
}
Found = TypeVar("Found")


class NoAnswer(Exception):
    """Nothing that could be read; the message says why in a few words, without what was sent."""


@dataclass(frozen=True)
class Certificate:
    """What a server shows. `distrust` says why it is not believed; empty: it is."""

    last: datetime
    distrust: str


@dataclass(frozen=True)
class Answer:
    """An answer over http: its status, the server's clock (None: none that can be read), its JSON object or {}."""

    status: int
    date: datetime | None
    told: dict[str, Any]


def within(seconds: float, look: Callable[[], Found]) -> Found:
    """Return what `look` finds; raise NoAnswer when it takes longer. Who hangs is left behind, and stops nobody."""
    found: list[Found] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(look())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise NoAnswer(f"no answer within {seconds:.0f} seconds")
    return found[0]


def addresses(host: str) -> tuple[str, ...]:
    """Return where a name leads; raise NoAnswer when nobody knows."""
    try:
        rows = within(LONGEST, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise NoAnswer(reason(error)) from error
    return tuple(dict.fromkeys(str(row[4][0]) for row in rows))


def certificate(host: str, port: int, *, trust: ssl.SSLContext | None = None) -> Certificate:
    """Return the certificate that a server shows for its name; raise NoAnswer when it shows none."""
    try:
        return within(LONGEST, lambda: _shown(host, port, trust or ssl.create_default_context(), ""))
    except ssl.SSLCertVerificationError as error:
        distrust = error.verify_message or "it is not trusted"
    except (OSError, ValueError) as error:
        raise NoAnswer(reason(error)) from error
    # Once more, to read the day of one that is not believed: nothing else is sent.
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    try:
        return within(LONGEST, lambda: _shown(host, port, blind, distrust))
    except (OSError, ValueError) as error:
        raise NoAnswer(reason(error)) from error


def _shown(host: str, port: int, trust: ssl.SSLContext, distrust: str) -> Certificate:
    with (
        socket.create_connection((host, port), timeout=PATIENCE) as plain,
        trust.wrap_socket(plain, server_hostname=host) as secure,
    ):
        shown = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"")
    return Certificate(shown.not_valid_after_utc, distrust)


def ask(url: str) -> Answer:
    """Ask an address as a visitor would; raise NoAnswer when nothing that is HTTP comes back."""
    return within(LONGEST, lambda: _asked(url))


def _asked(url: str) -> Answer:
    try:
        with requests.get(
            url, timeout=PATIENCE, allow_redirects=False, stream=True, headers={"User-Agent": "portal"}
        ) as answer:
            body = answer.raw.read(MOST, decode_content=True)
            return Answer(answer.status_code, _date(answer.headers.get("Date")), _object(body))
    except (requests.RequestException, OSError, ValueError) as error:
        raise NoAnswer(reason(error)) from error


def _date(header: str | None) -> datetime | None:
    try:
        read = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def reason(error: BaseException) -> str:
    """Say in a few words what failed: the innermost error that has some, else the kind of error."""
    inner: Any = error
    while True:
        if isinstance(inner, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({inner.verify_message})"
        within_it = (getattr(inner, "reason", None), *inner.args[:2], inner.__cause__)
        below = next((one for one in within_it if isinstance(one, BaseException)), None)
        if below is None:
            break
        inner = below
    words = inner.strerror if isinstance(inner, OSError) else ""
    kind = type(inner).__name__
    return str(words or REASONS.get(kind, kind))
