"""Until when it is paid: each clause of domain.md's rule, PayPal's two ways with month ends, and what is unknown."""

from __future__ import annotations

import calendar
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.domain.dates.billing import Terms, Trial, free_trial_end, period_end, term_end
from portal.domain.dates.paid_time import Money, is_sign_up, nothing_is_paid, paid_until
from portal.domain.dates.periods import Interval, Unit

MONTHLY, YEARLY = Interval(Unit.MONTH), Interval(Unit.YEAR)
FORTNIGHT = Trial(Interval(Unit.DAY, 14), 1, is_free=True)


def at(text: str) -> datetime:
    """Read "2026-01-31 10:00" as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = at("2026-11-28 12:00")


def until(
    *,
    start="2026-08-28 10:00",
    interval=MONTHLY,
    named=None,
    stored=None,
    is_same=False,
    in_trial=False,
    now=NOW,
    **seen,
):
    """Return the end of the paid time and how it is known; dates in words."""
    trials, clamps = seen.pop("trials", ()), seen.pop("clamps", None)
    dates = {name: at(value) if isinstance(value, str) else value for name, value in seen.items()}
    found = paid_until(
        Terms(started_at=at(start) if start else None, interval=interval, trials=trials, clamps=clamps),
        Money(**dates),
        next_billing_at=at(named) if named else None,
        stored=at(stored) if stored else None,
        is_same=is_same,
        in_trial=in_trial,
        now=now,
    )
    return found.at and found.at.strftime("%Y-%m-%d %H:%M"), found.source.value


# What PayPal names

PAID = "2026-10-28 10:21"


def test_paypals_date_names_the_end_exactly():
    assert until(completed_at=PAID, named="2026-11-28 10:00") == ("2026-11-28 10:00", "next_billing")
    assert until(completed_at=PAID, named="2026-12-01 09:00") == ("2026-12-01 09:00", "next_billing")


def test_a_plan_with_another_rhythm_changes_nothing_of_what_a_payment_before_it_paid():
    year = {"completed_at": "2026-01-01 10:00", "stored": "2027-01-01 10:00", "named": "2027-01-01 10:00"}
    assert until(start="2026-01-01 10:00", interval=MONTHLY, is_same=True, **year)[0] == "2027-01-01 10:00"
    month = {"completed_at": "2026-06-01 10:00", "stored": "2026-07-01 10:00", "declined_at": "2026-07-01 10:00"}
    assert until(start="2026-03-01 10:00", interval=YEARLY, is_same=True, **month)[0] == "2026-07-01 10:00"


def test_a_payment_in_the_new_rhythm_pays_for_a_period_of_it():
    paid = {"completed_at": "2026-07-01 10:00", "earlier": (at("2026-06-01 10:00"),), "stored": "2026-07-01 10:00"}
    assert until(start="2026-03-01 10:00", interval=YEARLY, **paid)[0] == "2027-07-01 10:00"


@pytest.mark.parametrize("named", ["2026-12-28 10:00", "2026-12-03 10:00"])  # the next period, or the new try
@pytest.mark.parametrize("how", [{"declined_at": "2026-11-28 10:00"}, {"failures": 1}])
def test_20_with_a_declined_payment_since_it_names_a_period_nobody_paid(how, named):
    assert until(completed_at=PAID, named=named, **how) == ("2026-11-28 10:00", "last_payment")


def test_20_nor_does_it_where_a_payment_is_simply_missing():
    assert until(completed_at=PAID, named="2026-12-28 10:00") == ("2026-11-28 10:00", "last_payment")


def test_20_a_payment_after_the_declined_one_makes_up_for_it():
    paid = until(completed_at="2026-12-03 10:00", declined_at="2026-11-28 10:00", named="2026-12-28 10:00")
    assert paid == ("2026-12-28 10:00", "next_billing")
    assert until(completed_at="2026-12-03 10:00", declined_at="2026-11-28 10:00") == (
        "2026-12-28 10:00",
        "last_payment",
    ), "the retry pays its own period, not a month from its day"


def test_the_hour_that_paypal_named_before_stands():
    late = {"completed_at": PAID, "named": "2026-12-28 10:00", "failures": 1}
    assert until(**late, stored="2026-11-28 09:00") == ("2026-11-28 09:00", "stored")
    assert until(**late, stored="2026-12-28 10:00") == ("2026-11-28 10:00", "last_payment")


@pytest.mark.parametrize("named", [None, "2026-12-28 10:00"])
def test_20_while_one_is_pending_nobody_knows(named):
    assert until(completed_at=PAID, pending_at="2026-11-28 10:00", named=named, stored="2026-11-28 10:00") == (
        None,
        "unknown",
    )


# No payment at all


def test_20_a_first_payment_still_pending_after_its_first_hour_is_unknown():
    begun = {"start": "2026-11-28 08:00", "pending_at": "2026-11-28 08:00"}
    assert until(**begun, is_all=True) == until(**begun) == (None, "unknown")
    assert until(**begun, is_all=True, named="2026-12-28 08:00") == (None, "unknown")


def test_20_a_first_payment_that_was_declined_paid_nothing():
    begun = {"start": "2026-11-28 10:00", "named": "2026-12-28 10:00"}
    assert until(**begun, declined_at="2026-11-28 10:00") == ("2026-11-28 10:00", "nothing")
    assert until(**begun, failures=1) == ("2026-11-28 10:00", "nothing")
    assert nothing_is_paid(at("2026-11-28 10:00"), at("2026-11-28 10:00"))
    assert not nothing_is_paid(at("2026-11-28 10:00"), None)


def test_20_no_payment_is_known_only_where_all_of_them_were_read():
    named = "2026-12-28 10:00"
    assert until(named=named, is_all=True) == ("2026-08-28 10:00", "nothing")
    assert until(named=named) == (None, "unknown")
    assert until(named=named, stored="2026-12-20 10:00") == ("2026-12-20 10:00", "stored")
    assert until(start=None, named=named, is_all=True) == (None, "unknown")


def test_20_in_the_first_hour_the_payment_may_be_on_its_way():
    begun = {"start": "2026-11-28 10:00", "is_all": True}
    assert until(**begun, now=at("2026-11-28 10:30")) == (None, "unknown")
    assert until(**begun, now=at("2026-11-28 11:00")) == ("2026-11-28 10:00", "nothing")


# A free trial


@pytest.mark.parametrize("in_trial", [True, False])
def test_20_in_a_trials_first_hour_the_sign_up_is_no_date(in_trial):
    begun = {"start": "2026-11-28 10:00", "named": "2026-11-28 10:00", "in_trial": in_trial}
    assert until(**begun, trials=(FORTNIGHT,)) == ("2026-12-12 10:00", "trial")


def test_20_a_trial_of_unknown_length_is_unknown_until_paypal_names_its_end():
    begun = {"start": "2026-11-28 10:00", "in_trial": True}
    assert until(**begun, named="2026-11-28 10:00") == (None, "unknown")
    assert until(**begun, named="2026-11-28 10:00", stored="2026-11-28 10:00") == (None, "unknown")
    assert until(**begun, named="2026-12-12 09:00") == ("2026-12-12 09:00", "next_billing")


def test_20_a_trial_whose_first_payment_failed_paid_the_trial_only():
    begun = {"start": "2026-11-10 10:00", "trials": (FORTNIGHT,)}
    assert until(**begun, declined_at="2026-11-24 10:00", named="2026-12-24 10:00") == ("2026-11-24 10:00", "trial")
    assert until(**begun, named="2026-12-24 10:00") == ("2026-11-24 10:00", "trial")
    assert until(**begun, declined_at="2026-11-24 10:00", named="2026-11-29 10:00") == ("2026-11-24 10:00", "trial")


def test_after_a_trial_periods_count_from_its_end():
    begun = {"start": "2026-01-17 10:00", "trials": (FORTNIGHT,)}
    assert until(**begun, completed_at="2026-01-31 10:00", clamps=True) == ("2026-02-28 10:00", "last_payment")
    assert until(**begun, completed_at="2026-02-28 10:00") == ("2026-03-31 10:00", "last_payment")


def test_a_paid_trial_is_no_free_time_and_its_payment_pays_one_of_its_periods():
    paid = Trial(Interval(Unit.WEEK), 3, is_free=False)
    begun = {"start": "2026-11-02 10:00", "trials": (paid,)}
    assert until(**begun, declined_at="2026-11-02 10:00") == ("2026-11-02 10:00", "nothing")
    assert until(**begun, completed_at="2026-11-09 10:00", failures=1) == ("2026-11-16 10:00", "last_payment")
    assert until(**begun, completed_at="2026-11-16 10:00", failures=1) == ("2026-11-23 10:00", "last_payment")
    assert until(**begun, completed_at="2026-11-23 10:00", failures=1) == ("2026-12-23 10:00", "last_payment")


def test_a_trial_of_a_month_from_a_months_end_moves_no_later_date():
    month = Trial(MONTHLY, 1, is_free=True)
    assert until(start="2026-01-31 10:00", trials=(month,), completed_at="2026-02-28 10:00") == (
        "2026-03-31 10:00",
        "last_payment",
    )


@pytest.mark.parametrize(
    ("start", "cycles", "way", "end"),
    [
        ("2025-12-31", 3, None, "2026-04-01"),  # 31 January, 1 March, 1 April
        ("2025-12-31", 3, True, "2026-03-31"),
        ("2025-12-31", 1, None, "2026-01-31"),
        ("2025-01-29", 2, None, "2025-04-01"),
        ("2024-01-29", 2, None, "2024-03-29"),  # a leap year's February has the day
    ],
)
def test_7_a_free_trial_of_several_months_ends_by_the_later_way(start, cycles, way, end):
    trial = Trial(MONTHLY, cycles, is_free=True)
    found = free_trial_end(Terms(started_at=at(f"{start} 10:00"), interval=MONTHLY, trials=(trial,), clamps=way))
    assert str(found.date()) == end


@pytest.mark.parametrize(
    ("interval", "paid", "end"),
    [
        (Interval(Unit.YEAR), "2026-04-01", "2027-04-01"),
        (Interval(Unit.MONTH, 2), "2026-04-01", "2026-06-01"),
        (Interval(Unit.YEAR), "2026-03-31", "2027-03-31"),  # seen kept
        (Interval(Unit.WEEK), "2026-04-01", "2026-04-08"),
        (Interval(Unit.WEEK), "2026-03-31", "2026-04-07"),
    ],
)
def test_7_what_comes_after_a_trial_that_moved_is_reckoned_from_where_it_moved(interval, paid, end):
    trial = Trial(MONTHLY, 3, is_free=True)
    terms = Terms(started_at=at("2025-12-31 10:00"), interval=interval, trials=(trial,))
    assert str(period_end(terms, at(f"{paid} 10:20")).date()) == end
    assert str(term_end(replace(terms, interval=Interval(Unit.MONTH, 2)), 2).date()) == "2026-08-01"


# Payments off their date


@pytest.mark.parametrize(
    ("payments", "end"),
    [
        (["01-15", "02-15", "04-06"], "2026-05-06"),
        (["01-15", "02-15", "04-06", "04-15"], "2026-05-15"),
        (["01-15", "02-15", "04-06", "04-15", "05-15"], "2026-06-15"),
        (["01-15", "02-15", "04-06", "05-06", "06-06"], "2026-07-06"),  # a resume
        (["01-15", "02-15", "04-06", "05-06", "06-11", "07-06"], "2026-08-06"),  # and a new try in it
        (["01-15", "02-15", "04-06", "05-06", "05-25", "06-06"], "2026-07-06"),  # a debt taken after a resume
    ],
)
def test_a_payment_on_a_date_of_an_earlier_rhythm_returns_to_it(payments, end):
    """A debt that the merchant takes by hand moves the rhythm for itself alone."""
    came = tuple(at(f"2026-{day} 10:04") for day in payments)
    for earlier in (came, came[:-1]):
        assert until(start="2026-01-15 10:00", completed_at=came[-1], earlier=earlier)[0][:10] == end


def test_a_payment_of_the_start_that_goes_back_after_a_debt_takes_its_own_period():
    earlier = tuple(at(f"2026-{day} 10:04") for day in ("01-15", "02-15", "04-06", "04-15"))
    begun = {"start": "2026-01-15 10:00", "completed_at": earlier[-1], "earlier": earlier}
    assert until(**begun, went_back=(at("2026-05-15 10:04"),))[0] == "2026-05-15 10:00"


@pytest.mark.parametrize(
    ("paid", "named", "end"),
    [
        ("2026-04-15 08:00", "2026-04-15 10:00", "2026-05-15 10:00"),  # read before the payment: its own date
        ("2026-04-14 23:00", "2026-04-15 02:00", "2026-05-15 10:00"),  # before midnight
        ("2026-04-15 08:00", "2026-05-15 09:00", "2026-05-15 09:00"),
        ("2026-04-06 08:00", "2026-04-15 10:00", "2026-04-15 10:00"),  # a debt: the next regular date ends it
        ("2026-04-20 08:00", "2026-04-20 10:00", "2026-05-15 10:00"),  # a new try that PayPal had named
    ],
)
def test_the_date_of_a_payment_itself_is_not_the_end_of_what_it_pays(paid, named, end):
    assert until(start="2026-01-15 10:00", completed_at=paid, named=named)[0] == end


@pytest.mark.parametrize(("named", "end"), [("2026-04-15 10:00", None), ("2026-05-15 10:00", "2026-05-15 10:00")])
def test_nor_is_it_where_the_rhythm_is_unknown(named, end):
    assert until(start="2026-01-15 10:00", interval=None, completed_at="2026-04-15 08:00", named=named)[0] == end


def test_nor_is_it_from_day_to_day():
    daily = {"start": "2026-04-01 10:00", "interval": Interval(Unit.DAY), "completed_at": "2026-04-15 08:00"}
    assert until(**daily, named="2026-04-15 10:00")[0] == "2026-04-16 10:00"
    assert until(**daily, named="2026-04-16 10:00")[0] == "2026-04-16 10:00"


# Month ends: start, last payment, rhythm → the end of what it paid

MONTH_ENDS = """
2026-01-31  2026-02-28  1 MONTH  2026-03-31
2026-01-31  2026-03-01  1 MONTH  2026-04-01
2026-01-31  2026-01-31  1 MONTH  2026-03-01
2026-01-31  2026-09-30  1 MONTH  2026-10-31
2026-01-31  2026-10-01  1 MONTH  2026-11-01
2026-01-31  2026-03-31  1 MONTH  2026-04-30
2026-01-31  2026-04-01  1 MONTH  2026-05-01
2026-01-30  2026-02-28  1 MONTH  2026-03-30
2026-01-30  2026-03-01  1 MONTH  2026-04-01
2026-01-29  2026-03-29  1 MONTH  2026-04-29
2028-01-30  2028-02-29  1 MONTH  2028-03-30
2026-07-31  2026-08-31  1 MONTH  2026-10-01
2026-11-30  2027-02-28  3 MONTH  2027-05-30
2026-11-30  2027-03-01  3 MONTH  2027-06-01
2028-02-29  2029-02-28  1 YEAR   2030-02-28
2028-02-29  2029-03-01  1 YEAR   2030-03-01
2028-02-29  2028-02-29  1 YEAR   2029-03-01
2026-01-15  2026-02-15  1 MONTH  2026-03-15
2026-01-31  2026-02-06  1 WEEK   2026-02-13
"""


@pytest.mark.parametrize("line", MONTH_ENDS.strip().splitlines())
def test_7_month_ends_are_reckoned_from_the_start_by_the_way_that_was_seen(line):
    start, paid, count, unit, end = line.split()
    found = until(start=f"{start} 10:00", completed_at=f"{paid} 10:20", interval=Interval(Unit(unit), int(count)))
    assert found[0][:10] == end


def test_7_the_way_that_was_seen_earlier_holds_for_a_late_payment():
    late = {"start": "2026-01-31 10:00", "completed_at": "2026-04-05 10:00"}
    assert until(**late, clamps=True)[0] == "2026-04-30 10:00"
    assert until(**late, clamps=False)[0] == until(**late)[0] == "2026-05-01 10:00"


def test_7_a_payment_off_both_rhythms_starts_a_new_one():
    assert until(start="2026-01-31 10:00", completed_at="2026-03-20 10:00")[0] == "2026-04-20 10:00"
    assert until(start="2026-01-05 10:00", completed_at="2026-02-15 10:00")[0] == "2026-03-05 10:00", "a retry"
    assert until(start="2026-01-05 10:00", completed_at="2026-02-17 10:00")[0] == "2026-03-17 10:00"


def test_7_paypal_bills_at_hours_of_its_own():
    assert until(start="2026-01-31 17:00", completed_at="2026-02-28 10:00")[0] == "2026-03-31 17:00"
    assert until(start="2026-08-28 10:00", completed_at="2026-10-28 04:00")[0] == "2026-11-28 10:00"


def test_7_a_finite_plan_runs_to_the_end_of_its_last_period():
    begun = at("2026-01-31 10:00")
    ends = {way: term_end(Terms(started_at=begun, interval=MONTHLY, clamps=way), 2) for way in (True, False, None)}
    assert {way: str(end.date()) for way, end in ends.items()} == {
        True: "2026-03-31",
        False: "2026-04-01",
        None: "2026-04-01",
    }
    assert until(start="2026-01-31 10:00", completed_at="2026-02-28 10:00")[0] == "2026-03-31 10:00"


# Deciding test 7, on the wall. Start and payment (UTC), rhythm → the local clock at which the paid time ends.
SHOWN = """
2026-03-22 10:00  1 WEEK  | 2026-03-29 12:00 | 2026-03-29 14:00
2026-03-28 22:30  1 WEEK  | 2026-04-05 00:30 | 2026-04-05 02:30
2026-10-18 10:00  1 WEEK  | 2026-10-25 11:00 | 2026-10-25 14:00
2026-10-24 22:30  1 DAY   | 2026-10-25 23:30 | 2026-10-26 02:30
2026-03-28 10:00  1 DAY   | 2026-03-29 12:00 | 2026-03-29 14:00
2026-02-28 10:00  1 MONTH | 2026-03-28 11:00 | 2026-03-28 14:00
2026-09-30 10:00  1 MONTH | 2026-10-30 11:00 | 2026-10-30 14:00
2025-12-31 23:30  1 YEAR  | 2027-01-01 00:30 | 2027-01-01 03:30
"""


@pytest.mark.parametrize("line", SHOWN.strip().splitlines())
def test_7_the_last_day_shown_is_the_local_one(line):
    paid, paris, reunion = line.split("|")
    day, hour, count, unit = paid.split()
    moment = f"{day} {hour}"
    end = at(until(start=moment, completed_at=moment, interval=Interval(Unit(unit), int(count)))[0])
    for zone, clock in (("Europe/Paris", paris), ("Indian/Reunion", reunion)):
        assert end.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") == clock.strip()


def bills(start: date, every: int, number: int, *, moves: bool) -> date:
    """The day of billing `number`, as a calendar on the wall tells it: month by month, PayPal's two ways."""
    year, month, moved = start.year, start.month, False
    for _ in range(number):
        month += every
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
        moved = moved or (moves and calendar.monthrange(year, month)[1] < start.day)
    if moved:
        return date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


