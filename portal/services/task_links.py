"""Make links that open one task, and forget old ones. What they open is `services/people/task_visits.py`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.domain.task_links import MAILED, TaskKind
from portal.models import Customer, Merchant, Subscription, TaskLink
from portal.secrets import new_token, token_hash
from portal.services.context import Context


@dataclass(frozen=True, kw_only=True)
class Made:
    """A link that was just made. `path` holds its token, and is known nowhere else."""

    id: uuid.UUID
    path: str
    expires_at: datetime


def make(
    session: Session,
    merchant: Merchant,
    customer: Customer,
    kind: TaskKind,
    *,
    subscription: Subscription | None = None,
    return_to: str = "",
    made_by: str = "",
    lasts: timedelta = MAILED,
    now: datetime,
) -> Made:
    """Make a link in the caller's transaction. `made_by`: a member of the team, by name; empty: it goes with a mail."""
    token = new_token()
    link = TaskLink(
        id=uuid.uuid4(),
        created_at=now,
        merchant_id=merchant.id,
        customer_id=customer.id,
        subscription_id=subscription.id if subscription is not None else None,
        token_hash=token_hash(token),
        kind=kind,
        return_to=return_to,
        made_by=made_by,
        expires_at=now + lasts,
    )
    session.add(link)
    session.flush()
    return Made(id=link.id, path=f"/account/{merchant.slug}/task/{token}", expires_at=link.expires_at)


def purge(ctx: Context, *, before: datetime) -> int:
    """Delete links that ran out before `before`, with the sessions that they opened; return how many."""
    with ctx.db.begin() as session:
        return session.connection().execute(delete(TaskLink).where(TaskLink.expires_at < before)).rowcount
