"""The last day of a withdrawal, by the calendar on the wall, and what is owed (law.md, R-FR-30 to 35)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.law.withdrawals import (
    REGIONS,
    ConsentKind,
    Consents,
    ConsentWay,
    Contract,
    Verdict,
    days_left,
    last_day,
    newest,
    period,
    used_sum,
    verdict,
    warnings_due,
    working_day,
)
from portal.domain.money.money import Money

PARIS, REUNION = "Europe/Paris", "Indian/Reunion"
ALL_TOLD = {ConsentKind.INFORMED, ConsentKind.CHARGE_TOLD}


def at(text: str, zone: str = PARIS) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def contract(
    concluded: datetime | None, *zones: str, told=ALL_TOLD, missing=(), charged=None, when=None, since=None
) -> Contract:
    told_at = when or concluded or at("2026-01-01T00:00")
    consents = Consents(given=dict.fromkeys(told, told_at), missing=frozenset(missing))
    zones = zones or (PARIS,)
    return Contract(concluded_at=concluded, zones=zones, charged_since=charged, consents=consents, informed_since=since)


@pytest.mark.law("R-FR-30", "R-FR-31")
@pytest.mark.parametrize(
    ("concluded", "ends"),
    [
        ("2026-11-04", "2026-11-18"),  # a Wednesday, fourteen days later
        ("2026-11-07", "2026-11-23"),  # Saturday the 21st: Monday
        ("2026-11-08", "2026-11-23"),  # Sunday the 22nd: Monday
        ("2026-04-17", "2026-05-04"),  # Friday 1 May, then the weekend: Monday the 4th
        ("2025-04-17", "2025-05-02"),  # Thursday 1 May: Friday
        ("2026-12-11", "2026-12-28"),  # Friday 25 December: Monday the 28th
        ("2025-12-11", "2025-12-26"),  # Thursday 25 December: Friday the 26th
        ("2026-03-23", "2026-04-07"),  # Easter Monday 6 April: Tuesday
        ("2026-10-18", "2026-11-02"),  # Sunday 1 November: Monday
        ("2024-10-18", "2024-11-04"),  # Friday 1 November: Monday the 4th
        ("2026-10-28", "2026-11-12"),  # Wednesday 11 November: Thursday
        ("2025-12-18", "2026-01-02"),  # Thursday 1 January: Friday
        ("2026-07-03", "2026-07-17"),  # 14 July inside the period changes nothing
        ("2028-02-15", "2028-02-29"),  # a leap day is a day
    ],
)
def test_the_last_day_in_france(concluded, ends):
    assert last_day(date.fromisoformat(concluded)) == date.fromisoformat(ends)


@pytest.mark.law("R-FR-31")
@pytest.mark.parametrize(
    ("part", "day", "holiday"),
    [
        ("974", date(2027, 12, 20), "the abolition of slavery in Réunion"),
        ("971", date(2026, 5, 27), "in Guadeloupe"),
        ("972", date(2026, 5, 22), "in Martinique"),
        ("973", date(2026, 6, 10), "in French Guiana"),
    ],
)
def test_overseas_has_holidays_of_its_own(part, day, holiday):
    assert working_day(day) == day, "a working day in Paris"
    assert working_day(day, part=part) > day, holiday


@pytest.mark.parametrize(
    ("concluded", "ends"),
    [("2025-09-19", "2025-10-06"), ("2026-03-20", "2026-04-07"), ("2025-12-12", "2025-12-29")],  # 3 Oct., Good Friday
)
def test_the_last_day_in_germany(concluded, ends):
    assert last_day(date.fromisoformat(concluded), country="DE") == date.fromisoformat(ends)


@pytest.mark.law("R-FR-31", "R-EU-6")
@pytest.mark.parametrize("zone", [PARIS, REUNION, "Europe/Berlin", "America/Martinique"])
def test_the_last_minute_is_in_time_and_the_next_one_is_not(zone):
    held = contract(at("2026-11-04T10:00", zone), zone)
    assert verdict(held, at("2026-11-18T23:59", zone)) is Verdict.IN_TIME
    assert verdict(held, at("2026-11-19T00:00", zone)) is Verdict.LATE


@pytest.mark.law("R-FR-31")
def test_of_two_zones_the_later_end_counts():
    evening = at("2026-11-04T23:30", PARIS)  # the 5th in Réunion already
    both = period(contract(evening, PARIS, REUNION))
    assert both.sure.last_day == date(2026, 11, 19)
    assert verdict(contract(evening, PARIS, REUNION), at("2026-11-19T23:59", REUNION)) is Verdict.IN_TIME
    noon = contract(at("2026-11-04T12:00"), PARIS, REUNION)
    assert verdict(noon, at("2026-11-18T23:59", PARIS)) is Verdict.IN_TIME, "three hours after Réunion's midnight"


@pytest.mark.law("R-FR-31")
@pytest.mark.parametrize(("concluded", "hours"), [("2026-03-16", 23), ("2026-10-12", 25)])
def test_a_change_of_hour_neither_takes_nor_gives_a_day(concluded, hours):
    begun = at(f"{concluded}T09:00")
    ends = period(contract(begun)).sure.ends_at
    assert ends == at((date.fromisoformat(concluded) + timedelta(days=15)).isoformat() + "T00:00")
    elapsed = ends.astimezone(UTC) - at(f"{concluded}T00:00").astimezone(UTC)
    assert elapsed == timedelta(days=14, hours=hours)


@pytest.mark.law("R-FR-31")
def test_without_the_information_it_is_twelve_months_longer():
    begun = at("2026-11-04T10:00")
    untold = period(contract(begun, told=(), missing=[ConsentKind.INFORMED]))
    assert untold.sure.last_day == date(2027, 11, 18)
    unknown = period(contract(begun, told=()))
    assert (unknown.sure.last_day, unknown.longest.last_day) == (date(2026, 11, 18), date(2027, 11, 18))
    assert verdict(contract(begun, told=()), at("2027-05-01T10:00")) is Verdict.DOUBTFUL
    assert verdict(contract(begun, told=()), at("2027-11-19T00:00")) is Verdict.LATE


@pytest.mark.law("R-FR-31")
@pytest.mark.parametrize(
    ("since", "missing", "longest", "said"),
    [
        (date(2026, 11, 4), (), date(2026, 11, 18), Verdict.LATE),  # that very day
        (date(2020, 1, 1), (), date(2026, 11, 18), Verdict.LATE),
        (date(2026, 11, 5), (), date(2027, 11, 18), Verdict.DOUBTFUL),  # begun the day before
        (None, (), date(2027, 11, 18), Verdict.DOUBTFUL),
        (date(2020, 1, 1), (ConsentKind.INFORMED,), date(2027, 11, 18), Verdict.IN_TIME),  # what is known counts
    ],
)
def test_the_merchants_word_counts_where_nothing_is_known_of_the_contract(since, missing, longest, said):
    one = contract(at("2026-11-04T23:30"), told=(), missing=missing, since=since)
    assert period(one).longest.last_day == longest
    assert verdict(one, at("2027-05-01T10:00")) is said
    assert verdict(one, at("2026-11-18T23:59")) is Verdict.IN_TIME


@pytest.mark.law("R-FR-31")
@pytest.mark.parametrize(
    ("told", "ends"),
    [
        ("2026-11-04T18:00", "2026-11-18"),  # on the day itself
        ("2026-12-01T09:00", "2026-12-15"),  # afterwards: fourteen days from then
        ("2027-11-10T09:00", "2027-11-18"),  # never beyond the twelve months
    ],
)
def test_who_is_told_afterwards_has_fourteen_days_from_then(told, ends):
    held = contract(at("2026-11-04T10:00"), when=at(told))
    assert period(held).sure == period(held).longest
    assert period(held).sure.last_day == date.fromisoformat(ends)


@pytest.mark.law("R-FR-32")
def test_a_trial_that_becomes_paid_begins_no_second_period_for_who_was_told():
    begun, charged = at("2026-11-04T10:00"), at("2026-12-04T10:00")
    told = contract(begun, charged=charged)
    assert period(told).longest.last_day == date(2026, 11, 18)
    untold = contract(begun, told=[ConsentKind.INFORMED], missing=[ConsentKind.CHARGE_TOLD], charged=charged)
    assert period(untold).sure.last_day == date(2026, 12, 18)
    unknown = contract(begun, told=[ConsentKind.INFORMED], charged=charged)
    assert verdict(unknown, at("2026-12-10T10:00")) is Verdict.DOUBTFUL


@pytest.mark.law("R-FR-35")
@pytest.mark.parametrize(
    ("proofs", "said"),
    [
        ([], Verdict.IN_TIME),
        ([ConsentKind.WAIVER], Verdict.IN_TIME),  # never confirmed on a durable medium: void
        ([ConsentKind.WAIVER_CONFIRMED], Verdict.IN_TIME),
        ([ConsentKind.WAIVER, ConsentKind.WAIVER_CONFIRMED], Verdict.DOUBTFUL),
    ],
)
def test_a_waiver_counts_only_with_all_its_proofs_and_refuses_nothing(proofs, said):
    held = contract(at("2026-11-04T10:00"), told=ALL_TOLD | set(proofs))
    assert verdict(held, at("2026-11-06T10:00")) is said


def test_a_contract_of_an_unknown_day_is_doubtful():
    assert period(contract(None)) is None
    assert verdict(contract(None), at("2026-11-06T10:00")) is Verdict.DOUBTFUL


def test_the_newest_word_counts():
    first, then = at("2026-11-04T10:00"), at("2026-11-05T10:00")
    site, page = ConsentWay.SITE, ConsentWay.ORDER_PAGE
    known = newest([(ConsentKind.INFORMED, True, first, page), (ConsentKind.INFORMED, False, then, site)])
    assert known.ordered_at == first, "what was ordered here was concluded then"
    assert not known.has(ConsentKind.INFORMED)
    assert ConsentKind.INFORMED in known.missing


@pytest.mark.law("R-FR-34")
@pytest.mark.parametrize(
    ("declared", "owed"),
    [("2026-11-04", "0.00"), ("2026-11-05", "0.99"), ("2026-11-14", "9.96"), ("2026-12-24", "29.90")],
)
def test_what_was_used_is_owed_by_the_day_and_cents_go_to_the_consumer(declared, owed):
    paid = Money(Decimal("29.90"), "EUR")
    days = {"started_on": date(2026, 11, 4), "paid_until": date(2026, 12, 4)}
    assert used_sum(paid, declared_on=date.fromisoformat(declared), **days) == Money(Decimal(owed), "EUR")


@pytest.mark.law("R-FR-33")
def test_the_merchant_is_warned_before_the_fourteenth_day():
    due = at("2026-11-18T10:00")
    assert warnings_due(due, now=at("2026-11-11T09:59")) == ()
    assert warnings_due(due, now=at("2026-11-11T10:00")) == ("7d",)
    assert warnings_due(due, now=at("2026-11-17T10:00")) == ("7d", "3d", "1d")


@pytest.mark.parametrize(
    ("now", "days"),
    [
        ("2026-11-11T10:00", 7),
        ("2026-11-13T23:59", 5),
        ("2026-11-14T00:01", 4),
        ("2026-11-18T09:00", 0),
        ("2026-11-25T10:00", 0),  # overdue
    ],
)
def test_the_days_that_are_left_are_those_of_the_merchants_calendar(now, days):
    assert days_left(at("2026-11-18T10:00"), PARIS, now=at(now)) == days


@pytest.mark.law("R-FR-30", "R-FR-31")
@given(
    begun=st.integers(0, 9 * 365 * 24 * 60).map(
        lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    zone=st.sampled_from(sorted(REGIONS)),
)
def test_never_less_than_fourteen_whole_days_and_always_a_working_one(begun, zone):
    ends = period(contract(begun, zone)).sure
    assert ends.ends_at - begun >= timedelta(days=14), "the day of the conclusion is not counted"
    assert ends.ends_at - begun <= timedelta(days=22)
    assert ends.last_day.weekday() < 5
    assert ends.ends_at.astimezone(ZoneInfo(zone)).strftime("%H:%M") == "00:00"


@given(paid=st.decimals("0", "5000", places=2), used=st.integers(-3, 40), length=st.integers(-1, 31))
def test_never_more_than_was_paid_is_owed(paid, used, length):
    start = date(2026, 11, 4)
    owed = used_sum(
        Money(paid, "EUR"),
        started_on=start,
        paid_until=start + timedelta(days=length),
        declared_on=start + timedelta(days=used),
    )
    assert 0 <= owed.amount <= paid
