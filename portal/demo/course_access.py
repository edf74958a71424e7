"""What a course site does with the portal: ask who may open what, keep the answer, forget it when it is told to.

An answer is used for a minute, or until something opens or closes. After that it is asked again by its `ETag`: one
that did not change costs neither side much. Where the portal does not answer, what is known stays good for ten
minutes; after that nothing is open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import requests

FRESH: Final = 60  # seconds that an answer is used without asking
STALE: Final = 600  # seconds that it is used while the portal does not answer
SKEW: Final = 300  # seconds that a message may be old, or early
TIMEOUT: Final = (3, 5)  # seconds to connect, to read


class From(StrEnum):
    """Where an answer came from, for the page to say."""

    KEPT = "kept"  # asked less than a minute ago
    UNCHANGED = "unchanged"  # asked now: 304
    ASKED = "asked"  # asked now: 200
    OLD = "old"  # the portal does not answer, and this was known
    NOBODY = "nobody"  # the portal does not answer: everything is closed


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the portal said of one customer and one product: the API's object, empty where it did not answer."""

    access: Mapping[str, Any] = field(default_factory=dict)
    came: From

    def opens(self, content: str) -> bool:
        """Say whether a content of the product is open."""
        return any(one["id"] == content and one["allowed"] for one in self.access.get("contents", ()))


@dataclass(frozen=True)
class _Kept:
    etag: str
    access: Mapping[str, Any]
    at: float
    until: float  # good without asking: a minute, or until something opens or closes


class Portal:
    """The portal as a course site sees it: its API, by a key, with a small memory."""

    def __init__(self, url: str, key: str, *, now: Callable[[], float] = time.monotonic) -> None:
        self.url = url
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["Authorization"] = f"Bearer {key}"
        self._now = now
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._lock = threading.Lock()

    def list(self, what: str) -> list[dict[str, Any]]:
        """Return the first hundred of a list; empty where the portal does not answer."""
        try:
            answer = self._http.get(f"{self.url}/v1/{what}", params={"limit": 100}, timeout=TIMEOUT)
            answer.raise_for_status()
        except requests.RequestException:
            return []
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    def access(self, customer: str, product: str) -> Answer:
        """Return what a customer may open of a product."""
        pair = (customer, product)
        kept = self._kept.get(pair)
        if kept is not None and self._now() < kept.until:
            return Answer(access=kept.access, came=From.KEPT)
        try:
            answer = self._http.get(
                f"{self.url}/v1/access",
                params={"customer": customer, "product": product},
                headers={"If-None-Match": kept.etag} if kept is not None else {},
                timeout=TIMEOUT,
            )
            answer.raise_for_status()
        except requests.RequestException as error:
            return self._without(kept, error)
        if answer.status_code == 304 and kept is not None:
            self._keep(pair, kept.etag, kept.access)
            return Answer(access=kept.access, came=From.UNCHANGED)
        access: Mapping[str, Any] = answer.json()
        self._keep(pair, answer.headers["ETag"], access)
        return Answer(access=access, came=From.ASKED)

    def forget(self, customer: str | None) -> None:
        """Forget what is known of a customer, or of everybody."""
        with self._lock:
            for pair in [pair for pair in self._kept if customer in (None, pair[0])]:
                del self._kept[pair]

    def _keep(self, pair: tuple[str, str], etag: str, access: Mapping[str, Any]) -> None:
        at, change = self._now(), access.get("next_change_at")
        seconds = datetime.fromisoformat(change).timestamp() - time.time() if change else FRESH
        with self._lock:
            self._kept[pair] = _Kept(etag, access, at, at + min(FRESH, seconds))

    def _without(self, kept: _Kept | None, error: requests.RequestException) -> Answer:
        """Return what holds while there is no answer; a refusal (4xx) is one: nothing is open."""
        is_refused = error.response is not None and error.response.status_code < 500
        if kept is not None and not is_refused and self._now() - kept.at < STALE:
            return Answer(access=kept.access, came=From.OLD)
        return Answer(came=From.NOBODY)


def is_signed(secret: str, sent: Iterable[tuple[str, str]], body: bytes, *, now: float) -> bool:
    """Say whether a message is signed as Standard Webhooks 1.0.0 has it, and of these minutes.

    `secret`: `whsec_` and base64; `sent`: the headers. Signed are the id, the time and the body as it came, joined by
    dots; several signatures are separated by spaces, and one good one is enough.
    """
    headers = {name.lower(): value for name, value in sent}
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        sent_at = int(headers.get("webhook-timestamp", ""))
    except (binascii.Error, ValueError):
        return False
    if abs(now - sent_at) > SKEW:
        return False
    signed = f"{headers.get('webhook-id', '')}.{sent_at}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(one.encode(), f"v1,{expected}".encode()) for one in given)


def customer_of(event: Mapping[str, Any]) -> str | None:
    """Return whom an event is about; None where it names nobody, as one that names only a subscription."""
    data = event.get("data")
    named = data.values() if isinstance(data, dict) else ()
    return next((one for one in named if isinstance(one, str) and one.startswith("cus_")), None)
