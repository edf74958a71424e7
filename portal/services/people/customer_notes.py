"""What the team notes of a customer, for itself: plain text, with author and date; deleted, it is gone."""

from __future__ import annotations

import uuid
from datetime import datetime

from portal.domain.audit import Act, By
from portal.domain.errors import Denial, NotAllowed
from portal.domain.people.customer_erasures import check_there
from portal.domain.policies import Role
from portal.models import CustomerNote
from portal.queries.people import customer_notes, customers
from portal.services.audit import audit
from portal.services.context import Context


def write(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, text: str, *, by: By, now: datetime) -> None:
    """Keep a note under its author's name. Raises NoResultFound for another merchant's customer."""
    with ctx.db.begin() as session:
        (customer,) = customers.lock(session, merchant_id, customer_id)
        check_there(customer.erased_at)
        assert by.actor_id is not None  # noqa: S101 - staff write notes
        note = CustomerNote(
            id=uuid.uuid4(),
            created_at=now,
            merchant_id=merchant_id,
            customer_id=customer_id,
            author_id=by.actor_id,
            author_name=by.name,
            text=text,
        )
        session.add(note)
        subject = ("customer", customer_id)
        audit.append(session, merchant_id, Act.NOTE_WRITTEN, by=by, at=now, subject=subject, note=str(note.id))


def may_delete(author_id: uuid.UUID, *, by_id: uuid.UUID | None, role: Role | None) -> bool:
    """Say whether somebody may delete a note: its author, or an owner."""
    return role is Role.OWNER or author_id == by_id


def delete(
    ctx: Context,
    merchant_id: uuid.UUID,
    customer_id: uuid.UUID,
    note_id: uuid.UUID,
    *,
    by: By,
    role: Role | None,
    now: datetime,
) -> None:
    """Delete a note for good. Raises NotAllowed for somebody else's, unless an owner asks; NoResultFound."""
    with ctx.db.begin() as session:
        customers.lock(session, merchant_id, customer_id)
        note = customer_notes.of_customer(session, merchant_id, customer_id, note_id)
        if not may_delete(note.author_id, by_id=by.actor_id, role=role):
            raise NotAllowed(Denial.ROLE_TOO_LOW)
        session.delete(note)
        subject = ("customer", customer_id)
        audit.append(session, merchant_id, Act.NOTE_DELETED, by=by, at=now, subject=subject, note=str(note_id))
