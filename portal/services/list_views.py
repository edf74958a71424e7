"""Views of the desk's lists are saved, renamed, shared and removed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.desk.list_filters import ListFilter
from portal.domain.desk.list_views import List, may_change, may_share, written
from portal.domain.errors import Denial, DomainError, NotAllowed
from portal.domain.policies import Role
from portal.models import ListView
from portal.queries.desk import list_views
from portal.services.audit import audit
from portal.services.context import Context


class TooManyViews(DomainError):
    """Somebody, or the team, has as many as they may."""


class ViewChanged(DomainError):
    """It keeps something else by now than its page had shown: `query`."""

    def __init__(self, query: list[list[str]]) -> None:
        super().__init__("the view has changed")
        self.query = query


@dataclass(frozen=True, kw_only=True)
class Saver:
    """Who saves, at whose desk."""

    merchant_id: uuid.UUID
    id: uuid.UUID
    role: Role | None
    by: By


def save(
    ctx: Context, who: Saver, which: List, wanted: ListFilter, *, name: str, shared: bool, now: datetime
) -> uuid.UUID:
    """Keep filters and order of a list under a name; return the view's id. Raises NotAllowed, TooManyViews.

    Saved twice, by a second press or from the way back, it is one view.
    """
    with ctx.db.begin() as session:
        if shared and not may_share(who.role):
            raise NotAllowed(Denial.ROLE_TOO_LOW)
        same = list_views.alike(session, who.merchant_id, who.id, which, name, written(wanted))
        if same is not None and same.is_shared == shared:
            return same.id
        if list_views.is_full(session, who.merchant_id, who.id, shared=shared):
            raise TooManyViews
        view = ListView(
            id=uuid.uuid4(),
            created_at=now,
            merchant_id=who.merchant_id,
            staff_id=who.id,
            of_list=which,
            name=name,
            query=written(wanted),
            is_shared=shared,
        )
        session.add(view)
        _note(session, who, Act.VIEW_SAVED, view, now=now, shared=shared, query=view.query)
        return view.id


def change(ctx: Context, who: Saver, view_id: uuid.UUID, *, name: str, shared: bool, now: datetime) -> None:
    """Rename a view, share it with the team or take it back. Raises NoResultFound, NotAllowed, TooManyViews."""
    with ctx.db.begin() as session:
        view = list_views.lock(session, who.merchant_id, who.id, view_id)
        _check(who, view)
        was_shared, is_renamed = view.is_shared, view.name != name
        if shared and not view.is_shared:
            if not may_share(who.role):
                raise NotAllowed(Denial.ROLE_TOO_LOW)
            if list_views.is_full(session, who.merchant_id, who.id, shared=True):
                raise TooManyViews
        if shared == was_shared and not is_renamed:
            return
        view.name, view.is_shared = name, shared
        changed = {"before": {"shared": was_shared}, "after": {"shared": shared}, "renamed": is_renamed}
        _note(session, who, Act.VIEW_CHANGED, view, now=now, **changed)


def narrow(
    ctx: Context, who: Saver, view_id: uuid.UUID, wanted: ListFilter, *, shown: list[list[str]], now: datetime
) -> None:
    """Let a view keep other filters and another order. Raises NoResultFound, NotAllowed, ViewChanged.

    `shown`: what it kept on the page where that was chosen.  What is there already is no change, whoever made it.
    """
    with ctx.db.begin() as session:
        view = list_views.lock(session, who.merchant_id, who.id, view_id)
        _check(who, view)
        before, after = view.query, written(wanted)
        if before == after:
            return
        if before != shown:
            raise ViewChanged(before)
        view.query = after
        _note(session, who, Act.VIEW_CHANGED, view, now=now, before={"query": before}, after={"query": after})


def remove(ctx: Context, who: Saver, view_id: uuid.UUID, *, now: datetime) -> None:
    """Forget a view. Raises NoResultFound, NotAllowed."""
    with ctx.db.begin() as session:
        view = list_views.lock(session, who.merchant_id, who.id, view_id)
        _check(who, view)
        session.delete(view)
        _note(session, who, Act.VIEW_REMOVED, view, now=now, shared=view.is_shared)


def _check(who: Saver, view: ListView) -> None:
    if not may_change(who.role, is_own=view.staff_id == who.id, is_shared=view.is_shared):
        raise NotAllowed(Denial.ROLE_TOO_LOW)


def _note(session: Session, who: Saver, act: Act, view: ListView, *, now: datetime, **details: Any) -> None:
    audit.append(session, who.merchant_id, act, by=who.by, at=now, subject=("list_view", view.id), **details)
