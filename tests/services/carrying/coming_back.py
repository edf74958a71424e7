"""One customer on the way back."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import requests
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.demo.simulator.records import stamp
from portal.domain.subscriptions import Status
from portal.models import Comeback, Mail, Subscription, TimelineEntry
from portal.queries.ends import comebacks as queries
from portal.services import comebacks
from portal.services.carrying import comeback_calls, comeback_watching
from portal.services.carrying.answers import Patience

QUICK = Patience(answer=5, whole=20)


class Way:
    """A customer whose subscription was cancelled, on the way back."""

    def __init__(self, ctx, make, paypal, *, paid_days=20.0, **columns):
        self.ctx, self.make, self.paypal = ctx, make, paypal
        now = make.now()
        paid = now + timedelta(days=paid_days) if paid_days is not None else None
        columns = {"stopped_at_provider_at": now - timedelta(days=1), "status": Status.CANCELLED} | columns
        self.old = make.subscription(paid_until=paid, **columns)
        if self.old.last_payment_at is not None:  # no payment that is not known here
            paid = {"amount": "29.90", "time": stamp(self.old.last_payment_at)}
            paypal.subscriptions[self.old.provider_id].last_payment = paid
        paypal.add_plan(plan_id=self.old.plan.provider_id, amount="34.00")

    def wish(self, **more):
        given = {
            "merchant_id": self.old.merchant_id,
            "customer_id": self.old.customer_id,
            "customer_name": "Claire",
            "subscription_id": self.old.id,
            "language": "fr",
        }
        return comebacks.Wish(**given | more)

    def start(self, **more):
        return comebacks.start(self.ctx, self.wish(**more), now=utc_now())

    def create(self, started=None, **more):
        started = started or self.start()
        comeback_calls.create(self.ctx, self.old.merchant_id, started.comeback_id, insist=True, **more)
        return self.row(started.comeback_id)

    def row(self, comeback_id):
        with self.ctx.db.read() as session:
            return queries.of_merchant(session, self.old.merchant_id, comeback_id)

    def look(self, row, **more):
        self.set(row, read_at=None)
        return comeback_watching.look(self.ctx, self.old.merchant_id, row.id, insist=True, **more)

    def choose(self, row, choice="approve"):
        return requests.post(row.approval_url, data={"choice": choice}, allow_redirects=False, timeout=5)

    def set(self, row, **columns):
        with self.ctx.db.begin() as session:
            session.execute(update(Comeback).where(Comeback.id == row.id).values(**columns))

    def pay(self, until):
        """A payment that is known now only: the old one is paid for longer."""
        with self.ctx.db.begin() as session:
            session.execute(update(Subscription).where(Subscription.id == self.old.id).values(paid_until=until))

    def arrived(self):
        with self.ctx.db.read() as session:
            return list(session.scalars(select(Subscription).where(Subscription.predecessor_id == self.old.id)))

    def subscriptions(self):
        with self.ctx.db.read() as session:
            return list(session.scalars(select(Subscription)))

    def timeline(self):
        with self.ctx.db.read() as session:
            rows = session.scalars(select(TimelineEntry).where(TimelineEntry.subscription_id == self.old.id))
            return Counter(row.kind.value for row in rows)

    def mails(self):
        with self.ctx.db.read() as session:
            return Counter(session.scalars(select(Mail.kind)))

    def made(self):
        """What PayPal has made for us."""
        return [row for row in self.paypal.subscriptions.values() if row.approve_url]
