"""Comparing with PayPal: every difference found and corrected once, one bad row stops nobody, any stop is resumed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text, update

from portal.clock import utc_now
from portal.demo.simulator.records import stamp
from portal.domain.end_requests import Channel, RequestState
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, Status
from portal.models import (
    ComparisonDifference,
    ComparisonPhase,
    ComparisonRun,
    ComparisonState,
    ComparisonTrigger,
    EndRequest,
    KeyState,
    Mail,
    PayPalAccount,
    Provider,
    Subscription,
    TimelineEntry,
    TimelineKind,
)
from portal.queries.comparisons import comparison_turns
from portal.queries.comparisons import comparisons as reads
from portal.services.comparisons import comparison_reads, comparison_starts, comparisons
from portal.services.comparisons.comparisons import AlreadyRunning, run_comparison, run_share, start_or_resume
from portal.services.ends import end_requests, endings
from portal.services.ends.end_wishes import Wish
from portal.services.imports import imports
from portal.services.imports.imports import StopReason
from portal.services.paypal.gateways import SECRET, SIGNATURE, NoKey


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def bring_in(ctx, merchant):
    """Import what the simulator has, and let it be old enough to be read again."""

    def run():
        imports.run_import(ctx, imports.start_or_resume(ctx, merchant.id).id)
        grow_old(ctx)

    return run


def grow_old(ctx, days=4):
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(provider_read_at=utc_now() - timedelta(days=days)))


def compare(ctx, merchant, **how):
    run = start_or_resume(ctx, merchant.id, **how)
    return run_comparison(ctx, run.id, calls_per_second=None)


def differences(ctx, run):
    with ctx.db.read() as session:
        rows = session.scalars(select(ComparisonDifference).filter_by(run_id=run.id).order_by(ComparisonDifference.at))
        return list(rows)


def stored(ctx, provider_id):
    with ctx.db.read() as session:
        return session.scalars(select(Subscription).filter_by(provider_id=provider_id)).one()


def kinds(ctx, subscription):
    with ctx.db.read() as session:
        found = session.scalars(select(TimelineEntry.kind).where(TimelineEntry.subscription_id == subscription.id))
        return Counter(found)


def mails(ctx):
    with ctx.db.read() as session:
        return Counter(session.scalars(select(Mail.kind)))


def everything_stored(ctx):
    """Every row of every table that a comparison might touch, but for its own two."""
    names = ("subscriptions", "plans", "products", "customers", "end_requests", "timeline_entries", "mails", "grants")
    with ctx.db.read() as session:
        return {name: sorted(map(str, session.execute(text(f"SELECT * FROM {name}")))) for name in names}  # noqa: S608


def jobs(ctx, task="comparisons.run"):
    with ctx.db.read() as session:
        return session.execute(
            text("SELECT args, lock, scheduled_at FROM procrastinate_jobs WHERE task_name = :task ORDER BY id"),
            {"task": task},
        ).all()


def test_what_stands_as_at_paypal_costs_one_call_and_changes_only_when_it_was_read(ctx, merchant, paypal, bring_in):
    ids = [paypal.add_subscription(email=f"c{n}@client.test").id for n in range(3)]
    bring_in()
    before = everything_stored(ctx)
    run = compare(ctx, merchant, trigger=ComparisonTrigger.PAYMENT_DUE, everything=True)
    assert (run.state, run.compared, run.differed, run.failed) == (ComparisonState.DONE, 0, 0, 0)  # none is due so soon
    began = utc_now()
    run = compare(ctx, merchant)
    assert (run.state, run.compared, run.differed, run.added, run.failed) == (ComparisonState.DONE, 3, 0, 0, 0)
    assert differences(ctx, run) == []
    assert all(stored(ctx, one).provider_read_at >= began for one in ids)
    after = everything_stored(ctx)
    assert {name for name in before if before[name] != after[name]} == {"subscriptions", "plans"}
    grow_old(ctx)
    run = compare(ctx, merchant)  # the list tells of nothing new; the reads are due
    assert (run.compared, run.calls, paypal.count("show")) == (3, 5, 3)


def suspended(paypal, row):
    paypal.happen(row.id, "suspend")


CHANGES = {
    "status": (lambda row, now: setattr(row, "status", "SUSPENDED"), "status", "active", "paused"),
    "word": (lambda row, now: setattr(row, "status", "FROZEN"), "provider_status", "ACTIVE", "FROZEN"),
    "failed payments": (lambda row, now: setattr(row, "failed_payments", 2), "failed_payments", 0, 2),
    "late": (lambda row, now: setattr(row, "failed_payments", 1), "status", "active", "past_due"),
    "price": (
        lambda row, now: setattr(row, "own_amount", "35.50"),
        "price",
        {"amount": "29.9", "currency": "EUR"},
        {"amount": "35.5", "currency": "EUR"},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_kind_of_difference_is_found_by_a_single_read_and_corrected(ctx, merchant, paypal, bring_in, now, name):
    change, fact, before, after = CHANGES[name]
    row = paypal.add_subscription()
    other = paypal.add_subscription(email="autre@client.test")
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    change(row, now)
    run = compare(ctx, merchant)
    (found,) = differences(ctx, run)
    assert (found.before[fact], found.after[fact]) == (before, after)
    assert (found.corrected, found.error, found.provider_id) == (True, "", row.id)
    assert (run.compared, run.differed, run.corrected, run.failed) == (2, 1, 1, 0)
    assert stored(ctx, other.id).amount == Decimal("29.90")
    again = compare(ctx, merchant, everything=True)
    assert (again.compared, again.differed) == (2, 0)


@pytest.mark.parametrize(
    ("change", "fact", "column"),
    [
        ("next_billing_time", "next_payment_at", "next_payment_at"),
        ("next_billing_time", "paid_until", "paid_until"),
        ("last_payment", "last_payment_at", "last_payment_at"),
    ],
)
def test_a_date_that_moved_is_found(ctx, merchant, paypal, bring_in, now, change, fact, column):
    row = paypal.add_subscription()
    bring_in()
    at = now + timedelta(days=5) if change == "next_billing_time" else now - timedelta(hours=1)
    value = stamp(at)
    setattr(row, change, value if change == "next_billing_time" else {"amount": "29.90", "time": value})
    run = compare(ctx, merchant)
    (found,) = differences(ctx, run)
    assert found.after[fact] == at.isoformat()
    assert found.before[fact] != found.after[fact]
    assert getattr(stored(ctx, row.id), column) == at


def test_another_plan_is_followed_with_its_price_and_what_it_opens(ctx, merchant, paypal, bring_in):
    row = paypal.add_subscription()
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    other = paypal.add_plan("Cours du soir", amount="45.00")
    old, row.plan_id = row.plan_id, other.id
    run = compare(ctx, merchant)
    (found,) = differences(ctx, run)
    assert (found.before["plan"], found.after["plan"]) == (old, other.id)
    assert found.corrected
    with ctx.db.read() as session:
        now_stored = comparison_turns.known(session, merchant.id, "sandbox", [row.id])[row.id]
        assert (now_stored.plan.provider_id, now_stored.product.name) == (other.id, "Cours du soir")
    assert now_stored.amount == Decimal("45.00")
    assert compare(ctx, merchant, everything=True).differed == 0


def test_a_plans_new_price_is_seen_the_same_night_by_whoever_pays_it(ctx, merchant, paypal, bring_in):
    row, dearer = paypal.add_subscription(), paypal.add_subscription(email="autre@client.test")
    dearer.own_amount = "40.00"
    bring_in()
    compare(ctx, merchant)  # read a moment ago: nobody's turn comes for three days
    paypal.state.plans[row.plan_id].amount = "35.00"
    run = compare(ctx, merchant, trigger=ComparisonTrigger.NIGHTLY)
    (found,) = differences(ctx, run)
    assert (found.provider_id, found.after["price"]) == (row.id, {"amount": "35", "currency": "EUR"})
    assert stored(ctx, row.id).amount == Decimal("35.00")
    assert stored(ctx, dearer.id).amount == Decimal("40.00")
    with ctx.db.read() as session:
        plan = comparison_turns.known(session, merchant.id, "sandbox", [row.id])[row.id].plan
    assert plan.amount == Decimal("35.00"), "a new subscription is shown at it too"
    again = compare(ctx, merchant, trigger=ComparisonTrigger.NIGHTLY)
    assert (again.differed, again.failed) == (0, 0)


@pytest.mark.parametrize("answer", ["403", "500", "404"])
def test_plans_that_paypal_does_not_show_keep_no_subscription_waiting(ctx, merchant, paypal, bring_in, answer):
    row = paypal.add_subscription()
    bring_in()
    paypal.rule("list_plans", answer)
    row.own_amount = "35.50"
    run = compare(ctx, merchant)
    assert (run.state, run.differed, run.failed) == (ComparisonState.DONE, 1, 0)


def test_a_dry_run_leaves_plans_as_they_are(ctx, merchant, paypal, bring_in):
    row = paypal.add_subscription()
    bring_in()
    paypal.state.plans[row.plan_id].amount = "35.00"
    compare(ctx, merchant, dry_run=True)
    with ctx.db.read() as session:
        assert comparison_turns.known(session, merchant.id, "sandbox", [row.id])[row.id].plan.amount == Decimal("29.90")


def test_what_paypal_has_and_we_have_not_comes_in(ctx, merchant, paypal, bring_in):
    paypal.add_subscription()
    bring_in()
    new = paypal.add_subscription(email="nouvelle@client.test")
    run = compare(ctx, merchant)
    assert (run.added, run.differed, run.compared) == (1, 0, 2)
    (found,) = differences(ctx, run)
    assert found.subscription_id == stored(ctx, new.id).id
    assert (found.before, found.after["provider_status"], found.corrected) == ({}, "ACTIVE", True)
    assert kinds(ctx, stored(ctx, new.id)) == {TimelineKind.IMPORTED: 1}


def test_an_end_at_paypal_gives_one_entry_and_one_mail(ctx, merchant, paypal, bring_in):
    row = paypal.add_subscription()
    bring_in()
    compare(ctx, merchant)
    paypal.happen(row.id, "buyer-cancels")
    run = compare(ctx, merchant, everything=True)
    ended = stored(ctx, row.id)
    assert ended.status is Status.CANCELLED
    assert ended.stopped_at_provider_at is not None
    assert kinds(ctx, ended)[TimelineKind.ENDED] == 1
    (found,) = differences(ctx, run)
    assert (found.before["status"], found.after["status"]) == ("active", "cancelled")
    sent = mails(ctx)
    compare(ctx, merchant, everything=True)
    assert mails(ctx) == sent
    assert sum(sent.values()) == len(set(sent)), "no mail twice"
    assert kinds(ctx, stored(ctx, row.id))[TimelineKind.ENDED] == 1


def test_an_end_found_while_the_customer_waits_confirms_their_own_request(ctx, merchant, paypal, bring_in):
    row = paypal.add_subscription()
    bring_in()
    subscription = stored(ctx, row.id)
    wish = Wish(
        merchant_id=merchant.id, subscription_id=subscription.id, customer_id=subscription.customer_id,
        action=Action.CANCEL, actor=Actor.CUSTOMER, channel=Channel.PORTAL,
    )  # fmt: skip
    request_id = end_requests.record(ctx, wish, now=utc_now()).request_id
    paypal.happen(row.id, "buyer-cancels")
    compare(ctx, merchant)
    with ctx.db.read() as session:
        (request,) = session.scalars(select(EndRequest)).all()
    assert (request.id, request.state) == (request_id, RequestState.CONFIRMED)
    assert kinds(ctx, subscription)[TimelineKind.ENDED] == 1
    assert all(count == 1 for count in mails(ctx).values())


def test_one_ended_here_before_it_began_is_watched_but_not_for_ever(ctx, merchant, make, paypal, now):
    watched = make.subscription(merchant=merchant, status=Status.PENDING)
    old = make.subscription(merchant=merchant, status=Status.PENDING)
    with ctx.db.begin() as session:
        for one, days in ((watched, 10), (old, 61)):
            session.execute(
                update(Subscription)
                .where(Subscription.id == one.id)
                .values(status=Status.CANCELLED, ended_at=now - timedelta(days=days), stopped_at_provider_at=None,
                        provider_read_at=now - timedelta(days=8), started_at=None)
            )  # fmt: skip
        session.add(done_run(merchant, now))
    paypal.subscriptions[watched.provider_id].status = "ACTIVE"  # approved, though we had ended it
    run = compare(ctx, merchant)
    assert [call.provider_id for call in paypal.calls if call.operation == "show"] == [watched.provider_id]
    (found,) = differences(ctx, run)
    assert (found.before["status"], found.after["status"]) == ("cancelled", "active")
    assert len(jobs(ctx, "end_requests.carry_out")) == 1  # it is ended at PayPal again


def done_run(merchant, at, **columns):
    values = {"trigger": ComparisonTrigger.NIGHTLY, "state": ComparisonState.DONE, "finished_at": at} | columns
    return ComparisonRun(merchant_id=merchant.id, environment="sandbox", touched_at=at, created_at=at, **values)


def test_a_dry_run_lists_and_writes_nothing_else(ctx, merchant, paypal, bring_in):
    gone, dearer = paypal.add_subscription(), paypal.add_subscription(email="b@client.test")
    moved = paypal.add_subscription(email="c@client.test")
    paypal.add_subscription(email="same@client.test")
    bring_in()
    paypal.happen(gone.id, "buyer-cancels")
    dearer.own_amount = "99.00"
    moved.plan_id = paypal.add_plan("Autre").id
    new = paypal.add_subscription(email="d@client.test")
    before = everything_stored(ctx)
    run = compare(ctx, merchant, dry_run=True, everything=True)
    assert everything_stored(ctx) == before
    assert (run.state, run.differed, run.corrected, run.added, run.failed) == (ComparisonState.DONE, 3, 0, 1, 0)
    listed = differences(ctx, run)
    assert {row.provider_id for row in listed} == {gone.id, dearer.id, moved.id, new.id}
    assert len(listed) == 4
    assert not any(row.corrected for row in listed)
    real = compare(ctx, merchant, everything=True)
    assert (real.differed, real.corrected, real.added) == (3, 3, 1)


def test_one_bad_row_stops_nobody(ctx, merchant, paypal, bring_in, now):
    rows = [paypal.add_subscription(email=f"c{n}@client.test") for n in range(6)]
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    for row in rows:
        row.failed_payments = 1
    paypal.rule("show", "500", only=rows[1].id)
    paypal.rule("show", "404", only=rows[2].id)
    paypal.rule("show", "403", only=rows[3].id)
    with ctx.db.begin() as session:  # the database itself refuses what PayPal shows of this one
        refuses = f"IF NEW.provider_id = '{rows[4].id}' AND NEW.failed_payments > 0 THEN RAISE 'no'; END IF;"
        body = f"LANGUAGE plpgsql AS $$ BEGIN {refuses} RETURN NEW; END $$"
        session.execute(text(f"CREATE FUNCTION no() RETURNS trigger {body}"))
        session.execute(text("CREATE TRIGGER no BEFORE UPDATE ON subscriptions FOR EACH ROW EXECUTE FUNCTION no()"))
    run = compare(ctx, merchant)
    assert (run.state, run.corrected, run.failed) == (ComparisonState.DONE, 2, 4)
    words = {row.provider_id: row.error for row in differences(ctx, run)}
    assert words == {
        rows[0].id: "", rows[1].id: "unavailable", rows[2].id: "not_found", rows[3].id: "forbidden",
        rows[4].id: "not_written", rows[5].id: "",
    }  # fmt: skip
    assert stored(ctx, rows[5].id).status is Status.PAST_DUE
    assert stored(ctx, rows[2].id).provider_read_at < now - timedelta(days=3)  # nobody has read it


def test_one_that_vanished_before_approval_is_left_alone(ctx, merchant, paypal, bring_in):
    row = paypal.add_subscription(status="APPROVAL_PENDING")
    bring_in()
    paypal.forget(row.id)
    run = compare(ctx, merchant)
    assert (run.state, run.failed, run.compared, differences(ctx, run)) == (ComparisonState.DONE, 0, 1, [])
    assert stored(ctx, row.id).status is Status.PENDING


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


class Killed(BaseException):
    """The process ends here, as by kill -9: nobody tidies up."""


def kill_at(monkeypatch, module, name, number):
    """Let the `number`th call of a function end the process, before or after what it does."""
    real, calls = getattr(module, name), []

    def counted(*positional, **named):
        calls.append(name)
        if len(calls) == number:
            raise Killed
        return real(*positional, **named)

    monkeypatch.setattr(module, name, counted)


@pytest.mark.parametrize(
    ("module", "name", "number"),
    [
        (comparison_reads, "hold", 1),  # the first page was read and its rows written, its progress not
        (comparison_reads, "hold", 2),
        (comparison_reads, "hold", 3),  # in the reads
        (comparison_reads.comparison_writes, "correct", 1),
        (comparison_reads.comparison_writes, "correct", 3),
        (comparison_reads.comparison_writes, "add", 1),
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
    with pytest.raises(comparison_reads.Lost), ctx.db.begin() as session:
        comparison_reads.hold(session, behind)


def test_an_answer_older_than_what_somebody_wrote_meanwhile_changes_nothing(
    ctx, merchant, paypal, bring_in, monkeypatch, now
):
    row = paypal.add_subscription()
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    row.failed_payments = 1
    real = comparison_reads.difference

    def meanwhile(copy, reading, *, now):  # a message from PayPal is handled while the row is compared
        with ctx.db.begin() as session:
            later = utc_now() + timedelta(days=40)
            session.execute(update(Subscription).values(provider_read_at=utc_now(), next_payment_at=later))
        return real(copy, reading, now=now)

    monkeypatch.setattr(comparison_reads, "difference", meanwhile)
    run = compare(ctx, merchant)
    assert (run.state, run.corrected) == (ComparisonState.DONE, 0)
    kept = stored(ctx, row.id)
    assert kept.status is Status.ACTIVE
    assert kept.next_payment_at > now + timedelta(days=39)


def test_a_list_that_paypal_refuses_leaves_the_single_reads(ctx, merchant, paypal, bring_in):
    row = paypal.add_subscription()
    bring_in()
    row.failed_payments = 1
    paypal.rule("list", "404")
    run = compare(ctx, merchant)
    assert (run.state, run.corrected) == (ComparisonState.DONE, 1)


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


def test_another_merchants_rows_are_never_touched(ctx, make, merchant, paypal):
    mine = make.subscription(merchant=merchant)
    other = make.merchant(key=False)
    theirs = make.subscription(merchant=other, product=make.product(other), customer=make.customer(other))
    for one in (mine, theirs):
        paypal.subscriptions[one.provider_id].failed_payments = 3
    grow_old(ctx)
    before = stored(ctx, theirs.provider_id).provider_read_at
    paypal.rule("list", "404")
    compare(ctx, merchant, everything=True)
    assert stored(ctx, mine.provider_id).failed_payments == 3
    assert stored(ctx, theirs.provider_id).failed_payments == 0
    assert paypal.count("show", theirs.provider_id) == 0
    assert stored(ctx, theirs.provider_id).provider_read_at == before


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


def finish(ctx, at):
    with ctx.db.begin() as session:
        session.execute(update(ComparisonRun).values(state=ComparisonState.DONE, finished_at=at))


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


@pytest.fixture
def classic_key(ctx, merchant, paypal, now):
    """The merchant's key to the classic API, beside the one to REST."""
    known = paypal.add_classic_account()
    with ctx.db.begin() as session:
        session.add(
            PayPalAccount(
                merchant_id=merchant.id, provider=Provider.PAYPAL_CLASSIC, environment="sandbox", client_id=known.user,
                secret=ctx.vault.seal(known.password, purpose=SECRET),
                signature=ctx.vault.seal(known.signature, purpose=SIGNATURE), receivers=[], secret_ending="word",
                set_at=now, state=KeyState.WORKING, checked_at=now, check_result={},
            )
        )  # fmt: skip


