"""The payment that a waiting end prevents, and when PayPal is told of it (cancellation.md, rule 10)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.dates.billing import Terms, Trial, payments_from, term_end
from portal.domain.dates.end_dates import WaitReason, first_avoidable, is_completed, is_late, latest, schedule
from portal.domain.dates.periods import Interval, Unit
from tests.domain.dates.test_paid_time import bills

MONTHLY = Interval(Unit.MONTH)
COMMITMENT, NOTICE, WISH = WaitReason.COMMITMENT, WaitReason.NOTICE, WaitReason.WISH


def at(month: int, day: int, year: int = 2027, hour: int = 10) -> datetime:
    return datetime(year, month, day, hour, 0, tzinfo=UTC)


def payments(next_payment, interval=MONTHLY, *, start=None, clamps=True, last=None, trials=(), is_retry=False):
    """PayPal's payments, by default of one that begins with the next one and keeps its month ends."""
    terms = Terms(started_at=start or next_payment, interval=interval, clamps=clamps, trials=trials)
    return payments_from(terms, next_payment, payments=(last,) if last is not None else (), is_retry=is_retry)


def planned(next_payment, owed_until, interval=MONTHLY):
    return schedule(NOTICE, owed_until, payments(next_payment, interval))


@pytest.mark.parametrize(
    ("next_payment", "owed_until", "taken", "last", "prevented"),
    [
        (at(1, 31), at(2, 1), 1, at(1, 31), at(2, 28)),
        (at(1, 31), at(3, 1), 2, at(2, 28), at(3, 31)),  # counted from the start, so that the day comes back
        (at(1, 31), at(12, 1), 11, at(11, 30), at(12, 31)),
        (at(1, 31), at(1, 31, hour=11), 1, at(1, 31), at(2, 28)),  # an hour after the payment: it is owed
    ],
)
def test_what_is_still_taken_and_the_first_payment_that_is_not(next_payment, owed_until, taken, last, prevented):
    found = planned(next_payment, owed_until)
    assert (found.payments, found.last_payment_at, found.prevented_at) == (taken, last, prevented)
    assert last < found.due_at < prevented
    assert found.due_at - last >= timedelta(days=11), "PayPal has tried the last payment owed three times"
    assert prevented - found.due_at >= timedelta(days=3), "hours of retries fit before the payment that is not owed"


YEARLY = Interval(Unit.YEAR)


@pytest.mark.parametrize(
    ("interval", "owed_until", "earliest", "due"),
    [
        (YEARLY, at(7, 15, hour=0), at(7, 15, hour=0), at(7, 15, hour=0)),  # the wished day, not half a year later
        (YEARLY, at(1, 31, year=2028), at(1, 28, year=2028), at(1, 28, year=2028)),  # three days before the next one
        (MONTHLY, at(2, 2), at(2, 2), at(2, 11)),  # as soon as the payment of 31 January is seen, else eleven days on
        (MONTHLY, at(2, 20), at(2, 20), at(2, 20)),
        (MONTHLY, at(2, 27), at(2, 25), at(2, 25)),
        (Interval(Unit.DAY, 14), at(2, 1), at(2, 1), at(2, 11)),  # eleven days after one is three before the other
        (Interval(Unit.DAY, 12), at(2, 1), at(2, 6), at(2, 6)),  # no room for both: the middle
        (Interval(Unit.WEEK), at(2, 6), at(2, 3, hour=22), at(2, 3, hour=22)),
    ],
)
def test_paypal_is_told_at_the_earliest_safe_moment_on_or_after_the_wished_day(interval, owed_until, earliest, due):
    found = schedule(WISH, owed_until, payments(at(1, 31), interval), is_wished=True)
    assert (found.earliest_at, found.due_at) == (earliest, due)


