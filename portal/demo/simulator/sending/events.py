"""Events in PayPal's envelope, made of what happened to a subscription (FACTS.md 2.2)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from portal.demo.simulator import shapes
from portal.demo.simulator.records import Event, News, Payment, Plan, Subscription, new_id

# What PayPal lets a webhook ask for, as far as it concerns subscriptions, and what it says of each.
EVENT_TYPES: Final = {
    "BILLING.PLAN.ACTIVATED": "Billing plan activated",
    "BILLING.PLAN.CREATED": "Billing plan created",
    "BILLING.PLAN.DEACTIVATED": "Billing plan deactivated",
    "BILLING.PLAN.PRICING-CHANGE.ACTIVATED": "Billing plan pricing change activated",
    "BILLING.PLAN.UPDATED": "Billing plan updated",
    "BILLING.SUBSCRIPTION.ACTIVATED": "Subscription activated",
    "BILLING.SUBSCRIPTION.CANCELLED": "Subscription cancelled",
    "BILLING.SUBSCRIPTION.CREATED": "Subscription created",
    "BILLING.SUBSCRIPTION.EXPIRED": "Subscription expired",
    "BILLING.SUBSCRIPTION.PAYMENT.FAILED": "Payment failed on subscription",
    "BILLING.SUBSCRIPTION.RE-ACTIVATED": "Subscription reactivated",
    "BILLING.SUBSCRIPTION.SUSPENDED": "Subscription suspended",
    "BILLING.SUBSCRIPTION.UPDATED": "Subscription updated",
    "CATALOG.PRODUCT.CREATED": "Product created",
    "CATALOG.PRODUCT.UPDATED": "Product updated",
    "PAYMENT.SALE.COMPLETED": "Payment completed",
    "PAYMENT.SALE.DENIED": "Payment denied",
    "PAYMENT.SALE.PENDING": "Payment pending",
    "PAYMENT.SALE.REFUNDED": "Sale payment refunded",
    "PAYMENT.SALE.REVERSED": "Sale payment reversed",
}
FEE: Final = Decimal("0.029")


def made(
    news: News, row: Subscription, plan: Plan, *, environment: str, now: datetime, simulated: bool = False
) -> Event:
    """Return the event that tells of `news`. Its own time is `now`, a real one; those inside are the simulator's."""
    kind, resource = _resource(news, row, plan, environment)
    event_id = f"{new_id('WH-', 17)}-{new_id('', 17)}"
    own = f"{shapes.LINKS[environment]}/v1/notifications/webhooks-events/{event_id}"
    body: dict[str, Any] = {
        "id": event_id,
        "event_version": "1.0",
        "create_time": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "resource_type": kind,
        "event_type": news.event_type,
        "summary": _summary(news),
        "resource": resource,
        "links": [
            {"href": own, "rel": "self", "method": "GET"},
            {"href": f"{own}/resend", "rel": "resend", "method": "POST"},
        ],
    }
    if kind == "subscription":
        body["resource_version"] = "2.0"
    return Event(
        id=event_id,
        client_id=row.client_id,
        event_type=news.event_type,
        create_time=body["create_time"],
        subject=resource["id"],
        body=json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        simulated=simulated,
    )


def made_up(event_type: str, *, client_id: str, environment: str, now: datetime) -> Event:
    """Return the event of a simulation: about a subscription and a payment that do not exist."""
    at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    plan = Plan(
        "P-5ML4271244454362WXNWU5NQ", client_id, "Sample", "10.00", "USD", "MONTH", 1, 0, 0, "", "ACTIVE", None, at
    )
    word = event_type.rpartition(".")[2]
    status = word if word in ("CANCELLED", "EXPIRED", "SUSPENDED") else "ACTIVE"
    row = Subscription(
        "I-BW452GLLEP1G", client_id, plan.id, status, at, at, at, at, payer_id="2J6QB8YJQSJRJ", periods=1
    )
    row.next_billing_time = at  # even of a cancelled one: PayPal's simulation does not look (FACTS.md 1.4)
    payment = Payment("80021663DE681814L", "COMPLETED", "10.00", "USD", at) if "SALE" in event_type else None
    money = {"refund_id": "8WB44836YW0021013", "refund": "10.00"} if word in ("REFUNDED", "REVERSED") else {}
    news = News(event_type, at, payment, **money)
    return made(news, row, plan, environment=environment, now=now, simulated=True)


def _resource(news: News, row: Subscription, plan: Plan, environment: str) -> tuple[str, dict[str, Any]]:
    if news.payment is None:
        return "subscription", shapes.subscription_body(row, plan, environment)
    if news.refund:
        kind = "refund" if news.event_type.endswith("REFUNDED") else "sale"
        return kind, _refund(news, news.payment, environment)
    return "sale", _sale(news, news.payment, row, environment)


def _sale(news: News, paid: Payment, row: Subscription, environment: str) -> dict[str, Any]:
    total = shapes.total(paid.amount, paid.currency)
    fee = (Decimal(paid.amount) * FEE).quantize(Decimal(total))
    body = {
        "id": paid.id,
        "state": news.event_type.rpartition(".")[2].lower(),
        "amount": {"total": total, "currency": paid.currency, "details": {"subtotal": total}},
        "billing_agreement_id": row.id,
        "payment_mode": "INSTANT_TRANSFER",
        "protection_eligibility": "ELIGIBLE",
        "transaction_fee": {"currency": paid.currency, "value": str(fee)},
        "create_time": paid.time,
        "update_time": news.at,
        "links": [
            {"href": f"{shapes.LINKS[environment]}/v1/payments/sale/{paid.id}", "rel": "self", "method": "GET"},
            {
                "href": f"{shapes.LINKS[environment]}/v1/payments/sale/{paid.id}/refund",
                "rel": "refund",
                "method": "POST",
            },
        ],
    }
    if row.custom_id:
        body["custom"] = row.custom_id
    if news.event_type.endswith("PENDING"):
        body["reason_code"] = "ECHECK"
    return body


def _refund(news: News, paid: Payment, environment: str) -> dict[str, Any]:
    """Return what went back. It names the payment, but not the subscription (FACTS.md 2.2)."""
    reversal = news.event_type.endswith("REVERSED")
    back = shapes.total(news.refund, paid.currency)
    root = shapes.LINKS[environment]
    body: dict[str, Any] = {
        "id": news.refund_id,
        "sale_id": paid.id,
        "state": "completed",
        "amount": {"total": f"-{back}" if reversal else back, "currency": paid.currency},
        "create_time": news.at,
        "update_time": news.at,
        "links": [
            {"href": f"{root}/v1/payments/refund/{news.refund_id}", "rel": "self", "method": "GET"},
            {"href": f"{root}/v1/payments/sale/{paid.id}", "rel": "sale", "method": "GET"},
        ],
    }
    if not reversal:
        body["total_refunded_amount"] = {"value": shapes.total(paid.refunded or back, paid.currency)}
        body["total_refunded_amount"]["currency"] = paid.currency
    return body


def _summary(news: News) -> str:
    said = EVENT_TYPES[news.event_type]
    if news.payment is None:
        return said
    amount, currency = news.refund or news.payment.amount, news.payment.currency
    return f"{said} for {currency} {shapes.total(amount, currency)} {currency}"
