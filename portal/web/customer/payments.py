"""All that a customer has paid, newest first and by year; a year of it as a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from flask import Response, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.documents.receipts import StatementFacts, statement_file, total_words
from portal.domain.money import receipts
from portal.domain.money.money import Money
from portal.domain.money.receipts import Record, Total
from portal.queries.money import customer_payments
from portal.queries.money.customer_payments import Paid
from portal.services.csv_files import MARK, line_of
from portal.services.receipts import LIVE
from portal.web import locale
from portal.web.customer import bp
from portal.web.customer.payment_words import Line, customer_words, gap, issuer, line, product_words, whose
from portal.web.files import download, handed_over
from portal.web.formatting import formatter, keep_shops_clock
from portal.web.identity import context

MOST_PAGES: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Year:
    """A year as far as the page shows it; `totals` are of the whole year, and empty where they would not be true."""

    number: int
    lines: tuple[Line, ...]
    totals: tuple[str, ...]


@bp.get("/payments")
def payments() -> ResponseReturnValue:
    """Show every payment of the customer, fifty to a page, and how much of them is known."""
    keep_shops_clock()
    number = min(max(request.args.get("page", 1, type=int), 1), MOST_PAGES)
    with context().db.read() as session:
        paid, has_more = customer_payments.page(session, whose(), number)
        record = customer_payments.record(session, whose())
        totals = customer_payments.totals(session, whose(), g.merchant.time_zone)
    if number > 1 and not paid:
        return redirect(_page_url(1))
    return render_template(
        "customer/payments.html",
        years=list(_years(paid, totals if record is Record.WHOLE else ())),
        gap=gap(record),
        number=number,
        next_url=_page_url(number + 1) if has_more else None,
        previous_url=_page_url(number - 1) if number > 1 else None,
    )


@bp.get("/payments/years/<int(fixed_digits=4):year>.csv")
def payments_csv(year: int) -> Response:
    """Hand over a year as a table that a spreadsheet opens; 404 where nothing was to be paid in it."""
    content = "".join(_csv(_of_year(year)))  # a year is no long list
    return download(content.encode(), name=f"{_stem()}-{g.merchant.slug}-{year}.csv")


@bp.get("/payments/years/<int(fixed_digits=4):year>.pdf")
def payments_statement(year: int) -> Response:
    """Hand over a year as one document; 404 where nothing was to be paid in it."""
    paid = _of_year(year)
    lines = [line(one) for one in paid]
    with context().db.read() as session:
        record = customer_payments.record(session, whose())
        totals = customer_payments.totals(session, whose(), g.merchant.time_zone)
    facts = StatementFacts(
        year=year,
        customer=customer_words(),
        rows=tuple((one.day, one.product, one.amount, one.state, one.number) for one in lines),
        totals=tuple(one for one in totals if one.year == year and record is Record.WHOLE),
        gap=gap(record),
        is_test=any(one.payment.environment != LIVE for one in paid),
        made_at=utc_now(),
    )
    return handed_over(statement_file(facts, issuer(), name=f"{_stem()}-{g.merchant.slug}-{year}.pdf"))


def _page_url(number: int) -> str:
    return url_for(".payments", page=number if number > 1 else None)


def _stem() -> str:
    return "paiements" if locale.current() == "fr" else "payments"


def _years(paid: Iterable[Paid], totals: Iterable[Total]) -> Iterator[Year]:
    said: dict[int, list[str]] = {}
    for one in totals:
        said.setdefault(one.year, []).append(total_words(one, formatter()))
    for year, rows in groupby(paid, key=lambda one: _local(one.payment.paid_at).year):
        yield Year(number=year, lines=tuple(map(line, rows)), totals=tuple(said.get(year, ())))


def _local(at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(g.merchant.time_zone))


def _of_year(year: int) -> list[Paid]:
    keep_shops_clock()  # a year is the shop's
    span = receipts.span(year, g.merchant.time_zone)
    if span is None:
        abort(404)
    with context().db.read() as session:
        return customer_payments.of_year(session, whose(), span) or abort(404)


def _csv(paid: Iterable[Paid]) -> Iterator[str]:
    """Yield the table: bare numbers, and moments by the merchant's clock; the mark tells Excel that it is UTF-8."""
    head: tuple[str, ...] = (
        _("Date"),
        _("Time (%(zone)s)", zone=formatter().zone),
        _("Product"),
        _("Amount"),
        _("Currency"),
    )
    head += (_("Status"), _("Returned"), _("Being refunded"), _("PayPal transaction ID"), _("PayPal subscription ID"))
    yield MARK + line_of(head)
    for one in paid:
        payment, at = one.payment, _local(one.payment.paid_at)
        back, nothing = Money(payment.went_back, payment.currency), Money(payment.amount * 0, payment.currency)
        yield line_of(
            (
                *(f"{at:%Y-%m-%d}", f"{at:%H:%M}", product_words(one), one.amount.figures, payment.currency),
                line(one).label,
                back.figures if payment.is_back_known else _("PayPal does not say how much"),
                *((one.under_way or nothing).figures, payment.provider_id, one.subscription_number),
            )
        )
