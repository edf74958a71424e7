"""The subscriptions that rows name are read once for all of them, whatever the rows are."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import InvalidRequestError

from portal.clock import utc_now
from portal.domain.ends.received_requests import Way
from portal.models import EndRequest, ReceivedRequest
from portal.queries import named
from portal.services.inbox.lost_log_ins import Word, leave
from tests.services.carrying.carried import ask


def test_rows_of_two_kinds_are_given_theirs_in_one_statement(ctx, make, statements):
    merchant = make.merchant()
    asked = [make.subscription(merchant=merchant) for _ in range(2)]
    for subscription in asked:
        ask(ctx, make, subscription)
    word = Word(merchant_id=merchant.id, name="Zoé", email="zoe@client.test", number="", message="Stop")
    leave(ctx, word, network="n", now=utc_now())
    with ctx.db.read() as session:
        requests = session.scalars(select(EndRequest)).all()
        letter = session.scalars(select(ReceivedRequest).where(ReceivedRequest.way == Way.NO_LOGIN)).one()
        with pytest.raises(InvalidRequestError, match="not available due to lazy"):
            _ = requests[0].subscription
        with statements() as seen:
            found = named.give(session, [*requests, letter])
            names = {(one.subscription.customer.name, one.subscription.product.name) for one in requests}
            assert (letter.subscription, letter.suggested) == (None, None)
        assert len(seen) == 1
    assert set(found) == {one.id for one in asked}
    assert names == {(one.customer.name, one.product.name) for one in asked}


def test_where_nothing_is_named_nothing_is_read(ctx, statements):
    with ctx.db.read() as session, statements() as seen:
        assert named.give(session, [], also=[None]) == {}
    assert seen == []
