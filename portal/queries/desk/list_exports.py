"""What an export reads of the desk's lists: the rows that the list shows, page by page, with all that a file tells."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, case, func, select, true
from sqlalchemy.orm import Session

from portal.domain.desk.customer_filters import CustomerFilter
from portal.domain.desk.list_exports import KEPT, FileState, Format
from portal.domain.desk.list_filters import ListFilter
from portal.domain.desk.subscription_filters import SubscriptionFilter
from portal.domain.ends.end_requests import OPEN, RequestState
from portal.models import Customer, EndRequest, ListExport, ListExportPart, Plan, Product, Subscription
from portal.queries.desk import customer_filters, desk, subscription_filters
from portal.queries.desk.keyset import BEGINNING, Place, Slice
from portal.queries.desk.subscription_filters import Whose

__all__ = ["FileState", "Format", "ListExport"]  # the web names these

BATCH: Final = 1000


def pages(
    session: Session, whose: Whose, wanted: ListFilter, *, most: int | None = None
) -> Iterator[Sequence[Row[Any]]]:
    """Yield the rows in the list's order: all, or `most` of them and one page more than that.

    A search is one page, as it is on the screen.
    """
    place, count = BEGINNING, 0
    size = most + 1 if wanted.search and most is not None else BATCH
    while True:
        page = _page(session, whose, wanted, place, size)
        if page.rows:
            yield page.rows
        count += len(page.rows)
        if page.next_id is None or (most is not None and count > most):
            return
        place = Place(after=page.next_id)


def total(session: Session, whose: Whose, wanted: ListFilter) -> int:
    """Count them all, however many: for a worker, which has the time."""
    if isinstance(wanted, SubscriptionFilter):
        return subscription_filters.total(session, whose, wanted, most=None).number
    assert isinstance(wanted, CustomerFilter)  # noqa: S101 - there are two lists
    return customer_filters.total(session, whose, wanted, most=None).number


def one(
    session: Session, merchant_id: uuid.UUID, staff_id: uuid.UUID, export_id: uuid.UUID, *, now: datetime
) -> ListExport:
    """Return somebody's own file; raise NoResultFound for any other, and for one that is over."""
    return session.scalars(_own(merchant_id, staff_id, export_id, now)).one()


def find(
    session: Session, merchant_id: uuid.UUID, staff_id: uuid.UUID, export_id: uuid.UUID, *, now: datetime
) -> ListExport | None:
    """Return somebody's own file; None for any other, and for one that is over, whether or not it is deleted yet."""
    return session.scalars(_own(merchant_id, staff_id, export_id, now)).one_or_none()


def _own(merchant_id: uuid.UUID, staff_id: uuid.UUID, export_id: uuid.UUID, now: datetime) -> Select[ListExport]:
    mine = ListExport.merchant_id == merchant_id, ListExport.staff_id == staff_id
    return select(ListExport).where(ListExport.id == export_id, *mine, is_over(now=now).is_not(True))


def is_over(*, now: datetime) -> ColumnElement[bool]:
    """Whether a file was ready, or given up, for as long as it is kept; of one that is being made, unknown."""
    return func.coalesce(ListExport.ready_at, ListExport.failed_at) < now - KEPT


def lock(session: Session, export_id: uuid.UUID) -> ListExport | None:
    """Return one, locked; None when it is gone by now."""
    which = select(ListExport).where(ListExport.id == export_id)
    return session.scalars(which.with_for_update(key_share=True)).one_or_none()


def under_way(session: Session, merchant_id: uuid.UUID) -> Sequence[ListExport]:
    """Return what is being made for the merchant."""
    mine = ListExport.merchant_id == merchant_id
    return session.scalars(select(ListExport).where(mine, *_is_made()).order_by(ListExport.created_at)).all()


def lost(session: Session, *, before: datetime) -> Sequence[ListExport]:
    """Return those that nobody has worked on since then, locked."""
    which = select(ListExport).where(*_is_made(), ListExport.touched_at < before)
    return session.scalars(which.with_for_update(key_share=True, skip_locked=True)).all()


def _is_made() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return ListExport.state == FileState.RUNNING, ListExport.failed_at.is_(None)


def part(session: Session, export_id: uuid.UUID, number: int) -> ListExportPart | None:
    """Return a stretch of a file as it is stored; None beyond the last."""
    which = ListExportPart.export_id == export_id, ListExportPart.number == number
    return session.scalar(select(ListExportPart).where(*which))


def _page(session: Session, whose: Whose, wanted: ListFilter, place: Place, size: int) -> Slice:
    if isinstance(wanted, SubscriptionFilter):
        return desk.subscriptions_paged(session, _subscriptions(), whose, wanted, place=place, size=size)
    assert isinstance(wanted, CustomerFilter)  # noqa: S101 - there are two lists
    return desk.customers_paged(session, _customers(), whose, wanted, place=place, size=size)


def _subscriptions() -> Select[*tuple[Any, ...]]:
    """Return the columns in the order of the file: a new one is the last, whoever reads them by number."""
    asked = (
        select(EndRequest.reason_code, EndRequest.reason_text, EndRequest.state, EndRequest.due_at)
        .where(EndRequest.subscription_id == Subscription.id, EndRequest.state != RequestState.WITHDRAWN)
        .order_by(EndRequest.created_at.desc(), EndRequest.id)
        .limit(1)
        .lateral("asked")
    )
    return (
        select(
            Subscription.id,
            Subscription.provider_id.label("paypal_id"),
            Subscription.provider.label("key"),
            Subscription.environment,
            Subscription.status,
            Subscription.provider_status.label("paypal_status"),
            Subscription.customer_id,
            Customer.external_id.label("customer_external_id"),
            Customer.name.label("customer_name"),
            Customer.email.label("customer_email"),
            Subscription.product_id,
            Product.name.label("product"),
            Subscription.plan_id,
            Plan.name.label("plan"),
            Subscription.amount,
            Subscription.currency,
            Subscription.interval_unit,
            Subscription.interval_count,
            Subscription.failed_payments,
            Subscription.created_at,
            Subscription.started_at,
            Subscription.next_payment_at,
            Subscription.paid_until,
            Subscription.access_until,
            Subscription.end_requested_at,
            Subscription.ended_at,
            Subscription.ended_by,
            Subscription.reference,
            Subscription.extra,
            asked.c.reason_code.label("reason"),
            asked.c.reason_text,
            case((asked.c.state.in_(OPEN), asked.c.due_at)).label("planned_end"),
        )
        .join(Customer, Customer.id == Subscription.customer_id)
        .join(Product, Product.id == Subscription.product_id)
        .outerjoin(Plan, Plan.id == Subscription.plan_id)
        .outerjoin(asked, true())
    )


def _customers() -> Select[*tuple[Any, ...]]:
    """Return the columns in the order of the file."""
    return select(
        Customer.id,
        Customer.external_id,
        Customer.name,
        Customer.email,
        Customer.locale.label("language"),
        Customer.contact_allowed,
        Customer.created_at,
        Customer.erased_at,
    )


def columns(wanted: type[ListFilter]) -> tuple[str, ...]:
    """Return the names of a file's columns."""
    statement = _subscriptions() if issubclass(wanted, SubscriptionFilter) else _customers()
    return tuple(column.name for column in statement.selected_columns)
