"""Access given by hand through the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.integrations.api_keys import Mode
from portal.models import Grant
from tests.web.api.ids import shown


@pytest.fixture
def world(make, program):
    merchant = make.merchant()
    return merchant, make.customer(merchant), make.product(merchant), program(merchant, mode=Mode.LIVE)


def give(api, customer, product, **more):
    return api.post("/grants", {"customer": shown("cus", customer), "product": shown("prod", product), **more})


def given(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(Grant)).all()


def test_what_is_given_opens_and_what_is_withdrawn_closes(make, world, ctx):
    _merchant, customer, product, api = world
    until = (make.now() + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = give(api, customer, product, until=until, note="A prize")
    assert answer.status_code == 201
    path = answer.headers["Location"].removeprefix("/v1")
    assert api.get(path).json == answer.json
    assert answer.json["until"] == until
    pair = {"customer": shown("cus", customer), "product": shown("prod", product)}
    assert api.get("/access", **pair).json["until"] == until
    (gift,) = given(ctx)
    assert gift.actor_name == "API (Course site)"  # no person's name
    gone = api.post(f"{path}/withdraw", {}).json
    assert gone["withdrawn_at"] is not None
    assert given(ctx)[0].withdrawn_by == "API (Course site)"
    assert api.get("/access", **pair).json["allowed"] is False
    assert api.post(f"{path}/withdraw", {}).json == gone
    assert [one["id"] for one in api.get("/grants", customer=pair["customer"]).json["data"]] == [answer.json["id"]]


def test_the_customer_is_told_where_it_is_asked_for(make, world, letters):
    _merchant, customer, product, api = world
    give(api, customer, product)
    assert letters() == []
    other = make.product(_merchant)
    give(api, customer, other, tell_customer=True)
    assert [one.recipient for one in letters()] == [customer.email]


@pytest.mark.parametrize(
    ("days", "reason"), [((5, 3), "ends_before_start"), ((-9, -2), "over_already"), ((0, 10), "overlaps")]
)
def test_what_cannot_be_given_is_refused(make, world, days, reason):
    _merchant, customer, product, api = world
    give(api, customer, product)
    since, until = ((make.now() + timedelta(days=day)).isoformat() for day in days)
    refused = give(api, customer, product, since=since, until=until)
    assert (refused.status_code, refused.json["reason"]) == (409, reason)


def test_a_day_without_a_zone_is_no_moment(world):
    _merchant, customer, product, api = world
    refused = give(api, customer, product, until="2031-01-01T00:00:00")
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/until")


def test_nobody_gives_to_anothers_customer(make, world):
    _merchant, customer, product, api = world
    other = make.merchant()
    assert give(api, make.customer(other), product).status_code == 404
    assert give(api, customer, make.product(other)).status_code == 404


def test_an_erased_customer_is_given_nothing(make, world):
    merchant, _customer, product, api = world
    erased = make.customer(merchant, email=None, name="", erased_at=make.now())
    refused = give(api, erased, product)
    assert (refused.status_code, refused.json["reason"]) == (409, "erased")


def test_a_suspended_merchant_gives_nothing_new(make, program):
    merchant = make.merchant(suspended_at=make.now(), suspended_why="unpaid")
    refused = give(program(merchant, mode=Mode.LIVE), make.customer(merchant), make.product(merchant))
    assert (refused.status_code, refused.json["reason"]) == (409, "merchant_suspended")


def test_a_test_key_gives_nothing(make, program):
    merchant = make.merchant()
    assert give(program(merchant), make.customer(merchant), make.product(merchant)).status_code == 403


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "2200-01-01T00:00:00Z"])
@pytest.mark.parametrize("field", ["since", "until"])
def test_a_moment_that_no_calendar_reckons_with_is_refused_and_nothing_is_given(make, world, field, moment):
    """Written, nobody could read it any more: neither the customer's pages nor the desk's."""
    _merchant, customer, product, api = world
    refused = give(api, customer, product, **{field: moment})
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json["errors"]] == [f"/{field}"]
    assert api.get("/grants").json["data"] == []
