"""Messages to webhooks: signed as PayPal signs them, sent, and sent again (FACTS.md 2.3 and 2.5)."""

from __future__ import annotations

import base64
import hashlib
import threading
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import requests

from portal.demo.simulator.records import Delivery, Event, Webhook, moment, stamp
from portal.demo.simulator.sending.certificates import Certificate, certificate
from portal.demo.simulator.sending.dispatch import Dispatch

CERTIFICATES: Final = "/v1/notifications/certs/"
SIMULATED_ID: Final = "WEBHOOK_ID"  # what simulated events are signed for, instead of their webhook's id (FACTS.md 2.4)
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
RETRIES: Final = 25
LONGEST_GAP: Final = 3600  # seconds between two tries; the first gaps are 2, 4, 8 …
PATIENCE: Final = 10.0  # seconds for an answer
ENVIRONMENTS: Final = ("sandbox", "live")


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message exactly as it is sent: its headers by PayPal's names, and the bytes that are signed."""

    transmission_id: str
    event_id: str
    event_type: str
    url: str
    headers: dict[str, str]
    body: bytes


def certificate_id(environment: str, *, lone: bool = False) -> str:
    """Return the name under which an environment's certificate is served, of the form `CERT-360caa42-…`."""
    digest = hashlib.sha256(certificate(environment, lone=lone).chain).hexdigest()
    return f"CERT-{digest[:8]}-{digest[8:16]}-{digest[16:24]}"


def signer_of(name: str) -> Certificate | None:
    """Return the certificate that is served under a name; None when no environment has one."""
    for lone in (False, True):  # making one takes a moment: the lone ones only when they are asked for
        for here in ENVIRONMENTS:
            if certificate_id(here, lone=lone) == name:
                return certificate(here, lone=lone)
    return None


class Courier:
    """Plans, signs and sends the messages of a simulator; `run` does so in a thread of its own."""

    def __init__(self, simulator: Dispatch) -> None:
        self._simulator = simulator
        self._sending: set[str] = set()
        self._http = requests.Session()
        self._http.trust_env = False
        self.stopping = threading.Event()

    def plan(self, event: Event, webhooks: Iterable[Webhook], *, url: str = "") -> list[Delivery]:
        """Note that an event is to be sent to these webhooks, or to one bare address."""
        with self._simulator.lock:
            now = stamp(self._simulator.real_now())
            where = [(webhook.id, "") for webhook in webhooks] or ([("", url)] if url else [])
            made = [Delivery(str(uuid.uuid4()), event.id, name, to, now, now) for name, to in where]
            self._simulator.state.deliveries.update({row.id: row for row in made})
            self._simulator.wake.notify_all()
            return made

    def message(self, row: Delivery) -> Message | None:
        """Sign a message; None when its event or its webhook is gone."""
        state = self._simulator.state
        event, webhook = state.events.get(row.event_id), state.webhooks.get(row.webhook_id)
        if event is None or not (webhook or row.url):
            return None
        body = event.body.encode("utf-8", "surrogatepass")
        environment = self._simulator.environment_of(event.client_id)
        signed_for = SIMULATED_ID if event.simulated else row.webhook_id
        signed = f"{row.id}|{row.time}|{signed_for}|{zlib.crc32(body)}"
        lone = self._simulator.lone_certificates
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "PayPal/AUHD-214.0-SIMULATOR",
            "PAYPAL-TRANSMISSION-ID": row.id,
            "PAYPAL-TRANSMISSION-TIME": row.time,
            "PAYPAL-TRANSMISSION-SIG": base64.b64encode(
                certificate(environment, lone=lone).sign(signed.encode())
            ).decode(),
            "PAYPAL-CERT-URL": self._simulator.address + CERTIFICATES + certificate_id(environment, lone=lone),
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        }
        return Message(
            transmission_id=row.id,
            event_id=event.id,
            event_type=event.event_type,
            url=webhook.url if webhook else row.url,
            headers=headers,
            body=body,
        )

    def deliver_now(self) -> list[Delivery]:
        """Send every message that has not arrived, due or not, once and in order; return them."""
        with self._simulator.lock:
            rows = [row for row in self._simulator.pending if row.id not in self._sending]
        for row in rows:
            self._deliver(row)
        return rows

    def run(self) -> None:
        """Send what falls due until stopped."""
        simulator = self._simulator
        while not self.stopping.is_set():
            with simulator.lock:
                now = simulator.real_now()
                row, wait = self._next(now) if simulator.automatic else (None, None)
                if row is None:
                    simulator.wake.wait(wait)
                    continue
            self._deliver(row)

    def stop(self) -> None:
        """Make `run` return after the message it is sending."""
        self.stopping.set()
        with self._simulator.lock:
            self._simulator.wake.notify_all()

    def _next(self, now: datetime) -> tuple[Delivery | None, float | None]:
        """Return the message that is due, or how many seconds to wait for one (None: until something happens)."""
        rows = [row for row in self._simulator.pending if row.id not in self._sending]
        if not rows:
            return None, None
        row = min(rows, key=lambda row: row.next_try)
        if self._simulator.shuffled is not None:
            due = [one for one in rows if moment(one.next_try) <= now]
            row = self._simulator.shuffled.choice(due) if due else row
        left = (moment(row.next_try) - now).total_seconds()
        return (row, None) if left <= 0 else (None, left)

    def _deliver(self, row: Delivery) -> None:
        with self._simulator.lock:
            message = self.message(row)
            self._sending.add(row.id)
        said, arrived = ("its webhook is gone", False) if message is None else self._send(message)
        with self._simulator.lock:
            self._sending.discard(row.id)
            row.attempts += 1
            row.answer = said
            gap = timedelta(seconds=min(2**row.attempts, LONGEST_GAP))
            row.next_try = stamp(self._simulator.real_now() + gap)
            if arrived:
                row.state = "delivered"
            elif message is None or row.attempts > RETRIES:
                row.state = "failed"
            self._simulator.save()

    def _send(self, message: Message) -> tuple[str, bool]:
        if urlsplit(message.url).hostname not in LOOPBACK:
            return "not on this machine", False  # a simulator has no business anywhere else
        try:
            answer = self._http.post(
                message.url, data=message.body, headers=message.headers, timeout=PATIENCE, allow_redirects=False
            )
        except requests.RequestException as error:
            return type(error).__name__, False
        return str(answer.status_code), 200 <= answer.status_code < 300
