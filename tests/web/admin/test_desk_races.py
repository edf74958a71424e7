"""Two doors at once: what the desk decides, it decides under the lock, whatever its page had seen before (test 23)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState
from portal.domain.subscriptions import Status
from portal.models import Mail, TimelineEntry, TimelineKind
from portal.providers.ports import Reading
from portal.queries import subscriptions
from portal.services.ends import endings
from tests.services.imports.importing import until_somebody_waits
from tests.web.admin.conftest import BUTTON


@pytest.fixture
def subscription(make, merchant):
    return make.subscription(merchant=merchant)


@contextmanager
def paypals_end_arrives(ctx, subscription, status="CANCELLED"):
    """PayPal's end is being written: who comes in the block has looked before it, and waits for the lock."""
    reading = Reading(provider_id=subscription.provider_id, status=status, status_at=utc_now())
    with ThreadPoolExecutor(1) as others, ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        yield others
        until_somebody_waits(ctx)
        endings.record_reading(ctx, session, locked, reading, now=utc_now())


def rows_of(ctx, entity):
    with ctx.db.read() as session:
        return list(session.scalars(select(entity)))


def test_23_abandon_while_paypals_cancellation_arrives_is_one_outcome_and_one_mail(
    support, ctx, make, paypal, subscription
):
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/abandon")
    paypal.happen(subscription.provider_id, "buyer-cancels")
    with paypals_end_arrives(ctx, subscription) as others:
        answer = others.submit(page.submit, press=BUTTON["abandon"], internal_note="moved abroad")
    said = answer.result()
    after = make.reload(subscription)
    assert (after.status, after.relaunch_allowed) == (Status.ABANDONED, False)
    assert [one.state for one in make.requests(subscription)] == [RequestState.CONFIRMED]
    assert [one.kind for one in rows_of(ctx, Mail) if one.kind.startswith("end_")] == ["end_confirmed"]
    assert [one.kind for one in rows_of(ctx, TimelineEntry)].count(TimelineKind.ENDED) == 1
    assert "PayPal was not told" in said.notices[0]
    assert "moved abroad" in said.text
    assert paypal.count("cancel") == 0


@pytest.mark.parametrize("action", ["cancel", "complete"])
def test_23_an_end_that_the_state_no_longer_knows_is_refused_under_the_lock(support, ctx, make, subscription, action):
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/{action}")
    with paypals_end_arrives(ctx, subscription) as others:
        answer = others.submit(page.submit, press=BUTTON[action], status=409)
    assert "already cancelled" in answer.result().text
    assert len(make.requests(subscription)) == 1


def test_a_planned_end_that_a_colleague_takes_back_meanwhile_is_not_called_sent(support, enter, make, merchant):
    """Two of the team press « take back »: the second one is told what is true."""
    subscription = make.subscription(merchant=merchant)
    later = (utc_now() + timedelta(days=60)).date().isoformat()
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/cancel?on={later}")
    page.submit(press=page.select("main .buttons-equal button")[0].get_text(), provider_note="Merci")
    colleague = enter(merchant).get(f"/admin/subscriptions/{subscription.id}")
    mine = support.get(f"/admin/subscriptions/{subscription.id}")
    for page in (colleague, mine):
        page = page.submit(press="Withdraw this planned end")
        assert "The planned end was withdrawn" in page.notices[0]
    assert [one.state for one in make.requests(subscription)] == [RequestState.WITHDRAWN]
