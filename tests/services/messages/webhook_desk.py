"""A merchant's webhook in the tests: messages made and signed here, for the real intake and the real drain."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from portal.clock import utc_now
from portal.demo.simulator.sending.certificates import certificate
from portal.demo.simulator.sending.delivery import CERTIFICATES, certificate_id
from portal.models import Payment, PayPalEvent, WebhookEndpoint
from portal.providers.deliveries import Delivery
from portal.services.messages import drains, webhook_endpoints, webhook_intake
from portal.services.messages.webhook_intake import Intake
from tests.fakes.webhooks import event, signed

WEBHOOK_ID = "1JE4291016473214C"


class WebhookDesk:
    """Everything about one merchant's webhook."""

    def __init__(self, ctx: Any, paypal: Any, merchant: Any, *, webhook_id: str | None = WEBHOOK_ID) -> None:
        self.ctx, self.paypal, self.merchant = ctx, paypal, merchant
        self.url = paypal.url + CERTIFICATES + certificate_id("sandbox")
        with ctx.db.begin() as session:
            endpoint = webhook_endpoints.endpoint_of(session, merchant.id, "sandbox")
            endpoint.webhook_id = webhook_id
            self.token, self.endpoint_id = endpoint.token, endpoint.id

    def sign(self, body: bytes, **more: Any) -> Delivery:
        """A message of PayPal's for this webhook."""
        return signed(certificate("sandbox"), body, **{"webhook_id": WEBHOOK_ID, "url": self.url, **more})

    def send(self, body: bytes, **more: Any) -> Intake:
        """Have PayPal send these bytes."""
        return self.take_in(self.sign(body, **more))

    def take_in(self, delivery: Delivery) -> Intake:
        return webhook_intake.take_in(self.ctx, self.token, delivery, now=utc_now())

    def tell(self, kind: str, resource: dict[str, Any], **more: Any) -> PayPalEvent:
        """Send an event, handle it, and return its row."""
        body = event(kind, resource, **more)
        assert self.send(body) is Intake.STORED
        self.work()
        return self.rows()[-1]

    def work(self, *, later: timedelta = timedelta()) -> None:
        """Do what a worker would do now, or later."""
        while drains.drain(self.ctx, self.merchant.id, now=utc_now() + later):
            pass

    def rows(self) -> list[PayPalEvent]:
        with self.ctx.db.read() as session:
            return list(
                session.scalars(
                    select(PayPalEvent)
                    .where(PayPalEvent.merchant_id == self.merchant.id)
                    .order_by(PayPalEvent.received_at)
                )
            )

    def payments(self) -> dict[str, tuple[str, str]]:
        """State of each payment and how much of it went back, by PayPal's id."""
        with self.ctx.db.read() as session:
            rows = session.scalars(select(Payment).where(Payment.merchant_id == self.merchant.id))
            return {row.provider_id: (row.state.value, f"{row.went_back.normalize():f}") for row in rows}

    def endpoint(self) -> WebhookEndpoint:
        with self.ctx.db.read() as session:
            return session.get_one(WebhookEndpoint, self.endpoint_id)

    def set(self, **columns: Any) -> None:
        with self.ctx.db.begin() as session:
            session.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == self.endpoint_id).values(**columns))

    def age(self, row_id: uuid.UUID, by: timedelta) -> None:
        """Let a message have come earlier."""
        with self.ctx.db.begin() as session:
            session.execute(
                update(PayPalEvent).where(PayPalEvent.id == row_id).values(received_at=PayPalEvent.received_at - by)
            )


def changed(subscription_id: str, **more: Any) -> dict[str, Any]:
    """The resource of a BILLING.SUBSCRIPTION event; what else stands in it must not matter."""
    return {"id": subscription_id, "status": "ACTIVE", **more}


def sale(sale_id: str, subscription_id: str | None, *, total: str = "29.90", currency: str = "EUR") -> dict[str, Any]:
    """The resource of a PAYMENT.SALE event."""
    body: dict[str, Any] = {"id": sale_id, "state": "completed", "amount": {"total": total, "currency": currency}}
    return body | ({"billing_agreement_id": subscription_id} if subscription_id else {})


def refund(sale_id: str, total: Any = "29.90", currency: str = "EUR") -> dict[str, Any]:
    """The resource of a refund: it names its sale, and dependably nothing else (FACTS.md 2.2)."""
    return {
        "id": f"R-{uuid.uuid4().hex[:15].upper()}",
        "sale_id": sale_id,
        "total_refunded_amount": {"value": total, "currency": currency},
    }
