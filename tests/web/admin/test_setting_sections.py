"""Which sections customers see: each by itself, its effect shown, two editors, before and after in the chain."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.domain.merchants.sections import Section
from portal.models import AuditEntry, Merchant
from portal.web.admin.settings.settings_forms import SECTION

PAGE, SAVE = "/admin/settings/sections", "Save the settings"


def hidden(ctx, merchant):
    with ctx.db.read() as session:
        return session.get_one(Merchant, merchant.id).hidden_sections


def test_all_are_shown_until_somebody_decides_and_each_has_words(owner, ctx, merchant):
    assert set(SECTION) == set(Section)
    page = owner.get(PAGE)
    boxes = page.select('main input[type="checkbox"]')
    assert [box["name"] for box in boxes] == [f"shows_{one.value}" for one in Section]
    assert all(box.has_attr("checked") for box in boxes)
    assert hidden(ctx, merchant) == []


def test_one_is_left_out_and_comes_back(owner, ctx, merchant):
    page = owner.submit(PAGE, press=SAVE, shows_pauses=False)
    assert page.notices == ["The settings are saved."]
    assert hidden(ctx, merchant) == ["pauses"]
    owner.submit(PAGE, press=SAVE, shows_history=False)
    assert hidden(ctx, merchant) == ["history", "pauses"]
    owner.submit(PAGE, press=SAVE, shows_pauses=True)
    assert hidden(ctx, merchant) == ["history"]


def test_the_effect_of_both_positions_is_shown_before_anything_is_saved(owner, ctx, merchant):
    page = owner.submit(PAGE, press="Show the effect first", shows_comebacks=False)
    assert "They are not saved yet." in page.text
    titles = [one.get_text() for one in page.select("#effect figcaption")]
    assert titles.count("Shown: chosen above") == len(Section) - 1
    assert titles.count("Left out: chosen above") == 1
    assert len(titles) == 2 * len(Section)
    assert hidden(ctx, merchant) == []


def test_of_two_editors_the_second_is_told_and_overwrites_nothing(owner, manager, ctx, merchant):
    stale = manager.get(PAGE)
    owner.submit(PAGE, press=SAVE, shows_payments=False)
    page = stale.submit(press=SAVE, shows_history=False, status=409)
    assert hidden(ctx, merchant) == ["payments"]
    page.submit(press=SAVE)
    assert hidden(ctx, merchant) == ["history", "payments"]


def test_the_chain_has_before_and_after_and_the_page_what_was_saved(owner, ctx, merchant):
    owner.submit(PAGE, press=SAVE, shows_pauses=False)
    with ctx.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "settings.changed")).one()
    assert entry.details["shows_pauses"] == [True, False]
    assert entry.subject_kind == "settings.sections"
    assert "Pause" in owner.get(PAGE).text


@pytest.mark.parametrize("role", ["reader", "support"])
def test_who_may_only_look_changes_nothing(request, role, ctx, merchant):
    browser = request.getfixturevalue(role)
    page = browser.get(PAGE)
    assert "Only a manager or an owner can change this." in page.text
    assert not page.select("main form")
