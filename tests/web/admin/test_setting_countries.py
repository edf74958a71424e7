"""Under which countries' law a merchant sells: its own among them, and the public pages that follow."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from portal.domain.audit import Act
from portal.models import AuditEntry, Merchant

PAGE, SAVE = "/admin/settings/countries", "Save the settings"


def stored(ctx, merchant):
    with ctx.db.read() as session:
        row = session.get_one(Merchant, merchant.id)
        return row.country, row.sells_to, row.public_indexed, row.postal_address


@pytest.mark.law("R-FR-3")
def test_the_page_gives_the_exact_words_and_addresses(owner, merchant):
    page = owner.get(PAGE)
    assert "Résilier votre contrat" in page.text
    assert f"http://portal.test/{merchant.slug}/resilier" in page.text


def test_it_is_saved_and_said_in_the_history(owner, ctx, merchant):
    typed = {"sells_to": ["FR", "DE"], "postal_address": "1 rue du Port\n29000 Quimper", "public_indexed": True}
    owner.submit(PAGE, press=SAVE, **typed)
    assert stored(ctx, merchant) == ("FR", ["FR", "DE"], True, typed["postal_address"])
    page = owner.get(PAGE)
    assert "Verträge hier kündigen" in page.text
    assert "France, Germany" in page.text, "in words, among the last changes"


def test_ones_own_country_is_always_sold_to(owner, ctx, merchant):
    page = owner.submit(PAGE, press=SAVE, status=422, sells_to=["DE"])
    assert len(page.errors) == 1
    owner.submit(PAGE, press=SAVE, country="DE", sells_to=["DE"])
    assert stored(ctx, merchant)[:2] == ("DE", ["DE"])
    assert f"/{merchant.slug}/resilier" not in owner.get(PAGE).text.partition("Last changes")[0]


@pytest.mark.law("R-FR-31")
def test_since_when_customers_are_informed_is_the_merchants_word_kept_in_the_chain(owner, ctx, merchant, now):
    def said():
        with ctx.db.read() as session:
            kept = session.scalars(select(AuditEntry).where(AuditEntry.act == Act.SETTINGS_CHANGED)).all()
            row = session.get_one(Merchant, merchant.id)
            return row.withdrawal_informed_since, [one.details.get("withdrawal_informed_since") for one in kept]

    tomorrow = (now + timedelta(days=2)).date()
    page = owner.submit(PAGE, press=SAVE, status=422, withdrawal_informed_since=tomorrow.isoformat())
    assert len(page.errors) == 1
    assert said() == (None, [])
    owner.submit(PAGE, press=SAVE, withdrawal_informed_since="2024-03-01")
    assert said() == (date(2024, 3, 1), [[None, "2024-03-01"]])
    assert "no proof" in owner.get(PAGE).text
    owner.submit(PAGE, press=SAVE, withdrawal_informed_since="")
    assert said()[0] is None
