"""Three days before access closes for want of a payment, the customer is warned."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy.orm import Session

from portal.queries import subscriptions
from portal.queries.money import missed_payments
from portal.services.batches import each
from portal.services.context import Context
from portal.services.notices import missed_payment_notices

WARN_BEFORE: Final = timedelta(days=3)


def warn(ctx: Context, *, now: datetime) -> None:
    """Warn each customer once (the mail's key makes it so). Raises Unfinished."""

    def tell(session: Session, key: missed_payments.Key) -> None:
        locked = subscriptions.lock(session, key.merchant_id, key.id)
        missed_payment_notices.access_closes(ctx, session, locked, now=now)

    each(ctx.db, partial(missed_payments.closing, since=now, until=now + WARN_BEFORE), tell, event="warning_failed")
