"""The receipt of one payment and the statement of a year: one wording for the page and for the PDF.

Both say what PayPal has reported until the moment they are made, and that they are no invoice (law.md R-FR-63).  What
the merchant wrote for its receipts is printed as it is; the portal adds nothing of its own about VAT.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from portal.documents.printing import File, Legible, paper, printable
from portal.domain.money.money import Money
from portal.domain.money.receipts import Total
from portal.formatting import Formatter
from portal.i18n import Translator
from portal.mail.letterhead import FSI, PDI, Clean

Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Issuer(Clean):
    """Who was paid, in whose zone and in which language it is said. `lines` are the merchant's own, and its pages."""

    name: str
    time_zone: str
    locale: str
    lines: tuple[str, ...]
    logo: bytes | None  # a PNG

    @property
    def words(self) -> Translator:
        """The reader's language."""
        return Translator(self.locale)

    @property
    def formatter(self) -> Formatter:
        """How the reader writes dates and amounts."""
        return Formatter(self.locale, self.time_zone, self.words)


@dataclass(frozen=True, kw_only=True)
class Returned:
    """A sum that went back; `at` is when PayPal confirmed it, None where no message said so."""

    amount: Money
    at: datetime | None
    by_paypal: bool = False  # a reversal, as after a dispute
    number: str = ""  # PayPal's, of the refund


@dataclass(frozen=True, kw_only=True)
class ReceiptFacts(Clean):
    """One payment that was taken, as it stands at `made_at`."""

    customer: str  # name and address, as far as they are known
    product: str
    amount: Money
    paid_at: datetime
    number: str  # PayPal's, of the payment as the merchant's account has it
    subscription_number: str
    returned: tuple[Returned, ...]
    left: Money
    is_back_known: bool
    under_way: Money | None
    is_test: bool  # in PayPal's sandbox, where no money moves
    made_at: datetime


@dataclass(frozen=True, kw_only=True)
class ReceiptWords:
    """What the receipt says."""

    heading: str
    lede: str
    more: tuple[str, ...]  # what became of the payment since
    rows: Rows
    note: str


def receipt_words(facts: ReceiptFacts, issuer: Issuer) -> ReceiptWords:
    """Return the words of a receipt, for the page and for the PDF."""
    _, fmt = issuer.words.gettext, issuer.formatter
    amount = fmt.money(facts.amount)
    return ReceiptWords(
        heading=_("Receipt for %(amount)s", amount=amount),
        lede=_(
            "You paid %(amount)s to %(merchant)s on %(date)s.",
            amount=amount,
            merchant=issuer.name,
            date=fmt.moment(facts.paid_at),
        ),
        more=tuple(_since(facts, issuer)),
        rows=_rows(facts, issuer),
        note=_("This is a receipt, not an invoice."),
    )


def _since(facts: ReceiptFacts, issuer: Issuer) -> Iterable[str]:
    _, fmt = issuer.words.gettext, issuer.formatter
    if not facts.is_back_known:
        yield _("A part of it was returned to you. PayPal does not say how much.")
    elif facts.returned and not facts.left.amount:
        yield _("All of it was returned to you.")
    elif facts.returned:
        back = Money(facts.amount.amount - facts.left.amount, facts.amount.currency)
        yield _("%(amount)s of it was returned to you.", amount=fmt.money(back))
    if facts.under_way is not None:
        yield _(
            "A refund of %(amount)s is under way: PayPal has not confirmed it yet.", amount=fmt.money(facts.under_way)
        )


def _rows(facts: ReceiptFacts, issuer: Issuer) -> Rows:
    _, fmt, number = issuer.words.gettext, issuer.formatter, facts.number
    if facts.is_test:
        number = _("%(number)s (PayPal’s test environment: no real money)", number=number)
    rows = [
        (_("Paid to"), issuer.name),
        (_("Paid by"), facts.customer),
        (_("Product"), facts.product),
        (_("Paid on"), fmt.moment(facts.paid_at)),
        (_("Amount"), fmt.money(facts.amount)),
    ]
    rows += [_returned_row(one, issuer) for one in facts.returned]
    if facts.returned and facts.is_back_known:
        rows.append((_("Not returned"), fmt.money(facts.left)))
    rows += [
        (_("Paid with"), "PayPal"),
        (_("PayPal transaction ID, as the seller has it"), number),
        (_("PayPal subscription ID"), facts.subscription_number),
    ]
    return tuple((label, value) for label, value in rows if value)


