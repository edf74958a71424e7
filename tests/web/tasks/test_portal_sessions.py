"""A portal session: one button, in one browser, once; the server's word stands for the code, and for nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import event, select, update

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.integrations.task_links import After, TaskKind
from portal.domain.subscriptions import Status
from portal.models import AccountMember, AuditEntry, Customer, Merchant, Subscription, TaskLink, TimelineEntry
from portal.services import portal_sessions
from portal.services.own_data import erasing
from portal.services.people import customer_joining
from portal.services.portal_sessions import Flow
from tests.browser_client import Browser
from tests.web.account_people import member_of
from tests.web.conftest import row_counts
from tests.web.customer.conftest import CANCEL
from tests.web.tasks.pressing import CONTINUE, home

SHOP = "https://shop.example/me"
KEY = By(channel=Channel.API, name="Course site")
BACK = "Back to shop.example"


@pytest.fixture
def sent(ctx, merchant, zoe):
    """Make a session, and return the path that the customer is sent to."""

    def make(kind=TaskKind.NONE, subscription=None, *, after=After.STAY, **more):
        flow = Flow(type=kind, subscription_id=subscription.id if subscription else None, after=after)
        how = {"return_url": SHOP, "flow": flow, "by": KEY, "now": utc_now()}
        _row, address = portal_sessions.create(ctx, merchant.id, zoe.id, **how, **more)
        return address.removeprefix(ctx.base_url)

    return make


def leads_to_log_in(browser, path) -> bool:
    answer = browser.get(path, follow=False, status=303)
    return "/login" in answer.response.headers["Location"]


def test_one_button_and_the_end_is_confirmed_without_a_code(visitor, sent, held, paypal, make, letters, ctx):
    page = visitor.get(sent(TaskKind.CANCEL, held))
    assert page.h1 == "Cancel “Cours de piano”"
    assert BACK in page.text
    page = page.submit(press=CONTINUE)
    assert page.h1 == "Check: your subscription is not cancelled yet"
    assert page.select_one("input[name=code]") is None
    assert BACK in page.text
    page = page.submit(press=CANCEL)
    assert "Your subscription is cancelled. PayPal confirmed it on " in page.text
    assert BACK in page.text
    assert paypal.subscriptions[held.provider_id].status == "CANCELLED"
    (request,) = make.requests(held)
    assert request.channel is Channel.PORTAL_SESSION
    assert "identity confirmed by the merchant’s site" in page.text
    with ctx.db.read() as session:
        asked = session.scalars(select(TimelineEntry).where(TimelineEntry.actor == "customer")).all()
        assert {entry.channel for entry in asked} == {Channel.PORTAL_SESSION}
        opened = session.scalars(select(AuditEntry).where(AuditEntry.act == "customer.portal_session_opened")).one()
        assert opened.channel == "portal_session"
    assert visitor.client.get(f"{page.path}/proof.pdf", base_url=visitor.base_url).status_code == 200


def test_done_it_leads_straight_back_where_that_was_asked_and_the_browser_is_let(visitor, sent, held, paypal):
    page = visitor.get(sent(TaskKind.CANCEL, held, after=After.REDIRECT)).submit(press=CONTINUE)
    policy = page.response.headers["Content-Security-Policy"]
    assert "form-action 'self' https://shop.example;" in policy
    answer = page.submit(press=CANCEL, follow=False, status=303)
    assert answer.response.headers["Location"] == SHOP
    assert paypal.subscriptions[held.provider_id].status == "CANCELLED"


def test_an_address_taken_off_the_list_meanwhile_leads_nowhere(visitor, sent, held, ctx, merchant):
    page = visitor.get(sent(TaskKind.CANCEL, held, after=After.REDIRECT)).submit(press=CONTINUE)
    with ctx.db.begin() as session:
        session.execute(update(Merchant).values(return_addresses=[]))
    page = page.submit(press=CANCEL)
    assert page.path.startswith(home(merchant, "requests/"))
    assert "shop.example" not in page.body


def test_looking_changes_nothing(visitor, sent, held, ctx):
    path = sent(TaskKind.CANCEL, held)
    before, commits = row_counts(ctx), []
    event.listen(ctx.db.engine, "commit", lambda connection: commits.append(connection))
    for _time in range(2):
        page = visitor.get(path)
        visitor.client.head(path, base_url=visitor.base_url)
    assert commits == []
    assert row_counts(ctx) == before
    assert page.response.headers["Referrer-Policy"] == "no-referrer"
    assert page.response.headers["Cache-Control"] == "no-store"
    assert "zoe" not in page.body


def test_the_first_browser_has_it_a_second_one_goes_on_by_a_code(
    visitor, other_browser, sent, held, merchant, zoe, letters, code_and_link
):
    path = sent(TaskKind.CANCEL, held)
    other_browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    early = other_browser.get(path)
    visitor.get(path).submit(press=CONTINUE)
    assert visitor.get(path).h1.startswith("Check"), "called a second time, it leads there again"
    page = early.submit(press=CONTINUE, status=410)
    assert page.h1 == "This link has been used"
    assert BACK in page.text
    assert letters() == []
    page = page.follow("Log in with a code").submit(email=zoe.email).submit(code=code_and_link()[0])
    assert page.path == home(merchant, f"subscriptions/{held.id}/cancellation")


def test_left_it_opens_no_second_time(visitor, sent, held):
    path = sent(TaskKind.CANCEL, held)
    visitor.get(path).submit(press=CONTINUE).submit(press="Leave this page")
    assert visitor.get(path, status=410).h1 == "This link has been used"


def test_old_altered_or_of_another_merchant_it_opens_nothing(visitor, sent, merchant, make):
    with time_machine.travel(utc_now(), tick=False) as clock:
        path = sent()
        token = path.rpartition("/")[2]
        altered = token[:-1] + ("A" if token[-1] != "A" else "B")
        elsewhere = make.merchant(locale="en")
        for wrong in (
            home(merchant, f"session/{altered}"),
            home(elsewhere, f"session/{token}"),
            home(merchant, "session/x"),
        ):
            page = visitor.get(wrong, status=410)
            assert page.h1 == "This link opens nothing"
            assert "Back to" not in page.text
        page = visitor.get(path)
        clock.shift(timedelta(minutes=10))
        assert visitor.get(path, status=410).h1 == "This link has expired"
        page.submit(press=CONTINUE, status=410)


def test_what_ended_meanwhile_is_said_to_have_ended(visitor, sent, held, ctx, now):
    path = sent(TaskKind.CANCEL, held)
    early = visitor.get(path)
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(status=Status.CANCELLED, ended_at=now))
    for page in (visitor.get(path), early.submit(press=CONTINUE)):
        assert page.h1 == "This contract has already ended"
        assert BACK in page.text
    with ctx.db.read() as session:
        assert session.scalars(select(TaskLink.used_at)).one() is None


def test_what_ends_while_its_page_is_open_is_refused_in_words(visitor, sent, held, ctx, now, make):
    page = visitor.get(sent(TaskKind.CANCEL, held)).submit(press=CONTINUE)
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(status=Status.CANCELLED, ended_at=now))
    page.submit(press=CANCEL, status=409)
    assert make.requests(held) == []


def test_switched_off_meanwhile_nothing_is_cancelled_and_the_way_is_named(visitor, sent, held, ctx, make):
    page = visitor.get(sent(TaskKind.CANCEL, held)).submit(press=CONTINUE)
    with ctx.db.begin() as session:
        session.execute(update(Merchant).values(self_cancellation=False))
    page = page.submit(press=CANCEL, status=409)
    assert "You can send L’Atelier a cancellation notice online." in page.text
    assert make.requests(held) == []


def test_of_a_suspended_merchant_it_still_ends(visitor, sent, held, ctx, make):
    path = sent(TaskKind.CANCEL, held)
    with ctx.db.begin() as session:
        session.execute(update(Merchant).values(suspended_at=utc_now(), suspended_why="x"))
    visitor.get(path).submit(press=CONTINUE).submit(press=CANCEL)
    assert len(make.requests(held)) == 1


def test_of_who_was_erased_it_opens_nothing_and_of_who_was_joined_it_is_the_kept_one_s(
    visitor, sent, merchant, zoe, ctx, make, now
):
    path = sent(TaskKind.ACCESS)
    kept = make.customer(merchant, email=zoe.email, email_place=1)
    assert customer_joining.join(ctx, merchant.id, kept.id, zoe.id, by=By(name="Léa"), now=now)
    visitor.get(path, status=410)
    zoe.id = kept.id
    path = sent(TaskKind.ACCESS)
    with ctx.db.begin() as session:
        erasing.erase(session, session.get_one(Customer, kept.id), now=now)
    assert visitor.get(path, status=410).h1 == "This link opens nothing"


def test_it_speaks_the_language_it_was_asked_in_unless_another_one_is_chosen_there(visitor, sent, held, merchant):
    page = visitor.get(sent(TaskKind.CANCEL, held, locale="fr"))
    assert page.soup.html["lang"] == "fr"
    assert visitor.get("/").soup.html["lang"] == "en", "looking changes nothing"
    page = page.submit(press="Continuer")
    assert page.soup.html["lang"] == "fr"
    assert "Retour à shop.example" in page.text
    assert visitor.get(sent(locale="en")).soup.html["lang"] == "en", "another one is asked for"
    page = page.submit(press="English")
    assert page.soup.html["lang"] == "en"


def test_one_task_opens_nothing_beside_it(visitor, sent, held, merchant):
    visitor.get(sent(TaskKind.CANCEL, held)).submit(press=CONTINUE)
    for more in ("", f"subscriptions/{held.id}", "profile", "payments", "accounts", "login/again"):
        path = home(merchant, more)
        assert leads_to_log_in(visitor, path) or more == "login/again", more


def test_without_a_task_the_whole_space_is_open_and_every_page_leads_back(visitor, sent, held, merchant):
    page = visitor.get(sent()).submit(press=CONTINUE)
    assert page.path == home(merchant)
    for more in (
        "",
        f"subscriptions/{held.id}",
        "payments",
        "access",
        "profile",
        f"subscriptions/{held.id}/cancellation",
    ):
        page = visitor.get(home(merchant, more))
        assert page.select_one(f'a[href="{SHOP}"]').get_text() == BACK, more
    page = page.submit(press=CANCEL)
    assert "identity confirmed by the merchant’s site" in page.text


@pytest.mark.parametrize(
    "more",
    ["sessions", "data", "data/export.zip", "data/erasure", "accounts", "profile/address", "profile/people"],
)
def test_what_is_the_person_s_alone_asks_for_a_code_and_then_opens(
    visitor, sent, held, merchant, code_and_link, zoe, more
):
    visitor.get(sent()).submit(press=CONTINUE)
    answer = visitor.get(home(merchant, more), follow=False, status=303)
    assert answer.response.headers["Location"].startswith(home(merchant, "login/again?next="))
    page = visitor.get(home(merchant, more)).submit(press="Send me a code")
    page.submit(code=code_and_link()[0], status=404 if more.endswith(".zip") else 200)
    page = visitor.get(home(merchant, "profile"))
    assert "Back to" not in page.text, "it is a log-in now"


def test_nothing_about_the_person_is_written_by_the_server_s_word(visitor, sent, merchant, zoe, ctx, held, make):
    other = make.customer(merchant, email=zoe.email, email_place=1)
    anna = member_of(ctx, zoe)
    visitor.get(sent()).submit(press=CONTINUE)
    page = visitor.get(home(merchant, "profile"))
    token = visitor.values_of(page)["csrf_token"]
    for more, fields in (
        ("profile", {"name": "Eve", "contact_allowed": "y"}),
        ("accounts/choice", {"customer": str(other.id)}),
        ("data/exports", {}),
        ("sessions/others/end", {}),
        ("profile/people", {"email": "eve@evil.test", "role": "owner"}),
        (f"profile/people/{anna.id}/removal", {}),
        (f"profile/people/{anna.id}/role", {"role": "owner"}),
        (f"profile/people/{anna.id}/again", {}),
    ):
        answer = visitor.post(home(merchant, more), {"csrf_token": token, **fields}, status=303)
        assert "/login/again" in answer.response.headers["Location"], more
    with ctx.db.read() as session:
        assert session.get_one(Customer, zoe.id).name == "Zoé"
        assert session.get_one(AccountMember, anna.id).removed_at is None


def test_it_takes_the_place_of_a_log_in_so_that_it_leads_back(app, sent, held, merchant, zoe, seat_customer):
    logged_in = seat_customer(Browser(app), merchant, zoe)
    logged_in.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    page = logged_in.get(sent(TaskKind.CANCEL, held)).submit(press=CONTINUE)
    assert BACK in page.text


def test_somebody_of_the_desk_who_looks_uses_none_up(app, sent, held, merchant, zoe, hire, seat_staff, ctx):
    desk = seat_staff(Browser(app), hire(merchant, locale="en"))
    desk.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    desk.get(f"/admin/customers/{zoe.id}").submit(press="See their space")
    desk.get(sent(TaskKind.CANCEL, held)).submit(press=CONTINUE, status=409)
    with ctx.db.read() as session:
        assert session.scalars(select(TaskLink)).one().used_at is None


def test_its_whole_space_ends_within_the_hour(visitor, sent, merchant):
    with time_machine.travel(utc_now(), tick=False) as clock:
        visitor.get(sent()).submit(press=CONTINUE)
        clock.shift(timedelta(minutes=59))
        visitor.get(home(merchant))
        clock.shift(timedelta(minutes=2))
        assert leads_to_log_in(visitor, home(merchant))
