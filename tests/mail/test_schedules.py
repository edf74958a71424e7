"""What is told of the end of a price paid in instalments speaks of a contract and its payments."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from portal.documents.planned_ends import planned_words
from portal.domain.end_requests import Trouble
from portal.domain.subscriptions import Status
from portal.mail import ends, merchants
from portal.mail.facts import NotifiedFacts, ReceivedFacts, WaitingFacts
from tests.mail.facts import LATER, NOW, effects, end, head, plan, proof

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


def spoken(mail):
    """The words of a mail, without what PayPal calls its own."""
    return SUBSCRIPTION.findall((mail.subject + mail.text).replace("PayPal subscription ID", ""))


NOTICE = ReceivedFacts(
    reference="ABCD-EFGH",
    name="Zoé",
    email="zoe@client.test",
    received_at=NOW,
    contract="",
    wished_on=None,
    message="",
    path="/account/atelier",
    is_theirs=True,
)
WAITS = WaitingFacts(
    reference="K7QM-4TXD", product="Cours", customer="", asked_at=NOW, next_payment_at=LATER, is_schedule=True
)
NOTIFIED = NotifiedFacts(
    reference="ABCD-EFGH",
    name="Zoé",
    email="zoe@client.test",
    contract="",
    product="Cours",
    way_label="Letter",
    is_theirs=True,
    planned_on=None,
    received_at=NOW,
    wished_on=None,
    message="",
    recorded_by="",
    next_payment_at=LATER,
    waits_again=False,
    path="/admin/received/1",
    is_schedule=True,
)


@pytest.mark.law("R-FR-60")
@pytest.mark.parametrize("locale", ["fr", "en"])
def test_nor_do_the_mails_around_it_nor_the_merchants(locale):
    whose, told = head(locale), end(is_schedule=True)
    runs_out = planned_words(plan(runs_out_at=LATER, prevented_at=None), whose.formatter)
    with_plan = end(is_schedule=True, planned=runs_out)
    composed = [
        ends.end_plan_withdrawn(whose, told),
        ends.end_overdue(whose, end(is_schedule=True, in_place_of="AAAA-BBBB")),
        ends.request_received(whose, NOTICE),
        ends.request_dismissed(whose, NOTICE),
        ends.end_recorded(whose, with_plan),
        merchants.merchant_end_requested(whose, (with_plan,), more=0, path="/admin/"),
        merchants.merchant_end_requested(whose, (told, told), more=1, path="/admin/"),
        merchants.merchant_notified(whose, (NOTIFIED,), more=0, path="/admin/received/1"),
        merchants.merchant_notified(whose, (NOTIFIED, NOTIFIED), more=0, path="/admin/"),
        merchants.merchant_end_withdrawn(whose, told),
        *(
            merchants.merchant_end_confirmed(whose, told, effects(**one))
            for one in ({}, {"never_started": True}, {"was_at_provider": True}, {"is_access_unknown": True})
        ),
        merchants.merchant_needs_you(
            whose, (replace(WAITS, trouble=Trouble.ACCOUNT_CLOSED),), more=0, path="/admin/", now=NOW
        ),
        merchants.merchant_overdue(whose, (told,), more=0, path="/admin/"),
        merchants.merchant_overdue(whose, (told, told), more=0, path="/admin/"),
        merchants.merchant_end_late(whose, (WAITS,), more=0, path="/admin/"),
    ]
    assert {mail.kind: spoken(mail) for mail in composed if spoken(mail)} == {}
    plain = merchants.merchant_end_withdrawn(whose, end())
    assert spoken(plain), "what is one, is called one"
