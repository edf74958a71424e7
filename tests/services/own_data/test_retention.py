"""Each kind is gone after its time and not before; what runs, or is open, is never touched."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.access import access
from portal.domain.subscriptions import Status
from portal.models import (
    AuditEntry,
    Customer,
    EndRequest,
    Mail,
    MailState,
    Merchant,
    Payment,
    Proof,
    ProofFile,
    ReceivedRequest,
    RenewalRefund,
    RetentionRun,
    Subscription,
)
from portal.queries import subscriptions
from portal.services import aging, proofs
from portal.services.inbox import inbox, lost_log_ins, received_requests
from portal.services.inbox.lost_log_ins import Word
from portal.services.own_data import retention
from portal.services.rules import rule_of, write_end
from tests.services.carrying.carried import ask, carry

YEAR, DAY = timedelta(days=366), timedelta(days=1)


@pytest.fixture
def ended(ctx, make, left):
    """One whose end is proven, with a file that has left."""

    def run(**columns):
        held = make.subscription(**columns)
        request = carry(ctx, ask(ctx, make, held, reason_text="too dear"))
        left(utc_now())
        with ctx.db.read() as session:
            proof = session.scalars(select(Proof).where(Proof.end_request_id == request.id)).one()
        proofs.issue(ctx, proof, now=utc_now())
        aging.run(ctx, now=held.paid_until + DAY)
        left(held.paid_until + 2 * DAY)
        return held

    return run


@pytest.fixture
def gone_by(ctx):
    """The nights until who is forgotten is gone by that one: a month before they are told, and the message leaves."""

    def run(night):
        told = night - 31 * DAY
        retention.run(ctx, now=told)
        with ctx.db.begin() as session:
            waiting = update(Mail).where(Mail.state == MailState.WAITING)
            session.execute(waiting.values(state=MailState.SENT, sent_at=told))
        retention.run(ctx, now=night)

    return run


def rows(ctx, row):
    with ctx.db.read() as session:
        return session.scalars(select(row)).all()


def last_night(ctx):
    return sorted(rows(ctx, RetentionRun), key=lambda one: one.created_at)[-1].counts


@pytest.mark.law("R-GD-3")
def test_a_proof_is_kept_for_five_years_and_does_not_come_back(ctx, ended, now):
    ended()
    retention.run(ctx, now=now + 4 * YEAR)
    assert (len(rows(ctx, Proof)), len(rows(ctx, ProofFile))) == (1, 1)
    retention.run(ctx, now=now + 5 * YEAR + 30 * DAY)
    assert (rows(ctx, Proof), rows(ctx, ProofFile)) == ([], [])
    (request,) = rows(ctx, EndRequest)
    assert (request.reason_text, request.shown, request.facts_before, request.answer) == ("", {}, None, None)
    assert request.confirmed_at is not None, "that there was an end stays"
    assert last_night(ctx)["proofs"] == 1
    aging.run(ctx, now=now + 5 * YEAR)
    assert rows(ctx, Proof) == []


def test_a_merchant_may_keep_proofs_longer_and_nobody_elses_are_touched(ctx, make, ended, now):
    careful = make.merchant()
    with ctx.db.begin() as session:
        session.get_one(Merchant, careful.id).retention = {"proofs": 10}
    ended(merchant=careful)
    ended(merchant=make.merchant())
    retention.run(ctx, now=now + 6 * YEAR)
    assert [one.merchant_id for one in rows(ctx, Proof)] == [careful.id]


@pytest.mark.parametrize(
    ("outcome", "keeps", "is_kept"),
    [
        (Status.COMPLETED, {"keep_after_completion": True}, True),
        (Status.CANCELLED, {"keep_after_cancellation": True}, True),
        (Status.CANCELLED, {"keep_after_completion": True}, False),
        (Status.COMPLETED, {"keep_after_cancellation": True}, False),
    ],
)
def test_who_has_bought_something_for_good_is_not_erased_with_it(ctx, make, gone_by, now, outcome, keeps, is_kept):
    """Once the record is empty nobody can log in to what was promised for good, nor be known by the merchant's site."""
    merchant = make.merchant()
    held = make.subscription(merchant=merchant, product=make.product(merchant, **keeps))
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, merchant.id, held.id)
        write_end(locked, access.end_facts(locked.facts, rule_of(locked), outcome, now), outcome, now)
    gone_by(now + 4 * YEAR)
    assert (rows(ctx, Customer)[0].email is not None) is is_kept


