"""Who acts in the customers' space, for the audit chain."""

from __future__ import annotations

import uuid

from portal.domain.audit import By
from portal.domain.end_requests import Channel
from portal.domain.policies import Actor


def by_customer(customer_id: uuid.UUID | None = None) -> By:
    """Return a customer at the portal; without an id for whoever holds a link, logged in as nobody."""
    return By(actor=Actor.CUSTOMER, actor_id=customer_id, channel=Channel.PORTAL)
