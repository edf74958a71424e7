"""What to paste on one's site, what is missing, and a tick with its day that the chain keeps."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.models import AuditEntry, Merchant

PAGE, SAVE = "/admin/settings/links", "Save the settings"


@pytest.mark.law("R-FR-3", "R-FR-45")
def test_the_page_gives_links_and_sentences_as_text_and_as_html(owner, merchant):
    page = owner.get(PAGE)
    url = f"http://portal.test/{merchant.slug}/renoncer"
    copied = [one["data-copy"] for one in page.select("[data-copy]")]
    assert f"Renoncer au contrat ici\n{url}" in copied
    assert f'<a href="{url}">Renoncer au contrat ici</a>' in copied
    assert any(text.startswith("Vous pouvez également exercer") and url in text for text in copied)
    assert len(copied) == 2 * 5 * 2, "two languages, five things, text and HTML: no German"


@pytest.mark.law("R-FR-14", "R-FR-48", "R-DE-9")
def test_the_page_names_the_fines(owner):
    said = " ".join(owner.get(PAGE).select_one("#law").get_text(" ").split())
    for words in ("€15,000", "€75,000", "L241-3-1", "L242-13", "at any time and without notice"):
        assert words in said


def test_a_tick_is_kept_with_its_day_and_stands_in_the_chain(owner, ctx, merchant, now):
    page = owner.get(PAGE)
    assert "The link to end a contract" in page.select_one("main .notice").get_text()
    page = page.submit(press=SAVE, placed_cancellation="y")
    with ctx.db.read() as session:
        assert set(session.get_one(Merchant, merchant.id).placed_links) == {"cancellation"}
        entry = session.scalars(select(AuditEntry).where(AuditEntry.subject_kind == "settings.links")).one()
    assert entry.details["placed_cancellation"] == [False, True]
    assert entry.actor_id is not None
    assert "The link to end a contract" not in page.select_one("main .notice").get_text()
    page.submit(press=SAVE, placed_cancellation=None)
    with ctx.db.read() as session:
        assert session.get_one(Merchant, merchant.id).placed_links == {}


def test_the_first_steps_say_what_is_missing_until_it_is_there(owner, ctx, merchant):
    missing = owner.get("/admin/start").select_one("#law")
    assert {anchor.get_text() for anchor in missing.select("a")} >= {
        "Legal notice",
        "The paragraphs of your terms of sale",
    }
    with ctx.db.begin() as session:
        row = session.get_one(Merchant, merchant.id)
        row.legal_url = row.terms_url = row.privacy_url = "https://shop.example/legal"
        row.placed_links = dict.fromkeys(
            ("cancellation", "withdrawal", "notice", "terms", "accessibility"), "2026-11-29"
        )
        row.support_email = "aide@atelier.test"
    assert owner.get("/admin/start").select_one("#law") is None


@pytest.mark.law("R-FR-8")
def test_an_address_that_the_pages_would_name_is_missing_until_it_is_there(owner, ctx, make, merchant):
    def missing():
        return {anchor.get_text() for anchor in owner.get(PAGE).select("main .notice a")}

    with ctx.db.begin() as session:
        session.get_one(Merchant, merchant.id).support_email = None
    assert "Help address" in missing()
    assert "Postal address for letters" not in missing(), "nothing binds for a term: no proof is asked for"
    make.product(merchant, commitment_months=12, commitment_binds=True)
    assert {"Help address", "Postal address for letters"} <= missing()
    with ctx.db.begin() as session:
        row = session.get_one(Merchant, merchant.id)
        row.support_email, row.postal_address = "aide@atelier.test", "1 rue des Lilas, Nantes"
    assert not {"Help address", "Postal address for letters"} & missing()
