"""Links to one task that open nothing any more, or never did: a new one goes to the address on file; mails with one."""

from __future__ import annotations

import re
from datetime import timedelta

import time_machine
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.integrations.task_links import TaskKind
from portal.domain.subscriptions import Status
from portal.models import Mail, MailState, Merchant, Subscription, TaskLink
from portal.services import aging
from portal.services.notices import leaving
from portal.services.people import customer_addresses
from tests.web.customer.conftest import CANCEL
from tests.web.tasks.pressing import BEGIN, CONTINUE, Clicks, home

AGAIN = "Send me a new link"


def test_of_another_merchant_of_another_customer_or_altered_it_opens_nothing(
    visitor, link, held, merchant, make, letters
):
    path, elsewhere = link(TaskKind.CANCEL, held), make.merchant(locale="en")
    token = path.rpartition("/")[2]
    altered = token[:-1] + ("A" if token[-1] != "A" else "B")
    for wrong in (home(elsewhere, f"task/{token}"), home(merchant, f"task/{altered}"), home(merchant, "task/x")):
        page = visitor.get(wrong, status=410)
        assert page.h1 == "This link opens nothing"
        page = page.submit(press=AGAIN, status=410)
        assert "If this link was one of ours, a new one is on its way" in page.text
    assert letters() == []
    assert visitor.get(path).h1 == "Cancel “Cours de piano”"


def test_a_link_that_is_over_has_another_one_sent_to_the_address_on_file(visitor, link, held, letters, ctx):
    path = link(TaskKind.CANCEL, held)
    with time_machine.travel(utc_now() + timedelta(hours=48, seconds=1), tick=False):
        page = visitor.get(path, status=410)
        assert page.h1 == "This link has expired"
        said = page.submit(press=AGAIN, status=410)
        assert "If this link was one of ours, a new one is on its way to the email address on file." in said.text
        assert "client.test" not in said.text
        (mail,) = letters()
        assert mail.recipient == "zoe@client.test"
        new = re.search(r"http://portal\.test(/account/\S+/task/\S+)", mail.text)[1]
        assert new != path
        assert visitor.get(new).submit(press=BEGIN).h1.startswith("Check")


def test_strangers_flood_nobody_by_a_link_and_are_slowed_down_alike(visitor, link, held, letters, merchant):
    with time_machine.travel(utc_now(), tick=False) as clock:
        path = link(TaskKind.CANCEL, held)
        clock.shift(timedelta(hours=49))
        for _time in range(5):
            visitor.get(path, status=410).submit(press=AGAIN, status=410)
        assert len(letters()) == 3, "three a day"
        page = visitor.get(home(merchant, "task/x"), status=410)
        for _time in range(25):
            page.submit(press=AGAIN, status=410)
        page.submit(press=AGAIN, status=429)


def test_an_address_that_is_no_longer_theirs_takes_its_links_along(visitor, link, held, zoe, ctx):
    path = link(TaskKind.CANCEL, held)
    with ctx.db.begin() as session:
        customer_addresses.end_log_ins(session, zoe.id, now=utc_now())
    assert visitor.get(path, status=410).h1 == "This link opens nothing"


def test_the_mail_about_a_missing_payment_opens_its_page_without_a_log_in(
    visitor,
    held,
    merchant,
    letters,
    show,
    ctx,
    make,
):
    show(held, failed=1)
    (mail,) = letters()
    path = re.search(r"http://portal\.test(/account/\S+/task/\S+)", mail.text)[1]
    way = Clicks(visitor, path)
    page = way.press(CONTINUE)
    assert page.path == home(merchant, f"subscriptions/{held.id}/late")
    assert page.h1 == "A payment is late"
    assert way.count == 2, "one button more than the page itself"
    with ctx.db.read() as session:
        mail_id = session.scalars(select(Mail.id)).one()
    ctx.mailer.sent.clear()
    assert leaving.send(ctx, mail_id, now=utc_now()) is MailState.SENT
    with ctx.db.read() as session:
        assert session.get_one(Mail, mail_id).content is None, "what opens a door does not stay here"


def test_once_paid_the_late_page_says_so_and_shows_nothing_else(visitor, link, merchant, zoe, make):
    paid = make.subscription(merchant=merchant, customer=zoe, status=Status.ACTIVE)
    page = visitor.get(link(TaskKind.LATE, paid)).submit(press=CONTINUE)
    assert page.h1 == "No payment is late"
    assert not page.select("nav")


def test_what_ended_before_the_link_was_opened_is_said_to_have_ended_and_no_code_is_sent(
    visitor, link, held, letters, ctx
):
    path = link(TaskKind.CANCEL, held)
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(status=Status.CANCELLED, ended_at=utc_now()))
    page = visitor.get(path)
    assert page.h1 == "This contract has already ended"
    assert "Nothing is cancelled yet" not in page.text
    page = page.submit(press=CONTINUE)
    assert page.h1 == "This contract has already ended"
    assert "There is nothing left to cancel" in page.text
    assert letters() == []
    page = page.follow("Log in with a code")
    assert page.h1 == "Log in to your L’Atelier account"


def test_what_ends_while_the_page_is_open_is_said_to_have_ended_too(visitor, link, held, make, ctx, code_and_link):
    page = visitor.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN)
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(status=Status.CANCELLED, ended_at=utc_now()))
    page = page.submit(press=CANCEL, code=code_and_link()[0], status=409)
    assert page.h1 == "This contract has already ended"
    assert page.follow("Log in with a code").h1 == "Log in to your L’Atelier account"
    assert make.requests(held) == []


def test_the_code_says_what_it_is_for_and_opens_nothing_else_by_a_link(visitor, link, held, letters, paypal):
    page = visitor.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN)
    (mail,) = letters()
    assert "the page that you opened to cancel “Cours de piano”" in mail.text
    assert mail.subject.startswith("Your code to cancel: ")
    assert "/login/link/" not in mail.text
    assert "log in" not in mail.text.lower()
    assert f"/subscriptions/{held.id}/cancellation" in mail.text
    assert page.h1 == "Check: your subscription is not cancelled yet"


def test_the_way_back_is_shown_only_while_the_merchant_names_it(visitor, link, merchant, zoe, make, ctx):
    late = make.subscription(merchant=merchant, customer=zoe, status=Status.PAST_DUE)
    page = visitor.get(link(TaskKind.LATE, late, return_to="https://shop.example/me/lessons")).submit(press=CONTINUE)
    assert page.link("Back to shop.example") == "https://shop.example/me/lessons"
    with ctx.db.begin() as session:
        session.get_one(Merchant, merchant.id).return_addresses = ["https://other.example"]
    assert "shop.example" not in visitor.get(page.path).body


def test_old_links_are_forgotten_with_what_they_opened(visitor, link, held, ctx):
    visitor.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN)
    aging.forget_expired(ctx, now=utc_now() + timedelta(days=31))
    with ctx.db.read() as session:
        assert len(session.scalars(select(TaskLink)).all()) == 1
    aging.forget_expired(ctx, now=utc_now() + timedelta(days=33))
    with ctx.db.read() as session:
        assert session.scalars(select(TaskLink)).all() == []
