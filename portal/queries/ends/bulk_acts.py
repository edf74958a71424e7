"""Every SELECT of acts on many subscriptions: what was chosen, what comes next, and what became of each row."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Date,
    Interval,
    Row,
    Text,
    and_,
    cast,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from portal import queue
from portal.domain.ends.end_requests import OPEN, Channel, RequestState, Trouble
from portal.domain.ends.received_requests import ReceivedState
from portal.models import (
    NOT_CONFIRMED,
    BulkAct,
    BulkRow,
    BulkRowState,
    BulkState,
    Customer,
    EndRequest,
    Grant,
    Merchant,
    PayPalAccount,
    Plan,
    ReceivedRequest,
    Subscription,
)
from portal.queries.desk.keyset import PAGE, Place, Slice, keyset_page
from portal.queries.ends.comebacks import has_abandoned

JOBS: Final = table("procrastinate_jobs", column("task_name"), column("status"), column("args", JSONB))
WORKERS: Final = table("procrastinate_workers", column("last_heartbeat"))
UNANSWERED: Final = (Trouble.UNAVAILABLE, Trouble.RATE_LIMITED)


# Acts


def of_merchant(session: Session, merchant_id: uuid.UUID, act_id: uuid.UUID) -> BulkAct:
    """Return one act of the merchant; raise NoResultFound for any other."""
    return session.scalars(select(BulkAct).where(BulkAct.id == act_id, BulkAct.merchant_id == merchant_id)).one()


def lock(session: Session, act_id: uuid.UUID) -> BulkAct | None:
    """Return an act, locked until the transaction ends; None when it was a draft that is gone."""
    statement = select(BulkAct).where(BulkAct.id == act_id).with_for_update(key_share=True)
    return session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def newest(session: Session, merchant_id: uuid.UUID, *, place: Place) -> Slice:
    """Return one page of the merchant's acts, newest first; drafts that nobody confirmed are left out."""
    statement = select(
        BulkAct.id, BulkAct.action, BulkAct.state, BulkAct.staff_name, BulkAct.total, BulkAct.confirmed_at
    ).where(BulkAct.merchant_id == merchant_id, BulkAct.state.not_in(NOT_CONFIRMED))
    keys = (BulkAct.created_at, BulkAct.id)
    scope = BulkAct.merchant_id == merchant_id
    return keyset_page(session, statement, keys, scope, place=place, size=PAGE, descending=True)


def lost_preparations(session: Session, *, before: datetime) -> Sequence[BulkAct]:
    """Return, locked, the acts that nobody has gathered the rows of since then."""
    statement = select(BulkAct).where(BulkAct.state == BulkState.PREPARING, BulkAct.touched_at < before)
    return session.scalars(statement.with_for_update(key_share=True, skip_locked=True)).all()


# Preview


