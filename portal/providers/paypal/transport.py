"""One HTTP call to PayPal: sent, bounded, logged, and turned into a body or one of the port's two errors.

No retry, no redirect and no link is ever followed: what to do after an unknown outcome is the
engine's decision (cancellation.md rule 5), and a bearer token goes to our own base URL only (FACTS.md 1.1).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import structlog
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, ReadTimeoutError

from portal import metrics
from portal.clock import utc_now
from portal.domain.json_objects import without_doubles
from portal.providers.paypal import errors
from portal.providers.paypal.addresses import LOOPBACK
from portal.providers.paypal.connections import Bounded

CONNECT: Final = 3.05  # seconds (cancellation.md rule 2)
PIECE: Final = 16 * 1024  # bytes of one turn
LARGEST: Final = 2 * 1024 * 1024  # bytes of a body, decoded; a page of twenty subscriptions is below 100 KiB

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Call:
    """What to ask. `operation` and `provider_id` are what the log says of it; bodies are never logged."""

    operation: str
    method: str
    path: str
    provider_id: str = ""
    query: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    json: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    form: Mapping[str, str] | bytes | None = field(default=None, repr=False)  # may hold a password
    expected: int = 200  # the one status that is success; another 2xx is not an answer of PayPal's
    repeated: int | None = None  # the status of a success that PayPal gave before, where a call has a request id


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A success: the JSON object (empty for 204) and the debug id."""

    body: Mapping[str, Any]
    debug_id: str


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """An HTTP answer, whole; `raw` is None when it was larger than anything PayPal sends."""

    status: int
    headers: Mapping[str, str]
    raw: bytes | None
    milliseconds: int


def new_session(base_url: str) -> requests.Session:
    """Return a session that keeps no cookie, bounds every answer's head, and ignores proxies for a simulator here."""
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"Accept": "application/json", "User-Agent": "subscription-portal"})
    for scheme in ("http://", "https://"):
        session.mount(scheme, Bounded())
    session.trust_env = urlsplit(base_url).hostname not in LOOPBACK
    return session


def send(http: requests.Session, base_url: str, call: Call, *, auth: AuthBase, patience: float) -> Answer:
    """Make the call and return its success; raise GatewayRefused or GatewayUnavailable otherwise.

    `patience` is how long, in seconds, the answer's head may take in all, and the longest silence of its body.
    """
    arrived = fetch(http, base_url + call.path, call, auth=auth, patience=patience)
    body = json_object(arrived.raw)
    debug_id = errors.word(arrived.headers.get("PayPal-Debug-Id")) or errors.word((body or {}).get("debug_id"))
    note(call, arrived, debug_id=debug_id)
    return _judge(call, arrived, body, debug_id=debug_id)


def fetch(
    http: requests.Session, address: str, call: Call, *, auth: AuthBase | None = None, patience: float
) -> Arrived:
    """Make one bounded call to exactly this address and return what came, whatever its status.

    Raises GatewayUnavailable when no whole answer came; the caller writes the log line of one that did (`note`).
    """
    started = time.monotonic()
    try:
        answer = http.request(
            call.method,
            address,
            params=call.query,
            json=call.json,
            data=call.form,
            headers=call.headers,
            auth=auth or _keyless,
            timeout=(min(CONNECT, patience), patience),
            allow_redirects=False,
            stream=True,
        )
        with answer:
            raw = read(answer, largest=LARGEST, seconds=2 * patience)
    except (requests.RequestException, HTTPError) as error:
        # `from None`: the cause carries the request, and with it the token.
        why = "timeout" if isinstance(error, (requests.Timeout, ReadTimeoutError)) else "network"
        _log(call, _since(started), status=None, error=type(error).__name__)
        raise errors.unavailable(f"{call.operation}: {why}") from None
    return Arrived(status=answer.status_code, headers=answer.headers, raw=raw, milliseconds=_since(started))


def note(call: Call, arrived: Arrived, *, debug_id: str = "", error: str = "") -> None:
    """Write the one log line of a call that was answered; `error` is a code of PayPal's, never a text."""
    _log(call, arrived.milliseconds, status=arrived.status, debug_id=debug_id, error=error)


def _judge(call: Call, answer: Arrived, body: dict[str, Any] | None, *, debug_id: str) -> Answer:
    status = answer.status
    if status in (call.expected, call.repeated):
        if status in (202, 204):  # taken: what a body would say does not matter
            return Answer(body=body or {}, debug_id=debug_id)
        if body is not None:
            return Answer(body=body, debug_id=debug_id)
        raise errors.unavailable(f"{call.operation}: not a JSON object", status=status, debug_id=debug_id)
    if status == 429:
        raise errors.rate_limited(answer.headers.get("Retry-After"), now=utc_now(), debug_id=debug_id)
    # A 4xx that is not JSON comes from something between PayPal and us, so it decides nothing.
    if 400 <= status < 500 and status != 408 and body is not None:
        raise errors.refused(status, body, debug_id=debug_id)
    raise errors.unavailable(f"{call.operation}: answer {status}", status=status, debug_id=debug_id)


def download(
    http: requests.Session, url: str, *, patience: float, largest: int, seconds: float
) -> tuple[int, bytes | None]:
    """Return the status of a file's address, and the file where it answers 200; None for one too large or too slow.

    No redirect is followed. `patience` is for a silence, `seconds` for the whole. Errors of the libraries pass through.
    """
    with http.get(
        url, timeout=(CONNECT, patience), allow_redirects=False, stream=True, headers={"Accept": "*/*"}
    ) as answer:
        if answer.status_code != 200:
            return answer.status_code, None
        return 200, read(answer, largest=largest, seconds=seconds)


def read(answer: requests.Response, *, largest: int, seconds: float) -> bytes | None:
    """Return the whole body, decoded; None when it is larger than `largest` bytes or still comes after `seconds`.

    Each turn takes what is there, so that a body that trickles cannot hold the clock up.
    """
    raw, until = bytearray(), time.monotonic() + seconds
    while piece := answer.raw.read1(PIECE, decode_content=True):
        raw += piece
        if len(raw) > largest or time.monotonic() > until:
            return None
    return bytes(raw)


def json_object(raw: bytes | None) -> dict[str, Any] | None:
    """Return the JSON object in `raw`; None for anything else, however deep, huge, doubled or broken."""
    try:
        body = json.loads(raw or b"", parse_float=Decimal, object_pairs_hook=without_doubles)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _keyless(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add no credentials: without a word on them, requests would look into the machine's netrc file."""
    return request


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _log(call: Call, milliseconds: int, *, status: int | None, debug_id: str = "", error: str = "") -> None:
    metrics.paypal_call(call.operation, status, error, milliseconds / 1000)
    level = log.info if status is not None and status < 400 and not error else log.warning
    level(
        "paypal call",
        operation=call.operation,
        provider_id=call.provider_id,
        status=status,
        debug_id=debug_id,
        milliseconds=milliseconds,
        **({"error": error} if error else {}),
    )
