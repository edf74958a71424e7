"""The desk decides a contested change of address: from its list of what is to be done, once, and both are told."""

from __future__ import annotations

import re
import uuid

import pytest

from portal.clock import utc_now
from portal.domain.policies import Role
from portal.models import Customer
from portal.services.people import address_changes, address_holds

OLD, NEW = "claire@ancien.example", "claire@neuf.example"


@pytest.fixture
def claire(ctx, make, merchant, letters):
    """A customer whose change of address is contested."""
    customer = make.customer(merchant, email=OLD, name="Claire Dupont")

    def link(kind, to):
        found = [re.search(rf"/address/{kind}(\S{{20,}})", one.text) for one in letters() if one.recipient == to]
        return [one[1] for one in found if one is not None][-1]

    address_changes.ask_own(ctx, merchant.id, customer.id, NEW, now=utc_now())
    assert address_changes.confirm(ctx, merchant.id, link("", NEW), now=utc_now())
    assert address_holds.hold(ctx, merchant.id, link("hold/", OLD), now=utc_now())
    return customer


def email_of(ctx, customer):
    with ctx.db.read() as session:
        return session.get_one(Customer, customer.id).email


@pytest.mark.parametrize(("outcome", "email"), [("kept", NEW), ("restored", OLD)])
def test_from_the_inbox_it_is_decided(ctx, owner, claire, letters, outcome, email):
    page = owner.get("/admin/")
    (card,) = page.select("main article, main .entry")[:1] or [page.soup.main]
    assert "Claire Dupont – change of email address" in page.text
    assert OLD in card.get_text()
    page = page.follow("Decide…")
    assert page.h1 == "Contested change of email address"
    assert email_of(ctx, claire) == NEW
    page = page.submit(outcome=outcome)
    assert page.notices == ["Decided. Both addresses are told."]
    assert email_of(ctx, claire) == email
    assert {OLD, NEW} <= {one.recipient for one in letters()[-2:]}
    assert "change of email address" not in owner.get("/admin/").text


def test_nothing_is_chosen_beforehand_and_no_choice_is_said(ctx, owner, claire):
    page = owner.get(f"/admin/customers/{claire.id}").follow("Decide…").submit(status=422)
    assert "Choose one of the two." in page.text
    assert email_of(ctx, claire) == NEW


def test_a_second_decision_is_told_of_the_first(ctx, owner, claire):
    page = owner.get("/admin/").follow("Decide…")
    path = page.path
    page.submit(outcome="kept")
    late = page.submit(outcome="restored")
    assert "This was decided on" in late.notices[0]
    assert email_of(ctx, claire) == NEW
    assert "This was decided on" in owner.get(path).notices[0]


def test_who_only_looks_sees_it_waiting_and_decides_nothing(merchant, enter, owner, claire):
    path = owner.get("/admin/").follow("Decide…").path
    reader = enter(merchant, Role.READER)
    page = reader.get("/admin/")
    assert "change of email address" in page.text
    assert "Decide…" not in page.text
    reader.get(path, status=403)


def test_of_another_customer_or_merchant_there_is_none(make, merchant, owner, claire):
    path = owner.get("/admin/").follow("Decide…").path
    other = make.customer(merchant)
    owner.get(path.replace(str(claire.id), str(other.id)), status=404)
    owner.get(path.rsplit("/", 1)[0] + f"/{uuid.uuid4()}", status=404)


def test_what_the_customer_has_set_the_desk_shows_and_does_not_change(ctx, make, merchant, owner):
    from portal.services.people import customer_profiles

    zoe = make.customer(merchant, name="Zoé", contact_allowed=True)
    answers = {"name": "Zoé d’Été", "contact_allowed": False}
    assert customer_profiles.save(ctx, merchant.id, zoe.id, answers, now=utc_now())
    page = owner.get(f"/admin/customers/{zoe.id}")
    assert page.text.count("set by the customer") == 2
    page = page.follow("Correct…")
    for name in ("name", "contact_allowed"):
        assert page.select(f"main [name={name}]")[0].has_attr("disabled")
    values = page.values(page.form(having=("locale",))) | {"name": "By force", "contact_allowed": "y", "locale": "fr"}
    owner.post(page.path, values, status=303)
    with ctx.db.read() as session:
        found = session.get_one(Customer, zoe.id)
    assert (found.name, found.contact_allowed, found.locale) == ("Zoé d’Été", False, "fr")
