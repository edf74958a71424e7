"""Where tasks may lead back to: kept as it is compared, said why not, two editors, in the chain with what it was."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.models import AuditEntry, Merchant

PAGE, SAVE = "/admin/settings/returns", "Save the settings"


def stored(ctx, merchant):
    with ctx.db.read() as session:
        return session.get_one(Merchant, merchant.id).return_addresses


def test_addresses_are_kept_as_they_are_compared_each_once(owner, ctx, merchant):
    page = owner.submit(
        PAGE, press=SAVE, return_addresses="Shop.Example/Me\r\n\r\nhttps://shop.example/Me\nhttps://b.example"
    )
    assert page.notices == ["The settings are saved."]
    assert stored(ctx, merchant) == ["https://shop.example/Me", "https://b.example"]
    assert page.soup.select_one("textarea").get_text().strip() == "https://shop.example/Me\nhttps://b.example"
    owner.submit(PAGE, press=SAVE, return_addresses="")
    assert stored(ctx, merchant) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "http://shop.example",
        "https://shop.example:8443/me",
        "https://me@shop.example",
        "https://shop.example/a/../b",
        "https://shop.example/%2e%2e/",
        "https://shop.example/me?x=1",
        "https://localhost/",
        "javascript:alert(1)",
        "https://shop.example\\@evil.example",
    ],
)
def test_what_browsers_could_read_in_two_ways_is_refused_and_kept_in_the_form(owner, ctx, merchant, wrong):
    page = owner.submit(PAGE, press=SAVE, return_addresses=f"https://good.example\n{wrong}", status=422)
    assert len(page.errors) == 1
    assert "cannot be taken" in page.errors[0]
    assert "https://good.example" in page.soup.select_one("textarea").get_text()
    assert stored(ctx, merchant) == []


def test_of_two_editors_the_second_is_told_and_overwrites_nothing(owner, manager, ctx, merchant):
    stale = manager.get(PAGE)
    owner.submit(PAGE, press=SAVE, return_addresses="https://a.example")
    page = stale.submit(press=SAVE, return_addresses="https://b.example", status=409)
    assert stored(ctx, merchant) == ["https://a.example"]
    assert "https://a.example" in page.text
    page.submit(press=SAVE)
    assert stored(ctx, merchant) == ["https://b.example"]


def test_the_chain_has_what_it_was_and_what_it_is(owner, ctx, merchant):
    owner.submit(PAGE, press=SAVE, return_addresses="https://a.example")
    with ctx.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "settings.changed")).one()
    assert entry.subject_kind == "settings.returns"
    assert entry.details["return_addresses"] == [[], ["https://a.example"]]
