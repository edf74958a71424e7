"""What customers set by themselves in their space; from then on neither staff nor PayPal change it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from portal.domain.audit import By
from portal.domain.people.profiles import with_own
from portal.queries.people import customers
from portal.services.context import Context
from portal.services.people import customer_identity
from portal.services.people.acting import by_customer


def save(
    ctx: Context,
    merchant_id: uuid.UUID,
    customer_id: uuid.UUID,
    answers: Mapping[str, Any],
    *,
    by: By | None = None,
    now: datetime,
) -> bool:
    """Write what the customer has changed of their own answers (`domain.profiles.Answer`); False when nothing differs.

    An answer that is as it was stays whoever's it is.  Raises NoResultFound for another merchant's customer.
    """
    with ctx.db.begin() as session:
        (customer,) = customers.lock(session, merchant_id, customer_id)
        who = by or by_customer(customer_id)
        changed = customer_identity.write(ctx, session, customer, answers, by=who, now=now)
        if changed:
            customer.own_answers = with_own(customer.own_answers, changed)
    return bool(changed)
