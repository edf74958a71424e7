"""The one offer at the desk: none, a pause or a text with a link; its effect, its answers, two editors."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.domain.law.countries import Country
from portal.models import AuditEntry, Merchant, OfferAnswered

PAGE, SAVE = "/admin/settings/offer", "Save the offer"
LINK = {"offer_kind": "link", "offer_text_fr": "Moins cher", "offer_text_en": "", "offer_url": "https://x.test/less"}


@pytest.fixture
def stored(ctx, merchant):
    def read():
        with ctx.db.read() as session:
            return session.get_one(Merchant, merchant.id).leaving_offer

    return read


def test_there_is_none_until_somebody_says_so_and_it_can_be_taken_back(owner, stored):
    page = owner.get(PAGE)
    assert page.values(page.form(press=SAVE))["offer_kind"] == "none"
    assert not page.select("#effect")
    page = page.submit(press=SAVE, offer_kind="pause")
    assert page.notices == ["The settings are saved."]
    assert stored() == {"offer_kind": "pause"}
    page.submit(press=SAVE, offer_kind="none")
    assert stored() == {}


def test_the_effect_is_shown_in_both_languages_before_anything_is_saved(owner, stored):
    page = owner.submit(PAGE, press="Show the effect first", **LINK)
    assert "They are not saved yet." in page.text
    samples = [one.get_text() for one in page.select("#effect figure")]
    assert len(samples) == 2
    assert all("Moins cher" in one for one in samples)
    assert "Résilier mon abonnement" in samples[0]
    assert "Cancel my subscription" in samples[1]
    assert page.select_one('#effect figure:nth-of-type(2) p[lang="fr"]') is not None
    assert "leads to x.test" in samples[1]
    assert stored() == {}


def test_a_pause_without_a_text_has_the_portals(owner):
    page = owner.submit(PAGE, press="Show the effect first", offer_kind="pause")
    assert "A pause is possible too" in page.text
    assert "Une pause est aussi possible" in page.text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"offer_url": "javascript:alert(1)"}, "beginning with https://"),
        ({"offer_url": "http://x.test/"}, "beginning with https://"),
        ({"offer_url": "data:text/html,x"}, "beginning with https://"),
        ({"offer_url": "https://user:word@x.test/"}, "beginning with https://"),
        ({"offer_url": ""}, "needs the address of its page"),
        ({"offer_text_fr": ""}, "in one language at least"),
        ({"offer_text_fr": "Vous avez résilié"}, "“résilié” must not stand here"),
        ({"offer_text_en": "It is can\u200bcelled"}, "“cancelled” must not stand here"),
        ({"offer_text_fr": "x" * 301}, "At most 300 characters."),
    ],
)
def test_what_cannot_be_offered_is_said_and_given_back(owner, stored, wrong, said):
    page = owner.submit(PAGE, press=SAVE, status=422, **(LINK | wrong))
    assert any(said in error for error in page.errors)
    name, typed = next(iter(wrong.items()))
    assert page.values(page.form(press=SAVE))[name].strip() == typed
    assert stored() == {}


def test_a_text_that_nobody_sees_is_none_and_no_mark_turns_what_stands_beside_it(owner, stored):
    page = owner.submit(PAGE, press=SAVE, status=422, **(LINK | {"offer_text_fr": "\u200b", "offer_text_en": "\u202e"}))
    assert any("in one language at least" in error for error in page.errors)
    owner.submit(PAGE, press=SAVE, **(LINK | {"offer_text_fr": "Moins\u202e cher"}))
    assert stored()["offer_text_fr"] == "Moins cher"


def test_an_address_without_its_scheme_is_https(owner, stored):
    owner.submit(PAGE, press=SAVE, **(LINK | {"offer_url": "x.test/less"}))
    assert stored()["offer_url"] == "https://x.test/less"


def test_of_two_editors_the_second_is_told_and_overwrites_nothing(owner, manager, stored):
    stale = manager.get(PAGE)
    owner.submit(PAGE, press=SAVE, **LINK)
    page = stale.submit(press=SAVE, offer_text_en="Cheaper", status=409)
    assert stored()["offer_text_fr"] == "Moins cher"
    page.submit(press=SAVE)
    assert stored() == LINK | {"offer_text_en": "Cheaper"}


def test_the_chain_names_what_was_written_and_holds_none_of_it(owner, ctx):
    owner.submit(PAGE, press=SAVE, **LINK)
    with ctx.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "settings.changed")).one()
    assert {"offer_url", "offer_text_fr"} <= set(entry.details["texts"])
    assert LINK["offer_url"] not in str(entry.details)
    assert "Moins" not in str(entry.details)
    assert "Settings changed: Offer" in owner.get("/admin/audit").text


def test_each_number_is_the_list_it_leads_to(owner, make, merchant):
    given = ["accepted", "accepted", "declined", "cancelled", "cancelled", "cancelled"]
    for place, answer in enumerate(given):
        customer = make.customer(merchant, email=f"c{place}@x.test")
        subscription = make.subscription(customer=customer, status="cancelled" if place == 0 else "active")
        whose = {"merchant_id": merchant.id, "subscription_id": subscription.id, "customer_id": customer.id}
        make.add(OfferAnswered(offer="link", answer=answer, **whose))
    make.subscription(customer=make.customer(merchant, email="nobody@x.test"))
    links = owner.get(PAGE).select("#answers dd a")
    assert [link.get_text(strip=True) for link in links] == ["6", "2", "1", "3", "1"]
    for link in links:
        page = owner.get(link["href"])
        assert len(page.select("tbody tr")) == int(link.get_text(strip=True))


def test_where_the_law_has_no_place_for_one_the_page_says_so(owner, ctx, merchant):
    with ctx.db.begin() as session:
        session.get_one(Merchant, merchant.id).country = Country.DE
    assert "none is shown" in owner.get(PAGE).text


@pytest.mark.parametrize("role", ["reader", "support"])
def test_who_may_only_look_changes_nothing(request, role):
    page = request.getfixturevalue(role).get(PAGE)
    assert "Only a manager or an owner can change this." in page.text
    assert not page.select("main form")
