"""Comparing with PayPal: every difference found and corrected once, one bad row stops nobody."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text, update

from portal.clock import utc_now
from portal.demo.simulator.records import stamp
from portal.domain.ends.end_requests import Channel, RequestState
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, Status
from portal.models import ComparisonState, ComparisonTrigger, EndRequest, Mail, Subscription, TimelineKind
from portal.services.ends import end_requests
from portal.services.ends.end_wishes import Wish
from tests.services.comparisons.comparing import compare, differences, done_run, grow_old, jobs, kinds, stored


def mails(ctx):
    with ctx.db.read() as session:
        return Counter(session.scalars(select(Mail.kind)))


def everything_stored(ctx):
    """Every row of every table that a comparison might touch, but for its own two."""
    names = ("subscriptions", "plans", "products", "customers", "end_requests", "timeline_entries", "mails", "grants")
    with ctx.db.read() as session:
        return {name: sorted(map(str, session.execute(text(f"SELECT * FROM {name}")))) for name in names}  # noqa: S608


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
