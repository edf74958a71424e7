"""A comparison that PayPal stops: it waits as it is asked to, and is held up by nobody for ever."""

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
from portal.services.comparisons import comparison_starts, comparisons
from portal.services.comparisons.comparisons import run_share, start_or_resume
from portal.services.imports.imports import StopReason
from tests.services.comparisons.comparing import compare, grow_old, jobs, run_now


def test_paypal_asking_to_wait_is_obeyed_by_run_key_and_job(ctx, merchant, paypal, bring_in):
    for n in range(8):
        paypal.add_subscription(email=f"c{n}@client.test")
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    run = start_or_resume(ctx, merchant.id, in_background=True)
    paypal.rule("show", "429", 1, skip=3, retry_after=90)
    began = utc_now()
    run_share(ctx, run.id)
    with ctx.db.read() as session:
        run = reads.get(session, run.id)
        account = session.scalars(select(PayPalAccount)).one()
    assert (run.state, run.error.split()[0]) == (ComparisonState.STOPPED, StopReason.RATE_LIMITED)
    assert timedelta(seconds=85) < run.wait_until - began < timedelta(seconds=110)
    assert account.calm_until == run.wait_until
    assert run.compared <= 4
    assert run.after_id is not None
    _, later = jobs(ctx)
    assert later.scheduled_at == run.wait_until
    calls = len(paypal.calls)
    run_share(ctx, run.id)  # too early, by another job: nothing is called
    assert len(paypal.calls) == calls
    assert len(jobs(ctx)) == 2

    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(calm_until=None))
        session.execute(update(ComparisonRun).values(wait_until=utc_now()))
    run_share(ctx, run.id)
    with ctx.db.read() as session:
        run = reads.get(session, run.id)
    assert (run.state, run.compared) == (ComparisonState.DONE, 8)


def test_silence_stops_the_run_with_growing_waits(ctx, merchant, paypal, bring_in):
    for n in range(5):
        paypal.add_subscription(email=f"c{n}@client.test")
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    run = start_or_resume(ctx, merchant.id)
    paypal.rule("show", "500")
    waits = []
    for tries in range(3):
        with ctx.db.begin() as session:
            session.execute(update(ComparisonRun).values(wait_until=utc_now() if tries else None))
        run_share(ctx, run.id, tries=tries)
        with ctx.db.read() as session:
            run = reads.get(session, run.id)
        assert (run.state, run.error.split()[0]) == (ComparisonState.STOPPED, StopReason.UNAVAILABLE)
        waits.append(run.wait_until - run.touched_at)
    assert waits == sorted(waits)
    assert waits[0] > timedelta(seconds=50)
    assert waits[-1] > timedelta(minutes=13)
    # The second share does read the list again: the phase was left before, so only reads fail.
    assert [job.args["tries"] for job in jobs(ctx)][-2:] == [2, 3]
    assert run.failed == 0
    paypal.clear_rules()
    with ctx.db.begin() as session:
        session.execute(update(ComparisonRun).values(wait_until=utc_now()))
    run_share(ctx, run.id, tries=3)
    with ctx.db.read() as session:
        assert reads.get(session, run.id).state is ComparisonState.DONE


def test_a_row_that_alone_is_left_and_never_answered_does_not_hold_the_run_for_ever(ctx, merchant, paypal, bring_in):
    row = paypal.add_subscription()
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    run = start_or_resume(ctx, merchant.id)
    paypal.rule("show", "500", only=row.id)
    run_share(ctx, run.id, tries=comparisons.TRIES)
    with ctx.db.read() as session:
        run = reads.get(session, run.id)
    assert (run.state, run.failed) == (ComparisonState.DONE, 1)


