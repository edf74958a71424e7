"""Every page of the desk says that a backup was restored, until it was recovered."""

from __future__ import annotations

from dataclasses import replace

import pytest

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
