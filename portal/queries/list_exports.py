"""What an export reads of the desk's lists: the rows that the list shows, page by page, with all that a file tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from portal.domain.customer_filters import CustomerFilter
from portal.domain.list_filters import ListFilter
from portal.domain.subscription_filters import SubscriptionFilter
from portal.models import Customer, Plan, Product, Subscription
from portal.queries import desk
from portal.queries.keyset import BEGINNING, Place, Slice
from portal.queries.subscription_filters import Whose

BATCH: Final = 1000


def pages(session: Session, whose: Whose, wanted: ListFilter, *, most: int) -> Iterator[Sequence[Row[Any]]]:
    """Yield the rows in the list's order, `most` of them at most and one page more than that.

    A search is one page, as it is on the screen.
    """
    place, count = BEGINNING, 0
    size = most + 1 if wanted.search else BATCH
    while True:
        page = _page(session, whose, wanted, place, size)
        if page.rows:
            yield page.rows
        count += len(page.rows)
        if page.next_id is None or count > most:
            return
        place = Place(after=page.next_id)


def _page(session: Session, whose: Whose, wanted: ListFilter, place: Place, size: int) -> Slice:
    if isinstance(wanted, SubscriptionFilter):
        return desk.subscriptions_paged(session, _subscriptions(), whose, wanted, place=place, size=size)
    assert isinstance(wanted, CustomerFilter)  # noqa: S101 - there are two lists
    return desk.customers_paged(session, _customers(), whose, wanted, place=place, size=size)


def _subscriptions() -> Select[*tuple[Any, ...]]:
    """Return the columns in the order of the file."""
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
        )
        .join(Customer, Customer.id == Subscription.customer_id)
        .join(Product, Product.id == Subscription.product_id)
        .outerjoin(Plan, Plan.id == Subscription.plan_id)
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
