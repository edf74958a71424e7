"""„Vertrag widerrufen“, „Widerruf bestätigen“, and what is told of it, in German (§ 356a BGB)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.law.countries import Function
from portal.models import Mail
from portal.services.declarations import deciding
from tests.web.declarations.declaring import TYPED, rows_of
from tests.web.declarations.test_german_ends import LINK

PAGE, ENTRY, BUTTON = "/atelier/widerrufen", "Vertrag widerrufen", "Widerruf bestätigen"
ASKED = {"name", "contract", "email"}


@pytest.fixture
def merchant(make):
    return make.merchant(slug="atelier", name="L’Atelier", locale="fr", sells_to=["FR", "DE"])


def declare(page):
    return page.submit(press=BUTTON, **{name: TYPED[name] for name in ASKED})


@pytest.mark.law("R-DE-20", "R-EU-1", "R-EU-2", "R-EU-3", "R-EU-4", "R-EU-7", "R-DP-5")
def test_two_activations_and_the_acknowledgement_is_there(browser, merchant, ctx, letters):
    page = browser.get("/account/atelier/login").follow(ENTRY)
    assert (page.path, page.h1, page.language) == (PAGE, ENTRY, "de")
    form = page.form(press=BUTTON)
    assert {one["name"] for one in form.select("input:not([type=hidden]), select, textarea")} == ASKED
    (button,) = form.select("button")
    assert (button.get_text(), button.find_all(True)) == (BUTTON, [])
    done = declare(page)
    ((received, declared),) = rows_of(ctx)
    assert (declared.kind, declared.language) == (Function.WITHDRAWAL, "de")
    assert (done.h1, done.language) == ("Ihr Widerruf ist eingegangen", "de")
    file = browser.client.get(done.link("Erklärung speichern"), base_url=browser.base_url)
    assert file.data.startswith(b"%PDF")
    (mail,) = letters()
    assert mail.subject.startswith("Eingangsbestätigung Ihres Widerrufs bei L’Atelier")
    for said in (received.reference, TYPED["name"], "Uhr"):
        assert said in mail.text


def test_what_follows_is_told_in_german_at_the_address_on_file(browser, merchant, make, ctx, letters):
    make.subscription(customer=make.customer(merchant, email=TYPED["email"]))
    declare(browser.get(PAGE))
    deciding.decide(ctx, rows_of(ctx)[-1][0].id, now=utc_now())
    link = letters()[-1]
    assert link.subject.startswith("Widerrufen Sie einen Vertrag mit L’Atelier?")
    page = browser.get(LINK.search(link.text)[1])
    assert (page.language, page.h1) == ("de", "Haben Sie den Vertrag widerrufen?")
    confirmed = page.submit(press="Ich war es: jetzt widerrufen")
    assert "Ihr Widerruf ist bestätigt" in confirmed.text
    assert "Vertragsende ist veranlasst" not in confirmed.text
    with ctx.db.read() as session:
        languages = dict(session.execute(select(Mail.kind, Mail.language)).all())
    assert languages["withdrawal_accepted"] == "de"
    assert languages["end_confirmed"] == "de"
    assert any("Sie haben den Vertrag" in one.text for one in letters())