def test_a_classic_subscription_is_read_through_its_own_api(ctx, merchant, make, paypal, classic_key, bring_in):
    profile = paypal.add_profile()
    make.subscription(merchant=merchant, provider=Provider.PAYPAL_CLASSIC, provider_id=profile.id)
    rest = paypal.add_subscription()
    bring_in()
    compare(ctx, merchant)
    assert compare(ctx, merchant, everything=True).differed == 0  # once corrected, nothing differs
    grow_old(ctx)
    paypal.calls.clear()
    profile.failed_in_all, profile.outstanding = 1, "29.90"
    paypal.happen(rest.id, "buyer-cancels")
    run = compare(ctx, merchant)
    assert (run.state, run.corrected, run.failed) == (ComparisonState.DONE, 2, 0)
    assert stored(ctx, profile.id).status is Status.PAST_DUE
    assert paypal.count("show", profile.id) == 0
    paypal.happen(profile.id, "buyer-cancels")
    run = compare(ctx, merchant, everything=True)
    (found,) = differences(ctx, run)
    assert (found.provider_id, found.after["status"]) == (profile.id, "cancelled")
    assert kinds(ctx, stored(ctx, profile.id))[TimelineKind.ENDED] == 1


def test_without_a_classic_key_classic_subscriptions_are_left_alone(ctx, merchant, make, paypal):
    profile = paypal.add_profile()
    make.subscription(merchant=merchant, provider=Provider.PAYPAL_CLASSIC, provider_id=profile.id)
    grow_old(ctx)
    run = compare(ctx, merchant)
    assert (run.state, run.compared, run.failed) == (ComparisonState.DONE, 0, 0)


