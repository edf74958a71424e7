"""Join two customers who are one person: what the second has becomes the first one's, and the second is gone.

Two of one address are not joined by themselves: until staff say that they are one, the log-in lets them choose.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.models import (
    AddressChange,
    Comeback,
    Customer,
    CustomerNote,
    Grant,
    LoginChallenge,
    LoginSession,
    Mail,
    Subscription,
)
from portal.queries import comebacks
from portal.queries.people import customers
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.people.customer_addresses import close_ranks, end_log_ins, replace_waiting

BELONGINGS: Final = (  # all that names a customer
    Subscription,
    Grant,
    Comeback,
    LoginSession,
    LoginChallenge,
    AddressChange,
    CustomerNote,
    Mail,
)


def join(
    ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, other_id: uuid.UUID, *, by: By, now: datetime
) -> bool:
    """Make the other one's belongings this customer's; False when they no longer share an address, or both come back.

    The stricter answer stands for both: who asked not to be contacted is not.  Raises NoResultFound for a foreign id.
    """
    with ctx.db.begin() as session:
        kept, other = customers.lock(session, merchant_id, customer_id, other_id)
        are_one_address = kept.id != other.id and kept.email is not None and kept.email == other.email
        if not are_one_address or _both_come_back(session, kept, other):
            return False
        end_log_ins(session, other.id, now=now)
        replace_waiting(session, other.id, now=now)
        for row in BELONGINGS:
            session.execute(update(row).where(row.customer_id == other.id).values(customer_id=kept.id))
        kept.name, kept.locale = kept.name or other.name, kept.locale or other.locale
        kept.contact_allowed = kept.contact_allowed and other.contact_allowed
        payer_id, other.payer_id = kept.payer_id or other.payer_id, None
        session.flush()
        kept.payer_id = payer_id
        session.delete(other)
        session.flush()
        close_ranks(session, merchant_id, kept.email)
        subject = ("customer", kept.id)
        audit.append(session, merchant_id, Act.CUSTOMERS_JOINED, by=by, at=now, subject=subject, other=str(other_id))
    return True


def _both_come_back(session: Session, kept: Customer, other: Customer) -> bool:
    """Say whether both have an attempt to come back to the same product under way: PayPal would be asked twice."""
    return bool(comebacks.products_wanted(session, kept.id) & comebacks.products_wanted(session, other.id))
