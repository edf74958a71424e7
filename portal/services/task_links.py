"""Make links that open one task, and forget old ones. What they open is `services/people/task_visits.py`."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, update
from sqlalchemy.orm import Session

from portal.domain.integrations.task_links import MAILED, After, TaskKind
from portal.models import Customer, Merchant, Subscription, TaskLink
from portal.secrets import new_token, token_hash
from portal.services.batches import delete_all
from portal.services.context import Context


@dataclass(frozen=True, kw_only=True)
class Made:
    """A link that was just made. `path` holds its token, and is known nowhere else."""

    id: uuid.UUID
    path: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Vouched:
    """What only a portal session has. `by`: the name of the key with which the merchant's server asked for it."""

    by: str
    locale: str | None = None
    after: After = After.STAY


def make(
    session: Session,
    merchant: Merchant,
    customer: Customer,
    kind: TaskKind,
    *,
    subscription: Subscription | None = None,
    return_to: str = "",
    made_by: str = "",
    vouched: Vouched | None = None,
    lasts: timedelta = MAILED,
    now: datetime,
) -> Made:
    """Make a link in the caller's transaction. `made_by`: a member of the team, by name; empty: it goes with a mail.

    `vouched`: it is a portal session.
    """
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
        vouched_by=vouched.by if vouched is not None else "",
        locale=vouched.locale if vouched is not None else None,
        after=vouched.after if vouched is not None else After.STAY,
        expires_at=now + lasts,
    )
    session.add(link)
    session.flush()
    kind_of_link = "task" if vouched is None else "session"
    return Made(id=link.id, path=f"/account/{merchant.slug}/{kind_of_link}/{token}", expires_at=link.expires_at)


def withdraw_unopened(session: Session, merchant_id: uuid.UUID, ids: Collection[uuid.UUID], *, now: datetime) -> None:
    """Let those of the merchant's links open nothing any more that nobody has opened, in the caller's transaction."""
    if ids:
        session.execute(
            update(TaskLink)
            .where(TaskLink.merchant_id == merchant_id, TaskLink.id.in_(ids))
            .where(TaskLink.used_at.is_(None), TaskLink.withdrawn_at.is_(None))
            .values(withdrawn_at=now)
        )


def purge(ctx: Context, *, before: datetime, unopened_before: datetime) -> int:
    """Delete links that ran out before `before`, with the sessions that they opened; return how many.

    Portal sessions that nobody has opened go once they ran out before `unopened_before`.
    """
    was_never_opened = and_(
        TaskLink.vouched_by != "", TaskLink.used_at.is_(None), TaskLink.expires_at < unopened_before
    )
    return delete_all(ctx.db, TaskLink, TaskLink.expires_at < before) + delete_all(ctx.db, TaskLink, was_never_opened)