@given(
    day=st.integers(1, 31),
    month=st.integers(1, 12),
    year=st.integers(2024, 2031),
    every=st.sampled_from([1, 2, 3, 4, 5, 6, 12]),
    number=st.integers(0, 30),
    moves=st.booleans(),
)
def test_7_for_every_start_rhythm_and_count_no_paid_day_is_lost(day, month, year, every, number, moves):
    """PayPal takes a payment by one of its ways and then names no date: what we reckon is never before its next one."""
    start = date(year, month, min(day, calendar.monthrange(year, month)[1]))
    paid, following = (bills(start, every, place, moves=moves) for place in (number, number + 1))
    interval = Interval(Unit.YEAR) if every == 12 else Interval(Unit.MONTH, every)
    found = until(start=f"{start} 10:00", completed_at=f"{paid} 10:00", interval=interval)[0]
    reckoned = datetime.strptime(found, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).date()
    ways = {bills(start, every, number + 1, moves=way) for way in (True, False)}
    assert reckoned in ways, "reckoned from the start, never from a date that was moved or clamped"
    assert reckoned >= following
    told = bills(start, every, number, moves=True) != bills(start, every, number, moves=False)
    assert reckoned == (following if told else max(ways)), "what was seen decides; else the later"


@given(
    day=st.integers(29, 31) | st.integers(1, 31),
    month=st.integers(1, 12),
    year=st.integers(2024, 2031),
    cycles=st.integers(1, 5),
    number=st.integers(0, 14),
    moves=st.booleans(),
    is_free=st.booleans(),
)
@example(day=31, month=12, year=2025, cycles=3, number=0, moves=True, is_free=True)
@example(day=29, month=1, year=2025, cycles=2, number=3, moves=True, is_free=False)
def test_7_with_trials_of_months_no_paid_or_free_day_is_lost(day, month, year, cycles, number, moves, is_free):
    """PayPal counts trials and regular periods as one row of months: what we reckon is never before its next date."""
    start = date(year, month, min(day, calendar.monthrange(year, month)[1]))
    trials = (Trial(MONTHLY, cycles, is_free=is_free),)
    terms = Terms(started_at=at(f"{start} 10:00"), interval=MONTHLY, trials=trials)
    both = {bills(start, 1, cycles, moves=way) for way in (True, False)}
    if is_free:
        assert free_trial_end(terms).date() == max(both)
    else:
        assert free_trial_end(terms) is None
    paid, following = (bills(start, 1, place, moves=moves) for place in (cycles + number, cycles + number + 1))
    found = until(start=f"{start} 10:00", trials=trials, completed_at=f"{paid} 10:00")[0]
    assert date.fromisoformat(found[:10]) >= following
    assert date.fromisoformat(found[:10]) in {bills(start, 1, cycles + number + 1, moves=way) for way in (True, False)}
    assert term_end(terms, number).date() == max(bills(start, 1, cycles + number, moves=way) for way in (True, False))


@given(days=st.integers(0, 400), every=st.integers(1, 60), number=st.integers(0, 40), week=st.booleans())
def test_7_days_and_weeks_know_no_month_end(days, every, number, week):
    start = at("2026-01-31 10:00") + timedelta(days=days)
    length = timedelta(days=every * (7 if week else 1))
    interval = Interval(Unit.WEEK if week else Unit.DAY, every)
    for way in (None, True, False):
        found = paid_until(
            Terms(started_at=start, interval=interval, clamps=way),
            Money(completed_at=start + number * length),
            next_billing_at=None,
            now=NOW,
        )
        assert found.at == start + (number + 1) * length


@given(minutes=st.integers(0, 120))
def test_the_sign_up_is_told_from_a_date_by_the_first_hour(minutes):
    begun = at("2026-11-28 10:00")
    assert is_sign_up(begun + timedelta(minutes=minutes), begun) is (minutes < 60)
