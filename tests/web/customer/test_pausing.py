"""A customer pauses, changes the day, resumes, reads why a payment is late; nothing offers what PayPal must refuse."""

from __future__ import annotations

from datetime import timedelta

import flask_babel
import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.ends.pauses import PauseKind, PauseState, earliest_resume
from portal.domain.policies import Override
from portal.domain.subscriptions import Status
from portal.models import Customer, PauseRequest, Product, Subscription
from portal.web.admin.pause_forms import PauseForm as StaffPauseForm
from portal.web.admin.pause_forms import StaffResumeForm
from portal.web.customer.forms import PauseForm
from portal.web.resume_form import ResumeForm

PAUSE, RESUME = "Pause my subscription", "Resume, or change the day"


@pytest.fixture
def product(make, visit):
    return make.product(visit.merchant, pause_offered=True, pause_longest_days=60)


def day(days: int) -> str:
    return (earliest_resume(utc_now(), zone="Europe/Paris") + timedelta(days=days)).date().isoformat()


def requests_of(ctx, subscription) -> list[PauseRequest]:
    with ctx.db.read() as session:
        found = session.scalars(select(PauseRequest).where(PauseRequest.subscription_id == subscription.id))
        return sorted(found, key=lambda row: row.created_at)


def test_from_the_card_to_the_pause_another_day_and_back(visit, make, product, ctx, paypal):
    subscription = make.subscription(customer=visit.customer, product=product)
    recap = visit.browser.get(visit.home).follow(PAUSE)
    assert recap.h1 == "Check: your subscription is not paused yet"
    assert "is not taken, nor any other during the pause" in recap.text
    assert "Cours de piano: until" in recap.text
    assert paypal.count("suspend") == 0

    page = recap.submit(press="Pause subscription", until=day(20))
    assert page.path == visit.page(subscription)
    assert "PayPal has confirmed the pause." in page.text
    assert page.select_one("[data-testid=status]").text == "Paused"
    assert "Payments start again on" in page.text
    assert PAUSE not in page.text
    assert make.reload(subscription).status is Status.PAUSED

    page = page.follow(RESUME).submit(press="Resume on this day", day=day(40))
    assert [row.state for row in requests_of(ctx, subscription)] == [
        PauseState.DONE,
        PauseState.WITHDRAWN,
        PauseState.RECORDED,
    ]
    page = page.follow(RESUME).submit(press="Resume now")
    assert make.reload(subscription).status is Status.ACTIVE
    assert page.select_one("[data-testid=status]").text == "Active"


def test_a_day_that_was_typed_never_resumes_now(visit, make, product, ctx, paypal):
    """A pause until December, another day typed: whichever button is pressed, no payment starts by mistake."""
    subscription = make.subscription(customer=visit.customer, product=product)
    page = visit.browser.get(visit.page(subscription, "/pause")).submit(press="Pause subscription", until=day(20))
    page = page.follow(RESUME)
    buttons = [one.get_text(strip=True) for one in page.select("main form button")]
    assert buttons == ["Resume on this day", "Resume now"], "Enter presses the first"
    assert not page.select("main input[type=radio]")
    page = page.submit(press="Resume now", day=day(40), status=422)
    assert "pressed “Resume now”" in page.errors[0]
    assert (paypal.count("activate"), make.reload(subscription).status) == (0, Status.PAUSED)
    page = page.submit(press="Resume on this day")
    newest = requests_of(ctx, subscription)[-1]
    assert newest.due_at == earliest_resume(utc_now(), zone="Europe/Paris") + timedelta(days=40)
    assert make.reload(subscription).status is Status.PAUSED


@pytest.mark.parametrize("until", ["2020-01-01", "2099-01-01", "", "31/31/31"])
def test_a_day_outside_what_is_offered_is_said_and_nothing_is_lost(visit, make, product, paypal, until):
    subscription = make.subscription(customer=visit.customer, product=product)
    page = visit.browser.get(visit.page(subscription, "/pause")).submit(
        press="Pause subscription", until=until, status=422
    )
    assert "answer" in page.select_one("#errors").text
    assert paypal.count("suspend") == 0


