"""Links that open one task of one customer: their hashes, and what became of each (domain.task_links)."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.integrations import task_links
from portal.domain.integrations.task_links import After, Door, TaskKind
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words
from portal.models.merchants.merchants import HTTPS


class TaskLink(HasId, HasCreation, HasMerchant, Base):
    """One link. Its address holds a token; only the token's hash is here."""

    __tablename__ = "task_links"
    __table_args__ = (
        Index(None, "customer_id", "created_at"),
        Index("ix_task_links_expires_at", "expires_at"),
        CheckConstraint(f"return_to {HTTPS}", name="return_is_https"),
        CheckConstraint("kind <> 'none' OR vouched_by <> ''", name="whole_is_vouched"),
        Index("ix_task_links_vouched", "merchant_id", "created_at", postgresql_where=text("vouched_by <> ''")),
        CheckConstraint("used_at IS NOT NULL OR (proven_at IS NULL AND done_at IS NULL)", name="begun_before_done"),
    )

    token_hash: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[TaskKind] = mapped_column(words(TaskKind, "kind"))
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    subscription_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("subscriptions.id", ondelete="CASCADE"), index=True
    )
    return_to: Mapped[str] = mapped_column(default="")  # checked against the merchant's list when made and when shown
    made_by: Mapped[str] = mapped_column(default="")  # a member of the team, by name; empty: it went with a mail
    vouched_by: Mapped[str] = mapped_column(default="")  # the key of the server that made it: a portal session
    locale: Mapped[str | None]  # in which a portal session speaks; None: as any page
    after: Mapped[After] = mapped_column(words(After, "after"), default=After.STAY)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]  # a browser has begun the task
    proven_at: Mapped[datetime | None]  # and typed the code that was sent to the address on file
    done_at: Mapped[datetime | None]  # and finished it: only the result is still shown
    withdrawn_at: Mapped[datetime | None]

    def door(self, now: datetime) -> Door:
        """Return what it leads to now."""
        return task_links.door(
            expires_at=self.expires_at, used_at=self.used_at, withdrawn_at=self.withdrawn_at, now=now
        )
