"""Recipes at the desk: the merchant's own addresses and ids, in commands that can be pasted as they stand."""

from __future__ import annotations

import json
import shlex
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.domain.integrations.external_ids import is_external_id
from portal.domain.policies import Role
from portal.services.outgoing import event_endpoints
from portal.services.outgoing.event_endpoints import Wish
from tests.services.outgoing.conftest import SOMEBODY

PAGE = "/admin/integrations/recipes"
SHOP = "https://shop.example/me"


@pytest.fixture
def merchant(make):
    return make.merchant(name="Studio", slug="studio", return_addresses=[SHOP])


@pytest.fixture
def owner(enter, merchant):
    return enter(merchant, role=Role.OWNER)


def typed(page):
    """The recipes' texts, by their titles."""
    return {pre["aria-label"]: pre.get_text() for pre in page.select("pre")}


def test_addresses_and_ids_are_the_merchants_own(owner, ctx, make, merchant):
    product = make.product(merchant, name="Sketch club", external_id="sketch")
    other = make.product(make.merchant(), name="Theirs")
    event_endpoints.make(ctx, merchant.id, Wish(address="https://example.com/events"), by=SOMEBODY, now=make.now())
    page = owner.get("/admin/integrations").follow("Recipes")
    copied = {one["data-copy"] for one in page.select("[data-copy]")}
    base = ctx.base_url
    addresses = {base, *(f"{base}{path}" for path in ("/v1", "/v1/openapi.json", "/.well-known/jwks.json"))}
    assert {*addresses, f"{base}/account/studio/", "studio", f"prod_{product.id.hex}", "sketch", SHOP} <= copied
    assert is_external_id("sketch")
    assert "example.com/events" in page.text
    assert other.id.hex not in page.body
    for path in (
        "/v1/openapi.json",
        "/.well-known/jwks.json",
        "/account/studio/",
        "/account/studio/cancel",
        "/v1/docs",
    ):
        assert owner.app.test_client().get(path).status_code < 400, path


def test_the_calls_are_whole_commands_without_a_secret(owner, make, merchant):
    product = make.product(merchant, name="L’«Atelier» d’hiver")
    recipes = typed(owner.get(PAGE))
    calls = {title: shlex.split(text.replace("\\\n", "")) for title, text in recipes.items() if text.startswith("curl")}
    assert len(calls) == 3
    assert len(recipes) == 5
    for words in calls.values():
        assert words[words.index("-H") + 1] == "Authorization: Bearer $PORTAL_KEY"
        if "-d" in words:
            json.loads(words[words.index("-d") + 1])
    asked = [parse_qs(urlsplit(words[-1]).query) for words in calls.values()]
    assert {"customer": ["cus_…"], "product": [f"prod_{product.id.hex}"]} in asked
    assert any(SHOP in words[-2] for words in calls.values()), "led back to an address of the list"
    assert f'product="prod_{product.id.hex}"' in str(recipes)


def test_where_nothing_is_sold_yet_a_place_is_left_for_it(enter, make):
    page = enter(make.merchant(), role=Role.OWNER).get(PAGE)
    assert "No products yet." in page.text
    assert "prod_…" in page.body


@pytest.mark.parametrize("role", [Role.READER, Role.SUPPORT, Role.MANAGER])
def test_only_owners_see_them(enter, merchant, role):
    assert enter(merchant, role=role).get(PAGE, status=403).status == 403
