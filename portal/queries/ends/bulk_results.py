"""What became of the rows of an act on many subscriptions, as each row's request says now."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, case, func, select
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import Basis, RequestState
from portal.models import (
    NOT_CONFIRMED,
    BulkRow,
    BulkRowState,
    BulkState,
    Customer,
    EndRequest,
    Hold,
    Product,
    Subscription,
)

__all__ = [  # the web names the states
    "NOT_CONFIRMED",
    "BulkState",
    "Hold",
    "Result",
    "RowPage",
    "reasons",
    "results",
    "rows_page",
]

PAGE: Final = 100


class Result(StrEnum):
    """What became of a row, as its request says now."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    NEVER_STARTED = "never_started"  # nothing was sent to PayPal, so nothing is confirmed there
    UNDER_WAY = "under_way"
    NEEDS_MERCHANT = "needs_merchant"
    LOCAL = "local"
    SKIPPED = "skipped"
    TAKEN_BACK = "taken_back"


RESULT: Final = case(
    (BulkRow.state == BulkRowState.WAITING, Result.WAITING.value),
    (BulkRow.state == BulkRowState.LOCAL, Result.LOCAL.value),
    (BulkRow.state == BulkRowState.SKIPPED, Result.SKIPPED.value),
    (EndRequest.basis == Basis.NEVER_STARTED, Result.NEVER_STARTED.value),
    (EndRequest.state.in_((RequestState.CONFIRMED, RequestState.CLOSED)), Result.CONFIRMED.value),
    (EndRequest.state == RequestState.NEEDS_MERCHANT, Result.NEEDS_MERCHANT.value),
    (EndRequest.state == RequestState.WITHDRAWN, Result.TAKEN_BACK.value),
    else_=Result.UNDER_WAY.value,
)


@dataclass(frozen=True, kw_only=True)
class RowPage:
    """Some rows of an act. `next_position` and `previous_position` are where to go on from, None at an end."""

    rows: Sequence[Row[Any]]
    next_position: int | None
    previous_position: int | None


def results(session: Session, act_id: uuid.UUID) -> dict[Result, int]:
    """Count the rows by what became of them."""
    statement = select(RESULT, func.count()).select_from(BulkRow).outerjoin(EndRequest, _own_request())
    rows = session.execute(statement.where(BulkRow.bulk_act_id == act_id).group_by(RESULT))
    return {Result(code): number for code, number in rows}


def reasons(session: Session, act_id: uuid.UUID) -> dict[str, int]:
    """Count the rows that were left as they are, by reason."""
    statement = select(BulkRow.reason, func.count().label("number")).where(
        BulkRow.bulk_act_id == act_id, BulkRow.state == BulkRowState.SKIPPED
    )
    return {row.reason: row.number for row in session.execute(statement.group_by(BulkRow.reason))}


def rows_page(
    session: Session,
    act_id: uuid.UUID,
    *,
    result: Result | None = None,
    after: int | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> RowPage:
    """Return the rows after or before a position, in order, of one result or of all."""
    statement = _results_of(act_id)
    if result is not None:
        statement = statement.where(RESULT.in_((result.value,)))
    backwards = before is not None and after is None
    if backwards:
        statement = statement.where(BulkRow.position < (before or 0)).order_by(BulkRow.position.desc())
    else:
        statement = statement.where(BulkRow.position > (after or 0)).order_by(BulkRow.position)
    found = session.execute(statement.limit(limit + 1)).all()
    more, rows = len(found) > limit, found[:limit]
    if backwards:
        rows = rows[::-1]
    return RowPage(
        rows=rows,
        next_position=rows[-1].position if rows and (more or backwards) else None,
        previous_position=rows[0].position if rows and (more if backwards else bool(after)) else None,
    )


def _results_of(act_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    columns: tuple[Any, ...] = (
        BulkRow.position,
        BulkRow.subscription_id,
        BulkRow.reason,
        RESULT.label("result"),
        BulkRow.done_at,
        EndRequest.reference,
        EndRequest.trouble,
        EndRequest.confirmed_at,
        EndRequest.outcome,
        Subscription.provider_id,
        Subscription.status,
        Customer.name,
        Customer.email,
        Customer.erased_at,
        Product.name.label("product"),
    )
    return (
        select(*columns)
        .select_from(BulkRow)
        .join(Subscription, Subscription.id == BulkRow.subscription_id)
        .join(Customer, Customer.id == Subscription.customer_id)
        .join(Product, Product.id == Subscription.product_id)
        .outerjoin(EndRequest, _own_request())
        .where(BulkRow.bulk_act_id == act_id)
    )


def _own_request() -> ColumnElement[bool]:
    return EndRequest.id == BulkRow.end_request_id
