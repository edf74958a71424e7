"""One payment, what went back of it, and giving it back whole or in part: a sum is shown before it is confirmed."""

from __future__ import annotations

import uuid
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import HiddenField
from wtforms.validators import InputRequired, Optional

from portal.clock import utc_now
from portal.domain.money.money import Money
from portal.domain.money.refunds import CannotRefund, NoRefund, WithEnd
from portal.queries import subscriptions
from portal.queries.money import late_payments as alarms
from portal.queries.money import payments
from portal.queries.money import refunds as stored
from portal.queries.money.late_payments import LateState
from portal.services.carrying import refund_carrying
from portal.services.ends import end_refunds
from portal.services.money import refunds, withdrawal_refunds
from portal.services.money.refunds import By
from portal.web.admin import bp, presenting, showing
from portal.web.admin.late_payment_words import CANNOT, REFUND_STATE, REFUND_TROUBLE
from portal.web.admin.withdrawals.withdrawal_words import settled
from portal.web.amount_field import AmountField
from portal.web.csrf import BaseForm
from portal.web.first_tries import try_now
from portal.web.formatting import formatter
from portal.web.identity import context, person
from portal.web.payments import lines

if TYPE_CHECKING:
    from portal.models import Payment, Refund, Subscription


class RefundForm(BaseForm):
    """How much goes back; `left` and `shown` are what the page said."""

    amount = AmountField(_l("Amount to refund"), validators=[InputRequired(_l("Enter the amount to refund."))])
    left = HiddenField(validators=[Optional()])
    shown = HiddenField(validators=[Optional()])

    @property
    def is_confirmed(self) -> bool:
        """Whether the page that was sent had shown this very sum on its button."""
        return self.amount.data == _amount(self.shown.data)


@bp.get("/payments/<uuid:payment_id>", endpoint="payment")
def show(payment_id: uuid.UUID) -> ResponseReturnValue:
    """Show one payment, what went back of it and which refunds were asked for here."""
    with context().db.read() as session:
        payment, subscription, late_id = _found(session, payment_id)
        asked = stored.of_payment(session, payment.id)
        otherwise = withdrawal_refunds.settled_otherwise(session, payment)
        waits = stored.waits_for_end(session, payment.id)
        why = NoRefund.WITH_END if waits else refunds.why_not(subscription, payment, amount=payment.left, now=utc_now())
        return showing.page(
            "payment.html",
            session,
            otherwise=otherwise,
            said=settled(otherwise),
            **_words(payment, subscription),
            late_id=late_id,
            refunds=asked,
            under_way=next((one for one in asked if one.is_open), None),
            why_not=CANNOT[why] if why is not None else None,
            REFUND_STATE=REFUND_STATE,
            REFUND_TROUBLE=REFUND_TROUBLE,
        )


@bp.route("/payments/<uuid:payment_id>/refund", methods=["GET", "POST"], endpoint="payment_refund")
def refund(payment_id: uuid.UUID) -> ResponseReturnValue:
    """Ask how much; on confirmation the intent first, then a try at once. While one is under way, try that again."""
    with context().db.read() as session:
        payment, subscription, late_id = _found(session, payment_id)
        under_way = stored.open_of(session, payment.id)
        waits = stored.waits_for_end(session, payment.id)
        otherwise = withdrawal_refunds.settled_otherwise(session, payment)
    if late_id is not None and under_way is None:
        return redirect(url_for(".late_payment", late_id=late_id), 303)
    form = RefundForm(amount=_wished(payment.left))
    left = Money(payment.left, payment.currency)
    why = NoRefund.WITH_END if waits else refunds.why_not(subscription, payment, amount=left.amount, now=utc_now())
    if under_way is not None or why is not None:
        if under_way is not None and form.is_submitted() and form.csrf_token.validate(form):
            if form.amount.raw_data and form.amount.data != under_way.amount:
                _say_another(under_way)
                return redirect(url_for(".payment", payment_id=payment.id), 303)
            return _carried(payment.id, under_way.id)
        if under_way is not None:
            _say_another(under_way)
        return redirect(url_for(".payment", payment_id=payment.id), 303)
    if form.validate_on_submit():
        why = refunds.why_not(subscription, payment, amount=form.amount.data, now=utc_now())
        if why is NoRefund.NOT_AN_AMOUNT:
            said = _(
                "Enter an amount up to %(amount)s, with no more decimals than the currency has.", amount=_say(left)
            )
            form.amount.errors = [said]
        elif form.is_confirmed:
            return _give_back(payment.id, form)
    form.left.data = f"{left.amount:f}"
    is_known = not form.amount.errors and form.amount.data
    asked = Money(form.amount.data if is_known else left.amount, payment.currency)
    form.shown.data = f"{asked.amount:f}"
    is_new = bool(form.is_submitted() and is_known)
    return showing.page(
        "payment_refund.html",
        form=form,
        **_words(payment, subscription),
        button=_("Refund %(amount)s", amount=_say(asked)),
        asks=(_("You chose another amount: check it and confirm again."),) if is_new else (),
        unused=_unused(payment, subscription),
        otherwise=otherwise,
        said=settled(otherwise),
    ), (422 if form.errors else 200)


