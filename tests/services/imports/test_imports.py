"""Importing from PayPal: every subscription once, however often, however interrupted."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from portal import queue
from portal.models import Customer, Grant, ImportRun, ImportState, Plan, Product, Proof, Subscription
from portal.services.imports import imports
from portal.services.paypal.gateways import NoKey
from tests.services.imports.importing import add_many, bring_in, rows, until_somebody_waits


def test_forty_five_subscriptions_come_in_three_pages_and_only_once(ctx, merchant, paypal):
    add_many(paypal, 45)
    told = []
    run = imports.start_or_resume(ctx, merchant.id)
    run = imports.run_import(ctx, run.id, on_progress=lambda run: told.append(run.seen))
    assert (run.state, run.seen, run.created, run.updated, run.unreadable) == (ImportState.DONE, 45, 45, 0, 0)
    assert told == [0, 20, 40, 45]
    assert paypal.count("list") == 3
    assert paypal.count("show") == 0

    again = bring_in(ctx, merchant)
    assert (again.seen, again.created, again.updated) == (45, 0, 45)
    assert again.id != run.id
    assert (
        len(rows(ctx, Subscription, merchant)) == len({s.provider_id for s in rows(ctx, Subscription, merchant)}) == 45
    )
    assert len(rows(ctx, Customer, merchant)) == 45
    assert len(rows(ctx, Plan, merchant)) == len(rows(ctx, Product, merchant)) == 1


def test_an_import_stopped_by_paypal_goes_on_where_it_stood(ctx, merchant, paypal):
    add_many(paypal, 45)
    paypal.rule("list", "500", 1, skip=1)
    run = bring_in(ctx, merchant)
    assert (run.state, run.seen, run.next_page) == (ImportState.STOPPED, 20, 2)
    assert run.error.split()[0] == imports.StopReason.UNAVAILABLE
    resumed = bring_in(ctx, merchant)
    assert resumed.id == run.id
    assert (resumed.state, resumed.seen, resumed.created) == (ImportState.DONE, 45, 45)
    assert resumed.error == ""
    assert paypal.count("list") == 4  # page 1 was not asked for again


@pytest.mark.parametrize(
    ("operation", "behaviour", "reason"),
    [
        ("any", "401", imports.StopReason.BAD_CREDENTIALS),
        ("list", "403", imports.StopReason.FORBIDDEN),
        ("list_plans", "500", imports.StopReason.UNAVAILABLE),
        ("list", "429", imports.StopReason.RATE_LIMITED),
        ("list", "404", imports.StopReason.REFUSED),
    ],
)
def test_the_reason_of_a_stop_is_kept(ctx, merchant, paypal, operation, behaviour, reason):
    paypal.add_subscription()
    paypal.rule(operation, behaviour)
    run = bring_in(ctx, merchant)
    assert (run.state, run.next_page) == (ImportState.STOPPED, 1)
    assert run.error.split()[0] == reason


def test_a_key_that_can_no_longer_be_read_stops_the_run(ctx, merchant):
    with ctx.db.begin() as session:
        session.execute(text("UPDATE paypal_accounts SET secret = 'gone|0123456789abcdef'"))
    run = bring_in(ctx, merchant)
    assert (run.state, run.error) == (ImportState.STOPPED, imports.StopReason.KEY_UNREADABLE)


def test_an_interrupted_process_leaves_a_run_that_resumes(ctx, merchant, paypal):
    add_many(paypal, 25)

    def press_ctrl_c(run):
        if run.seen:
            raise KeyboardInterrupt

    run = imports.start_or_resume(ctx, merchant.id)
    with pytest.raises(KeyboardInterrupt):
        imports.run_import(ctx, run.id, on_progress=press_ctrl_c)
    assert bring_in(ctx, merchant).id == run.id
    assert len(rows(ctx, Subscription, merchant)) == 25


def test_a_second_import_at_once_is_told_of_the_first(ctx, merchant, now):
    run = imports.start_or_resume(ctx, merchant.id, now=now)
    with pytest.raises(imports.AlreadyRunning) as refused:
        imports.start_or_resume(ctx, merchant.id, now=now + timedelta(minutes=4))
    assert refused.value.run_id == run.id
    taken = imports.start_or_resume(ctx, merchant.id, now=now + timedelta(minutes=6))
    assert taken.id == run.id


def test_who_lost_a_run_writes_nothing_more(ctx, merchant, paypal):
    add_many(paypal, 45)
    run = imports.start_or_resume(ctx, merchant.id)

    def let_another_finish(held):
        if held.seen == 20:
            imports.run_import(ctx, run.id)

    last = imports.run_import(ctx, run.id, on_progress=let_another_finish)
    assert (last.state, last.seen, last.created, last.updated) == (ImportState.DONE, 45, 45, 0)


def test_an_import_in_the_background_is_one_promise_with_its_job(ctx, merchant):
    run = imports.start_or_resume(ctx, merchant.id, in_background=True)
    assert waiting_jobs(ctx) == [(queue.RUN_IMPORT, str(run.id), "imports")]
    assert run.state is ImportState.RUNNING


def waiting_jobs(ctx):
    with ctx.db.read() as session:
        return [
            tuple(job)
            for job in session.execute(
                text("SELECT task_name, args ->> 'run_id', lock FROM procrastinate_jobs WHERE status = 'todo'")
            )
        ]


def take_job(ctx):
    """What a worker does with the one waiting job, that job being done when the next one is written."""
    ((_, run_id, _),) = waiting_jobs(ctx)
    with ctx.db.begin() as session:
        session.execute(text("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE status = 'todo'"))
    imports.run_share(ctx, uuid.UUID(run_id))


def test_a_job_reads_a_few_pages_and_the_next_job_goes_on(ctx, merchant, paypal, monkeypatch):
    monkeypatch.setattr(imports, "PAGES_PER_JOB", 2)
    add_many(paypal, 90)
    run = imports.start_or_resume(ctx, merchant.id, in_background=True)
    seen = []
    while waiting_jobs(ctx):
        assert waiting_jobs(ctx) == [(queue.RUN_IMPORT, str(run.id), "imports")]
        take_job(ctx)
        (run,) = rows(ctx, ImportRun, merchant)
        seen.append((run.seen, run.state))
    running, done = ImportState.RUNNING, ImportState.DONE
    assert seen == [(40, running), (80, running), (90, done)]
    assert (run.created, paypal.count("list"), paypal.count("list_plans")) == (90, 5, 1)


def test_a_job_that_paypal_stops_leaves_no_next_one(ctx, merchant, paypal):
    add_many(paypal, 45)
    paypal.rule("list", "500", 1, skip=1)
    imports.start_or_resume(ctx, merchant.id, in_background=True)
    take_job(ctx)
    (run,) = rows(ctx, ImportRun, merchant)
    assert (run.state, run.seen, waiting_jobs(ctx)) == (ImportState.STOPPED, 20, [])


def test_a_job_that_died_before_it_gave_the_rest_away_is_taken_up_where_it_stood(ctx, merchant, paypal, monkeypatch):
    monkeypatch.setattr(imports, "PAGES_PER_JOB", 1)
    add_many(paypal, 45)
    run = imports.start_or_resume(ctx, merchant.id, in_background=True)
    for _ in range(3):  # the queue gives a dead worker's job to another one
        imports.run_share(ctx, run.id)
    (run,) = rows(ctx, ImportRun, merchant)
    assert (run.state, run.seen, run.created, run.updated) == (ImportState.DONE, 45, 45, 0)


def test_imports_of_several_merchants_take_turns_on_one_worker(ctx, make, paypal):
    for merchant in (make.merchant(), make.merchant()):
        imports.start_or_resume(ctx, merchant.id, in_background=True)
    assert {lock for _, _, lock in waiting_jobs(ctx)} == {"imports"}


def test_without_a_key_there_is_nothing_to_import(ctx, make):
    with pytest.raises(NoKey):
        imports.start_or_resume(ctx, make.merchant(key=False).id)


def test_a_run_that_another_environment_began_is_not_resumed(ctx, merchant, paypal, now):
    with ctx.db.begin() as session:
        session.add(
            ImportRun(
                merchant_id=merchant.id, environment="live", next_page=7, state=ImportState.STOPPED, touched_at=now
            )
        )
    run = imports.start_or_resume(ctx, merchant.id)
    assert (run.environment, run.next_page) == ("sandbox", 1)


def test_a_page_takes_its_subscriptions_in_the_one_order_that_everybody_takes_them_in(ctx, merchant, paypal):
    """Else an import and somebody who changes all subscriptions of a product could wait for each other for ever."""
    add_many(paypal, 12)
    bring_in(ctx, merchant)
    held, *free = sorted(subscription.id for subscription in rows(ctx, Subscription, merchant))
    run = imports.start_or_resume(ctx, merchant.id)
    importing = threading.Thread(target=imports.run_import, args=(ctx, run.id))
    one_row = select(Subscription.id).with_for_update(nowait=True)
    with ctx.db.begin() as session:
        session.execute(one_row.where(Subscription.id == held)).one()
        importing.start()
        until_somebody_waits(ctx)
        for subscription_id in free:  # NOWAIT: this fails at once if the import holds one of them
            session.execute(one_row.where(Subscription.id == subscription_id)).one()
    importing.join(30)
    assert rows(ctx, ImportRun, merchant, id=run.id)[0].state is ImportState.DONE


@pytest.mark.parametrize("status", ["401", "403"])
def test_a_refusal_met_by_an_import_has_the_key_tested(ctx, make, paypal, status):
    """Whoever meets the refusal, the merchant hears of a broken key the same day."""
    merchant = make.merchant()
    paypal.rule("list_plans", status)
    run = imports.run_import(ctx, imports.start_or_resume(ctx, merchant.id).id)
    assert run.state is ImportState.STOPPED
    with ctx.db.read() as session:
        tests = "SELECT args->>'provider' FROM procrastinate_jobs WHERE task_name = 'paypal_keys.check'"
        assert session.scalars(text(tests)).all() == ["paypal_rest"]


def test_a_move_and_an_end_in_one_reading_tell_what_was_given_of_the_new_product(ctx, merchant, paypal, make, now):
    monthly = paypal.add_plan("Mensuel")
    yearly = paypal.add_plan("Annuel", amount="290.00", interval_unit="YEAR")
    paypal.add_subscription(plan_id=yearly.id, email="other@client.test")
    seen = paypal.add_subscription(plan_id=monthly.id)
    bring_in(ctx, merchant)
    (held,) = rows(ctx, Subscription, merchant, provider_id=seen.id)
    (product,) = rows(ctx, Product, merchant, name="Annuel")
    gift = {"customer_id": held.customer_id, "product_id": product.id, "since": now - timedelta(days=1)}
    make.add(Grant(merchant_id=merchant.id, until=now + timedelta(days=900), **gift))
    seen.plan_id = yearly.id
    paypal.happen(seen.id, "buyer-cancels")
    bring_in(ctx, merchant)
    (proof,) = rows(ctx, Proof, merchant)
    assert str((now + timedelta(days=900)).year) in str(proof.facts)