def set_key(ctx, provider, **columns):
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).where(PayPalAccount.provider == provider).values(**columns))


def unfinished(ctx, merchant):
    with ctx.db.begin() as session:
        return reads.unfinished(session, merchant.id)


def run_now(ctx, run, **how):
    """Do one share of a run whose wait is over; return how it stands."""
    with ctx.db.begin() as session:
        waits = (ComparisonRun.id == run.id, ComparisonRun.state == ComparisonState.STOPPED)
        session.execute(update(ComparisonRun).where(*waits).values(wait_until=utc_now()))
    run_share(ctx, run.id, **how)
    with ctx.db.read() as session:
        return reads.get(session, run.id)


@pytest.fixture
def mixed(merchant, make, paypal, classic_key, bring_in):
    """Three REST subscriptions and a classic one, all due."""
    profile = paypal.add_profile()
    make.subscription(merchant=merchant, provider=Provider.PAYPAL_CLASSIC, provider_id=profile.id)
    rest = [paypal.add_subscription(email=f"c{n}@client.test") for n in range(3)]
    bring_in()
    return [*rest, profile]


@pytest.mark.parametrize("kind", ["classic", "rest"])
def test_a_dead_key_of_one_kind_leaves_the_other_kind_compared_every_night(ctx, merchant, mixed, paypal, kind):
    *rest, profile = mixed
    dead = Provider.PAYPAL_CLASSIC if kind == "classic" else Provider.PAYPAL_REST
    watched = rest[0] if kind == "classic" else profile
    for operation in ("nvp_get",) if kind == "classic" else ("list", "show"):
        paypal.rule(operation, "401")
    first = start_or_resume(ctx, merchant.id, trigger=ComparisonTrigger.NIGHTLY)
    paypal.happen(watched.id, "buyer-cancels")
    run = run_now(ctx, first)
    assert (run.state, run.error, run.failed) == (ComparisonState.DONE, f"{kind}_key_refused", 0)
    assert run.finished_at is not None
    assert stored(ctx, watched.id).status is Status.CANCELLED
    assert len(jobs(ctx, "paypal_keys.check")) == 1
    set_key(ctx, Provider.PAYPAL_REST, set_at=utc_now() - timedelta(days=9))
    set_key(ctx, dead, state=KeyState.REFUSED, set_at=utc_now() - timedelta(days=9))
    paypal.calls.clear()
    for night in (1, 2):
        grow_old(ctx)
        assert comparison_starts.start_nightly(ctx, now=utc_now() + timedelta(days=night)) == 1
        run = run_now(ctx, unfinished(ctx, merchant))
        assert (run.state, run.error) == (ComparisonState.DONE, f"{kind}_key_refused")
    made = {call.operation for call in paypal.calls}
    assert not made & ({"nvp_get"} if kind == "classic" else {"list", "show"})  # known to be broken: not tried
    with ctx.db.read() as session:
        assert reads.last_whole(session, merchant.id) is None  # one kind was left out
        assert (reads.last_listed(session, merchant.id, "sandbox") is None) is (kind == "rest")


