"""Ends of plans that run out by themselves."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date

from portal.clock import utc_now
from portal.domain.dates.periods import add_months
from portal.models import EndRequest, Merchant
from portal.queries import subscriptions
from portal.services.dates import planned_ends
from tests.services.carrying.carried import ask
from tests.services.dates.planning import MINUTES, day_in_french, days_ahead, finite, letters, take


def test_a_finite_plan_is_told_the_payments_and_the_access_that_will_be(ctx, make, merchant):
    held = finite(make, merchant)
    request = ask(ctx, make, held, wished_on=days_ahead(held, 300))
    assert request.shown["payments_left"] == 1
    assert request.shown["last_payment_at"] == held.next_payment_at.isoformat()
    assert request.shown["next_payment_at"] is None
    assert held.next_payment_at + timedelta(days=11) <= request.due_at < held.committed_until
    with ctx.db.read() as session:
        stored = session.get_one(EndRequest, request.id)
        planned = planned_ends.told_of(
            stored, subscriptions.of_request(session, stored), session.get_one(Merchant, merchant.id), now=utc_now()
        )
    assert planned.access_until == planned.runs_out_at == held.committed_until
    last_day = (held.committed_until - timedelta(microseconds=1)).astimezone(ZoneInfo("Europe/Paris")).date()
    assert (planned.ends_on, planned.wished_on) == (last_day, days_ahead(held, 300))
    (told,) = letters(ctx, "end_recorded")
    said = " ".join(told.split())
    weekday = format_date(held.committed_until.astimezone(ZoneInfo("Europe/Paris")), "EEEE", locale="fr")
    assert f"Le contrat se termine de lui-même le {weekday} {day_in_french(held.committed_until)}" in said
    assert "ne seront pas effectués" not in said


def test_a_finite_plans_payments_are_counted_where_all_are_known(ctx, make, merchant):
    """A pause left one out: PayPal takes it later, and nobody is told one payment less than is taken."""
    held = finite(make, merchant)
    begun = held.started_at
    take(ctx, held, begun + MINUTES, add_months(begun, 2) + MINUTES)
    assert ask(ctx, make, make.reload(held), wished_on=days_ahead(held, 300)).shown["payments_left"] == 2
