"""Acts on many subscriptions: confirmed, stopped, resumed, closed.

What is acted upon was frozen in `bulk_choices`.  The rows are carried out in `bulk_running`, one by one, through the
same engine as every other end.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import update
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain import policies
from portal.domain.audit import Act, By
from portal.domain.ends.end_requests import Channel
from portal.domain.errors import DomainError
from portal.domain.policies import Actor, Role, Settings
from portal.domain.subscriptions import Action
from portal.models import BulkAct, BulkRow, BulkRowState, BulkState, Hold
from portal.queries.ends import bulk_acts
from portal.services.audit import audit
from portal.services.bulk import bulk_running
from portal.services.bulk.bulk_running import RowReason
from portal.services.context import Context

log = structlog.get_logger(__name__)


class NotNow(DomainError):
    """The act does not stand where the button was shown: somebody was quicker."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who acts: a member of the merchant's team."""

    merchant_id: uuid.UUID
    id: uuid.UUID
    name: str
    role: Role


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


def check(who: Person, action: Action) -> None:
    """Raise NotAllowed unless the person may end subscriptions so."""
    policies.check(Actor.STAFF, action, Settings(self_cancellation=False), role=who.role)


def _held(session: Session, who: Person, act_id: uuid.UUID, state: BulkState, *, otherwise: str) -> BulkAct:
    """Return the act, locked, if the person may do it and it stands in that state."""
    act = bulk_acts.lock(session, act_id)
    if act is None or act.merchant_id != who.merchant_id:
        raise NoResultFound
    check(who, act.action)
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
