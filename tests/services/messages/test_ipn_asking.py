"""What an IPN makes the portal ask of the classic API, and what happens when it cannot be asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from portal.clock import utc_now
from portal.domain.subscriptions import Status
from portal.models import EventState, Subscription
from tests.services.messages.ipn_desk import outcomes, rows, said, stored, work


def test_without_a_classic_key_messages_wait_for_it(ctx, make, deliver, paypal):
    merchant = make.merchant(key=False)
    profile = paypal.add_profile()
    body = said(profile.id, receiver_email="seller@demo.example")
    paypal.add_ipn(body)
    assert outcomes(deliver(body, to=merchant)) == [(EventState.WAITING, "no_key")]
    make.classic_key(merchant, receivers=["seller@demo.example"])
    paypal.state.classic_accounts.clear()
    make.paypal.add_classic_account(*CLASSIC_KEY)
    paypal.subscriptions[profile.id].client_id = CLASSIC_KEY[0]
    work(ctx, now=utc_now() + timedelta(hours=1))
    assert outcomes(stored(ctx)) == [(EventState.DONE, "")]


CLASSIC_KEY = ("seller_api1.client.test", "secret-of-the-tests-classic", "secret-of-the-tests-signature")


@pytest.mark.parametrize(
    ("operation", "behaviour"),
    [
        ("ipn_postback", "500"),
        ("ipn_postback", "html-502"),
        ("ipn_postback", "empty-200"),
        ("ipn_postback", "array-200"),
        ("nvp_get", "nvp-10001"),
        ("nvp_get", "nvp-no-ack"),
        ("nvp_get", "html-502"),
        ("nvp_get", "other-id"),
        ("nvp_get", "429"),
    ],
)
def test_what_cannot_be_asked_now_waits(ctx, deliver, paypal, operation, behaviour):
    profile = paypal.add_profile()
    body = said(profile.id)
    paypal.add_ipn(body)
    paypal.rule(operation, behaviour, 1)
    (event,) = deliver(body)
    assert event.state is EventState.WAITING
    assert rows(ctx, Subscription) == []
    with ctx.db.begin() as session:  # the calm of a 429 is over
        session.execute(text("UPDATE paypal_accounts SET calm_until = NULL"))
    work(ctx)
    assert outcomes(stored(ctx)) == [(EventState.DONE, "")]


@pytest.mark.parametrize("behaviour", ["401", "403"])
def test_a_refused_key_is_tested_soon_and_the_message_waits(ctx, deliver, paypal, behaviour):
    profile = paypal.add_profile()
    body = said(profile.id)
    paypal.add_ipn(body)
    paypal.rule("nvp_get", behaviour, 1)
    (event,) = deliver(body)
    assert event.state is EventState.WAITING
    with ctx.db.read() as session:
        asked = text("SELECT args ->> 'provider' FROM procrastinate_jobs WHERE task_name = 'paypal_keys.check'")
        assert session.scalars(asked).all() == ["paypal_classic"]


def test_a_missed_life_is_caught_up_by_its_last_message(ctx, make, deliver, paypal):
    ours = make.profile()
    for action in ("charge", "fail-payments", "suspend-for-failures", "buyer-cancels"):
        paypal.happen(ours.provider_id, action)
    deliver(paypal.ipn_messages(ours.provider_id)[-1])
    assert make.reload(ours).status is Status.CANCELLED


def test_a_hint_of_a_suspension_is_read_as_what_it_is(ctx, make, deliver, paypal):
    ours = make.profile()
    paypal.happen(ours.provider_id, "suspend-for-failures")
    messages = paypal.ipn_messages(ours.provider_id)
    assert b"profile_status=Suspended" in messages[-1]
    deliver(*messages)
    assert make.reload(ours).status is Status.PAST_DUE
