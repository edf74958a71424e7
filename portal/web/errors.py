"""One table from what went wrong to a status and a page; the words of refusals (style.md, convention 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Final

import psycopg
import structlog
from flask import Flask, Response, g, make_response, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import InterfaceError, NoResultFound, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from portal import metrics
from portal.domain.ends.received_requests import AlreadySettled
from portal.domain.errors import Denial, NotAllowed
from portal.domain.people.email_addresses import shown
from portal.domain.subscriptions import IllegalTransition, Status
from portal.extensions import Busy
from portal.mail.letterhead import one_line
from portal.providers.ports import GatewayRefused, GatewayUnavailable, Refusal
from portal.queries.people.people import Kind
from portal.services.paypal.gateways import NoKey
from portal.services.throttles import TooManyTries
from portal.web import addresses, resending
from portal.web.headers import shown_path

log = structlog.get_logger("portal.web")

RETRY_AFTER: Final = 30  # seconds to wait when the database is away

# Limits of what the desk and customers write to others, in a day: nobody's log-in is guessed there.
OF_MAILS: Final = frozenset(
    {"merchant_mails", "invitations", "account_invitations", "account_invitations_to", "task_link_offers"}
)

DENIALS: Final[Mapping[Denial, LazyString]] = {
    Denial.SELF_CANCELLATION_OFF: _l(
        "This contract cannot be cancelled online. Its page here says how to cancel it with %(merchant)s."
    ),
    Denial.STAFF_ONLY: _l("Only the merchant’s team can do this."),
    Denial.NOTIFIED: _l(
        "The customer has requested the cancellation of this subscription: choose “Cancel”. It can be marked as "
        "abandoned afterwards."
    ),
    Denial.NAMES_ANOTHER: _l("This notice names its subscription: only ending that one answers it."),
    Denial.ROLE_TOO_LOW: _l("Your role does not include this."),
    Denial.OWNERS_ONLY: _l(
        "You see this account as a reader: you can look at everything, and change nothing. An owner of the account can "
        "do this, or make you an owner."
    ),
    Denial.ON_FILE_ONLY: _l(
        "Only the person of the account’s own email address can do this: change that address, download the account’s "
        "data or have it erased."
    ),
    Denial.ON_FILE_ALREADY: _l("This is the account’s own email address: that person is already an owner."),
    Denial.IN_THE_ACCOUNT: _l("Somebody with this address has access already, or is invited."),
    Denial.ACCOUNT_FULL: _l("This account has as many people as it can have. Remove somebody first."),
    Denial.VIEW_ONLY: _l(
        "You are looking at this page as the customer sees it: nothing can be changed from here. For a customer it "
        "works, and the next page would say what happened."
    ),
    Denial.LAST_OWNER: _l("This is the only owner who can come in: make somebody else an owner first."),
    Denial.IN_THE_TEAM: _l("Somebody with this address is in the team already."),
    Denial.PAUSE_NOT_OFFERED: _l("A pause is not offered for this contract."),
    Denial.KEY_NOT_TESTED: _l("The PayPal key has to pass its test first."),
    Denial.ALREADY_SENT: _l("The request was already sent to PayPal: it can no longer be withdrawn."),
    Denial.END_UNDER_WAY: _l("The end of this contract was requested: it can no longer be paused or resumed."),
    Denial.PAYPAL_FORBIDS_RESUME: _l("PayPal does not let payments start again after several have failed."),
    Denial.RESUME_DAY: _l("Choose a day within the time that is offered."),
    Denial.ERASED: _l("This customer’s data was erased at their request: nothing can be added to it."),
    Denial.ERASURE_UNDER_WAY: _l(
        "This customer has asked for their data to be erased: wait until that is done or withdrawn."
    ),
    Denial.ADDRESS_HELD: _l(
        "The address of one of these customers is contested from their former one: decide that first, under “To do”."
    ),
    Denial.NO_COMEBACK: _l("This subscription cannot be taken out again here."),
    Denial.CAME_BACK: _l("A newer subscription has already followed this one."),
    Denial.ALREADY_SUBSCRIBED: _l("You already have another subscription of the same kind, or are about to."),
    Denial.NOT_SOLD_HERE: _l("%(merchant)s does not sell this subscription here. Ask them for a new one."),
    Denial.STILL_STOPPING: _l("PayPal has not confirmed the end of this contract yet. Try again later."),
    Denial.PAID_TIME_UNKNOWN: _l(
        "The date you have paid until is not known here. %(merchant)s has to enter it first, so that you do not "
        "pay twice."
    ),
    Denial.MERCHANT_SUSPENDED: _l(
        "%(merchant)s is suspended on this portal: nothing new can be started here. What is under way goes on. Ask "
        "the operator of the portal, who can lift the suspension."
    ),
    Denial.MERCHANT_LEAVING: _l(
        "%(merchant)s is leaving this portal: nothing new can be started here. What is under way goes on. To stay, ask "
        "the operator of the portal, who can withdraw the departure."
    ),
    Denial.NOT_OFFERED_NOW: _l(
        "%(merchant)s does not offer this at the moment. You can still cancel, send requests and see your proofs here."
    ),
}
OF_THE_ACCOUNT: Final = frozenset({Denial.OWNERS_ONLY, Denial.ON_FILE_ONLY})  # what its person asks another one for
NEVER_OFFERED: Final = frozenset(
    {Denial.SELF_CANCELLATION_OFF, Denial.PAUSE_NOT_OFFERED, Denial.NOT_OFFERED_NOW}
)  # not "any more"
NOTIFIABLE: Final = _l(
    "You cannot cancel this contract here yourself. You can send %(merchant)s a cancellation notice online."
)
STANDING: Final[Mapping[Status, LazyString]] = {
    Status.PENDING: _l("It is not yet approved at PayPal."),
    Status.ACTIVE: _l("It is active."),
    Status.PAST_DUE: _l("A payment is late."),
    Status.PAUSED: _l("It is paused."),
    Status.COMPLETED: _l("It is already completed."),
    Status.CANCELLED: _l("It is already cancelled."),
    Status.ABANDONED: _l("It has already ended for good."),
}
REFUSALS: Final[Mapping[Refusal, LazyString]] = {
    Refusal.BAD_CREDENTIALS: _l("PayPal does not accept the key of %(merchant)s."),
    Refusal.FORBIDDEN: _l("The PayPal key of %(merchant)s lacks a right for this."),
    Refusal.NOT_FOUND: _l("PayPal does not know this contract in the account of %(merchant)s."),
    Refusal.STATUS_INVALID: _l("PayPal says that its status does not allow this."),
    Refusal.ACCOUNT_CLOSED: _l("One of the two PayPal accounts is closed."),
    Refusal.CANNOT_BE_ACTIVATED: _l("PayPal no longer lets payments start again."),
    Refusal.PLAN_STATUS_INVALID: _l("%(merchant)s no longer sells this subscription at PayPal."),
    # Those about webhooks and settlements have words of their own where they can happen.
    **dict.fromkeys(
        (
            *(Refusal.WEBHOOK_LIMIT, Refusal.WEBHOOK_EXISTS),
            *(Refusal.NOTHING_OUTSTANDING, Refusal.OTHER_SUM),
            Refusal.OTHER,
        ),
        _l("PayPal refused this request. Your money and your access are as they were."),
    ),
}
BUSY: Final = (Busy, PoolTimeout)  # a row, or every connection, is held by others
AWAY: Final = (OperationalError, InterfaceError, psycopg.OperationalError, *BUSY)
STANDARD_PAGES: Final = (400, 403, 404, 405, 413, 429)


def install(app: Flask) -> None:
    """Register a page for everything that may go wrong."""
    table: dict[type[Exception], Callable[..., Response]] = {
        NoResultFound: not_found,
        NotAllowed: _not_allowed,
        AlreadySettled: _already_settled,
        IllegalTransition: _illegal,
        GatewayRefused: _refused,
        GatewayUnavailable: _unavailable,
        NoKey: _no_key,
        TooManyTries: _too_many,
        ConnectorException: _connector,
        HTTPException: _http,
        Exception: _unexpected,
    }
    table.update(dict.fromkeys(AWAY, _away) | dict.fromkeys(BUSY, _busy))
    for error, page in table.items():
        app.register_error_handler(error, page)


def _page(status: int, template: str | None = None, **values: object) -> Response:
    page = render_template(f"errors/{template or status}.html", layout=_layout(), **values)
    return make_response(page, status)


def _layout() -> str:
    """Return the frame of the place where it happened, as far as it is known: its menu is the way on."""
    person = g.get("person")
    if person is not None and person.kind is Kind.STAFF:
        return "layouts/admin.html"
    return "layouts/customer.html" if g.get("merchant") is not None else "layouts/plain.html"


def not_found(error: Exception | None = None) -> Response:
    """Answer 404 with the same words for what is foreign and what does not exist; leave a line in the log."""
    person = g.get("person")
    log.warning(
        "not_found",
        path=shown_path(),
        person_id=str(person.id) if person else None,
        kind=type(error).__name__,
    )
    return _page(404)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return error.get_response()  # type: ignore[return-value]
    if status == 404:
        return not_found(error)
    page = _page(status, str(status) if status in STANDARD_PAGES else ("400" if status < 500 else "500"))
    allowed = error.get_response().headers.get("Allow")
    if allowed:
        page.headers["Allow"] = allowed
    return page


def _not_allowed(error: NotAllowed) -> Response:
    log.warning("not_allowed", denial=error.denial.value, path=shown_path())
    if error.denial in (Denial.ROLE_TOO_LOW, Denial.STAFF_ONLY):
        return _page(403)
    if error.denial in OF_THE_ACCOUNT:
        return _page(403, "403_account", reason=_named(DENIALS[error.denial]), ask=_who_may())
    notify_url = g.get("notify_url")  # the page of the customer's own subscription knows whether it may be notified
    words = NOTIFIABLE if notify_url else DENIALS[error.denial]
    # Who sends a form had been shown one; who only looks as a customer was told so on each page.
    was_never = error.denial is Denial.VIEW_ONLY or (error.denial in NEVER_OFFERED and request.method == "GET")
    return _page(409, reason=_named(words), was_never=was_never, notify_url=notify_url)


def _who_may() -> str:
    """Return whom somebody of an account's people can ask: the person of the address on file, always an owner."""
    person = g.get("person")
    return ", ".join(filter(None, (one_line(person.name), shown(person.email or "")))) if person is not None else ""


