"""Planning an end, and what PayPal shows meanwhile."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date
from sqlalchemy import select, text, update

from portal.clock import utc_now
from portal.domain.dates.periods import add_months
from portal.domain.money.money import Money
from portal.models import Mail, Plan
from portal.providers.ports import PaymentReading
from portal.queries import subscriptions
from portal.services.ends import endings
from portal.services.money import payments
from portal.services.money.payments import Told
from tests.waiting_mails import said

MINUTES = timedelta(minutes=4)


def days_ahead(subscription, days):
    return (utc_now() + timedelta(days=days)).date()


def jobs(ctx):
    """When the jobs of ends are due, oldest first."""
    with ctx.db.read() as session:
        query = text(
            "SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'end_requests.carry_out' ORDER BY id"
        )
        return list(session.scalars(query))


def take(ctx, subscription, *moments, **changes):
    """The sales that PayPal's messages tell, as they are written."""
    readings = [
        PaymentReading(
            provider_id=f"SALE{at:%m%d%H%M}",
            status=changes.get("status", "COMPLETED"),
            amount=Money(Decimal("29.90"), "EUR"),
            at=at,
        )
        for at in moments
    ]
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        payments.take_over(ctx, session, locked, readings, Told(sale_ids=()), now=utc_now())


def finite(make, merchant, cycles=4, **columns):
    """Begun two months ago, of a plan of four monthly payments: the fourth comes in a month."""
    begun = add_months(make.now().replace(day=min(make.now().day, 28)), -2)
    held = make.subscription(
        merchant=merchant,
        started_at=begun,
        last_payment_at=add_months(begun, 2),
        next_payment_at=add_months(begun, 3),
        committed_until=add_months(begun, cycles),
        **columns,
    )
    with make.ctx.db.begin() as session:
        session.execute(update(Plan).where(Plan.id == held.plan_id).values(total_cycles=cycles))
    return make.reload(held)


def reading_of(subscription, **changes):
    from portal.providers.ports import Reading

    reading = Reading(
        provider_id=subscription.provider_id,
        status="ACTIVE",
        status_at=utc_now(),
        next_billing_at=subscription.next_payment_at,
        last_payment_at=subscription.last_payment_at,
    )
    return dataclasses.replace(reading, **changes)


def see(ctx, subscription, reading):
    from portal.queries import subscriptions

    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        endings.record_reading(ctx, session, locked, reading, now=utc_now())


def day_in_french(at):
    local = at.astimezone(ZoneInfo("Europe/Paris"))
    return format_date(local, "'1er' MMMM y" if local.day == 1 else "d MMMM y", locale="fr")


def letters(ctx, kind):
    """The texts of the mails of a kind, oldest first."""
    with ctx.db.read() as session:
        found = session.scalars(select(Mail).where(Mail.kind == kind).order_by(Mail.created_at)).all()
        return [said(ctx, mail).text for mail in found]
