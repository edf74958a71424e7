"""What is told of the end of a price paid in instalments speaks of a contract and its payments."""

from __future__ import annotations

import re

import pytest

from portal.domain.subscriptions import Status
from portal.mail import ends
from tests.mail.facts import effects, end, head, proof

SUBSCRIPTION = re.compile(r"subscri|abonn", re.IGNORECASE)


@pytest.mark.law("R-FR-60")
@pytest.mark.parametrize("locale", ["fr", "en", "de"])
def test_no_mail_of_its_end_calls_it_a_subscription(locale):
    whose, told, what = head(locale), end(is_schedule=True), effects(kept=(), access_until=None)
    composed = [
        ends.end_recorded(whose, told),
        ends.end_withdrawn(whose, told),
        ends.end_moved(whose, told),
        ends.end_dated(whose, told, what, by_hand=True),
        ends.end_dated(whose, told, what, by_hand=False),
    ]
    for mail in composed:
        assert SUBSCRIPTION.findall(mail.subject + mail.text) == [], mail.kind
    plain = ends.end_recorded(whose, end())
    assert SUBSCRIPTION.findall(plain.subject + plain.text), "what is one, is called one"


@pytest.mark.law("R-FR-60")
@pytest.mark.parametrize("locale", ["fr", "en", "de"])
@pytest.mark.parametrize("outcome", [Status.CANCELLED, Status.COMPLETED])
def test_nor_does_the_confirmation(locale, outcome):
    whose, told = head(locale), end(is_schedule=True)
    for what in (effects(outcome=outcome), effects(outcome=Status.CANCELLED, never_started=True)):
        words = proof(whose, told, what)
        assert SUBSCRIPTION.findall(ends.end_confirmed(whose, told, what, words).subject) == []
        assert SUBSCRIPTION.findall(ends.end_already_over(whose, told, what, words).subject) == []
