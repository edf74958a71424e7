"""What people do before a backup, and after it; and what is looked at then."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.integrations.api_keys import Mode, Scope
from portal.domain.law.countries import Country, Function, strategy
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action
from portal.models import EndRequest, EventSource, EventState, Mail, MailState, Membership, PayPalEvent, Staff
from portal.services.api import api_keys
from portal.services.api.api_keys import Wanted
from portal.services.declarations import declarations
from portal.services.declarations.declarations import Declared
from portal.services.ends import end_requests, end_withdrawals
from portal.services.notices import leaving
from portal.services.own_data import customer_erasures
from portal.services.people import address_changes, memberships
from tests.services.carrying.carried import ask, carry, wish_of
from tests.services.own_data.wishing import LATER


def let_leave(ctx, *, now=None):
    """Let every message leave that may."""
    with ctx.db.read() as session:
        waiting = session.scalars(select(Mail.id).where(Mail.state == MailState.WAITING)).all()
    for mail_id in waiting:
        leaving.send(ctx, mail_id, now=now or utc_now())


def found(ctx, request):
    """The request as its reference leads to it."""
    with ctx.db.read() as session:
        return session.scalars(select(EndRequest).where(EndRequest.reference == request.reference)).one()


class Story:
    """What people did before the backup, and after it."""

    def __init__(self, ctx, make, mailer) -> None:
        self.ctx, self.make, self.mailer = ctx, make, mailer
        self.merchant = make.merchant()
        self.product = make.product(self.merchant)

    def subscription(self, **columns):
        return self.make.subscription(merchant=self.merchant, product=self.product, **columns)

    def before(self):
        names = ("asked", "confirmed", "back", "moved", "later", "by_staff", "undone", "erased", "new_address")
        for name in names:
            setattr(self, name, self.subscription())
        self.first = ask(self.ctx, self.make, self.asked)
        self.done = carry(self.ctx, ask(self.ctx, self.make, self.confirmed))
        self.given_up = ask(self.ctx, self.make, self.back)
        self.planned = self._plan(self.moved, days=40)
        wanted = Wanted(name="Site", mode=Mode.TEST, scopes=frozenset({Scope.CUSTOMERS_READ}))
        self.key_id, self.key = api_keys.make(self.ctx, self.merchant.id, wanted, by=By(), now=utc_now())
        self.make.add(self._message())
        self.staff = Staff(id=uuid.uuid4(), merchant_id=self.merchant.id, email="anne@desk.test", name="Anne")
        self.staff.password_hash, self.staff.totp_secret = "x", b"x"
        self.make.add(self.staff)
        member = Membership(merchant_id=self.merchant.id, staff_id=self.staff.id, role=Role.SUPPORT)
        self.make.add(member)
        let_leave(self.ctx)
        return self

    def after(self):
        ctx, make = self.ctx, self.make
        self.later_done = carry(ctx, ask(ctx, make, self.later))
        self.staffs = ask(ctx, make, self.by_staff, Action.COMPLETE, actor=Actor.STAFF)
        self.taken_back = ask(ctx, make, self.undone)
        for subscription, request in ((self.undone, self.taken_back), (self.back, self.given_up)):
            customer_id = subscription.customer_id
            end_withdrawals.withdraw(ctx, self.merchant.id, customer_id, request.reference, now=utc_now())
        self.moved_again = self._plan(self.moved, days=60)
        self.newcomers = ask(ctx, make, self.subscription())
        self.declared = self._declare()
        self._erase()
        self._change_address()
        api_keys.revoke(ctx, self.merchant.id, self.key_id, by=By(), by_name="Anne", now=utc_now())
        memberships.disable(ctx, self.merchant.id, self.staff.id, by=By(), now=utc_now())
        let_leave(ctx)
        return self

    def _plan(self, subscription, *, days):
        wish = wish_of(subscription, actor=Actor.STAFF, wished_on=(utc_now() + timedelta(days=days)).date())
        recorded = end_requests.record(self.ctx, wish, now=utc_now())
        with self.ctx.db.read() as session:
            return session.get_one(EndRequest, recorded.request_id)

    def _declare(self):
        wish = Declared(
            merchant_id=self.merchant.id,
            strategy=strategy(Country.FR, Function.CANCELLATION),
            language="fr",
            page_token="page",
            name="Zoé",
            email="zoe@client.test",
        )
        return declarations.declare(self.ctx, wish, network="n", now=utc_now())

    def _message(self):
        """What PayPal said of somebody who is erased later: no row of it is in the journal."""
        return PayPalEvent(
            merchant_id=self.merchant.id,
            environment="sandbox",
            source=EventSource.WEBHOOK,
            event_id="WH-1",
            event_type="BILLING.SUBSCRIPTION.ACTIVATED",
            subject=self.erased.provider_id,
            body=b"their name",
            received_at=utc_now(),
            state=EventState.DONE,
        )

    def _erase(self):
        customer = self.erased.customer
        now = utc_now()
        erasure = customer_erasures.ask(self.ctx, self.merchant.id, customer.id, now=now)
        for request in self.make.requests(self.erased):
            carry(self.ctx, request)
        let_leave(self.ctx)
        assert customer_erasures.carry_on(self.ctx, erasure.id, now=now + LATER)
        let_leave(self.ctx, now=now + 2 * LATER)

    def _change_address(self):
        customer = self.new_address.customer
        address_changes.ask_own(self.ctx, self.merchant.id, customer.id, "neuf@client.test", now=utc_now())
        let_leave(self.ctx)
        (link,) = [found[1] for one in self.mailer.sent if (found := re.search(r"/address/(\S+)", one.text))]
        assert address_changes.confirm(self.ctx, self.merchant.id, link, now=utc_now())
