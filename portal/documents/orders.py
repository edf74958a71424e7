"""The words of what somebody orders who comes back: one function for the page before the order and the mail after it.

French law wants them before the order, and on a durable medium after it (law.md, R-FR-62).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from portal.domain.law.orders import Order
from portal.domain.law.plan_kinds import PlanKind
from portal.domain.money.money import Money
from portal.formatting import Formatter, Words
from portal.mail.facts import OrderWords
from portal.mail.letterhead import one_line

WITHDRAWAL_DAYS = 14
WITHDRAWAL_VERSION = "order-2026-12-2"  # of the information below: another text has another version
EXPRESS_VERSION = "express-2026-12"  # of the box's sentence, `express_request`


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """An order with its price and start. `starts_at`: None where it starts with the approval at PayPal."""

    order: Order
    product: str
    price: Money | None
    interval_unit: str | None
    interval_count: int
    starts_at: datetime | None
    merchant_name: str
    support_email: str | None
    online: Mapping[str, str] = field(default_factory=dict)  # by language: that one can withdraw online too, and where
    begins_early: bool = False  # asked expressly to begin within the withdrawal period


def express_request(words: Words, merchant: str) -> str:
    """Return what is ticked to have the service begin within the period: the request and the acknowledgement in one.

    L221-25: without it nothing is owed by who withdraws. It is no condition of the order.
    """
    return words.gettext(
        "I ask %(merchant)s to begin before the %(days)s days of my right of withdrawal are over. I know that if I "
        "then withdraw, I pay for the days until then.",
        merchant=one_line(merchant),
        days=WITHDRAWAL_DAYS,
    )


def order_words(ordered: Ordered, fmt: Formatter) -> OrderWords:
    """Return what the page and the mail say of an order, in the formatter's language."""
    return OrderWords(rows=_rows(ordered, fmt), contents=_contents(ordered, fmt), withdrawal=_withdrawal(ordered, fmt))


def _rows(ordered: Ordered, fmt: Formatter) -> tuple[tuple[str, str], ...]:
    _, order = fmt.words.gettext, ordered.order
    starts = fmt.day(ordered.starts_at) if ordered.starts_at else _("the day of your approval at PayPal")
    rows = [
        (
            _("Payment schedule") if order.kind is PlanKind.INSTALMENTS else _("Subscription"),
            one_line(ordered.product),
        ),
        (_("Price"), fmt.price(ordered.price, ordered.interval_unit, ordered.interval_count)),
        (_("First payment"), starts),
    ]
    if order.setup_fee is not None:
        rows.append((_("Once, with the first payment"), fmt.money(order.setup_fee)))
    if order.has_trial:
        rows.append((_("Trial period"), _("PayPal shows its length and price before you approve.")))
    rows += [(_("Duration"), _duration(order, fmt)), (_("Commitment"), _commitment(order, fmt))]
    if order.notice_days:
        days = fmt.words.ngettext("%(num)d day", "%(num)d days", order.notice_days)
        rows.append((_("Notice period when you cancel"), days))
    seller = one_line(ordered.merchant_name)
    rows.append((_("Seller"), f"{seller}, {ordered.support_email}" if ordered.support_email else seller))
    return tuple(rows)


def _duration(order: Order, fmt: Formatter) -> str:
    if order.kind is PlanKind.TACIT_RENEWAL and order.term_months and order.term_notice_days:
        return _renewing(order.term_months, order.term_notice_days, fmt)
    if not order.cycles:
        return fmt.words.gettext("no end date: it runs until you cancel it")
    if order.kind is PlanKind.INSTALMENTS:
        return fmt.words.ngettext(
            "paid in %(num)d instalment; after the last one nothing more is charged",
            "paid in %(num)d instalments; after the last one nothing more is charged",
            order.cycles,
        )
    return fmt.words.ngettext(
        "one payment, then it ends by itself", "%(num)d payments, then it ends by itself", order.cycles
    )


def _renewing(term: int, notice: int, fmt: Formatter) -> str:
    """Return the term, that it renews itself, and until when that can be refused."""
    months = fmt.words.ngettext("%(num)d month", "%(num)d months", term)
    days = fmt.words.ngettext("%(num)d day", "%(num)d days", notice)
    return fmt.words.gettext(
        "%(months)s, then renewed for the same term each time, unless you refuse at least %(days)s before",
        months=months,
        days=days,
    )


def _commitment(order: Order, fmt: Formatter) -> str:
    _ = fmt.words.gettext
    if not order.commitment_months:
        return _("none: you can cancel at any time")
    months = fmt.words.ngettext("%(num)d month", "%(num)d months", order.commitment_months)
    if order.commitment_binds:
        return _("%(months)s: payments are owed until then, even if you cancel", months=months)
    return _("%(months)s, and you can still cancel before then", months=months)


def _contents(ordered: Ordered, fmt: Formatter) -> tuple[str, ...]:
    ngettext = fmt.words.ngettext
    return tuple(
        ngettext(
            "%(title)s, one day after the start", "%(title)s, %(num)d days after the start", days, title=one_line(title)
        )
        if days
        else one_line(title)
        for title, days in ordered.order.contents
    )


def _withdrawal(ordered: Ordered, fmt: Formatter) -> tuple[str, ...]:
    _ = fmt.words.gettext
    facts = {
        "merchant": one_line(ordered.merchant_name),
        "days": WITHDRAWAL_DAYS,
        "email": ordered.support_email or "",
    }
    online = ordered.online.get(fmt.locale)
    return (
        _(
            "You have %(days)s days from your approval at PayPal to withdraw from this order, free of charge and "
            "without giving a reason.",
            **facts,
        ),
        _("To do so, say it clearly to %(merchant)s within that time, for example by email: %(email)s.", **facts)
        if ordered.support_email
        else _("To do so, say it clearly to %(merchant)s within that time, for example by email.", **facts),
        *([online] if online is not None else []),
        _(
            "%(merchant)s then refunds you within %(days)s days, by the means with which you paid, and your access "
            "ends.",
            **facts,
        ),
        _(
            "You asked to begin before these %(days)s days are over, and know that if you withdraw you pay for the "
            "days until then: that part is not refunded.",
            **facts,
        )
        if ordered.begins_early
        else _(
            "You did not ask to begin before these %(days)s days are over: if you withdraw, you owe nothing.", **facts
        ),
    )
