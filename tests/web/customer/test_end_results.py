"""What the result page says for each answer of PayPal's: the truth, and never more (deciding tests 2, 6 and 17)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.ends.end_requests import Basis, RequestState, Trouble
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import EndRequest, Mail
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from tests.services.carrying.carried import ask, carry, wish_of
from tests.waiting_mails import said
from tests.web.customer.conftest import DONE, UNDO, reference_of

AUTOPAY = "https://www.paypal.com/myaccount/autopay/"
WAITING = "PayPal has not confirmed it yet. We are trying again and will email you. You do not need to do anything."


def every_page(visit, subscription, result):
    """All pages on which the customer could read how it stands."""
    for path in (visit.home, visit.page(subscription), result.path):
        yield visit.browser.get(path)
    yield visit.browser.get(visit.page(subscription, "/cancellation"))


DISTURBANCES = [
    ("cancel", "500", {}),
    ("show", "500", {}),
    ("token", "500", {}),
    ("cancel", "503", {}),
    ("cancel", "429", {}),
    ("cancel", "timeout", {"seconds": 0.1}),
    ("cancel", "silent", {"seconds": 0.1}),
    ("cancel", "cut", {}),
    ("cancel", "html-502", {}),
    ("cancel", "stale", {}),
]


@pytest.mark.parametrize(("operation", "behaviour", "more"), DISTURBANCES)
def test_17_an_answer_that_is_none_is_never_called_a_cancellation(visit, make, paypal, operation, behaviour, more):
    subscription = make.subscription(customer=visit.customer)
    paypal.rule(operation, behaviour, **more)

    page = visit.cancel(subscription)

    assert f"reference {reference_of(page)}. {WAITING}" in page.text
    assert page.link("Refresh this page") == page.path
    for seen in every_page(visit, subscription, page):
        assert not DONE.search(seen.body), DONE.search(seen.body)
    assert make.reload(subscription).status is Status.ACTIVE


def test_a_cancel_that_paypal_did_without_answering_is_confirmed_by_a_read(visit, make, paypal, ctx):
    subscription = make.subscription(customer=visit.customer)
    paypal.rule("cancel", "silent", times=1, seconds=0.1)
    page = visit.cancel(subscription)
    assert not DONE.search(page.body)
    (request,) = make.requests(subscription)
    end_carrying.carry_out(ctx, visit.merchant.id, request.id, insist=True)
    assert "Your subscription is cancelled. PayPal confirmed it on " in visit.browser.get(page.path).text
    assert Counter(call.operation for call in paypal.calls)["cancel"] == 1


@pytest.mark.parametrize(
    ("operation", "behaviour", "trouble"),
    [
        ("any", "401", Trouble.BAD_CREDENTIALS),
        ("cancel", "403", Trouble.FORBIDDEN),
        ("show", "404", Trouble.NOT_FOUND),
        ("cancel", "422-account-closed", Trouble.ACCOUNT_CLOSED),
        ("cancel", "400", Trouble.REFUSED),
    ],
)
def test_a_refusal_is_the_merchants_to_solve_and_the_request_stands(visit, make, paypal, operation, behaviour, trouble):
    subscription = make.subscription(customer=visit.customer)
    paypal.rule(operation, behaviour)

    page = visit.cancel(subscription)

    assert make.requests(subscription)[0].trouble is trouble
    assert "Your request of " in page.text
    assert f" stands. {visit.merchant.name} has to finish it and has been told." in page.text
    assert "You can also stop the payment at PayPal." in page.text
    assert page.link("automatic payments page") == AUTOPAY
    for seen in every_page(visit, subscription, page):
        assert not DONE.search(seen.body), DONE.search(seen.body)
        assert trouble.value not in seen.text, "the trouble is said in words, to the merchant"


@pytest.mark.law("R-FR-13")
def test_a_merchant_without_a_key_has_to_finish_it(make, log_in):
    merchant = make.merchant(key=False, locale="en")
    visit = log_in(merchant, make.customer(merchant))
    page = visit.cancel(make.subscription(customer=visit.customer))
    assert "has to finish it and has been told." in page.text
    assert not DONE.search(page.body)


@pytest.mark.parametrize(("hours", "link"), [(2, True), (71, True), (75, False)])
def test_6_with_a_payment_near_and_paypal_down_page_and_mail_say_how_to_stop_it(visit, make, paypal, ctx, hours, link):
    due = utc_now() + timedelta(hours=hours)
    subscription = make.subscription(customer=visit.customer, next_payment_at=due)
    paypal.rule("any", "500")
    page = visit.cancel(subscription)
    assert (AUTOPAY in page.body) is link
    assert ("Next payment due " in page.text) is link
    assert not DONE.search(page.body)
    with ctx.db.read() as session:
        mail = session.scalars(select(Mail).where(Mail.kind == "end_recorded")).one()
    told = said(ctx, mail)
    assert (AUTOPAY in told.text) is link
    assert not DONE.search(told.subject + told.text)


def test_when_the_next_date_is_unknown_the_link_is_there_too(visit, make, paypal):
    subscription = make.subscription(customer=visit.customer, next_payment_at=None, paid_until=None)
    paypal.rule("any", "500")
    page = visit.cancel(subscription)
    assert "The date of the next payment is unknown." in page.text
    assert page.link("automatic payments page") == AUTOPAY


@pytest.mark.parametrize(("behaviour", "link"), [("500", False), ("403", True)])
def test_a_paused_one_is_not_said_to_have_a_payment_at_an_unknown_date(visit, make, paypal, letters, behaviour, link):
    subscription = make.subscription(customer=visit.customer, status=Status.PAUSED, next_payment_at=None)
    paypal.rule("any", behaviour)
    page = visit.cancel(subscription)
    mail = next(one for one in letters() if one.recipient == visit.customer.email)
    for text in (page.text, mail.text):
        assert ("automatic payments" in text.lower()) is link  # only where the merchant has to act
        assert "unknown" not in text
    assert ("PayPal takes no payment at the moment." in page.text) is link


def test_one_that_was_never_approved_has_no_payment_to_stop_at_paypal(visit, make, paypal, letters):
    paypal.rule("any", "403")
    page = visit.cancel(make.subscription(customer=visit.customer, status=Status.PENDING, next_payment_at=None))
    mail = next(one for one in letters() if one.recipient == visit.customer.email)
    for text in (page.text, mail.text):
        assert "has to finish it and has been told." in text
        assert "stop the payment" not in text
        assert "automatic payments" not in text.lower()


def test_a_customer_without_an_address_is_not_promised_a_mail(make, log_in, paypal):
    merchant = make.merchant(locale="en")
    visit = log_in(merchant, make.customer(merchant, email=None))
    paypal.rule("any", "500")
    page = visit.cancel(make.subscription(customer=visit.customer))
    assert "email" not in page.text
    assert "this page will show the answer" in page.text


def test_one_that_paypal_had_already_ended_is_said_to_be_over(visit, make, paypal):
    subscription = make.subscription(customer=visit.customer)
    paypal.happen(subscription.provider_id, "buyer-cancels")
    page = visit.cancel(subscription)
    (request,) = make.requests(subscription)
    assert request.basis is Basis.ALREADY_OVER
    assert "This subscription had already ended on " in page.text
    assert "No payment will be taken. You keep access until " in page.text
    assert "PayPal confirmed it on" not in page.text
    assert not [call for call in paypal.calls if call.operation == "cancel"]


def test_one_that_never_began_is_not_said_to_have_ended_before(visit, make, paypal):
    subscription = make.subscription(customer=visit.customer, status=Status.PENDING)
    recap = visit.recap(subscription)
    assert "You have not paid anything yet." in recap.text
    page = recap.submit(press="Cancel now")
    assert make.requests(subscription)[0].basis is Basis.NEVER_STARTED
    assert "This subscription had not started at PayPal." in page.text
    assert "already" not in page.text
    assert "It gave no access." in page.text
    assert "never started there" in page.text


def test_a_word_of_paypal_that_nobody_has_seen_is_no_confirmation(visit, make, paypal):
    subscription = make.subscription(customer=visit.customer)
    paypal.subscriptions[subscription.provider_id].status = "HIBERNATING"
    page = visit.cancel(subscription)
    assert make.requests(subscription)[0].is_open
    assert not DONE.search(page.body)
    assert "HIBERNATING" not in page.body


def ended_by_staff(make, subscription, outcome: Status) -> EndRequest:
    now = utc_now()
    request = EndRequest(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        reference="WXYZ-6789",
        state=RequestState.CONFIRMED,
        outcome=outcome,
        actor="staff",
        actor_name="Léa Martin",
        channel="staff",
        reason_text="never again, this one",
        provider_note="End",
        shown={"stops": [{"title": "Shown to staff", "end": "unknown", "until": None}], "stays": []},
        confirmed_at=now,
        basis=Basis.READ_AFTER_CALL,
    )
    make.add(request)
    return request


@pytest.mark.parametrize("outcome", [Status.COMPLETED, Status.CANCELLED, Status.ABANDONED])
def test_an_end_by_the_merchant_is_told_without_their_internal_words(visit, make, outcome):
    subscription = make.subscription(customer=visit.customer, status=outcome)
    request = ended_by_staff(make, subscription, outcome)
    page = visit.browser.get(f"{visit.home}requests/{request.reference}")
    word = "completed" if outcome is Status.COMPLETED else "cancelled"
    assert f"Your subscription is {word}. PayPal confirmed it on " in page.text
    assert f"{visit.merchant.name} (Merchant desk)" in page.text
    for seen in (page, visit.browser.get(visit.home), visit.browser.get(visit.page(subscription))):
        assert "abandon" not in seen.body.lower()
        assert "never again" not in seen.body
        assert "Léa" not in seen.body
        assert "Shown to staff" not in seen.body
        assert UNDO not in seen.text


@pytest.mark.law("R-GD-5")
def test_the_proof_keeps_what_the_recap_showed(visit, make):
    product = make.product(visit.merchant, contents=(("Leçon 1", 0),), keep_after_cancellation=True)
    page = visit.cancel(make.subscription(customer=visit.customer, product=product))
    assert "What you were told before confirming" in page.text
    assert "Leçon 1: kept for good" in page.text
    assert "You keep for good: Leçon 1." in page.text


def test_five_dates_are_five_dates_and_an_unknown_one_is_said_to_be(visit, make):
    subscription = make.subscription(customer=visit.customer, next_payment_at=None, paid_until=None)
    page = visit.browser.get(visit.page(subscription))
    terms = [term.get_text() for term in page.select("dl.summary")[-1].find_all("dt")]
    values = [value.get_text(strip=True) for value in page.select("dl.summary")[-1].find_all("dd")]
    assert terms == [
        "Cancellation requested",
        "Stopped at PayPal",
        "Paid until",
        "Access",
        "Subscription end date",
    ]
    assert values[2] == "Unknown"
    assert all(values)


def planned(make, visit, subscription) -> str:
    """The path of the page of an end that the customer planned; PayPal is silent from now on."""
    wish = wish_of(subscription, wished_on=(utc_now() + timedelta(days=50)).date())
    return f"{visit.home}requests/{end_requests.record(make.ctx, wish, now=utc_now()).reference}"


def test_a_request_that_staffs_end_replaced_does_not_say_that_the_subscription_goes_on(visit, make, paypal, ctx):
    subscription = make.subscription(customer=visit.customer)
    mailed = planned(make, visit, subscription)
    before = visit.browser.get(mailed)
    paypal.rule("any", "500")
    carry(ctx, ask(ctx, make, subscription, actor=Actor.STAFF))
    other = make.requests(subscription)[-1]
    assert other.is_open
    for page in (visit.browser.get(mailed), before.submit(press=UNDO)):  # a stale page's button promises nothing either
        assert "continues" not in page.text
        assert "withdrawn" not in page.text
        assert f"by another one, reference {other.reference}." in page.text
        assert "Replaced on" in page.text
    page = page.follow("See the other request")
    assert reference_of(page) == other.reference
    assert "Cancellation requested" in page.h1
    assert not DONE.search(page.body)


def test_a_request_taken_back_says_so_and_names_the_one_asked_for_afterwards(visit, make, paypal):
    subscription = make.subscription(customer=visit.customer)
    mailed = planned(make, visit, subscription)
    assert "Your contract continues." in visit.browser.get(mailed).submit(press=UNDO).text
    paypal.rule("any", "500")
    again = reference_of(visit.cancel(subscription))
    page = visit.browser.get(mailed)
    assert "was withdrawn on" in page.text
    assert "continues" not in page.text
    assert reference_of(page.follow("See the other request")) == again
