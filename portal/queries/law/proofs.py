"""Every SELECT of proofs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache

from sqlalchemy import Select, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import Basis, RequestState
from portal.models import EndRequest, Proof, ProofFile, Subscription
from portal.queries.ends.aging import BEFORE_THE_FIRST, Key
from portal.queries.ends.end_requests import is_named

PROVEN = (RequestState.CONFIRMED, RequestState.CLOSED)


def of_request(session: Session, request_id: uuid.UUID) -> Proof | None:
    """Return the proof of a request's end, None before the end or while it is still to be made."""
    return session.scalars(select(Proof).where(Proof.end_request_id == request_id)).one_or_none()


def of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, reference: str) -> Proof:
    """Return the proof of a request on a subscription of the customer; raise NoResultFound."""
    return session.scalars(
        select(Proof)
        .join(EndRequest, EndRequest.id == Proof.end_request_id)
        .join(Subscription, Subscription.id == EndRequest.subscription_id)
        .where(
            is_named(reference),
            EndRequest.merchant_id == merchant_id,
            Subscription.customer_id == customer_id,
        )
    ).one()


def of_merchant(session: Session, merchant_id: uuid.UUID, request_id: uuid.UUID) -> Proof:
    """Return the proof of one request of the merchant; raise NoResultFound for any other."""
    return session.scalars(
        select(Proof).where(Proof.end_request_id == request_id, Proof.merchant_id == merchant_id)
    ).one()


def proven_of_subscription(session: Session, subscription_id: uuid.UUID) -> frozenset[uuid.UUID]:
    """Return the ids of the subscription's requests that have a proof."""
    return frozenset(
        session.scalars(
            select(Proof.end_request_id)
            .join(EndRequest, EndRequest.id == Proof.end_request_id)
            .where(EndRequest.subscription_id == subscription_id)
        )
    )


def by_reference(session: Session, reference: str) -> Proof | None:
    """Return the proof with that reference, whoever's it is: for who holds its code."""
    return session.scalars(
        select(Proof).join(EndRequest, EndRequest.id == Proof.end_request_id).where(is_named(reference))
    ).one_or_none()


def files(session: Session, proof_id: uuid.UUID) -> Sequence[ProofFile]:
    """Return the files of the proof that left the portal, the first one first."""
    return session.scalars(
        select(ProofFile).where(ProofFile.proof_id == proof_id).order_by(ProofFile.issued_at, ProofFile.id)
    ).all()


def missing(session: Session, *, after: uuid.UUID | None, limit: int) -> Sequence[Key]:
    """Return confirmed requests without a proof, by id: those confirmed by a release that made none."""
    return session.execute(_missing(), {"after": after or BEFORE_THE_FIRST, "limit": limit}).all()


@cache
def _missing() -> Select[uuid.UUID, uuid.UUID, uuid.UUID]:
    return (
        select(EndRequest.id, EndRequest.merchant_id, EndRequest.subscription_id)
        .where(
            EndRequest.id > bindparam("after"),
            EndRequest.state.in_(PROVEN),
            or_(EndRequest.basis != Basis.LOCAL, EndRequest.basis.is_(None)),
            EndRequest.archived_at.is_(None),
            ~exists().where(Proof.end_request_id == EndRequest.id),
        )
        .order_by(EndRequest.id)
        .limit(bindparam("limit"))
    )
