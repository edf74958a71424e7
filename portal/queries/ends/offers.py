"""Whom the merchant's offer may still be shown, and what was answered."""

from __future__ import annotations

import uuid

from sqlalchemy import ColumnElement, and_, func, not_, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.domain.law.offers import OfferAnswer
from portal.domain.subscriptions import ENDED
from portal.models import Customer, OfferAnswered, Subscription
from portal.queries.ends.comebacks import has_abandoned


def may_be_offered(session: Session, customer_id: uuid.UUID) -> bool:
    """Say whether they may see an offer: they answered none, abandoned nothing, and may be contacted."""
    answered = select(OfferAnswered.id).where(OfferAnswered.customer_id == customer_id)
    return not session.scalar(select(or_(answered.exists(), _is_left_alone(customer_id))))


def stands_taken(session: Session, customer_id: uuid.UUID, subscription_id: uuid.UUID) -> bool:
    """Say whether they took the offer beside that one, and nothing since says to leave them alone."""
    taken = select(OfferAnswered.id).where(
        OfferAnswered.customer_id == customer_id,
        OfferAnswered.subscription_id == subscription_id,
        OfferAnswered.answer == OfferAnswer.ACCEPTED,
    )
    return bool(session.scalar(select(and_(taken.exists(), not_(_is_left_alone(customer_id))))))


def _is_left_alone(customer_id: uuid.UUID) -> ColumnElement[bool]:
    closed = select(Customer.id).where(Customer.id == customer_id, Customer.contact_allowed.is_(False))
    return or_(has_abandoned(customer_id), closed.exists())


def keep(session: Session, values: dict[str, object]) -> bool:
    """Keep an answer, unless there is one; say whether it is new."""
    statement = insert(OfferAnswered).values(**values).on_conflict_do_nothing(index_elements=["subscription_id"])
    return session.scalar(statement.returning(OfferAnswered.id)) is not None


def counts(session: Session, merchant_id: uuid.UUID) -> dict[OfferAnswer, int]:
    """Count a merchant's answers of each kind."""
    rows = session.execute(
        select(OfferAnswered.answer, func.count().label("number"))
        .where(OfferAnswered.merchant_id == merchant_id)
        .group_by(OfferAnswered.answer)
    )
    return {row.answer: row.number for row in rows}


def taken_and_ended(session: Session, merchant_id: uuid.UUID) -> int:
    """Count those who took an offer, and whose subscription has ended all the same."""
    return session.scalars(
        select(func.count())
        .select_from(OfferAnswered)
        .join(Subscription, Subscription.id == OfferAnswered.subscription_id)
        .where(
            OfferAnswered.merchant_id == merchant_id,
            OfferAnswered.answer == OfferAnswer.ACCEPTED,
            Subscription.status.in_(ENDED),
        )
    ).one()
