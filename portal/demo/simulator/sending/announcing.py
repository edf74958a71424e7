"""From what happened to events, and from events to messages (FACTS.md 2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from portal.demo.simulator.life.core import real_now
from portal.demo.simulator.records import Delivery, Event, Ipn, Subscription, stamp
from portal.demo.simulator.sending import events
from portal.demo.simulator.sending.delivery import Courier, Message
from portal.demo.simulator.sending.dispatch import Dispatch
from portal.demo.simulator.sending.ipn import Postman


class Announcing(Dispatch):
    """The part that tells webhooks of changes."""

    def __init__(self, state: Path | str | None = None, *, clock: Callable[[], datetime] = real_now) -> None:
        super().__init__(state, clock=clock)
        self.courier = Courier(self)
        self.postman = Postman(self)
        self.most_events = 5000  # kept; the oldest go first

    def messages(self, webhook_id: str) -> list[Message]:
        """Return every message for a webhook so far, whether it arrived or not, oldest first."""
        with self.lock:
            rows = [row for row in self.state.deliveries.values() if row.webhook_id == webhook_id]
            return [message for row in rows if (message := self.courier.message(row))]

    def ipn_messages(self, provider_id: str | None = None) -> list[bytes]:
        """Return every IPN so far, or those of one profile, sent or not, oldest first."""
        with self.lock:
            return [row.body.encode("latin-1") for row in self.state.ipns if provider_id in (None, row.provider_id)]

    def add_ipn(self, body: bytes, *, environment: str = "sandbox") -> None:
        """Keep a message of any content as one that PayPal sent: these bytes are VERIFIED."""
        with self.lock:
            self.state.ipns.append(Ipn(user="", environment=environment, provider_id="", body=body.decode("latin-1")))
            self.save()

    def deliver_now(self) -> list[Delivery]:
        """Send what is pending, due or not, once and in order; return it with the answers."""
        return self.courier.deliver_now()

    def hurry(self) -> int:
        """Let every message that has not arrived be due now, whatever gap it waits for; return how many."""
        with self.lock:
            rows, now = self.pending, stamp(self.real_now())
            for row in rows:
                row.next_try = min(row.next_try, now)
            self.wake.notify_all()
            return len(rows)

    def repeat(self, last: int) -> int:
        """Send the last so many messages that arrived once more, as if their answer had got lost; return how many."""
        with self.lock:
            rows = [row for row in self.state.deliveries.values() if row.state == "delivered"][-last:] if last else []
            for row in rows:
                row.state, row.attempts, row.next_try = "pending", 0, stamp(self.real_now())
            self.wake.notify_all()
            return len(rows)

    def publish(self, event: Event, *, url: str = "", webhook_id: str = "") -> None:
        """Keep an event and send it to the webhooks of its app that want it; a simulated one where it is told to."""
        with self.lock:
            self.state.events[event.id] = event
            webhooks = [
                row
                for row in self.state.webhooks.values()
                if (row.id == webhook_id if event.simulated else row.wants(event.event_type))
                and row.client_id == event.client_id
            ]
            self.courier.plan(event, webhooks, url=url)
            self._forget_old_events()

    def announce(self, row: Subscription) -> None:
        """Make events of what happened. An app without any webhook has none: PayPal would have nobody to tell."""
        news = row.untold[:]
        row.untold.clear()
        if row.classic:  # no webhook ever hears of these (FACTS.md 0)
            for item in news:
                self.postman.announce(item, row, self.plan_of(row))
            return
        if not any(webhook.client_id == row.client_id for webhook in self.state.webhooks.values()):
            return
        plan, environment = self.plan_of(row), self.environment_of(row.client_id)
        for item in news:
            self.publish(events.made(item, row, plan, environment=environment, now=self.real_now()))

    def _forget_old_events(self) -> None:
        kept, state = self.most_events, self.state
        if len(state.events) <= kept * 1.1:
            return
        for event_id in list(state.events)[:-kept]:
            del state.events[event_id]
        state.deliveries = {key: row for key, row in state.deliveries.items() if row.event_id in state.events}

    def changed(self, row: Subscription) -> None:
        """Announce what happened to a subscription, and keep it. To be called after every change, with the lock."""
        self.announce(row)
        self.agenda.note(row)
        self.version += 1
        self.save()
