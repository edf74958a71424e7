"""Acts on many subscriptions: chosen and frozen, previewed, confirmed, stopped, resumed, closed.

Exactly what was previewed is acted upon, never what happens to match later.  The rows are carried out
in `bulk_running`, one by one, through the same engine as every other end.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import structlog
from sqlalchemy import Select, delete, insert, update
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain import policies
from portal.domain.audit import Act, By
from portal.domain.bulk_acts import MOST_ROWS
from portal.domain.end_requests import Channel
from portal.domain.errors import DomainError
from portal.domain.policies import Actor, Role, Settings
from portal.domain.subscriptions import Action, Status
from portal.extensions import hurry
from portal.models import BulkAct, BulkRow, BulkRowState, BulkState, Hold
from portal.queries import bulk_acts, bulk_choices
from portal.services.audit import audit
from portal.services.bulk import bulk_running
from portal.services.bulk.bulk_running import RowReason
from portal.services.context import Context

log = structlog.get_logger(__name__)

KEEP_DRAFTS: Final = timedelta(days=1)


class Fault(StrEnum):
    """Why a choice cannot become an act."""

    NOTHING = "nothing"
    TOO_MANY = "too_many"


class BadChoice(DomainError):
    """Nothing was chosen, or more than one act may hold."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class NotNow(DomainError):
    """The act does not stand where the button was shown: somebody was quicker."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who acts: a member of the merchant's team."""

    merchant_id: uuid.UUID
    id: uuid.UUID
    name: str
    role: Role


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was chosen: these ids, or (None) everything that the filters find. `said` is kept for the record."""

    ids: Sequence[uuid.UUID] | None = None
    status: Status | None = None
    product_id: uuid.UUID | None = None
    search: str = ""
    said: dict[str, Any] = field(default_factory=dict)


def draft(ctx: Context, who: Person, action: Action, choice: Choice, *, now: datetime) -> uuid.UUID:
    """Freeze what was chosen, so that it can be previewed; nothing happens to it yet. Return the act's id.

    Ids of another merchant are not found.  Raises BadChoice, NotAllowed; Slow where finding all takes too long.
    """
    _check(who, action)
    act_id = uuid.uuid4()
    with ctx.db.begin() as session:
        hurry(session)
        session.add(
            BulkAct(
                id=act_id,
                merchant_id=who.merchant_id,
                action=action,
                staff_id=who.id,
                staff_name=who.name,
                role=who.role,
                filters=choice.said,
                created_at=now,
                touched_at=now,
            )
        )
        session.flush()
        columns = ("id", "bulk_act_id", "position", "subscription_id", "state", "reason")
        rows = bulk_choices.rows_of(act_id, _chosen(session, who.merchant_id, choice))
        stored = session.connection().execute(
            insert(BulkRow).from_select(columns, rows, include_defaults=False).execution_options(preserve_rowcount=True)
        )
        if not 0 < stored.rowcount <= MOST_ROWS:
            raise BadChoice(Fault.TOO_MANY if stored.rowcount else Fault.NOTHING)
        session.execute(update(BulkAct).where(BulkAct.id == act_id).values(total=stored.rowcount))
    return act_id


def confirm(
    ctx: Context, who: Person, act_id: uuid.UUID, *, provider_note: str, internal_note: str, now: datetime
) -> None:
    """Let a draft run: the intent and its job in one transaction. Raises NoResultFound, NotNow, NotAllowed."""
    with ctx.db.begin() as session:
        act = _held(session, who, act_id, BulkState.DRAFT, otherwise="it was confirmed already")
        act.staff_id, act.staff_name, act.role = who.id, who.name, who.role
        act.provider_note, act.internal_note = provider_note, internal_note
        act.confirmed_at = now
        _go(session, act, now=now)
        _tell(session, act, Act.BULK_CONFIRMED, who, now=now)
        log.info("bulk_act_confirmed", act_id=str(act_id), rows=act.total)


def stop(ctx: Context, who: Person, act_id: uuid.UUID, *, now: datetime) -> None:
    """Give out no further row; what was asked goes on and is not undone. Raises NoResultFound, NotNow, NotAllowed."""
    with ctx.db.begin() as session:
        act = _held(session, who, act_id, BulkState.RUNNING, otherwise="it does not run")
        act.state, act.held, act.touched_at = BulkState.STOPPED, Hold.NONE, now
        _tell(session, act, Act.BULK_STOPPED, who, now=now)


def resume(ctx: Context, who: Person, act_id: uuid.UUID, *, now: datetime) -> None:
    """Go on with the rows that nobody asked yet. Raises NoResultFound, NotNow, NotAllowed."""
    with ctx.db.begin() as session:
        act = _held(session, who, act_id, BulkState.STOPPED, otherwise="it is not stopped")
        session.execute(_rest(act_id).values(given_at=None))
        _go(session, act, now=now)
        _tell(session, act, Act.BULK_RESUMED, who, now=now)


def drop(ctx: Context, who: Person, act_id: uuid.UUID, *, now: datetime) -> None:
    """Close a stopped act for good: the rest stays as it is, and says so. Raises NoResultFound, NotNow, NotAllowed."""
    with ctx.db.begin() as session:
        act = _held(session, who, act_id, BulkState.STOPPED, otherwise="it is not stopped")
        session.execute(_rest(act_id).values(state=BulkRowState.SKIPPED, reason=RowReason.DROPPED.value, done_at=now))
        act.state, act.finished_at, act.touched_at = BulkState.DROPPED, now, now
        _tell(session, act, Act.BULK_DROPPED, who, now=now)


def note_export(ctx: Context, who: Person, act_id: uuid.UUID, *, now: datetime) -> None:
    """Say in the audit chain that somebody takes the results away. Raises NoResultFound."""
    with ctx.db.begin() as session:
        _tell(session, bulk_acts.of_merchant(session, who.merchant_id, act_id), Act.EXPORT_BULK, who, now=now)


def purge(ctx: Context, *, now: datetime) -> None:
    """Forget the drafts that nobody confirmed within a day."""
    with ctx.db.begin() as session:
        old = delete(BulkAct).where(BulkAct.state == BulkState.DRAFT, BulkAct.created_at < now - KEEP_DRAFTS)
        session.execute(old)


def _chosen(session: Session, merchant_id: uuid.UUID, choice: Choice) -> Select[uuid.UUID]:
    if choice.ids is not None:
        return bulk_choices.among(merchant_id, choice.ids)
    return bulk_choices.matching(
        session,
        merchant_id,
        status=choice.status,
        product_id=choice.product_id,
        search=choice.search,
        most=MOST_ROWS + 1,
    )


def _check(who: Person, action: Action) -> None:
    policies.check(Actor.STAFF, action, Settings(self_cancellation=False), role=who.role)


def _held(session: Session, who: Person, act_id: uuid.UUID, state: BulkState, *, otherwise: str) -> BulkAct:
    """Return the act, locked, if the person may do it and it stands in that state."""
    act = bulk_acts.lock(session, act_id)
    if act is None or act.merchant_id != who.merchant_id:
        raise NoResultFound
    _check(who, act.action)
    if act.state is not state:
        raise NotNow(otherwise)
    return act


def _tell(session: Session, act: BulkAct, done: Act, who: Person, *, now: datetime) -> None:
    by, about = By(actor=Actor.STAFF, actor_id=who.id, channel=Channel.STAFF), ("bulk_act", act.id)
    audit.append(session, act.merchant_id, done, by=by, at=now, subject=about, action=act.action.value, rows=act.total)


def _rest(act_id: uuid.UUID) -> Any:
    return update(BulkRow).where(BulkRow.bulk_act_id == act_id, BulkRow.state == BulkRowState.WAITING)


def _go(session: Session, act: BulkAct, *, now: datetime) -> None:
    act.state, act.held = BulkState.RUNNING, Hold.NONE
    bulk_running.plan_next(session, act, at=now, now=now)
