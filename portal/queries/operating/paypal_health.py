"""How the way to PayPal is, for the desk's home: one look at each thing, whatever the number of its rows."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, bindparam, exists, select
from sqlalchemy.orm import Session

from portal.models import EventState, PayPalAccount, PayPalEvent, WebhookEndpoint, WebhookTrouble
from portal.queries.merchants import paypal_accounts
from portal.queries.merchants.paypal_accounts import Provider

__all__ = ["Provider"]  # the web names the kinds of key

SLOW: Final = timedelta(minutes=15)  # a message is handled within seconds


@dataclass(frozen=True, kw_only=True)
class Health:
    """The keys by their kind; when the last message came, and what hinders messages."""

    keys: dict[Provider, PayPalAccount]
    last_message_at: datetime | None
    trouble: WebhookTrouble | None  # PayPal does not report here, or not yet
    has_given_up: bool  # on a message, after days
    is_slow: bool  # a message waits for longer than it should


def of_merchant(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> Health:
    """Return how the merchant's keys and messages are."""
    keys = paypal_accounts.all_of_merchant(session, merchant_id)
    rest = keys.get(Provider.PAYPAL_REST)
    which = {"merchant_id": merchant_id, "environment": rest.environment if rest else "", "before": now - SLOW}
    row = session.execute(_messages(), which).one()
    return Health(
        keys=keys,
        last_message_at=row.last_message_at,
        trouble=row.trouble,
        has_given_up=row.has_given_up,
        is_slow=row.is_slow,
    )


@cache
def _messages() -> Select[*tuple[Any, ...]]:
    ours = PayPalEvent.merchant_id == bindparam("merchant_id")
    newest = select(PayPalEvent.received_at).where(ours).order_by(PayPalEvent.received_at.desc()).limit(1)
    waits = PayPalEvent.state == EventState.WAITING, PayPalEvent.received_at < bindparam("before")
    endpoint = select(WebhookEndpoint.trouble).where(
        WebhookEndpoint.merchant_id == bindparam("merchant_id"), WebhookEndpoint.environment == bindparam("environment")
    )
    return select(
        newest.scalar_subquery().label("last_message_at"),
        endpoint.scalar_subquery().label("trouble"),
        exists().where(ours, PayPalEvent.state == EventState.FAILED).label("has_given_up"),
        exists().where(ours, *waits).label("is_slow"),
    )
