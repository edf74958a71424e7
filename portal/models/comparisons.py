"""Comparisons with PayPal: where a run stands, and what it found different."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, HasCreation, HasId, HasMerchant, words


class ComparisonTrigger(StrEnum):
    """Why a run was started."""

    NIGHTLY = "nightly"
    PAYMENT_DUE = "payment_due"  # before the next payments of some subscriptions
    MANUAL = "manual"


class ComparisonState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    STOPPED = "stopped"  # PayPal did not answer, asked to wait, or the run was interrupted: it resumes
    DONE = "done"


class ComparisonPhase(StrEnum):
    """What a run is at: first PayPal's list of what changed, then single reads of what is due."""

    LIST = "list"
    READS = "reads"


class ComparisonRun(HasId, HasCreation, HasMerchant, Base):
    """One comparison; at most one unfinished run per merchant. Interrupted, it goes on where it stood."""

    __tablename__ = "comparison_runs"
    __table_args__ = (
        Index("uq_comparison_runs_unfinished", "merchant_id", unique=True, postgresql_where=text("state <> 'done'")),
        Index("ix_comparison_runs_merchant_id_created_at", "merchant_id", "created_at"),
        Index("ix_comparison_runs_created_at", "created_at"),
    )

    environment: Mapped[str]
    trigger: Mapped[ComparisonTrigger] = mapped_column(words(ComparisonTrigger, "trigger"))
    dry_run: Mapped[bool] = mapped_column(default=False)  # differences are listed, nothing is written
    everything: Mapped[bool] = mapped_column(default=False)  # read every live one, due or not
    state: Mapped[ComparisonState] = mapped_column(words(ComparisonState, "state"), default=ComparisonState.RUNNING)
    phase: Mapped[ComparisonPhase] = mapped_column(words(ComparisonPhase, "phase"), default=ComparisonPhase.LIST)
    changed_since: Mapped[datetime | None]  # what the list is asked for; empty: all of it
    next_page: Mapped[int] = mapped_column(default=1)
    after_id: Mapped[uuid.UUID | None]  # the last subscription read in the second phase
    calls: Mapped[int] = mapped_column(default=0)
    compared: Mapped[int] = mapped_column(default=0)
    differed: Mapped[int] = mapped_column(default=0)
    corrected: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)  # subscriptions that PayPal has and we did not
    failed: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(default="")
    wait_until: Mapped[datetime | None]
    touched_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ComparisonDifference(HasId, HasMerchant, Base):
    """One subscription that stood otherwise at PayPal than here, and what was done about it."""

    __tablename__ = "comparison_differences"
    __table_args__ = (
        Index("ix_comparison_differences_run_id_at", "run_id", "at", "id"),
        # Ends that were found at PayPal, until somebody has read of them.
        Index(
            "ix_comparison_differences_ends",
            "merchant_id",
            "at",
            postgresql_where=text(
                "corrected AND seen_at IS NULL AND after ->> 'status' IN ('completed', 'cancelled', 'abandoned')"
            ),
        ),
    )

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("comparison_runs.id", ondelete="CASCADE"))
    subscription_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("subscriptions.id", ondelete="CASCADE"), index=True
    )
    provider_id: Mapped[str]
    at: Mapped[datetime]
    before: Mapped[dict[str, Any]]  # fact → value as it stood here
    after: Mapped[dict[str, Any]]  # fact → value as it stands at PayPal
    corrected: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str] = mapped_column(default="")
    seen_at: Mapped[datetime | None]  # somebody has read it in the inbox
    seen_by: Mapped[str] = mapped_column(default="")
