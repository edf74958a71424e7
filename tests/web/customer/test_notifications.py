"""Where self-cancellation is off, a customer notifies an end: stored, dated, acknowledged, never said to be done."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.ends.received_requests import ReceivedState, Way
from portal.domain.policies import Actor, Role
from portal.models import Mail, Merchant, ReceivedRequest
from portal.queries import inbox
from portal.queries.law import proofs
from portal.services.arrivals.refreshing import refresh
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from portal.services.inbox import notifications, received_requests
from portal.services.inbox.notifications import Notification
from portal.services.notices import leaving
from tests.services.carrying.carried import wish_of
from tests.web.customer.conftest import DONE

LINK, PRESS = "Send a cancellation notice", "Send cancellation notice"


@pytest.fixture
def visit(make, log_in):
    """A customer of a merchant who has switched self-cancellation off."""
    merchant = make.merchant(locale="fr", self_cancellation=False, support_email="lea@x.test")
    return log_in(merchant, make.customer(merchant, locale="en"))


@pytest.fixture
def subscription(visit, make):
    return make.subscription(merchant=visit.merchant, customer=visit.customer)


def stored(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(ReceivedRequest).order_by(ReceivedRequest.received_at)).all()


def letters(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(Mail).where(Mail.kind == "request_received")).all()


def notify(visit, subscription, **answers):
    return visit.browser.get(visit.page(subscription)).follow(LINK).submit(press=PRESS, **answers)


def test_nothing_but_the_click_is_needed_and_it_is_stored_dated_and_acknowledged(
    ctx, visit, subscription, paypal, mailer
):
    paypal.rule("any", "500")
    form = visit.browser.get(visit.page(subscription)).follow(LINK)
    assert form.h1 == "Cancel your contract"
    assert visit.customer.email in form.text
    assert form.select("main [required]") == []
    page = form.submit(press=PRESS)
    (received,) = stored(ctx)
    assert (received.way, received.subscription_id) == (Way.ACCOUNT_PAGE, subscription.id)
    assert (received.email, received.state) == (visit.customer.email, ReceivedState.OPEN)
    assert utc_now() - received.received_at < timedelta(minutes=1)
    (letter,) = letters(ctx)
    assert (letter.recipient, letter.language) == (visit.customer.email, "en")
    assert received.reference in letter.subject
    leaving.send(ctx, letter.id, now=utc_now())
    assert "now has to end the contract" in mailer.sent[0].text
    for path in (visit.page(subscription), visit.home):
        seen = visit.browser.get(path)
        assert "Your cancellation notice of " in seen.text
        assert received.reference in seen.text
        assert LINK not in seen.text, "no second one while it is open"
        assert not DONE.search(seen.body.replace("Cancel your contract", "")), "nothing is said to be done"
    assert not DONE.search(mailer.sent[0].text)
    assert page.path == visit.page(subscription)


def test_a_second_click_changes_nothing_and_what_a_stale_page_says_is_added(ctx, visit, subscription):
    day = (utc_now() + timedelta(days=90)).date()
    form = visit.browser.get(visit.page(subscription, "/notification"))
    for _ in range(2):
        form.submit(press=PRESS, message="Merci", wished_on=str(day))
    assert [(one.message, one.wished_on) for one in stored(ctx)] == [("Merci", day)]
    assert len(letters(ctx)) == 1
    for _ in range(2):
        page = form.submit(press=PRESS, message="En fait tout de suite")
    (received,) = stored(ctx)
    assert (received.message.split("\n")[0], received.wished_on) == ("Merci", None)
    assert received.message.endswith("En fait tout de suite")
    assert received.reference in page.text
    assert len(letters(ctx)) == 2
    assert "En fait tout de suite" in page.text, "among what happened"
    assert visit.browser.get(visit.page(subscription, "/notification")).path == visit.page(subscription)


def test_a_wish_is_kept_and_a_bad_day_loses_no_word(ctx, visit, subscription):
    day = (utc_now() + timedelta(days=40)).date()
    page = visit.browser.get(visit.page(subscription, "/notification"))
    again = page.submit(press=PRESS, wished_on="yesterday", message="Adieu", status=422)
    assert "Adieu" in again.body
    assert stored(ctx) == []
    page = again.submit(press=PRESS, wished_on=day.isoformat())
    wished = f"Chosen end date: {format_date(day, 'EEEE d MMMM y', locale='en_GB')}"
    assert page.text.count(wished) == 2, "in the notice and in the timeline"
    assert wished in visit.browser.get(visit.home).text
    (received,) = stored(ctx)
    assert (received.wished_on, received.message) == (day, "Adieu")


def test_where_one_may_cancel_there_is_no_such_form(make, log_in):
    merchant = make.merchant(locale="en")
    visit = log_in(merchant, make.customer(merchant))
    subscription = make.subscription(merchant=merchant, customer=visit.customer)
    page = visit.browser.get(visit.page(subscription, "/notification"))
    assert page.path == visit.page(subscription)
    assert LINK not in page.text


def fact(page, label):
    """What a summary says under a label, the first time."""
    term = next(term for term in page.select("dt") if term.get_text(" ", strip=True) == label)
    return term.find_next("dd").get_text(" ", strip=True)


def end_by_staff(ctx, make, paypal, subscription):
    end_by_staff_on(ctx, subscription, None)


def end_by_staff_on(ctx, subscription, day):
    wish = wish_of(subscription, actor=Actor.STAFF, actor_name="Léa", role=Role.SUPPORT, wished_on=day)
    end_requests.record(ctx, wish, now=utc_now())


def end_at_paypal(ctx, make, paypal, subscription):
    paypal.happen(subscription.provider_id, "buyer-cancels")
    refresh(ctx, subscription.merchant_id, subscription.id, now=utc_now())


@pytest.mark.parametrize(("end", "by"), [(end_by_staff, "Léa"), (end_at_paypal, "PayPal")])
def test_whichever_way_the_merchant_ends_it_the_notification_is_settled(
    ctx, make, paypal, visit, subscription, end, by
):
    notify(visit, subscription)
    end(ctx, make, paypal, subscription)
    (received,) = stored(ctx)
    assert (received.state, received.settled_by) == (ReceivedState.MATCHED, by)
    assert received.end_request_id == make.requests(subscription)[0].id
    assert "Your cancellation notice of" not in visit.browser.get(visit.page(subscription)).text
    with ctx.db.read() as session:
        assert inbox.count(session, visit.merchant.id, now=utc_now()) == 0


def test_one_that_the_merchant_closed_is_said_to_be_closed_with_a_way_to_write(ctx, visit, subscription):
    notify(visit, subscription)
    (received,) = stored(ctx)
    received_requests.dismiss(ctx, visit.merchant.id, received.id, reason="doit encore un an", by="Léa", now=utc_now())
    page = visit.browser.get(visit.page(subscription))
    assert f"{visit.merchant.name} closed your cancellation notice without ending the contract" in page.text
    assert received.reference in page.text
    assert "lea@x.test" in page.text
    assert "encore un an" not in page.text, "an internal note"
    with ctx.db.read() as session:
        mail = session.scalars(select(Mail).where(Mail.kind == "request_dismissed")).one()
    assert (mail.recipient, mail.language) == (visit.customer.email, visit.customer.locale)
    assert received.reference in mail.subject
    assert "encore un an" not in str(mail.content)
    notify(visit, subscription)
    assert len(stored(ctx)) == 2


def test_under_way_there_is_nothing_to_notify_and_anothers_does_not_exist(ctx, make, paypal, visit, subscription):
    end_by_staff(ctx, make, paypal, subscription)
    mine = Notification(merchant_id=visit.merchant.id, customer_id=visit.customer.id, subscription_id=subscription.id)
    assert notifications.notify(ctx, mine, now=utc_now()) is None
    theirs = make.subscription(merchant=visit.merchant)
    visit.browser.get(visit.page(theirs, "/notification"), status=404)


def test_in_french_the_labels_are_the_laws(make, log_in):
    merchant = make.merchant(locale="fr", self_cancellation=False)
    visit = log_in(merchant, make.customer(merchant), language="fr")
    subscription = make.subscription(merchant=merchant, customer=visit.customer)
    page = visit.browser.get(visit.home).follow("Notifier ma résiliation")
    assert page.h1 == "Résilier votre contrat"
    page = page.submit(press="Notification de la résiliation")
    assert "Votre notification du " in page.text
    assert " a été enregistrée" in page.text
    assert page.path == visit.page(subscription)


# What one has notified


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_day_that_is_past_for_the_merchant_is_refused_and_today_is_not(ctx, make, log_in, zone):
    merchant = make.merchant(locale="en", self_cancellation=False, time_zone=zone)
    visit = log_in(merchant, make.customer(merchant))
    subscription = make.subscription(merchant=merchant, customer=visit.customer)
    today = utc_now().astimezone(ZoneInfo(zone)).date()
    page = visit.browser.get(visit.page(subscription, "/notification"))
    again = page.submit(press=PRESS, wished_on=str(today - timedelta(days=1)), message="Adieu", status=422)
    assert "This day has passed." in again.text
    assert "Adieu" in again.body
    again.submit(press=PRESS, wished_on=str(today))
    assert [received.wished_on for received in stored(ctx)] == [today]


def test_a_page_on_which_one_has_notified_shows_it_as_asked_and_invites_no_more(ctx, make, log_in):
    merchant = make.merchant(
        locale="en", self_cancellation=False, support_email="lea@x.test", cancellation_text="Write to us in Lyon."
    )
    visit = log_in(merchant, make.customer(merchant))
    subscription = make.subscription(merchant=merchant, customer=visit.customer)
    before = visit.browser.get(visit.page(subscription)).text
    assert "written cancellation notice" in before
    notify(visit, subscription)
    (received,) = stored(ctx)
    for path in (visit.page(subscription), visit.home):
        seen = visit.browser.get(path).text
        for invitation in (LINK, "written cancellation notice", "Lyon", "Include your PayPal subscription ID"):
            assert invitation not in seen
        assert f"Reference: {received.reference}" in seen
    page = visit.browser.get(visit.page(subscription))
    assert "Notice recorded" in page.text
    assert fact(page, "Cancellation requested") != "not yet"
    assert visit.browser.get(f"{visit.home}requests/{received.reference}").path == visit.page(subscription)


def test_once_switched_on_one_who_waits_still_reads_that_it_is_recorded(ctx, visit, subscription):
    notify(visit, subscription)
    with ctx.db.begin() as session:
        session.get_one(Merchant, visit.merchant.id).self_cancellation = True
    for path in (visit.page(subscription), visit.home):
        assert stored(ctx)[0].reference in visit.browser.get(path).text


def test_its_reference_opens_the_result_page_and_its_paper(ctx, make, log_in, paypal, visit, subscription):
    notify(visit, subscription)
    (received,) = stored(ctx)
    where = f"{visit.home}requests/{received.reference}"
    end_by_staff(ctx, make, paypal, subscription)
    (request,) = make.requests(subscription)
    waiting = visit.browser.get(where)
    assert f"reference {received.reference}" in waiting.text
    assert fact(waiting, "Requested by") == "you (Form on the customer’s account page)"
    end_carrying.carry_out(ctx, visit.merchant.id, request.id)
    page = visit.browser.get(where)
    assert page.h1 == "Your cancellation is confirmed"
    assert fact(page, "Reference") == received.reference
    assert fact(page, "Internal reference") == request.reference
    assert page.text.count(request.reference) == 1, "among the technical details alone"
    record = visit.browser.get(visit.page(subscription))
    assert received.reference in record.text
    assert request.reference not in record.text
    assert "Staff" not in record.text, "they asked themselves"
    assert f"as you requested on {fact(page, 'Requested on').split(' at ')[0]}" in page.text
    assert visit.browser.client.get(f"{where}/proof.pdf", base_url="http://portal.test").data.startswith(b"%PDF")
    other = log_in(visit.merchant, make.customer(visit.merchant))
    other.browser.get(where, status=404)


def test_a_plan_that_answers_it_offers_no_undo_that_is_not_theirs(ctx, visit, subscription):
    notify(visit, subscription)
    end_by_staff_on(ctx, subscription, (utc_now() + timedelta(days=45)).date())
    page = visit.browser.get(f"{visit.home}requests/{stored(ctx)[0].reference}")
    assert page.h1 == "Your request is recorded"
    assert "You can withdraw your request" not in page.text


def test_beside_an_end_that_staff_have_planned_one_may_still_notify_and_is_heard(ctx, make, visit, subscription):
    end_by_staff_on(ctx, subscription, (utc_now() + timedelta(days=200)).date())
    page = notify(visit, subscription, message="Bien plus tôt, s’il vous plaît")
    (received,) = stored(ctx)
    assert received.reference in page.text
    assert (received.state, received.message) == (ReceivedState.OPEN, "Bien plus tôt, s’il vous plaît")
    assert LINK not in page.text
    assert LINK not in visit.browser.get(visit.home).text
    assert [request.state.value for request in make.requests(subscription)] == ["recorded"]
    with ctx.db.read() as session:
        assert inbox.count(session, visit.merchant.id, now=utc_now()) == 1


def test_one_who_wishes_the_very_day_that_is_planned_has_said_so_and_is_asked_no_more(ctx, visit, subscription):
    day = (utc_now() + timedelta(days=45)).date()
    end_by_staff_on(ctx, subscription, day)
    page = notify(visit, subscription, wished_on=str(day))
    assert stored(ctx)[0].state is ReceivedState.MATCHED
    assert LINK not in page.text
    assert visit.browser.get(visit.page(subscription, "/notification")).path == visit.page(subscription)


def test_a_plan_keeps_the_name_of_what_it_answers_though_another_day_wished_since_was_refused(
    ctx, make, paypal, visit, subscription
):
    """The page of the notification was open in two windows: each was sent, with another day."""
    day = (utc_now() + timedelta(days=45)).date()
    other_window = visit.browser.get(visit.page(subscription)).follow(LINK)
    notify(visit, subscription, wished_on=str(day))
    end_by_staff_on(ctx, subscription, day)
    other_window.submit(press=PRESS, wished_on=str(day - timedelta(days=30)))
    (received,) = stored(ctx)
    assert received.is_open
    closed = {"reason": "the first day was agreed", "by": "Léa", "now": utc_now()}
    received_requests.dismiss(ctx, visit.merchant.id, received.id, **closed)
    card = visit.browser.get(visit.page(subscription))
    assert "closed your cancellation notice" in card.text
    assert "Your contract continues." not in card.text, "it is going to end"
    assert card.follow(f"See the request {received.reference}").h1 == "Your request is recorded"
    end_at_paypal(ctx, make, paypal, subscription)
    assert visit.browser.get(f"{visit.home}requests/{received.reference}").h1 == "This subscription has ended"
    with ctx.db.read() as session:
        assert proofs.by_reference(session, received.reference) is not None, "the paper names no other"


def test_a_form_sent_after_the_end_was_asked_for_says_so(ctx, make, paypal, visit, subscription):
    form = visit.browser.get(visit.page(subscription, "/notification"))
    end_by_staff(ctx, make, paypal, subscription)
    assert "was already requested" in form.submit(press=PRESS, message="Adieu").text