def test_a_silent_paypal_is_said_and_the_pause_can_be_taken_back(visit, make, product, ctx, paypal):
    subscription = make.subscription(customer=visit.customer, product=product)
    paypal.rule("any", "500")
    page = visit.browser.get(visit.page(subscription, "/pause")).submit(press="Pause subscription", until=day(20))
    assert "Your pause has been requested" in page.text
    assert "PayPal has not confirmed it yet" in page.text
    assert "may still be taken" in page.text
    assert "is paused" not in page.text
    again = visit.browser.get(visit.page(subscription, "/pause"))
    assert again.path == visit.page(subscription), "asked for once is enough"
    page = page.submit(press="Don’t pause")
    assert "Withdrawn" in page.text
    assert [row.state for row in requests_of(ctx, subscription)] == [PauseState.WITHDRAWN]


def test_where_it_is_not_offered_there_is_no_button_and_no_page(visit, make, paypal):
    subscription = make.subscription(customer=visit.customer)
    resting = make.subscription(customer=visit.customer, status=Status.PAUSED)
    home = visit.browser.get(visit.home)
    assert PAUSE not in home.text
    assert RESUME not in home.text
    for one, what in ((subscription, "/pause"), (resting, "/resume")):
        page = visit.browser.get(visit.page(one, what), status=409)
        assert "A pause is not offered" in page.text
        assert "any more" not in page.text


@pytest.mark.parametrize("threshold_known", [True, False])
def test_8_suspended_over_the_threshold_there_is_no_resume_anywhere(
    visit, make, product, ctx, paypal, letters, threshold_known
):
    subscription = make.subscription(
        customer=visit.customer, product=product, status=Status.PAUSED, next_payment_at=None
    )
    if threshold_known:
        with ctx.db.begin() as session:
            session.execute(
                update(Subscription)
                .where(Subscription.id == subscription.id)
                .values(status=Status.PAST_DUE, failed_payments=3, failure_threshold=3, past_due_since=utc_now())
            )
    else:
        paypal.rule("activate", "422-cannot-be-activated")
        page = visit.browser.get(visit.page(subscription, "/resume")).submit(press="Resume now")
        assert "PayPal does not allow this" in page.text
    for more in ("", "/late"):
        page = visit.browser.get(visit.page(subscription, more))
        assert "Resume" not in page.text
        assert not page.select("a[href*=resume]")
    assert "Resume" not in visit.browser.get(visit.home).text
    assert visit.browser.get(visit.page(subscription, "/resume"), status=409)
    assert not any("resume" in letter.text.lower() for letter in letters())


@pytest.mark.parametrize("failed", [0, 1])
def test_one_refusal_is_not_told_as_a_second_try(visit, make, product, ctx, failed):
    late = make.subscription(customer=visit.customer, product=product, status=Status.PAST_DUE, failed_payments=failed)
    page = visit.browser.get(visit.page(late, "/late"))
    assert "tried" not in page.text
    assert "together with the next payment" in page.text
    assert ("may try this payment again" in page.text) == (not failed)


def test_the_late_guide_says_why_and_the_real_choices(visit, make, product, ctx):
    subscription = make.subscription(customer=visit.customer, product=product, status=Status.PAST_DUE)
    with ctx.db.begin() as session:
        session.execute(
            update(Subscription)
            .where(Subscription.id == subscription.id)
            .values(failed_payments=2, failure_threshold=3, outstanding=29.9)
        )
    page = visit.browser.get(visit.home).follow("Why, and what you can do")
    assert page.h1 == "A payment is late"
    assert "2 payments in a row have failed." in page.text
    assert "What is unpaid may be taken together with the next payment." in page.text  # its retries are over
    assert "once 3 in a row have failed" in page.text
    assert "€29.90" in page.text
    assert "until" in page.text
    assert page.select_one("a[href='https://www.paypal.com/myaccount/autopay/']")
    assert "Cancel my subscription" in page.text
    assert visit.merchant.support_email in page.text
    with ctx.db.begin() as session:
        session.execute(update(Product).where(Product.id == product.id).values(self_cancellation=Override.OFF))
    assert visit.browser.get(page.path).follow("Send a cancellation notice").path.endswith("/notification")
    running = make.subscription(customer=visit.customer)
    assert visit.browser.get(visit.page(running, "/late")).path == visit.page(running)


