"""A merchant's server sends a customer to one task: the address opens it, once."""

from __future__ import annotations

import pytest

from portal.domain.api_keys import Mode, Scope
from portal.models import Subscription
from tests.web.api.ids import shown

SITE = "https://courses.example/account"


@pytest.fixture
def world(make, program):
    merchant = make.merchant(return_addresses=[SITE])
    return merchant, make.subscription(merchant=merchant), program(merchant)


def ask(api, customer, **more):
    return api.post("/portal_sessions", {"customer": customer, "return_url": SITE, **more})


def test_its_address_opens_the_task_and_nothing_is_asked_again(world, browser):
    _merchant, row, api = world
    made = ask(api, f"cus_{row.customer_id.hex}", flow={"type": "cancel", "subscription": shown("sub", row)})
    assert made.status_code == 201
    path = made.json["url"].removeprefix("http://portal.test")
    page = browser.submit(path)
    assert "courses.example" in page.text
    assert ask(api, f"cus_{row.customer_id.hex}").json["url"] != made.json["url"]


def test_the_merchants_own_id_names_the_customer(make, world):
    _merchant, row, api = world
    api.call("PATCH", f"/customers/cus_{row.customer_id.hex}", json={"external_id": "user-17"})
    assert ask(api, "user-17").json["customer"] == f"cus_{row.customer_id.hex}"
    assert ask(api, "user-18").status_code == 404


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"return_url": "https://courses.example.evil.test/account"}, "/return_url"),
        ({"return_url": "http://courses.example/account"}, "/return_url"),
        ({"return_url": "https://courses.example@evil.test/account"}, "/return_url"),
        ({"return_url": "javascript:alert(1)"}, "/return_url"),
        ({"flow": {"type": "cancel"}}, "/flow/subscription"),
        ({"flow": {"type": "dance"}}, "/flow/type"),
        ({"locale": "de"}, "/locale"),
        ({"flow": {"type": "cancel", "after": "never"}}, "/flow/after"),
    ],
)
def test_what_cannot_be_made_is_named(world, more, pointer):
    _merchant, row, api = world
    refused = ask(api, f"cus_{row.customer_id.hex}", **more)
    assert refused.status_code == 422
    assert pointer in [error["pointer"] for error in refused.json["errors"]]


def test_nobody_else_is_sent_anywhere(make, program, world):
    merchant, row, api = world
    theirs = make.subscription(merchant=make.merchant())
    cancel = {"type": "cancel", "subscription": shown("sub", theirs)}
    assert ask(api, f"cus_{theirs.customer_id.hex}").status_code == 404
    assert ask(api, f"cus_{row.customer_id.hex}", flow=cancel).status_code == 404
    live = program(merchant, mode=Mode.LIVE)
    own = {"type": "cancel", "subscription": shown("sub", row)}
    assert ask(live, f"cus_{row.customer_id.hex}", flow=own).status_code == 404
    assert ask(program(merchant, Scope.ENDS_WRITE), f"cus_{row.customer_id.hex}").status_code == 403


def test_where_customers_do_not_cancel_there_is_no_such_task(make, program):
    merchant = make.merchant(return_addresses=[SITE], self_cancellation=False)
    row = make.subscription(merchant=merchant)
    flow = {"type": "cancel", "subscription": shown("sub", row)}
    refused = ask(program(merchant), f"cus_{row.customer_id.hex}", flow=flow)
    assert (refused.status_code, refused.json["reason"]) == (409, "self_cancellation_off")


@pytest.mark.parametrize("kind", ["none", "payments", "access"])
def test_a_test_key_opens_no_account_that_holds_what_is_real(ctx, make, program, kind):
    """Its pages would show, and end, subscriptions that the key itself cannot see."""
    merchant = make.merchant(return_addresses=[SITE])
    row = make.subscription(merchant=merchant)
    test, live = program(merchant), program(merchant, mode=Mode.LIVE)
    flow, whose = {"type": kind}, f"cus_{row.customer_id.hex}"
    assert ask(test, whose, flow=flow).status_code == 201
    real = make.subscription(merchant=merchant, customer=row.customer, at_paypal=False)
    with ctx.db.begin() as session:
        session.get_one(Subscription, real.id).environment = "live"
    refused = ask(test, whose, flow=flow)
    assert (refused.status_code, refused.json["reason"]) == (409, "holds_live")
    assert ask(test, whose, flow={"type": "cancel", "subscription": shown("sub", row)}).status_code == 201
    assert ask(live, whose, flow=flow).status_code == 201
