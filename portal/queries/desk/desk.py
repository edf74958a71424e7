"""Every SELECT behind the desk's lists and records, scoped by merchant. What is searched is one page, and says when
there is more.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, exists, select, union
from sqlalchemy.orm import Session

from portal.domain.desk.customer_filters import EVERYBODY, CustomerFilter, CustomerSort
from portal.domain.desk.subscription_filters import ALL, Answer, Sort, SubscriptionFilter, World
from portal.domain.ends.end_requests import OPEN
from portal.models import (
    Customer,
    EndRequest,
    Mail,
    PayPalAccount,
    Product,
    Subscription,
    TimelineEntry,
)
from portal.models.names import reading_order
from portal.queries.aliases import joined, kept_alias
from portal.queries.desk import customer_filters, searches
from portal.queries.desk.keyset import BEGINNING, FULL, PAGE, Full, Place, Slice, is_lacking, keyset_page
from portal.queries.desk.subscription_filters import Whose, conditions, is_planned, without_email

MOST: Final = 100  # of anything that a record lists
PLANNED: Final = kept_alias(EndRequest, "planned")  # of a list that is sorted by the days of planned ends
SORTED_BY: Final[Mapping[str, Any]] = {
    Sort.CREATED: Subscription.created_at,
    Sort.CUSTOMER: reading_order(Customer.name),
    Sort.STARTED: Subscription.started_at,
    Sort.NEXT: Subscription.next_payment_at,
    Sort.ENDED: Subscription.ended_at,
    Sort.PLANNED: PLANNED.due_at,
    Sort.KNOWN: Customer.created_at,
}
OF_CUSTOMER: Final = frozenset({Sort.CUSTOMER, Sort.KNOWN})
NO_NAME: Final = ""
# What stands there in rows that lack it. PayPal names not everybody, and who is erased has no name any more.
EMPTY: Final[Mapping[str, str | None]] = {Sort.STARTED: None, Sort.NEXT: None, Sort.ENDED: None, Sort.CUSTOMER: NO_NAME}


def has_subscriptions_elsewhere(session: Session, merchant_id: uuid.UUID, environment: str) -> bool:
    """Say whether the merchant has subscriptions of another environment than this one."""
    here, ours = Subscription.environment, Subscription.merchant_id == merchant_id
    # Before it or after it: « not equal » would go through a million in the index.
    return any(session.scalar(select(exists().where(ours, way))) for way in (here < environment, here > environment))


def has_tests_beside_live(session: Session, merchant_id: uuid.UUID) -> bool:
    """Say whether the merchant's key opens the live world, and some of the subscriptions are tests of the sandbox."""
    is_live = exists().where(PayPalAccount.merchant_id == merchant_id, PayPalAccount.environment == World.LIVE)
    has_tests = exists().where(Subscription.merchant_id == merchant_id, Subscription.environment == World.SANDBOX)
    return bool(session.scalar(select(and_(is_live, has_tests))))


def subscriptions_page(
    session: Session,
    whose: Whose,
    wanted: SubscriptionFilter = ALL,
    *,
    place: Place = BEGINNING,
    size: int = PAGE,
) -> Slice:
    """Return one page of the merchant's subscriptions, each with the state of its open request."""
    statement = (
        select(
            Subscription.id,
            Subscription.status,
            Subscription.provider_id,
            Subscription.started_at,
            Subscription.next_payment_at,
            Subscription.ended_at,
            Subscription.amount,
            Subscription.currency,
            Subscription.interval_unit,
            Subscription.interval_count,
            Subscription.customer_id,
            Customer.name,
            Customer.email,
            Customer.erased_at,
            Product.name.label("product"),
            EndRequest.state.label("request_state"),
        )
        .join(Customer, Customer.id == Subscription.customer_id)
        .join(Product, Product.id == Subscription.product_id)
        .outerjoin(EndRequest, and_(EndRequest.subscription_id == Subscription.id, EndRequest.state.in_(OPEN)))
    )
    return subscriptions_paged(session, statement, whose, wanted, place=place, size=size)


def subscriptions_paged(
    session: Session,
    statement: Select[*tuple[Any, ...]],
    whose: Whose,
    wanted: SubscriptionFilter,
    *,
    place: Place,
    size: int,
) -> Slice:
    """Return one page of a statement that reads subscriptions with their customers, as the filter has it."""
    keys: tuple[Any, ...] = (SORTED_BY[wanted.sort.column], Subscription.id)
    if wanted.sort.column in OF_CUSTOMER:  # as their indexes have them: a common name is not read to its end
        keys = (keys[0], Customer.id, Subscription.id)
    descending, empty = wanted.sort.is_descending, EMPTY.get(wanted.sort.column, FULL)
    if wanted.sort.column == Sort.PLANNED:
        statement = statement.join(PLANNED, _is_planned(whose))
    if wanted.search:
        sought = searches.sought(session, wanted.search)
        found = searches.subscriptions(whose.merchant_id, sought, conditions(whose, wanted), most=size + 1)
        return _found(session, statement, keys, found, size=size, descending=descending, empty=empty)
    scope, among = _chosen(whose, wanted)
    return keyset_page(
        session,
        statement,
        keys,
        scope,
        place=place,
        size=size,
        descending=descending,
        empty=empty,
        among=among,
    )


