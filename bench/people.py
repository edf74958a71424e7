"""Who looks at the pages that are measured: a customer among many others, and somebody of a merchant's staff."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy import text

from bench.serving import HOST
from bench.stack import merchant_with_key
from portal.clock import utc_now
from portal.domain.policies import Override, Role
from portal.domain.subscriptions import Status
from portal.extensions import Database
from portal.models import Customer, Membership, Merchant, Plan, Product, ProductContent, Staff, Subscription
from portal.queries.people.people import Kind
from portal.services.context import Context
from portal.services.people.sessions import Visitor, open_for

ACCOUNT: Final = "/account/bench/"
HELD: Final = 5
OTHERS: Final = 2_000  # customers with one subscription each: an index is worth something only in a table


@dataclass(frozen=True)
class Someone:
    """Somebody who is logged in."""

    merchant_id: uuid.UUID
    id: uuid.UUID
    token: str

    @property
    def as_customer(self) -> dict[str, str]:
        """Return the headers of a customer's browser."""
        return {"Host": HOST, "Cookie": f"portal_customer={self.token}", "Accept-Language": "en"}

    @property
    def as_staff(self) -> dict[str, str]:
        """Return the headers of a browser at the desk."""
        return {"Host": HOST, "Cookie": f"portal_staff={self.token}", "Accept-Language": "en"}


def staff(db: Database) -> Someone:
    """Make a merchant without anything and an owner of it."""
    merchant_id, staff_id = uuid.uuid4(), uuid.uuid4()
    with db.begin() as session:
        session.add(Merchant(id=merchant_id, slug="bench", name="Bench"))
        session.flush()
        person = {"email": "bench@bench.example", "name": "Bench", "locale": "fr"}
        secrets = {"password_hash": "", "totp_secret": b"", "totp_last_step": 0}
        session.add(Staff(id=staff_id, merchant_id=merchant_id, **person, **secrets))
        session.flush()
        session.add(Membership(merchant_id=merchant_id, staff_id=staff_id, role=Role.OWNER))
        session.flush()
        token = open_for(session, Kind.STAFF, merchant_id, staff_id, visitor=Visitor(), now=utc_now())
    return Someone(merchant_id, staff_id, token)


def customer(ctx: Context) -> Someone:
    """Make a customer with five subscriptions, and many others."""
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
    return Someone(merchant_id, people[0].id, token)


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
