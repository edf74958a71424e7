"""Figures by day: whatever changes, in whichever order it is counted in, they are what plain SQL counts by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from portal.domain.desk.figures import Figure, month_ends, window
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import ImportRun, ImportState, TimelineEntry, TimelineKind
from portal.queries.desk import figures as stored
from portal.services import figures
from tests.web.admin.waiting import make_request

# Another way of counting: each number by a statement of its own over the subscriptions, no function of ours in it.
BY_HAND = {
    Figure.STATE: "SELECT status, count(*) FROM subscriptions WHERE merchant_id = :m GROUP BY status",
    Figure.REVENUE: """
        SELECT currency, sum(round(CASE interval_unit
            WHEN 'YEAR' THEN amount / interval_count / 12 WHEN 'MONTH' THEN amount / interval_count
            WHEN 'WEEK' THEN amount * 52 / interval_count / 12
            WHEN 'DAY' THEN amount * 365 / interval_count / 12 END, 4))
        FROM subscriptions WHERE merchant_id = :m AND status IN ('active', 'past_due') AND last_payment_at IS NOT NULL
        AND amount > 0 GROUP BY currency
    """,
    Figure.STARTED: """
        SELECT '', count(*) FROM subscriptions WHERE merchant_id = :m
        AND started_at >= :since AND started_at < :until HAVING count(*) > 0
    """,
    Figure.ENDED: """
        SELECT ended_by, count(*) FROM subscriptions WHERE merchant_id = :m
        AND ended_at >= :since AND ended_at < :until GROUP BY ended_by
    """,
    Figure.REASON: """
        SELECT reason_code, count(*) FROM (
            SELECT DISTINCT s.id, r.reason_code FROM subscriptions s, end_requests r WHERE r.subscription_id = s.id
            AND s.merchant_id = :m AND r.reason_code <> '' AND r.state <> 'withdrawn'
            AND s.ended_at >= :since AND s.ended_at < :until
        ) each_once GROUP BY reason_code
    """,
}


def by_hand(ctx, merchant, now):
    """Count everything: the thirty days end with today's midnight where the merchant is."""
    zone = ZoneInfo(merchant.time_zone)
    today = now.astimezone(zone).date()
    midnight = datetime.combine(today + timedelta(days=1), datetime.min.time(), zone)
    since = datetime.combine(today - timedelta(days=29), datetime.min.time(), zone)
    which = {"m": merchant.id, "since": since, "until": midnight}
    with ctx.db.read() as session:
        return {
            (figure, kind or ""): number
            for figure, statement in BY_HAND.items()
            for kind, number in session.execute(text(statement), which)
        }


def shown(ctx, merchant, now):
    """Return what a page is given, of the same days and of now."""
    today = now.astimezone(ZoneInfo(merchant.time_zone)).date()
    first, last = window(today)
    with ctx.db.read() as session:
        book = stored.read(session, merchant.id, since=first, until=last, days=())
    numbers: dict[tuple[Figure, str], Decimal] = {}
    for (figure, kind, _day), number in book.numbers.items():
        numbers[figure, kind] = numbers.get((figure, kind), Decimal(0)) + number
    return {key: number for key, number in numbers.items() if number}


def change(ctx, statement, **values):
    with ctx.db.begin() as session:
        session.execute(text(statement), values)


def asked(make, subscription, now, reason, **columns):
    """A request to end it, with a reason."""
    return make_request(make, subscription, now, reason_code=reason, **columns)


@pytest.fixture
def merchant(make):
    return make.merchant(key=False)


def sold(make, merchant, **columns):
    return make.subscription(merchant=merchant, at_paypal=False, **columns)