@pytest.mark.parametrize(
    ("wished", "due"),
    [(at(1, 15), at(1, 15)), (at(1, 30), at(1, 28)), (at(1, 31), at(1, 28))],  # never within three days of a payment
)
def test_a_wished_day_before_the_next_payment_is_waited_for_all_the_same(wished, due):
    found = schedule(WISH, wished, payments(at(1, 31)), is_wished=True)
    assert (found.taken, found.prevented_at, found.due_at) == ((), at(1, 31), due)


def test_only_payments_that_the_wished_day_alone_leaves_can_be_avoided():
    wish = schedule(WISH, at(4, 1), payments(at(1, 31)), is_wished=True)
    assert first_avoidable(wish, None) == at(1, 31)
    assert first_avoidable(wish, planned(at(1, 31), at(2, 5))) == at(2, 28)
    assert first_avoidable(wish, planned(at(1, 31), at(4, 1))) is None


@pytest.mark.parametrize("owed_until", [at(1, 15), at(1, 31)])
def test_without_a_payment_owed_paypal_is_told_at_once(owed_until):
    """A payment at the very moment until which payments are owed is not owed."""
    assert planned(at(1, 31), owed_until) is None


# A finite plan: PayPal ends it by itself after its last payment


def finite(cycles, named, *, came=(), trials=()):
    terms = Terms(started_at=at(1, 15), interval=MONTHLY, clamps=True, cycles=cycles, trials=trials)
    return list(payments_from(terms, named, payments=came))


@pytest.mark.parametrize(
    ("cycles", "named", "left", "end"),
    [
        (4, at(4, 15), 1, at(5, 15)),
        (4, at(1, 15), 4, at(5, 15)),
        (6, at(4, 15), 3, at(7, 15)),
        (3, at(4, 15), 1, at(5, 15)),  # PayPal names one more than we count: it is taken
    ],
)
def test_a_finite_plans_payments_stop_at_its_end(cycles, named, left, end):
    *payments, over = finite(cycles, named)
    assert (len(payments), over.begins, over.is_end) == (left, end, True)
    assert not any(one.is_end for one in payments)


def test_a_finite_plans_trials_come_before_its_regular_payments():
    weeks = Trial(Interval(Unit.WEEK), 2, is_free=False)
    assert [one.early for one in finite(2, at(1, 15), trials=(weeks,))] == [
        at(1, 15),
        at(1, 22),
        at(1, 29),
        at(2, 28),
        at(3, 29),
    ]


def test_a_payment_that_a_pause_left_out_is_made_up_for_where_all_are_known():
    came = (at(1, 15), at(2, 15))  # none in March and April
    assert len(finite(4, at(5, 15), came=came)) == 2 + 1
    assert len(finite(4, at(5, 1), came=came)) == 2 + 1, "also from another day on"
    assert len(finite(8, at(5, 15), came=(at(2, 15),))) == 4 + 1, "the first is not known: by the start"


def test_an_end_wished_after_a_plans_own_end_is_that_of_the_plan():
    terms = Terms(started_at=at(1, 15), interval=MONTHLY, clamps=True, cycles=4)
    found = schedule(WISH, at(12, 1), payments_from(terms, at(4, 15)), is_wished=True)
    assert (found.taken, found.prevented_at, found.runs_out_at) == ((at(4, 15),), None, at(5, 15))
    assert (found.paid_until, found.earliest_at) == (at(5, 15), at(4, 15)), "PayPal ends it with its last payment"
    assert at(4, 26) <= found.due_at <= at(5, 12)
    before = schedule(WISH, at(4, 2), payments_from(terms, at(4, 15)), is_wished=True)
    assert (before.taken, before.prevented_at, before.runs_out_at) == ((), at(4, 15), None)
    paid = schedule(WISH, at(12, 1), payments_from(terms, at(4, 15), payments=(at(4, 15),)), is_wished=True)
    assert (paid.taken, paid.runs_out_at) == ((), at(5, 15))


# A payment that came is none to come


