"""Customers who cancel: how long the click takes beside the floor's page, with 4, 16 and 64 of them at once.

Two processes of the web (gunicorn.conf.py's) and two workers over one database; PayPal answers at once.  Each visitor
reads the recap and confirms it; what is timed is the confirmation, up to the redirection.  All must end confirmed.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Final

from bs4 import BeautifulSoup
from requests import Response
from sqlalchemy import func, select, update

from bench.load import asking
from bench.measures import Measure, per_second
from bench.serving import HOST, account_floor, portal, workers
from bench.simulated import simulating, subscriptions
from bench.stack import Stack, local_http
from bench.stored import give_customers, store
from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState
from portal.domain.policies import Override
from portal.models import EndRequest, Merchant, Product, Subscription
from portal.queries.people.people import Kind
from portal.services.context import Context
from portal.services.people.sessions import Visitor, open_for

AT_ONCE: Final = (4, 16, 64)
EACH: Final = 8  # cancellations of a visitor's place, one after the other
WARM: Final = 8  # before: a process compiles each statement the first time
PATIENCE: Final = 60.0  # of a visitor, whom the page may ask to try again, since too many are in front
LATER: Final = 300.0  # seconds until the workers have finished what PayPal had not answered in the page's time


def run(stack: Stack) -> list[Measure]:
    """Let so many cancel at once, in turn with the floor's page under as many connections."""
    each = 2 if stack.small else EACH
    number = WARM + sum(AT_ONCE) * each
    with (
        stack.database() as database,
        simulating(stack, number) as url,
        stack.context(database, url) as ctx,
    ):
        merchant_id = store(stack, database, url, list(subscriptions(number)))
        give_customers(ctx)
        people = iter(_let_in(ctx, merchant_id))
        with portal(stack, database, simulator=url) as served, workers(stack, database, url, 2):
            web = served.port
            for _ in range(WARM):
                _cancel(web, *next(people))
            found = [
                _measure(stack, database, web, [next(people) for _ in range(at_once * each)], at_once)
                for at_once in AT_ONCE
            ]
            _all_confirmed(ctx, number)
    return found


def _let_in(ctx: Context, merchant_id: uuid.UUID) -> list[tuple[uuid.UUID, str]]:
    """Switch self-cancellation on; return each subscription with the token of its customer's session."""
    with ctx.db.begin() as session:
        session.get_one(Merchant, merchant_id).self_cancellation = True
        session.execute(update(Product).values(self_cancellation=Override.ON))
        rows = session.execute(select(Subscription.id, Subscription.customer_id)).all()
        now = utc_now()
        return [
            (found, open_for(session, Kind.CUSTOMER, merchant_id, customer, visitor=Visitor(), now=now))
            for found, customer in rows
        ]


def _measure(stack: Stack, database: str, web: int, people: Sequence[tuple[uuid.UUID, str]], at_once: int) -> Measure:
    started = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        seen = list(pool.map(lambda one: _cancel(web, *one), people))
    took, again = [milliseconds for milliseconds, _ in seen], sum(tried for _, tried in seen)
    rate = len(people) / (time.perf_counter() - started)
    with (
        account_floor(stack, database, uuid.uuid4(), 7_000) as (floor, there),
        asking(floor.port, "/", there, connections=at_once) as ask,
    ):
        least = 1000 * at_once / per_second(ask, seconds=stack.seconds)
    slowest = sorted(took)[int(0.95 * len(took))]
    note = f"median; p95 {slowest:,.0f} ms, {rate:.1f} a second with their recaps, {again} had to try again"
    return Measure(f"cancel POST, {at_once} at once", median(took), least, "ms", note, "≤ 4")


def _cancel(port: int, subscription_id: uuid.UUID, token: str) -> tuple[float, int]:
    """Read the recap and confirm it, again where the page asks for it; return the milliseconds, and how often so."""
    path = f"/account/bench/subscriptions/{subscription_id}/cancellation"
    headers = {"Host": HOST, "Accept-Language": "en", "Sec-Fetch-Site": "same-origin"}
    with local_http() as http:
        http.cookies.set("portal_customer", token)
        address = f"http://127.0.0.1:{port}{path}"
        recap, _tried = _again(lambda: http.get(address, headers=headers, timeout=PATIENCE))
        form = BeautifulSoup(recap.text, "html.parser").select_one("form#confirmation")
        if form is None:
            raise RuntimeError(f"the recap was answered {recap.status_code}: {recap.text[:500]}")
        data = {str(one["name"]): str(one["value"]) for one in form.select("input[type=hidden], input[checked]")}
        headers |= {"Referer": f"http://{HOST}{path}"}
        started = time.perf_counter()
        answer, tried = _again(
            lambda: http.post(address, data=data, headers=headers, timeout=PATIENCE, allow_redirects=False)
        )
        if answer.status_code != 303:
            raise RuntimeError(f"the confirmation was answered {answer.status_code}: {answer.text[:500]}")
        return (time.perf_counter() - started) * 1000, tried


def _again(ask: Callable[[], Response]) -> tuple[Response, int]:
    """Ask, again while the portal says that too many are in front; return the answer, and how often it was again."""
    deadline = time.monotonic() + PATIENCE
    tried = 0
    while (answer := ask()).status_code == 503 and time.monotonic() < deadline:
        tried += 1
    return answer, tried


def _all_confirmed(ctx: Context, number: int) -> None:
    """Wait for the workers to finish the rest; raise RuntimeError when they do not."""
    confirmed = select(func.count()).select_from(EndRequest).where(EndRequest.state == RequestState.CONFIRMED)
    deadline = time.monotonic() + LATER
    while time.monotonic() < deadline:
        with ctx.db.read() as session:
            if session.execute(confirmed).scalar_one() == number:
                return
        time.sleep(0.25)
    with ctx.db.read() as session:
        left = session.execute(
            select(EndRequest.state, EndRequest.trouble, func.count(), func.min(EndRequest.next_try_at)).group_by(
                EndRequest.state, EndRequest.trouble
            )
        ).all()
    raise RuntimeError(f"not every cancellation was confirmed: {left}")