def test_what_changes_is_in_the_numbers_before_and_after_it_is_counted_in(ctx, make, merchant, now):
    one, other = sold(make, merchant), sold(make, merchant, amount=Decimal("120.00"), currency="CHF")
    figures.keep(ctx, now=now)
    assert shown(ctx, merchant, now) == by_hand(ctx, merchant, now)
    sold(make, merchant, started_at=now - timedelta(days=3))
    asked(make, one, now, "cost")
    change(
        ctx,
        "UPDATE subscriptions SET status = 'cancelled', ended_at = :at, ended_by = 'customer' WHERE id = :id",
        id=one.id,
        at=now - timedelta(hours=2),
    )
    change(ctx, "UPDATE subscriptions SET interval_unit = 'YEAR' WHERE id = :id", id=other.id)
    expected = by_hand(ctx, merchant, now)
    assert expected[Figure.REVENUE, "CHF"] == Decimal("10.00")
    assert expected[Figure.ENDED, "customer"] == expected[Figure.REASON, "cost"] == 1
    assert shown(ctx, merchant, now) == expected
    figures.keep(ctx, now=now)
    assert shown(ctx, merchant, now) == expected
    with ctx.db.read() as session:
        assert session.scalar(text("SELECT count(*) FROM figure_changes")) == 0


def test_what_ends_on_a_day_to_come_is_known_already_and_no_end_of_today(ctx, make, merchant, now):
    """Who cancels today has mostly paid until a later day: their reason is not unknown until then."""
    soon, late, back = (sold(make, merchant) for _number in range(3))
    figures.keep(ctx, now=now)
    end = "UPDATE subscriptions SET status = 'cancelled', ended_at = :at, ended_by = 'customer' WHERE id = :id"
    for one, days in ((soon, 1), (late, 400), (back, 40)):
        asked(make, one, now, "cost", state="withdrawn" if one is back else "recorded")
        change(ctx, end, id=one.id, at=now + timedelta(days=days))
    gone = sold(make, merchant)
    asked(make, gone, now, "cost")
    change(ctx, end, id=gone.id, at=now)
    today = now.astimezone(ZoneInfo(merchant.time_zone)).date()
    for keep in (lambda: None, lambda: figures.keep(ctx, now=now), lambda: figures.verify(ctx, now=now)):
        keep()
        with ctx.db.read() as session:
            book = stored.read(session, merchant.id, since=today, until=today, days=())
        assert book.later == {(Figure.ENDED, "customer"): 3, (Figure.REASON, "cost"): 2}
        assert (book.numbers[Figure.ENDED, "customer", today], book.numbers[Figure.REASON, "cost", today]) == (1, 1)
        assert shown(ctx, merchant, now) == by_hand(ctx, merchant, now)


def test_a_change_that_touches_no_number_leaves_nothing_behind(ctx, make, merchant, now):
    one = sold(make, merchant)
    figures.keep(ctx, now=now)
    change(ctx, "UPDATE subscriptions SET next_payment_at = now(), last_payment_at = now() WHERE id = :id", id=one.id)
    with ctx.db.read() as session:
        assert session.scalar(text("SELECT count(*) FROM figure_changes")) == 0


def test_a_merchants_numbers_are_its_own(ctx, make, merchant, now):
    sold(make, merchant)
    other = make.merchant(key=False)
    figures.keep(ctx, now=now)
    assert shown(ctx, other, now) == {}
    assert shown(ctx, merchant, now)[Figure.STATE, "active"] == 1


def test_counting_anew_repeats_nothing_and_mends_what_was_wrong(ctx, make, merchant, now):
    for _number in range(3):
        sold(make, merchant)
    figures.keep(ctx, now=now)
    change(ctx, "UPDATE daily_figures SET number = number + 7")
    for _again in range(2):
        figures.verify(ctx, now=now)
        assert shown(ctx, merchant, now) == by_hand(ctx, merchant, now)


