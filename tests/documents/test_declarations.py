"""The file that whoever declares keeps: what was declared, when, and what was read and pressed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from portal.documents.declarations import DeclaredFacts, declaration_file
from portal.domain.law.countries import Country, Function
from tests.documents.declaration_facts import declared
from tests.pdf_text import words_of

FACTS = DeclaredFacts(
    function=Function.CANCELLATION,
    country=Country.FR,
    language="fr",
    heading="Résilier votre contrat",
    confirm="Notification de la résiliation",
    text_version="FR-2026-11",
    reference="K7QM-4TXD",
    declared_at=datetime(2026, 11, 29, 23, 30, tzinfo=UTC),
    name="محمد Dupont",
    email="zoe@client.test",
    contract="I-ABC",
    wished_on=date(2027, 3, 2),
    particulars=(("ground", "déménagement"),),
    path="/a/declared/t",
)


@pytest.mark.law("R-FR-12", "R-GD-5", "R-DE-6")
@pytest.mark.parametrize("locale", ["fr", "en"])
def test_it_says_what_was_declared_and_in_which_words(locale):
    file = declaration_file(FACTS, merchant_name="L’Atelier", locale=locale, time_zone="Europe/Paris")
    said = "".join(str(words_of(file.content)).split())
    told = (FACTS.reference, FACTS.heading, FACTS.confirm, FACTS.text_version, FACTS.email, "I-ABC", "déménagement")
    assert [words for words in told if words.replace(" ", "") not in said] == []
    assert "00:30" in said, "in the merchant's zone"
    again = declaration_file(FACTS, merchant_name="L’Atelier", locale=locale, time_zone="Europe/Paris")
    assert again.content == file.content
    assert "Dupont" not in file.name


@pytest.mark.law("R-DE-6")
def test_the_declaration_to_keep_says_in_german_what_was_declared_and_by_which_button():
    file = declaration_file(declared(), merchant_name="L’École", locale="de", time_zone="Europe/Paris")
    said = words_of(file.content)
    for words in (
        *("28. November 2026 um 15:07 Uhr (Ortszeit Paris)", "KXHT-7M4P", "Zoë Grün", "jetzt kündigen"),
        *("außerordentlich (aus wichtigem Grund)", "Das Studio ist geschlossen.", "zum frühestmöglichen Zeitpunkt"),
    ):
        assert words.replace(" ", "") in said
    assert file.name == "erklaerung-KXHT-7M4P.pdf"
