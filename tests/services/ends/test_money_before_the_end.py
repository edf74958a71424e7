"""A payment after the stop whose message came before the end's: the end is told first, then the money."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from portal.models import Mail, Payment, PaymentState, Proof
from tests.services.ends.test_endings import show
from tests.waiting_mails import said


@pytest.fixture
def told(ctx, make):
    """PayPal stopped it yesterday, took a payment an hour ago, and shows the end now; its paid time was not known."""
    merchant, now = make.merchant(locale="en"), make.now()
    one = make.subscription(merchant=merchant, paid_until=None, last_payment_at=None, at_paypal=False)
    make.add(
        Payment(
            id=uuid.uuid4(),
            merchant_id=merchant.id,
            subscription_id=one.id,
            environment="sandbox",
            provider_id="9LATE",
            state=PaymentState.COMPLETED,
            amount=Decimal("29.90"),
            currency="EUR",
            paid_at=now - timedelta(hours=1),
        )
    )
    show(ctx, one, "CANCELLED", at=now - timedelta(days=1))
    assert make.reload(one).paid_until is not None, "the payment pays for a period"
    with ctx.db.read() as session:
        jobs = text("SELECT args->>'mail_id' FROM procrastinate_jobs WHERE task_name = 'mails.send' ORDER BY id")
        ids = [uuid.UUID(found) for found in session.scalars(jobs)]
        mails = {mail.id: mail for mail in session.scalars(select(Mail))}
        return [mails[found] for found in ids], session.scalars(select(Proof)).one()


def test_who_reads_of_money_after_the_end_has_read_of_the_end(told):
    mails, _proof = told
    of_customer = [mail.kind for mail in mails if not mail.kind.startswith("merchant")]
    assert of_customer == ["end_confirmed", "late_payment"]


def test_the_merchant_reads_of_the_end_what_the_customer_and_the_proof_say(ctx, told):
    mails, proof = told
    texts = {mail.kind: said(ctx, mail).text for mail in mails}
    assert proof.facts["is_access_unknown"], "when it was written, nobody knew until when it is paid"
    assert "The date it is paid until is unknown: decide when access ends" in texts["merchant_end_confirmed"]
