"""Money that came after an end: what happened, a page to give it back, or the reason why it was owed."""

from __future__ import annotations

import uuid
from decimal import Decimal, InvalidOperation

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, TextAreaField
from wtforms.validators import InputRequired, Length

from portal.clock import utc_now
from portal.domain.money.late_payments import LONGEST_REASON, LateState
from portal.domain.money.refunds import CannotRefund
from portal.queries.merchants.paypal_accounts import Provider
from portal.queries.money import late_payments as alarms
from portal.queries.money import refunds as stored_refunds
from portal.queries.money.late_payments import Alarm
from portal.services.carrying import refund_carrying
from portal.services.money import late_payments, refunds, withdrawal_refunds
from portal.services.money.refunds import By
from portal.web.admin import bp, presenting, showing
from portal.web.admin.late_payment_words import CANNOT, LATE_STATE, REFUND_STATE, REFUND_TROUBLE, happened
from portal.web.admin.withdrawals.withdrawal_words import settled
from portal.web.csrf import BaseForm
from portal.web.first_tries import try_now
from portal.web.formatting import formatter
from portal.web.identity import context, person


class ExplanationForm(BaseForm):
    """Why a payment is kept."""

    reason = TextAreaField(
        _l("Why was it owed?"),
        validators=[
            InputRequired(_l("Say in a few words why the payment was owed.")),
            Length(max=LONGEST_REASON, message=_l("At most %(max)d characters.")),
        ],
    )


@bp.get("/late-payments/<uuid:late_id>", endpoint="late_payment")
def show(late_id: uuid.UUID) -> ResponseReturnValue:
    """Show one alarm: the payment, the subscription at PayPal, the refunds, and what may be done."""
    return _page(late_id, ExplanationForm())


class RefundForm(BaseForm):
    """The amount that the page showed: what is confirmed is that one."""

    amount = HiddenField()


@bp.route("/late-payments/<uuid:late_id>/refund", methods=["GET", "POST"], endpoint="late_payment_refund")
def refund(late_id: uuid.UUID) -> ResponseReturnValue:
    """Say what a refund does; on confirmation the intent first, then a try at once. A second click tries it again."""
    with context().db.read() as session:
        alarm = alarms.of_merchant(session, person().merchant_id, late_id)
        otherwise = withdrawal_refunds.settled_otherwise(session, alarm.late.payment)
    under_way = alarm.refund is not None and alarm.refund.is_open
    form = RefundForm(amount=str(alarm.left.amount))
    if form.validate_on_submit() and (under_way or form.amount.data):
        return _give_back(late_id, alarm.late.payment_id, form.amount.data)
    is_rest = alarm.late.subscription.provider is Provider.PAYPAL_REST
    if under_way or alarm.late.state is not LateState.OPEN or alarm.left.amount <= 0 or not is_rest:
        return redirect(url_for(".late_payment", late_id=late_id), 303)
    words = words_of(alarm) | {"otherwise": otherwise, "said": settled(otherwise)}
    return showing.page("refund.html", form=form, **words), 422 if form.errors else 200


def _give_back(late_id: uuid.UUID, payment_id: uuid.UUID, amount: str | None) -> ResponseReturnValue:
    who = person()
    here = redirect(url_for(".late_payment", late_id=late_id), 303)
    try:
        by, seen = By(id=who.id, name=who.name), _amount(amount)
        refund_id = refunds.record(context(), who.merchant_id, payment_id, by, left=seen, now=utc_now())
    except CannotRefund as error:
        flash(CANNOT[error.why], "info")
        return here
    try_now(refund_carrying.carry_out, refund_id, insist=True)
    with context().db.read() as session:
        newest = alarms.of_merchant(session, who.merchant_id, late_id).refund
    assert newest is not None  # noqa: S101 - it was recorded above
    flash(REFUND_STATE[newest.state], "success" if not newest.is_open else "info")
    return here


def _amount(text: str | None) -> Decimal:
    """Return the amount that was confirmed; what is none equals no amount."""
    try:
        return Decimal(text or "-1")
    except InvalidOperation:
        return Decimal(-1)


@bp.post("/late-payments/<uuid:late_id>/explanation", endpoint="late_payment_explanation")
def explain(late_id: uuid.UUID) -> ResponseReturnValue:
    """Settle it without a refund, with the reason."""
    who, form = person(), ExplanationForm()
    if not form.validate_on_submit() or not (form.reason.data or "").strip():
        return _page(late_id, form), 422
    try:
        late_payments.explain(
            context(),
            who.merchant_id,
            late_id,
            reason=form.reason.data or "",
            by=who.name,
            by_id=who.id,
            now=utc_now(),
        )
        flash(_("Settled without a refund. Your reason is kept here."), "success")
    except late_payments.NotOpen:
        flash(_("This payment is already settled, or a refund of it is under way."), "info")
    return redirect(url_for(".late_payment", late_id=late_id), 303)


def _page(late_id: uuid.UUID, form: ExplanationForm) -> str:
    with context().db.read() as session:
        alarm = alarms.of_merchant(session, person().merchant_id, late_id)
        asked = stored_refunds.of_payment(session, alarm.late.payment_id)
        otherwise = withdrawal_refunds.settled_otherwise(session, alarm.late.payment)
        return showing.page(
            "late_payment.html",
            session,
            otherwise=otherwise,
            said=settled(otherwise),
            **words_of(alarm),
            form=form,
            refunds=asked,
            is_open=alarm.late.state is LateState.OPEN,
            under_way=next((one for one in asked if one.is_open), None),
            is_classic=alarm.late.subscription.provider.value == "paypal_classic",
        )


def words_of(alarm: Alarm) -> dict[str, object]:
    """Return an alarm with its words, for a page and for a card."""
    say, subscription = formatter(), alarm.late.subscription
    return {
        "alarm": alarm,
        "late": alarm.late,
        "subscription": subscription,
        "customer": subscription.customer.name or subscription.customer.email or subscription.provider_id,
        "happened": happened(alarm),
        "if_kept": presenting.told(
            subscription.customer,
            _("The customer is told that you consider it owed and will not refund it. Your reason stays here."),
        ),
        "if_refunded": presenting.told(
            subscription.customer, _("The customer is told as soon as PayPal shows it as refunded.")
        ),
        "amount": say.money(alarm.amount),
        "back": say.money(alarm.back),
        "left": say.money(alarm.left),
        "LATE_STATE": LATE_STATE,
        "REFUND_STATE": REFUND_STATE,
        "REFUND_TROUBLE": REFUND_TROUBLE,
    }
