"""A customer lets PayPal take what is outstanding: what that means, the click, and where it stands at every moment.

The page before the click names the sum, and that sum alone is recorded; opening a page changes nothing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from wtforms import HiddenField
from wtforms.validators import Optional

from portal.clock import utc_now
from portal.domain.merchants.merchants import Work
from portal.domain.money.money import Money
from portal.domain.money.settlements import CannotSettle, NoSettlement, SettlementRefusal
from portal.domain.subscriptions import ProviderStatus, Status
from portal.mail.composing import AUTOPAY_URL
from portal.queries import holdings
from portal.queries.holdings import Holding
from portal.queries.money import settlements as queries
from portal.queries.money.settlements import SettlementState
from portal.services.carrying import settlement_carrying
from portal.services.money import settlements
from portal.services.people.acting import by_person
from portal.web import labels, standings
from portal.web.csrf import BaseForm
from portal.web.customer import account_cards, bp, presenting
from portal.web.first_tries import try_now
from portal.web.formatting import formatter
from portal.web.identity import context, person

# After these the same click may lead further: the sum is another one, or nothing ever left.
AGAIN: Final = frozenset(SettlementRefusal) - {SettlementRefusal.ENDING, SettlementRefusal.PAYER_ACCOUNT}


class SettlementForm(BaseForm):
    """One button; `shown` is the sum that the page said."""

    shown = HiddenField(validators=[Optional()])


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the late page offers: the sum that a click lets PayPal take, or the settlement that stands open.

    `is_leaving`: nothing is taken here, because the customer waits for the end.
    """

    amount: str | None = None
    open_id: uuid.UUID | None = None
    is_leaving: bool = False


def choice(session: Session, held: Holding, *, now: datetime) -> Choice:
    """Return what may be chosen here now."""
    standing = queries.open_of(session, held.subscription.id)
    if standing is not None:
        return Choice(amount=formatter().money(standing.money), open_id=standing.id)
    due = _due(session, held, now=now)
    why = settlements.why_not(session, held.subscription, held.request, now=now)
    return Choice(amount=formatter().money(due) if due is not None else None, is_leaving=why is NoSettlement.ENDING)


@bp.route("/subscriptions/<uuid:subscription_id>/settlement", methods=["GET", "POST"])
def settlement_start(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Say what PayPal takes and what follows; on the button record it, and try while the customer waits."""
    who, now, form = person(), utc_now(), SettlementForm()
    with context().db.read() as session:
        held = holdings.of_customer(session, who.merchant_id, who.id, subscription_id)
        newest = queries.newest_of(session, subscription_id)
        due = _due(session, held, now=now)
    if newest is not None and (newest.is_open or (due is None and form.is_submitted())):
        return _to(newest.id, 303 if form.is_submitted() else 302)
    if due is None:
        return redirect(url_for(".late", merchant_slug=g.merchant.slug, subscription_id=subscription_id), 303)
    if form.validate_on_submit() and form.shown.data == _mark(due):
        return _ask(subscription_id, due)
    is_new_sum = form.is_submitted() and not form.errors
    form.shown.data = _mark(due)
    subscription = held.subscription
    page = render_template(
        "customer/settlement_start.html",
        form=form,
        subscription_id=subscription_id,
        product=presenting.product_name(held),
        provider_id=subscription.provider_id,
        amount=formatter().money(due),
        price=presenting.price(held),
        is_open=bool(account_cards.card(held, now=now).open_now),
        is_schedule=subscription.is_schedule,
        is_suspended=subscription.provider_status == ProviderStatus.SUSPENDED,
        asks=(_("The unpaid amount has changed: check it and confirm again. Nothing was taken."),)
        if is_new_sum
        else (),
    )
    return page, 422 if form.errors or is_new_sum else 200


@bp.get("/settlements/<uuid:settlement_id>")
def settlement(settlement_id: uuid.UUID) -> ResponseReturnValue:
    """Show where one stands, as PayPal has said it."""
    who, now = person(), utc_now()
    with context().db.read() as session:
        found = queries.of_customer(session, who.merchant_id, who.id, settlement_id)
        held = holdings.of_customer(session, who.merchant_id, who.id, found.subscription_id)
        paid = queries.own_payment(session, found)
        due = _due(session, held, now=now)
    say, failed_for, is_done = formatter(), found.failed_for, found.state is SettlementState.DONE
    return render_template(
        "customer/settlement.html",
        id=found.id,
        state=found.state,
        is_sent=found.sent_at is not None,
        is_unclear=found.state is SettlementState.NEEDS_MERCHANT,
        why=labels.NOT_SETTLED[failed_for] if failed_for is not None else None,
        amount=say.money(found.money),
        asked_at=say.moment(found.created_at),
        paid_on=say.day(paid.paid_at) if paid is not None and paid.was_taken and is_done else None,
        payment_id=found.provider_id,
        card=account_cards.card(held, now=now),
        runs=held.subscription.status is Status.ACTIVE,
        is_over=held.subscription.is_over,
        again=say.money(due) if due is not None and failed_for in AGAIN else None,
        is_late=held.subscription.status is Status.PAST_DUE,
        is_late_again=_is_late_since(held, found.closed_at),
        autopay_url=AUTOPAY_URL,
    )


def _due(session: Session, held: Holding, *, now: datetime) -> Money | None:
    """Return what a click would let PayPal take; None where none may be offered."""
    if not standings.allows(Work.RETURN) or not person().may_change:
        return None
    why = settlements.why_not(session, held.subscription, held.request, now=now)
    return presenting.unpaid(held) if why is None else None


def _is_late_since(held: Holding, at: datetime | None) -> bool:
    """Say whether a payment is late that was not due then."""
    since = held.subscription.past_due_since
    return held.subscription.status is Status.PAST_DUE and at is not None and since is not None and since > at


def _ask(subscription_id: uuid.UUID, due: Money) -> ResponseReturnValue:
    """Record the wish and try it at once; the page of the settlement says where it stands."""
    who = person()
    try:
        by, now = by_person(who), utc_now()
        asked = settlements.record(context(), who.merchant_id, who.id, subscription_id, shown=due, by=by, now=now)
    except CannotSettle as error:  # it changed between two looks
        if error.why is NoSettlement.OTHER_SUM:
            flash(_("The unpaid amount has changed: check it and confirm again. Nothing was taken."), "warning")
        return redirect(url_for(".late", merchant_slug=g.merchant.slug, subscription_id=subscription_id), 303)
    if asked.is_new:
        try_now(settlement_carrying.carry_out, asked.settlement_id)
    return _to(asked.settlement_id, 303)


def _mark(due: Money) -> str:
    return f"{due.amount:f} {due.currency}"


def _to(settlement_id: uuid.UUID, code: int) -> ResponseReturnValue:
    return redirect(url_for(".settlement", merchant_slug=g.merchant.slug, settlement_id=settlement_id), code)
