"""What happens between a restore and its recovery, or in the middle of one: what the journal knows wins."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState
from portal.domain.policies import Role
from portal.domain.subscriptions import Action
from portal.jobs import events, run_worker
from portal.models import (
    AuditEntry,
    BulkAct,
    BulkState,
    Customer,
    EndRequest,
    EventSource,
    EventState,
    JournalEntry,
    Mail,
    MailState,
    PayPalEvent,
    Staff,
    Subscription,
)
from portal.services import recovering
from portal.services.bulk import bulk_acts, bulk_choices
from portal.services.bulk.bulk_acts import Person
from portal.services.bulk.bulk_choices import Choice
from portal.services.ends import end_withdrawals
from portal.services.merchants import departures
from portal.services.own_data import customer_erasures
from tests.services.carrying.carried import ask, carry
from tests.services.own_data.wishing import LATER, whole_database
from tests.services.recovering.rewriting import written_anew
from tests.services.recovering.stories import found, let_leave


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def subscription(make, merchant):
    return make.subscription(merchant=merchant)


def take_back(ctx, subscription, request):
    who = subscription.merchant_id, subscription.customer_id
    end_withdrawals.withdraw(ctx, *who, request.reference, now=utc_now())


def recovered(restarted):
    report = recovering.recover(restarted(), now=utc_now())
    assert report.unplaced == []
    return report


def test_an_end_that_was_taken_back_is_not_carried_out_though_a_worker_came_to_it_before_the_recovery(
    ctx, make, paypal, subscription, backup, restarted
):
    request = ask(ctx, make, subscription)
    copy = backup()
    take_back(ctx, subscription, request)
    copy.restore()
    assert carry(restarted(), request).state is RequestState.RECORDED, "the backup’s word"
    recovered(restarted)
    assert found(ctx, request).state is RequestState.WITHDRAWN
    assert carry(restarted(), request).state is RequestState.WITHDRAWN
    assert paypal.cancelled == []


def test_a_message_that_left_since_the_backup_leaves_no_second_time(ctx, make, mailer, subscription, backup, restarted):
    ask(ctx, make, subscription)
    copy, later = backup(), utc_now() + timedelta(minutes=5)
    let_leave(ctx, now=later)
    sent = len(mailer.sent)
    assert sent > 0
    copy.restore()
    let_leave(restarted(), now=later)
    recovered(restarted)
    let_leave(restarted(), now=later)
    with ctx.db.read() as session:
        assert set(session.scalars(select(Mail.state))) == {MailState.SENT}
    assert len(mailer.sent) == sent


def test_what_paypal_says_is_applied_after_the_recovery(ctx, make, merchant, subscription, backup, restarted):
    copy = backup()
    ask(ctx, make, subscription)
    copy.restore()
    said = {"event_id": "WH-9", "event_type": "BILLING.SUBSCRIPTION.CANCELLED", "subject": subscription.provider_id}
    make.add(
        PayPalEvent(
            merchant_id=merchant.id,
            environment="sandbox",
            source=EventSource.WEBHOOK,
            body=b"{}",
            received_at=utc_now(),
            next_try_at=utc_now(),
            state=EventState.WAITING,
            **said,
        )
    )
    here = restarted()
    assert here.is_restored
    assert events._due(here) == []
    recovered(restarted)
    assert events._due(restarted()) == [merchant.id]


def test_who_asks_again_after_what_they_had_taken_back_is_not_forgotten(
    ctx, make, paypal, subscription, backup, restarted
):
    copy = backup()
    first = ask(ctx, make, subscription)
    take_back(ctx, subscription, first)
    copy.restore()
    here = restarted()
    assert here.is_restored
    second = ask(here, make, make.reload(subscription))
    report = recovered(restarted)

    assert report.asked_again == []
    assert found(ctx, first).state is RequestState.WITHDRAWN
    assert found(ctx, second).state is RequestState.RECORDED
    assert carry(restarted(), second).state is RequestState.CONFIRMED
    assert paypal.cancelled == [subscription.provider_id]


def test_who_was_erased_is_erased_again_though_their_row_was_changed_meanwhile(
    ctx, make, subscription, backup, restarted
):
    email, now = subscription.customer.email, utc_now()
    copy = backup()
    erasure = customer_erasures.ask(ctx, subscription.merchant_id, subscription.customer_id, now=now)
    for request in make.requests(subscription):
        carry(ctx, request)
    let_leave(ctx)
    assert customer_erasures.carry_on(ctx, erasure.id, now=now + LATER)
    let_leave(ctx, now=now + 2 * LATER)
    copy.restore()
    here = restarted()
    assert here.is_restored
    with here.db.begin() as session:
        session.execute(update(Customer).values(external_id="c-1"))
    recovered(restarted)
    with ctx.db.begin() as session:
        session.execute(update(JournalEntry).values(image=None))  # what was written to the journal is crossed off
        assert session.get_one(Customer, subscription.customer_id).erased_at is not None
    assert email not in whole_database(ctx)


def test_a_recovery_that_died_goes_on_where_it_was(ctx, make, merchant, subscription, backup, restarted, monkeypatch):
    make.payment(subscription, days=3)
    copy = backup()
    ask(ctx, make, subscription)
    departures.erase(ctx, merchant.id, now=utc_now())
    with ctx.db.read() as session:
        reached = max(session.scalars(select(AuditEntry.number)))
    copy.restore()

    def killed(*_args, **_more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(departures, "erase", killed)
        with pytest.raises(KeyboardInterrupt):
            recovering.recover(restarted(), now=utc_now())
    assert restarted().is_restored
    report = recovered(restarted)
    assert report.cut[str(merchant.id)][1] >= reached
    with ctx.db.read() as session:
        assert session.scalars(select(Subscription.id)).all() == []
    assert not restarted().is_restored


@pytest.mark.parametrize("known", [True, False], ids=["before the backup", "after the backup"])
def test_a_clock_that_was_set_back_takes_no_fact_of_the_journal_away(
    ctx, make, subscription, backup, restarted, journal, known
):
    """What is later by its number may be earlier by its moment: the request was noted by a clock that ran ahead."""
    copy = backup()
    request = ask(ctx, make, subscription)
    if known:
        with ctx.db.begin() as session:
            session.execute(text("UPDATE journal_entries SET at = at + interval '3 minutes'"))
        copy = backup()
    written_anew(ctx, journal, earlier=timedelta(minutes=-3))
    take_back(ctx, subscription, request)
    copy.restore()
    recovered(restarted)
    assert found(ctx, request).state is RequestState.WITHDRAWN


def test_an_act_on_many_that_ran_when_the_backup_was_made_is_looked_at_first(
    ctx, make, merchant, subscription, backup, restarted
):
    staff = Staff(merchant_id=merchant.id, email="anne@desk.test", name="Anne", password_hash="x", totp_secret=b"x")
    make.add(staff)
    anne = Person(merchant_id=merchant.id, id=staff.id, name="Anne", role=Role.OWNER)
    chosen = Choice(ids=[subscription.id])
    act_id = bulk_choices.draft(ctx, anne, Action.CANCEL, chosen, now=utc_now())
    bulk_acts.confirm(ctx, anne, act_id, provider_note="", internal_note="", now=utc_now())
    copy = backup()
    bulk_acts.stop(ctx, anne, act_id, now=utc_now())
    ask(ctx, make, make.subscription(merchant=merchant))
    copy.restore()
    run_worker(restarted(), wait=False)  # the backup holds its jobs too
    assert recovered(restarted).stopped == [str(act_id)]
    run_worker(restarted(), wait=False)
    with ctx.db.read() as session:
        assert session.get_one(BulkAct, act_id).state is BulkState.STOPPED
        asked = session.scalars(select(EndRequest).where(EndRequest.subscription_id == subscription.id)).all()
    assert asked == []
