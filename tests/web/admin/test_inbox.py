"""What needs the merchant: every kind has its card with words and a way on, the next payment at risk first."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from babel.dates import format_date
from sqlalchemy import select, update

from portal.domain.end_requests import Basis, Channel, RequestState, Trouble, new_reference
from portal.domain.pauses import PauseKind, PauseState
from portal.domain.policies import Actor
from portal.domain.received_requests import ReceivedState, Way
from portal.domain.subscriptions import Status
from portal.models import (
    ComparisonDifference,
    ComparisonRun,
    ComparisonState,
    ComparisonTrigger,
    Customer,
    EndRequest,
    EventSource,
    EventState,
    Mail,
    MailState,
    PauseRequest,
    PayPalAccount,
    PayPalEvent,
    ReceivedRequest,
    Subscription,
    TimelineEntry,
)
from portal.queries import inbox
from portal.services import aging
from portal.services.ends import end_withdrawals
from portal.services.inbox import notifications, received_answers, received_requests
from portal.services.inbox.notifications import Notification
from portal.services.inbox.received_requests import Declaration


@pytest.fixture
def stuck(make, merchant, now):
    """A request that needs the merchant, on a subscription whose next payment is `due` away."""

    def build(*, due=timedelta(days=20), trouble=Trouble.NOT_FOUND, name="Claire Dupont", **columns):
        customer = make.customer(merchant, name=name)
        subscription = make.subscription(
            merchant=merchant, customer=customer, at_paypal=False, next_payment_at=now + due if due else None
        )
        return make_request(make, subscription, now, state=RequestState.NEEDS_MERCHANT, trouble=trouble, **columns)

    return build


def make_request(make, subscription, now, **columns):
    request = EndRequest(
        id=uuid.uuid4(),
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        reference=new_reference(),
        outcome=columns.pop("outcome", Status.CANCELLED),
        actor=columns.pop("actor", Actor.CUSTOMER),
        channel=Channel.PORTAL,
        shown={},
        created_at=now,
        **columns,
    )
    make.add(request)
    return request


@pytest.fixture
def declared(ctx, merchant, now):
    def build(**columns):
        values = {"name": "Zoé Durand", "email": "zoe@client.test", "way": Way.LETTER, "received_at": now}
        return received_requests.record(ctx, Declaration(merchant_id=merchant.id, **values | columns), now=now)

    return build


@pytest.fixture
def undated(make, merchant, now):
    """A subscription that PayPal has ended without saying until when it is paid."""
    subscription = make.subscription(
        merchant=merchant,
        status=Status.CANCELLED,
        at_paypal=False,
        paid_until=None,
        stopped_at_provider_at=now - timedelta(days=1),
    )
    request = make_request(
        make,
        subscription,
        now,
        state=RequestState.CONFIRMED,
        confirmed_at=now - timedelta(days=1),
        basis=Basis.READ_AFTER_CALL,
    )
    return subscription, request


def titles(page):
    return [heading.get_text(strip=True) for heading in page.select("article.card h2")]


def count_of(ctx, merchant, now):
    with ctx.db.read() as session:
        return inbox.count(session, merchant.id, now=now)


def test_the_next_payment_at_risk_comes_first_whatever_the_kind(ctx, owner, make, merchant, stuck, declared, now):
    stuck(due=timedelta(days=9), name="Later")
    stuck(due=None, name="Unknown")
    stuck(due=timedelta(days=2), name="Soon")
    customer = make.customer(merchant, email="zoe@client.test", name="Zoé Durand")
    make.subscription(merchant=merchant, customer=customer, at_paypal=False, next_payment_at=now + timedelta(days=5))
    declared()
    page = owner.get("/admin/")
    assert [title.split(" ")[0] for title in titles(page)] == ["Soon", "Zoé", "Later", "Unknown"]
    assert count_of(ctx, merchant, now) == 4


def test_a_request_says_what_happened_what_to_do_and_paypals_debug_id(owner, stuck):
    request = stuck(answer={"debug_id": "f00ba4", "issue": "X"})
    page = owner.get("/admin/")
    for words in ("PayPal does not know this subscription under this key", "What to do:", "f00ba4", request.reference):
        assert words in page.text
    assert page.select(f'form[action="/admin/requests/{request.id}/retry"]')


@pytest.mark.parametrize(
    ("state", "trouble"),
    [(RequestState.RECORDED, None), (RequestState.CALLING, None), (RequestState.RETRYING, Trouble.UNAVAILABLE)],
)
def test_a_missed_planned_end_says_so_and_not_that_a_payment_is_near(owner, make, merchant, now, state, trouble):
    subscription = make.subscription(merchant=merchant, at_paypal=False, next_payment_at=now + timedelta(days=20))
    missed = {"due_at": now - timedelta(hours=2), "late_told_at": now}
    request = make_request(make, subscription, now, state=state, trouble=trouble, **missed)
    for page in (owner.get("/admin/"), owner.get(f"/admin/subscriptions/{subscription.id}")):
        assert "Press “Try again now”. If it stays so, cancel the subscription in your PayPal account" in page.text
        assert "payment is near" not in page.text
        assert page.select(f'form[action="/admin/requests/{request.id}/retry"]')
    assert "has passed and PayPal has not confirmed the end." in owner.get("/admin/").text


@pytest.mark.parametrize(
    ("trouble", "words", "has_key_page"),
    [
        (Trouble.BAD_CREDENTIALS, "Enter a new key on the PayPal page.", True),
        (Trouble.NO_KEY, "Enter a key on the PayPal page.", True),
        (Trouble.FORBIDDEN, "Tick “Subscriptions”", True),
        (Trouble.STILL_LIVE, "Look at the subscription in your PayPal account", False),
    ],
)
def test_a_stuck_pause_says_what_helps_against_its_own_trouble(
    owner, make, merchant, now, trouble, words, has_key_page
):
    subscription = make.subscription(merchant=merchant, at_paypal=False)
    make.add(
        PauseRequest(
            merchant_id=merchant.id, subscription_id=subscription.id, kind=PauseKind.PAUSE, actor=Actor.STAFF,
            channel=Channel.STAFF, created_at=now, next_try_at=now, state=PauseState.NEEDS_MERCHANT,
            trouble=trouble,
        )
    )  # fmt: skip
    page = owner.get("/admin/")
    assert words in page.text
    assert bool(page.select('main a[href="/admin/paypal/rest"]')) is has_key_page


def test_a_broken_key_is_one_card_with_all_that_wait_for_it(ctx, owner, reader, stuck, merchant, now):
    requests = [stuck(trouble=Trouble.BAD_CREDENTIALS) for _ in range(5)]
    own = stuck(trouble=Trouble.ACCOUNT_CLOSED, name="Own")
    with ctx.db.begin() as session:
        session.scalars(select(PayPalAccount)).one().broken_since = now
    page = owner.get("/admin/")
    assert len(titles(page)) == 2
    assert all(request.reference in page.text for request in [*requests, own])
    assert page.select('form[action="/admin/paypal/rest/check"]')
    assert not reader.get("/admin/").select('form[action="/admin/paypal/rest/check"]')
    assert count_of(ctx, merchant, now) == 2


def test_a_missing_key_is_one_card_too(ctx, owner, stuck, merchant, now):
    for _ in range(3):
        stuck(trouble=Trouble.NO_KEY)
    with ctx.db.begin() as session:
        session.delete(session.scalars(select(PayPalAccount)).one())
    assert titles(owner.get("/admin/")) == ["A PayPal key is missing"]
    assert count_of(ctx, merchant, now) == 1


def test_a_key_that_works_again_leaves_the_requests_on_their_own(owner, stuck):
    stuck(trouble=Trouble.BAD_CREDENTIALS, name="Claire")
    assert len(titles(owner.get("/admin/"))) == 1


def test_staff_write_down_a_letter_and_the_person_gets_an_acknowledgement(ctx, owner, letters):
    page = owner.submit("/admin/received/new", name="Zoé Durand", email="Zoe@Client.test", contract="Piano")
    assert "The request is recorded" in page.text
    with ctx.db.read() as session:
        received = session.scalars(select(ReceivedRequest)).one()
    letter = letters()[-1]
    assert received.reference in letter.text
    assert "Piano" in letter.text
    assert "cancelled" not in letter.text
    assert "Zoé Durand asks to stop" in owner.get("/admin/").text


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"name": ""}, "Enter the name as it was given."),
        ({"received_on": "2199-01-01"}, "This day has not come yet."),
        ({"email": "nobody"}, "Enter an address like name@example.com."),
    ],
)
def test_what_cannot_be_is_asked_again_and_nothing_typed_is_lost(owner, answers, words):
    page = owner.submit("/admin/received/new", status=422, **{"name": "Zoé", "contract": "Piano lessons"} | answers)
    assert words in page.text
    assert page.select('input[value="Piano lessons"]')


def test_a_letter_is_matched_by_the_end_that_answers_it_in_one_transaction(ctx, owner, make, merchant, declared):
    customer = make.customer(merchant, email="zoe@client.test", name="Zoé Durand")
    subscription = make.subscription(merchant=merchant, customer=customer)
    received = declared()
    page = owner.get(f"/admin/received/{received.id}")
    page = page.submit(press="It is this one")
    assert f"received={received.id}" in page.path
    assert received.reference in page.text
    page.submit(press="Cancel the subscription")
    (request,) = make.requests(subscription)
    with ctx.db.read() as session:
        row = session.get_one(ReceivedRequest, received.id)
    assert (row.state, row.end_request_id) == (ReceivedState.MATCHED, request.id)
    assert request.reference in owner.get(f"/admin/received/{received.id}").text
    assert titles(owner.get("/admin/")) == []


def test_a_request_that_was_settled_meanwhile_ends_nothing(ctx, owner, make, merchant, declared):
    subscription = make.subscription(merchant=merchant)
    received = declared()
    page = owner.get(f"/admin/subscriptions/{subscription.id}/end/cancel?received={received.id}")
    received_requests.dismiss(ctx, merchant.id, received.id, reason="double", by="Léa", now=make.now())
    page.submit(press="Cancel the subscription", status=409)
    assert make.requests(subscription) == []


def test_another_merchants_letter_is_a_404_everywhere(ctx, owner, make, merchant, now):
    other = make.merchant()
    foreign = received_requests.record(
        ctx,
        Declaration(merchant_id=other.id, received_at=now, way=Way.LETTER, name="X", email=None),
        now=now,
    )
    subscription = make.subscription(merchant=merchant)
    owner.get(f"/admin/received/{foreign.id}", status=404)
    owner.get(f"/admin/subscriptions/{subscription.id}/end/cancel?received={foreign.id}", status=404)
    owner.get(f"/admin/subscriptions/{subscription.id}/end/cancel?received=nonsense", status=404)


def test_a_request_taken_back_opens_the_letter_again(ctx, make, merchant, declared, now):
    subscription = make.subscription(merchant=merchant, at_paypal=False)
    request, received = make_request(make, subscription, now, state=RequestState.RECORDED), declared()
    assert received_answers.match_standing(ctx, merchant.id, received.id, subscription.id, by="Léa", now=now)
    assert count_of(ctx, merchant, now) == 0
    end_withdrawals.withdraw(ctx, merchant.id, subscription.customer_id, request.reference, now=now)
    with ctx.db.read() as session:
        assert session.get_one(ReceivedRequest, received.id).is_open
    assert count_of(ctx, merchant, now) == 1


def test_an_end_that_staff_planned_for_later_does_not_answer_a_letter_by_itself(ctx, make, merchant, declared, now):
    subscription = make.subscription(merchant=merchant, at_paypal=False)
    later = {"owed_until": now + timedelta(days=300), "wait_reason": "wish", "due_at": now + timedelta(days=310)}
    make_request(make, subscription, now, state=RequestState.RECORDED, actor=Actor.STAFF, **later)
    received = declared()
    assert not received_answers.match_standing(ctx, merchant.id, received.id, subscription.id, by="Léa", now=now)
    assert count_of(ctx, merchant, now) == 1


def test_a_letter_is_closed_only_with_a_reason(owner, declared):
    received = declared()
    page = owner.get(f"/admin/received/{received.id}")
    page.submit(press="Close without ending anything", reason=" ", status=422)
    page = owner.get(f"/admin/received/{received.id}").submit(
        press="Close without ending anything", reason="Subscribed elsewhere"
    )
    assert "Subscribed elsewhere" in page.text
    assert titles(owner.get("/admin/")) == []


def test_a_letter_whose_subscription_has_stopped_meanwhile_says_so_and_offers_to_close(owner, make, merchant, declared):
    customer = make.customer(merchant, email="zoe@client.test", name="Zoé Durand")
    received = declared()
    make.subscription(merchant=merchant, customer=make.customer(merchant, name="Zoé Durand"), at_paypal=False)
    assert "nothing is left to end" not in owner.get("/admin/").text, "another customer of that name"
    make.subscription(merchant=merchant, customer=customer, status=Status.CANCELLED, at_paypal=False)
    page = owner.get("/admin/").follow("Close the request")
    assert "nothing is left to end" in page.text
    page.submit(press="Close without ending anything")
    assert titles(owner.get("/admin/")) == []
    assert "It had stopped before, on " in owner.get(f"/admin/received/{received.id}").text


def test_a_letter_with_something_that_still_runs_does_not_say_so(owner, make, merchant, declared):
    customer = make.customer(merchant, email="zoe@client.test")
    for status in (Status.CANCELLED, Status.ACTIVE):
        make.subscription(merchant=merchant, customer=customer, status=status, at_paypal=False)
    declared()
    assert "nothing is left to end" not in owner.get("/admin/").text


def test_a_wished_day_that_is_past_is_kept_as_it_was_written(ctx, owner, now):
    past = (now - timedelta(days=9)).date()
    owner.submit("/admin/received/new", name="Zoé", wished_on=str(past))
    with ctx.db.read() as session:
        assert session.scalars(select(ReceivedRequest)).one().wished_on == past


def test_the_record_of_a_notified_subscription_says_so_and_offers_its_end_alone(ctx, owner, make, merchant, now):
    subscription = make.subscription(merchant=merchant)
    mine = Notification(merchant_id=merchant.id, customer_id=subscription.customer_id, subscription_id=subscription.id)
    received = notifications.notify(ctx, mine, now=now)
    record = f"/admin/subscriptions/{subscription.id}"
    page = owner.get(record)
    assert "The customer notified the end of this subscription on " in page.text
    assert "Mark as completed" not in page.text
    for action in ("complete", "abandon"):
        assert "It can be marked as abandoned afterwards" in owner.get(f"{record}/end/{action}", status=409).text
    page = page.follow("Cancel the subscription")
    assert received.reference in page.text
    page = page.submit(press="Cancel the subscription")
    assert "Mark as abandoned" in page.text
    assert received.reference in page.select_one("#requests").get_text()


def test_an_unknown_date_is_entered_told_and_lets_the_request_close(ctx, owner, undated, letters, now):
    subscription, request = undated
    assert "does not say until when it is paid" in owner.get("/admin/").text
    last = (now + timedelta(days=12)).date()
    owner.submit(f"/admin/subscriptions/{subscription.id}/paid-until", last_day=last.isoformat())
    with ctx.db.read() as session:
        row = session.get_one(Subscription, subscription.id)
        kinds = set(session.scalars(select(TimelineEntry.kind)))
    assert row.paid_until == row.access_until == row.ended_at
    assert timedelta(days=11) < row.paid_until - now < timedelta(days=14)
    assert "date_given" in kinds
    assert str(last.day) in letters()[-1].text
    assert titles(owner.get("/admin/")) == []
    owner.get(f"/admin/subscriptions/{subscription.id}/paid-until", status=404)
    aging.close_over(ctx, now=now + timedelta(days=15))
    with ctx.db.read() as session:
        assert session.get_one(EndRequest, request.id).state is RequestState.CLOSED


def test_a_date_that_is_unknown_of_an_end_that_was_repeated_is_asked_for_once(ctx, make, merchant, undated, now):
    subscription, first = undated
    ended = {"confirmed_at": now, "basis": Basis.READ_AFTER_CALL, "state": RequestState.CONFIRMED}
    make_request(make, subscription, now + timedelta(hours=1), actor=Actor.SYSTEM, **ended)
    assert count_of(ctx, merchant, now) == 1
    with ctx.db.read() as session:
        assert inbox.missing_date(session, merchant.id, subscription.id).id == first.id


def test_whoever_has_no_address_is_not_called_told(ctx, owner, undated, now):
    subscription, _request = undated
    with ctx.db.begin() as session:
        session.execute(update(Customer).values(email=None, name="Zoé"))
    path, words = f"/admin/subscriptions/{subscription.id}/paid-until", "Zoé has no email address here"
    for page in (
        owner.get("/admin/"),
        owner.get(path),
        owner.submit(path, last_day=(now + timedelta(days=12)).date().isoformat()),
    ):
        assert words in page.text
        assert "is told" not in page.text


@pytest.mark.parametrize("last_day", ["", "1999-99-99", "1990-01-01", "2199-01-01"])
def test_a_bad_date_is_refused_in_words_and_writes_nothing(ctx, owner, undated, last_day):
    subscription, _request = undated
    page = owner.submit(f"/admin/subscriptions/{subscription.id}/paid-until", last_day=last_day, status=422)
    assert page.select("#errors")
    with ctx.db.read() as session:
        assert session.get_one(Subscription, subscription.id).paid_until is None


def test_differences_and_ends_found_at_night_are_shown_until_read(ctx, owner, make, merchant, now):
    failing = make.subscription(merchant=merchant, at_paypal=False)
    ended = make.subscription(merchant=merchant, status=Status.CANCELLED, at_paypal=False)
    make_request(
        make, ended, now, state=RequestState.CONFIRMED, confirmed_at=now, basis=Basis.ALREADY_OVER,
        actor=Actor.PROVIDER,
    )  # fmt: skip
    run = ComparisonRun(
        id=uuid.uuid4(), merchant_id=merchant.id, environment="sandbox", trigger=ComparisonTrigger.NIGHTLY,
        state=ComparisonState.DONE, touched_at=now, finished_at=now,
    )  # fmt: skip
    make.add(run)
    common = {"merchant_id": merchant.id, "run_id": run.id, "at": now, "before": {"status": "active"}}
    make.add(
        ComparisonDifference(
            subscription_id=failing.id, provider_id=failing.provider_id, after={}, error="unavailable", **common
        ),
        ComparisonDifference(
            subscription_id=ended.id, provider_id=ended.provider_id, after={"status": "cancelled"}, corrected=True,
            **common,
        ),
    )  # fmt: skip
    page = owner.get("/admin/")
    assert page.select(f'form[action="/admin/subscriptions/{failing.id}/reading"]')
    assert "nobody had asked for that here" in page.text
    assert "PayPal did not answer for this one." in page.text
    assert count_of(ctx, merchant, now) == 2
    for form in page.select('form[action$="/seen"]'):
        token = form.select_one('input[name="csrf_token"]')["value"]
        owner.client.post(form["action"], data={"csrf_token": token}, base_url="http://portal.test")
    assert titles(owner.get("/admin/")) == []
    assert count_of(ctx, merchant, now) == 0


def test_failed_messages_and_refused_mails_have_their_way_on(ctx, owner, make, merchant, now):
    make.add(
        PayPalEvent(
            merchant_id=merchant.id, environment="sandbox", source=EventSource.WEBHOOK, event_id="WH-1",
            event_type="PAYMENT.SALE.COMPLETED", received_at=now, state=EventState.FAILED, error="unavailable deb1d",
        ),
        Mail(
            merchant_id=merchant.id, key="x", kind="end_recorded", recipient="gone@client.test", language="fr",
            subject="x", message_id="x@portal", state=MailState.REFUSED, send_at=now,
        ),
    )  # fmt: skip
    page = owner.get("/admin/")
    assert len(titles(page)) == count_of(ctx, merchant, now) == 2
    assert page.select('form[action$="/replay"]')
    assert page.select('form[action^="/admin/inbox/mails/"]')
    for words in ("deb1d", "gone@client.test", "PayPal did not answer"):
        assert words in page.text


def test_another_merchants_things_need_nobody_here(enter, make, stuck, declared, undated):
    stuck(), declared()
    other = make.merchant(name="Other", locale="en")
    assert titles(enter(other).get("/admin/")) == []


def test_a_reader_sees_all_and_may_do_nothing(reader, stuck, declared, undated):
    stuck(), declared()
    page = reader.get("/admin/")
    assert len(titles(page)) == 3
    assert not page.select("main article form")


def test_the_page_and_its_count_cost_the_same_whatever_their_length(owner, stuck, declared, statements):
    def cost():
        owner.get("/admin/")
        with statements() as seen:
            owner.get("/admin/")
        return len(seen)

    stuck(), declared()
    few = cost()
    for _ in range(6):
        stuck(), declared()
    assert cost() == few


def test_a_customers_own_notification_is_one_click_from_its_end(ctx, support, make, merchant, now):
    subscription = make.subscription(merchant=merchant)
    wished = (now + timedelta(days=40)).date()
    received = notifications.notify(
        ctx,
        Notification(
            merchant_id=merchant.id,
            customer_id=subscription.customer_id,
            subscription_id=subscription.id,
            wished_on=wished,
        ),
        now=now,
    )
    page = support.get("/admin/")
    (title,) = titles(page)
    assert title == "Claire Dupont has notified the end of a subscription"
    end = page.follow("Stop this subscription")
    end.submit(press=f"Cancel the subscription on {format_date(wished, 'd MMMM y', locale='en_GB')}")
    (request,) = make.requests(subscription)
    with ctx.db.read() as session:
        row = session.get_one(ReceivedRequest, received.id)
    assert (row.state, row.end_request_id) == (ReceivedState.MATCHED, request.id)
    assert titles(support.get("/admin/")) == []
    assert received.reference in support.get(f"/admin/received/{received.id}").text


def notified(ctx, subscription, now):
    said = Notification(
        merchant_id=subscription.merchant_id, customer_id=subscription.customer_id, subscription_id=subscription.id
    )
    return notifications.notify(ctx, said, now=now)


@pytest.mark.parametrize("way", ["match", "end", "posted"])
def test_a_notification_is_answered_by_its_own_subscription_alone_and_the_page_says_so(
    ctx, owner, make, merchant, now, way
):
    own, other = (make.subscription(merchant=merchant, at_paypal=False) for _ in range(2))
    received = notified(ctx, own, now)
    page, end = f"/admin/received/{received.id}", f"/admin/subscriptions/{other.id}/end/cancel"
    if way == "match":
        sent = owner.values_of(owner.get(page)) | {"subscription_id": str(other.id)}
        seen = owner.post(f"{page}/match", sent, status=303)
    elif way == "end":
        seen = owner.get(f"{end}?received={received.id}", follow=False, status=303)
    else:
        sent = owner.values_of(owner.get(end))
        seen = owner.post(f"{end}?received={received.id}", sent, status=303)
    seen = owner.get(page)
    assert "names its subscription: only the end of that one answers it" in seen.text
    assert make.requests(other) == []
    with ctx.db.read() as session:
        assert session.get_one(ReceivedRequest, received.id).is_open


def test_a_notification_is_offered_no_other_subscription(ctx, owner, make, merchant, now):
    customer = make.customer(merchant)
    own, other = (make.subscription(merchant=merchant, customer=customer, at_paypal=False) for _ in range(2))
    received = notified(ctx, own, now)
    page = owner.get(f"/admin/received/{received.id}?q={other.provider_id}")
    assert own.provider_id in page.body
    assert f'value="{other.id}"' not in page.body
    assert page.select("input[type=search], input[name=q]") == []


def test_a_letter_under_the_address_of_another_customer_warns_before_it_is_answered(owner, make, merchant, declared):
    make.customer(merchant, email="zoe@client.test", name="Zoé Durand")
    bob = make.subscription(merchant=merchant, customer=make.customer(merchant, name="Bob"), at_paypal=False)
    received = declared(contract=bob.provider_id)
    said = "The address of this request is that of Zoé Durand"
    page = owner.get(f"/admin/received/{received.id}")
    assert said in page.text
    end = page.submit(press="It is this one")
    assert said in end.text
    assert said not in owner.get(f"/admin/subscriptions/{bob.id}/end/cancel").text
