"""The desk's words for comparisons with PayPal: why a run began, where it stands, what differed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.money.money import Money
from portal.domain.subscriptions import Status
from portal.queries.comparisons.comparisons import ComparisonState, ComparisonTrigger, Note, notes_of
from portal.services.comparisons.comparison_facts import Fact
from portal.services.imports.imports import StopReason
from portal.web import labels
from portal.web.admin import words
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from sqlalchemy import Row

    from portal.models import ComparisonDifference, ComparisonRun

TRIGGER: Final[Mapping[ComparisonTrigger, LazyString]] = {
    ComparisonTrigger.NIGHTLY: _l("Every night"),
    ComparisonTrigger.PAYMENT_DUE: _l("Before payments"),
    ComparisonTrigger.MANUAL: _l("Started manually"),
}

STATE: Final[Mapping[ComparisonState, LazyString]] = {
    ComparisonState.RUNNING: _l("Under way"),
    ComparisonState.STOPPED: _l("Waiting"),
    ComparisonState.DONE: _l("Done"),
}
UNFINISHED: Final = _l("Closed early")
MARK: Final[Mapping[ComparisonState, str]] = {
    ComparisonState.RUNNING: "calling",
    ComparisonState.STOPPED: "warn",
    ComparisonState.DONE: "done",
}

FACT: Final[Mapping[Fact, LazyString]] = {
    Fact.STATUS: _l("Status"),
    Fact.PROVIDER_STATUS: _l("PayPal status"),
    Fact.NEXT_PAYMENT: _l("Next payment"),
    Fact.PAID_UNTIL: _l("Paid until"),
    Fact.PRICE: _l("Price"),
    Fact.FAILED_PAYMENTS: _l("Failed payments"),
    Fact.LAST_PAYMENT: _l("Last payment"),
    Fact.PLAN: _l("PayPal’s plan"),
}
DATES: Final = frozenset({Fact.NEXT_PAYMENT, Fact.PAID_UNTIL, Fact.LAST_PAYMENT})

FAILURE: Final[Mapping[str, LazyString]] = {
    "unavailable": _l("PayPal did not answer for this one"),
    "not_found": _l("PayPal does not know this subscription under this key"),
    "forbidden": _l("PayPal does not let this key see this subscription"),
    "account_closed": _l("One of the two PayPal accounts is closed"),
    "not_written": _l("It could not be saved here: tell whoever runs this portal"),
    "not_compared": _l("It could not be compared: tell whoever runs this portal"),
}
REFUSED: Final = _l("PayPal refused the call")

STOPPED: Final[Mapping[StopReason, LazyString]] = {
    **words.STOPPED,
    StopReason.INTERRUPTED: _l("The comparison was interrupted."),
}


NOTE: Final[Mapping[Note, LazyString]] = {
    Note.REST_LEFT_OUT: _l("The REST key did not work: REST subscriptions were not compared."),
    Note.CLASSIC_LEFT_OUT: _l("The classic key did not work: classic subscriptions were not compared."),
    Note.LIST_NOT_READ: _l("PayPal did not give its list: no search was made for subscriptions unknown here."),
}


def notes(error: str) -> list[str]:
    """Return in sentences what a run did without."""
    return [str(NOTE[note]) for note in sorted(notes_of(error))]


def debug_id(error: str) -> str:
    """Return PayPal's debug id of what stopped a run, "" without one."""
    return next((word for word in error.split()[1:] if word not in set(Note)), "")


def summary(error: str) -> str:
    """Return in one line why a run stopped, and what it did without."""
    return " ".join(filter(None, [why_stopped(error), *notes(error)]))


def why_stopped(error: str) -> str:
    """Return in words why a run stopped; its first word is the reason."""
    reason = error.partition(" ")[0]
    return str(STOPPED[StopReason(reason)]) if reason in set(StopReason) else ""


def state_of(run: ComparisonRun | Row[Any]) -> str:
    """Return where a run, or a row of their list, stands."""
    never_ended = run.state is ComparisonState.DONE and run.finished_at is None
    return str(UNFINISHED if never_ended else STATE[run.state])


def outcome(row: ComparisonDifference | Row[Any]) -> str:
    """Return what was done about a difference."""
    if row.error:
        return str(FAILURE.get(row.error, REFUSED))
    if not row.corrected:
        return _("listed only")
    return _("corrected") if row.before else _("new here")


def lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return each fact that differs in words: « Prochain paiement : 5 avr. 2027 → 6 avr. 2027 »."""
    return [_line(fact, before, after) for fact in Fact if fact in after]


def _line(fact: Fact, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    label, then = str(FACT[fact]), _value(fact, after[fact])
    if fact not in before:  # a subscription that was not known here
        return _("%(fact)s: %(value)s", fact=label, value=then)
    now = _value(fact, before[fact])
    if now == then and fact in DATES:  # another hour of the same day
        now, then = _value(fact, before[fact], in_full=True), _value(fact, after[fact], in_full=True)
    return _("%(fact)s: %(before)s → %(after)s", fact=label, before=now, after=then)


def _value(fact: Fact, value: Any, *, in_full: bool = False) -> str:
    if value is None:
        return _("none")
    if fact in DATES:
        at = datetime.fromisoformat(value)
        return formatter().short(at) if in_full else formatter().short_day(at)
    if fact is Fact.PRICE:
        return formatter().money(Money(Decimal(value["amount"]), value["currency"]))
    if fact is Fact.STATUS and value in set(Status):
        return str(labels.STATUS[Status(value)])
    return words.provider_status_line(value) if fact is Fact.PROVIDER_STATUS else str(value)
