"""Requests to pause or resume a subscription: append-only rows with their own states, beside the requests to end it."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.pauses import OPEN, PauseKind, PauseRefusal, PauseState, move
from portal.domain.policies import Actor
from portal.models.base import Base, IsCarried, words
from portal.models.ends.held_requests import HasPauseFacts
from portal.models.subscriptions import Subscription


class PauseRequest(HasPauseFacts, IsCarried, Base):
    """Somebody asked to pause or to resume. A resume on a day of its own waits in *recorded* until `due_at`."""

    __tablename__ = "pause_requests"
    open_states = OPEN
    __table_args__ = (
        Index(
            "uq_pause_requests_open",
            "subscription_id",
            "kind",
            unique=True,
            postgresql_where=text(f"state IN ({', '.join(repr(state.value) for state in sorted(OPEN))})"),
        ),
        CheckConstraint("(state = 'refused') = (refused_for IS NOT NULL)", name="refused_has_a_reason"),
        CheckConstraint("state <> 'done' OR done_at IS NOT NULL", name="done_has_a_date"),
        CheckConstraint("kind = 'pause' OR resume_at IS NULL", name="only_a_pause_has_an_end"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"), index=True)
    kind: Mapped[PauseKind] = mapped_column(words(PauseKind, "kind"))
    state: Mapped[PauseState] = mapped_column(words(PauseState, "state"), default=PauseState.RECORDED)
    actor: Mapped[Actor] = mapped_column(words(Actor, "actor"))
    actor_id: Mapped[uuid.UUID | None]
    actor_name: Mapped[str] = mapped_column(default="")
    channel: Mapped[Channel] = mapped_column(words(Channel, "channel"))
    provider_note: Mapped[str] = mapped_column(default="")  # 1-128 characters, the payer may read it at PayPal
    due_at: Mapped[datetime | None]  # empty: at once
    resume_at: Mapped[datetime | None]  # of a pause: when it ends; empty: until somebody resumes

    accepted_at: Mapped[datetime | None]  # the last 204
    reminded_at: Mapped[datetime | None]  # of a resume: the mail of the day before
    done_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    refused_for: Mapped[PauseRefusal | None] = mapped_column(words(PauseRefusal, "refused_for"))
    withdrawn_at: Mapped[datetime | None]
    # The request to end that took its place: if that one is taken back, a planned resume comes back with it.
    ended_by_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("end_requests.id", ondelete="RESTRICT"), index=True
    )

    subscription: Mapped[Subscription] = relationship(lazy="raise")

    @property
    def by(self) -> By:
        """Who asked here, and through which door."""
        return By(actor=self.actor, actor_id=self.actor_id, channel=self.channel, name=self.actor_name)

    def move(self, to: PauseState) -> None:
        """Change the state along the table; raise IllegalMove otherwise."""
        self.state = move(self.state, to)
