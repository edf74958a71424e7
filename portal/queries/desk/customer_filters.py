"""From the filter of the list of customers to SQL."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import Session

from portal.domain.desk.customer_filters import CustomerFilter
from portal.domain.desk.subscription_filters import Answer
from portal.domain.subscriptions import Status
from portal.models import Customer, Subscription
from portal.queries import inbox
from portal.queries.desk import searches
from portal.queries.desk.subscription_filters import MOST_COUNTED, Total, Whose, counted, within, without_email


def matching(session: Session, whose: Whose, wanted: CustomerFilter, *, most: int | None) -> Select[uuid.UUID]:
    """Return the ids of the customers whom the filter finds, `most` at most, in no order."""
    if wanted.states and not wanted.search and len(wanted.narrowing()) == 1:
        return _holders(whose, wanted.states[0]).limit(most)
    statement = select(Customer.id).where(*conditions(whose, wanted))
    if wanted.search:
        statement = statement.where(Customer.id.in_(found(session, whose, wanted, most=most or MOST_COUNTED)))
    return statement.limit(most)


def _holders(whose: Whose, state: Status) -> Select[uuid.UUID]:
    """Return the ids of those who have a subscription of one state, as its index has them: nobody is looked up."""
    theirs = Subscription.merchant_id == whose.merchant_id, Subscription.status == state
    return select(Subscription.customer_id).where(*theirs).distinct()


def found(session: Session, whose: Whose, wanted: CustomerFilter, *, most: int) -> Select[*tuple[Any, ...]]:
    """Return the ids of those whom the words find among those narrowed to."""
    sought = searches.sought(session, wanted.search)
    narrowed = conditions(whose, wanted) if wanted.narrowing() else []
    return searches.customers(whose.merchant_id, sought, narrowed, most=most)


def total(session: Session, whose: Whose, wanted: CustomerFilter, *, most: int | None = MOST_COUNTED) -> Total:
    """Count whom the filter finds, up to `most`; None counts them all."""
    return counted(session, lambda limit: matching(session, whose, wanted, most=limit), most=most)


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