def _returned_row(one: Returned, issuer: Issuer) -> tuple[str, str]:
    _, fmt = issuer.words.gettext, issuer.formatter
    label = _("Reversed through PayPal") if one.by_paypal else _("Refunded")
    amount = fmt.money(one.amount)
    if one.at is None:
        return label, _("%(amount)s, on a day that PayPal has not reported", amount=amount)
    said = _("%(amount)s, confirmed by PayPal on %(date)s", amount=amount, date=fmt.day(one.at))
    return label, f"{said} ({one.number})" if one.number else said


def receipt_file(facts: ReceiptFacts, issuer: Issuer) -> File:
    """Return the receipt as an A4 document. Its name says PayPal's number of the payment, and nothing of a person."""
    stem = "recu" if issuer.locale == "fr" else "receipt"
    said = partial(_receipt_said, facts, issuer)
    return paper(f"{stem}-{facts.number}.pdf", "receipt.typ", said, locale=issuer.locale, at=facts.made_at)


def _receipt_said(facts: ReceiptFacts, issuer: Issuer, legible: Legible) -> dict[str, Any]:
    words, fmt = receipt_words(facts, issuer), issuer.formatter
    printed = {
        **_common(issuer, facts.made_at),
        "heading": words.heading,
        "lede": fmt.with_zone(words.lede),
        "more": words.more,
        "lines": words.rows,
        "note": words.note,
    }
    title = issuer.words.gettext("Receipt, PayPal transaction %(number)s", number=facts.number)
    return printable(printed, legible) | _named(issuer, title)


@dataclass(frozen=True, kw_only=True)
class StatementFacts(Clean):
    """A year's payments in words: day, product, amount, what became of it, PayPal's number; the oldest first."""

    year: int
    customer: str
    rows: tuple[tuple[str, str, str, str, str], ...]
    totals: tuple[Total, ...]  # empty where not all is known
    gap: str  # what is not known, in a sentence; empty: nothing
    is_test: bool
    made_at: datetime


def total_words(total: Total, fmt: Formatter) -> str:
    """Return what was taken in a year in one currency, and what of it went back."""
    _, taken = fmt.words.gettext, fmt.money(Money(total.taken, total.currency))
    said = fmt.words.ngettext(
        "%(num)d payment: %(amount)s.", "%(num)d payments: %(amount)s in all.", total.count, amount=taken
    )
    if not total.is_back_known:
        return f"{said} " + _("A part was returned; PayPal does not say how much.")
    if not total.back:
        return said
    back, left = (fmt.money(Money(one, total.currency)) for one in (total.back, total.taken - total.back))
    return f"{said} " + _("Returned: %(back)s. Not returned: %(left)s.", back=back, left=left)


def statement_file(facts: StatementFacts, issuer: Issuer, *, name: str) -> File:
    """Return the year as an A4 document of that name."""
    said = partial(_statement_said, facts, issuer)
    return paper(name, "statement.typ", said, locale=issuer.locale, at=facts.made_at)


def _statement_said(facts: StatementFacts, issuer: Issuer, legible: Legible) -> dict[str, Any]:
    _, fmt = issuer.words.gettext, issuer.formatter
    title = _("Payments of %(year)s to %(merchant)s", year=facts.year, merchant=issuer.name)
    no_money = _("PayPal’s test environment: no real money") if facts.is_test else ""
    printed = {
        **_common(issuer, facts.made_at),
        "heading": title,
        "customer": facts.customer,
        "columns": (_("Date"), _("Product"), _("Amount"), _("Status"), _("PayPal transaction ID")),
        "rows": facts.rows,
        "totals": [total_words(one, fmt) for one in facts.totals],
        "notes": [one for one in (facts.gap, no_money) if one],
        "note": _("This is a list of payments, not an invoice."),
    }
    return printable(printed, legible) | _named(issuer, title)


def _common(issuer: Issuer, made_at: datetime) -> dict[str, Any]:
    _, fmt = issuer.words.gettext, issuer.formatter
    made = _("As PayPal had reported it on %(date)s.", date=fmt.moment(made_at))
    return {
        "merchant": issuer.name,
        "legal": issuer.lines,
        "made": fmt.with_zone(made),
        "foot": issuer.name,
        "page": _("page %(page)s of %(pages)s", page="{page}", pages="{pages}"),
    }


def _named(issuer: Issuer, title: str) -> dict[str, Any]:
    """Return what programs read in the file, and do not print; and the logo, whose bytes are no text."""
    plain = str.maketrans("", "", FSI + PDI)
    return {
        "title": title.translate(plain),
        "author": issuer.name.translate(plain),
        "language": issuer.locale,
        "logo": list(issuer.logo or b""),
        "logo-name": issuer.words.gettext("Logo: %(name)s", name=issuer.name).translate(plain),
    }
