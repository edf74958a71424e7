"""How long what is kept, said in another form: figures of the law, and days on a calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from portal.domain.law import retention
from portal.domain.law.retention import CHOSEN, TABLE, Kind

LEAP_DAY = datetime(2028, 2, 29, 12, tzinfo=UTC)


@pytest.mark.law("R-FR-36", "R-CA-3", "R-GD-3")
def test_the_figures_are_those_of_the_law():
    figures = {kind.value: f"{rule.least}-{rule.usual}-{rule.most} {rule.unit}" for kind, rule in TABLE.items()}
    assert figures == {
        "customers": "1-3-3 years",
        "proofs": "5-5-10 years",
        "payments": "10-10-10 years",
        "mails": "1-12-36 months",
        "messages": "30-30-30 days",
        "events": "30-30-30 days",
        "log_ins": "30-30-30 days",
        "exports": "7-7-7 days",
        "files": "7-7-7 days",
    }
    assert set(TABLE) == set(Kind)
    assert [kind.value for kind in CHOSEN] == ["customers", "proofs", "mails"]


@pytest.mark.parametrize(
    ("kind", "since", "until"),
    [
        (Kind.PROOFS, LEAP_DAY, "2033-02-28"),
        (Kind.PAYMENTS, LEAP_DAY, "2038-02-28"),
        (Kind.MAILS, datetime(2026, 1, 31, tzinfo=UTC), "2027-01-31"),
        (Kind.EXPORTS, LEAP_DAY, "2028-03-07"),
    ],
)
def test_it_counts_by_the_calendar(kind, since, until):
    assert f"{retention.until(kind, {}, since):%Y-%m-%d}" == until


@pytest.mark.parametrize(("chosen", "years"), [({}, 5), ({"proofs": 7}, 7), ({"proofs": 2}, 5), ({"proofs": 40}, 10)])
def test_no_choice_leaves_the_bounds(chosen, years):
    assert retention.span(Kind.PROOFS, chosen) == years
    assert retention.before(Kind.PROOFS, chosen, now=datetime(2040, 6, 1, tzinfo=UTC)).year == 2040 - years


def test_the_usual_value_is_no_choice():
    chosen = retention.chosen_with({"mails": 3}, Kind.PROOFS, 8)
    assert chosen == {"mails": 3, "proofs": 8}
    assert retention.chosen_with(chosen, Kind.PROOFS, 5) == {"mails": 3}
