"""Every SELECT of what a comparison found to differ."""

from __future__ import annotations

import uuid

from sqlalchemy import and_, exists, select
from sqlalchemy.orm import Session

from portal.models import ComparisonDifference, ComparisonRun, Customer, Product, Subscription
from portal.queries.desk.keyset import BEGINNING, PAGE, Place, Slice, keyset_page


def differences_page(session: Session, run: ComparisonRun, *, place: Place = BEGINNING, size: int = PAGE) -> Slice:
    """Return one page of a run's differences in the order they were found, each with whose subscription it is."""
    found = ComparisonDifference
    scope = and_(found.run_id == run.id, found.merchant_id == run.merchant_id)
    statement = (
        select(
            *(found.id, found.at, found.subscription_id, found.provider_id),
            *(found.before, found.after, found.corrected, found.error),
            Customer.name,
            Customer.email,
            Customer.erased_at,
            Product.name.label("product"),
        )
        .outerjoin(Subscription, Subscription.id == found.subscription_id)
        .outerjoin(Customer, Customer.id == Subscription.customer_id)
        .outerjoin(Product, Product.id == Subscription.product_id)
        .where(scope)
    )
    return keyset_page(session, statement, (found.at, found.id), scope, place=place, size=size, descending=False)


def lock_difference(session: Session, merchant_id: uuid.UUID, difference_id: uuid.UUID) -> ComparisonDifference:
    """Return one difference of the merchant, locked; raise NoResultFound for any other."""
    return session.scalars(
        select(ComparisonDifference)
        .where(ComparisonDifference.id == difference_id, ComparisonDifference.merchant_id == merchant_id)
        .with_for_update(key_share=True)
    ).one()


def has_difference(session: Session, run_id: uuid.UUID, provider_id: str) -> bool:
    """Say whether the run already lists that subscription (one that was interrupted goes over some again)."""
    found = ComparisonDifference
    return bool(session.scalar(select(exists().where(found.run_id == run_id, found.provider_id == provider_id))))
