"""What is handed to a customer of their payments, and which of theirs a number of PayPal's names."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol

from portal.documents.receipts import Issuer, ReceiptFacts, Returned
from portal.domain.money.money import Money
from portal.mail.letterhead import one_line
from portal.models import Payment, TimelineEntry
from portal.queries.merchants import logos
from portal.queries.money import customer_payments
from portal.queries.money.customer_payments import Called, Paid, Whose
from portal.services import throttles
from portal.services.context import Context
from portal.services.throttles import Limit

HOUR: Final = timedelta(hours=1)
LIVE: Final = "live"


class Seller(Protocol):
    """What a receipt says of the merchant."""

    @property
    def name(self) -> str: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def receipt_text(self) -> str: ...
    @property
    def logo_id(self) -> uuid.UUID | None: ...


def issuer(ctx: Context, merchant: Seller, pages: Iterable[str], *, locale: str) -> Issuer:
    """Return whose receipt it is, in a language; `pages`: lines below what the merchant wrote, in that language."""
    logo = None
    if merchant.logo_id is not None:
        with ctx.db.read() as session:
            logo = logos.content(session, merchant.logo_id)
    written = (line for line in merchant.receipt_text.splitlines() if line.strip())
    return Issuer(
        name=merchant.name,
        time_zone=merchant.time_zone,
        locale=locale,
        lines=(*written, *pages),
        logo=logo,
    )


def gather(paid: Paid, entries: Iterable[TimelineEntry], *, customer: str, product: str, now: datetime) -> ReceiptFacts:
    """Return what the rows say of a payment that was taken; `entries`: `customer_payments.returns` of it."""
    payment = paid.payment
    return ReceiptFacts(
        customer=customer,
        product=product,
        amount=paid.amount,
        paid_at=payment.paid_at,
        number=payment.provider_id,
        subscription_number=paid.subscription_number,
        returned=tuple(_returned(payment, entries)),
        left=Money(payment.left, payment.currency),
        is_back_known=payment.is_back_known,
        under_way=paid.under_way,
        is_test=payment.environment != LIVE,
        made_at=now,
    )


def _returned(payment: Payment, entries: Iterable[TimelineEntry]) -> Iterator[Returned]:
    """Return the sums that went back: those with a day, then what they leave; all as one where some came again."""
    dated = _dated(payment, entries)
    rest = payment.went_back - sum((one.amount.amount for one in dated), Decimal(0))
    if rest < 0:
        dated, rest = [], payment.went_back
    yield from dated
    reversed_before = sum((one.amount.amount for one in dated if one.by_paypal), Decimal(0))
    taken_back = min(rest, max(payment.taken_back - reversed_before, Decimal(0)))
    for size, by_paypal in ((rest - taken_back, False), (taken_back, True)):
        if size:
            yield Returned(amount=Money(size, payment.currency), at=None, by_paypal=by_paypal)


def _dated(payment: Payment, entries: Iterable[TimelineEntry]) -> list[Returned]:
    """Return the sums whose day is known, the oldest first.

    After a refund and a reversal an entry says « both », of the whole payment.  Its own sum is a reversal as far as
    PayPal has taken back more than the other entries say, the newest first.
    """
    found = [(entry, one) for entry in entries if (one := _read(entry, payment.currency)) is not None]
    taken_back = payment.taken_back - sum((one.amount.amount for _entry, one in found if one.by_paypal), Decimal(0))
    dated: list[Returned] = []
    for entry, one in reversed(found):
        is_taken = _by(entry) == "both" and not one.number and one.amount.amount <= taken_back
        if is_taken:
            taken_back -= one.amount.amount
        dated.append(replace(one, by_paypal=one.by_paypal or is_taken))
    return dated[::-1]


def _read(entry: TimelineEntry, currency: str) -> Returned | None:
    details = entry.details
    amount = Money.parse(details.get("amount"), details.get("currency"))
    if amount is None or amount.currency != currency:
        return None
    number = one_line(str(details.get("refund") or ""))
    return Returned(amount=amount, at=entry.at, by_paypal=_by(entry) == "reversal", number=number)


def _by(entry: TimelineEntry) -> object:
    """Return by which way it went back; `way` is what rows written before 28 November 2026 call it."""
    return entry.details.get("gone_back_by") or entry.details.get("way")


def called(ctx: Context, whose: Whose, number: str, *, network: str, now: datetime) -> Called | None:
    """Return which of the customer's own PayPal's number names; raise TooManyTries.

    None alike for what nobody has and for what somebody else has.
    """
    throttles.hit(
        ctx,
        Limit(name="charge_network", who=network, count=60, window=HOUR),
        Limit(name="charge_customer", who=str(whose.customer_id), count=30, window=HOUR),
        now=now,
    )
    with ctx.db.read() as session:
        return customer_payments.called(session, whose, number)
