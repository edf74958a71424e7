"""One act on many subscriptions: what was chosen is frozen before anybody confirms, and each row has its own result."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.policies import Role
from portal.domain.subscriptions import Action
from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class BulkState(StrEnum):
    """Where an act stands."""

    PREPARING = "preparing"  # a worker gathers what was chosen
    UNFIT = "unfit"  # nothing was found, or more than one act may hold
    DRAFT = "draft"  # previewed, not confirmed: nothing happens
    RUNNING = "running"
    STOPPED = "stopped"  # by somebody: what was asked goes on, the rest waits
    DONE = "done"  # no row waits any more; its requests may still be under way
    DROPPED = "dropped"  # closed by somebody before its end


NOT_CONFIRMED: Final = (BulkState.PREPARING, BulkState.UNFIT, BulkState.DRAFT)
_EARLY = ", ".join(repr(state.value) for state in NOT_CONFIRMED)


class BulkRowState(StrEnum):
    """What the act did with one row. How an asked end went is in its request."""

    WAITING = "waiting"
    ASKED = "asked"
    LOCAL = "local"
    SKIPPED = "skipped"  # nothing done: `reason` says why


class Hold(StrEnum):
    """Why no row is given out just now; it goes on by itself."""

    NONE = ""
    CALM = "calm"  # PayPal said « too many » (429)
    KEY = "key"  # PayPal refuses the key
    SILENCE = "silence"  # too many of its ends wait for an answer
    TURN = "turn"  # an older act of the merchant goes first


class BulkAct(HasId, HasCreation, HasMerchant, Base):
    """One end for many subscriptions, asked by one person."""

    __tablename__ = "bulk_acts"
    __table_args__ = (
        Index("ix_bulk_acts_merchant_id_created_at", "merchant_id", "created_at", "id"),
        Index("ix_bulk_acts_running", "merchant_id", "confirmed_at", postgresql_where=text("state = 'running'")),
        CheckConstraint(f"(state IN ({_EARLY})) = (confirmed_at IS NULL)", name="confirmed_has_a_date"),
    )

    action: Mapped[Action] = mapped_column(words(Action, "action"))
    state: Mapped[BulkState] = mapped_column(words(BulkState, "state"), default=BulkState.DRAFT)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="RESTRICT"), index=True)
    staff_name: Mapped[str]
    role: Mapped[Role] = mapped_column(words(Role, "role"))  # of the person who confirmed, at that moment
    filters: Mapped[dict[str, Any]]  # what was chosen (bulk_choices.filter_of); empty: one by one
    provider_note: Mapped[str] = mapped_column(default="")  # 1-128 characters, the payer may read it at PayPal
    internal_note: Mapped[str] = mapped_column(default="")
    total: Mapped[int] = mapped_column(default=0)
    counts: Mapped[dict[str, Any] | None]  # what a worker counted for the preview; few rows are counted when shown
    turn: Mapped[int] = mapped_column(default=0)  # fences the planner: a job of an earlier turn does nothing
    held: Mapped[Hold] = mapped_column(words(Hold, "held"), default=Hold.NONE)
    paced_at: Mapped[datetime | None]  # the pace has been used up to this moment
    touched_at: Mapped[datetime]  # the planner's last look
    confirmed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class BulkRow(HasId, Base):
    """One subscription of an act. `given_at`: a worker has its job; empty while it waits for its turn."""

    __tablename__ = "bulk_rows"
    __table_args__ = (
        UniqueConstraint("bulk_act_id", "subscription_id", name="uq_bulk_rows_subscription"),
        UniqueConstraint("bulk_act_id", "position", name="uq_bulk_rows_position"),
        Index(
            "ix_bulk_rows_left",
            "bulk_act_id",
            "position",
            postgresql_where=text("state = 'waiting' AND given_at IS NULL"),
        ),
        Index(
            "ix_bulk_rows_given",
            "bulk_act_id",
            "given_at",
            postgresql_where=text("state = 'waiting' AND given_at IS NOT NULL"),
        ),
        CheckConstraint("state <> 'asked' OR end_request_id IS NOT NULL", name="asked_has_a_request"),
    )

    bulk_act_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bulk_acts.id", ondelete="CASCADE"))
    position: Mapped[int]  # from 1
    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"), index=True)
    state: Mapped[BulkRowState] = mapped_column(words(BulkRowState, "state"), default=BulkRowState.WAITING)
    reason: Mapped[str] = mapped_column(default="")  # one word that the page has a sentence for
    end_request_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("end_requests.id", ondelete="RESTRICT"), index=True
    )
    given_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
