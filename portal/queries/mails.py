"""Every SELECT of messages, and of what a message lists."""

from __future__ import annotations

import uuid

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import OPEN, RequestState
from portal.domain.people.bounces import TRIES_IN_VAIN
from portal.models import EndRequest, Mail, MailState, Proof, Provider, Subscription
from portal.queries import subscriptions

__all__ = ["MailState"]  # the web names it


def is_known(session: Session, key: str) -> bool:
    """Say whether there is a message of this key, sent or not."""
    return session.scalar(select(Mail.id).where(Mail.key == key)) is not None


def unsent_of(session: Session, request_id: uuid.UUID, kind: str) -> list[Mail]:
    """Return the messages of a kind about a request that wait, or that the mail server has put off."""
    return list(
        session.scalars(
            select(Mail).where(Mail.end_request_id == request_id, Mail.kind == kind, Mail.state == MailState.WAITING)
        )
    )


def inviting(session: Session, subscription_id: uuid.UUID) -> list[tuple[Mail, EndRequest, Proof]]:
    """Return the unsent messages that may invite back to the subscription: of its ends, with their proofs."""
    rows = session.execute(
        select(Mail, EndRequest, Proof)
        .join(EndRequest, EndRequest.id == Mail.end_request_id)
        .join(Proof, Proof.end_request_id == EndRequest.id)
        .where(
            EndRequest.subscription_id == subscription_id,
            Mail.kind == "end_confirmed",
            Mail.state == MailState.WAITING,
        )
    )
    return [(mail, request, proof) for mail, request, proof in rows]


def subscriptions_inviting(session: Session, merchant_id: uuid.UUID) -> list[Subscription]:
    """Return the merchant's subscriptions, whole, of which a confirmation that may invite back was not sent yet."""
    requests = session.scalars(
        select(EndRequest)
        .join(Mail, Mail.end_request_id == EndRequest.id)
        .where(Mail.merchant_id == merchant_id, Mail.kind == "end_confirmed", Mail.state == MailState.WAITING)
        .order_by(EndRequest.id)
    ).all()
    return list({one.subscription_id: subscriptions.of_request(session, one) for one in requests}.values())


def refused(session: Session, merchant_id: uuid.UUID, *, limit: int = 100) -> list[Mail]:
    """Return the merchant's messages that the mail server refused for good, newest first."""
    return list(
        session.scalars(
            select(Mail)
            .where(Mail.merchant_id == merchant_id, Mail.state == MailState.REFUSED)
            .order_by(Mail.created_at.desc(), Mail.id)
            .limit(limit)
        )
    )


def is_put_off() -> ColumnElement[bool]:
    """Say whether the mail server has put a message off again and again: nobody has been told by it."""
    return and_(Mail.state == MailState.WAITING, Mail.attempts >= TRIES_IN_VAIN)


def lock_undelivered(session: Session, merchant_id: uuid.UUID, mail_id: uuid.UUID, *, or_put_off: bool = False) -> Mail:
    """Return the merchant's message that was refused or came back, locked; raise NoResultFound for any other.

    `or_put_off`: or is put off again and again.
    """
    is_over = Mail.state.in_((MailState.REFUSED, MailState.RETURNED))
    return session.scalars(
        select(Mail)
        .where(
            Mail.id == mail_id,
            Mail.merchant_id == merchant_id,
            or_(is_over, is_put_off()) if or_put_off else is_over,
        )
        .with_for_update(key_share=True)
    ).one()


def lock_returned(session: Session, customer_id: uuid.UUID) -> list[Mail]:
    """Return what came back of the messages to a customer, locked, oldest first."""
    return list(
        session.scalars(
            select(Mail)
            .where(Mail.customer_id == customer_id, Mail.state == MailState.RETURNED)
            .order_by(Mail.created_at, Mail.id)
            .with_for_update(key_share=True)
        )
    )


def waiting_requests(
    session: Session, merchant_id: uuid.UUID, provider: Provider, *, limit: int
) -> tuple[list[EndRequest], int]:
    """Return the open requests that a broken key of that kind holds up, the next payment first, and how many there are.

    Those that wait for their own date (commitment) are not held up yet.
    """
    held_up = (
        EndRequest.merchant_id == merchant_id,
        EndRequest.subscription.has(Subscription.provider == provider),
        EndRequest.state.in_(OPEN),
        (EndRequest.state != RequestState.RECORDED) | EndRequest.due_at.is_(None),
    )
    count = session.scalar(select(func.count()).select_from(EndRequest).where(*held_up)) or 0
    rows = session.scalars(
        subscriptions.whole(select(EndRequest).join(EndRequest.subscription), EndRequest.subscription)
        .where(*held_up)
        .order_by(Subscription.next_payment_at.nulls_last(), EndRequest.created_at, EndRequest.id)
        .limit(limit)
    )
    return list(rows), count