def test_only_when_no_key_is_left_the_run_stops_and_any_that_works_again_lets_it_go_on(ctx, merchant, mixed, paypal):
    paypal.rule("any", "401")
    run = run_now(ctx, start_or_resume(ctx, merchant.id, trigger=ComparisonTrigger.NIGHTLY))
    assert (run.state, run.error.split()[0]) == (ComparisonState.STOPPED, StopReason.BAD_CREDENTIALS)
    paypal.clear_rules()
    set_key(ctx, Provider.PAYPAL_CLASSIC, state=KeyState.REFUSED, checked_at=utc_now())
    assert comparison_starts.resume_stopped(ctx, now=utc_now()) == 0
    set_key(ctx, Provider.PAYPAL_REST, state=KeyState.WORKING, checked_at=utc_now())
    assert comparison_starts.resume_stopped(ctx, now=utc_now()) == 1
    run = run_now(ctx, run)
    assert (run.state, run.error, run.compared) == (ComparisonState.DONE, "classic_key_refused", 3)


def test_a_key_of_the_other_environment_ends_the_run_and_the_next_night_begins_anew(ctx, merchant, paypal, bring_in):
    paypal.add_subscription()
    bring_in()
    run = start_or_resume(ctx, merchant.id, trigger=ComparisonTrigger.NIGHTLY)
    set_key(ctx, Provider.PAYPAL_REST, environment="live", set_at=utc_now() - timedelta(days=3))
    run = run_now(ctx, run)
    assert (run.state, run.error, run.finished_at) == (ComparisonState.DONE, StopReason.NO_KEY, None)
    assert comparison_starts.start_nightly(ctx, now=utc_now() + timedelta(days=1)) == 1
    assert unfinished(ctx, merchant).environment == "live"


