"""What an act on many subscriptions is about: chosen by a person, frozen before anybody confirms.

Exactly what was previewed is acted upon, never what happens to match later.  A few are frozen while the person waits;
all that a search finds among a million, by a worker.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import structlog
from sqlalchemy import Select, delete, insert
from sqlalchemy.orm import Session

from portal import queue
from portal.domain.desk.subscription_filters import ALL, SubscriptionFilter
from portal.domain.ends.bulk_acts import MOST_ROWS
from portal.domain.errors import DomainError
from portal.domain.law.retention import OPERATOR, Stock
from portal.domain.subscriptions import Action
from portal.extensions import hurry
from portal.models import NOT_CONFIRMED, BulkAct, BulkRow, BulkState
from portal.queries.desk import subscription_filters
from portal.queries.desk.subscription_filters import Whose
from portal.queries.ends import bulk_acts as acts
from portal.queries.ends import bulk_choices
from portal.queries.people import merchants
from portal.services.bulk import bulk_previews
from portal.services.bulk.bulk_acts import Person, check
from portal.services.bulk.bulk_running import LOST
from portal.services.context import Context

log = structlog.get_logger(__name__)

KEEP_DRAFTS: Final = OPERATOR[Stock.DRAFTS]
AT_ONCE: Final = 100  # found and counted in a tenth of a second; beyond it a person would wait
PATIENCE: Final = "60000"  # milliseconds of one statement that nobody sits before


class Fault(StrEnum):
    """Why a choice cannot become an act."""

    NOTHING = "nothing"
    TOO_MANY = "too_many"


class BadChoice(DomainError):
    """Nothing was chosen, or more than one act may hold."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was chosen: these ids, or (None) everything that the filter finds; `names` of the products it speaks of."""

    ids: Sequence[uuid.UUID] | None = None
    filter: SubscriptionFilter = ALL
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def said(self) -> dict[str, Any]:
        """What the act keeps of it: the filter, nothing for rows that were ticked one by one."""
        if self.ids is not None:
            return {}
        query = [list(pair) for pair in self.filter.query() if pair[0] != "q"]
        return {"all": True, "query": query, "q": self.filter.search, "names": dict(self.names)}


def filter_of(said: Mapping[str, Any]) -> SubscriptionFilter:
    """Return the filter that an act keeps; those before migration 0067 knew a status, a product and words."""
    searched = ("q", said.get("q") or "")  # an erasure takes out what names the erased
    if "query" in said:
        return SubscriptionFilter.parse([searched, *((name, value) for name, value in said["query"])]).filter
    kept = (("state", said["status"]), ("product", said["product_id"]), searched)
    return SubscriptionFilter.parse((name, value) for name, value in kept if value).filter


def draft(ctx: Context, who: Person, action: Action, choice: Choice, *, now: datetime) -> uuid.UUID:
    """Freeze what was chosen, or have a worker do it, so that it can be previewed. Return the act's id.

    Nothing happens to any subscription yet.  Ids of another merchant are not found.  Raises BadChoice, NotAllowed;
    Slow where finding the first ones takes too long.
    """
    check(who, action)
    with ctx.db.begin() as session:
        hurry(session)
        act = BulkAct(
            id=uuid.uuid4(),
            merchant_id=who.merchant_id,
            action=action,
            state=BulkState.PREPARING,
            staff_id=who.id,
            staff_name=who.name,
            role=who.role,
            filters=choice.said,
            created_at=now,
            touched_at=now,
        )
        session.add(act)
        session.flush()
        ids = choice.ids if choice.ids is not None else _first(session, act, now=now)
        if choice.ids is None and len(ids) > AT_ONCE:
            queue.defer(session, queue.PREPARE_BULK_ACT, rank=queue.AWAITED, act_id=str(act.id))
        else:
            fault = _freeze(session, act, bulk_choices.among(who.merchant_id, ids))
            if fault is not None:
                raise BadChoice(fault)
    return act.id


def prepare(ctx: Context, act_id: uuid.UUID, *, now: datetime) -> None:
    """Freeze what the filters of an act find, and count what it would do; a second job of the same act does nothing."""
    with ctx.db.begin() as session:
        hurry(session, statement_timeout=PATIENCE)
        act = acts.lock(session, act_id)
        if act is None or act.state is not BulkState.PREPARING:
            return
        if _freeze(session, act, _found(session, act, most=MOST_ROWS + 1, now=now)) is not None:
            act.state = BulkState.UNFIT
            return
        act.counts = bulk_previews.written(bulk_previews.count(session, act, now=now))


def fault_of(act: BulkAct) -> Fault:
    """Return why a choice that a worker gathered cannot become an act."""
    return Fault.TOO_MANY if act.total else Fault.NOTHING


def sweep(ctx: Context, *, now: datetime) -> int:
    """Have those gathered whose job was lost; return how many."""
    with ctx.db.begin() as session:
        lost = acts.lost_preparations(session, before=now - LOST)
        for act in lost:
            act.touched_at = now
            queue.defer(session, queue.PREPARE_BULK_ACT, act_id=str(act.id))
    return len(lost)


def purge(ctx: Context, *, now: datetime) -> None:
    """Forget what nobody confirmed within a day."""
    with ctx.db.begin() as session:
        session.execute(delete(BulkAct).where(BulkAct.state.in_(NOT_CONFIRMED), BulkAct.created_at < now - KEEP_DRAFTS))


def _first(session: Session, act: BulkAct, *, now: datetime) -> Sequence[uuid.UUID]:
    return session.scalars(_found(session, act, most=AT_ONCE + 1, now=now)).all()


def _found(session: Session, act: BulkAct, *, most: int, now: datetime) -> Select[uuid.UUID]:
    zone = merchants.of(session, act.merchant_id).time_zone
    whose = Whose(merchant_id=act.merchant_id, time_zone=zone, now=now)
    return subscription_filters.matching(session, whose, filter_of(act.filters), most=most)


def _freeze(session: Session, act: BulkAct, chosen: Select[uuid.UUID]) -> Fault | None:
    """Store the rows of an act, which is a draft then; or say why it cannot be one."""
    act.total = bulk_choices.count(session, chosen)
    if not act.total:
        return Fault.NOTHING
    if act.total > MOST_ROWS:
        return Fault.TOO_MANY
    columns = ("id", "bulk_act_id", "position", "subscription_id", "state", "reason")
    rows = insert(BulkRow).from_select(columns, bulk_choices.rows_of(act.id, chosen), include_defaults=False)
    act.total = session.connection().execute(rows.execution_options(preserve_rowcount=True)).rowcount
    act.state = BulkState.DRAFT
    return None
