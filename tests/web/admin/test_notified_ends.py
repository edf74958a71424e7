"""At the desk, the end that answers a notification keeps the day that the customer wished."""

from __future__ import annotations

import re
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date

from portal.domain.ends.end_requests import RequestState
from portal.services.inbox import notifications
from portal.services.inbox.notifications import Notification
from tests.browser_client import Browser
from tests.services.inbox.notified import by_form, by_letter, row_of, staff_ask, staff_end
from tests.web.admin.conftest import BUTTON


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en", self_cancellation=False)


@pytest.fixture
def subscription(make, merchant):
    return make.subscription(merchant=merchant)


@pytest.fixture
def notify(ctx, subscription):
    """The customer notifies the end on their page."""

    def run(wished_on=None, *, now):
        told = Notification(
            merchant_id=subscription.merchant_id,
            customer_id=subscription.customer_id,
            subscription_id=subscription.id,
            wished_on=wished_on,
        )
        return notifications.notify(ctx, told, now=now)

    return run


def in_words(day: date) -> str:
    return format_date(day, "d MMMM y", locale="en_GB")


@pytest.mark.parametrize("way", ["record", "inbox", "notification"])
def test_the_day_that_the_customer_wished_is_proposed_whichever_way_staff_come(
    support, make, paypal, subscription, notify, now, way
):
    wished = (now + timedelta(days=45)).date()
    received = notify(wished, now=now)
    record = support.get(f"/admin/subscriptions/{subscription.id}")
    assert "Chosen end date: " in record.text
    assert in_words(wished) in record.text
    page = {
        "record": lambda: record.follow("Cancel the subscription"),
        "inbox": lambda: support.get("/admin/").follow("End this subscription"),
        "notification": lambda: support.get(f"/admin/received/{received.id}").submit(press="End this subscription"),
    }[way]()
    assert "Which subscription is it?" not in support.get(f"/admin/received/{received.id}").text
    page.submit(press=f"Cancel the subscription on {in_words(wished)}")
    (request,) = make.requests(subscription)
    assert (request.wished_on, request.state) == (wished, RequestState.RECORDED)
    assert paypal.cancelled == []


@pytest.mark.parametrize("days", [None, 45])
def test_a_page_that_was_open_when_the_customer_asked_is_shown_anew_with_their_day(
    support, make, paypal, subscription, notify, now, days
):
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/cancel")
    wished = (now + timedelta(days=days)).date() if days else None
    received = notify(wished, now=now)
    page = page.submit(press=BUTTON["cancel"], internal_note="called us")
    assert "Something happened since you opened this page" in page.text
    assert received.reference in page.text
    assert "called us" in page.body
    assert make.requests(subscription) == []
    page.submit(press=f"Cancel the subscription on {in_words(wished)}" if wished else BUTTON["cancel"])
    (request,) = make.requests(subscription)
    assert (request.wished_on, request.notified_reference) == (wished, received.reference)


def test_a_notice_is_not_closed_by_who_has_not_read_what_its_customer_added(support, ctx, subscription, notify, now):
    received = notify((now + timedelta(days=200)).date(), now=now)
    page = support.get(f"/admin/received/{received.id}")
    by_form(ctx, subscription, now=now, message="At once, please")
    page = page.submit(press="Close without ending anything", reason="June was agreed")
    assert "Something happened since you opened this page" in page.text
    assert "At once, please" in page.text
    assert "June was agreed" in page.body
    assert row_of(ctx, received).is_open
    page.submit(press="Close without ending anything")
    assert not row_of(ctx, received).is_open


def test_a_page_that_was_open_when_a_colleague_planned_an_end_does_not_replace_it_unseen(
    ctx, support, make, paypal, subscription, now
):
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/cancel")
    staff_ask(ctx, subscription, now=now, wished_on=(now + timedelta(days=45)).date())
    page = page.submit(press=BUTTON["cancel"])
    assert [request.state for request in make.requests(subscription)] == [RequestState.RECORDED]
    page.submit(press=BUTTON["cancel"])
    assert paypal.count("cancel") == 1, "once it was seen it may be replaced"


def test_at_once_stays_a_choice_that_the_page_shows_first(support, make, paypal, subscription, notify, now):
    notify((now + timedelta(days=45)).date(), now=now)
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/cancel")
    page = page.submit(press="Show what this changes", when="now")
    page.submit(press="Cancel the subscription")
    assert paypal.cancelled == [subscription.provider_id]


@pytest.mark.parametrize("days", [None, -1, 0])
def test_a_day_that_is_not_ahead_proposes_none(support, paypal, subscription, notify, now, days):
    notify((now + timedelta(days=days)).date() if days is not None else None, now=now - timedelta(days=3))
    support.get(f"/admin/subscriptions/{subscription.id}/end/cancel").submit(press="Cancel the subscription")
    assert paypal.cancelled == [subscription.provider_id]


