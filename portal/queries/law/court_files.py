"""Every SELECT of what is exported of one end for a court."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from portal.models import AuditEntry, EndRequest, Mail, ReceivedRequest, Withdrawal


def declarations(session: Session, request: EndRequest) -> Sequence[ReceivedRequest]:
    """Return the notifications that the request answers, the first one first."""
    answered = ReceivedRequest.end_request_id == request.id
    return session.scalars(
        select(ReceivedRequest).where(answered).order_by(ReceivedRequest.received_at, ReceivedRequest.id)
    ).all()


def messages(session: Session, request: EndRequest, declared: Sequence[ReceivedRequest]) -> Sequence[Mail]:
    """Return the messages about a request and the notifications that it answers, oldest first: sent, refused, waiting.

    Those about a notification, its acknowledgement first, were written before there was a request: its id, or that of
    the withdrawal that it is, stands in their keys.
    """
    withdrawn = select(Withdrawal.id).where(Withdrawal.end_request_id == request.id)
    named = {str(one) for one in (*(one.id for one in declared), *session.scalars(withdrawn))}
    in_key = or_(*(func.split_part(Mail.key, ":", place).in_(named) for place in (2, 3)))
    about = or_(Mail.end_request_id == request.id, and_(Mail.merchant_id == request.merchant_id, in_key))
    return session.scalars(select(Mail).where(about).order_by(Mail.created_at, Mail.id)).all()


def rows_about(
    session: Session, request: EndRequest, declared: Sequence[ReceivedRequest]
) -> Sequence[tuple[int, str | None]]:
    """Return number and reference of the chain's rows about the request's subscription, or what it answers."""
    about = or_(
        and_(AuditEntry.subject_kind == "subscription", AuditEntry.subject_id == request.subscription_id),
        and_(AuditEntry.subject_kind == "received_request", AuditEntry.subject_id.in_([one.id for one in declared])),
    )
    said = AuditEntry.details["reference"].astext.label("reference")
    found = session.execute(
        select(AuditEntry.number, said)
        .where(AuditEntry.merchant_id == request.merchant_id, about)
        .order_by(AuditEntry.number)
    )
    return [(row.number, row.reference) for row in found]


def subscription_of(session: Session, merchant_id: uuid.UUID, request_id: uuid.UUID) -> EndRequest:
    """Return one request of the merchant, plain; raise NoResultFound for any other."""
    return session.scalars(
        select(EndRequest).where(EndRequest.id == request_id, EndRequest.merchant_id == merchant_id)
    ).one()