def _named(words: LazyString) -> str:
    """Return a sentence that may name the merchant."""
    merchant = g.get("merchant")
    return str(words) % {"merchant": one_line(merchant.name) if merchant is not None else _("the merchant")}


def _already_settled(_error: AlreadySettled) -> Response:
    return _page(409, reason=_("Somebody has settled this request in the meantime."))


def _illegal(error: IllegalTransition) -> Response:
    return _page(409, reason=STANDING[error.status])


def _no_key(_error: NoKey) -> Response:
    return _page(409, reason=_named(_l("%(merchant)s has not connected PayPal yet.")))


def _refused(error: GatewayRefused) -> Response:
    log.warning("gateway.refused", refusal=error.refusal.value, debug_id=error.debug_id)
    return _page(502, reason=_named(REFUSALS[error.refusal]), debug_id=error.debug_id)


def _unavailable(error: GatewayUnavailable) -> Response:
    log.warning("gateway.unavailable", debug_id=error.debug_id)
    reason = _("PayPal is not answering at the moment, so we have nothing new to tell you.")
    return _page(502, reason=reason, debug_id=error.debug_id)


def _too_many(error: TooManyTries) -> Response:
    log.warning("throttled", limit=error.name)
    seconds = max(1, ceil(error.wait.total_seconds()))
    page = _page(429, "too_many_mails" if error.name in OF_MAILS else None, minutes=ceil(seconds / 60))
    page.headers["Retry-After"] = str(seconds)
    return page


def _away(error: Exception) -> Response:
    """Say that we are away for a moment. Nothing here may ask the database."""
    metrics.database_failure("away")
    log.error("database.away", kind=type(error).__name__)
    fields = resending.public_fields()
    page = _page(503, "503_busy", again=addresses.this_page(), fields=fields) if fields else _page(503)
    page.headers["Retry-After"] = str(RETRY_AFTER)
    return page


def _busy(error: Exception) -> Response:
    """Say that a form was not recorded, with the button that sends it again; anything else is away for a moment."""
    if not resending.is_unrecorded():
        return _away(error)
    metrics.database_failure("busy")
    log.warning("database.busy", kind=type(error).__name__, path=shown_path())
    page = _page(503, "503_busy", again=addresses.this_page(), fields=resending.fields())
    page.headers["Retry-After"] = str(RETRY_AFTER)
    return page


def _connector(error: ConnectorException) -> Response:
    """A job that could not be written: `queue.defer` asks the driver, so the error is the driver's own."""
    away = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction)
    return _away(error) if isinstance(error.__cause__, away) else _unexpected(error)


def _unexpected(error: Exception) -> Response:
    log.error("unexpected", exc_info=error, path=shown_path())
    return _page(500, request_id=g.get("request_id"))