def _chosen(whose: Whose, wanted: SubscriptionFilter) -> tuple[ColumnElement[bool], Select[uuid.UUID]]:
    """Return whose the list is, and the ids to choose a page from: from where the index of its order is.

    What that says already is not asked of each subscription again.
    """
    mine = Subscription.merchant_id == whose.merchant_id
    if wanted.sort.column in OF_CUSTOMER:
        is_theirs = Customer.id == Subscription.customer_id
        who = without_email(whose.merchant_id) if wanted.email else (Customer.merchant_id == whose.merchant_id,)
        others = conditions(whose, replace(wanted, email=None))
        return and_(mine, is_theirs), select(Subscription.id).join(Customer, is_theirs).where(*who, *others)
    if wanted.sort.column == Sort.PLANNED:
        waits, others = _is_planned(whose), conditions(whose, replace(wanted, planned=None))
        return and_(mine, waits), select(Subscription.id).join(PLANNED, waits).where(*others)
    return mine, select(Subscription.id).where(*conditions(whose, wanted))


def _is_planned(whose: Whose) -> ColumnElement[bool]:
    return and_(PLANNED.subscription_id == Subscription.id, *is_planned(whose, PLANNED))


def customers_page(
    session: Session,
    whose: Whose,
    wanted: CustomerFilter = EVERYBODY,
    *,
    place: Place = BEGINNING,
    size: int = PAGE,
) -> Slice:
    """Return one page of the merchant's customers."""
    statement: Select[*tuple[Any, ...]] = select(
        Customer.id, Customer.name, Customer.email, Customer.erased_at, Customer.created_at
    )
    return customers_paged(session, statement, whose, wanted, place=place, size=size)


def customers_paged(
    session: Session,
    statement: Select[*tuple[Any, ...]],
    whose: Whose,
    wanted: CustomerFilter,
    *,
    place: Place,
    size: int,
) -> Slice:
    """Return one page of a statement that reads customers, as the filter has it."""
    # Nobody who is erased has a name: they would be looked for behind a million who have one.
    is_by_name = wanted.sort.column == CustomerSort.NAME and wanted.erased is not Answer.YES
    keys = (reading_order(Customer.name) if is_by_name else Customer.created_at, Customer.id)
    empty = NO_NAME if is_by_name else FULL
    scope, descending = Customer.merchant_id == whose.merchant_id, wanted.sort.is_descending
    if wanted.search:
        found = customer_filters.found(session, whose, wanted, most=size + 1)
        return _found(session, statement, keys, found, size=size, descending=descending, empty=empty)
    narrowed = statement.where(*customer_filters.conditions(whose, wanted))
    return keyset_page(session, narrowed, keys, scope, place=place, size=size, descending=descending, empty=empty)


def requests_of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> list[EndRequest]:
    """Return the newest requests on any of the customer's subscriptions, those taken back too."""
    return list(
        session.scalars(
            joined(select(EndRequest).join(EndRequest.subscription), (EndRequest.subscription, Subscription.product))
            .where(EndRequest.merchant_id == merchant_id, Subscription.customer_id == customer_id)
            .order_by(EndRequest.created_at.desc(), EndRequest.id)
            .limit(MOST)
        )
    )


def mails_of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> list[Row[Any]]:
    """Return the newest messages to the customer, and about their requests, without what they say.

    Those that were written before messages said whose they are have their request alone.
    """
    columns = (
        *(Mail.id, Mail.kind, Mail.recipient, Mail.language, Mail.created_at, Mail.sent_at, Mail.state),
        *(Mail.report, Mail.report_code, Mail.reported_at, Mail.content.is_not(None).label("has_words")),
    )
    to_them = select(*columns).where(Mail.customer_id == customer_id, Mail.merchant_id == merchant_id)
    about_them = (
        select(*columns)
        .join(EndRequest, Mail.end_request_id == EndRequest.id)
        .join(Subscription, EndRequest.subscription_id == Subscription.id)
        .where(Mail.merchant_id == merchant_id, Subscription.customer_id == customer_id)
    )
    found = union(*(one.order_by(Mail.created_at.desc(), Mail.id).limit(MOST) for one in (to_them, about_them)))
    rows = found.subquery()
    return list(session.execute(select(rows).order_by(rows.c.created_at.desc(), rows.c.id).limit(MOST)))


def timeline_of_customer(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID
) -> list[tuple[TimelineEntry, str]]:
    """Return the newest facts of all the customer's subscriptions, each with the product's name."""
    rows = session.execute(
        select(TimelineEntry, Product.name)
        .join(Subscription, TimelineEntry.subscription_id == Subscription.id)
        .join(Product, Product.id == Subscription.product_id)
        .where(Subscription.merchant_id == merchant_id, Subscription.customer_id == customer_id)
        .order_by(TimelineEntry.at.desc(), TimelineEntry.id)
        .limit(MOST)
    )
    return [(entry, name) for entry, name in rows]


def _found(
    session: Session,
    statement: Select[*tuple[Any, ...]],
    keys: tuple[Any, ...],
    found: Select[*tuple[Any, ...]],
    *,
    size: int,
    descending: bool,
    empty: str | Full | None,
) -> Slice:
    """Read what a search finds, as one page in the list's order; there is one row more where it finds more."""
    order = [] if isinstance(empty, Full) else [is_lacking(keys[0], empty).asc()]
    order += [key.desc() if descending else key.asc() for key in keys]
    rows = session.execute(statement.where(keys[-1].in_(found)).order_by(*order)).all()
    return Slice(rows=rows[:size], is_cut=len(rows) > size)