@pytest.mark.parametrize("error", ["bad_credentials", "no_key", "unavailable"])
def test_a_run_that_waits_for_a_key_that_was_replaced_holds_up_no_night(ctx, merchant, error):
    run = start_or_resume(ctx, merchant.id, trigger=ComparisonTrigger.NIGHTLY)
    with ctx.db.begin() as session:
        until = utc_now() + timedelta(days=2) if error == "unavailable" else None
        session.execute(update(ComparisonRun).values(state=ComparisonState.STOPPED, error=error, wait_until=until))
    set_key(ctx, Provider.PAYPAL_REST, environment="live", set_at=utc_now() - timedelta(days=3))
    assert comparison_starts.start_nightly(ctx, now=utc_now() + timedelta(days=1)) == 1
    now_at_work = unfinished(ctx, merchant)
    assert (now_at_work.id != run.id, now_at_work.environment) == (True, "live")


def test_a_lost_run_of_an_environment_without_a_key_is_closed(ctx, merchant, now):
    run = start_or_resume(ctx, merchant.id, now=now - timedelta(minutes=6))
    set_key(ctx, Provider.PAYPAL_REST, environment="live")
    assert comparison_starts.resume_stopped(ctx, now=now) == 0
    with ctx.db.read() as session:
        closed = reads.get(session, run.id)
    assert (closed.state, closed.finished_at, jobs(ctx)) == (ComparisonState.DONE, None, [])