def test_who_left_is_erased_three_years_after_the_last_contact(ctx, make, ended, gone_by, now):
    held = ended()
    retention.run(ctx, now=now + 3 * YEAR - 20 * DAY)
    assert rows(ctx, Customer)[0].name == "Claire Dupont"
    gone_by(now + 3 * YEAR + 90 * DAY)
    assert (rows(ctx, Customer)[0].name, rows(ctx, Customer)[0].email) == ("", None)
    assert rows(ctx, Customer)[0].erased_at is not None
    assert len(rows(ctx, Proof)) == 1, "it has its own time"
    assert last_night(ctx)["customers"] == 1
    assert [row.act for row in rows(ctx, AuditEntry)].count("customer.erased") == 1
    assert held is not None


def test_who_still_has_something_or_was_here_lately_stays(ctx, make, gone_by, now):
    make.subscription(customer=make.customer(make.merchant(), name="lives"))
    make.customer(make.merchant(), name="was here", seen_at=now + 2 * YEAR)
    kept = make.product(make.merchant(), keep_after_completion=True)
    over = make.subscription(product=kept, status=Status.COMPLETED, access_until=now + 9 * YEAR)
    make.customer(make.merchant(), name="nothing")
    gone_by(now + 4 * YEAR)
    assert sorted(one.name for one in rows(ctx, Customer)) == ["", over.customer.name, "lives", "was here"]


def test_payments_are_kept_for_ten_years_and_those_of_what_runs_longer(ctx, make, now):
    live, over = make.subscription(), make.subscription(status=Status.CANCELLED)
    make.payment(live, 5)
    make.payment(over, 6)
    retention.run(ctx, now=now + 9 * YEAR)
    assert len(rows(ctx, Payment)) == 2
    retention.run(ctx, now=now + 10 * YEAR)
    assert [one.subscription_id for one in rows(ctx, Payment)] == [live.id]


@pytest.mark.parametrize(("is_settled", "stay"), [(True, 0), (False, 1)])
def test_what_an_unproved_renewal_made_due_goes_with_its_payment_once_settled(ctx, make, ended, now, is_settled, stay):
    over = ended()
    payment, (request,) = make.payment(over, 6), make.requests(over)
    with ctx.db.begin() as session:
        session.add(
            RenewalRefund(
                merchant_id=over.merchant_id,
                subscription_id=over.id,
                end_request_id=request.id,
                payment_id=payment.id,
                amount=payment.amount,
                currency=payment.currency,
                renewed_at=now,
                left_before=payment.amount,
                due_at=now,
                created_at=now,
                settled_at=now if is_settled else None,
            )
        )
    retention.run(ctx, now=now + 10 * YEAR)
    assert (len(rows(ctx, Payment)), len(rows(ctx, RenewalRefund))) == (stay, stay)


def test_what_messages_said_goes_after_a_year_and_that_they_left_stays(ctx, ended, now):
    ended()
    retention.run(ctx, now=now + timedelta(days=300))
    assert all(one.content for one in rows(ctx, Mail) if one.state is MailState.SENT)
    retention.run(ctx, now=now + YEAR + 60 * DAY)
    told = rows(ctx, Mail)
    assert [one.kind for one in told if one.content] == []
    assert {one.kind for one in told} >= {"end_confirmed"}


def test_one_that_fails_keeps_none_of_the_others_and_is_told(ctx, make, monkeypatch, now):
    first, second = make.merchant(slug="a-first"), make.merchant(slug="b-second")
    real = retention.ACTS[retention.Kind.MAILS]

    def fails(ctx, merchant_id, **more):
        if merchant_id == first.id:
            raise RuntimeError
        return real(ctx, merchant_id, **more)

    monkeypatch.setitem(retention.ACTS, retention.Kind.MAILS, fails)
    with pytest.raises(retention.Unfinished):
        retention.run(ctx, now=now)
    counts = {one.merchant_id: set(one.counts) for one in rows(ctx, RetentionRun)}
    assert counts[second.id] - counts[first.id] == {"mails"}


def test_a_subscription_of_who_was_erased_by_time_says_nothing_of_its_payer(ctx, ended, gone_by, now):
    held = ended()
    with ctx.db.begin() as session:
        session.execute(update(Subscription).where(Subscription.id == held.id).values(payer_id="ZEPAYER234567"))
    gone_by(now + 4 * YEAR)
    assert [one.payer_id for one in rows(ctx, Subscription)] == [None]


def test_a_message_whose_words_are_gone_is_not_sent_again(ctx, make, now):
    held = make.subscription()
    carry(ctx, ask(ctx, make, held))
    with ctx.db.begin() as session:
        session.execute(update(Mail).values(state=MailState.RETURNED))
    retention.run(ctx, now=now + YEAR + 60 * DAY)
    (mail,) = [one for one in rows(ctx, Mail) if one.kind == "end_confirmed"]
    with pytest.raises(NoResultFound):
        inbox.resend_mail(ctx, held.merchant_id, mail.id, now=now + YEAR + 60 * DAY)


