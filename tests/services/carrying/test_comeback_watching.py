"""What becomes of the new subscription at PayPal: approved, forgotten, or closed meanwhile."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.documents.orders import EXPRESS_VERSION, WITHDRAWAL_VERSION
from portal.domain.ends.comebacks import ComebackState, ComebackTrouble
from portal.domain.ends.end_requests import Channel
from portal.domain.errors import NotAllowed
from portal.domain.law.withdrawals import ConsentKind, ConsentWay
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action
from portal.queries.law import withdrawals
from portal.services import comebacks
from portal.services.carrying import comeback_watching
from portal.services.carrying.comeback_watching import Looked
from portal.services.ends import end_requests
from portal.services.ends.end_wishes import Wish
from portal.services.imports import imports
from tests.services.carrying.coming_back import QUICK
from tests.services.messages.webhook_desk import WebhookDesk, changed


def test_messages_of_paypals_doubled_and_in_any_order_are_one_arrival(way, ctx, paypal):
    one = way()
    desk = WebhookDesk(ctx, paypal, one.make._last_merchant)
    row = one.create()
    created = changed(row.provider_id, status="APPROVAL_PENDING")
    desk.tell("BILLING.SUBSCRIPTION.CREATED", created)
    assert len(one.subscriptions()) == 1
    one.choose(row)
    for _ in range(2):
        desk.tell("BILLING.SUBSCRIPTION.ACTIVATED", changed(row.provider_id))
    desk.tell("BILLING.SUBSCRIPTION.CREATED", created)
    assert len(one.arrived()) == 1
    assert one.row(row.id).state is ComebackState.APPROVED
    assert one.mails() == {"comeback_approved": 1, "merchant_comeback_approved": 1}


@pytest.mark.law("R-FR-31", "R-FR-34", "R-FR-62")
def test_what_the_order_said_of_the_right_to_withdraw_is_kept_with_the_new_contract(way, ctx, paypal):
    one = way()
    row = one.create()
    one.choose(row)
    WebhookDesk(ctx, paypal, one.make._last_merchant).tell("BILLING.SUBSCRIPTION.ACTIVATED", changed(row.provider_id))
    (new,) = one.arrived()
    with ctx.db.read() as session:
        kept = {said.kind: said for said in withdrawals.consents(session, new.id)}
    approved = one.row(row.id).approved_at
    assert {kind: (said.is_given, said.at, said.version, said.way) for kind, said in kept.items()} == {
        ConsentKind.INFORMED: (True, approved, WITHDRAWAL_VERSION, ConsentWay.ORDER_PAGE),
        ConsentKind.EXPRESS_REQUEST: (False, approved, EXPRESS_VERSION, ConsentWay.ORDER_PAGE),
    }


def test_a_message_that_overtakes_the_answer_is_known_by_our_own_number(way, ctx, paypal):
    one = way()
    desk = WebhookDesk(ctx, paypal, one.make._last_merchant)
    paypal.rule("create", "silent", 1, seconds=1.0)
    row = one.create(patience=QUICK)
    (made,) = one.made()
    desk.tell("BILLING.SUBSCRIPTION.CREATED", changed(made.id))
    assert len(one.subscriptions()) == 1
    paypal.happen(made.id, "buyer-approves")
    desk.tell("BILLING.SUBSCRIPTION.ACTIVATED", changed(made.id))
    assert [new.customer_id for new in one.arrived()] == [one.old.customer_id]
    assert one.row(row.id).provider_id == made.id


def test_never_approved_it_is_given_up_when_paypal_has_forgotten_it(way, paypal):
    one = way()
    row = one.create()
    paypal.advance(hours=25)
    assert one.look(row) is Looked.NOT_YET, "a new one may be missing for a moment"
    one.set(row, waiting_since=utc_now() - timedelta(hours=2))
    assert one.look(row) is Looked.GONE
    row = one.row(row.id)
    assert (row.state, row.trouble, row.next_try_at) == (ComebackState.GIVEN_UP, ComebackTrouble.EXPIRED, None)
    assert one.mails() == {}
    again = one.start()
    assert again.comeback_id != row.id


def test_never_approved_it_is_given_up_after_three_days(way, paypal):
    one = way()
    row = one.create()
    one.set(row, waiting_since=utc_now() - timedelta(days=3), next_try_at=utc_now())
    comeback_watching.carry_on(one.ctx, one.old.merchant_id, row.id)
    assert one.row(row.id).state is ComebackState.GIVEN_UP


def test_14_marked_as_abandoned_meanwhile_the_way_back_is_closed(way, paypal):
    one = way()
    row = one.create()
    end_requests.mark_abandoned(
        one.ctx,
        Wish(
            merchant_id=one.old.merchant_id,
            subscription_id=one.old.id,
            action=Action.ABANDON,
            actor=Actor.STAFF,
            role=Role.OWNER,
            channel=Channel.STAFF,
        ),
        now=utc_now(),
    )
    row = one.row(row.id)
    assert (row.state, row.trouble) == (ComebackState.GIVEN_UP, ComebackTrouble.NOT_OFFERED)
    with pytest.raises(NotAllowed):
        one.start()


def test_somebody_elses_are_not_found(way, make):
    one = way()
    row = one.create()
    stranger = make.customer(one.make._last_merchant)
    with pytest.raises(NoResultFound):
        one.start(customer_id=stranger.id)
    with pytest.raises(NoResultFound):
        comebacks.give_up(one.ctx, one.old.merchant_id, stranger.id, row.id, now=utc_now())
    with pytest.raises(NoResultFound):
        comeback_watching.look(one.ctx, uuid.uuid4(), row.id)


def test_the_list_of_paypal_brings_it_in_as_well(way, paypal, ctx):
    one = way()
    row = one.create()
    imports.run_import(ctx, imports.start_or_resume(ctx, one.old.merchant_id).id)
    assert len(one.subscriptions()) == 1
    one.choose(row)
    imports.run_import(ctx, imports.start_or_resume(ctx, one.old.merchant_id).id)
    assert [new.customer_id for new in one.arrived()] == [one.old.customer_id]
    assert one.row(row.id).state is ComebackState.APPROVED
