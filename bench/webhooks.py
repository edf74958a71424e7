"""Webhooks: how many are accepted, and how fast what they tell of is written.

Accepted: the portal under gunicorn against a floor on the same stack that verifies one RSA-2048 signature, inserts
one row idempotently and commits.  Applied: one worker process against a backlog, PayPal read for every message.
"""

from __future__ import annotations

import base64
import http.client
import subprocess
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final

import psycopg
from sqlalchemy import func, select, text

from bench.measures import ROUNDS, WARM_UP, Measure, Work, in_turn
from bench.stack import CLIENT_ID, CLIENT_SECRET, Stack, free_port, merchant_with_key
from portal.clock import utc_now
from portal.demo.simulator import Simulator, serve
from portal.demo.simulator.sending.certificates import authority, certificate
from portal.demo.simulator.sending.delivery import CERTIFICATES, certificate_id
from portal.models import EventSource, EventState, PayPalEvent, Subscription
from portal.services.arrivals import arrivals
from portal.services.arrivals.import_rows import Origin
from portal.services.context import Context
from portal.services.messages import events, webhook_endpoints
from portal.services.paypal.gateways import rest_gateway

WEBHOOK_ID: Final = "1JE4291016473214C"
CONNECTIONS: Final = 16
AT_ONCE: Final = 400  # messages of one unit of work
BACKLOG: Final = 20_000
KNOWN: Final = 500  # subscriptions that the backlog is about
WORKERS: Final = 2  # gunicorn's, of floor and product alike
FASTEST: Final = 1_500  # messages a second that are signed in advance; a faster server would run out, and say so
ALIKE: Final = ("--workers", str(WORKERS), "--worker-class", "sync", "--log-level", "warning")

Posted = tuple[bytes, dict[str, str]]  # body and headers


