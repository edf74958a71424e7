"""Sensitive acts that no timeline tells of stand in the audit chain with who did them, as its facts do."""

from __future__ import annotations

from dataclasses import fields

import pytest

from portal.clock import utc_now
from portal.domain.audit import Act, By
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.pauses import PauseKind
from portal.domain.ends.received_requests import Way
from portal.domain.policies import Actor, Override, Role
from portal.domain.subscriptions import Action
from portal.services import products, settings
from portal.services.bulk import bulk_acts, bulk_choices
from portal.services.bulk.bulk_choices import Choice
from portal.services.inbox import received_requests
from portal.services.inbox.received_requests import Declaration
from portal.services.money import late_payments
from portal.services.pauses import pauses
from portal.services.pauses.pauses import PauseWish
from portal.services.products import ProductWish
from portal.services.settings import Addresses, Cancellation, Countries, Face, Language, Offer
from tests.services.audit.test_audit import rows_of
from tests.services.bulk.test_bulk_acts import hired
from tests.services.money.late_money import ANNE, alarms, charged, click, show, stopped, try_it

BY = By(actor=Actor.STAFF, actor_id=ANNE.id, channel=Channel.STAFF)


def of_anne(ctx, merchant_id):
    """What the chain says that Anne did, in order."""
    return [row.act for row in rows_of(ctx, merchant_id) if row.actor_id == ANNE.id]


def test_acts_on_many_are_in_the_chain_with_their_export(ctx, make):
    merchant = make.merchant()
    make.subscription(merchant=merchant)
    who = hired(ctx, merchant)
    act_id = bulk_choices.draft(ctx, who, Action.CANCEL, Choice(), now=utc_now())
    bulk_acts.confirm(ctx, who, act_id, provider_note="Merci", internal_note="für Zoé", now=utc_now())
    for step in (bulk_acts.stop, bulk_acts.resume, bulk_acts.stop, bulk_acts.drop, bulk_acts.note_export):
        step(ctx, who, act_id, now=utc_now())
    told = [row for row in rows_of(ctx, merchant.id) if row.subject_id == act_id]
    words = ["confirmed", "stopped", "resumed", "stopped", "dropped"]
    assert [row.act for row in told] == [*(f"bulk_act.{word}" for word in words), "export.bulk_act"]
    assert {(row.actor_id, row.actor, row.channel) for row in told} == {(who.id, "staff", "staff")}
    assert told[0].details == {"action": "cancel", "rows": 1}


def test_money_after_an_end_is_in_the_chain_with_who_gave_it_back_and_who_kept_it(ctx, make, paypal):
    merchant = make.merchant()
    ended = stopped(ctx, make, paypal)
    show(ctx, ended, charged(paypal, ended))
    try_it(ctx, alarms(ctx)[0], click(ctx, alarms(ctx)[0]))
    show(ctx, ended, charged(paypal, ended))
    kept = alarms(ctx)[-1]
    late_payments.explain(ctx, merchant.id, kept.id, reason="dû", by="Anne", by_id=ANNE.id, now=utc_now())
    assert of_anne(ctx, merchant.id) == [
        "subscription.refund_requested",
        "subscription.refunded",
        Act.LATE_PAYMENT_EXPLAINED,
    ]
    assert "dû" not in str([row.details for row in rows_of(ctx, merchant.id)])


def test_letters_pauses_and_a_products_new_rules_are_in_the_chain(ctx, make):
    merchant, now = make.merchant(), utc_now()
    letter = Declaration(merchant_id=merchant.id, received_at=now, way=Way.LETTER, name="Zoé", email=None, by=BY)
    received = received_requests.record(ctx, letter, now=now)
    received_requests.dismiss(ctx, merchant.id, received.id, reason="double", by="Anne", by_id=ANNE.id, now=now)
    live = make.subscription(merchant=merchant)
    wish = PauseWish(
        merchant_id=merchant.id,
        subscription_id=live.id,
        kind=PauseKind.PAUSE,
        actor=Actor.STAFF,
        actor_id=ANNE.id,
        role=Role.SUPPORT,
        channel=Channel.STAFF,
    )
    pauses.withdraw(ctx, pauses.record(ctx, wish, now=now).request_id, wish, now=now)
    products.save(ctx, merchant.id, live.product_id, RULES, by=BY)
    assert of_anne(ctx, merchant.id) == [
        Act.RECEIVED_RECORDED,
        Act.RECEIVED_DISMISSED,
        "subscription.pause_requested",
        "subscription.pause_withdrawn",
        Act.PRODUCT_CHANGED,
    ]
    changed = rows_of(ctx, merchant.id)[-1].details
    assert changed["notice_days"] == [0, 14]
    assert changed["pause_offered"] == [False, True]
    assert changed["pause_longest_days"] == [90, 30]


RULES = ProductWish(
    name="Cours de piano",
    external_id="K-PIANO",
    keep_after_completion=False,
    keep_after_cancellation=False,
    stops_at_once=False,
    kept_while_paused=False,
    grace_days=0,
    commitment_months=None,
    commitment_binds=False,
    self_cancellation=Override.INHERIT,
    notice_days=14,
    pause_offered=True,
    pause_longest_days=30,
    contents=(),
)


@pytest.mark.parametrize(
    ("answers", "texts"),
    [((ProductWish,), products.TEXTS), ((Addresses, Cancellation, Countries, Face, Language, Offer), settings.TEXTS)],
)
def test_what_somebody_typed_is_named_in_the_chain_and_never_kept_there(answers, texts):
    """The chain can never be changed: a name or a text in it could never be forgotten."""
    chosen = {"time_zone", "locale", "accent", "offer_kind"}
    typed = {one.name for group in answers for one in fields(group) if one.type in ("str", "str | None")}
    assert typed - chosen == texts
