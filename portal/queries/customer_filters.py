"""From the filter of the list of customers to SQL."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session

from portal.domain.customer_filters import CustomerFilter
from portal.domain.subscription_filters import Answer
from portal.models import Customer, Subscription
from portal.queries import inbox, searches
from portal.queries.subscription_filters import MOST_COUNTED, Total, Whose, within, without_email


def matching(session: Session, whose: Whose, wanted: CustomerFilter, *, most: int) -> Select[uuid.UUID]:
    """Return the ids of the customers whom the filter finds, `most` at most, in no order."""
    statement = select(Customer.id).where(*conditions(whose, wanted))
    if wanted.search:
        statement = statement.where(Customer.id.in_(found(session, whose, wanted, most=most)))
    return statement.limit(most)


def found(session: Session, whose: Whose, wanted: CustomerFilter, *, most: int) -> Select[*tuple[Any, ...]]:
    """Return the ids of those whom the words find among those narrowed to."""
    sought = searches.sought(session, wanted.search)
    return searches.customers(whose.merchant_id, sought, conditions(whose, wanted), most=most)


def total(session: Session, whose: Whose, wanted: CustomerFilter, *, most: int = MOST_COUNTED) -> Total:
    """Count whom the filter finds, up to `most`."""
    rows = matching(session, whose, wanted, most=most + 1).subquery()
    number = session.execute(select(func.count()).select_from(rows)).scalar_one()
    return Total(most, is_more=True) if number > most else Total(number)


def conditions(whose: Whose, wanted: CustomerFilter) -> list[ColumnElement[bool]]:
    """Return what narrows to the merchant's customers whom the filter finds, apart from its search."""
    which = [Customer.merchant_id == whose.merchant_id, *within(Customer.created_at, wanted.known, whose.time_zone)]
    if wanted.email is not None:
        which += without_email(whose.merchant_id)
    if wanted.erased is not None:
        is_erased = wanted.erased is Answer.YES
        which.append(Customer.erased_at.is_not(None) if is_erased else Customer.erased_at.is_(None))
    if wanted.states or wanted.products:
        which.append(_has(wanted))
    if wanted.needs_you:
        which.append(Customer.id.in_(inbox.customers(whose.merchant_id, whose.now)))
    return which


def _has(wanted: CustomerFilter) -> ColumnElement[bool]:
    """Say that one subscription of the customer's is in one of the states and of one of the products."""
    which = [Subscription.customer_id == Customer.id, Subscription.merchant_id == Customer.merchant_id]
    if wanted.states:
        which.append(Subscription.status.in_(wanted.states))
    if wanted.products:
        which.append(Subscription.product_id.in_(wanted.products))
    return exists().where(*which).correlate(Customer)
