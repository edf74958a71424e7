"""A withdrawal that came by letter, email or a page and that staff carry out: its effects first, then one button."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import SubmitField
from wtforms.validators import Optional

from portal.clock import utc_now
from portal.domain.ends.end_requests import new_reference
from portal.domain.ends.received_requests import has_hour
from portal.domain.law.withdrawals import REFUND_WITHIN, Verdict, verdict
from portal.domain.money.money import Money
from portal.queries import subscriptions
from portal.queries.law import withdrawals
from portal.queries.money import payments
from portal.services import contracts
from portal.services.carrying import end_carrying
from portal.services.ends import contract_withdrawals
from portal.services.ends.contract_withdrawals import Declared
from portal.services.money import withdrawal_refunds
from portal.web.admin import archive, bp, presenting, showing
from portal.web.admin.presenting import Row
from portal.web.admin.received import received_pages
from portal.web.admin.withdrawals import withdrawal_words
from portal.web.admin.withdrawals.contracts import PAYPAL_BEGAN
from portal.web.admin.withdrawals.withdrawal_words import VERDICT
from portal.web.csrf import BaseForm
from portal.web.day_field import DayField
from portal.web.first_tries import try_now
from portal.web.formatting import formatter
from portal.web.identity import by, context, person
from portal.web.local_days import local_day, noon_of, today

if TYPE_CHECKING:
    from portal.models import ReceivedRequest, Subscription


class WithdrawalForm(BaseForm):
    """When it was sent; of what is recorded already, that is known."""

    sent_on = DayField(
        _l("Sent on"),
        description=_l("The day on the postmark or of the email. It counts, not the day it arrived."),
        validators=[Optional()],
    )
    submit = SubmitField(_l("Carry out the withdrawal"))


@dataclass(frozen=True)
class Came:
    """When it was declared, and when the merchant learned of it."""

    declared_at: datetime
    informed_at: datetime
    has_hour: bool


@bp.route(
    "/subscriptions/<uuid:subscription_id>/withdrawal", methods=["GET", "POST"], endpoint="subscription_withdrawal"
)
def carry_out(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Say what it does; on confirmation end the contract, as of the day on which it was declared."""
    who, now = person(), utc_now()
    with context().db.read() as session:
        found = subscriptions.of_merchant(session, who.merchant_id, subscription_id)
        archive.check(session, found.customer)
        received = received_pages.answered(session, who.merchant_id)
        before = withdrawals.of_subscription(session, found.id)
        form = WithdrawalForm(sent_on=today())
        if received is not None and not received.may_be_about(found.id):
            return received_pages.not_this_one(received)
        if before is not None and (received is None or not received.is_open):
            return redirect(url_for(".withdrawal", withdrawal_id=before.id), 303)
        came = _came(received, form, found.started_at)
        if received is not None:
            del form.sent_on
        if not form.validate_on_submit() or ("sent_on" in form and not form.sent_on.is_within(PAYPAL_BEGAN, today())):
            return _page(session, found, received, came, form), 422 if form.errors else 200
    accepted = contract_withdrawals.accept(
        context(),
        Declared(
            merchant_id=who.merchant_id,
            subscription_id=subscription_id,
            reference=received.reference if received is not None else new_reference(),
            declared_at=came.declared_at,
            by=by(),
            role=who.role,
            received_request_id=received.id if received is not None else None,
            informed_at=came.informed_at,
        ),
        now=now,
    )
    if accepted.recorded is not None and accepted.recorded.is_new:
        try_now(end_carrying.carry_out, accepted.recorded.request_id)
    flash(_("The withdrawal is carried out. What is to be refunded stands here."), "success")
    return redirect(url_for(".withdrawal", withdrawal_id=accepted.withdrawal.id), 303)


def _came(received: ReceivedRequest | None, form: WithdrawalForm, began: datetime | None) -> Came:
    """Return it; of a letter the day alone is known, and it counts from noon."""
    if received is None:
        return Came(min(_moment_of(form.sent_on.data or today(), began), utc_now()), utc_now(), has_hour=False)
    if received.sent_on is not None:
        sent = min(_moment_of(received.sent_on, began), received.received_at)
        return Came(sent, received.received_at, has_hour=False)
    return Came(received.received_at, received.received_at, has_hour=has_hour(received.way))


def _moment_of(day: date, began: datetime | None) -> datetime:
    """Return a moment of that day; of the day on which the contract began none before it did."""
    noon = noon_of(day)
    return max(noon, began) if began is not None and local_day(began) == day else noon


def _page(
    session: Session, found: Subscription, received: ReceivedRequest | None, came: Came, form: WithdrawalForm
) -> str:
    return showing.page(
        "withdrawal_new.html",
        session,
        form=form,
        subscription=found,
        customer=presenting.name_of(found.customer),
        received=received,
        rows=_rows(session, found, received, came),
        action=url_for(
            ".subscription_withdrawal", subscription_id=found.id, received=request.args.get("received") or None
        ),
    )


def _rows(session: Session, found: Subscription, received: ReceivedRequest | None, came: Came) -> list[Row]:
    contract, fmt = contracts.contract_of(session, found), formatter()
    zone = contract.zones[0]
    sums = withdrawal_refunds.sums(session, found, contract, declared_at=came.declared_at, time_zone=zone)
    said = Verdict.IN_TIME if found.has_paid_nothing else verdict(contract, came.declared_at)
    declared = presenting.short(came.declared_at) if came.has_hour else presenting.day(came.declared_at)
    rows: list[Row] = [
        (_("Access"), _("ends as of the declaration, whatever was paid and whatever the product keeps")),
        (
            _("At PayPal"),
            _("the subscription had ended before") if found.is_over else _("the subscription is cancelled at once"),
        ),
    ]
    if received is not None:
        rows += [(_("Reference"), received.reference), (_("Declared on"), declared), (_("When it came"), VERDICT[said])]
    is_unknown = sums.left is None and payments.are_unknown(session, found)
    due = withdrawal_words.not_known() if is_unknown else _("nothing was taken")
    if sums.left is not None:
        due = fmt.money(Money(sums.due, sums.left.currency))
    rows.append((_("To be refunded"), due))
    if is_unknown or sums.due:
        rows.append((_("To be refunded by"), presenting.day(came.informed_at + REFUND_WITHIN)))
    return rows
