"""What went wrong, as RFC 9457 has it: one table of types, stable for good, listed in the description.

A type's last part is also its `code`.  `detail` says what is wrong with this very call, and the way on; it is for
people and may change.  Nothing here tells what exists at another merchant's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

import psycopg
import structlog
from apiflask import APIFlask, HTTPError
from flask import Response, current_app, request
from sqlalchemy.exc import InterfaceError, NoResultFound, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from portal.api.bodies import BadJson
from portal.domain.access.grants import CannotGive
from portal.domain.errors import NotAllowed
from portal.domain.integrations.external_ids import BadExternalId, ExternalIdStands, ExternalIdTaken
from portal.domain.integrations.public_ids import NoSuchId
from portal.domain.subscriptions import IllegalTransition
from portal.extensions import Busy
from portal.services.ends.end_requests import OverAlready
from portal.services.throttles import TooManyTries

log = structlog.get_logger("portal.api")

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER: Final = 30


@dataclass(frozen=True)
class Kind:
    """One type of problem."""

    code: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """The type's address, from the API's own beginning."""
        return f"/v1/problems/{self.code}"


KINDS: Final[Mapping[str, Kind]] = {
    kind.code: kind
    for kind in (
        Kind("bad-request", 400, "The call cannot be read"),
        Kind("key-in-address", 400, "A key stands in the address"),
        Kind("bad-cursor", 400, "The cursor is not one of this list"),
        Kind("unauthorized", 401, "No valid key was shown"),
        Kind("forbidden", 403, "The key may not do this"),
        Kind("not-found", 404, "There is nothing here"),
        Kind("method-not-allowed", 405, "This method is not known here"),
        Kind("conflict", 409, "The present state does not allow this"),
        Kind("call-under-way", 409, "The same call is being carried out"),
        Kind("too-large", 413, "The body is too large"),
        Kind("unsupported-media-type", 415, "The body is not JSON"),
        Kind("invalid", 422, "The call says something that cannot be"),
        Kind("idempotency-key-reused", 422, "This Idempotency-Key belongs to another call"),
        Kind("too-many-requests", 429, "The key's limit is reached"),
        Kind("internal-error", 500, "Something went wrong here"),
        Kind("unavailable", 503, "Not possible for a moment"),
    )
}
OF_STATUS: Final = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
}


class Problem(Exception):
    """The call is answered with that problem. `errors` name what is wrong where: `[{"pointer", "detail"}]`."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        super().__init__(code)
        self.kind = KINDS[code]
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.more = more


def answer(problem: Problem) -> Response:
    """Return the response of a problem."""
    kind = problem.kind
    body: dict[str, Any] = {"type": kind.type, "title": kind.title, "status": kind.status, "code": kind.code}
    body["detail"] = problem.detail
    if problem.errors is not None:
        body["errors"] = problem.errors
    body |= problem.more
    response = Response(current_app.json.dumps(body), kind.status, mimetype=MEDIA_TYPE)
    response.headers.update(problem.headers)
    return response


def not_found() -> Problem:
    """Return the one answer for what does not exist, and for what is another merchant's."""
    return Problem("not-found", "There is nothing at this address that this key can see.")


def install(api: APIFlask) -> None:
    """Answer everything that may go wrong with a problem."""
    api.error_processor(_of_apiflask)
    table: dict[type[Exception], Any] = {
        Problem: answer,
        BadJson: lambda error: answer(Problem("bad-request", str(error))),
        HTTPException: _http,
        NoResultFound: lambda error: answer(not_found()),
        NoSuchId: _no_such_id,
        NotAllowed: lambda error: _conflict(error.denial.value),
        IllegalTransition: lambda error: _conflict("illegal_transition"),
        OverAlready: lambda error: _conflict("over_already"),
        BadExternalId: lambda error: answer(Problem("invalid", "This cannot be an id of the merchant's own.")),
        ExternalIdTaken: lambda error: _conflict("external_id_taken"),
        ExternalIdStands: lambda error: _conflict("external_id_stands"),
        CannotGive: lambda error: _conflict(error.why.value),
        TooManyTries: _too_many,
        Exception: _unexpected,
    }
    away = (OperationalError, InterfaceError, psycopg.OperationalError, Busy, PoolTimeout)
    table.update(dict.fromkeys(away, _away))
    for error, handler in table.items():
        api.register_error_handler(error, handler)


