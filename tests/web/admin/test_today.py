"""The desk's home: every number leads to the list that makes it up, and what is said holds."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import delete, select, text, update

from portal.domain.desk.figures import STANDING
from portal.domain.desk.subscription_filters import SubscriptionFilter
from portal.domain.ends.end_requests import Basis, RequestState
from portal.domain.subscriptions import Status
from portal.models import DailyFigure, EventSource, EventState, FigureBook, PayPalEvent, Subscription
from portal.queries.desk.subscription_filters import Whose, conditions, total
from portal.services import figures
from tests.web.admin.waiting import make_request

NUMBER = re.compile(r"\d+")
CURRENCY = re.compile(r"[€F]")


@pytest.fixture
def merchant(make, now):
    """One whose first steps are taken: the desk's home is what there is to do."""
    return make.merchant(name="L’Atelier", locale="en", first_customer_at=now)


@pytest.fixture
def world(ctx, make, merchant, now):
    """Subscriptions of every kind, in two currencies, and ends of several kinds with reasons."""
    for number in range(4):
        make.subscription(merchant=merchant, at_paypal=False, started_at=now - timedelta(days=10 * number))
    make.subscription(merchant=merchant, at_paypal=False, currency="CHF", amount=Decimal("120"))
    make.subscription(merchant=merchant, at_paypal=False, status=Status.PAST_DUE)
    make.subscription(merchant=merchant, at_paypal=False, status=Status.PAUSED)
    for kind, reason, days in (
        ("customer", "too_expensive", 2),
        ("paypal", "", 20),
        ("customer", "too_expensive", 40),
        ("customer", "not_used", -40),  # paid until then
    ):
        ended = make.subscription(
            merchant=merchant,
            at_paypal=False,
            status=Status.CANCELLED,
            started_at=now - timedelta(days=100),
            ended_at=now - timedelta(days=days),
            ended_by=kind,
        )
        if reason:
            make_request(
                make,
                ended,
                now - timedelta(days=abs(days)),
                state=RequestState.CONFIRMED,
                confirmed_at=now - timedelta(days=abs(days)) + timedelta(seconds=40),
                basis=Basis.READ_AFTER_CALL,
                reason_code=reason,
                reason_text=f"Said {days} days ago",
            )
    figures.keep(ctx, now=now)


def figure(page, title):
    return next(one for one in page.select("section.figure") if one.h3.get_text(strip=True).startswith(title))


def test_that_tests_of_the_sandbox_are_counted_beside_live_ones_is_said(ctx, owner, make, merchant, now):
    tried = make.subscription(merchant=merchant, at_paypal=False)
    make.subscription(merchant=merchant, at_paypal=False, environment="live")
    figures.keep(ctx, now=now)
    assert "your tests in PayPal" not in owner.get("/admin/").text, "as long as the key is one for tests"
    with ctx.db.begin() as session:
        session.execute(text("UPDATE paypal_accounts SET environment = 'live'"))
    page = owner.get("/admin/")
    assert "These numbers count your tests in PayPal’s sandbox too." in page.text
    rows = page.follow("See the tests").select("tbody th a")
    assert [link["href"].rpartition("/")[2] for link in rows] == [str(tried.id)]


def test_before_anything_is_counted_the_page_says_when_it_will_be(owner, make, merchant):
    make.subscription(merchant=merchant, at_paypal=False)
    assert "They are being counted." in owner.get("/admin/").text


def test_the_numbers_are_said(owner, world):
    page = owner.get("/admin/")
    assert figure(page, "Live subscriptions").select_one(".big").get_text() == "7"
    euros = figure(page, "Monthly recurring revenue, EUR")
    assert euros.select_one(".big").get_text() == "€149.50", "five of 29.90: a paused one pays nothing"
    assert figure(page, "Monthly recurring revenue, CHF").select_one(".big").get_text().startswith("CHF")
    moves = figure(page, "Starts and ends")
    assert [one.get_text(strip=True) for one in moves.select(".key li")][1:] == ["1 by the customer", "1 at PayPal"]
    assert "2 ends" in moves.get_text()
    assert "1 end to come: stopped at PayPal, paid until a later day" in moves.get_text()
    reason = figure(page, "Reasons given")
    assert [one["aria-label"] for one in reason.select(".bars a")] == [
        "It costs too much: 1", "I do not use it enough: 1",
    ]  # fmt: skip
    assert "whose subscription ends later" in reason.get_text()
    assert "Said 2 days ago" in reason.get_text()
    assert "Said 40 days ago" not in reason.get_text()
    wait = figure(page, "From the request")
    assert "40 seconds" in wait.get_text()


def test_what_ends_later_is_drawn_on_the_scale_of_what_has_ended(ctx, owner, make, merchant, world, now):
    ended = make.subscription(
        merchant=merchant,
        at_paypal=False,
        status=Status.CANCELLED,
        ended_at=now - timedelta(days=1),
        ended_by="customer",
    )
    make_request(make, ended, now - timedelta(days=1), state=RequestState.RECORDED, reason_code="too_expensive")
    figures.keep(ctx, now=now)
    bars = figure(owner.get("/admin/"), "Reasons given").select(".bars rect.bar")
    assert [one["width"] for one in bars] == ["100%", "50%"]


