"""The desk's page of the own host: what to enter is shown, what is wrong is said, and nothing is used unproved."""

from __future__ import annotations

import pytest

from portal.domain.merchants.own_hosts import Fault
from portal.domain.policies import Role
from tests.web.admin.conftest import enter, merchant, owner  # noqa: F401 - the people of the desk's tests
from tests.web.hosts.conftest import HOST, ctx, names, prove, row_of  # noqa: F401 - the world's names

PAGE = "/admin/settings/host"


def test_from_the_name_to_its_use(owner, merchant, names, row_of, prove):  # noqa: F811
    page = owner.submit(PAGE, press="Continue", host="Compte.Atelier.example.")
    row = row_of(merchant)
    for said in (f"_portal-challenge.{HOST}", f"portal-host={row.token}", "portal.test.", "Not in use yet"):
        assert said in page.text, said
    page = page.submit(press="Check now")
    assert page.notices == [
        "The TXT record is not there yet. It may take up to an hour after you have added it: check again then."
    ]
    prove(row)
    names.faults[HOST] = Fault.ANOTHER
    assert "another site answers under this name" in page.submit(press="Check now").text
    names.faults.clear()
    page = page.submit(press="Check now")
    assert f"your customers’ pages are at https://{HOST}." in page.text
    page = page.follow("Give up").submit(press="Give up this address")
    assert page.notices == ["Your customers’ pages are under the portal’s own address again."]
    assert row_of(merchant) is None


def test_an_address_that_was_entered_since_the_page_was_opened_is_not_given_up(owner, merchant, row_of):  # noqa: F811
    owner.submit(PAGE, press="Continue", host=HOST)
    page = owner.get(f"{PAGE}/removal")
    owner.submit(PAGE, press="Continue", host="espace.atelier.example")
    page = page.submit(press="Give up this address")
    assert page.notices == ["Another address was entered meanwhile: here it is. Nothing was given up."]
    assert row_of(merchant).host == "espace.atelier.example"


@pytest.mark.parametrize("typed", ["https://atelier.example/x", "192.0.2.7", "atelier", "portal.test", "a b", ""])
def test_what_is_wrong_is_said_and_kept(owner, typed):  # noqa: F811
    page = owner.submit(PAGE, press="Continue", status=422, host=typed)
    assert f'value="{typed}"' in page.body


def test_a_name_in_its_owners_letters(owner, merchant, row_of):  # noqa: F811
    page = owner.submit(PAGE, press="Continue", host="élève.example")
    assert "élève.example" in page.text
    assert row_of(merchant).host == "xn--lve-6lad.example"


def test_others_only_look(enter, merchant):  # noqa: F811
    seen = enter(merchant, Role.MANAGER).get(PAGE)
    assert "Only an owner can change this." in seen.text
    assert "Continue" not in seen.text
