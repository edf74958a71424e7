"""Makers of rows, here and at the simulator, so that a test says only what matters to it."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from portal.demo.simulator.records import stamp
from portal.domain.dates.periods import add_months
from portal.domain.subscriptions import Status
from portal.models import (
    Customer,
    EndRequest,
    KeyState,
    Merchant,
    Payment,
    PaymentState,
    PayPalAccount,
    Plan,
    Product,
    ProductContent,
    Provider,
    Subscription,
)
from portal.queries import subscriptions
from portal.services.context import Context
from portal.services.paypal.gateways import SECRET, SIGNATURE

A_WHILE = timedelta(days=40)  # so long ago, about, a subscription of the makers began
CLASSIC = ("seller_api1.client.test", "secret-of-the-tests-classic", "secret-of-the-tests-signature")
RECEIVER = "seller@client.test"

PROVIDER_WORDS = {
    Status.PENDING: "APPROVAL_PENDING",
    Status.ACTIVE: "ACTIVE",
    Status.PAST_DUE: "ACTIVE",
    Status.PAUSED: "SUSPENDED",
    Status.COMPLETED: "EXPIRED",
    Status.CANCELLED: "CANCELLED",
    Status.ABANDONED: "CANCELLED",
}


def begun_before(next_payment: datetime | None, now: datetime) -> datetime:
    """Return some forty days ago a moment from which months lead to the next payment, on whatever day tests run."""
    if next_payment is None:
        return now - A_WHILE
    months = (add_months(next_payment, -number) for number in range(1, 60))
    return next(
        begun
        for number, begun in enumerate(months, start=1)
        if begun <= now - A_WHILE + timedelta(days=3) and add_months(begun, number) == next_payment
    )


class Makers:
    """Makes merchants, products, customers and subscriptions."""

    def __init__(self, ctx: Context, paypal: Any) -> None:
        self.ctx = ctx
        self.paypal = paypal
        self._number = itertools.count(1)
        self._last_merchant: Merchant | None = None

    def now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)

    def add(self, *rows: Any) -> None:
        with self.ctx.db.begin() as session:
            session.add_all(rows)

    def merchant(self, *, key: bool = True, self_cancellation: bool = True, **columns: Any) -> Merchant:
        """A merchant whose key opens the simulator's account."""
        number = next(self._number)
        merchant = Merchant(
            id=uuid.uuid4(),
            slug=columns.pop("slug", f"atelier-{number}"),
            name=columns.pop("name", f"L’Atelier {number}"),
            support_email=columns.pop("support_email", f"aide{number}@atelier.test"),
            self_cancellation=self_cancellation,
            **columns,
        )
        self.add(merchant)
        if key:
            self.key(merchant)
        self._last_merchant = merchant
        return merchant

    def classic_merchant(self) -> Merchant:
        """A merchant whose only key is one to the classic API."""
        merchant = self.merchant(key=False)
        self.classic_key(merchant)
        return merchant

    def key(self, merchant: Merchant, *, client_id: str = "", secret: str = "") -> PayPalAccount:
        own = self.paypal.credentials
        return self._key(merchant, secret or own.secret, client_id=client_id or own.client_id, secret_ending="cret")

    def classic_key(self, merchant: Merchant, *, password: str = "", **columns: Any) -> PayPalAccount:
        """A key of the merchant to the simulator's classic account, which is made the first time."""
        user, secret, signature = CLASSIC
        if not any(row.user == user for row in self.paypal.state.classic_accounts):
            self.paypal.add_classic_account(*CLASSIC, email=RECEIVER)
        own = {
            "provider": Provider.PAYPAL_CLASSIC,
            "client_id": user,
            "signature": self.ctx.vault.seal(signature, purpose=SIGNATURE),
            "receivers": [RECEIVER],
            "secret_ending": "ssic",
        }
        return self._key(merchant, password or secret, **own | columns)

    def _key(self, merchant: Merchant, secret: str, **columns: Any) -> PayPalAccount:
        account = PayPalAccount(
            merchant_id=merchant.id,
            environment="sandbox",
            secret=self.ctx.vault.seal(secret, purpose=SECRET),
            set_at=self.now(),
            state=KeyState.WORKING,
            checked_at=self.now(),
            check_result={},
            **columns,
        )
        self.add(account)
        return account

    def profile(self, *, status: Status = Status.ACTIVE, kind: str = "express", **columns: Any) -> Subscription:
        """As `subscription`, of the classic world: give its merchant a `classic_key` first."""
        now = self.now()
        upcoming = columns.setdefault("next_payment_at", now + timedelta(days=20))
        started = columns.setdefault("started_at", begun_before(upcoming, now))
        row = self.paypal.add_profile(status=PROVIDER_WORDS[status], kind=kind, started_at=started)
        self._as_told(row, status, upcoming)
        return self.subscription(status=status, provider=Provider.PAYPAL_CLASSIC, provider_id=row.id, **columns)

    def product(self, merchant: Merchant, *, contents: tuple[tuple[str, int], ...] = (), **columns: Any) -> Product:
        product = Product(
            id=uuid.uuid4(), merchant_id=merchant.id, name=columns.pop("name", "Cours de piano"), **columns
        )
        product.contents = [
            ProductContent(position=place, title=title, unlock_after_days=days)
            for place, (title, days) in enumerate(contents)
        ]
        self.add(product)
        return product

    def customer(self, merchant: Merchant, **columns: Any) -> Customer:
        number = next(self._number)
        customer = Customer(
            id=uuid.uuid4(),
            merchant_id=merchant.id,
            email=columns.pop("email", f"claire{number}@client.test"),
            name=columns.pop("name", "Claire Dupont"),
            **columns,
        )
        self.add(customer)
        return customer

    def subscription(
        self,
        *,
        merchant: Merchant | None = None,
        product: Product | None = None,
        customer: Customer | None = None,
        status: Status = Status.ACTIVE,
        at_paypal: bool = True,
        **columns: Any,
    ) -> Subscription:
        """A monthly subscription of 29,90 EUR, here and (unless told otherwise) at the simulator."""
        merchant = merchant or self._last_merchant or self.merchant()
        product = product or self.product(merchant)
        customer = customer or self.customer(merchant)
        now = self.now()
        next_payment = columns.pop("next_payment_at", now + timedelta(days=20))
        started = columns.pop("started_at", begun_before(next_payment, now))
        ended = (
            columns.pop("ended_at", now - timedelta(days=1))
            if status in ("completed", "cancelled", "abandoned")
            else None
        )
        provider_id = columns.pop("provider_id", None)
        if provider_id is None:
            provider_id = (
                self._at_paypal(status, started, next_payment, is_named=customer.email is not None)
                if at_paypal
                else f"I-{uuid.uuid4().hex[:12].upper()}"
            )
        environment = columns.pop("environment", "sandbox")
        plan = Plan(
            id=uuid.uuid4(),
            merchant_id=merchant.id,
            product_id=product.id,
            environment=environment,
            provider_id=f"P-{uuid.uuid4().hex[:24].upper()}",
            name="Mensuel",
            amount=Decimal("29.90"),
            currency="EUR",
            interval_unit="MONTH",
            read_at=now,
        )
        late_since = now - timedelta(days=2) if status is Status.PAST_DUE else None
        subscription = Subscription(
            id=uuid.uuid4(),
            merchant_id=merchant.id,
            customer_id=customer.id,
            product_id=product.id,
            plan_id=plan.id,
            status=status,
            provider_id=provider_id,
            environment=environment,
            provider_status=columns.pop("provider_status", PROVIDER_WORDS[status]),
            provider_read_at=now - timedelta(days=1),
            started_at=started,
            next_payment_at=None if ended else next_payment,
            paid_until=columns.pop("paid_until", next_payment),
            amount=columns.pop("amount", Decimal("29.90")),
            currency=columns.pop("currency", "EUR"),
            interval_unit="MONTH",
            last_payment_at=columns.pop("last_payment_at", now - timedelta(days=10)),
            past_due_since=columns.pop("past_due_since", late_since),
            ended_at=ended,
            relaunch_allowed=columns.pop("relaunch_allowed", status is not Status.ABANDONED),
            **columns,
        )
        self.add(plan)
        self.add(subscription)
        return self.reload(subscription)

    def payment(
        self,
        subscription: Subscription,
        days: int,
        state: PaymentState = PaymentState.COMPLETED,
        refunded: str = "0",
    ) -> Payment:
        """A payment of 29,90 EUR so many days ago."""
        paid = Payment(
            merchant_id=subscription.merchant_id,
            subscription_id=subscription.id,
            environment="sandbox",
            provider_id=f"SALE{days:013}",
            state=state,
            amount=Decimal("29.90"),
            currency="EUR",
            refunded=Decimal(refunded),
            paid_at=self.now() - timedelta(days=days),
        )
        self.add(paid)
        return paid

    def reload(self, subscription: Subscription) -> Subscription:
        """The subscription as the database has it now, with customer, product and plan."""
        with self.ctx.db.read() as session:
            return subscriptions.of_merchant(session, subscription.merchant_id, subscription.id)

    def requests(self, subscription: Subscription) -> list[EndRequest]:
        """Every request of the subscription, oldest first."""
        from portal.queries.ends import end_requests

        with self.ctx.db.read() as session:
            return end_requests.all_of_subscription(session, subscription.id)[::-1]

    def _at_paypal(self, status: Status, started: datetime, next_payment: datetime | None, *, is_named: bool) -> str:
        """The same subscription at the simulator; its next payment date is the one given."""
        row = self.paypal.add_subscription(status=PROVIDER_WORDS[status], started_at=started)
        row.email = row.email if is_named else None
        self._as_told(row, status, next_payment)
        return row.id

    def _as_told(self, row: Any, status: Status, next_payment: datetime | None) -> None:
        if row.status == "ACTIVE" and next_payment is not None:
            row.next_billing_time = stamp(next_payment)
        if status is Status.PAST_DUE:
            row.failed_payments = row.failed_in_all = 1
            row.outstanding = "29.90"
