"""The merchant's own ids through the API: set once, found by, never taken from somebody else."""

from __future__ import annotations

import pytest

from portal.domain.integrations.api_keys import Mode, Scope
from portal.models import Subscription
from tests.web.api.ids import shown


@pytest.fixture
def world(make, program):
    merchant = make.merchant()
    return merchant, make.subscription(merchant=merchant), program(merchant)


def name(api, path, external_id, **more):
    return api.call("PATCH", path, json={"external_id": external_id, **more})


def test_once_set_both_are_found_by_it(make, world):
    _merchant, row, api = world
    assert name(api, f"/customers/cus_{row.customer_id.hex}", "user-17").json["external_id"] == "user-17"
    assert name(api, f"/products/prod_{row.product_id.hex}", "Cours n° 3").json["external_id"] == "Cours n° 3"
    seen = api.get("/access", customer="user-17", product="Cours n° 3").json
    assert (seen["customer"], seen["from"][0]["id"]) == (f"cus_{row.customer_id.hex}", shown("sub", row))
    mixed = api.get("/access", customer="user-17", product=f"prod_{row.product_id.hex}").json
    assert mixed == seen
    both = [
        {"customer": "user-17", "product": "Cours n° 3"},
        {"customer": "user-18", "product": "Cours n° 3"},
        {"customer": f"cus_{row.customer_id.hex}", "product": "Cours n° 3"},
    ]
    answers = api.post("/access/batch", {"checks": both, "contents": True}).json["data"]
    assert [one["asked"] for one in answers] == both
    assert [one["found"] for one in answers] == [True, False, True]
    assert [{name: one[name] for name in seen} for one in (answers[0], answers[2])] == [seen, seen]
    assert [one["id"] for one in api.get("/customers", external_id="user-17").json["data"]] == [seen["customer"]]
    assert api.get("/customers", external_id="USER-17").json["data"] == []


def test_another_merchants_id_finds_nobody(make, program, world):
    _merchant, row, api = world
    name(api, f"/customers/cus_{row.customer_id.hex}", "user-17")
    other = program(make.merchant())
    assert other.get("/customers", external_id="user-17").json["data"] == []
    assert other.get("/access", customer="user-17", product=f"prod_{row.product_id.hex}").status_code == 404
    assert name(other, f"/customers/cus_{row.customer_id.hex}", "x").status_code == 404


def test_taken_and_standing_ids_are_kept(make, world):
    merchant, row, api = world
    path, second = f"/customers/cus_{row.customer_id.hex}", f"/customers/{shown('cus', make.customer(merchant))}"
    name(api, path, "user-17")
    taken = name(api, second, "user-17")
    assert (taken.status_code, taken.json["reason"]) == (409, "external_id_taken")
    stands = name(api, path, "user-18")
    assert (stands.status_code, stands.json["reason"]) == (409, "external_id_stands")
    assert name(api, path, "user-17").status_code == 200  # as it is
    assert name(api, path, "user-18", replace=True).json["external_id"] == "user-18"
    assert name(api, second, "user-17").status_code == 200
    assert name(api, path, None, replace=True).json["external_id"] is None


@pytest.mark.parametrize("text", ["", " a", "a ", "a  b", "a\tb", "x" * 129, "a\u200bb", 17])
def test_what_cannot_be_one_is_refused(world, text):
    _merchant, row, api = world
    refused = name(api, f"/customers/cus_{row.customer_id.hex}", text)
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/external_id")


def test_to_read_is_not_to_name(make, program):
    merchant = make.merchant()
    api = program(merchant, Scope.CUSTOMERS_READ, Scope.PRODUCTS_READ)
    assert name(api, f"/customers/{shown('cus', make.customer(merchant))}", "a").status_code == 403
    assert name(api, f"/products/{shown('prod', make.product(merchant))}", "a").status_code == 403


def test_a_test_key_renames_nothing_that_real_sales_hang_on(ctx, make, program, world):
    """A live site asks by these ids: one that a staging site moves to somebody else would open and close by mistake."""
    merchant, row, test = world
    live = program(merchant, mode=Mode.LIVE)
    paths = [f"/customers/cus_{row.customer_id.hex}", f"/products/prod_{row.product_id.hex}"]
    for path in paths:
        assert name(test, path, "first").status_code == 200
    with ctx.db.begin() as session:
        session.get_one(Subscription, row.id).environment = "live"
    for path in paths:
        refused = name(test, path, "second", replace=True)
        assert (refused.status_code, refused.json["reason"]) == (409, "holds_live")
        assert live.get(path).json["external_id"] == "first"
        assert name(live, path, "second", replace=True).json["external_id"] == "second"