def test_each_environment_of_the_keys_has_its_own_run(ctx, merchant, make, paypal, classic_key):
    profile = paypal.add_profile()
    row = make.subscription(
        merchant=merchant, provider=Provider.PAYPAL_CLASSIC, provider_id=profile.id,
        next_payment_at=utc_now() + timedelta(hours=3),
    )  # fmt: skip
    grow_old(ctx)
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(set_at=utc_now() - timedelta(days=3)))
    set_key(ctx, Provider.PAYPAL_REST, environment="live")
    assert comparison_starts.start_before_payments(ctx, now=utc_now()) == 1
    run = run_now(ctx, unfinished(ctx, merchant))
    assert (run.environment, run.state) == ("sandbox", ComparisonState.DONE)
    assert stored(ctx, row.provider_id).provider_read_at > utc_now() - timedelta(hours=1)
    assert comparison_starts.start_before_payments(ctx, now=utc_now()) == 0  # no empty run every hour
    night, seen = utc_now() + timedelta(days=1), []
    for minutes in (0, 10):  # the second begins at the next look after the first is done
        assert comparison_starts.start_nightly(ctx, now=night + timedelta(minutes=minutes)) == 1
        seen.append(unfinished(ctx, merchant).environment)
        assert comparison_starts.start_nightly(ctx, now=night + timedelta(minutes=minutes)) == 0
        finish(ctx, night)
    assert sorted(seen) == ["live", "sandbox"]
    assert comparison_starts.start_nightly(ctx, now=night + timedelta(minutes=20)) == 0
    by_hand, night = set(), night + timedelta(hours=1)
    for _ in range(2):
        by_hand.add(start_or_resume(ctx, merchant.id, now=night).environment)
        finish(ctx, night)
        night += timedelta(minutes=1)
    assert by_hand == {"live", "sandbox"}


