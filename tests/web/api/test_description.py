"""The description: for programs and for people, and every route of it with who may call it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

from bs4 import BeautifulSoup
from jsonschema import Draft202012Validator

from portal.api.problems import KINDS
from portal.api.scopes import NEEDS, Leaving
from portal.domain.integrations.outgoing_events import EventType


def test_the_description_is_public_and_names_every_call(app, program):
    api = program(None)
    spec = api.client.get("/v1/openapi.json").json
    assert spec["openapi"].startswith("3.1")
    described = {
        (method.upper(), re.sub(r"\{\w+\}", "*", path)) for path, item in spec["paths"].items() for method in item
    }
    routes = {
        (method, re.sub(r"<[^>]+>", "*", rule.rule))
        for rule in app.extensions["portal_api"].url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if not rule.endpoint.startswith("description.")
    }
    assert described == routes


def test_every_shape_is_a_schema_and_every_name_leads_somewhere(program):
    spec = program(None).client.get("/v1/openapi.json").json
    shapes = spec["components"]["schemas"]
    for shape in shapes.values():
        Draft202012Validator.check_schema(shape)
    assert spec["webhooks"].keys() == {one.value for one in EventType}
    named = set(re.findall(r"#/components/(schemas|responses)/([\w-]+)", str(spec)))
    assert named == {(kind, name) for kind, name in named if name in spec["components"][kind]}
    assert not [name for name in shapes if name.endswith("1")]


def test_a_call_without_a_key_says_so_in_the_description(program):
    spec = program(None).client.get("/v1/openapi.json").json
    open_calls = {
        call["operationId"] for item in spec["paths"].values() for call in item.values() if "security" not in call
    }
    assert open_calls == {"keys_leaked"}
    for item in spec["paths"].values():
        for call in item.values():
            assert ("401" in call["responses"]) == ("security" in call)


def test_people_read_it_without_a_foreign_host(program):
    response = program(None).client.get("/v1/docs")
    assert "script-src" not in response.headers["Content-Security-Policy"]
    page = BeautifulSoup(response.text, "html.parser")
    assert len(page.find_all("h1")) == 1
    foreign = list(page.find_all(["script", "img", "iframe"])) + [
        one for one in page.find_all("link") if not one["href"].startswith("/")
    ]
    assert foreign == []
    for link in page.select('a[href^="#"]'):
        assert page.find(id=link["href"][1:]) is not None, link["href"]
    for code in KINDS:
        assert page.find(id=f"problem-{code}") is not None


def test_the_pages_are_as_they_were(app):
    """The API takes `/v1` alone; what begins likewise is no part of it."""
    client = app.test_client()
    assert client.get("/v1x/openapi.json").status_code == 404
    assert client.get("/accessibility", headers={"Host": "portal.test"}).status_code == 200
    assert client.get("/v1", headers={"Host": "portal.test"}).mimetype == "application/problem+json"


def test_a_call_that_will_leave_says_so_in_every_answer(make, program, monkeypatch):
    leaving = Leaving(since=datetime(2027, 1, 1, tzinfo=UTC), sunset=datetime(2028, 1, 1, tzinfo=UTC))
    api = program(make.merchant())
    assert "Deprecation" not in api.get("/products").headers
    monkeypatch.setitem(NEEDS, "products.listed", replace(NEEDS["products.listed"], leaving=leaving))
    answer = api.get("/products")
    assert answer.headers["Deprecation"] == "@1798761600"
    assert answer.headers["Sunset"] == "Sat, 01 Jan 2028 00:00:00 GMT"
