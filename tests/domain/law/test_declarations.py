"""When an unconfirmed declaration is carried out: a day later, but before a payment, and never in the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.law.declarations import due_at

NOW = datetime(2026, 11, 26, 22, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("payment", "hours"),
    [(None, 24), (-1, 24), (0, 24), (1, 0.5), (5, 1), (6, 1), (7, 1), (8, 2), (24, 18), (29, 23), (30, 24), (500, 24)],
)
def test_it_waits_a_day_unless_a_payment_comes_before(payment, hours):
    at = due_at(NOW, NOW + payment * HOUR if payment is not None else None)
    assert at == NOW + hours * HOUR
