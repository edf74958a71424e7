"""A link opens one task of one customer: pressed once, in one browser, and nothing beside it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import event, select

from portal.clock import utc_now
from portal.domain.integrations.task_links import OFFERED, TASKS, TaskKind, page_of
from portal.models import LoginSession, TaskLink
from tests.browser_client import Browser
from tests.web.conftest import row_counts
from tests.web.customer.conftest import CANCEL, UNDO
from tests.web.tasks.pressing import BEGIN, CONTINUE, Clicks, home


def test_from_a_mail_to_a_confirmed_cancellation_two_buttons_and_a_code(
    visitor, link, held, merchant, code_and_link, paypal, make
):
    way = Clicks(visitor, link(TaskKind.CANCEL, held))
    way.press(BEGIN)
    assert way.page.h1 == "Check: your subscription is not cancelled yet"
    page = way.press(CANCEL, code=code_and_link()[0])
    assert way.count == 1 + 2, "the link, and two buttons"
    assert paypal.subscriptions[held.provider_id].status == "CANCELLED"
    assert "Your subscription is cancelled. PayPal confirmed it on " in page.text
    (request,) = make.requests(held)
    assert request.reference in page.text
    proof = visitor.client.get(f"{page.path}/proof.pdf", base_url=visitor.base_url)
    assert (proof.status_code, proof.mimetype) == (200, "application/pdf")


def test_without_a_link_to_the_task_it_takes_four_buttons_and_a_code(
    visitor, held, merchant, zoe, code_and_link, paypal
):
    way = Clicks(visitor, home(merchant, f"subscriptions/{held.id}/cancellation"))  # a link in a mail, then the log-in
    way.press("Send me a code", email=zoe.email)
    way.press("Log in", code=code_and_link()[0])
    way.press(CANCEL)
    assert way.count <= 4
    assert paypal.subscriptions[held.provider_id].status == "CANCELLED"


def test_looking_changes_nothing_and_only_the_button_begins(visitor, link, held, ctx):
    path = link(TaskKind.CANCEL, held)
    before, commits = row_counts(ctx), []
    event.listen(ctx.db.engine, "commit", lambda connection: commits.append(connection))
    for _time in range(2):
        page = visitor.get(path)
        visitor.client.head(path, base_url=visitor.base_url)
    assert commits == []
    assert row_counts(ctx) == before
    assert page.response.headers["Referrer-Policy"] == "no-referrer"
    assert "Zoé" not in page.body
    assert "zoe@client.test" not in page.body
    assert "z…@client.test" in page.text


def test_the_first_browser_has_it_and_another_one_is_offered_a_new_link(
    visitor, other_browser, link, held, letters, ctx
):
    path = link(TaskKind.CANCEL, held)
    early = other_browser.get(path)
    visitor.get(path).submit(press=BEGIN)
    assert visitor.get(path).h1.startswith("Check"), "pressed a second time, it leads there again"
    page = early.submit(status=410)
    assert page.h1 == "This link has been used"
    with ctx.db.read() as session:
        assert len(session.scalars(select(LoginSession)).all()) == 1


def test_pressed_again_it_leads_to_its_task_while_that_lasts_and_to_the_result_once_it_is_done(
    visitor, link, held, merchant, code_and_link
):
    path = link(TaskKind.CANCEL, held)
    page = visitor.get(path).submit(press=BEGIN)
    assert visitor.get(path).path == page.path == home(merchant, page_of(TaskKind.CANCEL, held.id))
    result = page.submit(press=CANCEL, code=code_and_link()[0])
    again = visitor.get(path)
    assert (again.path, again.h1) == (result.path, result.h1)


def test_no_code_no_cancellation_and_a_wrong_one_neither(visitor, link, held, make, code_and_link, paypal):
    page = visitor.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN)
    page = page.submit(press=CANCEL, comment="Bye", status=422)
    assert page.errors == ["Enter the code from the email."]
    right = code_and_link()[0]
    wrong = f"{(int(right) + 1) % 10**6:06}"
    page = page.submit(press=CANCEL, code=wrong, status=422)
    assert page.errors == ["This code is wrong or has expired. Use the latest email, or ask for another code."]
    assert page.soup.select_one("textarea").get_text().strip() == "Bye", "nothing typed is lost"
    assert make.requests(held) == []
    assert not [call for call in paypal.calls if call.operation == "cancel"]
    page.submit(press=CANCEL, code=right)
    assert len(make.requests(held)) == 1


def test_a_code_sent_to_somebody_else_proves_nothing(visitor, link, held, merchant, make, code_and_link):
    eve = make.customer(merchant, email="eve@client.test")
    page = visitor.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN)
    visitor.get(home(merchant, "login")).submit(email=eve.email)
    page.submit(press=CANCEL, code=code_and_link()[0], status=422)
    assert make.requests(held) == []


def test_another_code_can_be_asked_for_without_losing_what_was_typed(visitor, link, held, code_and_link, make):
    with time_machine.travel(utc_now(), tick=False) as clock:
        page = visitor.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN)
        first = code_and_link()[0]
        clock.shift(timedelta(minutes=11))
        page = page.submit(press=CANCEL, code=first, comment="Bye", status=422)
        page = page.submit(press="I have no code: send another one")
        assert page.soup.select_one("textarea").get_text().strip() == "Bye"
        page.submit(press=CANCEL, code=code_and_link()[0])
    assert len(make.requests(held)) == 1


def test_it_logs_into_nothing_else_and_every_other_page_asks_to_log_in_and_keeps_the_target(
    app, visitor, link, held, merchant, zoe, make, code_and_link
):
    other = make.subscription(merchant=merchant, customer=zoe)
    visitor.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN)
    for more in (
        "",
        f"subscriptions/{held.id}",
        f"subscriptions/{held.id}/late",
        f"subscriptions/{held.id}/notification",
        f"subscriptions/{other.id}/cancellation",
        f"subscriptions/{other.id}",
        "sessions",
        "accounts",
        "requests/ZZZZ-ZZZZ",
        "requests/ZZZZ-ZZZZ/proof.pdf",
    ):
        page = visitor.get(home(merchant, more), follow=False, status=303)
        there = page.response.headers["Location"]
        assert there.startswith(home(merchant, "login?next=")), more
    token = visitor.values_of(visitor.get(home(merchant, "login")))["csrf_token"]
    for more in ("sessions/others/end", f"subscriptions/{other.id}/cancellation", "accounts/choice"):
        answer = visitor.post(home(merchant, more), {"csrf_token": token, "customer": str(zoe.id)}, status=401)
        assert "Nothing was changed" in answer.text
    # The log-in that is asked for leads to the page that was wanted.
    page = visitor.get(home(merchant, f"subscriptions/{held.id}")).submit(email=zoe.email)
    page = page.submit(code=code_and_link()[0])
    assert page.path == home(merchant, f"subscriptions/{held.id}")
    assert make.requests(other) == []


def test_of_two_requests_the_task_shows_its_own(visitor, link, held, merchant, zoe, make, seat_customer, app, paypal):
    other = make.subscription(merchant=merchant, customer=zoe)
    logged_in = seat_customer(Browser(app), merchant, zoe)
    logged_in.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    result = logged_in.get(home(merchant, f"subscriptions/{other.id}/cancellation")).submit(press=CANCEL)
    visitor.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN)
    for path in (result.path, f"{result.path}/proof.pdf"):
        assert "login" in visitor.get(path, follow=False, status=303).response.headers["Location"]


def test_it_ends_with_the_task(visitor, link, held, merchant, code_and_link, ctx):
    with time_machine.travel(utc_now(), tick=False) as clock:
        page = visitor.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN)
        page = page.submit(press=CANCEL, code=code_and_link()[0])
        answer = visitor.get(home(merchant, f"subscriptions/{held.id}/cancellation"), follow=False, status=303)
        assert "login" in answer.response.headers["Location"], "nothing is begun any more"
        clock.shift(timedelta(minutes=29))
        visitor.get(page.path)
        clock.shift(timedelta(minutes=2))
        assert "login" in visitor.get(page.path, follow=False, status=303).response.headers["Location"]


def test_what_was_begun_by_a_link_can_be_taken_back_by_who_typed_the_code(
    visitor, link, held, merchant, code_and_link, make
):
    page = visitor.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN)
    wished = (utc_now() + timedelta(days=5)).date().isoformat()
    page = visitor.get(f"{page.path}?on={wished}")
    button = next(one.get_text() for one in page.select("#confirmation button") if "Cancel on" in one.get_text())
    page = page.submit(press=button, code=code_and_link()[0])
    (request,) = make.requests(held)
    assert request.is_open
    page = page.submit(press=UNDO)
    (request,) = make.requests(held)
    assert not request.is_open
    answer = visitor.get(home(merchant, f"subscriptions/{held.id}/cancellation"), follow=False, status=303)
    assert "login" in answer.response.headers["Location"], "what is done is not begun anew"


def test_enter_in_the_field_of_the_code_confirms(visitor, link, held):
    page = visitor.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN)
    assert page.select_one("#confirmation button").get_text() == CANCEL


def test_somebody_of_the_desk_who_looks_uses_up_no_link_of_the_customers(
    app, link, held, merchant, zoe, hire, seat_staff, ctx
):
    desk = seat_staff(Browser(app), hire(merchant, locale="en"))
    desk.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    desk.get(f"/admin/customers/{zoe.id}").submit(press="See their space")
    desk.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN, status=409)
    with ctx.db.read() as session:
        assert session.scalars(select(TaskLink)).one().used_at is None


def test_in_the_browser_of_another_customer_their_log_in_ends(visitor, link, held, merchant, make, seat_customer, ctx):
    eve = seat_customer(visitor, merchant, make.customer(merchant))
    page = eve.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN)
    assert page.path == home(merchant, f"subscriptions/{held.id}/cancellation")
    with ctx.db.read() as session:
        ended = [row.revoked_at is not None for row in session.scalars(select(LoginSession).order_by("created_at"))]
    assert ended == [True, False]


def test_leaving_ends_it(visitor, link, held, merchant):
    page = visitor.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN)
    assert page.submit(press="Leave this page").notices == ["You have left the page."]
    assert "login" in visitor.get(page.path, follow=False, status=303).response.headers["Location"]


@pytest.mark.parametrize("kind", [kind for kind in OFFERED if not TASKS[kind].is_about_subscription])
def test_a_page_of_all_that_one_has_opens_and_nothing_beside_it(visitor, link, merchant, kind):
    path = home(merchant, page_of(kind, None))
    page = visitor.get(link(kind)).submit(press=CONTINUE)
    assert page.path == path
    assert "login" in visitor.get(home(merchant), follow=False, status=303).response.headers["Location"]


def test_a_task_not_done_is_over_within_the_hour(visitor, link, held, merchant):
    with time_machine.travel(utc_now(), tick=False) as clock:
        page = visitor.get(link(TaskKind.CANCEL, held)).submit(press=BEGIN)
        clock.shift(timedelta(minutes=61))
        assert "login" in visitor.get(page.path, follow=False, status=303).response.headers["Location"]


def test_whoever_is_logged_in_goes_straight_there_and_the_link_stays_good(
    app, link, held, merchant, zoe, seat_customer, ctx
):
    logged_in = seat_customer(Browser(app), merchant, zoe)
    page = logged_in.get(link(TaskKind.CANCEL, held))
    assert page.path == home(merchant, f"subscriptions/{held.id}/cancellation")
    assert page.select_one("input[name=code]") is None
    with ctx.db.read() as session:
        assert session.scalars(select(TaskLink)).one().used_at is None
