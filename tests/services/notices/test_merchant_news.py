"""The merchant's mails are grouped: many requests are a handful of mails, each thing is told once and to the end."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from portal.domain.ends.end_requests import Channel, RequestState, Trouble, new_reference
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import EndRequest, Mail, MailState, Merchant
from portal.queries.ends import end_requests as stored
from portal.queries.merchants import merchant_news as news
from portal.queries.people import merchants
from portal.services.ends import end_requests
from portal.services.notices import notices
from tests.services.carrying.carried import wish_of
from tests.waiting_mails import said

MINUTE = timedelta(seconds=60)


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", support_email="aide@atelier.test", locale="en")


@pytest.fixture
def product(make, merchant):
    return make.product(merchant)


@pytest.fixture
def asked(make, merchant, product, now):
    """A customer's request, committed."""

    def ask(*, due=timedelta(days=20), **columns):
        subscription = make.subscription(
            merchant=merchant, product=product, at_paypal=False, next_payment_at=now + due if due else None
        )
        request = EndRequest(
            id=uuid.uuid4(),
            merchant_id=merchant.id,
            subscription_id=subscription.id,
            reference=new_reference(),
            outcome=Status.CANCELLED,
            actor=Actor.CUSTOMER,
            channel=Channel.PORTAL,
            shown={},
            created_at=now,
            **columns,
        )
        make.add(request)
        return request

    return ask


@pytest.fixture
def tell(ctx, merchant, now):
    def call(notice, request, *, at=None, **changes):
        with ctx.db.begin() as session:
            row = stored.of_merchant(session, merchant.id, request.id)
            for name, value in changes.items():
                setattr(row, name, value)
            notice(ctx, session, row, now=at or now)

    return call


@pytest.fixture
def left(left):
    """The letters to the merchant among those that leave."""
    return lambda at: [letter for letter in left(at) if letter.to == "aide@atelier.test"]


STUCK = {"state": RequestState.NEEDS_MERCHANT}


def test_paypal_down_and_many_requests_are_a_handful_of_mails_that_name_or_count_each_of_them(asked, tell, left, now):
    """They ask over twenty minutes, PayPal is down, and each comes to need the merchant for one trouble or another:
    two more of them than a mail lists (20).
    """
    troubles = [Trouble.NOT_FOUND, Trouble.ACCOUNT_CLOSED, Trouble.REFUSED, Trouble.FORBIDDEN, Trouble.UNAVAILABLE]
    requests, letters = [asked() for _ in range(22)], []
    for number, request in enumerate(requests):
        at = now + timedelta(seconds=55 * number)
        tell(notices.end_recorded, request, at=at)
        tell(notices.end_unconfirmed, request, at=at, state=RequestState.RETRYING, trouble=Trouble.UNAVAILABLE)
        letters += left(at)
    for number, request in enumerate(requests):
        at = now + timedelta(minutes=25, seconds=number)
        tell(notices.needs_merchant, request, at=at, trouble=troubles[number % 5], **STUCK)
        letters += left(at)
    for hours in range(1, 5):
        letters += left(now + timedelta(hours=hours))
    assert len(letters) <= 4
    told = "".join(letter.text for letter in letters)
    named = [request.reference for request in requests if request.reference in told]
    assert len(named) + sum(2 for letter in letters if "And 2 other requests." in letter.text) >= 22
    assert left(now + timedelta(days=1)) == []


def test_the_next_payment_comes_first_and_an_unknown_date_last(asked, tell, left, now):
    late, unknown, near = (asked(due=due) for due in (timedelta(days=30), None, timedelta(days=3)))
    for request in (late, unknown, near):
        tell(notices.needs_merchant, request, trouble=Trouble.NOT_FOUND, **STUCK)
    (letter,) = left(now + MINUTE)
    assert letter.subject == "To do: 3 requests to end a contract are waiting for you"
    places = [letter.text.index(request.reference) for request in (near, late, unknown)]
    assert places == sorted(places)


def test_each_trouble_of_a_mixed_mail_says_what_to_do(asked, tell, left, now):
    tell(notices.needs_merchant, asked(), trouble=Trouble.NOT_FOUND, answer={"issue": "INVALID_ID"}, **STUCK)
    tell(notices.needs_merchant, asked(), trouble=Trouble.ACCOUNT_CLOSED, **STUCK)
    (letter,) = left(now + MINUTE)
    for words in ("does not know this subscription", "one of the two PayPal accounts is closed", "INVALID_ID"):
        assert words in letter.text


def test_what_was_confirmed_meanwhile_is_no_longer_asked_for(asked, tell, left, now):
    first, second = asked(), asked()
    for request in (first, second):
        tell(notices.needs_merchant, request, trouble=Trouble.NOT_FOUND, **STUCK)
    tell(notices.end_withdrawn, first, state=RequestState.WITHDRAWN)
    (letter,) = left(now + MINUTE)
    assert first.reference not in letter.text
    assert letter.subject.endswith(second.reference)


def test_a_mail_whose_last_request_is_settled_does_not_leave(asked, tell, left, now):
    request = asked()
    tell(notices.needs_merchant, request, trouble=Trouble.NOT_FOUND, **STUCK)
    tell(notices.end_withdrawn, request, state=RequestState.WITHDRAWN)
    assert left(now + MINUTE) == []