def test_a_night_that_was_missed_is_written_as_each_day_was(ctx, make, merchant, now):
    sold(make, merchant)
    figures.keep(ctx, now=now)
    today = now.astimezone(ZoneInfo(merchant.time_zone)).date()
    back = timedelta(days=4)  # the worker stood still for four days
    change(ctx, "UPDATE figure_books SET day = day - 4, begun_on = begun_on - 4")
    change(ctx, "DELETE FROM daily_figures WHERE figure IN ('state', 'revenue') AND day > :day", day=today - back)
    sold(make, merchant)
    change(ctx, "UPDATE figure_changes SET at = at - interval '2 days'")  # the second one came half-way
    figures.keep(ctx, now=now)
    with ctx.db.read() as session:
        days = [today - timedelta(days=number) for number in (4, 3, 2, 1, 0)]
        book = stored.read(session, merchant.id, since=today, until=today, days=days)
    assert [book.numbers[Figure.STATE, "active", day] for day in days] == [1, 1, 2, 2, 2]


def test_the_past_is_reckoned_from_the_dates_that_are_known(ctx, make, merchant, now):
    began, ended = now - timedelta(days=300), now - timedelta(days=100)
    sold(make, merchant, started_at=now - timedelta(days=200))
    sold(make, merchant, status=Status.CANCELLED, started_at=began, ended_at=ended)
    figures.keep(ctx, now=now)
    today = now.astimezone(ZoneInfo(merchant.time_zone)).date()
    days = [today - timedelta(days=number) for number in (350, 250, 150, 50)]
    with ctx.db.read() as session:
        book = stored.read(session, merchant.id, since=today, until=today, days=days)
    assert [book.numbers.get((Figure.STATE, "active", day), 0) for day in days] == [0, 1, 2, 1]
    assert book.numbers[Figure.REVENUE, "EUR", days[2]] == Decimal("59.80")


def days_of(ctx, merchant, figure, kind, now, *, back):
    """Return a number as it is kept for each of so many days until today, oldest first."""
    today = now.astimezone(ZoneInfo(merchant.time_zone)).date()
    days = [today - timedelta(days=number) for number in range(back, -1, -1)]
    with ctx.db.read() as session:
        book = stored.read(session, merchant.id, since=today, until=today, days=days)
    return [book.numbers.get((figure, kind, day), 0) for day in days]


def imported(ctx, make, merchant, now, *made):
    """An import that took the last five minutes, and brought these: they go by PayPal's age from then on."""
    for one in made:
        came = {"kind": TimelineKind.IMPORTED, "key": "imported", "at": now, "actor": Actor.PROVIDER, "details": {}}
        make.add(TimelineEntry(merchant_id=merchant.id, subscription_id=one.id, **came))
        change(ctx, "UPDATE subscriptions SET created_at = started_at WHERE id = :one", one=one.id)
    run = ImportRun(
        merchant_id=merchant.id,
        state=ImportState.DONE,
        environment="sandbox",
        created_at=now - timedelta(minutes=5),
        touched_at=now,
        finished_at=now + timedelta(seconds=30),
    )
    make.add(run)


def test_an_import_brings_its_past_along_and_leaves_what_was_counted(ctx, make, merchant, now):
    """A price of then stays what it was, and what ended before it came here is over since."""
    sold(make, merchant, started_at=now - timedelta(days=300))
    figures.keep(ctx, now=now)
    change(ctx, "UPDATE figure_books SET begun_on = begun_on - 30, counted_at = counted_at - interval '1 minute'")
    left = {"ended_at": now - timedelta(days=3), "status": Status.CANCELLED}
    brought = (
        sold(make, merchant, started_at=now - timedelta(days=200)),
        sold(make, merchant, started_at=now - timedelta(days=8), **left),
    )
    sold(make, merchant, started_at=now)
    imported(ctx, make, merchant, now, *brought)
    figures.keep(ctx, now=now)  # planned before the import had ended
    figures.keep(ctx, now=now + timedelta(minutes=1))
    expected = [2, 2, 3, 3, 3, 3, 3, 2, 2, 2, 3]
    assert days_of(ctx, merchant, Figure.STATE, "active", now, back=10) == expected
    for more in (2, 3):
        figures.keep(ctx, now=now + timedelta(minutes=more))
    figures.verify(ctx, now=now + timedelta(minutes=4))
    assert days_of(ctx, merchant, Figure.STATE, "active", now, back=10) == expected, "added once"


