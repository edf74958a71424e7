"""Many ends of one merchant at once: what PayPal has answered is not lost because somebody holds a row for long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal.domain.ends.end_requests import RequestState
from portal.extensions import Busy, Patience
from portal.queries.merchants import merchant_news
from portal.services.carrying import answers, end_carrying, engine
from tests.services.carrying.carried import ask, mails, row

HASTY = Patience(lock=0.05, statement=5, pool=5)


@pytest.fixture
def waits(ctx, make, monkeypatch):
    """Another transaction holds what a merchant is told, until so many settlings met it; and how many did."""

    def begin(until: int) -> tuple[object, list[Busy]]:
        request, met = ask(ctx, make, make.subscription()), []
        holder = ctx.db.begin()
        merchant_news.lock(holder.__enter__(), request.merchant_id)
        real = engine.settle

        def settle(*arguments, **named):
            try:
                return real(*arguments, **named)
            except Busy as busy:
                met.append(busy)
                if len(met) == until:
                    holder.__exit__(None, None, None)
                raise

        monkeypatch.setattr(engine, "settle", settle)
        return request, met

    return begin


def carry_out_hastily(ctx, request) -> None:
    hasty = replace(ctx, db=ctx.db.with_patience(HASTY))
    try:
        end_carrying.carry_out(hasty, request.merchant_id, request.id)
    finally:
        hasty.db.dispose()


def test_an_answer_is_written_as_soon_as_the_row_is_free(ctx, paypal, waits):
    request, met = waits(until=answers.WRITES - 1)
    carry_out_hastily(ctx, request)
    assert len(met) == answers.WRITES - 1
    assert row(ctx, request.id).state is RequestState.CONFIRMED
    assert paypal.count("cancel") == 1
    assert mails(ctx).count("end_confirmed") == 1


def test_a_row_that_stays_held_is_left_to_the_end_of_its_claim(ctx, paypal, waits):
    request, met = waits(until=answers.WRITES)
    with pytest.raises(Busy):
        carry_out_hastily(ctx, request)
    assert len(met) == answers.WRITES
    assert row(ctx, request.id).state is RequestState.CALLING  # its job comes when the claim has run out
    assert mails(ctx).count("end_confirmed") == 0
