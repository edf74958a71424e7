"""A customer's record: what matters first, the team's notes, and messages with what became of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.domain.ends.end_requests import Channel, RequestState
from portal.domain.ends.pauses import PauseKind, PauseState
from portal.domain.money.late_payments import LateState
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Status
from portal.models import CustomerNote, LatePayment, Mail, MailState, PauseRequest, Payment, ReceivedRequest
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from portal.services.notices import leaving
from tests.services.carrying.carried import wish_of
from tests.services.inbox.notified import by_form
from tests.web.admin.waiting import make_request


@pytest.fixture
def zoe(make, merchant):
    return make.customer(merchant, name="Zoé", email="zoe@client.test")


def record(customer) -> str:
    return f"/admin/customers/{customer.id}"


def banners(page) -> list[str]:
    return [title.get_text(strip=True) for title in page.select(".notice-title")]


def test_a_request_of_their_address_that_waits_to_be_matched_stands_on_the_record(support, make, zoe, declared):
    """Who looks the customer up would end nothing, or end it and leave the request open."""
    letter = declared(email="zoe@client.test")
    declared(email="other@client.test")
    page = support.get(record(zoe))
    assert banners(page).count("A request of this address waits to be matched") == 1
    assert letter.reference in page.text
    assert page.link("Find the subscription") == f"/admin/received/{letter.id}"


# Notes


def test_a_note_has_author_and_date_keeps_its_lines_and_is_harmless(support, owner, zoe):
    page = support.get(record(zoe)).submit(text="Moved to Nantes.\n<b>Prefers</b> email.", press="Add the note")
    assert page.notices == ["Noted. Only your team sees it."]
    section = owner.get(record(zoe)).select_one("#notes")
    assert [one.get_text() for one in section.select("p")][:2] == ["Moved to Nantes.", "<b>Prefers</b> email."]
    assert "Léa Martin, " in section.get_text()


@pytest.mark.parametrize(("typed", "error"), [("  ", "Write a note first."), ("x" * 2001, "Write at most 2000")])
def test_an_empty_or_endless_note_is_asked_for_again_on_the_record(support, zoe, typed, error):
    page = support.get(record(zoe)).submit(text=typed, press="Add the note", status=422)
    assert page.errors[0].startswith(error)
    assert page.h1 == "Zoé"
    assert page.select_one("#text").get_text().strip() == typed.strip()


def test_it_is_deleted_by_its_author_or_an_owner_after_a_look(enter, merchant, support, owner, zoe, ctx):
    for number in (1, 2):
        support.get(record(zoe)).submit(text=f"note {number}", press="Add the note")
    other = enter(merchant, Role.SUPPORT)
    assert "Delete" not in other.get(record(zoe)).select_one("#notes").get_text()
    with ctx.db.read() as session:
        first, second = session.scalars(select(CustomerNote.id).order_by(CustomerNote.created_at)).all()
    other.get(f"{record(zoe)}/notes/{first}/deletion", status=403)
    for browser, note in ((support, first), (owner, second)):
        page = browser.get(f"{record(zoe)}/notes/{note}/deletion").submit(press="Delete this note")
        assert page.notices == ["The note is deleted."]
    support.get(f"{record(zoe)}/notes/{first}/deletion", status=404)
    with ctx.db.read() as session:
        assert session.scalars(select(CustomerNote)).all() == []


def test_no_page_of_the_customer_shows_a_note(support, seat_customer, other_browser, merchant, make, zoe):
    subscription = make.subscription(customer=zoe)
    support.get(record(zoe)).submit(text="difficult on the phone", press="Add the note")
    seat_customer(other_browser, merchant, zoe)
    for path in ("", f"subscriptions/{subscription.id}", "sessions"):
        assert "difficult" not in other_browser.get(f"/account/{merchant.slug}/{path}").body


def test_notes_of_another_merchant_s_customer_are_not_written_or_deleted(enter, make, support, zoe, ctx):
    support.get(record(zoe)).submit(text="ours", press="Add the note")
    with ctx.db.read() as session:
        note_id = session.scalars(select(CustomerNote.id)).one()
    stranger = enter(make.merchant(locale="en"))
    token = stranger.values_of(stranger.get("/admin/settings"))["csrf_token"]
    stranger.post(f"{record(zoe)}/notes", {"csrf_token": token, "text": "theirs"}, status=404)
    stranger.get(f"{record(zoe)}/notes/{note_id}/deletion", status=404)


# Messages


def mails(page) -> list[str]:
    return [row.get_text(" ", strip=True) for row in page.select("#mails tbody tr")]


@pytest.fixture
def confirmed(ctx, make, zoe, now):
    """The message that confirms an end."""
    subscription = make.subscription(customer=zoe)
    recorded = end_requests.record(ctx, wish_of(subscription), now=now)
    end_carrying.carry_out(ctx, subscription.merchant_id, recorded.request_id)
    with ctx.db.read() as session:
        return session.scalars(select(Mail).where(Mail.kind == "end_confirmed")).one()


def test_a_message_is_accepted_by_the_server_and_nobody_says_delivered(ctx, support, make, zoe, confirmed):
    assert leaving.send(ctx, confirmed.id, now=make.now()) is MailState.SENT
    page = support.get(record(zoe))
    (line,) = [one for one in mails(page) if one.startswith("End confirmed zoe@")]
    assert "Accepted by the mail server" in line
    assert "Send again" not in line
    assert "Whether it was delivered or read is not known." in page.text


def test_a_refused_one_is_sent_again_from_here_and_one_comes_back_here(
    ctx, support, reader, make, mailer, zoe, confirmed
):
    mailer.refusing = True
    assert leaving.send(ctx, confirmed.id, now=make.now()) is MailState.REFUSED
    mailer.refusing = False
    assert "Send again" not in reader.get(record(zoe)).select_one("#mails").get_text()
    page = support.get(record(zoe)).submit(press="Send again")
    assert page.path == record(zoe)
    assert "is being sent again to zoe@client.test" in page.notices[0]
    assert leaving.send(ctx, confirmed.id, now=make.now()) is MailState.SENT


def test_messages_of_before_and_those_without_a_request_stand_in_one_list(ctx, support, zoe, confirmed):
    support.get(f"{record(zoe)}/identity").submit(email="zoe@neuf.example")
    with ctx.db.begin() as session:
        session.execute(update(Mail).where(Mail.id == confirmed.id).values(customer_id=None))
    shown = mails(support.get(record(zoe)))
    assert len([one for one in shown if one.startswith("End confirmed")]) == 1
    assert any(one.startswith("New email address: to be confirmed zoe@neuf.example") for one in shown)
    assert any(one.startswith("New email address entered: to the current one zoe@client.test") for one in shown)


def test_what_a_customer_notified_is_acknowledged_here_too(ctx, support, make, zoe, now):
    by_form(ctx, make.subscription(customer=zoe), now=now)
    (line,) = [one for one in mails(support.get(record(zoe))) if "zoe@client.test" in one]
    assert line.startswith("Cancellation notice received another way")


def test_a_message_to_another_customer_is_not_shown(support, make, merchant, zoe, confirmed):
    assert mails(support.get(record(make.customer(merchant)))) == []


# What matters


def test_nothing_stands_first_when_nothing_matters(support, make, zoe):
    make.subscription(customer=zoe)
    make.subscription(customer=zoe, status=Status.CANCELLED)
    assert banners(support.get(record(zoe))) == []


def test_an_end_planned_by_the_team_is_withdrawn_from_here(ctx, support, reader, make, zoe, now):
    subscription = make.subscription(customer=zoe)
    day = (now + timedelta(days=45)).date()
    end_requests.record(ctx, wish_of(subscription, actor=Actor.STAFF, wished_on=day), now=now)
    (title,) = banners(reader.get(record(zoe)))
    assert title.startswith("Cours de piano: End planned on ")
    assert not reader.get(record(zoe)).select('form[action$="/withdrawal"]')
    page = support.get(record(zoe)).submit(press="Withdraw this planned end")
    assert page.notices == ["The planned end was withdrawn. The subscription continues."]
    assert banners(support.get(record(zoe))) == []


def test_an_end_planned_by_the_customer_is_theirs_to_withdraw(ctx, support, make, zoe, now):
    subscription = make.subscription(customer=zoe)
    end_requests.record(ctx, wish_of(subscription, wished_on=(now + timedelta(days=45)).date()), now=now)
    page = support.get(record(zoe))
    assert "The customer can withdraw it until then." in page.text
    assert not page.select('form[action$="/withdrawal"]')


def test_what_needs_somebody_comes_before_what_does_not(support, make, merchant, zoe, now):
    def held(name, **columns):
        return make.subscription(customer=zoe, product=make.product(merchant, name=name), **columns)

    make_request(make, held("A"), now, state=RequestState.NEEDS_MERCHANT)
    make_request(make, held("B"), now, state=RequestState.VERIFYING)
    held("C")
    over = held("D", status=Status.CANCELLED)
    make.payment(over, 0)
    with make.ctx.db.read() as session:
        payment_id = session.scalars(select(Payment.id)).one()
    make.add(LatePayment(merchant_id=merchant.id, payment_id=payment_id, subscription_id=over.id, state=LateState.OPEN))
    held("E", status=Status.PAST_DUE)
    page = support.get(record(zoe))
    assert banners(page) == [
        "D: payment after the end",
        "A: PayPal has not confirmed the end",
        "E: a payment failed",
        "B: PayPal has not confirmed the end yet",
    ]
    assert "29.90 was taken on" in page.text
    assert "late-payments" in page.link("See this payment")


def test_a_cancellation_notice_that_waits_stands_first(support, declared, ctx, make, zoe):
    subscription = make.subscription(customer=zoe)
    declared(name="Zoé", email="zoe@client.test")
    with ctx.db.begin() as session:
        session.execute(update(ReceivedRequest).values(subscription_id=subscription.id, suggested_subscription_id=None))
    page = support.get(record(zoe))
    assert banners(page) == ["Cours de piano: a cancellation notice waits for you"]
    page.follow("See the cancellation notice")


def test_an_end_whose_paid_time_nobody_knows_leads_to_the_date(support, undated):
    subscription, _request = undated
    page = support.get(record(subscription.customer))
    assert banners(page) == ["Cours de piano: the end of the paid time is unknown"]
    assert page.link("Enter the date") == f"/admin/subscriptions/{subscription.id}/paid-until"
    page.follow("Enter the date")


@pytest.mark.parametrize(
    ("columns", "said", "kind"),
    [
        ({"kind": PauseKind.PAUSE, "state": PauseState.VERIFYING}, "has not confirmed the pause yet", "accent"),
        (
            {"kind": PauseKind.RESUME, "state": PauseState.NEEDS_MERCHANT},
            "PayPal has not confirmed its restart",
            "warn",
        ),
        ({"kind": PauseKind.RESUME, "due_at": timedelta(days=9)}, "the pause ends on ", "accent"),
    ],
)
def test_a_pause_that_goes_on_or_has_its_day_is_said(support, make, merchant, zoe, now, columns, said, kind):
    subscription = make.subscription(customer=zoe, status=Status.PAUSED)
    if "due_at" in columns:
        columns = {**columns, "due_at": now + columns["due_at"]}
    make.add(
        PauseRequest(
            merchant_id=merchant.id,
            subscription_id=subscription.id,
            actor=Actor.STAFF,
            channel=Channel.STAFF,
            created_at=now,
            **columns,
        )
    )
    page = support.get(record(zoe))
    (title,) = banners(page)
    assert said in title
    assert page.select(f".notice.tone-{kind} .notice-title")


def test_of_many_some_are_shown_and_the_rest_is_counted(support, make, zoe):
    for _number in range(8):
        make.subscription(customer=zoe, status=Status.PAST_DUE, at_paypal=False)
    page = support.get(record(zoe))
    assert len(banners(page)) == 6
    assert "2 more subscriptions need a look: see below." in page.text


def test_the_record_costs_no_more_for_all_that_hangs_on_it(support, make, merchant, zoe, statements, now):
    subscription = make.subscription(customer=zoe)

    def cost() -> int:
        support.get(record(zoe))
        with statements() as seen:
            support.get(record(zoe))
        return len(seen)

    before = cost()
    support.get(f"{record(zoe)}/identity").submit(email="zoe@neuf.example")
    for number in range(3):
        support.get(record(zoe)).submit(text=f"note {number}", press="Add the note")
        product = make.product(merchant, name=f"P{number}")
        page = support.get(f"{record(zoe)}/grants/new").submit(product=str(product.id))
        page.submit(press="Give this access")
    make_request(make, subscription, now, state=RequestState.NEEDS_MERCHANT)
    assert cost() <= before + 2 <= 18  # names of who acted and of what it was about, once there are any


def test_a_card_for_each_that_lives_leads_to_its_three_ends(support, make, merchant, zoe):
    lives = make.subscription(customer=zoe, merchant=merchant)
    over = make.subscription(customer=zoe, merchant=merchant, status="cancelled")
    page = support.get(f"/admin/customers/{zoe.id}")
    (card,) = page.select("#subscriptions article.card")
    ends = [link["href"] for link in card.select("a") if "/end/" in link["href"]]
    assert ends == [f"/admin/subscriptions/{lives.id}/end/{kind}" for kind in ("cancel", "complete", "abandon")]
    assert card.select("svg.thread")
    assert f"/admin/subscriptions/{over.id}" in [link["href"] for link in page.select("#subscriptions table a")]


def test_what_a_customer_asked_for_by_another_way_is_answered_by_one_end(support, make, merchant, zoe, ctx, now):
    lives = make.subscription(customer=zoe, merchant=merchant)
    by_form(ctx, lives, now=now)
    card = support.get(f"/admin/customers/{zoe.id}").select_one("#subscriptions article.card")
    assert [link["href"].rpartition("/")[2] for link in card.select("a") if "/end/" in link["href"]] == ["cancel"]


def test_payments_are_refunded_from_the_record_by_whoever_may(support, manager, make, merchant, zoe):
    paid = make.payment(make.subscription(customer=zoe, merchant=merchant), 3)
    gone = make.payment(make.subscription(customer=zoe, merchant=merchant), 40, "refunded", refunded="29.90")
    rows = manager.get(f"/admin/customers/{zoe.id}").select("#payments tbody tr")
    links = [[link["href"] for link in row.select("a")] for row in rows]
    assert links == [
        [f"/admin/payments/{paid.id}", f"/admin/payments/{paid.id}/refund"],
        [f"/admin/payments/{gone.id}"],
    ]
    assert not [
        link for link in support.get(f"/admin/customers/{zoe.id}").select("#payments a") if "refund" in link["href"]
    ]


def test_what_was_done_with_the_record_stands_in_what_happened(support, make, merchant, zoe):
    product = make.product(merchant, name="Masterclass")
    page = support.get(f"{record(zoe)}/grants/new").submit(product=str(product.id))
    page.submit(press="Give this access")
    support.post(f"{record(zoe)}/view", support.values_of(support.get(record(zoe))), status=303)
    told = support.get(record(zoe)).select_one("#timeline").get_text(" ", strip=True)
    assert "Masterclass" in told
    assert "by hand" in told
    stranger = make.customer(merchant, email="autre@client.test")
    assert "Masterclass" not in support.get(record(stranger)).select_one("#timeline").get_text()
