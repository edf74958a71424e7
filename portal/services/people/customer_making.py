"""A customer who comes by no subscription: the merchant brings them, with an address by which they log in."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.people.email_addresses import masked
from portal.models import Customer
from portal.services.audit import audit


def make(
    session: Session,
    merchant_id: uuid.UUID,
    *,
    email: str,
    name: str = "",
    external_id: str | None = None,
    locale: str | None = None,
    by: By,
    now: datetime,
) -> Customer:
    """Write a new customer with an address in its normal form that nobody of the merchant's has.

    The caller has looked; whoever was quicker meanwhile makes the transaction fail on the address or the id.
    """
    made = Customer(
        id=uuid.uuid4(),
        created_at=now,
        merchant_id=merchant_id,
        email=email,
        name=name,
        external_id=external_id,
        locale=locale,
    )
    session.add(made)
    subject = ("customer", made.id)
    audit.append(session, merchant_id, Act.CUSTOMER_MADE, by=by, at=now, subject=subject, email=masked(email))
    return made
