"""Comparisons from job to job, as a worker runs them, and the command that does the same by hand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from config import Config
from portal import create_app
from portal.clock import utc_now
from portal.domain.subscriptions import Status
from portal.jobs import run_worker
from portal.models import ComparisonRun, ComparisonState, PayPalAccount, Subscription
from portal.services.comparisons import comparison_reads, comparison_starts, comparisons
from portal.services.imports import imports


@pytest.fixture
def merchant(ctx, make, paypal):
    """A merchant whose ten subscriptions were read four days ago; two stand otherwise at PayPal since."""
    merchant = make.merchant(slug="atelier")
    rows = [paypal.add_subscription(email=f"c{n}@client.test") for n in range(10)]
    imports.run_import(ctx, imports.start_or_resume(ctx, merchant.id).id)
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(provider_read_at=utc_now() - timedelta(days=4)))
        session.execute(update(PayPalAccount).values(set_at=utc_now() - timedelta(days=9)))
    rows[0].failed_payments = 1
    paypal.happen(rows[1].id, "buyer-cancels")
    return merchant


@pytest.fixture
def reconcile(ctx, tmp_path: Path, database_url):
    """Call the command as an operator does."""
    config = Config(
        environment="test", base_url="http://portal.test", database_url=database_url, data_folder=tmp_path,
        secret_key="made up for the tests, long enough", master_keys=(("test", bytes(range(32))),),
        smtp_url="smtp://127.0.0.1:1", mail_from="Portal <portal@portal.test>", paypal_urls={}, paypal_trust=None,
        trusted_proxies=0, log_level="warning",
    )  # fmt: skip
    app = create_app(config, ctx)

    def call(*arguments):
        return app.test_cli_runner().invoke(args=["reconcile", *arguments])

    return call


def runs(ctx):
    with ctx.db.read() as session:
        return list(session.scalars(select(ComparisonRun).order_by(ComparisonRun.created_at)))


def words(ctx):
    with ctx.db.read() as session:
        return sorted(session.scalars(select(Subscription.status)))


def work(ctx):
    """Run every job that is due, mails excepted."""
    with ctx.db.begin() as session:
        session.execute(text("DELETE FROM procrastinate_jobs WHERE task_name = 'mails.send'"))
    run_worker(ctx, wait=False)


def test_the_night_is_worked_through_job_by_job(ctx, merchant, monkeypatch):
    monkeypatch.setattr(comparison_reads, "BATCH", 4)
    seen = []

    def one_batch(work, run, real=comparison_reads.read_due):
        seen.append(run.after_id)
        return real(work, run)

    monkeypatch.setattr(comparisons, "read_due", one_batch)
    monkeypatch.setattr(comparisons, "SHARE", timedelta(0))  # a job ends after its first batch
    assert comparison_starts.start_nightly(ctx, now=utc_now()) == 1
    for _ in range(9):  # a worker that does not wait may leave the job whose lock was not free yet
        work(ctx)
    (run,) = runs(ctx)
    assert (run.state, run.compared, run.corrected, run.failed) == (ComparisonState.DONE, 10, 2, 0)
    assert len(seen) == len(set(seen)), "no batch was read twice"
    assert words(ctx) == [*[Status.ACTIVE] * 8, Status.CANCELLED, Status.PAST_DUE]


def test_by_hand_it_says_what_it_did(ctx, merchant, reconcile):
    dry = reconcile("atelier", "--dry-run", "--calls-per-second", "0")
    assert dry.exit_code == 0, dry.output
    assert "2 differ" in dry.output
    assert words(ctx) == [Status.ACTIVE] * 10
    real = reconcile("atelier", "--everything", "--calls-per-second", "0")
    assert real.exit_code == 0, real.output
    assert "2 differed, 2 corrected" in real.output
    assert f"/admin/paypal/comparisons/{runs(ctx)[-1].id}" in real.output
    assert words(ctx) == [*[Status.ACTIVE] * 8, Status.CANCELLED, Status.PAST_DUE]


def test_by_hand_a_stop_and_a_failure_are_told_by_the_exit_status(ctx, merchant, reconcile, paypal):
    paypal.rule("list", "500", 1)
    stopped = reconcile("atelier")
    assert stopped.exit_code == 1
    assert "unavailable" in stopped.output
    (run,) = runs(ctx)
    with ctx.db.read() as session:
        gone = session.scalars(select(Subscription.provider_id).order_by(Subscription.id)).first()
    paypal.rule("show", "404", only=gone)
    paypal.rule("list", "404")
    on = reconcile("atelier", "--everything", "--calls-per-second", "0")
    assert on.exit_code == 3, on.output
    assert [one.state for one in runs(ctx)] == [ComparisonState.DONE] * 2
    assert runs(ctx)[-1].failed == 1
    assert runs(ctx)[0].id == run.id


def test_by_hand_control_c_stops_cleanly_and_the_same_command_goes_on(ctx, merchant, reconcile, monkeypatch):
    monkeypatch.setattr(comparison_reads, "BATCH", 3)
    real, calls = comparison_reads.comparison_turns.due_batch, []

    def pressed(*arguments, **named):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    with monkeypatch.context() as impatient:
        impatient.setattr(comparison_reads.comparison_turns, "due_batch", pressed)
        stopped = reconcile("atelier", "--everything", "--calls-per-second", "0")
    assert stopped.exit_code == 1
    assert "go on from there" in stopped.output
    (run,) = runs(ctx)
    assert (run.state, run.error) == (ComparisonState.STOPPED, "interrupted")
    assert 0 < run.compared < 20
    done = reconcile("atelier", "--everything", "--calls-per-second", "0")
    assert done.exit_code == 0, done.output
    (again,) = runs(ctx)
    assert (again.id, again.state, again.corrected) == (run.id, ComparisonState.DONE, 2)


def test_by_hand_what_cannot_be_is_said(ctx, make, merchant, reconcile):
    assert "no merchant called" in reconcile("nobody").output
    make.merchant(slug="sans-cle", key=False)
    assert "has no PayPal key" in reconcile("sans-cle").output
    running = comparisons.start_or_resume(ctx, merchant.id)
    refused = reconcile("atelier")
    assert refused.exit_code == 1
    assert str(running.id) in refused.output
