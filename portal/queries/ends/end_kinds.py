"""Every SELECT behind the kinds of ends that an older release left open."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import RequestState
from portal.domain.policies import Actor
from portal.models import EndRequest, Subscription


def without_kind(session: Session, *, limit: int) -> Sequence[Subscription]:
    """Return so many that have ended and are of no kind, locked; those that somebody works on are left for later."""
    which = Subscription.ended_at.is_not(None), Subscription.ended_by.is_(None)
    rows = select(Subscription).where(*which).order_by(Subscription.id).limit(limit)
    return session.scalars(rows.with_for_update(key_share=True, skip_locked=True)).all()


def first_done(session: Session, subscription_id: uuid.UUID) -> EndRequest | None:
    """Return the first request that was carried out; what the portal ended again is none."""
    done = EndRequest.state.in_((RequestState.CONFIRMED, RequestState.CLOSED)), EndRequest.actor != Actor.SYSTEM
    return session.scalars(
        select(EndRequest)
        .where(EndRequest.subscription_id == subscription_id, *done)
        .order_by(EndRequest.confirmed_at, EndRequest.id)
        .limit(1)
    ).first()
