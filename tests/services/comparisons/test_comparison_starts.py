"""When a comparison begins, goes on or is late."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.models import (
    ComparisonPhase,
    ComparisonRun,
    ComparisonState,
    ComparisonTrigger,
    KeyState,
    PayPalAccount,
    Subscription,
)
from portal.queries.comparisons import comparisons as reads
from portal.services.comparisons import comparison_starts
from portal.services.comparisons.comparisons import AlreadyRunning, run_share, start_or_resume
from portal.services.paypal.gateways import NoKey
from tests.services.comparisons.comparing import done_run, finish, grow_old, jobs


def test_without_a_key_there_is_no_run(ctx, make):
    merchant = make.merchant(key=False)
    with pytest.raises(NoKey):
        start_or_resume(ctx, merchant.id)


def test_a_stopped_run_is_resumed_if_it_covers_what_is_asked_and_closed_otherwise(ctx, merchant):
    run = start_or_resume(ctx, merchant.id, trigger=ComparisonTrigger.PAYMENT_DUE)
    assert run.phase is ComparisonPhase.READS
    with pytest.raises(AlreadyRunning):
        start_or_resume(ctx, merchant.id)
    stop(ctx)
    whole = start_or_resume(ctx, merchant.id)  # payments near are not the whole
    assert whole.id != run.id
    stop(ctx)
    assert start_or_resume(ctx, merchant.id, trigger=ComparisonTrigger.NIGHTLY).id == whole.id
    stop(ctx)
    assert start_or_resume(ctx, merchant.id, trigger=ComparisonTrigger.PAYMENT_DUE).id == whole.id
    stop(ctx)
    dry = start_or_resume(ctx, merchant.id, dry_run=True)
    assert dry.id != whole.id
    with ctx.db.read() as session:
        closed = reads.get(session, whole.id)
        assert (closed.state, closed.finished_at) == (ComparisonState.DONE, None)
        assert reads.last_whole(session, merchant.id) is None


def stop(ctx):
    with ctx.db.begin() as session:
        session.execute(
            update(ComparisonRun)
            .where(ComparisonRun.state == ComparisonState.RUNNING)
            .values(state=ComparisonState.STOPPED, error="interrupted")
        )


def test_the_night_begins_once_for_each_merchant_at_their_own_minute(ctx, make, now):
    merchants = [make.merchant() for _ in range(3)]
    make.merchant(key=False)
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(set_at=now - timedelta(days=9)))
    evening = now.replace(hour=22, minute=0) + timedelta(days=1)
    assert comparison_starts.start_nightly(ctx, now=evening) == 3
    assert comparison_starts.start_nightly(ctx, now=evening + timedelta(minutes=10)) == 0
    assert len(jobs(ctx)) == 3
    slots = {comparison_starts.last_slot(one.id, evening) for one in merchants}
    assert all(1 <= slot.hour < 4 and slot.date() == evening.date() for slot in slots)
    finish(ctx, evening)
    before_one = evening.replace(hour=0, minute=59) + timedelta(days=1)
    assert comparison_starts.start_nightly(ctx, now=before_one) == 0
    assert comparison_starts.start_nightly(ctx, now=before_one + timedelta(hours=3, minutes=1)) == 3


def test_a_key_entered_today_waits_for_tonight_and_a_broken_one_for_its_owner(ctx, make, now):
    fresh, broken = make.merchant(), make.merchant()
    evening = now.replace(hour=22, minute=0)
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(set_at=evening - timedelta(minutes=5)))
        session.execute(
            update(PayPalAccount)
            .where(PayPalAccount.merchant_id == broken.id)
            .values(state=KeyState.REFUSED, set_at=now - timedelta(days=9))
        )
    assert comparison_starts.start_nightly(ctx, now=evening) == 0
    assert comparison_starts.start_nightly(ctx, now=evening + timedelta(days=1)) == 1
    with ctx.db.read() as session:
        assert session.scalars(select(ComparisonRun.merchant_id)).all() == [fresh.id]


def test_the_night_does_not_shorten_a_wait(ctx, merchant, now):
    evening = now.replace(hour=22, minute=0) + timedelta(days=1)
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(set_at=now - timedelta(days=9)))
    start_or_resume(ctx, merchant.id)
    with ctx.db.begin() as session:
        session.execute(
            update(ComparisonRun).values(
                state=ComparisonState.STOPPED, error="unavailable", wait_until=evening + timedelta(hours=3)
            )
        )
    assert comparison_starts.start_nightly(ctx, now=evening) == 0
    with ctx.db.begin() as session:  # nothing but a person would go on with this one
        session.execute(update(ComparisonRun).values(error="interrupted", wait_until=None))
    assert comparison_starts.start_nightly(ctx, now=evening) == 1


def test_runs_before_payments_begin_only_where_a_payment_is_near(ctx, make, paypal, now):
    near = make.merchant()
    due = make.subscription(merchant=near, next_payment_at=now + timedelta(hours=25))
    later = make.subscription(merchant=near, next_payment_at=now + timedelta(hours=27))
    make.subscription(merchant=make.merchant(), next_payment_at=now + timedelta(days=9))
    assert comparison_starts.start_before_payments(ctx, now=now) == 0  # both were read within the day
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(provider_read_at=now - timedelta(hours=25)))
    assert comparison_starts.start_before_payments(ctx, now=now) == 1
    assert comparison_starts.start_before_payments(ctx, now=now) == 0  # one is at work
    with ctx.db.read() as session:
        (run,) = session.scalars(select(ComparisonRun)).all()
    assert (run.merchant_id, run.trigger) == (near.id, ComparisonTrigger.PAYMENT_DUE)
    run_share(ctx, run.id)
    asked = [call.provider_id for call in paypal.calls if call.operation in ("show", "list")]
    assert asked == [due.provider_id]
    assert later.provider_id not in asked
    assert comparison_starts.start_before_payments(ctx, now=now) == 0  # nothing is due any more


def test_one_that_cannot_be_read_is_not_asked_for_every_hour(ctx, make, paypal, now):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant, next_payment_at=now + timedelta(hours=3))
    paypal.forget(row.provider_id)
    grow_old(ctx)
    assert comparison_starts.start_before_payments(ctx, now=utc_now()) == 1
    with ctx.db.read() as session:
        (run,) = session.scalars(select(ComparisonRun)).all()
    run_share(ctx, run.id)
    with ctx.db.read() as session:
        assert reads.get(session, run.id).failed == 1
    assert comparison_starts.start_before_payments(ctx, now=utc_now()) == 0
    assert comparison_starts.start_before_payments(ctx, now=utc_now() + timedelta(hours=25)) == 1


def test_a_run_whose_job_was_lost_gets_another(ctx, merchant, now):
    run = start_or_resume(ctx, merchant.id, now=now - timedelta(minutes=6))
    assert comparison_starts.resume_stopped(ctx, now=now) == 1
    assert [job.args["run_id"] for job in jobs(ctx)] == [str(run.id)]
    assert comparison_starts.resume_stopped(ctx, now=now) == 0


@pytest.mark.parametrize(
    ("hours", "trigger", "late"),
    [(35, "nightly", False), (37, "nightly", True), (1, "payment_due", True), (1, "manual", False), (None, "", True)],
)
def test_lateness_counts_from_the_last_whole_run(ctx, merchant, now, hours, trigger, late):
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(set_at=now - timedelta(days=5)))
        if hours is not None:
            session.add(done_run(merchant, now - timedelta(hours=hours), trigger=ComparisonTrigger(trigger)))
    with ctx.db.read() as session:
        assert reads.is_late(session, merchant.id, now=now) is late
        assert not reads.is_late(session, merchant.id, now=now - timedelta(days=5))
