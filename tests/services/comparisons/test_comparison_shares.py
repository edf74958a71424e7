"""A comparison in shares: any stop is resumed, nothing is counted or written twice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.subscriptions import Status
from portal.models import ComparisonRun, ComparisonState, EndRequest, Subscription, TimelineKind
from portal.queries.comparisons import comparisons as reads
from portal.services.comparisons import comparison_reads, comparison_work, comparisons
from portal.services.comparisons.comparisons import run_comparison, run_share, start_or_resume
from portal.services.ends import endings
from tests.services.carrying.carried import Killed
from tests.services.comparisons.comparing import compare, differences, done_run, grow_old, jobs, kinds, stored


def kill_at(monkeypatch, module, name, number):
    """Let the `number`th call of a function end the process, before or after what it does."""
    real, calls = getattr(module, name), []

    def counted(*positional, **named):
        calls.append(name)
        if len(calls) == number:
            raise Killed
        return real(*positional, **named)

    monkeypatch.setattr(module, name, counted)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("module", "name", "number"),
    [
        (comparison_work, "hold", 1),  # the first page was read and its rows written, its progress not
        (comparison_work, "hold", 2),
        (comparison_work, "hold", 3),  # in the reads
        (comparison_work.comparison_writes, "correct", 1),
        (comparison_work.comparison_writes, "correct", 3),
        (comparison_work.comparison_writes, "add", 1),
        (endings, "record_end", 1),
        (endings, "record_end", 2),
    ],
)
def test_killed_anywhere_it_goes_on_and_counts_nothing_twice(
    ctx, merchant, paypal, bring_in, monkeypatch, module, name, number
):
    rows = [paypal.add_subscription(email=f"c{n}@client.test") for n in range(25)]
    bring_in()
    with ctx.db.begin() as session:
        session.add(done_run(merchant, utc_now() - timedelta(hours=2)))
    for row in rows[:22]:  # in the list, on two pages
        paypal.happen(row.id, "buyer-cancels")
    rows[23].failed_payments = 2  # only a single read shows it
    new = paypal.add_subscription(email="neuf@client.test", started_at=utc_now() - timedelta(hours=1))
    monkeypatch.setattr(comparison_reads, "BATCH", 2)
    with monkeypatch.context() as dying:
        kill_at(dying, module, name, number)
        run = start_or_resume(ctx, merchant.id)
        with pytest.raises(Killed):
            run_comparison(ctx, run.id, calls_per_second=None)
    with ctx.db.read() as session:
        assert reads.get(session, run.id).state is ComparisonState.RUNNING  # as a killed process leaves it
    done = run_comparison(ctx, run.id, calls_per_second=None)
    assert (done.state, done.differed, done.corrected, done.added, done.failed) == (
        ComparisonState.DONE, 23, 23, 1, 0,
    )  # fmt: skip
    listed = Counter(row.provider_id for row in differences(ctx, done))
    assert listed == Counter([row.id for row in rows[:22]] + [rows[23].id, new.id])
    assert all(kinds(ctx, stored(ctx, row.id))[TimelineKind.ENDED] == 1 for row in rows[:22])
    with ctx.db.read() as session:
        assert len(session.scalars(select(EndRequest)).all()) == 22


def test_a_share_ends_and_the_rest_goes_to_another_job(ctx, merchant, paypal, bring_in, monkeypatch):
    for n in range(5):
        paypal.add_subscription(email=f"c{n}@client.test")
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    monkeypatch.setattr(comparisons, "SHARE", timedelta(0))
    run = start_or_resume(ctx, merchant.id, in_background=True)
    run_share(ctx, run.id)
    first, second = jobs(ctx)
    assert first.args["run_id"] == second.args["run_id"] == str(run.id)
    assert first.lock == second.lock == f"comparisons-{merchant.id.int % 2}"
    assert second.scheduled_at is None


def test_two_processes_on_one_run_write_each_row_once(ctx, merchant, paypal, bring_in):
    for n in range(25):
        paypal.add_subscription(email=f"c{n}@client.test")
    bring_in()
    run = start_or_resume(ctx, merchant.id)
    overtaken = []

    def other_process(_run):  # takes the run over after the first page
        if not overtaken:
            overtaken.append(run_comparison(ctx, run.id, calls_per_second=None))

    run_comparison(ctx, run.id, calls_per_second=None, on_progress=other_process)
    with ctx.db.read() as session:
        done = reads.get(session, run.id)
    assert (done.state, done.compared) == (ComparisonState.DONE, 25)
    behind = start_or_resume(ctx, merchant.id)
    with ctx.db.begin() as session:
        session.execute(update(ComparisonRun).where(ComparisonRun.id == behind.id).values(next_page=2))
    with pytest.raises(comparison_work.Lost), ctx.db.begin() as session:
        comparison_work.hold(session, behind)


def test_an_answer_older_than_what_somebody_wrote_meanwhile_changes_nothing(
    ctx, merchant, paypal, bring_in, monkeypatch, now
):
    row = paypal.add_subscription()
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    row.failed_payments = 1
    real = comparison_work.difference

    def meanwhile(copy, reading, *, now):  # a message from PayPal is handled while the row is compared
        with ctx.db.begin() as session:
            later = utc_now() + timedelta(days=40)
            session.execute(update(Subscription).values(provider_read_at=utc_now(), next_payment_at=later))
        return real(copy, reading, now=now)

    monkeypatch.setattr(comparison_work, "difference", meanwhile)
    run = compare(ctx, merchant)
    assert (run.state, run.corrected) == (ComparisonState.DONE, 0)
    kept = stored(ctx, row.id)
    assert kept.status is Status.ACTIVE
    assert kept.next_payment_at > now + timedelta(days=39)


def test_calls_are_spread_evenly(monkeypatch):
    from portal.services.comparisons.comparison_pace import Pacer

    clock, slept = [100.0], []
    monkeypatch.setattr("portal.services.comparisons.comparison_pace.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("portal.services.comparisons.comparison_pace.time.sleep", slept.append)
    pacer = Pacer(10)
    for _ in range(4):
        pacer.wait()
    assert [round(one, 3) for one in slept] == [0.1, 0.2, 0.3]
    clock[0] = 200.0
    pacer.wait()
    assert len(slept) == 3  # what was not used is not saved up
    assert pacer.taken() == 5
    assert pacer.taken() == 0