def _of_apiflask(error: HTTPError) -> Response:
    """Answer what a schema refuses: each field by its pointer (RFC 6901), or its name in the address."""
    found = error.extra_data.get("errors") if error.status_code == 422 else None
    detail: Any = error.detail if error.status_code == 422 else None
    by_place = detail if isinstance(detail, dict) and detail else found
    if not isinstance(by_place, dict):
        return answer(Problem(OF_STATUS.get(error.status_code, "bad-request"), str(error.message)))
    errors = [
        {"pointer" if place == "json" else "parameter": where, "detail": what}
        for place, messages in by_place.items()
        for where, what in _flat(messages, "", is_pointer=place == "json")
    ]
    return answer(Problem("invalid", "Some of what was sent cannot be taken: see `errors`.", errors=errors))


def _flat(messages: Any, where: str, *, is_pointer: bool) -> list[tuple[str, str]]:
    """Return where and what of nested messages."""
    if isinstance(messages, dict):
        return [
            found
            for key, inner in messages.items()
            for found in _flat(inner, _below(where, str(key), is_pointer=is_pointer), is_pointer=is_pointer)
        ]
    if isinstance(messages, list):
        return [(where, str(one)) for one in messages]
    return [(where, str(messages))]


def _below(where: str, key: str, *, is_pointer: bool) -> str:
    if key == "_schema":
        return where
    if not is_pointer:
        return f"{where}.{key}" if where else key
    return f"{where}/{key.replace('~', '~0').replace('/', '~1')}"


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status == 404:
        return answer(not_found())
    if status == 405:
        allowed = ", ".join(sorted(set(getattr(error, "valid_methods", None) or ()) - {"OPTIONS"}))
        return answer(Problem("method-not-allowed", f"Here one may: {allowed}.", headers={"Allow": allowed}))
    if status == 413:
        return answer(Problem("too-large", f"A body holds at most {request.max_content_length} bytes."))
    return answer(Problem(OF_STATUS.get(status, "bad-request"), str(error.description or error.name)))


def _no_such_id(error: NoSuchId) -> Response:
    return answer(Problem("invalid", f"An id that begins with `{error.prefix}` is expected here."))


def _conflict(why: str) -> Response:
    return answer(
        Problem("conflict", CONFLICTS.get(why, f"The present state does not allow this ({why})."), reason=why)
    )


CONFLICTS: Final[Mapping[str, str]] = {
    "self_cancellation_off": "Customers do not cancel this by themselves: ask as the merchant, or switch it on.",
    "notified": "Its customer has asked for the end: it is `cancelled`.",
    "already_sent": "The request was already sent to PayPal: it can no longer be taken back.",
    "illegal_transition": "The subscription's status does not allow this.",
    "over_already": "The subscription has ended already.",
    "merchant_suspended": "The merchant is suspended: nothing new is begun.",
    "merchant_leaving": "The merchant is leaving: nothing new is begun.",
    "external_id_taken": "Another one of this merchant has this id.",
    "external_id_stands": "Another id is set: say `replace` if it may go.",
    "holds_live": "Live subscriptions hang on it: a test key does not reach that far.",
    "erased": "The customer's data was erased: nothing of them is written again.",
    "ends_before_start": "`until` has to be later than `since`.",
    "over_already_grant": "`until` is over already.",
    "overlaps": "The customer has this product by hand in that time already.",
}


def _too_many(error: TooManyTries) -> Response:
    wait = str(max(1, ceil(error.wait.total_seconds())))
    return answer(Problem("too-many-requests", f"Try again in {wait} seconds.", headers={"Retry-After": wait}))


# It may have come between the commit and the answer: what was done then is not told as undone.
UNKNOWN: Final = "What you sent may have been done or not: read first what stands, or send it again."


def _away(error: Exception) -> Response:
    log.warning("api_unavailable", kind=type(error).__name__)
    headers = {"Retry-After": str(RETRY_AFTER)}
    told = "Try again." if request.method in ("GET", "HEAD") else UNKNOWN
    return answer(Problem("unavailable", f"The database is away or busy. {told}", headers=headers))


def _unexpected(error: Exception) -> Response:
    from portal.logs import place_of

    log.error("api_error", kind=type(error).__name__, place=place_of(error))
    return answer(Problem("internal-error", "It was written down here. Trying again may help."))
