"""Every SELECT of saved views, scoped to a merchant and to who may see them."""

from __future__ import annotations

import uuid

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from portal.domain.desk.list_views import MOST_VIEWS, List
from portal.models import ListView
from portal.models.names import reading_order

__all__ = ["ListView", "alike", "find", "is_full", "lock", "of_list", "one"]


def of_list(session: Session, merchant_id: uuid.UUID, staff_id: uuid.UUID, which: List) -> list[ListView]:
    """Return one's own views of a list and the team's, by name."""
    return list(
        session.scalars(
            select(ListView)
            .where(*_seen(merchant_id, staff_id), ListView.of_list == which)
            .order_by(reading_order(ListView.name), ListView.id)
            .limit(2 * MOST_VIEWS)
        )
    )


def one(session: Session, merchant_id: uuid.UUID, staff_id: uuid.UUID, view_id: uuid.UUID) -> ListView:
    """Return a view that somebody sees; raise NoResultFound for any other."""
    return session.scalars(_visible(merchant_id, staff_id, view_id)).one()


def find(session: Session, merchant_id: uuid.UUID, staff_id: uuid.UUID, view_id: uuid.UUID) -> ListView | None:
    """Return a view that somebody sees; None for any other, and for one that is gone."""
    return session.scalars(_visible(merchant_id, staff_id, view_id)).one_or_none()


def lock(session: Session, merchant_id: uuid.UUID, staff_id: uuid.UUID, view_id: uuid.UUID) -> ListView:
    """Return a view that somebody sees, locked; raise NoResultFound for any other."""
    return session.scalars(_visible(merchant_id, staff_id, view_id).with_for_update(key_share=True)).one()


def alike(
    session: Session, merchant_id: uuid.UUID, staff_id: uuid.UUID, which: List, name: str, query: list[list[str]]
) -> ListView | None:
    """Return somebody's own view that has that name and finds that; None where there is none."""
    mine = ListView.merchant_id == merchant_id, ListView.staff_id == staff_id, ListView.of_list == which
    named = select(ListView).where(*mine, ListView.name == name, ListView.query == query)
    return session.scalars(named.order_by(ListView.id).limit(1)).one_or_none()


def is_full(session: Session, merchant_id: uuid.UUID, staff_id: uuid.UUID, *, shared: bool) -> bool:
    """Say whether somebody, or the team, has as many views as they may."""
    whose = ListView.is_shared if shared else ListView.staff_id == staff_id
    number = select(func.count()).select_from(ListView).where(ListView.merchant_id == merchant_id, whose)
    return (session.scalar(number) or 0) >= MOST_VIEWS


def _visible(merchant_id: uuid.UUID, staff_id: uuid.UUID, view_id: uuid.UUID) -> Select[ListView]:
    return select(ListView).where(ListView.id == view_id, *_seen(merchant_id, staff_id))


def _seen(merchant_id: uuid.UUID, staff_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return ListView.merchant_id == merchant_id, or_(ListView.staff_id == staff_id, ListView.is_shared)