def test_a_word_left_at_the_log_in_goes_with_the_customers_and_not_with_the_proofs(ctx, make, now):
    """It proves no end: three years after it was closed nobody's name is kept for it."""
    merchant = make.merchant()
    word = Word(merchant_id=merchant.id, name="Zoé", email="zoe@client.test", number="", message="Help")
    waiting, closed = (
        lost_log_ins.leave(ctx, replace(word, email=f"{name}@client.test"), network=name, now=now)
        for name in ("open", "closed")
    )
    received_requests.dismiss(ctx, merchant.id, closed.id, reason="Answered", by="Léa", now=now)
    retention.run(ctx, now=now + 3 * YEAR - 30 * DAY)
    assert {one.id for one in rows(ctx, ReceivedRequest)} == {waiting.id, closed.id}
    retention.run(ctx, now=now + 3 * YEAR + 30 * DAY)
    assert [one.id for one in rows(ctx, ReceivedRequest)] == [waiting.id], "nobody has answered that one"
    left = [one for one in rows(ctx, Mail) if one.state is MailState.SENT]
    assert not [one.subject for one in left if "could not log in" in one.subject]


def test_a_subject_goes_with_what_its_message_said(ctx, ended, now):
    ended()
    retention.run(ctx, now=now + YEAR + 60 * DAY)
    assert {one.subject for one in rows(ctx, Mail) if one.state is not MailState.WAITING} == {""}


@pytest.mark.law("R-GD-3")
def test_a_month_before_the_customer_is_told_once_and_keeps_all_by_logging_in(ctx, make, now):
    merchant = make.merchant(locale="en")
    with ctx.db.begin() as session:
        for name in ("stays", "goes"):
            row = Customer(merchant_id=merchant.id, email=f"{name}@client.test", name=name, created_at=now)
            session.add(row)

    def told():
        return sorted(one.recipient for one in rows(ctx, Mail) if one.kind == "erasure_soon")

    last = now + timedelta(days=3 * 365)
    retention.run(ctx, now=last - 40 * DAY)
    assert told() == []
    for night in range(3):
        retention.run(ctx, now=last - (28 - night) * DAY)
    assert told() == ["goes@client.test", "stays@client.test"]
    with ctx.db.begin() as session:
        session.execute(update(Customer).where(Customer.name == "stays").values(seen_at=last - 20 * DAY))
        session.execute(update(Mail).values(state=MailState.SENT, sent_at=last - 27 * DAY))
    retention.run(ctx, now=last + 3 * DAY)
    assert [one.name for one in rows(ctx, Customer) if one.erased_at is None] == ["stays"]


def test_nobody_is_erased_before_the_day_that_they_were_told(ctx, make, now):
    """The warning may leave late, as on the first night that there is one."""
    merchant, last = make.merchant(locale="en"), now + timedelta(days=3 * 365 + 1)
    with ctx.db.begin() as session:
        session.add(Customer(merchant_id=merchant.id, email="late@client.test", name="Late", created_at=now))
    retention.run(ctx, now=last - 5 * DAY)
    with ctx.db.begin() as session:
        session.execute(update(Mail).values(state=MailState.SENT, sent_at=last - 5 * DAY))
    for days, is_gone in ((10, False), (26, True)):
        retention.run(ctx, now=last + days * DAY)
        assert [one.erased_at is not None for one in rows(ctx, Customer)] == [is_gone]


@pytest.mark.law("R-GD-3")
@pytest.mark.parametrize("logs_in", [False, True])
def test_a_shorter_time_takes_nobody_who_was_not_told_a_month_before(ctx, make, now, logs_in):
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant, created_at=now - 540 * DAY)

    def night(days):
        retention.run(ctx, now=now + days * DAY)
        with ctx.db.begin() as session:
            session.execute(update(Mail).values(state=MailState.SENT, sent_at=now + days * DAY))
        told = [one.kind for one in rows(ctx, Mail)].count("erasure_soon")
        return told, rows(ctx, Customer)[0].erased_at is not None

    assert night(0) == (0, False), "three years are kept"
    with ctx.db.begin() as session:
        session.get_one(Merchant, merchant.id).retention = {"customers": 1}
    assert [night(days) for days in (1, 2, 29)] == [(1, False)] * 3
    if logs_in:
        with ctx.db.begin() as session:
            session.get_one(Customer, customer.id).seen_at = now + 10 * DAY
    assert night(32) == (1, not logs_in)


@pytest.mark.parametrize("columns", [{"email": None}, {}])
def test_whom_no_message_can_reach_is_not_kept_for_it(ctx, make, now, columns):
    """Without an address, or of a merchant who left: nobody would ever be told."""
    merchant = make.merchant(closed_at=None if columns else now)
    make.customer(merchant, created_at=now - 4 * YEAR, **columns)
    retention.run(ctx, now=now)
    assert [one.erased_at for one in rows(ctx, Customer)] == [now]
