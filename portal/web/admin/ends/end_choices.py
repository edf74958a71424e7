"""What staff choose of an end besides its kind: when it comes, and what goes back with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from flask import g, request
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectChoice

from portal.domain.ends.duties import Duty, may
from portal.domain.money.money import Money
from portal.domain.money.refunds import NoRefund, WithEnd
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.queries.money import payments, refunds
from portal.services.dates.end_schedules import beginning_of, plan
from portal.services.ends import end_refunds
from portal.web import drafts
from portal.web.admin import presenting
from portal.web.admin.ends.end_forms import EndForm
from portal.web.admin.late_payment_words import CANNOT
from portal.web.csrf import BaseForm
from portal.web.day_form import DayForm, chosen_day
from portal.web.formatting import formatter
from portal.web.identity import context, person
from portal.web.local_days import local_day

if TYPE_CHECKING:
    from portal.models import EndRequest, Subscription


class When(StrEnum):
    """When an end comes."""

    NOW = "now"
    PERIOD = "period"  # at the end of what is paid: before the next payment
    DAY = "day"


WHEN: Final[Mapping[When, LazyString]] = {
    When.NOW: _l("Now"),
    When.PERIOD: _l("At the end of the paid period"),
    When.DAY: _l("On a date"),
}


REFUND: Final[Mapping[WithEnd, LazyString]] = {
    WithEnd.LAST_PAYMENT: _l("The last payment:"),
    WithEnd.UNUSED: _l("Its unused days:"),
}


def period_day(subscription: Subscription, now: datetime) -> date | None:
    """Return the day of the payment that ends the paid period, as a wished day; None where it cannot be waited for.

    In the last days before a payment PayPal has to be told at once, and where no day is known nothing is promised.
    Of one that is late with its first payment no period is paid.
    """
    if subscription.status is Status.PAST_DUE and subscription.has_paid_nothing:
        return None
    at = subscription.next_payment_at
    day = local_day(at) if at is not None and not subscription.takes_no_payment else None
    if day is None or day <= local_day(now):
        return None
    zone = g.merchant.time_zone
    waits = plan(subscription, Actor.STAFF, time_zone=zone, wished_at=beginning_of(day, zone), now=now)
    return day if waits is not None else None


def chosen(
    form: EndForm, subscription: Subscription, *, now: datetime, wished_on: date | None, is_stale: bool
) -> DayForm:
    """Return the day that was chosen by one of the three, and offer them with that one marked.

    No day that was typed is ever taken for « now » (cancellation.md, deciding test 26).
    """
    if subscription.status is Status.PENDING:  # nothing has begun: there is nothing to wait for
        form.when.choices, form.when.data = [SelectChoice(When.NOW.value, WHEN[When.NOW])], When.NOW
        return chosen_day(now, said="")
    period = period_day(subscription, now)
    sent = request.form.get("when") if request.method == "POST" else drafts.typed("when")
    if request.form.get("on") and request.form["on"] != request.form.get("shown_for", ""):
        sent = When.DAY  # a day that was typed goes before whichever moment is marked
    said = {When.NOW: "", When.PERIOD: period.isoformat() if period else ""}.get(sent or "")  # type: ignore[call-overload]
    found = chosen_day(now, wished_on=wished_on, is_stale=is_stale, said=said)
    if sent == When.DAY and not found.on.data and not found.on.errors:
        found.on.errors = [_("Enter the day, or choose another moment.")]
    if sent == When.PERIOD and period is None:
        found.on.errors = [_("The end of the paid period can no longer be waited for. Choose another moment.")]
    offered = [When.NOW, *([When.PERIOD] if period else []), When.DAY]
    form.when.choices = [SelectChoice(one.value, WHEN[one]) for one in offered]
    found.on.flags.optional = False  # of one of the three it is the answer itself
    is_day = found.on.errors or (found.day is not None and found.day != period)
    form.when.data = When.DAY if is_day else When.PERIOD if found.day is not None else When.NOW
    return found


def of_standing(
    standing: EndRequest | None, subscription: Subscription, *, is_planned: bool, now: datetime
) -> tuple[str, str]:
    """Return what the page says of an end that is planned already, and why another cannot take its place ("": it can).

    What a customer asked for gives way to an end now alone (`end_requests._gives_way`).
    """
    words = presenting.planned(standing, subscription, now=now) if standing is not None else None
    if standing is None or words is None:
        return "", ""
    told = {"date": words.ends_on, "reference": standing.reference}
    if is_planned and standing.actor is Actor.CUSTOMER:
        return "", _(
            "The customer has planned the end for %(date)s (%(reference)s). It stays: only an end now takes its place.",
            **told,
        )
    return _("An end is planned for %(date)s already (%(reference)s). This one takes its place.", **told), ""


def refund_hints(form: EndForm) -> dict[str, str]:
    """Return what each refund changes for access."""
    words = {
        WithEnd.LAST_PAYMENT: _(
            "The period it covered is then no longer paid for: what is open for that period alone closes once PayPal "
            "has refunded it."
        ),
        WithEnd.UNUSED: _("Access does not change: it lasts as the page says."),
    }
    choices = (str(choice.value) for choice in form.refund.choices or [])
    return {value: words[WithEnd(kind)] for value in choices if (kind := value.partition(":")[0]) in words}


def hints(subscription: Subscription, now: datetime) -> dict[str, str]:
    """Return what each moment means, in a few words."""
    period = period_day(subscription, now)
    said = {When.NOW.value: _("PayPal is told at once; once it confirms, no further payment is taken.")}
    if period is not None:
        said[When.PERIOD.value] = _(
            "Before the payment of %(date)s, which is not taken.", date=formatter().date(period)
        )
    return said


def day_hint(subscription: Subscription) -> str:
    """Return what a day that was chosen leaves to be paid."""
    if subscription.takes_no_payment:
        return _("No payment is planned. If payments resume, those due before that day will still be taken.")
    return _("Payments due before that day will still be taken.")


def refund_of(subscription: Subscription, *, now: datetime) -> Mapping[WithEnd, Money] | str:
    """Return the sums that may go back with an end now; or why none may, "" where there is nothing to say."""
    if not may(person().role, Duty.REFUNDS):
        return ""
    with context().db.read() as session:
        payment = payments.newest_of_subscription(session, subscription.id)
        if payment is None:
            return ""
        if refunds.open_of(session, payment.id) is not None:
            return _("A refund of the last payment is already under way.")
        found = end_refunds.offered(subscription, payment, time_zone=g.merchant.time_zone, now=now)
    return str(CANNOT[found]) if isinstance(found, NoRefund) else found


def offer_refunds(form: EndForm, sums: Mapping[WithEnd, Money]) -> None:
    """Offer what may go back, each with its sum; the sum is sent along, so that another one confirms nothing."""
    say = formatter()
    form.refund.choices = [
        SelectChoice(WithEnd.NOTHING.value, _("No refund")),
        *(
            SelectChoice(f"{choice}:{money.amount:f}", f"{REFUND[choice]} {say.money(money)}")
            for choice, money in sums.items()
        ),
    ]
    if form.refund.data not in {choice.value for choice in form.refund.choices}:
        form.refund.data = WithEnd.NOTHING.value


def lost_refund(form: BaseForm) -> tuple[str, ...]:
    """Return what the page says when a refund was chosen that it does not offer: nothing ends without it."""
    sent = request.form.get("refund", WithEnd.NOTHING.value)
    offered = form.refund.choices if isinstance(form, EndForm) and form.refund.choices else []
    if sent == WithEnd.NOTHING or sent in {choice.value for choice in offered}:
        return ()
    return (_("The refund you chose is no longer possible, or not of that amount. Check it and confirm again."),)


def is_refund_lost(standing: EndRequest) -> bool:
    """Say whether a refund was chosen with an end where another one stands that takes none along."""
    if request.form.get("refund", WithEnd.NOTHING.value) == WithEnd.NOTHING:
        return False
    with context().db.read() as session:
        return refunds.with_end(session, standing.id) is None


def refund_is_gone() -> str:
    """Return what is said where nothing was done, since the refund cannot go with it."""
    return _("Nothing was changed: the last payment can no longer be refunded as shown. Check it again.")


def gives_back(form: EndForm) -> bool:
    """Say whether something goes back with the end: whoever does that gives both factors again."""
    return bool(form.refund.choices) and form.refund.data != WithEnd.NOTHING


def refund_sent(form: EndForm) -> tuple[WithEnd, Decimal | None]:
    """Return what was chosen to go back, and its sum as the page showed it."""
    choice, _colon, amount = (form.refund.data or WithEnd.NOTHING.value).partition(":")
    return WithEnd(choice), Decimal(amount) if amount else None
