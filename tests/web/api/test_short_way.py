"""The short way of an access check: it says what the view says, and never lets in whom the view would not."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import update

from portal.api import short_way
from portal.domain.integrations.api_keys import Scope
from portal.domain.subscriptions import Status
from portal.models import ApiKey, Grant, Merchant, Product, Subscription
from tests.web.api.ids import shown

VARYING = ("Date", "Request-Id", "RateLimit")


@pytest.fixture
def by_the_view(monkeypatch):
    """Call something with the short way closed."""

    def call(ask):
        with monkeypatch.context() as patched:
            patched.setattr(short_way, "PATH", "/nowhere")
            return ask()

    return call


@pytest.fixture
def clock_at(monkeypatch):
    """Let the API's clock show another moment."""

    @contextmanager
    def at(moment):
        with monkeypatch.context() as patched:
            patched.setattr(short_way, "utc_now", lambda: moment)
            yield

    return at


def query_of(row) -> dict[str, str]:
    return {"customer": shown("cus", row.customer), "product": shown("prod", row.product)}


def plain(answer):
    return answer.status_code, answer.data, {k: v for k, v in answer.headers.items() if k not in VARYING}


@pytest.fixture
def world(make):
    merchant = make.merchant()
    product = make.product(merchant, contents=(("Leçon 1", 0), ("Leçon 200", 200)))
    return merchant, make.subscription(merchant=merchant, product=product)


def test_both_ways_give_the_same_answer(make, program, world, by_the_view, statements):
    merchant, row = world
    now = make.now()
    ends = {"status": Status.CANCELLED, "paid_until": now + timedelta(days=3)}
    rows = [
        row,
        make.subscription(merchant=merchant, product=row.product, **ends),
        make.subscription(merchant=merchant, status=Status.PAUSED, paid_until=now - timedelta(days=3)),
        make.subscription(merchant=merchant, status=Status.PAST_DUE, past_due_since=now - timedelta(days=2)),
        make.subscription(merchant=merchant, status=Status.PENDING, started_at=None),
    ]
    since = now - timedelta(days=1)
    make.add(
        Grant(merchant_id=merchant.id, customer_id=row.customer_id, product_id=row.product_id, since=since, until=None)
    )
    api = program(merchant)
    api.call("PATCH", f"/customers/{shown('cus', row.customer)}", json={"external_id": "Zoë & 17"})
    queries = [*map(query_of, rows), query_of(row) | {"customer": "Zoë & 17"}]
    for query in queries:
        view = by_the_view(lambda asked=query: api.get("/access", **asked))
        with statements() as seen:
            short = api.get("/access", **query)
        assert "FROM api_keys" in seen[0]
        assert not any("unnest" in one for one in seen)
        assert view.status_code == 200
        assert plain(short) == plain(view)

        def again(asked=query, tag=short.headers["ETag"]):
            return api.call("GET", "/access", query=asked, headers={"If-None-Match": tag})

        unchanged = again()
        assert unchanged.status_code == 304
        assert again(tag='"of-another"').status_code == 200
        assert plain(unchanged) == plain(by_the_view(again))


def test_whoever_has_the_answer_is_told_when_it_changes_by_time_alone_and_by_facts(ctx, make, program, world, clock_at):
    merchant, row = world
    api = program(merchant)
    first = api.get("/access", **query_of(row))
    tag = {"If-None-Match": first.headers["ETag"]}
    opens = row.started_at + timedelta(days=200)
    answers = []
    for at in (make.now(), opens - timedelta(seconds=2), opens + timedelta(seconds=2)):
        with clock_at(at):
            answers.append(api.call("GET", "/access", query=query_of(row), headers=tag))
    assert [one.status_code for one in answers] == [304, 304, 200]
    assert [one["allowed"] for one in answers[2].json["contents"]] == [True, True]
    with ctx.db.begin() as session:
        session.execute(update(Product).where(Product.id == row.product_id).values(name="Violon"))
        session.execute(update(Subscription).where(Subscription.id == row.id).values(status=Status.PENDING))
    closed = api.call("GET", "/access", query=query_of(row), headers=tag)
    assert (closed.status_code, closed.json["allowed"]) == (200, False)


