"""Letters and notifications at the desk: written down, answered, closed."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date
from sqlalchemy import select

from portal.domain.ends.end_requests import RequestState
from portal.domain.ends.received_requests import ReceivedState, Way
from portal.domain.law.countries import Country, Function, strategy
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import PublicDeclaration, ReceivedRequest
from portal.services.declarations import declarations
from portal.services.declarations.declarations import Declared
from portal.services.ends import end_withdrawals
from portal.services.inbox import notifications, received_answers, received_requests
from portal.services.inbox.notifications import Notification
from portal.services.inbox.received_requests import Declaration
from tests.services.inbox.notified import staff_ask
from tests.web.admin.waiting import count_of, make_request, titles


def test_staff_write_down_a_letter_and_the_person_gets_an_acknowledgement(ctx, owner, letters):
    page = owner.submit("/admin/received/new", name="Zoé Durand", email="Zoe@Client.test", contract="Piano")
    assert "It is recorded: " in page.text
    with ctx.db.read() as session:
        received = session.scalars(select(ReceivedRequest)).one()
    letter = letters()[-1]
    assert received.reference in letter.text
    assert "Piano" in letter.text
    assert "cancelled" not in letter.text
    assert "Zoé Durand asks to cancel" in owner.get("/admin/").text


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"name": ""}, "Enter the name as it was given."),
        ({"received_on": "2199-01-01"}, "This day is in the future."),
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
    page = page.submit(press="Cancel the subscription", internal_note="Zoé wrote twice", status=409)
    assert page.notices[0] == "Nothing was changed. Somebody has settled this request in the meantime."
    assert "Zoé wrote twice" in page.notices[1]
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


def test_one_that_a_colleague_has_closed_meanwhile_is_shown_as_it_stands(owner, support, declared):
    received = declared()
    path, press = f"/admin/received/{received.id}", "Close without ending anything"
    late = owner.get(path)
    support.get(path).submit(press=press, reason="Subscribed elsewhere")
    page = late.submit(press=press, reason="Twice, and " + "at length " * 90, status=409)
    assert page.notices[0] == "Somebody has settled this request in the meantime."
    assert "You had written: Twice, and at length" in page.notices[1]
    assert page.h1 == owner.get(path).h1
    assert "Subscribed elsewhere" in page.text
    assert "Subscribed elsewhere" in page.text


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
    assert "there is nothing left to end" not in owner.get("/admin/").text, "another customer of that name"
    make.subscription(merchant=merchant, customer=customer, status=Status.CANCELLED, at_paypal=False)
    page = owner.get("/admin/").follow("Close the request")
    assert "there is nothing left to end" in page.text
    page.submit(press="Close without ending anything")
    assert titles(owner.get("/admin/")) == []
    assert "It had already ended, on " in owner.get(f"/admin/received/{received.id}").text


def test_a_letter_with_something_that_still_runs_does_not_say_so(owner, make, merchant, declared):
    customer = make.customer(merchant, email="zoe@client.test")
    for status in (Status.CANCELLED, Status.ACTIVE):
        make.subscription(merchant=merchant, customer=customer, status=status, at_paypal=False)
    declared()
    assert "there is nothing left to end" not in owner.get("/admin/").text


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
    assert "The customer sent a cancellation notice on " in page.text
    assert "Mark as completed" not in page.text
    for action in ("complete", "abandon"):
        assert "It can be marked as abandoned afterwards" in owner.get(f"{record}/end/{action}", status=409).text
    page = page.follow("Cancel the subscription")
    assert received.reference in page.text
    page = page.submit(press="Cancel the subscription")
    assert "Mark as abandoned" in page.text
    assert received.reference in page.select_one("#requests").get_text()


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
    assert title == "Claire Dupont has sent a cancellation notice for “Cours de piano”"
    assert support.get(f"/admin/received/{received.id}").h1 == title
    end = page.follow("End this subscription")
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
    assert "names its subscription: only ending that one answers it" in seen.text
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
    said = "This request has Zoé Durand’s address"
    page = owner.get(f"/admin/received/{received.id}")
    assert said in page.text
    end = page.submit(press="It is this one")
    assert said in end.text
    assert said not in owner.get(f"/admin/subscriptions/{bob.id}/end/cancel").text


def test_among_namesakes_the_one_of_the_address_comes_first_and_the_others_are_folded(owner, make, merchant, declared):
    """Also where theirs alone is over: a name is less than an address."""
    zoe, product = (
        make.customer(merchant, email="zoe@client.test", name="Zoé Durand"),
        make.product(merchant, name="Yoga"),
    )
    theirs = make.subscription(merchant=merchant, customer=zoe, product=product, status=Status.CANCELLED)
    others = [
        make.subscription(merchant=merchant, customer=make.customer(merchant, name=name), at_paypal=False)
        for name in ("Zoé Durand", "Zoe Durand")
    ]
    page = owner.get(f"/admin/received/{declared(contract='my yoga, please').id}")
    first, second, third = page.select("main tbody tr")
    assert first.select_one(f"[href$='{theirs.id}']")
    assert "Same address, same product" in first.get_text()
    folded = page.select_one("details.fold")
    assert folded.summary.get_text() == "2 others of the same name"
    assert all(folded.select(f"[href$='{one.id}']") for one in others)
    for row in (second, third):
        assert "Another address than the request’s: probably somebody else." in row.get_text()
        assert "Same address" not in row.get_text()


def test_where_no_subscription_has_the_address_no_namesake_is_folded(owner, make, merchant, declared):
    make.subscription(merchant=merchant, customer=make.customer(merchant, name="Zoé Durand"), at_paypal=False)
    page = owner.get(f"/admin/received/{declared().id}")
    assert page.select("main tbody tr")
    assert not page.select("main details.fold")


def test_a_letter_whose_plan_was_taken_back_names_the_subscription_it_was_matched_to(
    ctx, owner, make, merchant, declared, now
):
    held = make.subscription(merchant=merchant, customer=make.customer(merchant, name="Robert Petit"), at_paypal=False)
    received = declared()
    staff_ask(ctx, held, now=now, received=received, wished_on=(now + timedelta(days=70)).date())
    owner.get(f"/admin/subscriptions/{held.id}").submit(press="Withdraw this planned end")
    card = owner.get("/admin/")
    assert "Robert Petit – " in card.text
    assert [link["href"] for link in card.select("a") if f"received={received.id}" in link["href"]]
    page = owner.get(f"/admin/received/{received.id}")
    assert "matched to this one before" in page.text
    assert page.select('input[type="search"], input[name="q"]'), "staff may choose another"


@pytest.mark.parametrize("is_refused", [True, False])
def test_a_declaration_that_the_mailbox_on_file_denied_says_so_where_it_is_answered(
    ctx, owner, merchant, now, is_refused
):
    wish = Declared(
        merchant_id=merchant.id,
        strategy=strategy(Country.FR, Function.CANCELLATION),
        language="fr",
        page_token="page",
        name="Zoé Durand",
        email="zoe@client.test",
    )
    received_id = declarations.declare(ctx, wish, network="n", now=now)
    if is_refused:
        with ctx.db.begin() as session:
            session.get_one(PublicDeclaration, received_id).refused_at = now
    assert ("End nothing by this alone." in owner.get(f"/admin/received/{received_id}").text) == is_refused


def test_a_kind_that_was_declared_stands_where_it_is_answered(ctx, owner, merchant, now):
    wish = Declared(
        merchant_id=merchant.id,
        strategy=strategy(Country.DE, Function.CANCELLATION),
        language="de",
        page_token="page",
        name="Karl Weber",
        email="karl@client.test",
        particulars={"kind": "extraordinary", "ground": "Umzug"},
        message="Umzug",
    )
    received_id = declarations.declare(ctx, wish, network="n", now=now)
    said = owner.get(f"/admin/received/{received_id}").text
    assert "extraordinary, for a reason" in said
    assert said.count("Umzug") == 1


@pytest.mark.parametrize(
    ("whose", "after", "is_said"),
    [
        ("their own", timedelta(days=1), True),
        ("their own", timedelta(0), True),
        ("their own", -timedelta(days=1), False),  # another contract of theirs, or an older end
        ("somebody else's", timedelta(days=1), False),  # an address that was typed learns of no contract
    ],
)
def test_who_is_written_to_reads_that_their_contract_has_ended_since(
    owner, make, merchant, declared, letters, now, whose, after, is_said
):
    came = now - timedelta(days=5)
    customer = make.customer(merchant, email="zoe@client.test" if whose == "their own" else "claire@client.test")
    over = make.subscription(
        merchant=merchant, customer=customer, status=Status.CANCELLED, at_paypal=False, ended_at=came + after
    )
    letter = declared(received_at=came, contract=over.provider_id)
    owner.submit(f"/admin/received/{letter.id}", press="Close without ending anything", reason="It had already ended.")
    (mail,) = [one for one in letters() if "is closed" in one.subject]
    day = format_date((came + after).astimezone(ZoneInfo(merchant.time_zone)), "EEEE d MMMM y", locale="en")
    assert mail.recipient == "zoe@client.test"
    assert (f"your contract has ended since, on {day}" in mail.text) is is_said
    assert ("nothing was changed" in mail.subject) is not is_said
    assert ("If you still want to cancel" in mail.text) is not is_said
