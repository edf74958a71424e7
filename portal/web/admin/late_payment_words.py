"""The desk's words for money after an end and its refunds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.ends.end_requests import Trouble
from portal.domain.money.late_payments import LateState
from portal.domain.money.refunds import NoRefund, RefundState
from portal.queries.merchants.paypal_accounts import Provider
from portal.queries.money.late_payments import Alarm
from portal.web.admin import presenting
from portal.web.formatting import formatter

LATE_STATE: Final[Mapping[LateState, LazyString]] = {
    LateState.OPEN: _l("Not settled: the customer expects it back"),
    LateState.REFUNDED: _l("All of it was returned"),
    LateState.EXPLAINED: _l("Kept: the payment was owed"),
    LateState.DEBT: _l("Paid off an old debt"),
}
REFUND_STATE: Final[Mapping[RefundState, LazyString]] = {
    RefundState.RECORDED: _l("Recorded, not sent to PayPal yet"),
    RefundState.CALLING: _l("Being sent to PayPal"),
    RefundState.RETRYING: _l("PayPal has not answered: it is tried again automatically"),
    RefundState.NEEDS_MERCHANT: _l("PayPal did not do it: needs your attention"),
    RefundState.PENDING: _l("PayPal has accepted it, the money is on its way"),
    RefundState.DONE: _l("Refunded: PayPal shows it"),
    RefundState.FAILED: _l("It failed at PayPal: nothing was refunded"),
}
REFUND_TROUBLE: Final[Mapping[Trouble, LazyString]] = {
    Trouble.BAD_CREDENTIALS: _l("PayPal refuses the API key: enter a new one on the PayPal page, then try again."),
    Trouble.FORBIDDEN: _l(
        "The key may not make refunds: tick the right for payments and refunds in your PayPal application, then "
        "try again, or refund it in your PayPal account."
    ),
    Trouble.NO_KEY: _l("There is no usable PayPal key for this subscription: enter one on the PayPal page."),
    Trouble.NOT_FOUND: _l("PayPal does not know this payment under this key: look for it in your PayPal account."),
    Trouble.ACCOUNT_CLOSED: _l("PayPal says that an account is closed: contact PayPal with the reference given here."),
    Trouble.REFUSED: _l(
        "PayPal refuses the refund. Look at the payment in your PayPal account: the balance may be too low, or the "
        "time for refunds may be over."
    ),
}
CANNOT: Final[Mapping[NoRefund, LazyString]] = {
    NoRefund.CLASSIC: _l("This payment came through a classic button: refund it in your PayPal account."),
    NoRefund.NOTHING_LEFT: _l("Nothing of this payment is left to refund."),
    NoRefund.NOT_AN_AMOUNT: _l("This amount cannot be refunded: enter more than zero, and no more than what is left."),
    NoRefund.WITH_END: _l("A refund of this payment was decided with an end, and goes out once PayPal confirms it."),
    NoRefund.TOO_OLD: _l(
        "PayPal refunds payments for 180 days: return this one another way, for example by a bank transfer."
    ),
    NoRefund.NEVER_TAKEN: _l("This payment was not taken, or is not settled yet: there is nothing to refund."),
    NoRefund.ANOTHER_AMOUNT: _l("The amount left to refund has changed. Check it and confirm again."),
}


def happened(alarm: Alarm) -> str:
    """Return what came after which end, how much of it is open and, while it is not settled, if its customer knows."""
    late, subscription, say = alarm.late, alarm.late.subscription, formatter()
    came = (
        _("PayPal took this payment after it had confirmed the end.")
        if subscription.stopped_at_provider_at is not None
        else _("PayPal took this payment although the subscription had ended before it started.")
    )
    if alarm.is_partly_back:
        back, left = say.money(alarm.back), say.money(alarm.left)
        came += " " + _("%(back)s of it was returned; %(left)s was not.", back=back, left=left)
    if late.state is not LateState.OPEN:
        return came
    told = presenting.told(subscription.customer, _("The customer was told, and expects it back."))
    return f"{came} {told}"


def todo(alarm: Alarm) -> str:
    """Return what the merchant can do about a payment after an end, by where its refund stands."""
    refund = alarm.refund
    if alarm.late.subscription.provider is Provider.PAYPAL_CLASSIC:
        return str(CANNOT[NoRefund.CLASSIC])
    if refund is None or refund.state is RefundState.FAILED:
        return _("Refund it, or say why it was owed.")
    if refund.state is not RefundState.NEEDS_MERCHANT:
        return _("Nothing for now: the portal is following the refund.")
    said = REFUND_TROUBLE.get(refund.trouble) if refund.trouble is not None else None
    return str(said or _("Try the refund again."))
