"""The account page, the page that is asked most: how many a second, of a customer with five subscriptions.

Product and floor run under the same gunicorn settings; the floor checks a signed cookie, reads five rows in one
statement and fills a template of the same size.  Beside the rate stand the processor time of a request and its
statements, which vary less from machine to machine.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Final

import psutil
import requests
from sqlalchemy import text

from bench.load import asking
from bench.measures import Measure, Work, in_turn
from bench.stack import Stack, free_port, merchant_with_key
from portal.clock import utc_now
from portal.domain.policies import Override
from portal.domain.subscriptions import Status
from portal.models import Customer, Merchant, Plan, Product, ProductContent, Subscription
from portal.queries.people.people import Kind
from portal.services.context import Context
from portal.services.people.sessions import Visitor, open_for

CONNECTIONS: Final = 16
HELD: Final = 5
OTHERS: Final = 2_000  # customers with one subscription each: an index is worth something only in a table
PATH: Final = "/account/bench/"
HOST: Final = "127.0.0.1:8999"


def run(stack: Stack) -> list[Measure]:
    """Measure the page, and count what one costs."""
    with stack.database() as url, stack.context(url, "http://127.0.0.1:1") as ctx:
        customer_id, token = _people(ctx)
        here = {"Host": HOST, "Cookie": f"portal_customer={token}", "Accept-Language": "en"}
        with _portal(stack, url) as (port, serving):
            size = len(requests.get(f"http://127.0.0.1:{port}{PATH}", headers=here, timeout=30).content)
            with (
                _floor(stack, url, customer_id, size) as (floor_port, there),
                asking(port, PATH, here, connections=CONNECTIONS) as ours,
                asking(floor_port, "/", there, connections=CONNECTIONS) as least,
            ):
                floor, product = in_turn(least, ours, seconds=stack.seconds)
                spent = _processor_ms(serving, ours, seconds=stack.seconds)
    about = f"{size} bytes, {CONNECTIONS} connections"
    return [
        Measure("account page, five subscriptions", product, floor, "1/s", about, "≥ 0.60"),
        Measure("processor of one, web processes alone", spent, None, "ms"),
    ]


def _people(ctx: Context) -> tuple[uuid.UUID, str]:
    """Make the customer who looks, and many others; return their id and the token of a session."""
    merchant_id, now = merchant_with_key(ctx), utc_now()
    product, plan = uuid.uuid4(), uuid.uuid4()
    with ctx.db.begin() as session:
        session.get_one(Merchant, merchant_id).self_cancellation = True
        session.add(Product(id=product, merchant_id=merchant_id, name="Piano", self_cancellation=Override.ON))
        session.flush()
        for place, title in enumerate(("Lesson 1", "Lesson 2", "Lesson 3")):
            session.add(ProductContent(product_id=product, title=title, position=place, unlock_after_days=30 * place))
        session.add(
            Plan(
                id=plan,
                merchant_id=merchant_id,
                product_id=product,
                environment="sandbox",
                provider_id="P-BENCH",
                name="Monthly",
                amount=Decimal("29.90"),
                currency="EUR",
                interval_unit="MONTH",
                read_at=now,
            )
        )
        session.flush()
        people = [_customer(merchant_id, number) for number in range(OTHERS + 1)]
        session.add_all(people)
        session.flush()
        for number, one in enumerate(people):
            held = HELD if number == 0 else 1
            session.add_all(_subscription(merchant_id, one.id, product, plan, f"I-{number}-{i}") for i in range(held))
    with ctx.db.begin() as session:
        token = open_for(session, Kind.CUSTOMER, merchant_id, people[0].id, visitor=Visitor(), now=now)
        session.execute(text("ANALYZE"))
    return people[0].id, token


def _customer(merchant_id: uuid.UUID, number: int) -> Customer:
    return Customer(id=uuid.uuid4(), merchant_id=merchant_id, email=f"c{number}@bench.example", name=f"Claire {number}")


def _subscription(
    merchant_id: uuid.UUID, customer_id: uuid.UUID, product: uuid.UUID, plan: uuid.UUID, provider_id: str
) -> Subscription:
    now = utc_now()
    return Subscription(
        merchant_id=merchant_id,
        customer_id=customer_id,
        product_id=product,
        plan_id=plan,
        status=Status.ACTIVE,
        provider_id=provider_id,
        environment="sandbox",
        provider_status="ACTIVE",
        provider_read_at=now,
        started_at=now - timedelta(days=100),
        next_payment_at=now + timedelta(days=20),
        paid_until=now + timedelta(days=20),
        last_payment_at=now - timedelta(days=10),
        amount=Decimal("29.90"),
        currency="EUR",
        interval_unit="MONTH",
    )


def _processor_ms(serving: psutil.Process, ask: Work, *, seconds: float) -> float:
    """Return the milliseconds of processor that the web processes spend on a request."""
    family = serving.children(recursive=True)
    before, done, started = sum(map(_spent, family)), 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        done += ask()
    return 1000 * (sum(map(_spent, family)) - before) / done


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _portal(stack: Stack, url: str, *, simulator: str = "http://127.0.0.1:1") -> Iterator[tuple[int, psutil.Process]]:
    port = free_port()
    command = ("-m", "gunicorn", "--log-level", "warning", "--bind", f"127.0.0.1:{port}", "wsgi:app")
    settings = stack.environment(url, simulator)
    ready = f"http://127.0.0.1:{port}/accessibility"
    with stack.child("portal", *command, ready=ready, environment=settings) as process:
        yield port, psutil.Process(process.pid)


@contextmanager
def _floor(stack: Stack, url: str, customer_id: uuid.UUID, size: int) -> Iterator[tuple[int, dict[str, str]]]:
    """The floor, and the headers of somebody who is logged in there."""
    port = free_port()
    settings = stack.environment(url, "http://127.0.0.1:1") | {"FLOOR_BYTES": str(size)}
    command = (
        "-m", "gunicorn", "--log-level", "warning", "--bind", f"127.0.0.1:{port}", "bench.account_floor:make()",
    )  # fmt: skip
    with stack.child("account-floor", *command, ready=f"http://127.0.0.1:{port}/login/x", environment=settings):
        answer = requests.get(f"http://127.0.0.1:{port}/login/{customer_id}", timeout=30)
        yield port, {"Host": HOST, "Cookie": f"session={answer.cookies['session']}"}
