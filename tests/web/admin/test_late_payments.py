"""Money after an end at the desk: a confirmation, one reason, roles, and other people's ids."""

from __future__ import annotations

import pytest

from portal.clock import utc_now
from portal.domain.law.withdrawals import RefundDuty
from portal.domain.money.late_payments import LateState
from portal.models import Subscription
from portal.services.money import withdrawal_refunds
from tests.services.ends.withdrawing import STAFF, declare
from tests.services.money.late_money import alarms, charged, show, stopped, told


@pytest.fixture
def late(ctx, make, paypal, merchant):
    ended = stopped(ctx, make, paypal, merchant=merchant)
    show(ctx, ended, charged(paypal, ended))
    return alarms(ctx)[0]


def test_two_clicks_give_it_back_from_the_inbox_on(ctx, manager, paypal, late):
    page = manager.get("/admin/").follow("Claire Dupont – Cours de piano")
    page = page.follow("Refund €29.90").submit(press="Refund €29.90")
    assert "Refunded: PayPal shows it" in page.notices[0]
    assert alarms(ctx)[0].state is LateState.REFUNDED
    record = manager.get(f"/admin/subscriptions/{late.subscription_id}")
    assert "Léa Martin" in record.text
    assert "Returned" in record.text
    assert "Nothing to do" in manager.get("/admin/").text


def test_19_the_desk_names_what_is_open_and_gives_that_back(ctx, paypal, manager, late):
    with ctx.db.read() as session:
        ended = session.get_one(Subscription, late.subscription_id)
    paid = paypal.subscriptions[ended.provider_id].payments[-1]
    paypal.happen(ended.provider_id, "reverse-part")
    show(ctx, ended, paid, told=told(paid, "reversal", "14.95"))
    assert "€14.95 of it was returned; €14.95 was not." in manager.get("/admin/").text
    record = manager.get(f"/admin/subscriptions/{late.subscription_id}")
    assert "Partly reversed through PayPal" in record.text
    assert "€14.95; not returned: €14.95" in record.text
    page = manager.get(f"/admin/late-payments/{late.id}")
    assert "Still open" in page.text
    page = manager.get(f"/admin/late-payments/{late.id}/refund").submit(press="Refund €14.95")
    assert alarms(ctx)[0].state is LateState.REFUNDED
    assert "All of it was returned" in page.text


def test_a_refused_refund_is_said_with_paypals_reference(ctx, manager, paypal, late):
    paypal.rule("refund", "403")
    page = manager.get(f"/admin/late-payments/{late.id}/refund").submit(press="Refund €29.90")
    assert "needs your attention" in page.notices[0]
    assert "debug ID" in page.text
    paypal.clear_rules()
    inbox = manager.get("/admin/")
    assert "The key may not make refunds" in inbox.text
    page = inbox.submit(press="Try the refund again now")
    assert "Refunded: PayPal shows it" in page.notices[0]


def test_what_a_withdrawal_paid_back_another_way_is_said_before_it_is_refunded(ctx, make, manager, late):
    with ctx.db.read() as session:
        ended = session.get_one(Subscription, late.subscription_id)
    found = declare(ctx, ended, now=utc_now())
    said = {"by": STAFF, "note": "Virement du 3 décembre", "now": utc_now()}
    withdrawal_refunds.close(ctx, ended.merchant_id, found.id, RefundDuty.OTHERWISE, **said)
    for path in (f"/admin/late-payments/{late.id}", f"/admin/late-payments/{late.id}/refund"):
        page = manager.get(path)
        assert "was paid another way" in page.text
        assert "Virement du 3 décembre" in page.text


def test_who_has_no_address_is_left_to_the_merchant_and_not_called_told(ctx, make, paypal, merchant, manager):
    ended = stopped(ctx, make, paypal, merchant=merchant, customer=make.customer(merchant, name="Zoé", email=None))
    show(ctx, ended, charged(paypal, ended))
    for page in (manager.get("/admin/"), manager.get(f"/admin/late-payments/{alarms(ctx)[0].id}")):
        assert "Zoé has no email address here: tell them yourself." in page.text
        assert "customer was told" not in page.text
        assert "customer is told" not in page.text


def test_an_explanation_needs_words_and_settles(ctx, manager, late):
    page = manager.get(f"/admin/late-payments/{late.id}")
    page = page.submit(press="Settle without a refund", reason=" ", status=422)
    page = page.submit(press="Settle without a refund", reason="The lesson of May was taken")
    assert "Settled without a refund" in page.notices[0]
    assert "The lesson of May was taken" in page.text
    assert alarms(ctx)[0].state is LateState.EXPLAINED


def test_a_reader_looks_and_another_merchant_sees_nothing(make, enter, reader, late):
    page = reader.get(f"/admin/late-payments/{late.id}")
    assert "29.90" in page.text
    assert "Refund €29.90" not in page.text
    assert "Refund €29.90" not in reader.get("/admin/").text
    reader.get(f"/admin/late-payments/{late.id}/refund", status=403)
    stranger = enter(make.merchant())
    assert stranger.get(f"/admin/late-payments/{late.id}", status=404)
    assert stranger.get(f"/admin/late-payments/{late.id}/refund", status=404)


def test_support_sees_what_came_and_leaves_the_money_to_others(support, late):
    assert "Refund" not in " ".join(one.get_text() for one in support.get("/admin/").select("main a, main button"))
    page = support.get(f"/admin/late-payments/{late.id}")
    assert "Only a manager or an owner can refund this payment" in page.text
    assert page.select("main form") == []
    support.get(f"/admin/late-payments/{late.id}/refund", status=403)
