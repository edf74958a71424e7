"""A new password that stands in a list of stolen ones is not taken, wherever one is chosen."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from portal.clock import utc_now
from portal.models import Staff
from portal.services.people import staff_passwords
from portal.services.people.staff_passwords import Weakness, WeakPassword
from tests.services.people.test_logins import hire

STOLEN = "vieille phrase que tout le monde a vue"


class Known:
    """A list that knows one password, and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def holds(self, password):
        self.asked.append(password)
        return password == STOLEN


@pytest.mark.law("R-GD-10")
def test_one_that_was_stolen_changes_nothing(ctx, make):
    lea = hire(ctx, make.merchant(), "quatre mots sans aucun rapport").staff
    who = SimpleNamespace(id=lea.id, merchant_id=lea.merchant_id, session_id=None)
    asking = replace(ctx, breaches=Known())
    with pytest.raises(WeakPassword) as weak:
        staff_passwords.change(asking, who, STOLEN, now=utc_now())
    assert weak.value.weakness is Weakness.STOLEN
    with ctx.db.read() as session:
        assert ctx.passwords.verify("quatre mots sans aucun rapport", session.get_one(Staff, lea.id).password_hash)


def test_what_is_too_short_or_too_long_is_not_asked_about(ctx):
    asking = replace(ctx, breaches=Known())
    for password in ("short", "x" * 257):
        staff_passwords.check_stolen(asking, password)
    assert asking.breaches.asked == []