def test_an_import_that_brings_nothing_changes_no_day_that_was_counted(ctx, make, merchant, now):
    """The price was raised since: the curve of the months before is not redrawn at today's."""
    sold(make, merchant, started_at=now - timedelta(days=300))
    figures.keep(ctx, now=now)
    change(ctx, "UPDATE figure_books SET begun_on = begun_on - 30, counted_at = counted_at - interval '1 minute'")
    today = now.astimezone(ZoneInfo(merchant.time_zone)).date()
    change(ctx, "DELETE FROM daily_figures WHERE day = :day AND figure = 'revenue'", day=today - timedelta(days=10))
    change(
        ctx,
        "INSERT INTO daily_figures (merchant_id, figure, day, kind, number) VALUES (:m, 'revenue', :day, 'EUR', 3)",
        m=merchant.id,
        day=today - timedelta(days=10),
    )
    imported(ctx, make, merchant, now)
    figures.keep(ctx, now=now + timedelta(minutes=1))
    assert days_of(ctx, merchant, Figure.REVENUE, "EUR", now, back=10)[0] == 3


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles", "Asia/Kathmandu"])
def test_who_moves_to_another_zone_gets_that_zones_days(ctx, make, merchant, now, zone):
    for hours in range(0, 72, 5):
        sold(make, merchant, started_at=now - timedelta(hours=hours))
    figures.keep(ctx, now=now)
    change(ctx, "UPDATE merchants SET time_zone = :zone", zone=zone)
    merchant.time_zone = zone
    figures.keep(ctx, now=now)
    assert shown(ctx, merchant, now) == by_hand(ctx, merchant, now)
    today = now.astimezone(ZoneInfo(zone)).date()
    with ctx.db.read() as session:
        counted = stored.read(session, merchant.id, since=today, until=today, days=()).numbers
        (expected,) = session.execute(
            text("SELECT count(*) FROM subscriptions WHERE (started_at AT TIME ZONE :zone)::date = :today"),
            {"zone": zone, "today": today},
        ).one()
    assert counted.get((Figure.STARTED, "", today), 0) == expected


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 3, 28, 22, 59, tzinfo=UTC), date(2026, 3, 28)),  # winter: an hour ahead
        (datetime(2026, 3, 28, 23, 1, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 3, 29, 21, 59, tzinfo=UTC), date(2026, 3, 29)),  # the day of 23 hours ends two hours ahead
        (datetime(2026, 3, 29, 22, 1, tzinfo=UTC), date(2026, 3, 30)),
        (datetime(2026, 10, 24, 22, 1, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 22, 59, tzinfo=UTC), date(2026, 10, 25)),  # the day of 25 hours
    ],
)
def test_the_days_on_which_the_hour_changes(ctx, make, merchant, now, at, day):
    figures.keep(ctx, now=now)
    for is_waiting in (True, False):
        if is_waiting:
            sold(make, merchant, started_at=at)
        else:
            figures.keep(ctx, now=now)
        with ctx.db.read() as session:
            numbers = stored.read(session, merchant.id, since=day, until=day, days=()).numbers
        assert numbers[Figure.STARTED, "", day] == 1


def test_what_is_erased_is_no_longer_counted(ctx, make, merchant, now):
    one = sold(make, merchant)
    sold(make, merchant)
    figures.keep(ctx, now=now)
    change(ctx, "DELETE FROM subscriptions WHERE id = :id", id=one.id)
    assert shown(ctx, merchant, now) == by_hand(ctx, merchant, now)


def test_customers_who_are_joined_change_no_number(ctx, make, merchant, now):
    one, other = sold(make, merchant), sold(make, merchant, currency="CHF")
    figures.keep(ctx, now=now)
    before = shown(ctx, merchant, now)
    change(ctx, "UPDATE subscriptions SET customer_id = :c WHERE id = :id", c=one.customer_id, id=other.id)
    assert shown(ctx, merchant, now) == before == by_hand(ctx, merchant, now)


