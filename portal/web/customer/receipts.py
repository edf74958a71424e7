"""One payment and its receipt: a page, the same as a PDF, and the address that leads to all of them."""

from __future__ import annotations

import uuid

from flask import Response, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.clock import utc_now
from portal.documents.receipts import ReceiptFacts, receipt_file, receipt_words
from portal.queries.money import customer_payments
from portal.queries.money.customer_payments import Paid
from portal.services.receipts import gather
from portal.web.customer import bp
from portal.web.customer.payment_words import customer_words, issuer, line, product_words, whose
from portal.web.files import handed_over
from portal.web.formatting import keep_shops_clock
from portal.web.identity import context


@bp.get("/receipts")
def receipts() -> ResponseReturnValue:
    """Lead to the payments: an address to be given by the merchant, good for whoever logs in."""
    return redirect(url_for(".payments"), 303)


@bp.get("/payments/<uuid:payment_id>")
def payment(payment_id: uuid.UUID) -> ResponseReturnValue:
    """Show the receipt of a payment; of one that was not taken, what is true of it."""
    paid, facts = _found(payment_id)
    if facts is None:
        is_pending = paid.payment.state == "pending"
        return render_template("customer/payment.html", paid=line(paid), at=paid.payment.paid_at, is_pending=is_pending)
    own = issuer()
    return render_template(
        "customer/receipt.html",
        words=receipt_words(facts, own),
        is_waiting=facts.under_way is not None,
        legal=own.lines,
        payment_id=payment_id,
    )


@bp.get("/payments/<uuid:payment_id>/receipt.pdf")
def payment_receipt(payment_id: uuid.UUID) -> Response:
    """Hand over the receipt; 404 where there is none, as for what is not theirs."""
    _paid, facts = _found(payment_id)
    if facts is None:
        abort(404)
    return handed_over(receipt_file(facts, issuer()))


def _found(payment_id: uuid.UUID) -> tuple[Paid, ReceiptFacts | None]:
    """Return a payment of the customer's with what its receipt says, if it was taken; 404 for any other."""
    keep_shops_clock()
    with context().db.read() as session:
        paid = customer_payments.one(session, whose(), payment_id)
        entries = customer_payments.returns(session, paid.payment)
    if not paid.payment.was_taken:
        return paid, None
    return paid, gather(paid, entries, customer=customer_words(), product=product_words(paid), now=utc_now())
