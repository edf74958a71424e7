"""Who could not log in leaves word: dated, acknowledged, never forgotten; strangers flood neither desk nor mailbox."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.ends.received_requests import Way
from portal.models import Mail, MerchantNews, ReceivedRequest
from portal.queries import inbox
from portal.queries.inbox import Kind
from portal.services import aging
from portal.services.inbox import lost_log_ins, received_requests
from portal.services.inbox.lost_log_ins import Word
from portal.services.throttles import TooManyTries
from tests.services.inbox.notified import DAY, HOUR, THURSDAY


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en", support_email="desk@atelier.test")


@pytest.fixture
def leave(ctx, merchant):
    def left(email="zoe@client.test", message="I want to cancel", *, number="", network="n", now=THURSDAY):
        word = Word(merchant_id=merchant.id, name="Zoé", email=email, number=number, message=message)
        return lost_log_ins.leave(ctx, word, network=network, now=now)

    return left


def to(ctx, address):
    with ctx.db.read() as session:
        return session.scalars(select(Mail).where(Mail.recipient == address)).all()


def rows(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(ReceivedRequest)).all()


def items(ctx, merchant, now=THURSDAY):
    with ctx.db.read() as session:
        return inbox.page(session, merchant.id, now=now).items, inbox.count(session, merchant.id, now=now)


def test_it_is_dated_with_its_hour_and_reminded_of_as_any_request_to_end(ctx, merchant, leave):
    left = leave()
    assert (left.way, left.received_at, left.is_open) == (Way.NO_LOGIN, THURSDAY, True)
    told = {}
    for days in (0, 4, 8):
        aging.run(ctx, now=THURSDAY + days * DAY)
        with ctx.db.read() as session:
            told[days] = len(session.scalars(select(MerchantNews)).all())
    assert told == {0: 1, 4: 2, 8: 3}


def test_a_double_click_is_one_and_what_is_added_is_kept_with_it(ctx, leave):
    first, again = leave(), leave()
    assert first.id == again.id
    more = leave(message="Please answer", now=THURSDAY + HOUR)
    assert more.reference == first.reference
    (row,) = rows(ctx)
    assert "I want to cancel" in row.message
    assert "Please answer" in row.message


def test_one_address_is_written_to_three_times_a_day_and_whoever_owns_it_is_still_heard(ctx, leave):
    """A stranger who types it three times must not close the door to the one who wants to cancel."""
    for place in range(3):
        leave(number=f"N{place}", network="stranger")
    left = leave(number="OWN", message="Please cancel", network="owner")
    assert len(to(ctx, "zoe@client.test")) == 3
    assert left.reference in {one.reference for one in rows(ctx)}
    leave(number="OWN2", network="owner", now=THURSDAY + DAY)
    assert len(to(ctx, "zoe@client.test")) == 4


def test_one_network_leaves_five_an_hour(leave):
    for place in range(5):
        leave(email=f"p{place}@client.test")
    with pytest.raises(TooManyTries):
        leave(email="p9@client.test")


def test_of_five_hundred_the_merchant_sees_one_line_and_gets_one_mail(ctx, merchant, leave, monkeypatch):
    monkeypatch.setattr(lost_log_ins, "ACKNOWLEDGED", 10)
    for place in range(40):
        leave(email=f"p{place}@client.test", network=f"n{place}")
    found, count = items(ctx, merchant)
    assert [(one.kind, one.waiting) for one in found] == [(Kind.LOST, 40)]
    assert count == 1
    assert len(to(ctx, "desk@atelier.test")) == 1
    assert sum(len(to(ctx, f"p{place}@client.test")) for place in range(40)) == 10
    assert len(rows(ctx)) == 40, "nobody is forgotten, acknowledged by mail or not"


def test_the_number_finds_the_payment_at_risk(ctx, make, merchant, leave):
    held = make.subscription(merchant=merchant, next_payment_at=THURSDAY + 3 * DAY)
    leave(number=held.provider_id.lower())
    (item,), _count = items(ctx, merchant)
    assert item.at_risk_at == THURSDAY + 3 * DAY


def test_of_another_merchants_numbers_nothing_is_found(ctx, make, merchant, leave):
    elsewhere = make.subscription(merchant=make.merchant())
    assert leave(number=elsewhere.provider_id).suggested_subscription_id is None


def test_closed_it_is_no_line_any_more(ctx, merchant, leave):
    left = leave()
    received_requests.dismiss(ctx, merchant.id, left.id, reason="Answered", by="Léa", now=THURSDAY + timedelta(hours=2))
    assert items(ctx, merchant) == ((), 0)
    subject = to(ctx, "zoe@client.test")[-1].subject
    assert left.reference in subject
