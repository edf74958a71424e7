"""Tacit renewal: the window by a calendar of its own, over month ends, leap years and notice periods."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.law import renewals
from portal.domain.law.renewals import ReminderState, Renewing, renewal
from portal.domain.money.money import Money

DAY = timedelta(days=1)
STARTS = st.dates(date(2019, 1, 1), date(2033, 12, 31)) | st.sampled_from(
    [date(2024, 2, 29), date(2023, 12, 31), date(2027, 1, 31), date(2027, 8, 31), date(2028, 2, 28), date(2026, 11, 30)]
)
TERMS = st.builds(Renewing, months=st.integers(1, 36), notice_days=st.integers(1, 120))
NUMBERS = st.integers(1, 12)


def months_on(day: date, number: int) -> date:
    """The same day of another month, or the last that it has: counted month by month."""
    year, month = day.year, day.month
    for _ in range(abs(number)):
        month += 1 if number > 0 else -1
        year, month = (year + 1, 1) if month > 12 else (year - 1, 12) if month < 1 else (year, month)
    return date(year, month, min(day.day, monthrange(year, month)[1]))


@pytest.mark.law("R-FR-20", "R-FR-21")
@given(start=STARTS, terms=TERMS, number=NUMBERS)
def test_the_window_runs_to_the_last_day_to_refuse_however_months_are_counted(start, terms, number):
    one = renewal(start, terms, number)
    assert one.renews_on == months_on(start, terms.months * number)
    assert (one.renews_on - one.deadline_on).days == terms.notice_days
    assert one.deadline_on < one.renews_on  # one day of notice at least: never the day that is charged
    # Forwards and backwards: no earlier than three months, no later than one month before that day.
    assert months_on(one.opens_on, 3) >= one.deadline_on
    assert one.opens_on >= months_on(one.deadline_on, -3)
    assert months_on(one.closes_on, 1) <= one.deadline_on
    assert one.closes_on <= months_on(one.deadline_on, -1)
    # And not a day less than that: the day before is too early, the day after too late, by one of the two ways.
    assert months_on(one.opens_on - DAY, 3) < one.deadline_on or one.opens_on - DAY < months_on(one.deadline_on, -3)
    assert one.closes_on + DAY > months_on(one.deadline_on, -1)
    # It is sent by itself within the window, and weeks are left for a letter.
    assert one.holds(one.send_on)
    assert (one.closes_on - one.send_on).days >= 50


@pytest.mark.law("R-FR-21")
@pytest.mark.parametrize(
    ("start", "months", "notice", "number", "renews", "deadline", "opens", "closes"),
    [
        # A plain year.
        ((2026, 3, 10), 12, 30, 1, (2027, 3, 10), (2027, 2, 8), (2026, 11, 8), (2027, 1, 8)),
        # From a leap day: the years between have their 28 February, the next leap year its 29th again.
        ((2024, 2, 29), 12, 1, 1, (2025, 2, 28), (2025, 2, 27), (2024, 11, 27), (2025, 1, 27)),
        ((2024, 2, 29), 12, 1, 4, (2028, 2, 29), (2028, 2, 28), (2027, 11, 28), (2028, 1, 28)),
        # The last day to refuse is a 31 May: there is no 31 February, so 28 February would be a day too early.
        ((2026, 6, 1), 12, 1, 1, (2027, 6, 1), (2027, 5, 31), (2027, 3, 1), (2027, 4, 30)),
        ((2027, 6, 1), 12, 1, 1, (2028, 6, 1), (2028, 5, 31), (2028, 3, 1), (2028, 4, 30)),
        # From the 31st by six months: 31 July, then 31 January again.
        ((2026, 1, 31), 6, 15, 2, (2027, 1, 31), (2027, 1, 16), (2026, 10, 16), (2026, 12, 16)),
    ],
)
def test_days_known_from_a_calendar(start, months, notice, number, renews, deadline, opens, closes):
    one = renewal(date(*start), Renewing(months=months, notice_days=notice), number)
    found = one.renews_on, one.deadline_on, one.opens_on, one.closes_on
    assert found == (date(*renews), date(*deadline), date(*opens), date(*closes))


@pytest.mark.law("R-FR-20")
@given(start=STARTS, terms=TERMS, later=st.integers(0, 3000))
def test_each_day_has_one_present_term_and_what_is_due_by_then(start, terms, later):
    today = start + timedelta(days=later)
    every = [renewal(start, terms, number) for number in range(1, 3000 // 28 + 8)]
    over = [one for one in every if one.renews_on <= today]
    assert renewals.current(start, terms, today) == (over[-1] if over else None)
    assert renewals.upcoming(start, terms, today) == every[len(over)]
    due = renewals.to_remind(start, terms, today)
    assert list(due) == [
        one for one in every[max(len(over) - 1, 0) :] if one.send_on <= today or one.renews_on <= today
    ]


@pytest.mark.law("R-FR-25")
def test_a_monthly_term_can_never_be_reminded_of_its_first_renewal_and_a_yearly_one_can():
    assert not any(renewals.is_reachable(Renewing(months=1, notice_days=days)) for days in (1, 15, 30))
    assert not renewals.is_reachable(Renewing(months=2, notice_days=31))
    assert all(renewals.is_reachable(Renewing(months=12, notice_days=days)) for days in (1, 30, 90))
    assert not renewals.is_reachable(Renewing(months=12, notice_days=350))


@pytest.mark.law("R-FR-23", "R-FR-24")
def test_what_proves_that_the_customer_was_told():
    one = renewal(date(2026, 3, 10), Renewing(months=12, notice_days=30), 1)
    inside, before, after = one.opens_on, one.opens_on - DAY, one.closes_on + DAY

    def proved(state, sent_on=None, letter_on=None):
        return renewals.is_proved(one, state, sent_on=sent_on, letter_on=letter_on)

    assert proved(ReminderState.SENT, sent_on=inside)
    assert proved(ReminderState.SENT, sent_on=one.closes_on)
    assert proved(ReminderState.LETTER, letter_on=one.closes_on)
    assert not proved(ReminderState.SENT, sent_on=before)
    assert not proved(ReminderState.SENT, sent_on=after)
    assert not proved(ReminderState.LETTER, letter_on=after)
    assert not proved(ReminderState.LETTER, sent_on=inside)  # the mail came back: the letter alone counts
    others = set(ReminderState) - {ReminderState.SENT, ReminderState.LETTER}
    assert not any(proved(state, sent_on=inside, letter_on=inside) for state in others)


@pytest.mark.law("R-FR-23")
@pytest.mark.parametrize(
    ("amount", "ended_on", "back"),
    [
        ("365.00", date(2027, 1, 1), "364.00"),  # the day of the end is one that was performed
        ("365.00", date(2027, 12, 30), "1.00"),
        ("365.00", date(2027, 12, 31), "0.00"),
        ("365.00", date(2028, 5, 1), "0.00"),
        ("100.00", date(2027, 1, 1), "99.73"),  # a day is 0.2739…: 0.27 was performed
        ("100.00", date(2027, 7, 2), "49.87"),  # 183 of 365 days: 50.136… is rounded down, and the rest goes back
    ],
)
def test_an_advance_goes_back_by_the_day_and_cents_are_the_consumers(amount, ended_on, back):
    paid = Money(Decimal(amount), "EUR")
    found = renewals.advance(paid, paid, paid_on=date(2027, 1, 1), paid_until=date(2028, 1, 1), ended_on=ended_on)
    assert found == Money(Decimal(back), "EUR")


@pytest.mark.law("R-FR-23")
@given(
    amount=st.decimals("0.01", "5000", places=2), left=st.decimals("0", "5000", places=2),
    whole=st.integers(1, 800), used=st.integers(-3, 900),
)  # fmt: skip
def test_an_advance_is_never_less_than_its_days_nor_more_than_is_left(amount, left, whole, used):
    start, left = date(2027, 1, 1), min(left, amount)
    found = renewals.advance(
        Money(amount, "EUR"), Money(left, "EUR"),
        paid_on=start, paid_until=start + whole * DAY, ended_on=start + (used - 1) * DAY,
    ).amount  # fmt: skip
    exact = amount * max(whole - max(used, 0), 0) / whole
    assert 0 <= found <= left
    assert found == left or exact <= found < exact + Decimal("0.01")
