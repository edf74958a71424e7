"""An end on another day, at both faces: the page shows what the day changes before anybody confirms."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date

from portal.clock import utc_now
from portal.domain.end_dates import WaitReason
from portal.domain.end_requests import RequestState
from portal.domain.periods import add_months
from portal.domain.subscriptions import Status
from tests.services.test_carrying_out import ask
from tests.services.test_end_schedules import reading_of, see
from tests.web.admin.conftest import enter, merchant, reader, support  # noqa: F401 - the desk's people serve here
from tests.web.customer.conftest import CANCEL, UNDO, french_visit, log_in, visit  # noqa: F401

PLANNED = "PayPal will be told on"


def day(days: int) -> str:
    return (utc_now() + timedelta(days=days)).date().isoformat()


def test_a_customer_sees_what_another_day_changes_confirms_it_and_takes_it_back(visit, make, paypal):  # noqa: F811
    held = make.subscription(customer=visit.customer)
    recap = visit.recap(held)
    assert "PayPal will be told" not in recap.text
    form = next(form for form in recap.soup.find_all("form") if form.find("input", {"name": "on"}))
    assert form["method"] == "get"

    recap = visit.browser.get(visit.page(held, f"/cancellation?on={day(50)}"))
    assert "You chose" in recap.text
    assert "One more payment is taken" in recap.text
    assert PLANNED in recap.text
    result = recap.submit(press=CANCEL)
    assert "The last payment that is still taken is that of" in result.text
    assert "It waits for the day that was chosen." in result.text
    assert "cancelled" not in result.h1.lower()
    (request,) = make.requests(held)
    assert (request.wait_reason, request.state) == (WaitReason.WISH, RequestState.RECORDED)
    assert paypal.cancelled == []
    assert PLANNED in visit.browser.get(visit.home).text

    assert "was taken back" in result.submit(press=UNDO).text


def test_both_faces_show_a_plan_that_moved_with_the_payments_of_now(log_in, support, merchant, make, ctx):  # noqa: F811
    visit = log_in(merchant, make.customer(merchant, locale="en"))  # noqa: F811
    held = make.subscription(customer=visit.customer, merchant=visit.merchant)
    request = ask(ctx, make, held, wished_on=(utc_now() + timedelta(days=40)).date())
    shifted = held.next_payment_at + timedelta(days=17)
    see(ctx, held, reading_of(held, next_billing_at=shifted))
    page = visit.browser.get(f"{visit.home}requests/{request.reference}")
    zone = ZoneInfo(visit.merchant.time_zone)
    last, prevented = (
        format_date(at.astimezone(zone), "EEEE d MMMM y", locale="en_GB") for at in (shifted, add_months(shifted, 1))
    )
    assert f"The last payment that is still taken is that of {last}. That of {prevented}, and all" in page.text
    for shown in (page, support.get(f"/admin/subscriptions/{held.id}")):
        assert f"Last payment still taken {last} First payment not taken {prevented}" in shown.text


@pytest.mark.parametrize("wrong", ["0", "2020-01-01", "2999-01-01", "demain"])
def test_a_day_that_cannot_be_is_said_and_nothing_is_recorded(visit, make, wrong):  # noqa: F811
    held = make.subscription(customer=visit.customer)
    page = visit.browser.get(visit.page(held, f"/cancellation?on={wrong}"), status=422)
    assert page.errors
    page.submit(press=CANCEL, comment="trop cher", status=422)
    assert make.requests(held) == []


def test_a_notice_period_is_said_before_and_in_french(french_visit, make):  # noqa: F811
    product = make.product(french_visit.merchant, notice_days=45)
    recap = french_visit.recap(make.subscription(customer=french_visit.customer, product=product))
    assert "préavis de 45 jours" in recap.text
    assert "Un paiement sera encore pris, le" in recap.text


def test_staff_plan_an_end_and_take_it_back(support, reader, make, merchant, paypal):  # noqa: F811
    held = make.subscription(merchant=merchant)
    page = support.get(f"/admin/subscriptions/{held.id}/end/complete?on={day(50)}")
    assert "The last payment that is still taken is that of" in page.text
    page = page.submit(press="Mark as completed")
    assert "Planned: PayPal is told on its day." in page.notices[0]
    assert "Waits for the day that was chosen" in page.text
    assert "Try again now" not in page.text
    (request,) = make.requests(held)
    assert request.due_at > utc_now()
    assert paypal.cancelled == []
    reader.post(f"/admin/requests/{request.id}/withdrawal", support.values_of(page), status=403)

    page = page.submit(press="Take this planned end back")
    assert "The subscription goes on." in page.notices[0]
    assert make.requests(held)[0].state is RequestState.WITHDRAWN
    assert make.reload(held).status is Status.ACTIVE


def test_a_customer_may_stop_before_the_day_that_the_merchant_planned(visit, support, make, paypal):  # noqa: F811
    held = make.subscription(customer=visit.customer, merchant=visit.merchant)
    from portal.domain.policies import Actor
    from portal.domain.subscriptions import Action
    from tests.services.test_carrying_out import ask

    ask(make.ctx, make, held, Action.COMPLETE, actor=Actor.STAFF, wished_on=(utc_now() + timedelta(days=80)).date())
    card = visit.browser.get(visit.home)
    assert "Until then you can take your request back" not in card.text
    assert "PayPal confirmed it on" in card.follow("Cancel my subscription").submit(press=CANCEL).text