def facts(session: Session, act_id: uuid.UUID, *, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return the next rows of an act with what an end depends on, by position: columns, no objects."""
    columns: tuple[Any, ...] = (
        BulkRow.position,
        Subscription.id,
        Subscription.customer_id,
        Subscription.product_id,
        Subscription.status,
        Subscription.started_at,
        Subscription.paid_until,
        Subscription.past_due_since,
        Subscription.ended_at,
        Subscription.committed_until,
        Subscription.relaunch_allowed,
        Subscription.promised,
        Customer.email,
        Customer.erased_at,
        Customer.contact_allowed,
        Plan.kind,
        has_abandoned(Subscription.customer_id).label("has_abandoned"),
        EndRequest.state.label("request_state"),
        EndRequest.due_at,
        _notified().label("notified"),
        _wished_later().label("wished_later"),
    )
    statement = (
        select(*columns)
        .select_from(BulkRow)
        .join(Subscription, Subscription.id == BulkRow.subscription_id)
        .join(Customer, Customer.id == Subscription.customer_id)
        .outerjoin(Plan, Plan.id == Subscription.plan_id)
        .outerjoin(EndRequest, _is_open())
        .where(BulkRow.bulk_act_id == act_id, BulkRow.position > after)
    )
    return session.execute(statement.order_by(BulkRow.position).limit(limit)).all()


def grants_by_holder(
    session: Session, merchant_id: uuid.UUID, customers: Sequence[uuid.UUID]
) -> dict[tuple[uuid.UUID, uuid.UUID], list[Grant]]:
    """Return what these customers were given by hand, by customer and product."""
    held: dict[tuple[uuid.UUID, uuid.UUID], list[Grant]] = {}
    statement = select(Grant).where(Grant.merchant_id == merchant_id, Grant.customer_id.in_(customers))
    for grant in session.scalars(statement.order_by(Grant.since, Grant.id)):
        held.setdefault((grant.customer_id, grant.product_id), []).append(grant)
    return held


def _notified() -> ColumnElement[bool]:
    """Whether its customer has asked for the end by another way, and waits: also for what staff have planned."""
    waits = exists().where(
        ReceivedRequest.subscription_id == Subscription.id, ReceivedRequest.state == ReceivedState.OPEN
    )
    return or_(waits, _planned_for_them())


def _planned_for_them() -> ColumnElement[bool]:
    """Whether the open end answers its customer: asked for before it, or meanwhile."""
    matched = exists().where(
        ReceivedRequest.end_request_id == EndRequest.id, ReceivedRequest.state == ReceivedState.MATCHED
    )
    return or_(EndRequest.notified_at.is_not(None), matched)


def _wished_later() -> ColumnElement[bool]:
    """Whether that customer named a day that has not come where the merchant is."""
    zone = (
        select(Merchant.time_zone)
        .where(Merchant.id == Subscription.merchant_id)
        .correlate(Subscription)
        .scalar_subquery()
    )
    today = cast(func.timezone(zone, func.now()), Date)
    waits = exists().where(
        ReceivedRequest.subscription_id == Subscription.id,
        ReceivedRequest.state == ReceivedState.OPEN,
        ReceivedRequest.wished_on > today,
    )
    return or_(waits, and_(_planned_for_them(), EndRequest.wished_on > today))


# Running


def row_to_run(session: Session, row_id: uuid.UUID) -> Row[Any] | None:
    """Return a row with its act, and where its subscription stands; None when there is no such row."""
    columns: tuple[Any, ...] = (
        BulkRow,
        BulkAct,
        Subscription.status,
        EndRequest.id.label("request_id"),
        EndRequest.state.label("request_state"),
        EndRequest.due_at,
        _notified().label("notified"),
        _wished_later().label("wished_later"),
    )
    statement = (
        select(*columns)
        .join(BulkAct, BulkAct.id == BulkRow.bulk_act_id)
        .join(Subscription, Subscription.id == BulkRow.subscription_id)
        .outerjoin(EndRequest, _is_open())
        .where(BulkRow.id == row_id)
    )
    return session.execute(statement).one_or_none()


def lock_row(session: Session, row_id: uuid.UUID) -> BulkRow:
    """Return a row, locked until the transaction ends. Its subscription is locked before it, or not at all."""
    statement = select(BulkRow).where(BulkRow.id == row_id).with_for_update(key_share=True)
    return session.scalars(statement.execution_options(populate_existing=True)).one()


def left(session: Session, act_id: uuid.UUID, *, limit: int) -> list[BulkRow]:
    """Return the next rows that no worker has, in order."""
    statement = select(BulkRow).where(BulkRow.bulk_act_id == act_id, *_waiting(given=False))
    return list(session.scalars(statement.order_by(BulkRow.position).limit(limit)))


def at_once(session: Session, act_id: uuid.UUID, *, dead_after: timedelta) -> Row[int, int, int]:
    """Count what decides how many rows may be given out: the act's rows that workers have and that have no outcome yet
    (`given`), the acts of all merchants that go on (`running`), and the worker processes of every machine that gave a
    sign of life (`workers`).
    """
    alive = WORKERS.c.last_heartbeat > func.now() - cast(literal(dead_after), Interval)
    counts = (
        (
            "given",
            select(func.count()).select_from(BulkRow).where(BulkRow.bulk_act_id == act_id, *_waiting(given=True)),
        ),
        ("running", select(func.count()).select_from(BulkAct).where(BulkAct.state == BulkState.RUNNING)),
        ("workers", select(func.count()).select_from(WORKERS).where(alive)),
    )
    return session.execute(select(*(count.scalar_subquery().label(name) for name, count in counts))).one()


def has_waiting(session: Session, act_id: uuid.UUID) -> bool:
    """Say whether rows of the act have no outcome yet, with a worker or not."""
    waits = BulkRow.bulk_act_id == act_id, BulkRow.state == BulkRowState.WAITING
    return bool(session.scalar(select(exists().where(*waits))))


def waiting_rows(session: Session, merchant_id: uuid.UUID) -> int:
    """Count the rows without an outcome of the merchant's acts that run, whatever holds them."""
    runs = BulkAct.merchant_id == merchant_id, BulkAct.state == BulkState.RUNNING
    rows = select(func.count()).select_from(BulkRow).join(BulkAct, BulkAct.id == BulkRow.bulk_act_id)
    return session.execute(rows.where(*runs, BulkRow.state == BulkRowState.WAITING)).scalar_one()


def has_elder(session: Session, act: BulkAct) -> bool:
    """Say whether an act of the merchant that was confirmed before goes on: they go one after the other."""
    statement = exists().where(
        BulkAct.merchant_id == act.merchant_id,
        BulkAct.state == BulkState.RUNNING,
        BulkAct.id != act.id,
        BulkAct.confirmed_at < act.confirmed_at,
    )
    return bool(session.scalar(select(statement)))


def next_key(session: Session, act: BulkAct) -> Row[Any] | None:
    """Return how the key stands that the next row needs: `calm_until` and `broken_since`; None without a key."""
    provider = (
        select(Subscription.provider)
        .join(BulkRow, BulkRow.subscription_id == Subscription.id)
        .where(BulkRow.bulk_act_id == act.id, *_waiting(given=False))
        .order_by(BulkRow.position)
        .limit(1)
        .scalar_subquery()
    )
    columns: tuple[Any, ...] = (PayPalAccount.calm_until, PayPalAccount.broken_since)
    return session.execute(
        select(*columns).where(PayPalAccount.merchant_id == act.merchant_id, PayPalAccount.provider == provider)
    ).one_or_none()


def unanswered(session: Session, merchant_id: uuid.UUID, *, since: datetime, most: int) -> int:
    """Count the merchant's ends asked in bulk that PayPal did not answer since then, up to `most`."""
    found = (
        select(EndRequest.id)
        .where(
            EndRequest.merchant_id == merchant_id,
            EndRequest.state.in_((RequestState.RETRYING, RequestState.NEEDS_MERCHANT)),
            EndRequest.channel == Channel.BULK,
            EndRequest.trouble.in_(UNANSWERED),
            EndRequest.claimed_at > since,
        )
        .limit(most)
    )
    return session.execute(select(func.count()).select_from(found.subquery())).scalar_one()


def forgotten(session: Session, *, before: datetime) -> list[uuid.UUID]:
    """Return the acts that go on without a planner's look since then."""
    unseen = BulkAct.state == BulkState.RUNNING, BulkAct.touched_at < before
    return list(session.scalars(select(BulkAct.id).where(*unseen)))


def lost_rows(session: Session, *, before: datetime, limit: int) -> list[BulkRow]:
    """Return the rows given to a worker before then whose job is gone, locked."""
    job = exists().where(
        JOBS.c.task_name == queue.RUN_BULK_ROW,
        cast(JOBS.c.status, Text).in_(("todo", "doing")),
        JOBS.c.args["row_id"].astext == cast(BulkRow.id, Text),
    )
    statement = select(BulkRow).where(BulkRow.given_at < before, *_waiting(given=True), ~job)
    return list(session.scalars(statement.limit(limit).with_for_update(key_share=True, skip_locked=True)))


def _is_open() -> ColumnElement[bool]:
    return and_(EndRequest.subscription_id == Subscription.id, EndRequest.state.in_(OPEN))


def _waiting(*, given: bool) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    has_job = BulkRow.given_at.is_not(None) if given else BulkRow.given_at.is_(None)
    return BulkRow.state == BulkRowState.WAITING, has_job
