"""What staff have read in the inbox, and need not read again."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import select

from portal.models import ComparisonDifference, Mail, MailState
from portal.services.context import Context


def see_difference(
    ctx: Context, merchant_id: uuid.UUID, difference_id: uuid.UUID, *, by: str, now: datetime
) -> uuid.UUID | None:
    """Remember who has read it; return the subscription's id, if it is known. Raises NoResultFound."""
    with ctx.db.begin() as session:
        row = session.scalars(
            select(ComparisonDifference)
            .where(ComparisonDifference.id == difference_id, ComparisonDifference.merchant_id == merchant_id)
            .with_for_update(key_share=True)
        ).one()
        if row.seen_at is None:
            row.seen_at, row.seen_by = now, by
        return row.subscription_id


def see_mail(ctx: Context, merchant_id: uuid.UUID, mail_id: uuid.UUID, *, by: str, now: datetime) -> None:
    """Remember who has read that a message was refused. Raises NoResultFound for any other message."""
    with ctx.db.begin() as session:
        row = session.scalars(
            select(Mail)
            .where(Mail.id == mail_id, Mail.merchant_id == merchant_id, Mail.state == MailState.REFUSED)
            .with_for_update(key_share=True)
        ).one()
        if row.seen_at is None:
            row.seen_at, row.seen_by = now, by
