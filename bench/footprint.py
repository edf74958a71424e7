"""The memory of a web worker: beside the least program's, and after very many pages.

Beside the floor: proportional set size, that is of each shared page only a worker's part of it; both under the same
gunicorn settings, one after the other, after some hundred account pages.  After many: what one worker that is never
replaced holds after 50,000 pages, against after its first 5,000.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean
from typing import Final

import psutil

from bench import people, serving
from bench.load import asking
from bench.measures import Measure
from bench.memory import proportional, resident
from bench.people import ACCOUNT, Someone
from bench.serving import Served
from bench.stack import NOWHERE, Stack, local_http

CONNECTIONS: Final = 16
WARM: Final = 800  # pages before a worker's memory is looked at
FIRST, LAST = 5_000, 50_000
ALONE: Final = ("--workers", "1", "--max-requests", "0")  # one worker, and always the same


def run(stack: Stack) -> list[Measure]:
    """Measure both for the customer with five subscriptions."""
    with stack.database() as url, stack.context(url, NOWHERE) as ctx:
        customer = people.customer(ctx)
        return [_beside_the_floor(stack, url, customer), _after_many(stack, url, customer)]


def _beside_the_floor(stack: Stack, url: str, customer: Someone) -> Measure:
    with serving.portal(stack, url) as web:
        with local_http() as http:
            size = len(http.get(web.address(ACCOUNT), headers=customer.as_customer, timeout=30).content)
        _ask(web, ACCOUNT, customer.as_customer, WARM)
        product = mean(map(proportional, _workers(web)))
    with serving.account_floor(stack, url, customer.id, size) as (web, headers):
        _ask(web, "/", headers, WARM)
        floor = mean(map(proportional, _workers(web)))
    note = f"proportional, mean of the workers, after {WARM} account pages"
    return Measure("memory of a web worker", product, floor, "MiB", note, "≤ 1.8")


def _after_many(stack: Stack, url: str, customer: Someone) -> Measure:
    first, last = (400, 2_000) if stack.small else (FIRST, LAST)
    with serving.portal(stack, url, options=ALONE) as web:
        (worker,) = _workers(web)
        asked = _ask(web, ACCOUNT, customer.as_customer, first)
        before = resident(worker)
        _ask(web, ACCOUNT, customer.as_customer, last - asked)
        if _workers(web) != [worker]:
            raise RuntimeError("the worker was replaced: nothing was measured")
        after = resident(worker)
    note = f"resident; floor: the same worker after {first:,}"
    return Measure(f"memory of a web worker after {last:,} pages", after, before, "MiB", note, "< 1.02")


def _workers(served: Served) -> list[int]:
    return sorted(child.pid for child in psutil.Process(served.process).children())


def _ask(served: Served, path: str, headers: Mapping[str, str], number: int) -> int:
    """Ask for a page so many times, or a few more; return how many times it was."""
    done = 0
    with asking(served.port, path, dict(headers), connections=CONNECTIONS) as ask:
        while done < number:
            done += ask()
    return done