@bp.post("/refunds/<uuid:refund_id>/stop", endpoint="refund_stop")
def stop(refund_id: uuid.UUID) -> ResponseReturnValue:
    """Ask PayPal no more for a refund that it did not make."""
    who = person()
    if refunds.give_up(context(), who.merchant_id, refund_id, By(id=who.id, name=who.name), now=utc_now()):
        flash(_("PayPal is not asked for this refund any more. Nothing was refunded by it."), "success")
    else:
        flash(_("This refund does not wait for you any more: here is where it stands."), "info")
    with context().db.read() as session:
        payment_id = stored.of_merchant(session, who.merchant_id, refund_id).payment_id
    return redirect(url_for(".payment", payment_id=payment_id), 303)


def _wished(left: Decimal) -> Decimal:
    """Return the sum that the page's address proposes, as of a withdrawal; else, and beyond it, all that is left."""
    wished = _amount(request.args.get("amount"))
    return wished if wished.is_finite() and 0 < wished <= left else left


def _say_another(under_way: Refund) -> None:
    if under_way.state is stored.RefundState.NEEDS_MERCHANT:
        flash(_("Another refund of this payment waits for you: try it again, or stop it."), "warning")
    else:
        flash(_("Another refund of this payment is already under way: here is where it stands."), "info")


def _give_back(payment_id: uuid.UUID, form: RefundForm) -> ResponseReturnValue:
    who = person()
    try:
        refund_id = refunds.record(
            context(),
            who.merchant_id,
            payment_id,
            By(id=who.id, name=who.name),
            amount=form.amount.data,
            left=_amount(form.left.data),
            now=utc_now(),
        )
    except CannotRefund as error:
        flash(CANNOT[error.why], "info")
        return redirect(url_for(".payment", payment_id=payment_id), 303)
    return _carried(payment_id, refund_id)


def _carried(payment_id: uuid.UUID, refund_id: uuid.UUID) -> ResponseReturnValue:
    """Try a refund now, and say where it stands."""
    try_now(refund_carrying.carry_out, refund_id, insist=True)
    with context().db.read() as session:
        found = next(one for one in stored.of_payment(session, payment_id) if one.id == refund_id)
    flash(REFUND_STATE[found.state], "success" if not found.is_open else "info")
    return redirect(url_for(".payment", payment_id=payment_id), 303)


def _found(session: Session, payment_id: uuid.UUID) -> tuple[Payment, Subscription, uuid.UUID | None]:
    """Return a payment of the merchant's with its subscription, and its alarm where that is open."""
    merchant_id = person().merchant_id
    payment = payments.of_merchant(session, merchant_id, payment_id)
    late = alarms.of_payment(session, payment.id)
    is_alarm = late is not None and late.state is LateState.OPEN
    subscription = subscriptions.of_merchant(session, merchant_id, payment.subscription_id)
    return payment, subscription, late.id if late is not None and is_alarm else None


def _words(payment: Payment, subscription: Subscription) -> dict[str, object]:
    line = lines([payment])[0]
    return {
        "payment": payment,
        "subscription": subscription,
        "customer_name": presenting.name_of(subscription.customer),
        "amount": line.amount,
        "state": line.state,
        "refunded": line.refunded,
        "left": _say(Money(payment.left, payment.currency)),
        "told": presenting.told(
            subscription.customer, _("The customer is told as soon as PayPal shows it as refunded.")
        ),
    }


def _unused(payment: Payment, subscription: Subscription) -> str:
    """Return what the days come to that are still paid, of the newest payment; "" where none are."""
    if subscription.last_payment_at is None or payment.paid_at < subscription.last_payment_at:
        return ""
    found = end_refunds.offered(subscription, payment, time_zone=g.merchant.time_zone, now=utc_now())
    part = None if isinstance(found, NoRefund) else found.get(WithEnd.UNUSED)
    return _say(part) if part is not None else ""


def _say(money: Money) -> str:
    return formatter().money(money)


def _amount(text: str | None) -> Decimal:
    """Return the sum that a page said; what is none equals no sum."""
    try:
        return Decimal(text or "-1")
    except InvalidOperation:
        return Decimal(-1)