@pytest.mark.parametrize(
    ("came", "first"),
    [
        (at(4, 15), at(5, 15)),
        (at(4, 15, hour=11), at(5, 15)),
        (at(4, 20), at(5, 15)),  # a new try
        (at(5, 15, hour=11), at(6, 15)),  # two that the read does not know
        (at(4, 14, hour=14), at(4, 15)),  # up to a day before: PayPal's date decides
        (at(3, 15), at(4, 15)),
    ],
)
def test_a_payment_already_seen_is_not_told_as_to_come(came, first):
    assert next(payments(at(4, 15), start=at(1, 15), last=came)).early == first


@pytest.mark.parametrize(
    ("came", "named", "is_seen"),
    [
        (None, at(5, 15), False),
        (at(4, 15), at(4, 15), True),  # the read lags behind
        (at(4, 15), at(5, 15), True),
        (at(4, 14, hour=14), at(4, 15), False),  # PayPal still names the one that is owed
        (at(4, 14, hour=14), at(5, 15), True),
        (at(4, 14, hour=9), at(5, 15), False),
    ],
)
def test_the_payment_awaited_is_seen_by_one_at_its_moment_or_by_a_later_date(came, named, is_seen):
    assert is_completed(at(4, 15), came, named=named) is is_seen


# PayPal's dates at month ends: reckoned from the start, by the way that was seen, else safe by both


@pytest.mark.parametrize(
    ("clamps", "next_payment", "prevented"),
    [
        (True, at(2, 28), at(3, 31)),  # begun on the 31st: the day comes back
        (None, at(2, 28), at(3, 31)),  # the date that PayPal names shows its way
        (False, at(3, 1), at(4, 1)),
        (None, at(3, 1), at(4, 1)),
        (True, at(4, 30), at(5, 31)),
    ],
)
def test_7_the_payment_after_a_clamped_or_moved_one_is_reckoned_from_the_start(clamps, next_payment, prevented):
    begun = at(1, 31, year=2026)
    found = schedule(
        NOTICE, next_payment + timedelta(days=5), payments(next_payment, start=begun, clamps=clamps), is_wished=True
    )
    assert (found.taken, found.prevented_at) == ((next_payment,), prevented)


def test_7_while_paypals_way_is_not_seen_the_call_is_safe_by_both():
    """Begun on 31 July: after 31 August PayPal bills on 30 September or 1 October, then on 31 October or 1 November."""
    begun = at(7, 31)
    found = schedule(WISH, at(9, 10), payments(at(8, 31), start=begun, clamps=None), is_wished=True)
    assert found.due_at == at(9, 11)
    assert found.safe_until == at(9, 27), "three days before the earlier"
    assert found.prevented_at == at(10, 1), "until the later it is paid"
    later = schedule(WISH, at(10, 5), payments(at(8, 31), start=begun, clamps=None), is_wished=True)
    assert later.taken == (at(8, 31), at(9, 30))
    assert later.safe_from == at(10, 12), "eleven days after the later"
    assert later.prevented_at == at(11, 1)


@pytest.mark.parametrize(("wished", "taken"), [(at(9, 30, hour=9), 1), (at(10, 1, hour=0), 2), (at(10, 1, hour=11), 2)])
def test_7_a_payment_on_one_of_two_days_around_the_wished_one_is_told_as_taken(wished, taken):
    found = schedule(WISH, wished, payments(at(8, 31), start=at(7, 31), clamps=None), is_wished=True)
    assert found.payments == taken


@pytest.mark.parametrize("clamps", [True, False, None])
@pytest.mark.parametrize("hour", [4, 10, 16])
def test_7_a_commitment_of_six_periods_owes_six_at_whatever_hour_paypal_bills(clamps, hour):
    terms = Terms(started_at=at(8, 31), interval=MONTHLY, clamps=clamps)
    found = schedule(COMMITMENT, term_end(terms, 6), payments_from(terms, at(8, 31, hour=hour)))
    assert found.payments == 6