def test_a_mail_that_left_is_followed_only_by_what_is_new_an_hour_later(asked, tell, left, now):
    first, second = asked(), asked()
    tell(notices.needs_merchant, first, trouble=Trouble.NOT_FOUND, **STUCK)
    assert len(left(now + MINUTE)) == 1
    at = now + timedelta(minutes=10)
    tell(notices.needs_merchant, first, at=at, trouble=Trouble.NOT_FOUND, **STUCK)
    tell(notices.needs_merchant, second, at=at, trouble=Trouble.NOT_FOUND, **STUCK)
    assert left(now + timedelta(minutes=50)) == []
    (letter,) = left(now + timedelta(minutes=62))
    assert second.reference in letter.text
    assert first.reference not in letter.text


def test_a_payment_of_tomorrow_does_not_wait_for_the_hour_and_takes_the_others_along(asked, tell, left, now):
    first, second, urgent = asked(), asked(), asked(due=timedelta(hours=5))
    tell(notices.needs_merchant, first, trouble=Trouble.NOT_FOUND, **STUCK)
    left(now + MINUTE)
    at = now + timedelta(minutes=10)
    tell(notices.needs_merchant, second, at=at, trouble=Trouble.NOT_FOUND, **STUCK)
    tell(notices.needs_merchant, urgent, at=at, trouble=Trouble.NOT_FOUND, **STUCK)
    (letter,) = left(at + MINUTE)
    assert letter.text.index(urgent.reference) < letter.text.index(second.reference)


def test_a_mail_on_its_way_is_not_added_to_and_nothing_is_lost(ctx, asked, tell, left, mailer, now):
    """The mail server has the first mail in hand (or put it off): what is new then goes into a second one."""
    first, second = asked(), asked()
    tell(notices.needs_merchant, first, trouble=Trouble.NOT_FOUND, **STUCK)
    mailer.away = True
    assert left(now + MINUTE) == []
    mailer.away = False
    tell(notices.needs_merchant, second, at=now + MINUTE, trouble=Trouble.NOT_FOUND, **STUCK)
    letters = left(now + timedelta(hours=2))
    assert len(letters) == 2
    assert all(any(request.reference in letter.text for letter in letters) for request in (first, second))


def test_two_workers_at_once_make_one_mail(ctx, asked, merchant, tell, left, now):
    requests = [asked() for _ in range(8)]
    start, failures = threading.Barrier(len(requests)), []

    def work(request):
        try:
            start.wait()
            tell(notices.needs_merchant, request, trouble=Trouble.NOT_FOUND, **STUCK)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    (letter,) = left(now + MINUTE)
    assert all(request.reference in letter.text for request in requests)


def test_customers_who_ask_within_a_minute_are_one_mail(ctx, make, merchant, now):
    """Through the real service: three customers, one mail that lists all three."""
    for _ in range(3):
        subscription = make.subscription(merchant=merchant)
        wish = wish_of(subscription)
        end_requests.record(ctx, wish, now=now)
    with ctx.db.read() as session:
        mails = session.scalars(select(Mail).where(Mail.kind == "merchant_end_requested")).all()
        references = session.scalars(select(EndRequest.reference)).all()
    assert len(mails) == 1
    text = said(ctx, mails[0]).text
    assert all(reference in text for reference in references)


def test_without_an_address_nothing_is_written(ctx, make, asked, tell, left, merchant, now):
    with ctx.db.begin() as session:
        session.get_one(Merchant, merchant.id).support_email = None
    tell(notices.needs_merchant, asked(), trouble=Trouble.NOT_FOUND, **STUCK)
    assert left(now + MINUTE) == []


def test_who_tells_does_not_wait_for_an_import_that_begins_behind_a_page_being_written(ctx, merchant):
    """A page holds its run, then tells of an end; who begins an import holds the merchant’s row and wants the run."""
    with ctx.db.begin() as beginning:
        merchants.lock(beginning, merchant.id)
        with ctx.db.begin() as page:
            page.execute(text("SET LOCAL lock_timeout = '5s'"))
            news.lock(page, merchant.id)


def test_a_mail_may_name_a_request_that_another_transaction_holds(ctx, merchant, asked, left, now):
    """A list is written while somebody holds a request of it: neither waits for the other."""
    held, other = asked(), asked()
    for request in (held, other):
        with ctx.db.begin() as session:
            notices.end_recorded(ctx, session, stored.lock(session, request.id), now=now)
    with ctx.db.begin() as holding:
        stored.lock(holding, held.id)
        with ctx.db.begin() as session:
            session.execute(text("SET LOCAL lock_timeout = '5s'"))
            news.lock(session, merchant.id)
            notices.end_withdrawn(ctx, session, stored.lock(session, other.id), now=now)
        assert held.reference in left(now + MINUTE)[-1].text
    with ctx.db.read() as session:
        listed = session.scalars(select(Mail).where(Mail.kind == "merchant_end_requested")).one()
    assert (listed.state, listed.end_request_id) == (MailState.SENT, held.id)
