"""A late subscription whose customer clicks, and what became of it, as tests of several subjects look at it."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import text, update

from portal.clock import utc_now
from portal.domain.money.money import Money
from portal.domain.money.settlements import SettlementState
from portal.domain.subscriptions import Status
from portal.models import PayPalAccount, Settlement, TimelineKind
from portal.services.carrying import settlement_carrying
from portal.services.carrying.answers import Patience
from portal.services.money import settlements
from tests.services.carrying.carried import entries, mails

DUE = Money(Decimal("29.90"), "EUR")
DONE, FAILED = SettlementState.DONE, SettlementState.FAILED


def late_at(make, merchant):
    """One whose last payment PayPal could not take: 29,90 EUR are outstanding."""
    return make.subscription(
        merchant=merchant,
        status=Status.PAST_DUE,
        outstanding=DUE.amount,
        failed_payments=1,
        paid_until=make.now() - timedelta(days=2),
        last_payment_at=make.now() - timedelta(days=33),
    )


def click(ctx, late, *, shown=DUE):
    """Ask as the page does, without a try yet; return the settlement's id."""
    asked = settlements.record(ctx, late.merchant_id, late.customer_id, late.id, shown=shown, now=utc_now())
    return asked.settlement_id


def settlement(ctx, settlement_id) -> Settlement:
    with ctx.db.read() as session:
        return session.get_one(Settlement, settlement_id)


def try_it(ctx, late, settlement_id, *, patience=5) -> Settlement:
    """Try as if the planned time had come."""
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(calm_until=None))
    settlement_carrying.carry_out(ctx, late.merchant_id, settlement_id, patience=Patience(answer=patience), insist=True)
    return settlement(ctx, settlement_id)


def aged(ctx, settlement_id, by):
    """Let the click, and what has left since, be older."""
    earlier = text(
        "UPDATE settlements SET created_at = created_at - :by, sent_at = sent_at - :by, accepted_at = accepted_at - :by"
        " WHERE id = :id"
    )
    with ctx.db.begin() as session:
        session.execute(earlier, {"by": by, "id": settlement_id})


def captured(paypal, late):
    """What PayPal took by our calls."""
    row = paypal.subscriptions[late.provider_id]
    return [paid for paid in row.payments if paid.id in row.captures.values() and paid.status == "COMPLETED"]


def once(ctx, make, paypal, late, settlement_id):
    """Exactly one payment at PayPal, one entry, one mail, a subscription that goes on."""
    found, (paid,) = settlement(ctx, settlement_id), captured(paypal, late)
    assert (found.state, found.trouble, found.next_try_at) == (DONE, None, None)
    assert found.provider_id in ("", paid.id)
    assert make.reload(late).status is Status.ACTIVE
    assert make.reload(late).outstanding == 0
    assert entries(ctx, late, TimelineKind.SETTLEMENT_REQUESTED) == 1
    assert entries(ctx, late, TimelineKind.SETTLED) == 1
    assert mails(ctx).count("payment_settled") == 1
    assert "settlement_failed" not in mails(ctx)


def nothing_taken(ctx, make, paypal, late, settlement_id, why):
    found = settlement(ctx, settlement_id)
    assert (found.state, found.failed_for, found.next_try_at) == (FAILED, why, None)
    assert captured(paypal, late) == []
    assert entries(ctx, late, TimelineKind.SETTLEMENT_FAILED) == 1
    assert entries(ctx, late, TimelineKind.SETTLED) == 0
    assert "payment_settled" not in mails(ctx)


def together(act, times):
    threads = [threading.Thread(target=act) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
