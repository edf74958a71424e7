"""The desk's list of subscriptions, narrowed by a status and a search to a full page of fifty rows: how many a second.

A merchant of 20,000 subscriptions that look real (bench/desk_data.py).  Product and floor run under the same gunicorn
settings; the floor checks a signed cookie, reads fifty rows in one statement by the same status and by the beginning of
a word in the same index, and fills a table of the same size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlencode

import psycopg
from bs4 import BeautifulSoup

from bench import desk_data, people, serving
from bench.load import asking
from bench.measures import Measure, in_turn
from bench.people import Someone
from bench.serving import Served, gunicorn, logged_in
from bench.stack import NOWHERE, Stack, local_http

SUBSCRIPTIONS: Final = 20_000
CONNECTIONS: Final = 16
ROWS: Final = 50
WANTED: Final = "?" + urlencode({"status": "active", "q": "dupont"})  # a hundred of them have both
LIST: Final = "/admin/subscriptions" + WANTED


def run(stack: Stack) -> list[Measure]:
    """Ask for both lists in turn."""
    with stack.database() as url:
        with stack.context(url, NOWHERE) as ctx:
            owner = people.staff(ctx.db)
        with psycopg.connect(url) as connection:
            desk_data.fill(connection, owner.merchant_id, SUBSCRIPTIONS)
        with serving.portal(stack, url) as web:
            size = _size(web, LIST, owner.as_staff)
            with (
                _floor(stack, url, owner, size) as (floor_web, there),
                asking(web.port, LIST, owner.as_staff, connections=CONNECTIONS) as ours,
                asking(floor_web.port, "/" + WANTED, there, connections=CONNECTIONS) as least,
            ):
                floor_size = _size(floor_web, "/" + WANTED, there)
                floor, product = in_turn(least, ours, seconds=stack.seconds)
    note = f"{size:,} bytes against {floor_size:,}, {CONNECTIONS} connections, {SUBSCRIPTIONS:,} subscriptions"
    return [Measure(f"desk's list, {ROWS} rows, filter and search", product, floor, "1/s", note, "≥ 0.50")]


def _size(web: Served, path: str, headers: Mapping[str, str]) -> int:
    """Return how many bytes the list has; raise RuntimeError unless it is a full page."""
    with local_http() as http:
        answer = http.get(web.address(path), headers=headers, timeout=30)
    rows = BeautifulSoup(answer.text, "html.parser").select("tbody tr")
    if len(rows) != ROWS:
        raise RuntimeError(f"{path}: {answer.status_code}, {len(rows)} rows")
    return len(answer.content)


@contextmanager
def _floor(stack: Stack, url: str, owner: Someone, size: int) -> Iterator[tuple[Served, dict[str, str]]]:
    settings = stack.environment(url, NOWHERE) | {"FLOOR_BYTES": str(size)}
    with gunicorn(stack, "list-floor", "bench.list_floor:make()", ready="/login/x", settings=settings) as web:
        yield web, logged_in(web, f"/login/{owner.merchant_id}")
