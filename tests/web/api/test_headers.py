"""What every answer of the API carries, whichever way it was made."""

from __future__ import annotations

import pytest

from tests.web.api.conftest import Program
from tests.web.api.ids import shown

HERE = "http://portal.test"
A_YEAR = "max-age=31536000; includeSubDomains"


@pytest.fixture
def answers(make, judge, key_of):
    """Ask an application for all that there is: by the short way and by a view, a refusal, and what is not there."""

    def ask(app, **headers):
        merchant = make.merchant()
        row = make.subscription(merchant=merchant)
        pair = {"customer": shown("cus", row.customer), "product": shown("prod", row.product)}
        api, nobody = Program(app, judge, key_of(merchant)), Program(app, judge, None)
        found = {
            "the short way": api.call("GET", "/access", query=pair, headers=headers),
            "a view": api.call("GET", "/products", headers=headers),
            "no key": nobody.call("GET", "/products", headers=headers),
            "nothing there": api.call("GET", "/nothing", headers=headers),
            "for people": nobody.client.get("/v1/docs", base_url=HERE, headers=headers),
            "asked first": nobody.client.options("/v1/products", base_url=HERE, headers=headers),
        }
        assert [one.status_code for one in found.values()] == [200, 200, 401, 404, 200, 401]
        return found

    return ask


def test_each_is_what_it_says_and_stands_in_no_frame(app, answers):
    for what, answer in answers(app).items():
        assert answer.headers["X-Content-Type-Options"] == "nosniff", what
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy), what


def test_only_https_promises_https_and_then_each_answer(app, https_app, answers):
    assert {answer.headers.get("Strict-Transport-Security") for answer in answers(app).values()} == {None}
    for what, answer in answers(https_app).items():
        assert answer.headers["Strict-Transport-Security"] == A_YEAR, what


def test_no_page_of_another_origin_reads_one(app, answers):
    asking = {"Origin": "https://evil.test", "Access-Control-Request-Method": "GET"}
    for what, answer in answers(app, **asking).items():
        assert [name for name, _value in answer.headers if name.lower().startswith("access-control")] == [], what
