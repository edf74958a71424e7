"""Every page of the desk says that a backup was restored, until it was recovered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal.journal.gathering import Journal
from portal.services.restores import Gate

SAID = "A backup was restored"


class Shut:
    def is_restored(self):
        return True


@pytest.mark.parametrize("is_restored", [True, False])
def test_the_desk_says_so_on_every_page_while_it_waits_for_its_recovery(app, ctx, owner, is_restored):
    app.extensions["portal"] = replace(ctx, gate=Shut() if is_restored else None)
    for page in ("/admin/", "/admin/customers", "/admin/settings"):
        assert (SAID in owner.get(page).text) is is_restored


def test_customers_are_not_told_of_what_concerns_them_in_nothing(app, ctx, browser, merchant):
    app.extensions["portal"] = replace(ctx, gate=Shut())
    assert SAID not in browser.get(f"/account/{merchant.slug}/login").text


def test_a_form_without_its_token_is_shown_again_while_the_process_looks_for_a_restore(
    app, ctx, db, owner, vault, tmp_path
):
    """What a process notes for itself is none of what a form asks for, and is not refused with it."""
    db.keep_journal(Journal(tmp_path, vault))
    app.extensions["portal"] = replace(ctx, gate=Gate(db))
    answer = owner.client.post("/admin/products/new", data={"name": "Typed"}, base_url="http://portal.test")
    assert (answer.status_code, "Typed" in answer.text) == (422, True)
