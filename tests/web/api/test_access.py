"""May this person open this? As the account page says it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.api.bodies import as_json
from portal.domain.subscriptions import Status
from portal.models import EndRequest, Grant
from tests.web.api.ids import shown


def access(api, customer, product):
    answer = api.get("/access", customer=shown("cus", customer), product=shown("prod", product))
    assert answer.status_code == 200
    return answer.json


def test_a_live_subscription_opens_its_product_as_long_as_it_runs(make, program):
    merchant = make.merchant()
    product = make.product(merchant, contents=(("Leçon 1", 0), ("Leçon 200", 200)))
    row = make.subscription(merchant=merchant, product=product)
    seen = access(program(merchant), row.customer, product)
    assert (seen["allowed"], seen["until"], seen["until_is"]) == (True, None, "running")
    assert seen["from"] == [{"type": "subscription", "id": shown("sub", row), "until": None, "until_is": "running"}]
    assert [(one["title"], one["allowed"]) for one in seen["contents"]] == [("Leçon 1", True), ("Leçon 200", False)]
    opens = (row.started_at + timedelta(days=200)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (seen["contents"][1]["since"], seen["next_change_at"]) == (opens, opens)


def test_a_cancelled_one_opens_until_the_end_of_what_is_paid(make, program):
    merchant = make.merchant()
    product = make.product(merchant)
    until = make.now() + timedelta(days=9)
    row = make.subscription(merchant=merchant, product=product, status=Status.CANCELLED, paid_until=until)
    seen = access(program(merchant), row.customer, product)
    assert (seen["allowed"], seen["until"], seen["until_is"]) == (True, until.strftime("%Y-%m-%dT%H:%M:%SZ"), "dated")
    assert seen["next_change_at"] == seen["until"]


def test_after_that_it_opens_nothing(make, program):
    merchant = make.merchant()
    product = make.product(merchant)
    over = make.now() - timedelta(days=1)
    row = make.subscription(merchant=merchant, product=product, status=Status.CANCELLED, paid_until=over)
    seen = access(program(merchant), row.customer, product)
    assert (seen["allowed"], seen["until_is"], seen["from"]) == (False, None, [])


def test_an_end_that_waits_for_its_day_is_told_before_it_comes(make, program):
    merchant = make.merchant()
    product = make.product(merchant, commitment_months=12, commitment_binds=True)
    bound_until = make.now() + timedelta(days=80)
    row = make.subscription(merchant=merchant, product=product, committed_until=bound_until)
    api = program(merchant)
    asked = api.post("/end_requests", {"subscription": shown("sub", row), "asked_by": "customer"})
    assert asked.json["status"] == "planned"
    seen = access(api, row.customer, product)
    assert (seen["allowed"], seen["until_is"]) == (True, "dated")
    assert seen["until"] >= bound_until.strftime("%Y-%m-%d")


def test_what_is_given_by_hand_stands_beside_and_outlasts(make, program):
    merchant = make.merchant()
    product = make.product(merchant)
    now = make.now()
    row = make.subscription(
        merchant=merchant, product=product, status=Status.CANCELLED, paid_until=now + timedelta(days=3)
    )
    grant = Grant(
        merchant_id=merchant.id,
        customer_id=row.customer_id,
        product_id=product.id,
        since=now - timedelta(days=1),
        until=now + timedelta(days=30),
    )
    make.add(grant)
    seen = access(program(merchant), row.customer, product)
    assert seen["until"] == grant.until.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert [(one["type"], one["id"]) for one in seen["from"]] == [
        ("subscription", shown("sub", row)),
        ("grant", shown("grant", grant)),
    ]
    assert len(seen["contents"]) == 1


def test_nobodys_pair_is_not_there(make, program):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    theirs = make.subscription(merchant=make.merchant())
    api = program(merchant)
    for customer, product in (
        (theirs.customer, row.product),
        (row.customer, theirs.product),
        (theirs.customer, theirs.product),
    ):
        answer = api.get("/access", customer=shown("cus", customer), product=shown("prod", product))
        assert answer.status_code == 404


def test_many_are_answered_as_one_by_one(make, program):
    merchant = make.merchant()
    rows = [make.subscription(merchant=merchant, at_paypal=False) for _number in range(3)]
    closed = make.subscription(
        merchant=merchant, status=Status.CANCELLED, paid_until=make.now() - timedelta(days=1), at_paypal=False
    )
    theirs = make.subscription(merchant=make.merchant(), at_paypal=False)
    api = program(merchant)
    of_first = {"merchant_id": merchant.id, "customer_id": rows[0].customer_id, "product_id": rows[0].product_id}
    make.add(Grant(**of_first, since=make.now() - timedelta(days=1), until=make.now() + timedelta(days=30)))
    pairs = [(row.customer, row.product) for row in (*rows, closed)]
    checks = [{"customer": shown("cus", c), "product": shown("prod", p)} for c, p in pairs]
    strange = {"customer": shown("cus", theirs.customer), "product": shown("prod", theirs.product)}
    api.call("PATCH", f"/customers/{checks[0]['customer']}", json={"external_id": 'é"1\\'})
    by_name = checks[0] | {"customer": 'é"1\\'}
    asked = [checks[0], strange, *checks[1:], checks[0], by_name]
    answer = api.post("/access/batch", {"checks": asked, "contents": True})
    assert answer.get_data() == as_json(answer.json)  # written by hand, as the encoder would
    answers = answer.json["data"]
    assert list(answers[0])[4:] == list(access(api, *pairs[0]))[1:]
    assert [(one.pop("index"), one.pop("asked")) for one in answers] == list(enumerate(asked))
    assert [one.pop("found") for one in answers] == [True, False, True, True, True, True, True]
    not_there = answers.pop(1)
    assert answers == [access(api, c, p) for c, p in [*pairs, pairs[0], pairs[0]]]
    assert not_there == {"object": "access", "from": [], "contents": []} | dict.fromkeys(
        ("customer", "product", "until", "until_is", "next_change_at")
    ) | {"allowed": False}
    plain = api.post("/access/batch", {"checks": checks}).json["data"]
    assert not any("contents" in one for one in plain)
    assert [one["allowed"] for one in plain] == [True, True, True, False]


def test_a_batch_does_not_tell_what_is_another_merchants_from_what_is_nowhere(make, program):
    """Neither by our ids nor by theirs, whichever half it is: but for what was asked, the answers are one."""
    row = make.subscription(merchant=(merchant := make.merchant()), at_paypal=False)
    theirs = make.subscription(merchant=(other := make.merchant()), at_paypal=False)
    api, their_api = program(merchant), program(other)
    their_api.call("PATCH", f"/customers/{shown('cus', theirs.customer)}", json={"external_id": "user-17"})
    customers = [shown("cus", theirs.customer), f"cus_{'0' * 32}", "user-17", "user-18", shown("prod", row.product)]
    products = [shown("prod", theirs.product), f"prod_{'0' * 32}", "course-1"]
    checks = [{"customer": one, "product": shown("prod", row.product)} for one in customers]
    checks += [{"customer": shown("cus", row.customer), "product": one} for one in products]
    answers = api.post("/access/batch", {"checks": checks}).json["data"]
    assert [one.pop("asked") for one in answers] == checks
    assert [one.pop("index") for one in answers] == list(range(8))
    assert all(one == answers[0] for one in answers)
    assert answers[0]["found"] is False


@pytest.mark.parametrize("number", [1, 40])
def test_a_batch_asks_the_database_twice(make, program, statements, number):
    merchant = make.merchant()
    rows = [make.subscription(merchant=merchant, at_paypal=False) for _number in range(number)]
    checks = [{"customer": shown("cus", row.customer), "product": shown("prod", row.product)} for row in rows]
    api = program(merchant)
    api.post("/access/batch", {"checks": checks})
    with statements() as seen:
        answer = api.post("/access/batch", {"checks": checks})
    assert all(one["allowed"] for one in answer.json["data"])
    assert len(seen) == 2


@pytest.mark.parametrize("number", [0, 501])
def test_a_batch_has_its_bounds(make, program, number):
    check = {"customer": f"cus_{'0' * 32}", "product": f"prod_{'0' * 32}"}
    answer = program(make.merchant()).post("/access/batch", {"checks": [check] * number})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == ["/checks"]


def test_by_address_everybody_who_has_it_is_answered(make, program):
    merchant = make.merchant()
    product = make.product(merchant)
    first = make.customer(merchant, email="claire@client.test")
    second = make.customer(merchant, email="claire@client.test", email_place=1)
    make.subscription(merchant=merchant, product=product, customer=second)
    api = program(merchant)
    seen = api.post("/access", {"email": "Claire@client.test", "product": shown("prod", product)}).json["data"]
    assert {one["customer"]: one["allowed"] for one in seen} == {
        shown("cus", first): False,
        shown("cus", second): True,
    }
    nobody = api.post("/access", {"email": "nobody@client.test", "product": shown("prod", product)})
    assert nobody.json["data"] == []


def test_a_check_asks_the_database_once(make, program, statements):
    merchant = make.merchant()
    product = make.product(merchant, contents=(("Leçon 1", 0), ("Leçon 2", 0)))
    rows = [make.subscription(merchant=merchant, product=product, at_paypal=False) for _number in range(2)]
    customer = rows[0].customer
    for _more in range(4):
        make.subscription(merchant=merchant, product=product, customer=customer, at_paypal=False)
    api = program(merchant)
    access(api, customer, product)  # the first of a second tells the count
    with statements() as seen:
        access(api, customer, product)
    assert len(seen) == 1


def test_nothing_is_open_by_an_end_that_was_only_asked_for_today(make, program):
    """The request stands, PayPal has not been told: nothing has changed yet for the lesson."""
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    api = program(merchant)
    api.post("/end_requests", {"subscription": shown("sub", row)})
    assert len(make.requests(row)) == 1
    assert isinstance(make.requests(row)[0], EndRequest)
    assert access(api, row.customer, row.product)["allowed"] is True


def test_a_contract_that_was_withdrawn_from_opens_nothing_however_it_is_asked(make, program):
    merchant = make.merchant()
    product = make.product(merchant)
    now = make.now()
    row = make.subscription(
        merchant=merchant,
        product=product,
        started_at=now - timedelta(days=3),
        paid_until=now + timedelta(days=20),
        withdrawn_at=now - timedelta(minutes=1),
    )
    api = program(merchant)
    pair = {"customer": shown("cus", row.customer), "product": shown("prod", product)}
    (many,) = api.post("/access/batch", {"checks": [pair]}).json["data"]
    assert (access(api, row.customer, product)["allowed"], many["allowed"]) == (False, False)
