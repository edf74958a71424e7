"""What was done once more since a restore, of which there is one alone: what had been done first counts.

The restored portal had forgotten it: somebody withdrew again from what they had withdrawn from, the nightly work
promised a message anew that had left long ago, or an address was made for PayPal where the merchant had entered one.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from portal.models import Base, MailState, Subscription
from portal.queries.operating import journal as queries

ONCE: Final[Mapping[str, tuple[str, ...]]] = {
    "mails": ("key",),
    "renewal_reminders": ("subscription_id", "renews_on"),
    "webhook_endpoints": ("merchant_id", "environment"),
    "withdrawals": ("subscription_id",),
}


def give_way(session: Session, of_table: str, image: Mapping[str, Any]) -> list[str] | None:
    """Take out what was done since of what an image of the journal says; return the references that people were given.

    None where what is there was done before it, or has left: the image has no place then.
    """
    once = ONCE.get(of_table, ())
    if not once or any(image.get(name) is None for name in once):
        return []
    table = Base.metadata.tables[of_table]
    found = queries.done_since(session, table, once, image)
    first = datetime.fromisoformat(image["created_at"])
    if any(one.created_at <= first or (of_table == "mails" and one.state == MailState.SENT) for one in found):
        return None
    session.execute(table.delete().where(table.c.id.in_([one.id for one in found])))
    if of_table != "withdrawals":
        return []
    _counts_from_the_first(session, image)
    return [one.reference for one in found]


def _counts_from_the_first(session: Session, image: Mapping[str, Any]) -> None:
    """Access ended when they withdrew first; a row that was changed since is not put back as it was."""
    theirs = update(Subscription).where(Subscription.id == uuid.UUID(image["subscription_id"]))
    at = func.least(Subscription.withdrawn_at, datetime.fromisoformat(image["declared_at"]))
    session.execute(theirs.values(withdrawn_at=at))