@dataclass(frozen=True)
class Door:
    """Where messages are posted, each by a connection of its own, as PayPal's come."""

    port: int
    path: str

    def work(self, messages: Iterator[Posted]) -> Work:
        """Return the work of posting fresh messages, several at once; they were signed before."""

        def post() -> int:
            shares = [list(islice(messages, AT_ONCE // CONNECTIONS)) for _ in range(CONNECTIONS)]
            taken = [0] * CONNECTIONS
            threads = [
                threading.Thread(target=self._post_all, args=(share, taken, place))
                for place, share in enumerate(shares)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if sum(taken) != AT_ONCE:
                raise RuntimeError(f"only {sum(taken)} of {AT_ONCE} messages were taken at {self.path}")
            return AT_ONCE

        return post

    def _post_all(self, messages: list[Posted], taken: list[int], place: int) -> None:
        for body, headers in messages:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            connection.request("POST", self.path, body, headers)
            answer = connection.getresponse()
            answer.read()
            taken[place] += answer.status == 200
            connection.close()


def run(stack: Stack) -> list[Measure]:
    """Measure both."""
    (stack.folder / "roots.pem").write_bytes(authority().pem)
    simulator = Simulator()
    simulator.automatic = False
    simulator.add_account(CLIENT_ID, CLIENT_SECRET)
    with serve(simulator) as paypal, stack.database() as url, stack.context(url, paypal.url) as ctx:
        merchant_id = merchant_with_key(ctx)
        with ctx.db.begin() as session:
            endpoint = webhook_endpoints.endpoint_of(session, merchant_id, "sandbox")
            endpoint.webhook_id = WEBHOOK_ID
            token = endpoint.token
        cert_url = paypal.url + CERTIFICATES + certificate_id("sandbox")
        accepted = _accepted(stack, url, paypal.url, token=token, cert_url=cert_url)
        with ctx.db.begin() as session:
            session.execute(text("TRUNCATE paypal_events"))
            session.execute(text("TRUNCATE procrastinate_jobs CASCADE"))
    return [accepted, _applied(stack)]


def _accepted(stack: Stack, url: str, paypal_url: str, *, token: str, cert_url: str) -> Measure:
    with _floor(stack, url) as floor_port, _portal(stack, url, paypal_url) as port:
        needed = round(FASTEST * (ROUNDS * stack.seconds + WARM_UP)) + AT_ONCE * (ROUNDS + 1)
        with ThreadPoolExecutor(2) as signers:
            messages = list(signers.map(lambda _: _signed(cert_url), range(needed)))
        floor = Door(floor_port, "/webhook").work(iter(messages))
        product = Door(port, f"/webhooks/paypal/{token}").work(iter(messages))
        least, ours = in_turn(floor, product, seconds=stack.seconds)
    return Measure(
        "webhook accepted", ours, least, "1/s", f"gunicorn, {WORKERS} workers, {CONNECTIONS} connections", "≥ 0.70"
    )


def _applied(stack: Stack) -> Measure:
    """Let one worker process drain a backlog; every message must be done at the end."""
    backlog, known = (1_000, 100) if stack.small else (BACKLOG, KNOWN)
    command = ("-m", "bench.webhooks", "simulate", str(known))
    port = free_port()
    paypal_url = f"http://127.0.0.1:{port}"
    with (
        stack.child("webhook-simulator", *command, str(port), ready=paypal_url),
        stack.database() as url,
        stack.context(url, paypal_url) as ctx,
    ):
        merchant_id = merchant_with_key(ctx)
        ids = _import(ctx, merchant_id, known)
        _fill(ctx, merchant_id, ids, backlog)
        seconds = _drain(stack, ctx, url, paypal_url)
        with ctx.db.read() as session:
            done = session.scalar(select(func.count()).where(PayPalEvent.state == EventState.DONE)) or 0
    if done != backlog:
        raise RuntimeError(f"{backlog - done} of {backlog} messages were not applied")
    note = f"one worker process, backlog of {backlog}, nothing lost"
    return Measure("webhook to state applied", backlog / seconds, None, "1/s", note, "≥ 150/s")


def _import(ctx: Context, merchant_id: uuid.UUID, count: int) -> list[str]:
    """Take the simulator's subscriptions in, so that the messages are about known ones."""
    gateway, origin, page = rest_gateway(ctx, merchant_id), Origin(merchant_id, "sandbox"), 1
    while True:
        found = gateway.list_subscriptions(page=page)
        for reading in found.readings:
            arrivals.take_in(ctx, origin, gateway, gateway.show_subscription(reading.provider_id))
        if not found.has_next:
            break
        page += 1
    with ctx.db.read() as session:
        ids = list(session.scalars(select(Subscription.provider_id)))
    assert len(ids) == count  # noqa: S101 - a measurement of something else otherwise
    return ids


def _fill(ctx: Context, merchant_id: uuid.UUID, ids: list[str], backlog: int) -> None:
    now = utc_now()
    for start in range(0, backlog, 1000):
        with ctx.db.begin() as session:
            for number in range(start, min(start + 1000, backlog)):
                subject = ids[number % len(ids)]
                message = events.Message(
                    merchant_id=merchant_id,
                    environment="sandbox",
                    source=EventSource.WEBHOOK,
                    event_id=f"WH-{number}",
                    transmission_id=str(uuid.uuid4()),
                    event_type="BILLING.SUBSCRIPTION.UPDATED",
                    subject=subject,
                    body=_body(subject),
                )
                events.store(session, message, now=now)


def _drain(stack: Stack, ctx: Context, url: str, paypal_url: str) -> float:
    """Run one worker until nothing waits; return the seconds from the first message to the last."""
    settings = stack.environment(url, paypal_url) | {"PAYPAL_TRUST_FILE": str(stack.folder / "roots.pem")}
    command = (sys.executable, "-m", "flask", "--app", "wsgi", "work")
    with (stack.folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, env=settings, stdout=log, stderr=log)  # noqa: S603 - our own command
        try:
            while _handled(ctx, at_least=1) == 0:
                time.sleep(0.02)
            started = time.perf_counter()
            while _handled(ctx, at_least=0):
                time.sleep(0.1)
            return time.perf_counter() - started
        finally:
            worker.terminate()
            worker.wait(60)


def _handled(ctx: Context, *, at_least: int) -> int:
    """Return how many are handled (with `at_least`), else how many still wait."""
    state = PayPalEvent.state != EventState.WAITING if at_least else PayPalEvent.state == EventState.WAITING
    with ctx.db.read() as session:
        return session.scalar(select(func.count()).select_from(select(PayPalEvent.id).where(state).subquery())) or 0


def _body(subject: str) -> bytes:
    filling = "x" * 1800  # a real message has about 2 kB
    return (
        f'{{"id":"WH-{uuid.uuid4()}","event_type":"BILLING.SUBSCRIPTION.UPDATED",'
        f'"create_time":"2026-11-22T10:00:00Z","summary":"{filling}","resource":{{"id":"{subject}"}}}}'
    ).encode()


def _signed(cert_url: str) -> Posted:
    body, transmission, now = _body("I-BW452GLLEP1G"), str(uuid.uuid4()), datetime.now(UTC)
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    said = f"{transmission}|{moment}|{WEBHOOK_ID}|{zlib.crc32(body)}".encode()
    return body, {
        "Content-Type": "application/json",
        "PAYPAL-TRANSMISSION-ID": transmission,
        "PAYPAL-TRANSMISSION-TIME": moment,
        "PAYPAL-CERT-URL": cert_url,
        "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        "PAYPAL-TRANSMISSION-SIG": base64.b64encode(certificate("sandbox").sign(said)).decode(),
    }


@contextmanager
def _portal(stack: Stack, url: str, paypal_url: str) -> Iterator[int]:
    port = free_port()
    settings = stack.environment(url, paypal_url) | {"PAYPAL_TRUST_FILE": str(stack.folder / "roots.pem")}
    command = ("-m", "gunicorn", *ALIKE, "--bind", f"127.0.0.1:{port}", "wsgi:app")
    with stack.child("portal", *command, ready=f"http://127.0.0.1:{port}/accessibility", environment=settings):
        yield port


@contextmanager
def _floor(stack: Stack, url: str) -> Iterator[int]:
    """The floor's application in gunicorn, with a table of its own beside the portal's."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE floor (id text PRIMARY KEY, body bytea, at timestamptz DEFAULT now())")
    pem = stack.folder / "signer.pem"
    pem.write_bytes(certificate("sandbox").chain)
    port = free_port()
    settings = stack.environment(url, "http://127.0.0.1:1") | {"FLOOR_SIGNER": str(pem)}
    command = ("-m", "gunicorn", *ALIKE, "--bind", f"127.0.0.1:{port}", "bench.webhook_floor:make()")
    with stack.child("floor", *command, ready=f"http://127.0.0.1:{port}/", environment=settings):
        yield port


def _simulate(count: int, port: int) -> None:
    """Be a PayPal with so many subscriptions, in a process of its own."""
    simulator = Simulator()
    simulator.add_account(CLIENT_ID, CLIENT_SECRET)
    simulator.add_plan()
    for _ in range(count):
        simulator.add_subscription()
    serve(simulator, port=port).wait()


if __name__ == "__main__":
    assert sys.argv[1] == "simulate"  # noqa: S101 - called by this module alone
    _simulate(int(sys.argv[2]), int(sys.argv[3]))
