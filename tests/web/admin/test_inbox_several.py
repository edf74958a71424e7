"""What there is to do is narrowed, and settled several at once; a key that does not work comes before everything."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from portal.domain.ends.end_requests import Basis, RequestState, Trouble
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.law.countries import Function
from portal.domain.subscriptions import Status
from portal.models import (
    AuditEntry,
    Customer,
    EventSource,
    EventState,
    Mail,
    MailState,
    PayPalEvent,
    ReceivedRequest,
)
from portal.queries import inbox as inbox_queries
from portal.queries.inbox import items
from tests.web.admin.waiting import count_of, make_request, titles

PAGE = "/admin/inbox/several"


@pytest.fixture
def merchant(make, now):
    """One whose first steps are taken."""
    return make.merchant(name="L’Atelier", locale="en", first_customer_at=now)


@pytest.fixture
def refused(make, merchant, now):
    """A message that a mail server refused."""

    def build(address="zoe@client.test", *, of=merchant):
        mail = Mail(
            id=uuid.uuid4(),
            merchant_id=of.id,
            kind="end_recorded",
            key=address,
            message_id=address,
            recipient=address,
            language="en",
            subject="x",
            state=MailState.REFUSED,
            send_at=now,
        )
        make.add(mail)
        return mail

    return build


@pytest.fixture
def answered(make, merchant, declared, now):
    """A letter whose subscription has ended since."""

    def build(number=1, *, ended=timedelta(days=1), **columns):
        address = f"p{number}@client.test"
        customer = make.customer(merchant, email=address, name=f"Person {number}")
        values = {"email": address, "name": f"Person {number}", "received_at": now - timedelta(days=3)}
        letter = declared(**values | columns)
        sub = make.subscription(
            merchant=merchant,
            customer=customer,
            at_paypal=False,
            status=Status.CANCELLED,
            started_at=now - timedelta(days=60),
            ended_at=now - ended,
        )
        make_request(
            make,
            sub,
            now - ended,
            state=RequestState.CLOSED,
            confirmed_at=now - ended,
            basis=Basis.READ_AFTER_CALL,
        )
        return letter

    return build


def test_a_key_that_does_not_work_comes_before_money_that_was_taken(ctx, owner, make, merchant, refused, now):
    refused()
    soon = make.subscription(merchant=merchant, at_paypal=False, next_payment_at=now + timedelta(hours=5))
    make_request(make, soon, now, state=RequestState.NEEDS_MERCHANT, trouble=Trouble.NOT_FOUND)
    with ctx.db.begin() as session:
        session.execute(text("UPDATE paypal_accounts SET broken_since = now(), state = 'refused'"))
    assert titles(owner.get("/admin/"))[0] == "A PayPal key does not work"


def test_the_list_is_narrowed_by_the_address(owner, make, merchant, refused, now):
    refused()
    stuck = make.subscription(merchant=merchant, at_paypal=False)
    make_request(make, stuck, now, state=RequestState.NEEDS_MERCHANT, trouble=Trouble.NOT_FOUND)
    assert len(titles(owner.get("/admin/"))) == 2
    assert len(titles(owner.get("/admin/?about=emails"))) == 1
    assert "could not be delivered" in titles(owner.get("/admin/?about=emails"))[0]
    assert "Nothing of that kind to do." in owner.get("/admin/?about=money").text


def test_an_address_that_makes_no_sense_is_told_and_shows_everything(owner, make, merchant, refused):
    refused()
    page = owner.get("/admin/?about=nonsense")
    assert "The address asks for something that this list does not know: everything is shown." in page.text
    assert len(titles(page)) == 1


@pytest.mark.parametrize(
    "place", ["9" * 30 + "~0~0", "3~0~0", f"1~{'9' * 20}~0", f"1~-{'9' * 40}~0", "1~0", "", "~~", "1~x~0"]
)
def test_a_place_that_is_none_is_the_beginning(owner, refused, place):
    refused()
    for way in ("after", "before"):
        assert len(titles(owner.get(f"/admin/?{way}={place}~{uuid.uuid4()}"))) == 1


def settle(browser, *, status=303, **things):
    """Tick these and press the button; return the answer."""
    page = browser.get(PAGE)
    data = page.values(page.form(press="Settle those ticked"))
    return browser.post(PAGE, data | {name: list(map(str, value)) for name, value in things.items()}, status=status)


@pytest.mark.parametrize("whose", ["another's", "nobody's"])
def test_what_is_another_merchants_or_nobodys_is_not_found_and_nothing_is_settled(
    ctx, support, make, merchant, refused, now, whose
):
    ours, theirs = refused(), refused("x@other.test", of=make.merchant(name="La Forge"))
    before = count_of(ctx, merchant, now)
    settle(support, status=404, mail=[ours.id, theirs.id if whose == "another's" else uuid.uuid4()])
    assert count_of(ctx, merchant, now) == before


def test_what_is_only_read_and_letters_that_an_end_answered_are_settled_together(
    ctx, support, merchant, refused, answered, now
):
    mails, letters = [refused(), refused("other@client.test")], [answered(1), answered(2)]
    before = count_of(ctx, merchant, now)
    assert len(support.get(PAGE).select("tbody tr")) == 4
    assert support.get("/admin/").link("Settle several at once") == PAGE
    settle(support, mail=[mail.id for mail in mails], letter=[letters[0].id])
    assert support.get("/admin/").notices == ["3 things are settled."]
    assert count_of(ctx, merchant, now) == before - 3
    with ctx.db.read() as session:
        states = dict(session.execute(select(ReceivedRequest.id, ReceivedRequest.state)).all())
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.act == "received_request.dismissed")).all()
    assert states == {letters[0].id: ReceivedState.DISMISSED, letters[1].id: ReceivedState.OPEN}
    assert len(acts) == 1


def test_messages_that_were_given_up_are_set_aside_together(ctx, support, make, merchant, now):
    events = [
        PayPalEvent(
            id=uuid.uuid4(), merchant_id=merchant.id, environment="sandbox", source=EventSource.WEBHOOK,
            event_id=f"WH-{number}", event_type="PAYMENT.SALE.COMPLETED", received_at=now, state=EventState.FAILED,
            error="no_key",
        )
        for number in range(3)
    ]  # fmt: skip
    make.add(*events)
    assert len(support.get(PAGE).select("tbody tr")) == 3
    settle(support, event=[event.id for event in events])
    assert count_of(ctx, merchant, now) == 0
    with ctx.db.read() as session:
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.act == "message.set_aside")).all()
    assert len(acts) == 3


def test_what_somebody_has_settled_meanwhile_is_told(ctx, support, refused, answered, now):
    letter, mail = answered(), refused()
    page = support.get(PAGE)
    data = page.values(page.form(press="Settle those ticked")) | {"mail": str(mail.id), "letter": str(letter.id)}
    settle(support, letter=[letter.id])
    support.post(PAGE, data, status=303)
    assert support.get("/admin/").notices[-1] == "1 of 2 are settled. The others were settled already, or need a look."


@pytest.mark.parametrize("how", ["runs again", "another begun"])
def test_a_letter_that_is_not_answered_any_more_stays_open(ctx, support, make, merchant, answered, now, how):
    """Whoever chose it saw that nothing ran any more; their notice is not closed unread when that has changed."""
    letter = answered()
    page = support.get(PAGE)
    data = page.values(page.form(press="Settle those ticked")) | {"letter": str(letter.id)}
    with ctx.db.begin() as session:
        if how == "runs again":
            session.execute(text("UPDATE subscriptions SET status = 'active', ended_at = NULL, ended_by = NULL"))
        else:
            customer = session.scalars(select(Customer)).one()
    if how == "another begun":
        make.subscription(merchant=merchant, customer=customer, at_paypal=False)
    support.post(PAGE, data, status=303)
    with ctx.db.read() as session:
        assert session.scalars(select(ReceivedRequest.state)).one() == ReceivedState.OPEN
        assert session.scalars(select(Mail).where(Mail.kind == "request_dismissed")).all() == []


def test_a_letter_about_what_still_runs_is_not_offered(support, make, merchant, declared, refused):
    make.subscription(merchant=merchant, customer=make.customer(merchant, email="zoe@client.test"), at_paypal=False)
    declared()
    refused()
    assert len(support.get(PAGE).select("tbody tr")) == 1


def test_no_end_answers_a_withdrawal_and_it_is_not_closed(ctx, support, answered, refused, now):
    """The refund is still owed: the law gives fourteen days for it."""
    refused()
    letter = answered(function=Function.WITHDRAWAL)
    assert len(support.get(PAGE).select("tbody tr")) == 1
    settle(support, letter=[letter.id])
    with ctx.db.read() as session:
        assert session.scalars(select(ReceivedRequest.state)).one() == ReceivedState.OPEN


def test_an_end_from_long_before_the_letter_is_not_its_answer(support, answered, refused, now):
    refused()
    answered(received_at=now)
    assert len(support.get(PAGE).select("tbody tr")) == 2, "of a letter the day is known, and no hour"
    answered(2, ended=timedelta(days=50))
    assert len(support.get(PAGE).select("tbody tr")) == 2
    assert support.get("/admin/").text.count("nothing left to end") == 1, "of the first letter alone"


@pytest.mark.parametrize("how", ["suggested", "named"])
def test_a_letter_for_which_a_subscription_was_found_that_still_runs_is_not_offered(
    ctx, support, make, merchant, answered, refused, now, how
):
    """Somebody bought again with another address: what ended under this one is not all that they pay."""
    refused()
    running = make.subscription(merchant=merchant, at_paypal=False, provider_id="I-RUN4NING0001")
    letter = answered(contract="n° I-RUN4NING0001." if how == "named" else "")
    if how == "suggested":
        with ctx.db.begin() as session:
            session.get_one(ReceivedRequest, letter.id).suggested_subscription_id = running.id
    assert len(support.get(PAGE).select("tbody tr")) == 1
    settle(support, letter=[letter.id])
    with ctx.db.read() as session:
        assert session.scalars(select(ReceivedRequest.state)).one() == ReceivedState.OPEN


def test_letters_that_need_a_look_leave_room_for_what_does_not(support, make, merchant, declared, refused, monkeypatch):
    monkeypatch.setattr(inbox_queries, "PAGE", 3)
    monkeypatch.setattr(items, "PAGE", 3)
    for number in range(4):
        customer = make.customer(merchant, email=f"p{number}@client.test")
        make.subscription(merchant=merchant, customer=customer, at_paypal=False)
        declared(email=f"p{number}@client.test")
    mails = [refused(f"m{number}@client.test") for number in range(4)]
    page = support.get(PAGE)
    assert len(page.select("tbody tr")) == 3
    assert "There are more" in page.text
    settle(support, mail=[mail.id for mail in mails])
    assert "There are more" not in support.get(PAGE).text


def test_the_list_is_where_it_was_after_an_act_and_never_empty_while_something_waits(
    support, make, merchant, refused, monkeypatch
):
    monkeypatch.setattr(inbox_queries, "PAGE", 3)
    monkeypatch.setattr(items, "PAGE", 3)
    for number in range(4):
        refused(f"m{number}@client.test")
    page = support.get("/admin/?about=emails").follow("Next page")
    assert len(titles(page)) == 1
    page = page.submit(press="Understood")
    assert "about=emails" in page.path
    assert len(titles(page)) == 3, "the first page: behind it nothing is left"


def test_nothing_ticked_is_told_and_the_reason_is_kept(support, refused):
    refused()
    page = settle(support, reason=["Seen by phone"], status=422)
    assert page.errors == ["Tick what is to be settled."]
    assert page.select_one("input[name=reason]")["value"] == "Seen by phone"


def test_who_may_only_look_is_offered_nothing(reader, refused):
    refused()
    assert not reader.get(PAGE).select("main form")
