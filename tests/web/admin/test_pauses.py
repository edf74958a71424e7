"""Staff pause and resume: a preview, a note for PayPal, the truth afterwards, and no button that PayPal must refuse."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.clock import utc_now
from portal.domain.subscriptions import Status


@pytest.fixture
def subscription(make, merchant):
    return make.subscription(merchant=merchant, product=make.product(merchant))


def test_a_pause_without_an_end_and_its_resume(support, make, subscription, paypal):
    record = f"/admin/subscriptions/{subscription.id}"
    page = support.get(record).follow("Pause the subscription")
    assert "Nothing has changed yet" in page.text
    page = page.submit(press="Pause the subscription", provider_note="Bonnes vacances")
    assert "PayPal has confirmed the pause." in page.notices[0]
    assert make.reload(subscription).status is Status.PAUSED
    assert paypal.subscriptions[subscription.provider_id].status_change_note == "Bonnes vacances"
    page = page.follow("Resume, or change the day").submit(press="Resume on this day", day="2020-01-01", status=422)
    page = support.get(record).follow("Resume, or change the day").submit(press="Resume now")
    assert make.reload(subscription).status is Status.ACTIVE
    assert "Pause confirmed" in page.text
    assert "End of the pause confirmed" in page.text


def test_staff_who_typed_a_day_do_not_resume_at_once_by_the_other_button(support, make, merchant, paypal):
    subscription = make.subscription(merchant=merchant, status=Status.PAUSED, next_payment_at=None)
    day = (utc_now() + timedelta(days=30)).date()
    page = support.get(f"/admin/subscriptions/{subscription.id}/pause/resume")
    assert page.select_one("[name=day]").get("value", "") == "", "no day is proposed"
    page = page.submit(press="Resume now", day=day.isoformat(), status=422)
    assert "pressed “Resume now”" in page.errors[0]
    assert paypal.count("activate") == 0
    page = page.submit(press="Resume on this day")
    assert "It starts again on" in page.notices[0]
    assert paypal.count("activate") == 0
    again = support.get(f"/admin/subscriptions/{subscription.id}/pause/resume")
    assert again.select_one("[name=day]")["value"] == day.isoformat()
    again.submit(press="Resume now")
    assert make.reload(subscription).status is Status.ACTIVE


def test_a_request_that_waits_is_tried_again_or_taken_back(support, make, subscription, paypal):
    paypal.rule("any", "403")
    page = support.get(f"/admin/subscriptions/{subscription.id}/pause/pause").submit(press="Pause the subscription")
    assert "PayPal has not confirmed it yet" in page.notices[0]
    assert "Needs your attention" in page.text
    page = page.submit(press="Try again now")
    page = page.submit(press="Withdraw it")
    assert "Withdrawn" in page.text
    assert make.reload(subscription).status is Status.ACTIVE


def test_8_over_the_threshold_the_desk_offers_no_resume(support, make, merchant):
    late = make.subscription(merchant=merchant, status=Status.PAST_DUE, failed_payments=3, failure_threshold=3)
    page = support.get(f"/admin/subscriptions/{late.id}")
    assert "A payment failed. PayPal may try it again" in page.text
    assert "Resume" not in page.text
    assert support.get(f"/admin/subscriptions/{late.id}/pause/resume", status=409)
    assert support.get(f"/admin/subscriptions/{late.id}/pause/nonsense", status=404)


def test_the_product_page_offers_pauses(owner, make, merchant):
    product = make.product(merchant)
    page = owner.get(f"/admin/products/{product.id}")
    page = page.submit(press="Save the product", pause_offered=True, pause_longest_days="400", status=422)
    page = page.submit(press="Save the product", pause_offered=True, pause_longest_days="45")
    assert page.select_one("[name=pause_offered]").has_attr("checked")
    assert page.select_one("[name=pause_longest_days]")["value"] == "45"
