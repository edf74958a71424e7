"""A merchant's server sends a customer to one task: the address opens it, once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.integrations.api_keys import Mode, Scope
from portal.models import Subscription, TaskLink
from portal.queries.integrations import api_keys as stored
from portal.services import portal_sessions
from portal.services.api import api_keys
from tests.browser_client import Browser
from tests.web.api.ids import shown

OPENS_NOTHING = "Ce lien n’ouvre rien"
SITE = "https://courses.example/account"


@pytest.fixture
def world(make, program):
    merchant = make.merchant(return_addresses=[SITE])
    return merchant, make.subscription(merchant=merchant), program(merchant)


def keys(ctx, merchant):
    with ctx.db.read() as session:
        return stored.of_merchant(session, merchant.id)


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


def end_by_revoking(ctx, key):
    api_keys.revoke(ctx, key.merchant_id, key.id, by=By(), by_name="Anne", now=utc_now())


def end_by_replacing_at_once(ctx, key):
    api_keys.rotate(ctx, key.merchant_id, key.id, by=By(), overlap=timedelta(), now=utc_now())


@pytest.mark.parametrize("ending", [end_by_revoking, end_by_replacing_at_once])
def test_a_key_that_ends_takes_along_the_sessions_that_nobody_has_opened(ctx, world, program, browser, ending):
    merchant, row, api = world
    opened, waiting = (ask(api, f"cus_{row.customer_id.hex}").json["url"] for _ in range(2))
    others = ask(program(merchant), f"cus_{row.customer_id.hex}").json["url"]
    (key,) = [one for one in keys(ctx, merchant) if api.key.startswith(one.prefix)]
    path = opened.removeprefix("http://portal.test")
    assert "courses.example" in browser.submit(path).text
    ending(ctx, key)
    another = Browser(browser.app)
    assert another.get(waiting.removeprefix("http://portal.test"), status=410).h1 == OPENS_NOTHING
    assert "courses.example" in browser.get(f"/account/{merchant.slug}/").text, "who is in stays in"
    assert another.get(others.removeprefix("http://portal.test")).h1 != OPENS_NOTHING, "another key's are not touched"


def test_shown_whole_in_public_a_key_takes_its_sessions_along(world, program, browser):
    _merchant, row, api = world
    url = ask(api, f"cus_{row.customer_id.hex}").json["url"]
    assert program(None).post("/leaked_keys", {"key": api.key}).status_code == 202
    assert browser.get(url.removeprefix("http://portal.test"), status=410).h1 == OPENS_NOTHING


@pytest.mark.parametrize("ending", [end_by_revoking, end_by_replacing_at_once])
def test_ended_in_the_middle_of_the_call_it_makes_none(ctx, world, monkeypatch, ending):
    """What was let in a moment before ends with the key; the next call is not let in at all."""
    merchant, row, api = world
    (key,) = keys(ctx, merchant)
    create = portal_sessions.create

    def late(*what, **more):
        ending(ctx, key)
        return create(*what, **more)

    monkeypatch.setattr(portal_sessions, "create", late)
    for _call in range(2):
        answer = ask(api, f"cus_{row.customer_id.hex}")
        assert (answer.status_code, answer.json["detail"]) == (401, "This key is not valid here.")
    with ctx.db.read() as session:
        assert session.scalars(select(TaskLink)).all() == []


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