def test_a_refused_key_is_tested_and_the_run_waits_until_it_works(ctx, merchant, paypal, bring_in, now):
    paypal.add_subscription()
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    run = start_or_resume(ctx, merchant.id)
    paypal.rule("any", "401")
    run_share(ctx, run.id)
    with ctx.db.read() as session:
        run = reads.get(session, run.id)
    assert (run.state, run.error.split()[0], run.wait_until) == (
        ComparisonState.STOPPED, StopReason.BAD_CREDENTIALS, None,
    )  # fmt: skip
    assert len(jobs(ctx, "paypal_keys.check")) == 1
    assert comparison_starts.resume_stopped(ctx, now=utc_now()) == 0  # nobody has tested the key since
    paypal.clear_rules()
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(checked_at=utc_now(), state=KeyState.REFUSED))
    assert comparison_starts.resume_stopped(ctx, now=utc_now()) == 0
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(checked_at=utc_now(), state=KeyState.WORKING))
    assert comparison_starts.resume_stopped(ctx, now=utc_now()) == 1
    assert comparison_starts.resume_stopped(ctx, now=utc_now()) == 0
    run_share(ctx, run.id)
    with ctx.db.read() as session:
        assert reads.get(session, run.id).state is ComparisonState.DONE


def test_a_list_that_paypal_refuses_leaves_the_single_reads(ctx, merchant, paypal, bring_in):
    row = paypal.add_subscription()
    bring_in()
    row.failed_payments = 1
    paypal.rule("list", "404")
    run = compare(ctx, merchant)
    assert (run.state, run.corrected) == (ComparisonState.DONE, 1)


def test_neighbours_that_never_answer_are_left_behind_after_the_tries(ctx, merchant, paypal, bring_in):
    for n in range(8):
        paypal.add_subscription(email=f"c{n}@client.test")
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    with ctx.db.read() as session:
        ids = list(session.scalars(select(Subscription.provider_id).order_by(Subscription.id)))
    for bad in ids[2:5]:
        paypal.rule("show", "500", only=bad)
    run = start_or_resume(ctx, merchant.id, trigger=ComparisonTrigger.NIGHTLY)
    run = run_now(ctx, run, tries=comparisons.TRIES - 1)
    assert (run.state, run.compared, run.failed) == (ComparisonState.STOPPED, 2, 0)
    run = run_now(ctx, run, tries=comparisons.TRIES)
    assert (run.state, run.compared, run.failed) == (ComparisonState.DONE, 5, 3)


def test_when_paypal_is_away_for_hours_only_a_few_rows_are_left_behind_at_a_time(ctx, merchant, paypal, bring_in):
    for n in range(8):
        paypal.add_subscription(email=f"c{n}@client.test")
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    paypal.rule("show", "500")
    run = start_or_resume(ctx, merchant.id, trigger=ComparisonTrigger.NIGHTLY)
    run = run_now(ctx, run, tries=comparisons.TRIES)
    assert (run.state, run.compared, run.failed) == (ComparisonState.STOPPED, 0, 3)
    assert jobs(ctx)[-1].args["tries"] == 0  # the next ones get as many tries


@pytest.mark.parametrize("fault", ["500", "html-502", "empty-200", "array-200"])
def test_a_list_that_never_answers_is_left_after_the_tries_and_asked_again_next_time(
    ctx, merchant, paypal, bring_in, fault
):
    row = paypal.add_subscription()
    bring_in()
    since = compare(ctx, merchant).created_at
    grow_old(ctx)
    row.failed_payments = 1
    paypal.rule("list", fault)
    run = start_or_resume(ctx, merchant.id, trigger=ComparisonTrigger.NIGHTLY)
    run = run_now(ctx, run, tries=comparisons.TRIES - 1)
    assert (run.state, run.phase) == (ComparisonState.STOPPED, ComparisonPhase.LIST)
    run = run_now(ctx, run, tries=comparisons.TRIES)
    assert (run.state, run.error, run.corrected) == (ComparisonState.DONE, "list_not_read", 1)
    paypal.clear_rules()
    assert start_or_resume(ctx, merchant.id).changed_since == since - comparisons.OVERLAP


def test_being_asked_to_wait_is_never_overridden(ctx, merchant, paypal, bring_in):
    paypal.add_subscription()
    bring_in()
    paypal.rule("list", "429", retry_after=60)
    run = start_or_resume(ctx, merchant.id, trigger=ComparisonTrigger.NIGHTLY)
    run = run_now(ctx, run, tries=comparisons.TRIES)
    assert (run.state, run.phase) == (ComparisonState.STOPPED, ComparisonPhase.LIST)
