"""A comparison with keys that are broken, replaced or of two environments."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from portal.clock import utc_now
from portal.domain.subscriptions import Status
from portal.models import (
    ComparisonPhase,
    ComparisonRun,
    ComparisonState,
    ComparisonTrigger,
    KeyState,
    PayPalAccount,
    Provider,
    TimelineKind,
)
from portal.queries.comparisons import comparisons as reads
from portal.services.comparisons import comparison_reads, comparison_starts
from portal.services.comparisons.comparisons import run_comparison, start_or_resume
from portal.services.imports.imports import StopReason
from portal.services.paypal.gateways import SECRET, SIGNATURE
from tests.services.comparisons.comparing import (
    compare,
    differences,
    done_run,
    finish,
    grow_old,
    jobs,
    kinds,
    run_now,
    stored,
)


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
    # By day: at night the next one's own minute may lie between these looks.
    night, seen = (utc_now() + timedelta(days=1)).replace(hour=15), []
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