def test_days_older_than_thirteen_months_go(ctx, make, merchant, now):
    sold(make, merchant, started_at=now - timedelta(days=900))
    figures.keep(ctx, now=now)
    change(
        ctx,
        "INSERT INTO daily_figures (merchant_id, figure, day, kind, number) "
        "VALUES (:m, 'state', '2020-01-01', 'active', 1)",
        m=merchant.id,
    )
    figures.verify(ctx, now=now)
    with ctx.db.read() as session:
        oldest = session.scalar(text("SELECT min(day) FROM daily_figures"))
    assert oldest >= now.date() - timedelta(days=401)


CANCELLED = "status = 'cancelled', ended_at = now() - interval '1 day', ended_by = 'customer'"
OF_A_REQUEST = (
    "reason_code = 'cost'",
    "reason_code = ''",
    "state = 'withdrawn'",
    "state = 'confirmed', confirmed_at = now()",
)
OF_THE_OTHER = ("reason_code = 'cost' ", "reason_code = 'time' ")  # of the request that was carried out
LIVES = st.lists(
    st.tuples(
        st.integers(0, 3),  # which subscription
        st.sampled_from(
            [
                *OF_A_REQUEST,
                *OF_THE_OTHER,
                "status = 'active'",
                "status = 'paused'",
                "status = 'past_due'",
                "currency = 'USD'",
                "amount = 0",
                "amount = 49.99, interval_unit = 'WEEK', interval_count = 2",
                "interval_unit = 'DAY', interval_count = 3",
                "interval_unit = 'YEAR', interval_count = 1",
                "interval_unit = NULL",
                "last_payment_at = NULL",
                "last_payment_at = now()",
                "started_at = now() - interval '29 days 23 hours'",
                "started_at = now() - interval '31 days'",
                CANCELLED,
                "status = 'cancelled', ended_at = now() - interval '8 days', ended_by = 'paypal'",
                "status = 'completed', ended_at = now(), ended_by = 'completed'",
                "status = 'abandoned', ended_at = now() - interval '40 days', ended_by = 'abandoned', "
                "relaunch_allowed = false",
            ]
        ),
        st.sampled_from(["nothing", "keep", "verify"]),
    ),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(lives=LIVES)
@example(lives=[(0, CANCELLED, "keep"), (0, "state = 'withdrawn'", "nothing"), (0, "reason_code = 'cost' ", "nothing")])
def test_whatever_lives_subscriptions_lead_the_numbers_are_those_counted_by_hand(ctx, make, merchant, now, lives):
    made = [sold(make, merchant) for _number in range(4)]
    for one in made:
        asked(make, one, now, "cost")
        asked(make, one, now, "time", state="closed", confirmed_at=now)
    for which, values, then in lives:
        is_of_request = values in OF_A_REQUEST + OF_THE_OTHER
        table, key = ("end_requests", "subscription_id") if is_of_request else ("subscriptions", "id")
        if "status" in values and "ended_at" not in values:
            values += ", ended_at = NULL, ended_by = NULL"
        which_one = f" AND state {'=' if values in OF_THE_OTHER else '<>'} 'closed'" if is_of_request else ""
        change(ctx, f"UPDATE {table} SET {values} WHERE {key} = :id{which_one}", id=made[which].id)  # noqa: S608
        if then != "nothing":
            getattr(figures, then)(ctx, now=now)
        if stored_book(ctx, merchant):
            assert shown(ctx, merchant, now) == by_hand(ctx, merchant, now)


def stored_book(ctx, merchant):
    with ctx.db.read() as session:
        return session.scalar(text("SELECT count(*) FROM figure_books WHERE merchant_id = :m"), {"m": merchant.id})


def test_the_days_of_a_plot_are_the_ends_of_months():
    assert month_ends(date(2026, 3, 31), 2) == (date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31))
