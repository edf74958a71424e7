"""What is read by the API: the values that the pages show, page by page, of this merchant alone."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest

from portal.domain.integrations.api_keys import Mode, Scope
from portal.domain.subscriptions import Status
from portal.models import PaymentState
from tests.web.api.ids import shown


def test_a_subscription_is_shown_as_it_stands(make, program):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant, amount=Decimal("29.9"), currency="EUR")
    seen = program(merchant).get(f"/subscriptions/{shown('sub', row)}").json
    assert (seen["status"], seen["paypal_status"], seen["is_test"]) == ("active", "ACTIVE", True)
    assert seen["price"] == {"value": "29.90", "currency": "EUR"}
    assert seen["interval"] == {"unit": "month", "count": 1}
    assert seen["customer"] == f"cus_{row.customer_id.hex}"
    assert seen["paid_until"] == row.paid_until.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert seen["ended_at"] is None


def test_an_amount_without_cents_has_none(make, program):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant, amount=Decimal(3000), currency="JPY")
    assert program(merchant).get(f"/subscriptions/{shown('sub', row)}").json["price"]["value"] == "3000"


def test_what_is_another_merchants_is_not_there(make, program):
    theirs = make.subscription(merchant=make.merchant())
    payment = make.payment(theirs, 3)
    api = program(make.merchant())
    for path in (
        f"/subscriptions/{shown('sub', theirs)}",
        f"/customers/cus_{theirs.customer_id.hex}",
        f"/products/prod_{theirs.product_id.hex}",
        f"/payments/{shown('pay', payment)}",
        f"/subscriptions/sub_{'0' * 32}",
    ):
        answer = api.get(path)
        assert (answer.status_code, answer.json["code"]) == (404, "not-found"), path
        assert answer.json["detail"] == api.get(f"/payments/pay_{'1' * 32}").json["detail"]
    assert api.get("/subscriptions", customer=f"cus_{theirs.customer_id.hex}").json["data"] == []


def test_a_live_key_does_not_see_the_sandbox(make, program):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    payment = make.payment(row, 3)
    live, test = program(merchant, mode=Mode.LIVE), program(merchant)
    assert live.get(f"/subscriptions/{shown('sub', row)}").status_code == 404
    assert live.get(f"/payments/{shown('pay', payment)}").status_code == 404
    assert live.get("/subscriptions").json["data"] == []
    assert [one["id"] for one in test.get("/subscriptions").json["data"]] == [shown("sub", row)]


def test_pages_hold_each_row_once_and_lead_to_the_next(make, program):
    merchant = make.merchant()
    customer, product = make.customer(merchant), make.product(merchant)
    at = make.now()
    rows = [
        make.subscription(
            merchant=merchant, customer=customer, product=product, at_paypal=False, created_at=at - timedelta(days=day)
        )
        for day in (1, 2, 2, 2, 3)  # three of one moment: their ids tell them apart
    ]
    api = program(merchant)
    seen, query = [], {"limit": "2", "customer": shown("cus", customer)}
    for _page in range(5):
        answer = api.get("/subscriptions", **query)
        seen += [one["id"] for one in answer.json["data"]]
        if not answer.json["has_more"]:
            assert "Link" not in answer.headers
            break
        link = re.fullmatch(r'<http://portal\.test/v1(/subscriptions\?\S+)>; rel="next"', answer.headers["Link"])
        assert link is not None
        assert f"cursor={answer.json['next_cursor']}" in link[1]
        assert "limit=2" in link[1]
        query["cursor"] = answer.json["next_cursor"]
    assert len(seen) == 5
    assert set(seen) == {shown("sub", row) for row in rows}
    assert seen[0] == shown("sub", rows[0])
    assert seen[-1] == shown("sub", rows[-1])


def test_a_cursor_is_good_for_its_own_list_alone(make, program):
    merchant = make.merchant()
    customer = make.customer(merchant)
    for _number in range(3):
        make.subscription(merchant=merchant, customer=customer, at_paypal=False)
    api = program(merchant)
    cursor = api.get("/subscriptions", limit="1").json["next_cursor"]
    altered = cursor[:-2] + ("aa" if not cursor.endswith("aa") else "bb")
    elsewhere = program(make.merchant())
    for answer in (
        api.get("/subscriptions", cursor=altered),
        api.get("/subscriptions", cursor="AAAA"),
        api.get("/customers", cursor=cursor),
        api.get("/subscriptions", cursor=cursor, status="active"),
        elsewhere.get("/subscriptions", cursor=cursor),
        program(merchant, mode=Mode.LIVE).get("/subscriptions", cursor=cursor),
    ):
        assert (answer.status_code, answer.json["code"]) == (400, "bad-cursor")
    assert len(api.get("/subscriptions", cursor=cursor, limit="100").json["data"]) == 2


def test_lists_are_narrowed(make, program):
    merchant = make.merchant()
    one = make.subscription(merchant=merchant)
    other = make.subscription(merchant=merchant, status=Status.CANCELLED)
    payments = [make.payment(one, 3), make.payment(one, 33, PaymentState.DENIED), make.payment(other, 4)]
    api = program(merchant)
    assert _ids(api.get("/subscriptions", status="cancelled")) == [shown("sub", other)]
    assert _ids(api.get("/subscriptions", product=f"prod_{one.product_id.hex}")) == [shown("sub", one)]
    assert _ids(api.get("/payments", subscription=shown("sub", one))) == [shown("pay", row) for row in payments[:2]]
    assert _ids(api.get("/payments", customer=f"cus_{other.customer_id.hex}")) == [shown("pay", payments[2])]
    assert _ids(api.get("/payments")) == [shown("pay", payments[index]) for index in (0, 2, 1)]


def test_a_refund_in_part_is_told_as_far_as_it_is_known(make, program):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    known = make.payment(row, 3, PaymentState.PARTIALLY_REFUNDED, refunded="10")
    unknown = make.payment(row, 4, PaymentState.PARTIALLY_REFUNDED)
    api = program(merchant)
    assert api.get(f"/payments/{shown('pay', known)}").json["went_back"] == {"value": "10.00", "currency": "EUR"}
    assert api.get(f"/payments/{shown('pay', unknown)}").json["went_back"] is None


def test_a_customer_is_found_by_address_in_the_body_alone(make, program):
    merchant = make.merchant()
    customer = make.customer(merchant, email="claire@client.test")
    make.customer(make.merchant(), email="claire@client.test")
    api = program(merchant)
    assert _ids(api.post("/customers/search", {"email": "Claire@CLIENT.test"})) == [shown("cus", customer)]
    assert _ids(api.post("/customers/search", {"email": "nobody@client.test"})) == []
    assert api.get("/customers", email="claire@client.test").status_code == 422


def test_products_show_what_they_open(make, program):
    merchant = make.merchant()
    product = make.product(merchant, contents=(("Leçon 1", 0), ("Leçon 2", 30)), keep_after_completion=True)
    (seen,) = program(merchant).get("/products").json["data"]
    assert seen["id"] == shown("prod", product)
    assert [(one["title"], one["unlock_after_days"]) for one in seen["contents"]] == [("Leçon 1", 0), ("Leçon 2", 30)]
    assert seen["access"]["kept_after_completion"] is True


def test_what_has_not_changed_is_not_sent_again(make, program):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    api, path = program(merchant), f"/subscriptions/{shown('sub', row)}"
    first = api.get(path)
    again = api.call("GET", path, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    with make.ctx.db.begin() as session:
        session.get(type(row), row.id).amount = Decimal("31.00")
    changed = api.call("GET", path, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]
    assert changed.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("path", "query", "where"),
    [
        ("/subscriptions", {"limit": "0"}, "limit"),
        ("/subscriptions", {"limit": "101"}, "limit"),
        ("/subscriptions", {"limit": "ten"}, "limit"),
        ("/subscriptions", {"customer": "claire@client.test"}, "customer"),
        ("/subscriptions", {"customer": f"sub_{'0' * 32}"}, "customer"),
        ("/subscriptions", {"status": "over"}, "status"),
        ("/subscriptions", {"colour": "red"}, "colour"),
        ("/access", {"customer": f"cus_{'0' * 32}"}, "product"),
    ],
)
def test_what_cannot_be_asked_is_named(make, program, path, query, where):
    answer = program(make.merchant()).get(path, **query)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert [error["parameter"] for error in answer.json["errors"]] == [where]


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope.value.endswith(":read")])
def test_a_scope_opens_its_own_lists_alone(make, program, scope):
    paths = {
        Scope.CUSTOMERS_READ: ["/customers"],
        Scope.SUBSCRIPTIONS_READ: ["/subscriptions", "/end_requests"],
        Scope.PAYMENTS_READ: ["/payments"],
        Scope.PRODUCTS_READ: ["/products"],
        Scope.ACCESS_READ: ["/grants"],
    }
    api = program(make.merchant(), scope)
    for needed, lists in paths.items():
        for path in lists:
            answer = api.get(path)
            assert answer.status_code == (200 if needed is scope else 403), path
            assert needed is scope or answer.json["scope"] == needed


def _ids(answer) -> list[str]:
    return [one["id"] for one in answer.json["data"]]
