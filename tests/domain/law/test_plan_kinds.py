"""The kind of contract of a plan: which answers fit it, and what the merchant is told beside them."""

from __future__ import annotations

import pytest

from portal.domain.dates.periods import Interval, Unit
from portal.domain.law.plan_kinds import (
    Caution,
    KindAnswer,
    PlanKind,
    Supply,
    Wrong,
    WrongKind,
    cautions,
    check,
    is_long,
)

YEARLY, MONTHLY = Interval(Unit.YEAR, 1), Interval(Unit.MONTH, 1)
TACIT, SPREAD = PlanKind.TACIT_RENEWAL, PlanKind.INSTALMENTS


@pytest.mark.law("R-FR-25", "R-FR-60")
@pytest.mark.parametrize(
    ("answer", "cycles", "why"),
    [
        (KindAnswer(kind=PlanKind.OPEN_ENDED), 0, None),
        (KindAnswer(kind=PlanKind.OPEN_ENDED), 12, None),
        (KindAnswer(kind=TACIT, term_months=12, notice_days=30), 0, None),
        (KindAnswer(kind=TACIT, term_months=12, notice_days=30), 12, Wrong.ENDS_ITSELF),
        (KindAnswer(kind=TACIT, notice_days=30), 0, Wrong.NO_TERM),
        (KindAnswer(kind=TACIT, term_months=0, notice_days=30), 0, Wrong.NO_TERM),
        (KindAnswer(kind=TACIT, term_months=12), 0, Wrong.NO_NOTICE),
        (KindAnswer(kind=TACIT, term_months=12, notice_days=0), 0, Wrong.NO_NOTICE),
        (KindAnswer(kind=SPREAD, supply=Supply.AT_ONCE), 3, None),
        (KindAnswer(kind=SPREAD, supply=Supply.AT_ONCE), 0, Wrong.NEVER_ENDS),
        (KindAnswer(kind=SPREAD), 3, Wrong.NO_SUPPLY),  # R-FR-60: asked, never supposed
    ],
)
def test_an_answer_that_does_not_fit_the_plan_is_refused_with_its_reason(answer, cycles, why):
    if why is None:
        check(answer, cycles=cycles)
        return
    with pytest.raises(WrongKind) as refused:
        check(answer, cycles=cycles)
    assert refused.value.why is why


@pytest.mark.law("R-FR-25")
def test_a_monthly_fixed_term_is_warned_of():
    monthly = KindAnswer(kind=TACIT, term_months=1, notice_days=5)
    assert cautions(monthly, interval=MONTHLY, cycles=0) == (Caution.WINDOW,)
    assert cautions(KindAnswer(kind=TACIT, term_months=12, notice_days=30), interval=YEARLY, cycles=0) == ()


@pytest.mark.law("R-FR-60")
@pytest.mark.parametrize(
    ("supply", "interval", "cycles", "warned"),
    [
        (Supply.AT_ONCE, MONTHLY, 2, False),  # 31 days at most
        (Supply.AT_ONCE, MONTHLY, 3, True),  # two months
        (Supply.AT_ONCE, Interval(Unit.WEEK, 1), 8, False),  # 49 days
        (Supply.AT_ONCE, Interval(Unit.DAY, 10), 6, False),  # 50 days, and no more
        (Supply.AT_ONCE, Interval(Unit.DAY, 17), 4, True),  # 51
        (Supply.AT_ONCE, None, 3, True),  # unknown: it may
        (Supply.CONTINUING, MONTHLY, 12, False),
    ],
)
def test_what_is_supplied_at_once_and_paid_over_more_than_50_days_may_be_credit(supply, interval, cycles, warned):
    found = cautions(KindAnswer(kind=SPREAD, supply=supply), interval=interval, cycles=cycles)
    assert found == ((Caution.CREDIT,) if warned else ())
    assert supply is Supply.CONTINUING or is_long(interval, cycles) is warned
