"""What needs the merchant: every kind has its card with words and a way on, the next payment at risk first."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.ends.end_requests import Basis, Channel, RequestState, Trouble
from portal.domain.ends.pauses import PauseKind, PauseState
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Status
from portal.models import (
    ComparisonDifference,
    ComparisonRun,
    ComparisonState,
    ComparisonTrigger,
    EventSource,
    EventState,
    Mail,
    MailState,
    PauseRequest,
    PayPalAccount,
    PayPalEvent,
)
from portal.queries import inbox
from portal.queries.inbox import items
from portal.queries.operating import paypal_health
from tests.web.admin.waiting import count_of, make_request, titles


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
        assert "Press “Try again now”. If nothing changes, cancel the subscription in your PayPal account" in page.text
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
    assert bool(page.select('article a[href="/admin/paypal/rest"]')) is has_key_page


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
    assert "without a request here" in page.text
    assert "PayPal did not answer for this one." in page.text
    assert count_of(ctx, merchant, now) == 2
    for form in page.select('form[action$="/seen"]'):
        token = form.select_one('input[name="csrf_token"]')["value"]
        owner.client.post(form["action"], data={"csrf_token": token}, base_url="http://portal.test")
    assert titles(owner.get("/admin/")) == []
    assert count_of(ctx, merchant, now) == 0


@pytest.mark.parametrize(
    ("columns", "stays"),
    [
        ({"trigger": ComparisonTrigger.PAYMENT_DUE, "finished": True}, True),  # read another's, an hour later
        ({"trigger": ComparisonTrigger.MANUAL, "error": "no_key"}, True),  # broken off, and closed for the next one
        ({"trigger": ComparisonTrigger.NIGHTLY, "environment": "live", "finished": True}, True),
        ({"trigger": ComparisonTrigger.NIGHTLY, "dry_run": True, "finished": True}, True),
        ({"trigger": ComparisonTrigger.NIGHTLY, "finished": True, "error": "classic_key_refused"}, True),  # half of all
        ({"trigger": ComparisonTrigger.NIGHTLY, "finished": True}, False),  # whole: it did not find that again
    ],
)
def test_a_difference_stands_until_everything_there_is_compared_again(ctx, owner, make, merchant, now, columns, stays):
    failing = make.subscription(merchant=merchant, at_paypal=False)

    def compare(at, *, finished=False, **more):
        run = ComparisonRun(
            **{"id": uuid.uuid4(), "merchant_id": merchant.id, "environment": "sandbox", "touched_at": at,
               "state": ComparisonState.DONE, "created_at": at, "finished_at": at if finished else None} | more
        )  # fmt: skip
        make.add(run)
        return run.id

    def find(run_id, at):
        make.add(
            ComparisonDifference(
                merchant_id=merchant.id, run_id=run_id, subscription_id=failing.id, provider_id=failing.provider_id,
                at=at, before={"status": "active"}, after={}, error="not_found",
            )
        )  # fmt: skip

    night, hour = now - timedelta(hours=3), timedelta(hours=1)
    find(compare(night, trigger=ComparisonTrigger.NIGHTLY, finished=True), night)
    compare(night + hour, **columns)
    assert count_of(ctx, merchant, now) == int(stays)
    assert len(titles(owner.get("/admin/"))) == int(stays)
    find(compare(night + 2 * hour, trigger=ComparisonTrigger.PAYMENT_DUE, finished=True), night + 2 * hour)
    assert count_of(ctx, merchant, now) == 1, "what is found again is one thing, not two"


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


@pytest.mark.parametrize(
    ("kind", "attempts", "rings"),
    [("end_confirmed", 10, True), ("end_confirmed", 9, False), ("erasure_soon", 30, False)],
)
def test_a_promised_message_that_no_server_takes_for_a_day_is_shown(
    ctx, support, make, merchant, now, kind, attempts, rings
):
    """It is never refused, so that it would be tried for weeks, and nobody told."""
    make.add(
        Mail(
            merchant_id=merchant.id, key="x", kind=kind, recipient="full@client.test", language="en", subject="x",
            message_id="x@portal", state=MailState.WAITING, attempts=attempts, send_at=now + timedelta(hours=5),
        )
    )  # fmt: skip
    page = support.get("/admin/")
    assert count_of(ctx, merchant, now) == len(titles(page)) == int(rings)
    if rings:
        assert "has not accepted this message to full@client.test for a day" in page.text
        page.submit(press="Understood")
        assert count_of(ctx, merchant, now) == 0
        with ctx.db.read() as session:
            state = session.scalars(select(Mail.state).where(Mail.key == "x")).one()
        assert state is MailState.WAITING, "it is tried all the same"


def test_a_message_that_was_given_up_is_closed_once_somebody_has_read_of_it(ctx, support, make, merchant, now):
    """The key may have been removed on purpose: then trying it again leads nowhere."""
    make.add(
        PayPalEvent(
            id=uuid.uuid4(), merchant_id=merchant.id, environment="sandbox", source=EventSource.WEBHOOK,
            event_id="WH-1", event_type="PAYMENT.SALE.COMPLETED", subject="I-BW452GLLEP1G", body=b"{}",
            received_at=now, state=EventState.FAILED, error="no_key",
        )
    )  # fmt: skip
    page = support.get("/admin/")
    assert page.select('form[action$="/replay"]')
    assert "Noted" in page.submit(press="Understood").notices[0]
    assert count_of(ctx, merchant, now) == 0
    with ctx.db.read() as session:
        event = session.scalars(select(PayPalEvent)).one()
        assert not paypal_health.of_merchant(session, merchant.id, now=now).has_given_up
    assert (event.state, event.error) == (EventState.IGNORED, "no_key")


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


def test_before_there_is_a_key_whoever_may_enter_one_is_led_to_its_page(make, enter):
    owner, reader = (enter(make.merchant(key=False), role) for role in (Role.OWNER, Role.READER))
    assert "PayPal" in owner.get("/admin/").follow("Enter the PayPal key").h1
    assert "Enter the PayPal key" not in reader.get("/admin/").text
    assert "Enter the PayPal key" not in enter(make.merchant(), Role.OWNER).get("/admin/").text


def test_pages_follow_one_another_and_lose_nothing_of_any_kind(
    ctx, owner, make, merchant, stuck, declared, undated, now, monkeypatch
):
    monkeypatch.setattr(items, "PAGE", 3)
    monkeypatch.setattr(inbox, "PAGE", 3)
    for day in (9, 2, 5, None, 2):
        stuck(due=timedelta(days=day) if day else None, name=f"Due-{day}")
    declared(), declared(name="Other")
    make.add(
        *(
            Mail(
                merchant_id=merchant.id, key=key, kind="end_recorded", recipient="gone@client.test", language="fr",
                subject="x", message_id=key, state=MailState.REFUSED, send_at=now,
            )
            for key in "xy"
        )
    )  # fmt: skip
    page = owner.get("/admin/")
    forth = [titles(page)]
    while page.select('a[rel="next"]'):
        page = page.follow("Next page")
        assert page.select('a[rel="prev"]')
        forth.append(titles(page))
    assert [len(one) for one in forth] == [3, 3, 3, 1]
    assert [title.split(" ")[0] for title in forth[0]] == ["Due-2", "Due-2", "Due-5"]
    assert count_of(ctx, merchant, now) == 10
    assert sum("could not be delivered" in title for one in forth for title in one) == 2
    back = [titles(page)]
    while page.select('a[rel="prev"]'):
        page = page.follow("Previous page")
        back.append(titles(page))
    assert back == forth[::-1]
    for nonsense in ("x", "1~2~3", "1~1~1~x", "9~99999999999999999999~1~" + str(uuid.uuid4()), "~~~"):
        assert titles(owner.get(f"/admin/?after={nonsense}")) == forth[0]


def test_the_count_in_the_menu_ends_at_99(owner, monkeypatch):
    monkeypatch.setattr(inbox, "count", lambda *_positional, **_named: 100)
    assert owner.get("/admin/products").select_one("nav .count").get_text() == "99+"
    monkeypatch.setattr(inbox, "count", lambda *_positional, **_named: 99)
    assert owner.get("/admin/products").select_one("nav .count").get_text() == "99"