def test_the_whole_way_in_french(french_visit, make, ctx, paypal):
    product = make.product(french_visit.merchant, pause_offered=True, kept_while_paused=True)
    subscription = make.subscription(customer=french_visit.customer, product=product)
    recap = french_visit.browser.get(french_visit.page(subscription, "/pause"))
    assert recap.h1 == "Vérifiez : votre abonnement n’est pas encore en pause".replace(" :", " :")
    page = recap.submit(press="Mettre en pause", until=day(20))
    assert "Les prélèvements reprennent le" in page.text
    assert french_visit.browser.get(french_visit.page(subscription, "/late")).h1 == "Votre abonnement est en pause"
    page = french_visit.browser.get(french_visit.page(subscription, "/resume")).submit(press="Reprendre maintenant")
    assert make.reload(subscription).status is Status.ACTIVE
    kinds = [row.kind for row in requests_of(ctx, subscription)]
    assert kinds == [PauseKind.PAUSE, PauseKind.RESUME, PauseKind.RESUME]


def test_an_end_under_way_leaves_no_pause_to_ask_for(visit, make, product, paypal):
    subscription = make.subscription(customer=visit.customer, product=product)
    paypal.rule("any", "500")
    visit.cancel(subscription)
    assert PAUSE not in visit.browser.get(visit.home).text
    page = visit.browser.get(visit.page(subscription, "/pause"), status=409)
    assert "can no longer be paused" in page.text


@pytest.mark.parametrize(
    ("language", "words"), [("fr", "Les prélèvements reprennent le"), ("en", "Payments start again on")]
)
def test_the_day_is_the_subscriptions_not_that_of_a_payment_and_its_button_needs_it(app, language, words):
    with app.test_request_context(method="POST"), flask_babel.force_locale(language):
        for form in (ResumeForm(), StaffResumeForm()):
            assert str(form.day.label.text) == words
            assert not form.day.flags.optional
        assert str(PauseForm().until.label.text) == str(StaffPauseForm().until.label.text) == words


@pytest.mark.parametrize("zone", ["Pacific/Tahiti", "Asia/Tokyo", "America/Guadeloupe"])
def test_the_day_that_is_chosen_is_the_day_that_is_shown_wherever_the_customer_is(visit, make, product, ctx, zone):
    with ctx.db.begin() as session:
        session.get_one(Customer, visit.customer.id).time_zone = zone
    subscription = make.subscription(customer=visit.customer, product=product)
    chosen = earliest_resume(utc_now(), zone=zone) + timedelta(days=9)
    page = visit.browser.get(visit.page(subscription, "/pause")).submit(until=chosen.date().isoformat())
    assert f"{chosen:%A} {chosen.day} {chosen:%B %Y}" in page.text
    (_paused, planned) = requests_of(ctx, subscription)
    assert planned.due_at == chosen, "midnight there"


def test_a_pause_that_keeps_less_than_cancelling_says_so(visit, make):
    for keeps in (True, False):
        course = make.product(
            visit.merchant,
            name="Guitar",
            contents=(("Chords", 0),),
            keep_after_cancellation=keeps,
            pause_offered=True,
            kept_while_paused=False,
        )
        page = visit.browser.get(visit.page(make.subscription(customer=visit.customer, product=course), "/pause"))
        assert ("A pause keeps less open than cancelling" in page.text) is keeps
        assert ("yours for good: Chords." in page.text) is keeps
