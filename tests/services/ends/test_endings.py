"""The one door against what PayPal may show: late, stale, unseen, unheard of, or live again after the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from portal import queue
from portal.clock import utc_now
from portal.domain.access.access import access, windows
from portal.domain.ends.end_requests import Basis, RequestState, Trouble
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, Status
from portal.models import Mail, PayPalAccount, Subscription, TimelineKind
from portal.providers.ports import Reading, Token
from portal.queries import subscriptions
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests, endings
from portal.services.keys import paypal_keys
from portal.services.paypal.gateways import RowTokenStore
from portal.services.rules import rule_of
from tests.services.carrying.carried import ask, carry, entries, mails, row, wish_of


@pytest.fixture
def subscription(make):
    make.merchant()
    return make.subscription()


def show(ctx, subscription, status, *, at=None, **facts):
    """Let PayPal show something, through the one door."""
    reading = Reading(provider_id=subscription.provider_id, status=status, status_at=at, **facts)
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        endings.record_reading(ctx, session, locked, reading, now=utc_now())


def opened(subscription, at=None):
    return [window.title for window in access(subscription.facts, rule_of(subscription), at or utc_now())]


def test_4_cancelled_then_a_late_activated_then_a_second_cancelled_stays_over(ctx, make, subscription):
    moment = utc_now() - timedelta(minutes=1)
    show(ctx, subscription, "CANCELLED", at=moment)
    show(ctx, subscription, "ACTIVE", at=moment - timedelta(days=3))
    show(ctx, subscription, "CANCELLED", at=moment)
    after = make.reload(subscription)
    assert after.status is Status.CANCELLED
    assert entries(ctx, subscription, TimelineKind.ENDED) == 1
    assert mails(ctx).count("end_confirmed") == 1
    assert after.end_requested_at is None, "nobody asked here: no date is made up"
    assert [request.actor for request in make.requests(subscription)] == [Actor.PROVIDER]


def test_4_a_late_active_of_which_nothing_tells_the_age_is_looked_at_again_later(ctx, make, paypal, subscription):
    """The classic API dates no status, and a field may be missing: after an hour it is no lag any more."""
    carry(ctx, ask(ctx, make, subscription))
    told = mails(ctx)
    show(ctx, subscription, "ACTIVE")
    assert [request.actor for request in make.requests(subscription)] == [Actor.CUSTOMER]
    assert mails(ctx) == told
    with ctx.db.begin() as session:
        waiting = "SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = :name AND status = 'todo'"
        (at,) = session.scalars(text(waiting), {"name": queue.REREAD})
        assert at - utc_now() > timedelta(minutes=55)
        session.execute(update(Subscription).values(stopped_at_provider_at=utc_now() - timedelta(hours=2)))
    show(ctx, subscription, "ACTIVE")
    assert [request.actor for request in make.requests(subscription)] == [Actor.CUSTOMER, Actor.SYSTEM]


def test_3_an_end_seen_before_our_own_204_is_told_once(ctx, make, paypal, subscription):
    request = ask(ctx, make, subscription)
    paypal.happen(subscription.provider_id, "buyer-cancels")
    show(ctx, subscription, "CANCELLED", at=utc_now())
    assert carry(ctx, request).state is RequestState.CONFIRMED
    assert entries(ctx, subscription, TimelineKind.ENDED) == 1
    assert [kind for kind in mails(ctx) if kind in ("end_confirmed", "end_already_over")] == ["end_already_over"]


def test_expired_without_a_request_is_completed(ctx, make, subscription):
    show(ctx, subscription, "EXPIRED", at=utc_now())
    assert make.reload(subscription).status is Status.COMPLETED


def test_all_paid_before_the_click_is_completed_with_its_access(ctx, make, paypal):
    product = make.product(make.merchant(), keep_after_completion=True)
    subscription = make.subscription(product=product)
    paypal.happen(subscription.provider_id, "expire")
    carry(ctx, ask(ctx, make, subscription))
    after = make.reload(subscription)
    assert after.status is Status.COMPLETED
    assert opened(after, utc_now() + timedelta(days=4000)) == [product.name]


def test_a_word_nobody_has_seen_changes_nothing_and_is_said(ctx, make, subscription):
    show(ctx, subscription, "HIBERNATING", at=utc_now())
    after = make.reload(subscription)
    assert (after.status, after.provider_status) == (Status.ACTIVE, "HIBERNATING")
    assert entries(ctx, subscription, TimelineKind.UNKNOWN_WORD) == 1


def test_an_older_answer_written_later_changes_no_status(ctx, make, subscription):
    moment = utc_now()
    show(ctx, subscription, "SUSPENDED", at=moment)
    show(ctx, subscription, "ACTIVE", at=moment - timedelta(days=3))
    assert make.reload(subscription).status is Status.PAUSED


def test_a_first_failed_payment_leaves_the_days_of_grace(ctx, make, subscription):
    activated = utc_now() - timedelta(days=100)
    for failed in (1, 0, 1):
        show(ctx, subscription, "ACTIVE", at=activated, failed_payments=failed)
    after = make.reload(subscription)
    assert after.status is Status.PAST_DUE
    assert opened(after) == [after.product.name]
    assert entries(ctx, subscription, TimelineKind.STATUS_SEEN) == 3, "each time it was late is a fact of its own"


def test_a_pause_does_not_shorten_the_paid_time(ctx, make):
    make.merchant()
    paid, last = datetime(2027, 3, 31, 10, tzinfo=UTC), datetime(2027, 2, 28, 10, tzinfo=UTC)
    subscription = make.subscription(paid_until=paid, last_payment_at=last)
    show(ctx, subscription, "SUSPENDED", at=utc_now(), last_payment_at=last)
    assert make.reload(subscription).paid_until == paid


def test_what_never_began_never_opens_whatever_paypal_says_later(ctx, make, paypal):
    product = make.product(make.merchant(), keep_after_cancellation=True)
    pending = make.subscription(
        product=product, status=Status.PENDING, paid_until=None, last_payment_at=None, next_payment_at=None
    )
    assert carry(ctx, ask(ctx, make, pending)).basis is Basis.NEVER_STARTED
    show(ctx, pending, "CANCELLED", at=utc_now(), started_at=pending.started_at)
    after = make.reload(pending)
    assert windows(after.facts, rule_of(after)) == ()


def test_approved_and_paid_unseen_keeps_its_paid_time(ctx, make, paypal):
    make.merchant()
    pending = make.subscription(status=Status.PENDING, paid_until=None, last_payment_at=None)
    paypal.happen(pending.provider_id, "buyer-approves")
    paypal.advance(hours=1)
    assert carry(ctx, ask(ctx, make, pending)).basis is Basis.READ_AFTER_CALL
    after = make.reload(pending)
    assert after.ended_at == after.paid_until > utc_now()
    assert opened(after) == [after.product.name]


def test_who_had_no_address_is_told_of_the_end_at_the_one_paypal_names_by_then(ctx, make, paypal):
    """Staff end what nobody has approved, and the buyer approves in this very moment."""
    merchant = make.merchant()
    nameless = make.customer(merchant, email=None)
    pending = make.subscription(customer=nameless, status=Status.PENDING, paid_until=None, last_payment_at=None)
    request = ask(ctx, make, pending, actor=Actor.STAFF)
    paypal.happen(pending.provider_id, "buyer-approves")
    paypal.subscriptions[pending.provider_id].email = "claire@client.test"
    assert carry(ctx, request).basis is Basis.READ_AFTER_CALL
    with ctx.db.read() as session:
        told = session.scalars(select(Mail.recipient).where(Mail.kind == "end_confirmed")).all()
    assert told == ["claire@client.test"]


def test_ended_before_approval_and_approved_later_is_ended_at_paypal_too(ctx, make, paypal):
    make.merchant()
    pending = make.subscription(status=Status.PENDING, paid_until=None, last_payment_at=None, next_payment_at=None)
    carry(ctx, ask(ctx, make, pending))
    paypal.happen(pending.provider_id, "buyer-approves")
    show(ctx, pending, "ACTIVE", at=utc_now())
    show(ctx, pending, "ACTIVE", at=utc_now())

    first, second = make.requests(pending)
    assert (second.actor, second.state) == (Actor.SYSTEM, RequestState.RECORDED)
    assert carry(ctx, second).state is RequestState.CONFIRMED
    assert paypal.cancelled == [pending.provider_id]
    assert make.reload(pending).status is Status.CANCELLED
    assert row(ctx, first.id).state is RequestState.CONFIRMED


def test_cancelled_here_and_expired_when_it_is_ended_again_stays_cancelled(ctx, make, paypal, subscription):
    """PayPal showed it live after the end, so that we ask once more; meanwhile its plan ran out by itself."""
    carry(ctx, ask(ctx, make, subscription))
    at = utc_now() - timedelta(days=2)
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(stopped_at_provider_at=at, provider_status_at=at))
    show(ctx, subscription, "ACTIVE", at=utc_now())
    own = make.requests(subscription)[-1]
    assert (own.actor, own.sent_at) == (Actor.SYSTEM, None)
    paypal.subscriptions[subscription.provider_id].status = "EXPIRED"
    after = carry(ctx, own)
    assert (after.state, after.outcome) == (RequestState.CONFIRMED, Status.CANCELLED)
    assert make.reload(subscription).status is Status.CANCELLED


def test_14_abandoned_while_it_is_ended_again_it_stays_abandoned(ctx, make, paypal):
    make.merchant()
    pending = make.subscription(status=Status.PENDING, paid_until=None, last_payment_at=None, next_payment_at=None)
    carry(ctx, ask(ctx, make, pending))
    paypal.happen(pending.provider_id, "buyer-approves")
    show(ctx, pending, "ACTIVE", at=utc_now())
    end_requests.mark_abandoned(ctx, wish_of(pending, Action.ABANDON, actor=Actor.STAFF), now=utc_now())
    assert carry(ctx, make.requests(pending)[-1]).state is RequestState.CONFIRMED
    assert paypal.cancelled == [pending.provider_id]
    after = make.reload(pending)
    assert (after.status, after.relaunch_allowed) == (Status.ABANDONED, False)


def test_a_204_that_no_read_ever_shows_reaches_the_merchant_before_the_payment(ctx, make, paypal):
    make.merchant()
    subscription = make.subscription(next_payment_at=make.now() + timedelta(hours=3))
    paypal.rule("cancel", "stale", reads=1000)
    request = carry(ctx, ask(ctx, make, subscription), times=3)
    assert request.state is RequestState.VERIFYING
    assert request.next_try_at - utc_now() < timedelta(minutes=2)
    with ctx.db.begin() as session:
        session.execute(update(type(request)).values(accepted_at=utc_now() - timedelta(minutes=11)))
    assert carry(ctx, request).state is RequestState.NEEDS_MERCHANT


def test_a_403_on_one_object_stops_nobody_else_and_is_told_once(ctx, make, paypal):
    make.merchant()
    bad, other, good = make.subscription(), make.subscription(), make.subscription()
    paypal.rule("cancel", "403", only=bad.provider_id)
    paypal.rule("show", "500", only=other.provider_id)
    waiting = carry(ctx, ask(ctx, make, other))
    refused = carry(ctx, ask(ctx, make, bad), times=2)
    carry(ctx, ask(ctx, make, good))
    carry(ctx, refused)
    assert row(ctx, waiting.id).state is RequestState.RETRYING
    assert mails(ctx).count("merchant_needs_you") == 1


def test_a_key_refused_for_a_moment_is_tried_again_before_a_near_payment(ctx, make, paypal):
    make.merchant()
    subscription = make.subscription(next_payment_at=make.now() + timedelta(hours=2))
    paypal.rule("token", "401")
    request = carry(ctx, ask(ctx, make, subscription))
    assert request.trouble is Trouble.BAD_CREDENTIALS
    assert request.next_try_at < subscription.next_payment_at


def test_too_many_calls_calms_the_whole_merchant(ctx, make, paypal, subscription):
    other = make.subscription()
    paypal.rule("show", "429", retry_after=1800)
    carry(ctx, ask(ctx, make, subscription))
    calls = len(paypal.calls)

    request = ask(ctx, make, other)
    end_carrying.carry_out(ctx, request.merchant_id, request.id)
    assert len(paypal.calls) == calls
    assert row(ctx, request.id).next_try_at > utc_now() + timedelta(minutes=25)


@pytest.mark.parametrize(
    "oddity", [{"own_amount": "1" + "0" * 20}, {"next_billing_time": "9999-12-31T23:30:00Z"}], ids=["price", "date"]
)
def test_an_absurd_figure_stops_no_cancellation(ctx, make, paypal, subscription, oddity):
    for name, value in oddity.items():
        setattr(paypal.subscriptions[subscription.provider_id], name, value)
    assert carry(ctx, ask(ctx, make, subscription)).state is RequestState.CONFIRMED


def test_a_key_sealed_with_a_lost_master_key_goes_to_the_merchant(ctx, make, subscription):
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(secret=b"gone|xxxxxxxxxxxxxxxxxxxx"))
    request = carry(ctx, ask(ctx, make, subscription))
    assert (request.state, request.trouble) == (RequestState.NEEDS_MERCHANT, Trouble.NO_KEY)


def test_an_unreadable_token_is_asked_for_again(ctx, make, subscription):
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(token=b"gone|x", token_expires_at=utc_now() + timedelta(hours=1)))
    assert carry(ctx, ask(ctx, make, subscription)).state is RequestState.CONFIRMED


def test_a_token_of_the_old_key_is_not_kept_under_the_new_one(ctx, make, paypal, subscription):
    with ctx.db.read() as session:
        account = session.scalars(select(PayPalAccount)).one()
    old = RowTokenStore(ctx, account)
    key = {"client_id": paypal.credentials.client_id, "secret": paypal.credentials.secret, "environment": "sandbox"}
    paypal_keys.save(ctx, subscription.merchant_id, **key, now=utc_now() + timedelta(seconds=1))
    old.put(Token(value="of the old key", expires_at=utc_now() + timedelta(hours=9), scopes=frozenset()))
    with ctx.db.read() as session:
        account = session.scalars(select(PayPalAccount)).one()
    kept = RowTokenStore(ctx, account).get()
    assert kept is None or kept.value != "of the old key"


def test_staff_may_end_at_once_what_a_customer_left_for_the_commitment(ctx, make, paypal):
    product = make.product(make.merchant(), commitment_months=12, commitment_binds=True)
    subscription = make.subscription(product=product, committed_until=make.now() + timedelta(days=100))
    waiting = ask(ctx, make, subscription, reason_text="je pars")
    done = end_requests.record(ctx, wish_of(subscription, actor=Actor.STAFF), now=utc_now())
    assert (done.is_new, done.is_due_now) == (True, True)
    assert carry(ctx, row(ctx, done.request_id)).state is RequestState.CONFIRMED
    kept = row(ctx, waiting.id)
    assert (kept.state, kept.reason_text) == (RequestState.WITHDRAWN, "je pars")