def test_7_a_date_that_fits_the_last_payment_goes_on_from_there_and_a_stranger_from_itself():
    resumed = payments(at(2, 28), start=at(1, 12, year=2026), last=at(1, 31))
    assert [next(resumed).early for _ in range(3)] == [at(2, 28), at(3, 31), at(4, 30)]
    again = payments(at(3, 31), start=at(1, 12, year=2026), last=at(2, 28))
    assert [next(again).early for _ in range(2)] == [at(3, 31), at(4, 30)], "never from the 28th"


@pytest.mark.parametrize(("is_retry", "following"), [(True, at(2, 12)), (False, at(2, 17))])
def test_7_a_new_try_does_not_move_the_payments_after_it(is_retry, following):
    tried = payments(at(1, 17), start=at(1, 12, year=2026), is_retry=is_retry)
    assert [next(tried).early for _ in range(2)] == [at(1, 17), following]


def test_7_a_trials_periods_come_before_the_regular_ones():
    weeks = Trial(Interval(Unit.WEEK), 3, is_free=False)
    to_come = payments(at(1, 11), start=at(1, 4), trials=(weeks,))
    assert [next(to_come).early for _ in range(4)] == [at(1, 11), at(1, 18), at(1, 25), at(2, 25)]


@given(
    start=st.dates(date(2024, 1, 1), date(2030, 12, 31)),
    every=st.sampled_from([1, 2, 3, 6, 12]),
    number=st.integers(0, 24),
    ahead=st.integers(0, 500),
    moves=st.booleans(),
    is_seen=st.booleans(),
)
def test_7_paypal_is_told_after_what_is_owed_and_before_what_is_spared_by_both_its_ways(
    start, every, number, ahead, moves, is_seen
):
    """Whatever PayPal then does: no payment that was told as taken is spared, and none that was spared is taken."""
    days = [bills(start, every, place, moves=moves) for place in range(number, number + 560 // (28 * every) + 3)]
    real = [datetime.combine(day, time(10), tzinfo=UTC) for day in days]
    interval = Interval(Unit.YEAR) if every == 12 else Interval(Unit.MONTH, every)
    terms = Terms(
        started_at=datetime.combine(start, time(10), tzinfo=UTC),
        interval=interval,
        clamps=not moves if is_seen else None,
    )
    wished = real[0] + timedelta(days=ahead)
    found = schedule(WISH, wished, payments_from(terms, real[0]), is_wished=True)
    owed, spared = real[: found.payments], real[found.payments :]
    assert all(before < found.due_at for before in owed)
    assert found.due_at <= spared[0] - timedelta(days=3)
    assert found.prevented_at >= spared[0]
    assert all(told <= taken for told, taken in zip(found.taken, owed, strict=True))
    assert [one for one in owed if one < wished] == [one for one in real if one < wished], "none owed is spared"
    assert len(owed) - len([one for one in real if one < wished]) <= (not is_seen), "one day's doubt, one payment"


@pytest.mark.parametrize(
    ("reasons", "found"),
    [
        ({COMMITMENT: None, NOTICE: None, WISH: None}, None),
        ({COMMITMENT: at(1, 1), NOTICE: at(1, 9)}, None),  # past, or now
        ({COMMITMENT: at(2, 1), NOTICE: at(3, 1), WISH: at(2, 15)}, (NOTICE, at(3, 1))),
        ({COMMITMENT: at(4, 1), NOTICE: at(3, 1), WISH: at(2, 15)}, (COMMITMENT, at(4, 1))),
        ({COMMITMENT: None, NOTICE: at(1, 8), WISH: at(2, 15)}, (WISH, at(2, 15))),
    ],
)
def test_the_reason_that_reaches_furthest_counts(reasons, found):
    assert latest(reasons, now=at(1, 9)) == found


def test_a_planned_end_is_late_before_an_hour_is_over():
    due = at(5, 5)
    assert not is_late(None, now=due)
    assert not is_late(due, now=due + timedelta(minutes=44))
    assert is_late(due, now=due + timedelta(minutes=50))