def test_every_number_is_that_of_the_list_that_it_leads_to(ctx, owner, merchant, world, now):
    page = owner.get("/admin/")
    links = [one for one in page.select("section.figure a") if urlsplit(one["href"]).path == "/admin/subscriptions"]
    compared = 0
    for one in links:
        number = NUMBER.search(one.get_text())
        if number is None or CURRENCY.search(one.get_text()):
            continue
        parsed = SubscriptionFilter.parse(parse_qsl(urlsplit(one["href"]).query))
        assert parsed.faults == ()
        whose = Whose(merchant_id=merchant.id, time_zone=merchant.time_zone, now=now)
        with ctx.db.read() as session:
            assert total(session, whose, parsed.filter, most=None).number == int(number[0]), one
        shown = owner.get(one["href"]).select("tbody tr")
        assert len(shown) == int(number[0]), one
        compared += 1
    # Live and its three states, starts twice, ends, their two kinds and one to come, two reasons, confirmations.
    assert compared == 13


@pytest.mark.parametrize(("currency", "title"), [("EUR", "€149.50"), ("CHF", "CHF\N{NO-BREAK SPACE}130.00")])
def test_the_revenue_is_that_of_the_list_that_it_leads_to(ctx, owner, make, merchant, world, now, currency, title):
    yearly = make.subscription(merchant=merchant, at_paypal=False, currency="CHF", amount=Decimal(120))
    with ctx.db.begin() as session:
        session.get_one(Subscription, yearly.id).interval_unit = "YEAR"
    make.subscription(merchant=merchant, at_paypal=False, last_payment_at=None)
    shown = figure(owner.get("/admin/"), f"Monthly recurring revenue, {currency}")
    link = shown.select_one("a.big") or shown.select_one(".big a")
    assert link.get_text() == title
    parsed = SubscriptionFilter.parse(parse_qsl(urlsplit(link["href"]).query))
    with ctx.db.read() as session:
        whose = Whose(merchant_id=merchant.id, time_zone=merchant.time_zone, now=now)
        rows = session.scalars(select(Subscription).where(*conditions(whose, parsed.filter))).all()
    worth = sum(row.amount / {"MONTH": 1, "YEAR": 12}[row.interval_unit] for row in rows)
    assert f"{worth:.2f}" in title
    assert len(owner.get(link["href"]).select("tbody tr")) == len(rows)


def test_a_plot_is_hidden_from_those_who_do_not_see_it_and_its_table_says_it(owner, world):
    page = owner.get("/admin/")
    plots = page.select("section.figure svg")
    assert plots
    assert all(one["aria-hidden"] == "true" for one in plots)
    rows = figure(page, "Live subscriptions").select("tbody tr")
    assert len(rows) == 13
    assert rows[-1].td.get_text(strip=True) == "7"
    assert figure(page, "Starts and ends").select("tbody tr")[-1].th.get_text(strip=True) == "Total"


def test_the_page_costs_the_same_whatever_it_counts(ctx, owner, make, merchant, now, statements):
    def cost():
        with statements() as seen:
            owner.get("/admin/")
        return len(seen)

    figures.keep(ctx, now=now)
    make.subscription(merchant=merchant, at_paypal=False)
    before = cost()
    for days in range(20):
        make.subscription(
            merchant=merchant,
            at_paypal=False,
            status=Status.CANCELLED,
            started_at=now - timedelta(days=50),
            ended_at=now - timedelta(days=days),
            ended_by="failed",
        )
    figures.keep(ctx, now=now)
    assert cost() == before


def test_a_month_that_ends_while_nobody_counts_reads_as_it_stood(ctx, owner, merchant, world):
    """The worker stands still since the day before."""
    with ctx.db.begin() as session:
        today = session.get_one(FigureBook, merchant.id).day
        stopped = today.replace(day=1) - timedelta(days=2)
        mine = DailyFigure.merchant_id == merchant.id, DailyFigure.figure.in_(STANDING)
        session.execute(delete(DailyFigure).where(*mine, DailyFigure.day >= stopped, DailyFigure.day < today))
        session.execute(update(DailyFigure).where(*mine, DailyFigure.day == today).values(day=stopped))
        session.execute(update(FigureBook).values(day=stopped))
    live = figure(owner.get("/admin/"), "Live subscriptions")
    assert "±\u00a00 since the end of last month" in live.get_text()
    assert [row.td.get_text(strip=True) for row in live.select("tbody tr")][-2:] == ["7", "7"]


def test_who_moves_to_another_zone_is_told_that_it_is_counted_anew(ctx, owner, world, now):
    with ctx.db.begin() as session:
        session.execute(text("UPDATE merchants SET time_zone = 'Asia/Tokyo'"))
    assert "They are being counted." in owner.get("/admin/").text
    figures.keep(ctx, now=now)
    assert figure(owner.get("/admin/"), "Live subscriptions").select_one(".big").get_text() == "7"


def health(page):
    return {one.dt.get_text(strip=True): one.dd.get_text(" ", strip=True) for one in page.select("#health dl > div")}


def test_how_the_way_to_paypal_is_stands_beside_what_is_to_do(ctx, owner, make, merchant, now):
    said = health(owner.get("/admin/"))
    assert said["REST key"].startswith("Valid tested on")
    assert said["Messages from PayPal"].startswith("None so far")
    with ctx.db.begin() as session:
        session.execute(text("UPDATE paypal_accounts SET broken_since = now(), state = 'refused'"))
    make.add(
        PayPalEvent(
            merchant_id=merchant.id,
            environment="sandbox",
            source=EventSource.WEBHOOK,
            event_id="WH-1",
            event_type="X",
            received_at=now,
            state=EventState.FAILED,
        )
    )
    said = health(owner.get("/admin/"))
    assert said["REST key"].startswith("Does not work")
    assert said["Messages from PayPal"].startswith("Some could not be processed")


def test_who_has_no_key_is_led_to_it(enter, make, now):
    bare = make.merchant(key=False, locale="en", first_customer_at=now)
    assert health(enter(bare).get("/admin/")) == {"PayPal key": "Not entered"}
