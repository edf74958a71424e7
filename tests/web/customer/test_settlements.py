"""From the late page to « settled »: what a customer sees before and after the click, at every answer of PayPal's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.subscriptions import Status
from portal.models import Merchant, PayPalAccount, Product, ReceivedRequest, Settlement, Subscription
from portal.services.carrying import settlement_carrying
from tests.services.inbox.notified import by_form
from tests.services.money.settling import aged

PAY = "Pay €29.90 now"
NOT_YET = "PayPal has not confirmed your payment yet"


@pytest.fixture
def visit(make, log_in):
    merchant = make.merchant(name="L’Atelier", locale="en")
    return log_in(merchant, make.customer(merchant))


@pytest.fixture
def late(make, visit):
    return make.subscription(
        customer=visit.customer,
        product=make.product(visit.merchant, contents=(("Lesson 1", 0),), grace_days=1),
        status=Status.PAST_DUE,
        outstanding=29.9,
        failed_payments=1,
        paid_until=make.now() - timedelta(days=4),
        past_due_since=make.now() - timedelta(days=4),
        last_payment_at=make.now() - timedelta(days=35),
    )


@pytest.fixture
def pay(visit, late):
    """From the guide to the page of the settlement."""

    def pay():
        return visit.browser.get(visit.page(late, "/late")).follow(PAY).submit(press=PAY)

    return pay


def rows(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(Settlement).order_by(Settlement.created_at)).all()


def change(ctx, model, **values):
    with ctx.db.begin() as session:
        session.execute(update(model).values(**values))


def test_from_the_late_page_to_settled(visit, late, ctx, make, paypal, letters):
    guide = visit.browser.get(visit.page(late, "/late"))
    assert "No access at the moment." in guide.text
    before = guide.follow(PAY)
    assert before.h1 == PAY
    assert late.provider_id in before.text
    assert "Nothing has been taken yet." in before.text
    assert "Your contract goes on as before, and your access is open again" in before.text
    assert rows(ctx) == []
    assert before.follow("Pay nothing now").path == visit.page(late, "/late")
    after = before.submit(press=PAY)
    assert after.h1 == "Your payment is settled"
    assert "PayPal took €29.90 on" in after.text
    assert "Your contract continues." in after.text
    assert "Lesson 1 as long as your subscription runs" in after.text
    assert make.reload(late).status is Status.ACTIVE
    assert "Unpaid amount paid" in visit.browser.get(visit.page(late)).text
    assert [letter.subject for letter in letters()] == ["Your payment has arrived – Cours de piano"]
    assert visit.browser.get(visit.page(late, "/late")).path == visit.page(late)


def test_the_button_twice_and_from_another_tab_is_one_settlement(visit, late, ctx, paypal):
    first, second = (visit.browser.get(visit.page(late, "/settlement")) for _ in range(2))
    page = first.submit(press=PAY)
    assert second.submit(press=PAY).path == page.path
    assert first.submit(press=PAY).path == page.path
    assert paypal.count("capture") == len(rows(ctx)) == 1


def test_while_paypal_is_silent_the_page_claims_nothing(visit, late, pay, ctx, make, paypal, letters):
    paypal.rule("show", "500", times=1)
    page = pay()
    assert page.h1 == NOT_YET
    assert "nothing has been taken" in page.text
    assert "settled" not in page.text.lower().replace("unsettled", "")
    guide = visit.browser.get(visit.page(late, "/late"))
    assert PAY not in guide.text
    assert "automatic payments page" not in guide.text, "what may be under way is not paid twice"
    assert guide.follow("See where it stands").path == page.path
    assert visit.browser.get(visit.page(late, "/settlement")).path == page.path
    assert letters() == []
    (row,) = rows(ctx)
    settlement_carrying.carry_out(ctx, row.merchant_id, row.id, insist=True)
    assert visit.browser.get(page.path).h1 == "Your payment is settled"


def test_a_call_without_an_answer_is_neither_taken_nor_lost(visit, late, pay, ctx, paypal):
    paypal.rule("capture", "500", times=1)
    page = pay()
    assert page.h1 == NOT_YET
    assert "has been sent to PayPal" in page.text
    assert "nothing has been taken" not in page.text
    paypal.rule("capture", "202", times=1)
    (row,) = rows(ctx)
    settlement_carrying.carry_out(ctx, row.merchant_id, row.id, insist=True)
    assert visit.browser.get(page.path).h1 == NOT_YET
    aged(ctx, row.id, timedelta(days=1))
    settlement_carrying.carry_out(ctx, row.merchant_id, row.id, insist=True)
    page = visit.browser.get(page.path)
    assert "no clear answer for a day. L’Atelier sees this" in page.text
    assert "not pay it in another way" in page.text


@pytest.mark.parametrize(
    ("behaviour", "why", "again"),
    [
        ("422-payer-locked", "The PayPal account that pays is locked", False),
        ("422-account-closed", "one of the two accounts is closed", True),
        ("422-status-invalid", "does not allow it", True),
        ("400", "PayPal refused it.", True),
        ("403", "The connection to PayPal is not working", True),
    ],
)
def test_a_refusal_has_its_sentence_and_a_way_on(visit, late, pay, paypal, letters, behaviour, why, again):
    paypal.rule("capture", behaviour)
    page = pay()
    assert page.h1 == "Nothing was taken"
    assert why in page.text
    assert page.select_one("a[href='https://www.paypal.com/myaccount/autopay/']")
    assert visit.merchant.support_email in page.text
    assert ("See the unpaid amount" in page.text) == again
    (letter,) = letters()
    assert letter.subject == "€29.90 was not taken – Cours de piano"
    assert why in letter.text
    assert page.path in letter.text
    assert "The unpaid amount was not taken" in visit.browser.get(visit.page(late)).text


def test_another_sum_is_shown_before_anything_is_taken(visit, late, ctx, paypal):
    page = visit.browser.get(visit.page(late, "/settlement"))
    change(ctx, Subscription, outstanding=59.8)
    page = page.submit(press=PAY, status=422)
    assert "The unpaid amount has changed" in page.text
    assert page.h1 == "Pay €59.80 now"
    assert rows(ctx) == []
    paypal.subscriptions[late.provider_id].outstanding = "59.80"
    page = page.submit(press="Pay €59.80 now")
    assert page.h1 == "Your payment is settled"


def test_a_sum_that_changed_at_paypal_alone_takes_nothing_and_asks_again(visit, late, pay, paypal):
    paypal.subscriptions[late.provider_id].outstanding = "59.80"
    page = pay()
    assert page.h1 == "Nothing was taken"
    assert "a different unpaid amount" in page.text
    assert page.follow("See the unpaid amount: €59.80").h1 == "Pay €59.80 now"
    assert paypal.count("capture") == 0


def test_a_page_of_long_ago_says_that_another_payment_is_late(visit, late, pay, ctx, make):
    page = pay()
    change(ctx, Subscription, status=Status.PAST_DUE, past_due_since=make.now() + timedelta(hours=1), outstanding=29.9)
    page = visit.browser.get(page.path)
    assert page.h1 == "Your payment is settled"
    assert "Another payment is late since then." in page.text
    assert "Your contract continues." not in page.text


def test_access_that_is_open_is_not_said_to_open_again(visit, late, ctx, make):
    change(ctx, Subscription, paid_until=make.now() + timedelta(days=9))
    page = visit.browser.get(visit.page(late, "/settlement"))
    assert "your access stays open" in page.text
    assert "open again" not in page.text


def test_of_a_suspended_one_no_more_is_promised_than_paypal_does(visit, late, ctx, paypal):
    paypal.subscriptions[late.provider_id].status = "SUSPENDED"
    change(ctx, Subscription, provider_status="SUSPENDED")
    page = visit.browser.get(visit.page(late, "/settlement"))
    assert "goes on as before" not in page.text
    assert "is PayPal’s decision" in page.text
    page = page.submit(press=PAY)
    assert page.h1 == "Your payment is settled"
    assert "Your contract continues." not in page.text
    assert "PayPal still suspends your payments: it takes none at the moment." in page.text


@pytest.mark.parametrize("offers", [True, False])
def test_settled_and_still_suspended_is_no_pause(visit, late, ctx, paypal, letters, offers):
    """Nobody paused it: what PayPal does, and what one can do, is said in place of « paused »."""
    row = paypal.subscriptions[late.provider_id]
    row.status, row.status_update_time = "SUSPENDED", "2026-01-02T03:04:05Z"
    change(ctx, Subscription, provider_status="SUSPENDED")
    change(ctx, Product, pause_offered=offers)
    visit.browser.get(visit.page(late, "/settlement")).submit(press=PAY)
    for path in (visit.home, visit.page(late)):
        page = visit.browser.get(path)
        assert page.select_one("[data-testid=status]").text == "Suspended at PayPal"
        assert "Your payment has arrived." in page.text
        assert "pause means" not in page.text
    guide = page.follow("Why, and what you can do")
    assert guide.h1 == "PayPal still suspends your payments"
    assert "paused" not in guide.text
    assert ("Resume, or change the day" in guide.text) is offers
    (letter,) = letters()
    assert "still suspends" in letter.text
    assert "up to date" not in letter.text


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Subscription, {"outstanding": 0}),
        (Subscription, {"outstanding": None}),
        (Subscription, {"environment": "live"}),
        (PayPalAccount, {"environment": "live"}),
        (Merchant, {"suspended_at": utc_now(), "suspended_why": "unpaid"}),
    ],
    ids=["nothing", "unknown", "of-another-key", "key-of-another", "suspended"],
)
def test_what_cannot_be_taken_is_not_offered(visit, late, ctx, model, values):
    page = visit.browser.get(visit.page(late, "/settlement"))
    change(ctx, model, **values)
    assert "Pay €" not in visit.browser.get(visit.page(late, "/late")).text
    if model is not Merchant:
        assert visit.browser.get(visit.page(late, "/settlement")).path == visit.page(late, "/late")
        assert page.submit(press=PAY).path == visit.page(late, "/late")
    else:
        visit.browser.get(visit.page(late, "/settlement"), status=409)
    assert rows(ctx) == []


def test_whoever_waits_for_an_end_is_not_asked_for_money(visit, late, paypal):
    paypal.rule("cancel", "500")
    visit.cancel(late)
    assert "Pay €" not in visit.browser.get(visit.page(late, "/late")).text
    assert visit.browser.get(visit.page(late, "/settlement")).path == visit.page(late, "/late")


@pytest.mark.parametrize(("in_days", "is_asked"), [(None, False), (-1, False), (9, True)])
def test_nor_is_who_has_notified_the_end_unless_for_a_later_day(visit, late, ctx, in_days, is_asked):
    page = visit.browser.get(visit.page(late, "/settlement"))
    wished = None if in_days is None else utc_now().date() + timedelta(days=in_days)
    by_form(ctx, late, now=utc_now())
    change(ctx, ReceivedRequest, wished_on=wished)
    guide = visit.browser.get(visit.page(late, "/late"))
    assert ("Pay €" in guide.text) is is_asked
    assert ("is not taken from here meanwhile" in guide.text) is not is_asked
    page = page.submit(press=PAY)
    assert len(rows(ctx)) == is_asked
    assert (page.path == visit.page(late, "/late")) is not is_asked


def test_a_payment_that_has_not_come_is_not_said_to_have_come(visit, late, pay, ctx, paypal):
    """PayPal may count it as paid while the bank has not: « taken » rests on the payment itself."""
    row = paypal.subscriptions[late.provider_id]
    row.captures_wait = True
    pay()
    row.outstanding, row.failed_payments = "0", 0
    (found,) = rows(ctx)
    settlement_carrying.carry_out(ctx, found.merchant_id, found.id, insist=True)
    page = visit.browser.get(f"/account/{visit.merchant.slug}/settlements/{found.id}")
    assert page.h1 == NOT_YET
    assert "PayPal took" not in page.text


def test_another_customers_is_no_page(visit, late, pay, make, log_in):
    page = pay()
    stranger = log_in(visit.merchant, make.customer(visit.merchant))
    stranger.browser.get(page.path, status=404)
    stranger.browser.get(visit.page(late, "/settlement"), status=404)


def test_the_way_in_french(make, log_in, late, visit):
    visit.browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr"
    visit.browser.client.set_cookie("language", "fr")
    page = visit.browser.get(visit.page(late, "/settlement"))
    assert page.h1 == "Régler 29,90 € maintenant"
    page = page.submit(press=page.h1)
    assert page.h1 == "Votre paiement est réglé"
