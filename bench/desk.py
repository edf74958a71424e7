"""The desk's pages for a merchant with a million subscriptions against one with a thousand, and one with 100,000.

Each is asked for in this process, through the whole application, in turn: its own work and the database's is measured.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final

import psycopg
from flask.testing import FlaskClient

from bench import desk_data, desk_pages, people
from bench.measures import Measure
from bench.serving import HOST
from bench.stack import NOWHERE, Stack
from config import Config
from portal import create_app
from portal.clock import utc_now
from portal.services import figures

FEW, SOME, MANY = 1_000, 100_000, 1_000_000
WARM_UP: Final = 5
TIMES: Final = 25  # each page is asked for
TARGET: Final = "≤ 1.25"
NEXT: Final = re.compile(r'href="(/admin/[^"]*[?&;]after=[^"]*)"')


@dataclass
class Desk:
    """One merchant's desk, with somebody logged in, and what is asked of it."""

    client: FlaskClient
    paths: dict[str, str]
    note: str
    rows: dict[str, int] = field(default_factory=dict)

    def page(self, name: str) -> str:
        """Return a page. Raises RuntimeError when there is none."""
        answer = self.client.get(self.paths[name], base_url=f"http://{HOST}")
        if answer.status_code != 200:
            raise RuntimeError(f"{name}: {answer.status}")
        return answer.get_data(as_text=True)

    def take(self, name: str) -> float:
        """Return the milliseconds that a page takes."""
        started = time.perf_counter()
        self.page(name)
        return (time.perf_counter() - started) * 1000


def run(stack: Stack) -> list[Measure]:
    """Measure every page at the three sizes, in turn."""
    sizes = (200, 2_000, 20_000) if stack.small else (FEW, SOME, MANY)
    with ExitStack() as opened:
        desks = [opened.enter_context(_desk(stack, size)) for size in sizes]
        names = [name for name in desks[0].paths if all(name in desk.paths for desk in desks)]
        return [_measure(name, desks) for name in names]


def _measure(page: str, desks: Sequence[Desk]) -> Measure:
    for desk in desks:
        for _ in range(WARM_UP):
            desk.take(page)
    taken = list(zip(*([desk.take(page) for desk in desks] for _ in range(TIMES)), strict=True))
    p95, p50 = [_at(times, 0.95) for times in taken], [_at(times, 0.5) for times in taken]
    rows = ", ".join(str(desk.rows[page]) for desk in desks)
    note = f"p50 {_said(p50)}; p95 {_said(p95)}; rows {rows}"
    return Measure(page, p95[-1], p95[0], "ms", note, TARGET)


def _at(taken: Sequence[float], share: float) -> float:
    return sorted(taken)[int(len(taken) * share)]


def _said(times: Sequence[float]) -> str:
    return ", ".join(f"{one:.0f}" for one in times)


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
            paths, note = desk_pages.paths(connection), _size(connection, count, time.monotonic() - started)
        client = app.test_client()
        client.set_cookie("portal_staff", owner.token, domain="127.0.0.1")
        yield _with_second_pages(Desk(client, paths, note))
        db.dispose()


def _with_second_pages(desk: Desk) -> Desk:
    """Add the pages that follow, as the pages themselves link to them; note how many rows each one has."""
    for name in list(desk.paths):
        body = desk.page(name)
        following = NEXT.search(body)
        if following is not None and desk_pages.is_paged(name):
            desk.paths[f"{name}, page 2"] = unescape(following[1])
    desk.rows = {name: desk.page(name).count("<tr") for name in desk.paths}
    print(f"{desk.note}; {len(desk.paths)} pages", file=sys.stderr, flush=True)
    return desk


def _size(connection: psycopg.Connection[Any], count: int, seconds: float) -> str:
    size = sum(size for _table, size, _rows in desk_data.sizes(connection))
    return f"{count:,} subscriptions, {size / count:,.0f} bytes each, built in {seconds:.0f} s"
