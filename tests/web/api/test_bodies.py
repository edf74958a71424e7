"""What is no body, and what nobody can mean."""

from __future__ import annotations

import json

import pytest

PAIR = f'"customer": "cus_{"0" * 32}", "product": "prod_{"0" * 32}"'


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"[1, 2", "no JSON"),
        (b'{"email": "a@b.fr", "email": "c@d.fr"}', "same key twice"),
        (b'{"email": NaN}', "NaN"),
        (b'{"email": -Infinity}', "Infinity"),
        (b'{"email": ' + b"9" * 5000 + b"}", "too long"),
        (b'{"email": 1.' + b"9" * 5000 + b"}", "too long"),
        (b'{"email": "\\ud800"}', "surrogate"),
        (b'{"\\udfff": "a@b.fr"}', "surrogate"),
        (b'{"email": "a\\u0000@b.fr"}', "U+0000"),
        (b'{"email": "\xff"}', "UTF-8"),
        (b'\xef\xbb\xbf{"email": "a@b.fr"}', "byte order mark"),
        (b'{"a":' * 400 + b"1" + b"}" * 400, "too deeply"),
        (b"[" * 100_000, "too deeply"),
    ],
)
def test_what_is_no_json_is_told_why(make, program, body, says):
    api = program(make.merchant())
    answer = api.call("POST", "/customers/search", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json["code"]) == (400, "bad-request")
    assert says in answer.json["detail"]


@pytest.mark.parametrize("body", ["null", "1", '"a@b.fr"', "[]", '[{"email": "a@b.fr"}]', "{}"])
def test_what_is_json_and_no_such_body_is_invalid(make, program, body):
    api = program(make.merchant())
    answer = api.call("POST", "/customers/search", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert answer.json["errors"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_what_is_not_called_json_is_not_read(make, program, media_type):
    api = program(make.merchant())
    answer = api.call("POST", "/customers/search", data=b'{"email": "a@b.fr"}', headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported-media-type")


def test_ten_megabytes_are_not_read(make, program):
    api = program(make.merchant())
    body = json.dumps({"email": "a" * 10_000_000})
    answer = api.call("POST", "/customers/search", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json["code"]) == (413, "too-large")


def test_what_nobody_asked_for_is_refused_by_its_place(make, program):
    api = program(make.merchant())
    answer = api.post(
        "/access/batch",
        {"checks": [{"customer": f"cus_{'0' * 32}", "product": f"prod_{'0' * 32}", "ip": "1"}, {"customer": 1}]},
    )
    assert answer.status_code == 422
    where = {error["pointer"] for error in answer.json["errors"]}
    assert where == {"/checks/0/ip", "/checks/1/customer", "/checks/1/product"}


def test_a_word_that_stands_twice_in_the_address_is_refused(make, program):
    answer = program(make.merchant()).call("GET", "/subscriptions?limit=1&limit=2")
    assert (answer.status_code, answer.json["code"]) == (400, "bad-request")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/subscriptions/", 404),
        ("GET", "/subscriptions/I-ABC", 404),
        ("GET", f"/subscriptions/cus_{'0' * 32}", 404),
        ("DELETE", f"/subscriptions/sub_{'0' * 32}", 405),
        ("PUT", "/key", 405),
    ],
)
def test_what_is_not_there_is_told_as_a_problem(make, program, method, path, status):
    answer = program(make.merchant()).call(method, path)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json["type"] == f"/v1/problems/{answer.json['code']}"
    assert (status == 405) == ("Allow" in answer.headers)


def test_a_problem_can_be_looked_up(make, program):
    api = program(make.merchant())
    looked_up = program(None).client.get(api.get("/nothing").json["type"])
    assert (looked_up.status_code, looked_up.json["code"]) == (200, "not-found")


def test_a_fault_of_ours_says_nothing_of_it(make, program, monkeypatch):
    api = program(make.merchant())

    def fail(*_what, **_more):
        raise RuntimeError("psk_live_ secret of the database")

    monkeypatch.setattr("portal.queries.integrations.api_lists.customers", fail)
    answer = api.get("/customers")
    assert (answer.status_code, answer.json["code"]) == (500, "internal-error")
    assert "secret" not in answer.text


@pytest.mark.parametrize("answer", ["true", "yes", 1, 0, "", None, [], {}])
def test_yes_and_no_have_one_spelling(make, program, answer):
    merchant = make.merchant()
    path = f"/customers/cus_{make.customer(merchant).id.hex}"
    refused = program(merchant).call("PATCH", path, json={"external_id": "user-17", "replace": answer})
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/replace")
