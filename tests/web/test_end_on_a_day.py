"""An end on another day, at both faces: the page shows what the day changes before anybody confirms."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date
from sqlalchemy import update

from portal.clock import utc_now
from portal.domain.dates.end_dates import WaitReason
from portal.domain.dates.periods import add_months
from portal.domain.ends.end_requests import RequestState
from portal.domain.subscriptions import Status
from portal.models import Subscription
from tests.services.carrying.carried import ask
from tests.services.dates.planning import finite, reading_of, see
from tests.web.admin.conftest import BUTTON, enter, merchant, reader, support  # noqa: F401 - the desk's people serve here
from tests.web.customer.conftest import CANCEL, UNDO, french_visit, log_in, visit  # noqa: F401

PLANNED = "PayPal will be told"
PRESSED = (CANCEL, BUTTON["complete"])


def day(days: int) -> str:
    return (utc_now() + timedelta(days=days)).date().isoformat()


def in_words(at, locale="en_GB", pattern="EEEE d MMMM y"):
    return format_date(at, pattern, locale=locale)


def test_a_customer_sees_what_another_day_changes_confirms_it_and_takes_it_back(visit, make, paypal):  # noqa: F811
    held = make.subscription(customer=visit.customer)
    recap = visit.recap(held)
    assert "PayPal will be told" not in recap.text
    wished = (utc_now() + timedelta(days=50)).date()

    recap = recap.submit(press="Show what this changes", on=wished.isoformat())
    assert make.requests(held) == []
    assert "You chose another day" not in recap.text, "whoever asks to see it is not scolded"
    plain = in_words(wished, pattern="d MMMM y")
    zone = ZoneInfo(visit.merchant.time_zone)
    payments = [in_words(add_months(held.next_payment_at, n).astimezone(zone)) for n in range(2)]
    for said in (
        f"End planned on {plain}",
        f"2 more payments will be taken: €59.80 in all {payments[0]}: €29.90 {payments[1]}: €29.90"
        if add_months(held.next_payment_at, 1).astimezone(zone).date() < wished
        else f"One more payment will be taken: {payments[0]}: €29.90",
        "You can withdraw your request until then.",
    ):
        assert said in recap.text
    result = recap.submit(press=f"Cancel on {plain}")
    for said in (f"End planned on {plain}.", "You keep access until", payments[0], "Chosen end date"):
        assert said in result.text
    assert "cancelled" not in result.h1.lower()
    (request,) = make.requests(held)
    assert (request.wished_on, request.wait_reason, request.state) == (wished, WaitReason.WISH, RequestState.RECORDED)
    assert paypal.cancelled == []
    card = visit.browser.get(visit.home)
    assert f"End planned on {plain}" in card.text
    assert PLANNED in visit.browser.get(visit.page(held)).text
    assert "as long as your subscription runs" not in card.text, "access has a last day now"

    assert "was withdrawn" in result.submit(press=UNDO).text


def test_26_a_day_that_was_typed_is_never_an_end_at_once_by_the_other_button(visit, support, merchant, make, paypal):  # noqa: F811
    held = make.subscription(customer=visit.customer, merchant=visit.merchant)
    theirs = make.subscription(merchant=merchant)
    recap = visit.recap(held)
    desk = support.get(f"/admin/subscriptions/{theirs.id}/end/complete")
    for page, press in ((recap, CANCEL), (desk, BUTTON["complete"])):
        shown = page.submit(press=press, on=day(50))
        asked = shown.select_one("main [role=status]").get_text()
        assert "You chose another day. This page now shows what it changes" in asked
        assert shown.errors == [], "nobody made a mistake"
        assert not shown.soup.title.get_text().startswith("Error")
        assert shown.soup.find("input", {"name": "on"})["value"] == day(50)
        assert PLANNED in shown.text
    assert make.requests(held) == make.requests(theirs) == []
    again = recap.submit(press=CANCEL, on=day(50), comment="Je déménage")
    other = again.submit(press="Cancel on " + in_words(utc_now() + timedelta(days=50), pattern="d MMMM y"), on="")
    assert make.requests(held) == [], "nor is a day that was emptied"
    other.submit(press=CANCEL)
    assert make.requests(held)[0].reason_text == "Je déménage"
    assert paypal.cancelled == [held.provider_id]


@pytest.mark.parametrize("is_planned", [True, False], ids=["shown on a day", "shown at once"])
def test_what_the_page_showed_is_what_is_confirmed(visit, support, merchant, make, paypal, is_planned):  # noqa: F811
    """PayPal's dates come and go: what could be undone never ends at once under somebody's finger, nor the reverse."""
    held = make.subscription(customer=visit.customer, merchant=visit.merchant)
    theirs = make.subscription(merchant=merchant)
    date = held.next_payment_at

    def name_a_date(is_named):
        with make.ctx.db.begin() as session:
            session.execute(update(Subscription).values(next_payment_at=date if is_named else None))

    name_a_date(is_planned)
    pages = [visit.recap(held), support.get(f"/admin/subscriptions/{theirs.id}/end/complete")]
    pages = [page.submit(press=press, on=day(50)) for page, press in zip(pages, PRESSED, strict=True)]
    assert [PLANNED in page.text for page in pages] == [is_planned] * 2
    name_a_date(not is_planned)
    its_day = in_words(utc_now() + timedelta(days=50), pattern="d MMMM y")
    on_its_day = (f"Cancel on {its_day}", f"{PRESSED[1]} on {its_day}")
    for page, press in zip(pages, on_its_day if is_planned else PRESSED, strict=True):
        again = page.submit(press=press)
        assert "Something happened since you opened this page." in again.text
        assert (PLANNED in again.text) is not is_planned
    assert make.requests(held) == make.requests(theirs) == []
    assert paypal.cancelled == []


def test_a_yearly_subscription_says_what_is_still_paid_and_how_to_avoid_it(log_in, make, now):  # noqa: F811
    merchant = make.merchant(locale="fr", time_zone="Europe/Paris")  # noqa: F811
    visit = log_in(merchant, make.customer(merchant), language="fr")  # noqa: F811
    renewal = (now + timedelta(days=165)).replace(hour=10, minute=0, second=0)
    held = make.subscription(customer=visit.customer, next_payment_at=renewal, amount=Decimal(120))
    with make.ctx.db.begin() as session:
        session.execute(update(Subscription).where(Subscription.id == held.id).values(interval_unit="YEAR"))
    summer = (renewal + timedelta(days=60)).date()
    recap = visit.browser.get(visit.page(held, f"/cancellation?on={summer.isoformat()}"))
    bare = "d'er' MMMM y" if summer.day == 1 else "d MMMM y"
    assert f"Résilier au {in_words(summer, 'fr', bare)}" in recap.text
    assert "120,00" in recap.text
    before = (renewal - timedelta(days=1)).date()
    assert "Pour éviter le prélèvement de 120,00" in recap.text
    button = recap.soup.find("button", {"name": "show", "value": before.isoformat()})
    form = recap.soup.find("form", id=button["form"])
    typed = dict(recap.values(form), reason="too_expensive", comment="Je déménage", show=button["value"])
    sooner = visit.browser.post(recap.path.partition("?")[0], typed, status=200, Sec_Fetch_Site="same-origin")
    assert "sera encore effectué" not in sooner.text
    assert sooner.soup.find("input", {"name": "on"})["value"] == before.isoformat()
    assert sooner.soup.find("input", {"value": "too_expensive"}).has_attr("checked"), "what was ticked stays"
    assert "Je déménage" in sooner.soup.find("textarea").get_text()
    assert sooner.errors == []
    typed["on"] = (summer + timedelta(days=9)).isoformat()  # Enter in the field presses the page's first button
    other = visit.browser.post(recap.path.partition("?")[0], typed, status=200, Sec_Fetch_Site="same-origin")
    assert other.soup.find("input", {"name": "on"})["value"] == typed["on"]
    assert make.requests(held) == [], "shown, not done"

    recap.submit(press=f"Résilier au {in_words(summer, 'fr', bare)}")
    (request,) = make.requests(held)
    assert request.due_at.astimezone(ZoneInfo("Europe/Paris")).date() == summer, "not half a year later"


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
    assert f"One more payment will be taken: {last}: €29.90" in page.text
    assert f"The payment of {prevented}, and all those after it, will not be taken." in page.text
    for shown in (page, support.get(f"/admin/subscriptions/{held.id}")):
        assert f"Last payment still taken {last}" in shown.text
        assert f"First payment not taken €29.90, due on {prevented}" in shown.text


@pytest.mark.parametrize("wrong", ["0", "2020-01-01", "2999-01-01", "demain"])
def test_a_day_that_cannot_be_is_said_and_nothing_is_recorded(visit, make, wrong):  # noqa: F811
    held = make.subscription(customer=visit.customer)
    page = visit.browser.get(visit.page(held, f"/cancellation?on={wrong}"), status=422)
    assert page.errors
    page.submit(press="Check this date", comment="trop cher", status=422)
    assert make.requests(held) == []


def test_a_notice_period_is_said_before_and_in_french(french_visit, make):  # noqa: F811
    product = make.product(french_visit.merchant, notice_days=45)
    recap = french_visit.recap(make.subscription(customer=french_visit.customer, product=product))
    assert "Le préavis court jusqu’au" in recap.text
    assert "sera encore effectué" in recap.text or "seront encore effectués" in recap.text


def test_staff_plan_an_end_and_take_it_back(support, reader, make, merchant, paypal):  # noqa: F811
    held = make.subscription(merchant=merchant)
    page = support.get(f"/admin/subscriptions/{held.id}/end/complete?on={day(50)}")
    assert "One more payment will be taken:" in page.text or "more payments will be taken:" in page.text
    page = page.submit(press=BUTTON["complete"] + " on " + in_words(utc_now() + timedelta(days=50), pattern="d MMMM y"))
    assert "Planned: PayPal will be told on that day." in page.notices[0]
    assert "Waits for the day that was chosen" in page.text
    assert "Try again now" not in page.text
    (request,) = make.requests(held)
    assert request.due_at > utc_now()
    assert paypal.cancelled == []
    reader.post(f"/admin/requests/{request.id}/withdrawal", support.values_of(page), status=403)

    buttons = [one.get_text(strip=True) for one in page.soup.select("main button, main a.button")]
    undo = buttons.index("Withdraw this planned end")
    assert undo < buttons.index("Cancel the subscription"), "its undo stands before the buttons that end"
    page = page.submit(press="Withdraw this planned end")
    assert "The subscription continues." in page.notices[0]
    assert make.requests(held)[0].state is RequestState.WITHDRAWN
    assert make.reload(held).status is Status.ACTIVE


def test_a_customer_may_stop_before_the_day_that_the_merchant_planned(visit, support, make, paypal):  # noqa: F811
    held = make.subscription(customer=visit.customer, merchant=visit.merchant)
    from portal.domain.policies import Actor
    from portal.domain.subscriptions import Action
    from tests.services.carrying.carried import ask

    ask(make.ctx, make, held, Action.COMPLETE, actor=Actor.STAFF, wished_on=(utc_now() + timedelta(days=80)).date())
    card = visit.browser.get(visit.home)
    assert "You can withdraw your request until then" not in card.text
    assert "PayPal confirmed it on" in card.follow("Cancel my subscription").submit(press=CANCEL).text


def test_a_finite_plan_ends_by_itself_and_every_page_says_so(log_in, support, merchant, make):  # noqa: F811
    """An end wished after the plan's own end: one payment is left, and no day beyond the plan's last one is told."""
    visit = log_in(merchant, make.customer(merchant, locale="en"))  # noqa: F811
    held = finite(make, visit.merchant, customer=visit.customer)
    over = in_words(held.committed_until.astimezone(ZoneInfo(visit.merchant.time_zone)))
    recap = visit.browser.get(visit.page(held, f"/cancellation?on={day(300)}"))
    assert "One more payment will be taken:" in recap.text
    assert f"It ends by itself on {over}: PayPal takes no further payment." in recap.text
    last_day = held.committed_until.astimezone(ZoneInfo(visit.merchant.time_zone)) - timedelta(microseconds=1)
    result = recap.submit(press="Cancel on " + in_words(last_day, pattern="d MMMM y"))
    desk = support.get(f"/admin/subscriptions/{held.id}")
    in_short = in_words(held.committed_until.astimezone(ZoneInfo(visit.merchant.time_zone)), pattern="d MMM y")
    for page, told in ((result, over), (desk, in_short)):
        assert f"Expires by itself on {told}" in page.text
        assert "First payment not taken" not in page.text
    assert f"Access until {over}" in result.text
