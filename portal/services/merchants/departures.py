"""What becomes of merchants whose last day is over: said in the log each day, and nothing is erased yet.

The erasure itself is not built (docs/decisions/0026): until it is, every row stays and this says so.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from portal.queries import departures
from portal.queries.people import merchants
from portal.services.context import Context

log = structlog.get_logger("portal.departures")


def look(ctx: Context, *, now: datetime) -> int:
    """Say of each merchant whose last day is over what it still waits for at PayPal; return how many there are."""
    with ctx.db.read() as session:
        due = [(one.id, departures.of(session, one.id, now=now)) for one in merchants.due_to_go(session, now)]
    for merchant_id, standing in due:
        waits = standing.open_at_paypal
        if waits:
            log.warning("merchant.departure_waits", merchant_id=str(merchant_id), **waits)
        else:
            log.warning("merchant.departure_due", merchant_id=str(merchant_id), erased=False)
    return len(due)
