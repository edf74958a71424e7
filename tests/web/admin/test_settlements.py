"""What the desk sees of a customer's click: on the record at once, in the inbox once nobody knows what became of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.domain.subscriptions import Status
from tests.services.money.settling import aged, click, try_it


@pytest.fixture
def late(make, merchant):
    return make.subscription(merchant=merchant, status=Status.PAST_DUE, outstanding=29.9, failed_payments=1)


def test_the_record_shows_the_click_until_the_payment_is_there(ctx, owner, paypal, late):
    page = f"/admin/subscriptions/{late.id}"
    paypal.rule("show", "500", times=1)
    settlement_id = click(ctx, late)
    try_it(ctx, late, settlement_id)
    shown = owner.get(page)
    assert "the customer asked PayPal to take the unpaid €29.90" in shown.text
    assert "PayPal has not confirmed it yet." in shown.text
    assert "Payment of the unpaid amount requested" in shown.text
    assert "Unpaid amount" not in owner.get("/admin/").text, "nothing that needs the merchant"
    try_it(ctx, late, settlement_id)
    shown = owner.get(page)
    assert "asked PayPal to take" not in shown.text
    assert "Unpaid amount paid" in shown.text


def test_a_refusal_is_told_with_its_reason(ctx, owner, paypal, late):
    paypal.rule("capture", "422-payer-locked")
    try_it(ctx, late, click(ctx, late))
    assert "The PayPal account that pays is locked" in owner.get(f"/admin/subscriptions/{late.id}").text


def test_what_stays_unclear_for_a_day_comes_to_the_inbox_and_leaves_it(ctx, owner, paypal, late):
    paypal.rule("capture", "202", times=1)
    settlement_id = click(ctx, late)
    try_it(ctx, late, settlement_id)
    aged(ctx, settlement_id, timedelta(days=1))
    try_it(ctx, late, settlement_id)
    inbox = owner.get("/admin/")
    assert "Unpaid amount" in inbox.text
    assert "see in your PayPal account whether the payment is there" in inbox.text
    assert "no clear answer for a day" in inbox.follow("See the subscription").text
    row = paypal.subscriptions[late.provider_id]
    row.outstanding, row.failed_payments = "0", 0
    try_it(ctx, late, settlement_id)
    assert "Unpaid amount" not in owner.get("/admin/").text
