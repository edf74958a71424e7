"""One call to the classic API: name-value pairs out and in, judged by their ACK (FACTS.md 3.1).

HTTP says 200 to everything, so ACK decides; an answer without a known ACK decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

import requests

from portal.clock import utc_now
from portal.providers.paypal import errors, transport
from portal.providers.paypal.transport import Call
from portal.providers.ports import ClassicCredentials, GatewayRefused, GatewayUnavailable, Refusal

VERSION: Final = "204.0"  # of PayPal's last own client (FACTS.md 3.1)
MOST_FIELDS: Final = 2000  # an answer has some sixty
MOST_ERRORS: Final = 20

DONE: Final = frozenset({"success", "successwithwarning"})
FAILED: Final = frozenset({"failure", "failurewithwarning"})

BY_CODE: Final[Mapping[str, Refusal]] = {
    "11556": Refusal.STATUS_INVALID,  # cancel: neither active nor suspended
    "11557": Refusal.STATUS_INVALID,  # suspend: not active
    "11558": Refusal.STATUS_INVALID,  # reactivate: not suspended
    "11552": Refusal.NOT_FOUND,  # no such profile in this account
    "11592": Refusal.NOT_FOUND,  # an old `S-` profile, which this API does not manage
}
TRY_AGAIN: Final = frozenset({"10001", "10101"})  # internal error, temporarily unavailable
# Two codes for a key: one also says that a right is missing, and only the long message tells which it is.
KEY: Final = frozenset({"10002", "10008"})
WRONG_KEY: Final = ("security header", "username", "user name", "password", "signature", "credential")
MISSING_RIGHT: Final = ("permission", "not authorized", "not allowed")


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """A success: its fields, by PayPal's names, and the debug id (CORRELATIONID)."""

    fields: Mapping[str, str]
    debug_id: str


@dataclass(frozen=True, kw_only=True)
class _Error:
    code: str
    message: str  # read for the key's two codes only; never logged, never stored


def send(
    http: requests.Session,
    address: str,
    *,
    operation: str,
    fields: Mapping[str, str],
    credentials: ClassicCredentials,
    patience: float,
) -> Pairs:
    """Post `fields` (METHOD and its arguments) with the key and return the success's fields.

    `operation` is what the log calls it; `patience` the longest silence in seconds.
    Raises GatewayRefused or GatewayUnavailable.
    """
    key = {"USER": credentials.user, "PWD": credentials.password, "SIGNATURE": credentials.signature}
    call = Call(
        operation=operation,
        method="POST",
        path="",
        provider_id=fields.get("PROFILEID", ""),
        form={**key, "VERSION": VERSION, **fields},
        headers={"Accept": "*/*"},
    )
    arrived = transport.fetch(http, address, call, patience=patience)
    answer = _pairs(arrived.raw)
    debug_id = errors.word(answer.get("CORRELATIONID"))
    found = list(_errors(answer))
    transport.note(call, arrived, debug_id=debug_id, error=found[0].code if found else "")
    if arrived.status == 429:
        raise errors.rate_limited(arrived.headers.get("Retry-After"), now=utc_now(), debug_id=debug_id)
    if arrived.status != 200:
        raise errors.unavailable(f"{operation}: answer {arrived.status}", status=arrived.status, debug_id=debug_id)
    ack = answer.get("ACK", "").strip().lower()
    if ack in DONE:
        return Pairs(fields=answer, debug_id=debug_id)
    if ack in FAILED:
        raise _decide(operation, found, debug_id=debug_id)
    raise errors.unavailable(f"{operation}: no ACK in the answer", status=200, debug_id=debug_id)


def _pairs(raw: bytes | None) -> dict[str, str]:
    """Decode the body once, as UTF-8; empty for one that is not name-value pairs."""
    try:
        read = parse_qsl((raw or b"").decode("utf-8", "replace"), errors="replace", max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
    return {name.upper(): value for name, value in reversed(read)}  # of two with one name, the first


def _errors(answer: Mapping[str, str]) -> Iterator[_Error]:
    """Yield the answer's errors in PayPal's order: L_ERRORCODE0, 1, 2 …"""
    for place in range(MOST_ERRORS):
        if code := errors.word(answer.get(f"L_ERRORCODE{place}")):
            message = f"{answer.get(f'L_SHORTMESSAGE{place}', '')} {answer.get(f'L_LONGMESSAGE{place}', '')}"
            yield _Error(code=code, message=message.lower())


def _decide(operation: str, found: list[_Error], *, debug_id: str) -> GatewayRefused | GatewayUnavailable:
    """Return what a failure stands for: the first known code decides; without one it is a defect of ours."""
    for error in found:
        if error.code in TRY_AGAIN:
            return errors.unavailable(f"{operation}: error {error.code}", status=200, debug_id=debug_id)
        refusal = _of_the_key(error) if error.code in KEY else BY_CODE.get(error.code)
        if refusal is not None:
            return GatewayRefused(refusal, http_status=200, issue=error.code, debug_id=debug_id)
    return GatewayRefused(Refusal.OTHER, http_status=200, issue=found[0].code if found else "", debug_id=debug_id)


def _of_the_key(error: _Error) -> Refusal:
    """Tell a wrong key from a missing right by the message, in a tolerant way, for PayPal may change its texts.

    Words of a key win; then words of a right.  Without either, 10008 is the security error and 10002 a right that
    is missing.  A wrong guess costs one less exact sentence: both have the key tested and the merchant told.
    """
    if any(word in error.message for word in WRONG_KEY):
        return Refusal.BAD_CREDENTIALS
    if error.code == "10002" or any(word in error.message for word in MISSING_RIGHT):
        return Refusal.FORBIDDEN
    return Refusal.BAD_CREDENTIALS
