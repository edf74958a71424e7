"""An end that was declared in German: what the mailbox on file reads, the confirmation, the proof (decisions/0041)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.documents.facts import ProofFacts
from portal.models import Mail, Proof
from portal.queries.law import declarations as stored
from portal.services.carrying import end_carrying
from portal.services.declarations import carrying, deciding
from portal.services.proofs import file_of
from tests.web.declarations.declaring import TYPED, question_taken, rows_of

LINK = re.compile(r"http://portal\.test(/atelier/declarations/\S+)")


@pytest.fixture
def merchant(make):
    return make.merchant(slug="atelier", name="L’Atelier", locale="fr", sells_to=["FR", "DE"])


@pytest.fixture
def subscription(make, merchant):
    return make.subscription(customer=make.customer(merchant, email=TYPED["email"], name="Zoé Martin"))


def declare(browser, ctx, **typed):
    """Declare on the German page, and let the job look at it."""
    browser.submit("/atelier/kuendigen", press="jetzt kündigen", **{**TYPED, **typed})
    received, _ = rows_of(ctx)[-1]
    deciding.decide(ctx, received.id, now=utc_now())
    return received


def told(ctx, kind):
    with ctx.db.read() as session:
        return session.scalars(select(Mail.language).where(Mail.kind == kind)).all()


def proof(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(Proof)).one()


@pytest.mark.law("R-DE-7")
def test_the_mailbox_on_file_confirms_and_reads_of_the_end_in_german(browser, subscription, ctx, letters):
    declare(browser, ctx)
    link = letters()[-1]
    assert link.subject.startswith("Kündigen Sie bei L’Atelier?")
    page = browser.get(LINK.search(link.text)[1])
    assert (page.language, page.h1) == ("de", "Haben Sie gekündigt?")
    page = page.submit(press="Ich war es: kündigen")
    assert (page.language, page.h1) == ("de", "Sie haben bestätigt")
    confirmed = [one for one in letters() if one.recipient == TYPED["email"]][-1]
    assert "Ihr Abonnement ist gekündigt. PayPal hat das am" in confirmed.text
    assert told(ctx, "end_recorded") + told(ctx, "end_confirmed") == ["de", "de"]
    facts = ProofFacts.read(proof(ctx).facts)
    assert facts.locale == "de"
    file = file_of(proof(ctx))
    assert file.name.startswith("nachweis-")
    assert b"/Lang(de)" in file.content


@pytest.mark.parametrize(("theirs", "language"), [("fr", "fr"), (None, "de")])
def test_a_stranger_does_not_choose_the_language_of_the_mailbox_on_file(
    browser, make, merchant, ctx, theirs, language, paypal
):
    subscription = make.subscription(customer=make.customer(merchant, email=TYPED["email"], locale=theirs))
    received = declare(browser, ctx, contract=subscription.provider_id)
    assert told(ctx, "declaration_link") == [language]
    with ctx.db.read() as session:
        due_at = stored.of_received(session, received.id).due_at
    question_taken(ctx)
    recorded = carrying.carry(ctx, received.id, now=due_at + timedelta(minutes=1))
    end_carrying.carry_out(ctx, merchant.id, recorded.request_id)
    assert told(ctx, "end_confirmed") == [language]
    assert ProofFacts.read(proof(ctx).facts).locale == language


def test_an_end_that_nobody_declared_in_german_is_never_told_in_it(make, merchant, ctx, subscription, browser, letters):
    with ctx.db.begin() as session:
        session.merge(subscription.customer).locale = "de"  # as an import may have left it
    browser.submit("/atelier/resilier", press="Vérifier le récapitulatif", **TYPED).submit(
        press="Notification de la résiliation"
    )
    received, _ = rows_of(ctx)[-1]
    deciding.decide(ctx, received.id, now=utc_now())
    assert "de" not in told(ctx, "declaration_received") + told(ctx, "declaration_link")