def test_a_key_that_is_revoked_hears_not_even_that_nothing_has_changed(ctx, make, program, world):
    merchant, row = world
    api = program(merchant)
    tag = {"If-None-Match": api.get("/access", **query_of(row)).headers["ETag"]}
    assert api.call("GET", "/access", query=query_of(row), headers=tag).status_code == 304
    with ctx.db.begin() as session:
        session.execute(update(ApiKey).where(ApiKey.merchant_id == merchant.id).values(revoked_at=make.now()))
    assert api.call("GET", "/access", query=query_of(row), headers=tag).status_code == 401


@pytest.mark.parametrize(
    ("columns", "status"),
    [
        ({"expires_at": "past"}, 401),
        ({"networks": ["10.0.0.0/8"]}, 401),
        ({"scopes": ["customers:read"]}, 403),
        ({"per_minute": 1}, 429),
        ({"revoked_at": "past"}, 401),
    ],
)
def test_from_the_next_call_on_a_key_that_is_good_no_more_opens_nothing(
    ctx, make, program, world, by_the_view, columns, status
):
    merchant, row = world
    api = program(merchant)
    assert api.get("/access", **query_of(row)).status_code == 200
    past = make.now() - timedelta(seconds=1)
    values = {name: past if value == "past" else value for name, value in columns.items()}
    with ctx.db.begin() as session:
        session.execute(update(ApiKey).where(ApiKey.merchant_id == merchant.id).values(values))
    refused = api.get("/access", **query_of(row))
    assert (refused.status_code, refused.mimetype) == (status, "application/problem+json")
    assert refused.json == by_the_view(lambda: api.get("/access", **query_of(row))).json


def test_a_merchant_that_is_closed_lets_nobody_in(ctx, make, program, world):
    merchant, row = world
    api = program(merchant)
    with ctx.db.begin() as session:
        session.execute(update(Merchant).where(Merchant.id == merchant.id).values(closed_at=make.now()))
    assert api.get("/access", **query_of(row)).status_code == 401


@pytest.mark.parametrize(
    ("tail", "status"),
    [
        ("&product=x", 400),
        ("&api_key=x", 400),
        ("&more=1", 422),
        ("&more", 422),
        ("%FF", 404),
        ("%00", 422),
        ("%20%20", 422),
        ("&product", 400),
    ],
)
def test_what_is_asked_otherwise_is_answered_by_the_view(program, world, by_the_view, tail, status):
    merchant, row = world
    api, asked = program(merchant), query_of(row)
    path = f"/v1/access?customer={asked['customer']}&product={asked['product']}{tail}"
    head = {"Authorization": f"Bearer {api.key}"}
    answer, view = (way(lambda: api.client.get(path, headers=head)) for way in (lambda ask: ask(), by_the_view))
    assert answer.status_code == status
    assert answer.json == view.json


def test_a_pair_that_is_not_there_costs_two_statements(make, program, world, statements):
    merchant, row = world
    api = program(merchant, Scope.ACCESS_READ)
    strange = query_of(row) | {"customer": shown("cus", make.subscription(merchant=make.merchant()).customer)}
    api.get("/access", **strange)
    with statements() as seen:
        assert api.get("/access", **strange).status_code == 404
    assert len(seen) == 2


def test_calls_by_the_short_way_count(program, world):
    merchant, row = world
    api = program(merchant, per_minute=3)
    left = [api.get("/access", **query_of(row)).headers["RateLimit"].split(";")[1] for _call in range(3)]
    assert left == ["r=2", "r=1", "r=0"]
    assert api.get("/access", **query_of(row)).status_code == 429
