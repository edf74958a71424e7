"""The proof of one price paid in instalments speaks of a contract and its payments, never of a subscription."""

from __future__ import annotations

import re

import pytest

from portal.documents.proofs import wording
from portal.domain.ends.end_requests import Basis
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from tests.documents.proof_facts import AT, facts

SUBSCRIPTION = re.compile(r"subscri|abonn", re.IGNORECASE)
STORIES = {
    "cancelled": {},
    "completed": {"outcome": Status.COMPLETED, "actor": Actor.PROVIDER},
    "seen": {"actor": Actor.PROVIDER},
    "by staff": {"actor": Actor.STAFF},
    "asked before": {"actor": Actor.STAFF, "notified_at": AT, "notified_reference": "K7QM-4TXD"},
    "never begun": {"basis": Basis.NEVER_STARTED},
    "over before": {"basis": Basis.ALREADY_OVER, "sent_at": None},
    "over, nobody knows since when": {"basis": Basis.ALREADY_OVER, "sent_at": None, "stopped_at": None},
}


def said(locale: str, *, is_schedule: bool, **changed) -> str:
    """All that it says, but for the rows with PayPal’s own number and state."""
    words = wording(facts(is_schedule=is_schedule, **changed), locale=locale)
    rows = [f"{label}: {value}" for label, value in (*words.lines, *words.rows) if "PayPal" not in label]
    return "\n".join([words.heading, words.lede, *rows])


@pytest.mark.law("R-FR-60")
@pytest.mark.parametrize("locale", ["fr", "en", "de"])
@pytest.mark.parametrize("story", STORIES)
def test_nothing_of_it_is_called_a_subscription(story, locale):
    assert SUBSCRIPTION.findall(said(locale, is_schedule=True, **STORIES[story])) == []
    assert SUBSCRIPTION.findall(said(locale, is_schedule=False, **STORIES[story])), "what is one, is"
