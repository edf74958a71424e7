"""Payments in the customer's words, for their pages and files, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g, url_for
from flask_babel import LazyString
from flask_babel import gettext as _

from portal.documents.receipts import Issuer
from portal.domain.money.receipts import Record
from portal.domain.people import email_addresses
from portal.mail.letterhead import one_line
from portal.queries.money.customer_payments import Paid, Whose
from portal.services import receipts
from portal.web import locale
from portal.web import payments as payment_lines
from portal.web.formatting import formatter
from portal.web.identity import context, person


@dataclass(frozen=True, kw_only=True)
class Line:
    """One payment in words."""

    day: str
    url: str
    product: str
    amount: str
    label: LazyString
    note: str  # what went back, or is on its way; may be empty
    number: str

    @property
    def state(self) -> str:
        """What became of it, in one text."""
        return f"{self.label} – {self.note}" if self.note else str(self.label)


def whose() -> Whose:
    """Return whose payments the page may show."""
    who = person()
    return Whose(merchant_id=who.merchant_id, customer_id=who.id)


def customer_words() -> str:
    """Return the customer as a document names them: name and address, as far as they are known."""
    who = person()
    return ", ".join(filter(None, (one_line(who.name), email_addresses.shown(who.email or ""))))


def product_words(paid: Paid) -> str:
    """Return what was paid for on one line; PayPal's number stands in for a name that nobody gave."""
    return one_line(paid.product_name) or _("Contract %(id)s", id=paid.subscription_number)


def issuer() -> Issuer:
    """Return the merchant as its receipts name it, in the language of the page."""
    merchant = g.merchant
    own = ((_("Website"), merchant.site_url), (_("Legal notice"), merchant.legal_url))
    lines = [_("%(label)s: %(value)s", label=label, value=address) for label, address in own if address]
    if merchant.support_email:
        lines.append(_("A question? Write to %(address)s.", address=merchant.support_email))
    return receipts.issuer(context(), merchant, lines, locale=locale.current())


def line(paid: Paid) -> Line:
    """Return one payment for a list."""
    (shown,) = payment_lines.lines([paid.payment])
    under_way = ""
    if paid.under_way is not None:
        under_way = _("being refunded: %(amount)s", amount=formatter().money(paid.under_way))
    return Line(
        day=shown.day,
        url=url_for("customer.payment", payment_id=shown.id),
        product=product_words(paid),
        amount=shown.amount,
        label=shown.state,
        note=", ".join(filter(None, (shown.refunded, under_way))),
        number=shown.provider_id,
    )


def gap(record: Record) -> str:
    """Return what of the customer's payments is not known here, in a sentence; empty where all is."""
    match record:
        case Record.BEING_READ:
            return _("Your earlier payments are still being read from PayPal: some are missing for now.")
        case Record.UNREADABLE:
            return _(
                "Your earlier payments could not be read from PayPal yet: some are missing here. Your PayPal account "
                "has them all."
            )
        case Record.SINCE_IMPORT:
            return _(
                "You have a subscription of PayPal’s older kind, of which only new payments are reported: earlier ones "
                "are missing here. Your PayPal account has them all."
            )
        case Record.WHOLE:
            return ""