def test_no_hour_is_made_up_for_a_letter_wherever_it_is_shown(app, ctx, support, make, merchant, seat_customer, now):
    customer = make.customer(merchant)
    subscription = make.subscription(customer=customer)
    came = now - timedelta(days=2, hours=5)
    letter = by_letter(ctx, customer, now=now, received_at=came)
    staff_ask(ctx, subscription, now=now, received=letter, wished_on=(now + timedelta(days=70)).date())
    (request,) = make.requests(subscription)
    account, page = seat_customer(Browser(app), merchant, customer), f"/account/{merchant.slug}"
    home = account.get(f"{page}/")
    for shown in (
        support.get(f"/admin/subscriptions/{subscription.id}"),
        support.get(f"/admin/customers/{customer.id}"),
        account.get(f"{page}/subscriptions/{subscription.id}"),
        account.get(f"{page}/requests/{request.asked_under}"),
    ):
        local = came.astimezone(ZoneInfo(merchant.time_zone))
        assert re.search(rf"\b{local.day} {local:%b}", shown.text), "the day, its month in short or in full"
        assert f"{local:%H:%M}" not in shown.text + home.text


def test_the_card_names_who_asked_and_who_carried_it_out(ctx, support, make, merchant, now):
    customer = make.customer(merchant, name="Noor Haddad")
    subscription = make.subscription(customer=customer)
    received = by_form(ctx, subscription, now=now - timedelta(days=1))
    staff_ask(ctx, subscription, now=now)
    theirs = support.get(f"/admin/customers/{customer.id}").soup.find(id="requests").parent.get_text(" ")
    assert received.reference in theirs, "the reference that stands in all of their mails"
    rows = support.get(f"/admin/subscriptions/{subscription.id}").select("dl > div")
    said = {" ".join(row.get_text(" ").split()) for row in rows}
    assert "Requested by Noor Haddad (Form on the customer’s account page)" in said
    assert "Carried out by Léa" in said


def test_the_timeline_names_whoever_asked_and_whoever_carried_it_out_as_the_card_does(
    support, subscription, notify, ctx, now
):
    notify(now=now - timedelta(days=1))
    staff_end(ctx, subscription, now=now)
    lines = support.get(f"/admin/subscriptions/{subscription.id}").select(".timeline li")
    told = [line.get_text(" ") for line in lines if "Léa" in line.get_text(" ")]
    assert len(told) == 2, "asked for, and over"
    assert all("Requested by the customer, carried out by Léa" in line for line in told)


@pytest.mark.parametrize("stands", ["nothing", "a notification", "a plan that answers one"])
def test_where_cancel_alone_is_offered_the_page_says_why(ctx, support, subscription, notify, now, stands):
    if stands != "nothing":
        notify(now=now - timedelta(days=1))
    if stands == "a plan that answers one":
        staff_ask(ctx, subscription, now=now, wished_on=(now + timedelta(days=70)).date())
    page = support.get(f"/admin/subscriptions/{subscription.id}")
    offered = [link.get_text() for link in page.select("a") if "/end/" in link["href"]]
    assert (len(offered) == 1) == (stands != "nothing")
    assert ("only “Cancel the subscription” answers their notice" in page.text) == (stands != "nothing")


@pytest.mark.parametrize("is_planned", [False, True])
def test_beside_a_planned_end_the_record_does_not_say_that_nothing_ends(
    ctx, support, subscription, notify, now, is_planned
):
    if is_planned:
        staff_ask(ctx, subscription, now=now, wished_on=(now + timedelta(days=70)).date())
    notify((now + timedelta(days=20)).date(), now=now)
    page = support.get(f"/admin/subscriptions/{subscription.id}")
    assert ("Nothing ends by itself" in page.text) != is_planned
    assert ("The planned end stands, and nothing ends sooner by itself" in page.text) == is_planned


def test_a_notice_from_the_account_page_is_one_row_of_the_audit_log_and_none_of_the_desk(owner, notify, now):
    notify(now=now)
    page = owner.get("/admin/audit")
    assert page.text.count("Notice recorded") == 1
    assert "recorded at the desk" not in page.text


def test_the_internal_note_is_left_to_whoever_writes_it_the_reference_is_linked_anyway(support, make, notify, now):
    received = notify(now=now)
    page = support.get("/admin/").follow("End this subscription")
    assert page.select_one("textarea[name=internal_note]").get_text(strip=True) == ""
    page = page.submit(press=BUTTON["cancel"])
    assert received.reference in page.text
