"""What may have changed of who may open what is marked, in the transaction of the fact; a worker tells what did.

Where no endpoint is told of access nothing is marked (services/outgoing/access_events.py).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.integrations.outgoing_events import EventType
from portal.models import Subscription
from portal.queries.access import access_marks
from portal.services.outgoing_events import is_wanted

ACCESS: Final = (EventType.ACCESS_GRANTED, EventType.ACCESS_CHANGED, EventType.ACCESS_ENDED)


def mark(session: Session, subscription: Subscription, *, now: datetime) -> None:
    """What a subscription opens may have changed."""
    if is_wanted(session, subscription.merchant_id, *ACCESS):
        session.flush()
        pair = {name: getattr(subscription, name) for name in ("merchant_id", "customer_id", "product_id")}
        session.execute(access_marks.OF_PAIR, {**pair, "environment": subscription.environment, "now": now})


def mark_all(
    session: Session,
    merchant_id: uuid.UUID,
    *,
    customers: Collection[uuid.UUID] = (),
    products: Collection[uuid.UUID] = (),
    now: datetime,
) -> None:
    """What any of these customers may open, or anybody of these products, may have changed."""
    if is_wanted(session, merchant_id, *ACCESS):
        session.flush()
        which = {"merchant_id": merchant_id, "customers": list(customers), "products": list(products), "now": now}
        session.execute(access_marks.OF_SEVERAL, which)
