"""Deciding test 9 at the pages: what the recap lists is, word for word, what the account shows after the end."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.documents.facts import ProofFacts
from portal.documents.proofs import wording
from portal.domain.dates.periods import add_months
from portal.domain.subscriptions import Status
from portal.formatting import Formatter
from portal.i18n import Translator
from portal.models import Grant, Proof
from tests.web.customer.conftest import CANCEL

CONTENTS = (("Now", 0), ("While paid", 50), ("Never", 100))


def section(page, heading: str) -> set[str]:
    """The items below a heading, up to the next one."""
    title = next((h for h in page.select("main h2") if h.get_text(strip=True) == heading), None)
    items: set[str] = set()
    for sibling in title.find_next_siblings() if title is not None else ():
        if sibling.name == "h2":
            break
        items |= {item.get_text(" ", strip=True) for item in sibling.select("li")}
    return items


COMBINATIONS = [
    (status, *switches)
    for status in (Status.ACTIVE, Status.PAST_DUE, Status.PAUSED)
    for switches in itertools.product((False, True), repeat=4)
]


@pytest.mark.parametrize(("status", "keeps", "at_once", "kept_paused", "granted"), COMBINATIONS)
def test_9_the_recap_is_what_happens(visit, make, now, status, keeps, at_once, kept_paused, granted):
    product = make.product(
        visit.merchant,
        contents=CONTENTS,
        keep_after_cancellation=keeps,
        stops_at_once=at_once,
        kept_while_paused=kept_paused,
    )
    started = now - timedelta(days=40)
    last_payment = add_months(started, 1)  # as PayPal billed it: it is read again before the call
    paid_until = add_months(last_payment, 1)
    subscription = make.subscription(
        customer=visit.customer,
        product=product,
        status=status,
        started_at=started,
        last_payment_at=last_payment,
        next_payment_at=paid_until,
        paid_until=paid_until,
    )
    if granted:
        make.add(
            Grant(
                merchant_id=visit.merchant.id,
                customer_id=visit.customer.id,
                product_id=product.id,
                since=now - timedelta(days=3),
                until=now + timedelta(days=90),
            )
        )
    recap = visit.recap(subscription)
    promised = section(recap, "What stops") | section(recap, "What stays")
    never = {line for line in promised if line.endswith(": will not open")}
    promised -= never
    now_gone = {line for line in promised if line.endswith(": at once")}
    assert promised
    if at_once and not keeps and not granted:
        assert now_gone == promised == {"Now: at once"}

    recap.submit(press=CANCEL)

    after = visit.browser.get(visit.page(subscription))
    kept = section(after, "Your access")
    promised = {line.replace(": ", " ", 1) for line in promised - now_gone}  # there a name and its days stand apart
    if granted:  # what a grant of the same content outlives is not said to stop
        kept = {line for line in kept if "given to you" in line or "kept without" in line}
        promised = {line for line in promised if "given to you" in line or "kept without" in line}
        assert len(promised) >= len(CONTENTS)
    assert kept == promised
    titles = {line.partition(":")[0] for line in never}
    assert not any(line.startswith(f"{title} ") for title in titles for line in section(after, "Your access"))


@pytest.mark.law("R-DP-3")
def test_a_late_payment_and_a_commitment_are_facts_and_no_threats(visit, make, now):
    product = make.product(visit.merchant, commitment_months=12)
    late = make.subscription(
        customer=visit.customer, product=product, status=Status.PAST_DUE, committed_until=now + timedelta(days=90)
    )
    text = visit.recap(late).text
    assert "A payment is late. Cancelling does not settle it" in text
    assert "Your commitment runs until" in text
    assert "You may cancel before then." in text
    assert "PayPal cannot undo a cancellation" in text


def test_a_commitment_that_binds_is_not_said_to_end_at_once_while_a_payment_is_late(visit, make, now):
    product = make.product(visit.merchant, commitment_binds=True)
    late = make.subscription(
        customer=visit.customer,
        product=product,
        status=Status.PAST_DUE,
        committed_until=now + timedelta(days=90),
        next_payment_at=None,
        at_paypal=False,
    )
    text = visit.recap(late).text
    assert "You may cancel before then." not in text
    assert "The commitment runs until" in text
    assert "PayPal shows no next payment at the moment." in text
    assert "Cancel now" not in text


@pytest.mark.parametrize("locale", ["en", "fr"])
def test_what_was_to_open_later_is_told_with_its_day_as_the_recap_told_it(log_in, make, ctx, now, locale):
    merchant = make.merchant(locale=locale)
    visit = log_in(merchant, make.customer(merchant), language=locale)
    product = make.product(merchant, contents=(("Souffle", 0), ("Balance", 50)), keep_after_cancellation=True)
    started, paid = now - timedelta(days=40), now + timedelta(days=20)
    subscription = make.subscription(
        customer=visit.customer,
        product=product,
        started_at=started,
        last_payment_at=paid - timedelta(days=30),
        next_payment_at=paid,
        paid_until=paid,
    )
    recap = visit.recap(subscription)
    told = next(item.get_text(strip=True) for item in recap.select("main li") if "Balance" in item.text)
    page = recap.submit(press={"en": CANCEL, "fr": "Résilier maintenant"}[locale])
    with ctx.db.read() as session:
        proof = session.scalars(select(Proof)).one()
    words = wording(ProofFacts.read(proof.facts), locale=locale)
    day = Formatter(locale, merchant.time_zone, Translator(locale)).day(started + timedelta(days=50))
    assert day in told
    assert told in [line for _label, lines in words.shown for line in lines]
    assert (f"Souffle, Balance from {day}." if locale == "en" else f"Souffle, Balance à partir du {day}.") in words.lede
    assert words.lede == re.sub(r" \((heure de Paris|Paris time)\)", "", page.select_one(".lede").get_text())
    assert ProofFacts.read(ProofFacts.read(proof.facts).stored()) == ProofFacts.read(proof.facts)
    older = {name: fact for name, fact in proof.facts.items() if name != "opens"}
    assert "Souffle, Balance." in wording(ProofFacts.read(older), locale=locale).lede
    assert ProofFacts.read(older).stored() == older, "a proof without it stays as it was"


@pytest.mark.parametrize(("locale", "press"), [("en", "Check this date"), ("fr", "Vérifier cette date")])
def test_beside_a_day_that_cannot_be_no_button_promises_an_end_at_once(log_in, make, locale, press):
    merchant = make.merchant(locale=locale)
    visit = log_in(merchant, make.customer(merchant), language=locale)
    now = {"en": CANCEL, "fr": "Résilier maintenant"}[locale]
    page = visit.recap(make.subscription(customer=visit.customer)).submit(press=now, on="2001-01-01", status=422)
    labels = [button.get_text(strip=True) for button in page.select("main button")]
    assert now not in labels
    assert press in labels
