"""No mail to, or about, somebody who pays one price in instalments calls that a subscription."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from portal.mail.composing import Composed
from portal.mail.letterhead import Clean
from tests.mail.composed import every_message
from tests.mail.facts import head
from tests.mail.reading import every_message_read

SUBSCRIPTION = re.compile(r"subscri|abonn", re.IGNORECASE)
NO_WORD = re.compile(r"PayPal subscription ID|Numéro d’abonnement PayPal|https?://\S+")  # as it is called there
STAYS = {
    "comeback_approved": "a price that is paid is not taken up again (domain.subscriptions.may_invite_back)",
    "merchant_comeback_approved": "as above",
    "renewal_reminder": "instalments do not renew (domain.plan_kinds)",
    "merchant_renewal_refund": "as above",
    "merchant_key_broken": "of everything under one key, not of one contract",
    "merchant_needs_you": "to the team: what to look for in the PayPal account, where it has that name",
    "staff_invitation": "to a new member of the team: what the desk is for",
    "staff_leaving": "to the team: all that lives at the merchant's",
}


@pytest.fixture
def _paid_in_instalments(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a message is told of is paid in instalments."""
    cleaned = Clean.__post_init__

    def clean(self: Clean) -> None:
        cleaned(self)
        for name, value in {"is_schedule": True, "may_come_back": False}.items():
            if hasattr(self, name):
                object.__setattr__(self, name, value)

    monkeypatch.setattr(Clean, "__post_init__", clean)


def spoken(mail: Composed) -> list[str]:
    """The lines of a mail that speak of a subscription."""
    lines = f"{mail.subject}\n{mail.text}".splitlines()
    return [line for line in lines if SUBSCRIPTION.search(NO_WORD.sub("", line))]


@pytest.mark.law("R-FR-60")
@pytest.mark.usefixtures("_paid_in_instalments")
@pytest.mark.parametrize("locale", ["fr", "en", "de"])
def test_no_mail_calls_a_price_in_instalments_a_subscription(locale):
    said = {(mail.kind, line) for mail in every_message(head(locale)) for line in spoken(mail)}
    assert sorted(one for one in said if one[0] not in STAYS) == []
    assert STAYS.keys() - {kind for kind, _line in said} == set(), "says it no more"


@pytest.mark.law("R-FR-60")
@pytest.mark.parametrize("locale", ["fr", "en"])
def test_what_is_a_subscription_is_called_one(locale):
    said = {read.mail.kind for read in every_message_read(locale) if spoken(read.mail)}
    assert {
        "end_recorded",
        "end_confirmed",
        "end_dated",
        "pause_confirmed",
        "payment_settled",
        "merchant_pause",
    } <= said
