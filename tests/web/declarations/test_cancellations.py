"""« Résilier votre contrat », as somebody does it who has no account: form, summary, notification, proof in hand."""

from __future__ import annotations

import pytest

from tests.web.declarations.declaring import TYPED, rows_of


@pytest.fixture
def merchant(make):
    return make.merchant(slug="atelier", name="L’Atelier", locale="fr", support_email="aide@atelier.test")


@pytest.mark.law("R-FR-1", "R-FR-4", "R-FR-7", "R-FR-10", "R-FR-11", "R-FR-12", "R-DP-5")
def test_three_activations_and_the_proof_is_in_hand(browser, merchant, ctx, letters):
    page = browser.get("/atelier/resilier")  # the link, in the footer of every page
    assert page.h1 == "Résilier votre contrat"
    summary = page.submit(press="Vérifier le récapitulatif", **TYPED)
    assert not rows_of(ctx)
    done = summary.submit(press="Notification de la résiliation")
    ((received, declared),) = rows_of(ctx)
    assert received.reference in done.text
    assert (received.name, received.email) == (TYPED["name"], TYPED["email"])
    assert declared.labels["confirm"] == "Notification de la résiliation"
    (mail,) = letters()
    assert mail.recipient == TYPED["email"]
    assert received.reference in mail.text
    assert TYPED["name"] in mail.text
    file = browser.client.get(done.link("PDF"), base_url=browser.base_url)
    assert file.data.startswith(b"%PDF")
