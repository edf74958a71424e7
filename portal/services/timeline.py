"""Write one fact into a subscription's timeline: reported twice, it stands there once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.domain.end_requests import Channel
from portal.domain.policies import Actor
from portal.models import Subscription, TimelineEntry, TimelineKind


def note(
    session: Session,
    subscription: Subscription,
    kind: TimelineKind,
    *,
    key: str,
    at: datetime,
    actor: Actor = Actor.SYSTEM,
    actor_name: str = "",
    channel: Channel | None = None,
    **details: Any,
) -> None:
    """Add the fact unless the same kind and key already stand there. `details` must fit in JSON."""
    session.flush()
    session.execute(
        insert(TimelineEntry)
        .values(
            merchant_id=subscription.merchant_id,
            subscription_id=subscription.id,
            at=at,
            kind=kind,
            key=key,
            actor=actor,
            actor_name=actor_name,
            channel=channel,
            details=details,
        )
        .on_conflict_do_nothing(constraint="uq_timeline_entries_fact")
    )
