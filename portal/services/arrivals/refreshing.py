"""Read one subscription at PayPal because somebody asked; what it shows goes through the one door.

No transaction is open while PayPal is asked.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from portal.models import PaymentState, Provider, Subscription
from portal.providers.ports import GatewayRefused, GatewayUnavailable, Refusal
from portal.queries import subscriptions
from portal.queries.merchants import paypal_accounts
from portal.queries.money import payments as stored_payments
from portal.secrets import CannotOpen
from portal.services.arrivals import classic_arrivals
from portal.services.arrivals.event_outcomes import NotYet
from portal.services.arrivals.import_rows import Origin
from portal.services.arrivals.rereading import reread
from portal.services.context import Context
from portal.services.money import payments
from portal.services.money.payments import Told
from portal.services.paypal.gateways import NoKey, classic_gateway, heed, rest_gateway

PATIENCE: Final = 8.0  # seconds for one answer: a person waits for the page
PAYMENTS_SINCE: Final = timedelta(days=93)  # three of PayPal's windows (FACTS.md 1.3)


class Refreshed(StrEnum):
    """What came of a read; each has a sentence on the page."""

    CHANGED = "changed"
    SAME = "same"
    NO_KEY = "no_key"
    KEY_UNREADABLE = "key_unreadable"
    OTHER_ENVIRONMENT = "other_environment"  # the key opens the world that the subscription does not live in
    KEY_REFUSED = "key_refused"
    MISSING_RIGHT = "missing_right"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    TOO_MANY_CALLS = "too_many_calls"
    NOT_WRITTEN = "not_written"  # others write it at this moment, or the row could not be read


REFUSALS: Final = {
    Refusal.BAD_CREDENTIALS: Refreshed.KEY_REFUSED,
    Refusal.FORBIDDEN: Refreshed.MISSING_RIGHT,
    Refusal.NOT_FOUND: Refreshed.NOT_FOUND,
}


def refresh(ctx: Context, merchant_id: uuid.UUID, subscription_id: uuid.UUID, *, now: datetime) -> Refreshed:
    """Read the subscription, and its payments of three months, and say what came of it.

    Raises NoResultFound when the merchant has no such subscription.
    """
    with ctx.db.read() as session:
        known = subscriptions.of_merchant(session, merchant_id, subscription_id)
        account = paypal_accounts.of_merchant(session, merchant_id, known.provider)
    if account is not None and account.environment != known.environment:
        return Refreshed.OTHER_ENVIRONMENT
    before = _facts(ctx, known)
    try:
        _read(ctx, known, now=now)
    except NoKey:
        return Refreshed.NO_KEY
    except CannotOpen:
        return Refreshed.KEY_UNREADABLE
    except NotYet:
        return Refreshed.NOT_WRITTEN
    except (GatewayRefused, GatewayUnavailable) as error:
        with ctx.db.begin() as session:
            heed(session, known.merchant_id, known.provider, error, now=now)
        return _outcome(error)
    return Refreshed.SAME if _facts(ctx, known) == before else Refreshed.CHANGED


def _read(ctx: Context, known: Subscription, *, now: datetime) -> None:
    origin = Origin(known.merchant_id, known.environment, known.provider)
    if known.provider is Provider.PAYPAL_CLASSIC:
        classic = classic_gateway(ctx, known.merchant_id, patience=PATIENCE)
        classic_arrivals.reread(ctx, origin, classic, known.provider_id, add=lambda reading: reading)
        return
    gateway = rest_gateway(ctx, known.merchant_id, patience=PATIENCE)
    reread(ctx, origin, gateway, known.provider_id)
    paid = gateway.list_payments(known.provider_id, start=now - PAYMENTS_SINCE, end=now)
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, known.merchant_id, known.id)
        payments.take_over(ctx, session, locked, paid, Told(sale_ids=()), now=now)


def _outcome(error: GatewayRefused | GatewayUnavailable) -> Refreshed:
    if isinstance(error, GatewayRefused):
        return REFUSALS.get(error.refusal, Refreshed.REFUSED)
    return Refreshed.TOO_MANY_CALLS if error.http_status == 429 else Refreshed.NO_ANSWER


def _facts(ctx: Context, known: Subscription) -> tuple[Any, ...]:
    """Return what a read may change, to say whether it did; when it was read last is no change."""
    with ctx.db.read() as session:
        row = subscriptions.of_merchant(session, known.merchant_id, known.id)
        paid: list[tuple[str, PaymentState, Any]] = [
            (one.provider_id, one.state, one.went_back)
            for one in stored_payments.all_of_subscription(session, row.merchant_id, row.id)
        ]
    names = ("status", "provider", "provider_status", "next_payment_at", "paid_until", "last_payment_at", "amount")
    more = ("failed_payments", "plan_id", "ended_at", "stopped_at_provider_at")
    return (*(getattr(row, name) for name in (*names, *more)), paid)