def test_lateness_in_one_environment_is_not_hidden_by_the_other(ctx, merchant, classic_key, now):
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(set_at=now - timedelta(days=5)))
        session.add(done_run(merchant, now - timedelta(hours=1)))
    with ctx.db.read() as session:
        assert not reads.is_late(session, merchant.id, now=now)
    set_key(ctx, Provider.PAYPAL_CLASSIC, environment="live")
    with ctx.db.read() as session:
        assert reads.is_late(session, merchant.id, now=now)


def test_rows_that_the_key_may_not_see_fail_alone_and_the_key_is_tested_once(ctx, merchant, paypal, bring_in):
    rows = [paypal.add_subscription(email=f"c{n}@client.test") for n in range(6)]
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    for row in rows[:5]:  # another application's
        paypal.rule("show", "403", only=row.id)
    run = run_now(ctx, start_or_resume(ctx, merchant.id, trigger=ComparisonTrigger.NIGHTLY))
    assert (run.state, run.compared, run.failed, run.error) == (ComparisonState.DONE, 1, 5, "")
    assert [row.error for row in differences(ctx, run)] == ["forbidden"] * 5
    assert len(jobs(ctx, "paypal_keys.check")) == 1


def test_rows_of_the_list_that_the_key_may_not_see_hide_nothing_else(ctx, merchant, paypal, bring_in):
    paypal.add_subscription()
    bring_in()
    seen, hidden = (paypal.add_subscription(email=f"n{n}@client.test") for n in range(2))
    hidden.plan_id = paypal.add_plan("Autre").id
    paypal.rule("show_plan", "403")
    run = run_now(ctx, start_or_resume(ctx, merchant.id, trigger=ComparisonTrigger.NIGHTLY))
    assert (run.state, run.added, run.failed) == (ComparisonState.DONE, 1, 1)
    assert stored(ctx, seen.id)


