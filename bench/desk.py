"""The desk's pages for a merchant with a million subscriptions against one with a thousand.

Each is asked for in this process, through the whole application, in turn: its own work and the database's is measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import psycopg
from flask.testing import FlaskClient

from bench import desk_data, people
from bench.measures import Measure
from bench.serving import HOST
from bench.stack import NOWHERE, Stack
from config import Config
from portal import create_app
from portal.clock import utc_now
from portal.services import figures

MANY, SOME, FEW = 1_000_000, 20_000, 1_000
TIMES: Final = 25  # each page is asked for
TARGET: Final = "≤ 1.25"
FILTERS: Final = (
    *("late=yes", "failed=yes", "email=none", "planned=yes", "planned=no", "needs_you=yes", "key=classic", "key=rest"),
    *("reason=technical", "ended_by=customer", "ended_by=failed", "ended_by=staff&ended_from=2026-10-29"),
    *("started_from=2026-10-29", "ended_from=2026-10-29", "next_from=2026-12-01&next_to=2026-12-03"),
    *("state=abandoned&state=pending", "state=past_due&email=none&ended_by=failed"),
)
ORDERS: Final = ("created", "customer", "-customer", "next", "-next", "started", "-started", "ended", "-ended")
CUSTOMER_FILTERS: Final = ("email=none", "erased=yes", "erased=no", "state=abandoned", "needs_you=yes", "sort=-known")
PLACE: Final = "SELECT id FROM {} ORDER BY {} OFFSET (SELECT count(*) * 9 / 10 FROM {}) LIMIT 1"


@dataclass
class Desk:
    """One merchant's desk, with somebody logged in, and what is asked of it."""

    client: FlaskClient
    paths: dict[str, str]
    note: str

    def take(self, page: str) -> float:
        """Return the milliseconds that a page takes."""
        started = time.perf_counter()
        answer = self.client.get(self.paths[page], base_url=f"http://{HOST}")
        taken = (time.perf_counter() - started) * 1000
        if answer.status_code != 200:
            raise RuntimeError(f"{page}: {answer.status}")
        return taken


def run(stack: Stack) -> list[Measure]:
    """Measure every page at both sizes, in turn."""
    with _desk(stack, FEW) as few, _desk(stack, SOME if stack.small else MANY) as many:
        return [_measure(page, few, many) for page in few.paths]


def _measure(page: str, few: Desk, many: Desk) -> Measure:
    for desk in (few, many):
        for _ in range(5):
            desk.take(page)
    taken = [(few.take(page), many.take(page)) for _ in range(TIMES)]
    return Measure(page, _p95(other for _, other in taken), _p95(one for one, _ in taken), "ms", many.note, TARGET)


def _p95(taken: Iterator[float]) -> float:
    rising = sorted(taken)
    return rising[int(len(rising) * 0.95)]


@contextmanager
def _desk(stack: Stack, count: int) -> Iterator[Desk]:
    with stack.database() as database:
        app = create_app(Config.from_env(stack.environment(database, NOWHERE)))
        db = app.extensions["portal"].db
        owner = people.staff(db)
        with psycopg.connect(database) as connection:
            started = time.monotonic()
            desk_data.fill(connection, owner.merchant_id, count)
            figures.keep(app.extensions["portal"], now=utc_now())  # as the worker does
            paths, note = _paths(connection), _size(connection, count, time.monotonic() - started)
        client = app.test_client()
        client.set_cookie("portal_staff", owner.token, domain="127.0.0.1")
        yield Desk(client, paths, note)
        db.dispose()


def _size(connection: psycopg.Connection[Any], count: int, seconds: float) -> str:
    size = sum(size for _table, size, _rows in desk_data.sizes(connection))
    return f"{count:,} subscriptions, {size / count:,.0f} bytes each, built in {seconds:.0f} s"


def _paths(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the addresses of what is measured, by name."""

    def one(statement: str) -> Any:
        return connection.execute(statement).fetchone()

    def listed(table: str, **query: object) -> str:
        return f"/admin/{table}?{urlencode(query)}"

    products = dict(connection.execute("SELECT name, id FROM products").fetchall())
    found = one(
        "SELECT email, provider_id, customer_id, subscriptions.id FROM subscriptions JOIN customers"
        " ON customers.id = customer_id WHERE email IS NOT NULL AND ended_at IS NULL LIMIT 1"
    )
    email, provider_id, customer_id, subscription_id = found
    searched = {
        "a word": "dupont", "two words": "marie martin", "one letter": "m", "a word without a hit": "zzyqx",
        "an address": email, "a domain": "laposte.net", "a PayPal id": provider_id,
        "a part of an id": provider_id[2:8], "a reference": one("SELECT reference FROM end_requests LIMIT 1")[0],
    }  # fmt: skip
    ninety = {
        table: one(PLACE.format(table, order, table))[0]
        for table, order in (("subscriptions", "created_at DESC, id DESC"), ("customers", f"{desk_data.ORDER}, id"))
    }
    return {
        "home": "/admin/",
        "subscriptions": "/admin/subscriptions",
        "subscriptions at 90 %": listed("subscriptions", after=ninety["subscriptions"]),
        **{
            f"status {status}": listed("subscriptions", status=status) for status in ("active", "past_due", "abandoned")
        },
        **{f"product {name}": listed("subscriptions", product=product) for name, product in products.items()},
        **{f"filter {query}": f"/admin/subscriptions?{query}" for query in FILTERS},
        **{f"sorted {order}": listed("subscriptions", sort=order) for order in ORDERS},
        **{f"customers {query}": f"/admin/customers?{query}" for query in CUSTOMER_FILTERS},
        "a product and a status": listed("subscriptions", product=products["Yoga"], status="paused"),
        **{f"searched: {what}": listed("subscriptions", q=words) for what, words in searched.items()},
        "a word and a status": listed("subscriptions", q="martin", status="abandoned"),
        "customers": "/admin/customers",
        "customers at 90 %": listed("customers", after=ninety["customers"]),
        **{f"customers searched: {what}": listed("customers", q=words) for what, words in searched.items()},
        "a subscription": f"/admin/subscriptions/{subscription_id}",
        "a customer": f"/admin/customers/{customer_id}",
    }
