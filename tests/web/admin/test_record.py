"""A subscription's record at the desk: its payments, and a read at PayPal when somebody asks."""

from __future__ import annotations

import pytest

from portal.domain.ends.comebacks import ComebackState, ComebackTrouble
from portal.domain.subscriptions import Status
from portal.models import Comeback, PaymentState
from portal.services.arrivals.refreshing import Refreshed
from portal.services.ends import end_requests
from portal.web import payments
from portal.web.admin.subscriptions import PAYMENTS, SAID
from tests.services.carrying.carried import wish_of


@pytest.fixture
def subscription(make, merchant):
    return make.subscription(merchant=merchant)


def rows(page) -> list[list[str]]:
    return [
        [cell.get_text(" ", strip=True) for cell in row.select("th, td")] for row in page.select("#payments tbody tr")
    ]


def test_payments_are_listed_newest_first_with_what_was_given_back(reader, subscription, make):
    page = reader.get(f"/admin/subscriptions/{subscription.id}")
    assert "No payment is known here yet" in page.text
    make.payment(subscription, 40, PaymentState.PARTIALLY_REFUNDED, "10")
    make.payment(subscription, 10)
    make.payment(subscription, 70, PaymentState.PARTIALLY_REFUNDED)
    shown = rows(reader.get(f"/admin/subscriptions/{subscription.id}"))
    assert [row[1:] for row in shown] == [
        ["€29.90", "Paid", "–", "SALE0000000000010"],
        ["€29.90", "Partly refunded", "€10.00", "SALE0000000000040"],
        ["€29.90", "Partly refunded", "PayPal does not say how much", "SALE0000000000070"],
    ]


def test_fifty_are_shown_and_the_rest_is_counted_at_the_same_cost(reader, subscription, make, statements):
    make.payment(subscription, 1)
    with statements() as few:
        reader.get(f"/admin/subscriptions/{subscription.id}")
    for days in range(2, PAYMENTS + 4):
        make.payment(subscription, days)
    with statements() as many:
        page = reader.get(f"/admin/subscriptions/{subscription.id}")
    assert len(rows(page)) == 50
    assert "3 older payments are not shown here." in page.text
    assert len(many) == len(few)


def test_support_reads_at_paypal_and_is_told(support, reader, make, subscription, paypal):
    paypal.happen(subscription.provider_id, "charge")
    page = support.get(f"/admin/subscriptions/{subscription.id}").submit(press="Refresh from PayPal")
    assert page.notices == ["Refreshed from PayPal. What has changed there is now shown here."]
    assert rows(page)[0][1:3] == ["€29.90", "Paid"]
    assert "REST" in page.select_one("#paypal").get_text()
    page = page.submit(press="Refresh from PayPal")
    assert page.notices == ["Refreshed from PayPal. Nothing has changed there."]
    paypal.rule("show", "500")
    assert "PayPal did not answer" in page.submit(press="Refresh from PayPal").notices[0]
    assert "Refresh from PayPal" not in reader.get(f"/admin/subscriptions/{subscription.id}").text.replace(
        "“Refresh from PayPal”", ""
    )


def test_another_merchants_is_not_found(enter, make, subscription, paypal):
    stranger = enter(make.merchant(locale="en"))
    token = stranger.get("/admin/settings").select_one('input[name="csrf_token"]')["value"]
    stranger.post(f"/admin/subscriptions/{subscription.id}/reading", {"csrf_token": token}, status=404)
    assert len(paypal.calls) == 0


def test_every_outcome_and_every_state_has_its_words():
    assert set(SAID) == set(Refreshed)
    assert len({str(text) for text, _ in SAID.values()}) == len(SAID)
    assert set(payments.STATE) == set(PaymentState)


def test_the_record_shows_what_came_before_what_followed_and_each_attempt(owner, make, merchant, now):
    old = make.subscription(merchant=merchant, status=Status.CANCELLED, stopped_at_provider_at=now)
    new = make.subscription(merchant=merchant, customer=old.customer, product=old.product, predecessor_id=old.id)
    make.add(
        Comeback(
            merchant_id=merchant.id,
            customer_id=old.customer_id,
            subscription_id=old.id,
            product_id=old.product_id,
            plan_id=old.plan.provider_id,
            environment="sandbox",
            language="fr",
            state=ComebackState.FAILED,
            trouble=ComebackTrouble.PLAN_NOT_SOLD,
            issue="PLAN_STATUS_INVALID",
            closed_at=now,
        )
    )
    page = owner.get(f"/admin/subscriptions/{old.id}")
    assert "Followed by:" in page.text
    assert "PLAN_STATUS_INVALID" in page.text
    after = page.follow(new.provider_id)
    assert "Follows:" in after.text
    assert after.follow(old.provider_id).path == page.path


@pytest.mark.parametrize("comment", ["", "I move to Lyon"])
def test_the_reason_that_the_customer_chose_stands_there_beside_their_words(ctx, reader, subscription, comment, now):
    wish = wish_of(subscription, reason_code="too_expensive", reason_text=comment)
    end_requests.record(ctx, wish, now=now)
    page = reader.get(f"/admin/subscriptions/{subscription.id}")
    for part in ("requests", "timeline"):
        said = page.select_one(f"#{part}").get_text()
        assert "It costs too much" in said
        assert comment in said