def test_a_key_found_to_lack_the_right_meanwhile_stops_the_run(ctx, merchant, paypal, bring_in, monkeypatch):
    for n in range(6):
        paypal.add_subscription(email=f"c{n}@client.test")
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    paypal.rule("show", "403")
    monkeypatch.setattr(comparison_reads, "BATCH", 2)
    run = start_or_resume(ctx, merchant.id)

    def tested(at):
        if at.phase is ComparisonPhase.READS and at.after_id:
            set_key(ctx, Provider.PAYPAL_REST, state=KeyState.MISSING_RIGHTS, checked_at=utc_now())

    run = run_comparison(ctx, run.id, calls_per_second=None, on_progress=tested)
    assert (run.state, run.error, run.failed) == (ComparisonState.STOPPED, StopReason.FORBIDDEN, 2)


def test_a_list_that_is_forbidden_to_a_key_that_works_leaves_the_single_reads(ctx, merchant, paypal, bring_in):
    row = paypal.add_subscription()
    bring_in()
    paypal.rule("list", "403")
    row.failed_payments = 1
    run = run_now(ctx, start_or_resume(ctx, merchant.id, trigger=ComparisonTrigger.NIGHTLY))
    assert (run.state, run.error.split()[0]) == (ComparisonState.STOPPED, StopReason.FORBIDDEN)
    set_key(ctx, Provider.PAYPAL_REST, state=KeyState.WORKING, checked_at=utc_now())
    assert comparison_starts.resume_stopped(ctx, now=utc_now()) == 1
    run = run_now(ctx, run)
    assert (run.state, run.error, run.corrected) == (ComparisonState.DONE, "list_not_read", 1)


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
