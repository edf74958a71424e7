"""What an erasure leads to and waits for, in the customer's words."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from flask import g
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.domain.errors import NotAllowed
from portal.domain.people.customer_erasures import Hold
from portal.mail.letterhead import one_line
from portal.queries import holdings, subscriptions
from portal.queries.holdings import Holding
from portal.web.customer import presenting
from portal.web.customer.end_requests import recap
from portal.web.formatting import formatter


def ends(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, now: datetime) -> list[str]:
    """Return what becomes of each subscription that is not over."""
    held = subscriptions.all_of_customer(session, merchant_id, customer_id)
    live = [holdings.of_customer(session, merchant_id, customer_id, one.id) for one in held if not one.is_over]
    return [_end(one, now=now) for one in live]


def _end(holding: Holding, *, now: datetime) -> str:
    product, merchant = presenting.product_name(holding), one_line(g.merchant.name)
    if holding.request is not None and holding.request.is_open:
        return _("%(product)s: a request to cancel is already under way, and is waited for.", product=product)
    try:
        seen = recap(holding, now=now)
    except NotAllowed:
        return _(
            "%(product)s: %(merchant)s receives your cancellation notice and has to cancel it. Your data is erased "
            "afterwards.",
            product=product,
            merchant=merchant,
        )
    if seen.planned is not None:
        return _("%(product)s: %(how)s. Your data is erased after that.", product=product, how=seen.planned.heading)
    return _("%(product)s: cancelled at PayPal at once, and for good.", product=product)


def waits(
    found: Mapping[Hold, int], last: datetime | None, *, due_at: datetime, may_withdraw: bool, now: datetime
) -> list[str]:
    """Return what the wish waits for; `last`: when the last planned end takes effect."""
    fmt, merchant = formatter(), one_line(g.merchant.name)
    said = {
        Hold.LIVE: _("The end of your contract is about to be requested."),
        Hold.NOTICE: _("%(merchant)s has to answer your cancellation notice.", merchant=merchant),
        Hold.PLANNED_END: _("A cancellation takes effect on %(date)s.", date=fmt.day(last)),
        Hold.END: _("PayPal has to confirm the end of your contract first."),
        Hold.PAUSE: _("A pause or a resumption is still under way at PayPal."),
        Hold.COMEBACK: _("A new subscription that you began is still open at PayPal. It closes by itself."),
        Hold.REFUND: _("A refund is still under way."),
        Hold.SETTLEMENT: _("PayPal is taking an outstanding payment."),
        Hold.ADDRESS: _("Your email address was changed lately, and the former mailbox can still contest that."),
        Hold.LATE_PAYMENT: _("%(merchant)s has to settle a payment that came after an end.", merchant=merchant),
        Hold.MAIL: _("An email to you is still to be sent."),
    }
    lines = []
    if now < due_at and may_withdraw:
        lines.append(_("You have until %(date)s to think it over.", date=fmt.moment(due_at)))
    elif now < due_at:
        lines.append(_("Nothing is erased before %(date)s.", date=fmt.moment(due_at)))
    lines += [said[hold] for hold in Hold if hold in found]
    return lines or [_("Nothing more: your data will be erased within minutes.")]
